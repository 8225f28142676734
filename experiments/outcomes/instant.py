"""The moment up to which the data are known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from attribution.core.durations import microseconds
from attribution.core.errors import InputError

__all__ = ["as_of_microseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_of_microseconds(as_of: object, zone_name: str | None) -> int:
    """Microseconds since 1970 (UTC) of the end of the known data.

    A date stands for the end of that day in the given time zone, UTC without one.

    Args:
        as_of: A date, an aware datetime, or either as ISO 8601 text. A naive datetime needs `zone_name`.
        zone_name: IANA name of the time zone of the tables.

    Raises:
        InputError: For anything else.
    """
    value = _parsed(as_of)
    zone = _zone(zone_name)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            if zone_name is None:
                raise InputError(
                    f"as_of={as_of!r} carries no time zone. Give an aware datetime, a date, or "
                    "columns=Columns(timezone=...)."
                )
            value = value.replace(tzinfo=zone)
        return microseconds(value - _EPOCH)
    following = value + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=zone)
    return microseconds(midnight - _EPOCH)


def _parsed(as_of: object) -> date | datetime:
    if isinstance(as_of, np.datetime64):
        as_of = as_of.astype("datetime64[us]").item() if as_of.dtype != "datetime64[D]" else as_of.item()
    if isinstance(as_of, (date, datetime)) and as_of == as_of:  # noqa: PLR0124 - pandas' NaT is a datetime, and not itself
        return as_of
    if isinstance(as_of, str):
        text = as_of.strip()
        try:
            return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        except ValueError:
            pass
    raise InputError(
        "as_of must be a date, an aware datetime or ISO 8601 text (the moment up to which the data are complete), "
        f"got {as_of!r}. "
        'Write for example as_of="2026-12-31".'
    )


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {name!r}.') from None
