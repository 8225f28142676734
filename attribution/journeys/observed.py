"""The period of observation: journeys outside it were not seen, and one still open at its end is no failure yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from attribution.core.errors import InputError
from attribution.core.pieces import Numbers
from attribution.rules import parse_instant

if TYPE_CHECKING:
    from attribution.conversions import Conversions
    from attribution.touches import Touches

__all__ = ["Observed", "declared_ends", "observed_period", "period_text"]

Observed: TypeAlias = "tuple[datetime | str | None, datetime | str | None] | None"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def observed_period(observed: object, touches: Touches, conversions: Conversions) -> tuple[int, int]:
    """The first and the last instant of observation, in microseconds; by default (None) of the times in either table.

    Raises:
        InputError: For something other than two instants in order, or a period that does not hold all the data.

    An end that is None is that of the data.
    """
    times = (touches.times, Numbers.of(conversions.time))
    bounds = [found for found in (time.bounds() for time in times) if found is not None]
    held = (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else (0, 0)
    if observed is None:
        return held
    first, last = (
        end if declared is None else declared for declared, end in zip(declared_ends(observed), held, strict=True)
    )
    if last < first:
        raise InputError(f"observed ends before it begins: {period_text((first, last))}.")
    if bounds and (held[0] < first or held[1] > last):
        outside = sum(int(((part < first) | (part > last)).sum()) for time in times for part in time.parts)
        raise InputError(
            f"the period of observation ({period_text((first, last))}) does not hold all rows: {outside} lie outside, "
            f"and the tables run from {period_text(held)}. Widen observed=, or leave those rows out of both tables."
        )
    return first, last


def declared_ends(observed: object) -> tuple[int | None, int | None]:
    """The declared ends of a period, in microseconds; None for one that is left to the data.

    Raises:
        InputError: For something other than two instants.
    """
    if not isinstance(observed, (tuple, list)) or len(observed) != 2:
        raise InputError(f"observed must hold two instants, the first and the last, got {observed!r}.")
    first, last = (
        None if item is None else (parse_instant(item, name=name) - _EPOCH) // timedelta(microseconds=1)
        for item, name in zip(observed, ("observed[0]", "observed[1]"), strict=True)
    )
    return first, last


def period_text(period: tuple[int, int]) -> str:
    """A period as people read it, in UTC."""
    begin, end = (
        (_EPOCH + timedelta(microseconds=time)).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
        for time in period
    )
    return f"{begin} to {end}"
