"""The window of a campaign: two moments as people write them, in microseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attribution.core.errors import InputError
from attribution.costs.prices import ALWAYS, FOREVER

__all__ = ["Moment", "window_of"]

Moment = str | date | datetime
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_of(window: tuple[Moment, Moment] | None, timezone: str | None) -> tuple[int, int]:
    """Both ends in microseconds since 1970, UTC; all of time without a window.

    Args:
        window: (from, to), the second excluded.
        timezone: IANA name of the zone of dates and of times without an offset.

    Raises:
        InputError: For anything that is not two moments in order, or a moment without a zone.
    """
    if window is None:
        return ALWAYS, FOREVER
    if not isinstance(window, (tuple, list)) or len(window) != 2:
        raise InputError(f'window must be (from, to), for example ("2026-10-01", "2026-11-01"), got {window!r}.')
    begin, end = (_microseconds(moment, timezone) for moment in window)
    if begin >= end:
        raise InputError(f"window must end after it begins, got {window!r}; the end itself is excluded.")
    return begin, end


def _microseconds(moment: object, timezone: str | None) -> int:
    value = _parsed(moment)
    if value.tzinfo is None:
        if timezone is None:
            raise InputError(
                f"the window's {moment!r} carries no time zone. Write an offset, for example "
                '"2026-10-01 00:00:00+08:00", or declare columns=Columns(timezone="Asia/Shanghai").'
            )
        try:
            value = value.replace(tzinfo=ZoneInfo(timezone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {timezone!r}.') from None
    return (value - _EPOCH) // timedelta(microseconds=1)


def _parsed(moment: object) -> datetime:
    if isinstance(moment, str):
        try:
            return datetime.fromisoformat(moment.strip())
        except ValueError:
            pass
    if isinstance(moment, datetime) and moment == moment:  # noqa: PLR0124 -- pandas' NaT is a datetime, and not itself
        return moment
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 -- the zone is put on by the caller
    raise InputError(f"a window begins and ends at a date, a datetime or ISO 8601 text, got {moment!r}.")
