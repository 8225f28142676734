"""Local clocks as arithmetic: between two changes of clocks a zone is one number, in every engine the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals.stable.v2 as nw

from attribution.core.errors import InputError
from attribution.engines.spec import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DAY", "Clock", "clock_of", "zone_of"]

DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEP = 7 * DAY
_MARGIN = 2 * DAY
_MOST = 300  # changes of clocks: a hundred and fifty years
_FIRST, _LAST = -62_135_596_800_000_000 + _MARGIN, 253_402_300_799_999_999 - _MARGIN


def zone_of(name: str) -> ZoneInfo:
    """A zone by its name.

    Raises:
        InputError: For an unknown one.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {name!r}.') from None


@dataclass(frozen=True, slots=True)
class Clock:
    """A zone between two instants.

    Attributes:
        zone: Its name.
        offsets: Microseconds that its clocks are ahead of UTC, one number between two changes.
        changes: The instants of the changes, microseconds UTC; one fewer than the offsets.
    """

    zone: str
    offsets: tuple[int, ...]
    changes: tuple[int, ...]

    def local(self, time: nw.Expr) -> nw.Expr:
        """What the clocks show at an instant."""
        found: nw.Expr = time + _stepwise(time, self.changes, self.offsets)
        return found

    def lost(self, local: nw.Expr) -> nw.Expr | None:
        """Whether clocks never showed a time, or showed it twice; None when they never changed."""
        found: nw.Expr | None = None
        for change, before, after in self._pieces():
            low, high = sorted((change + before, change + after))
            inside = (local >= low) & (local < high)
            found = inside if found is None else found | inside
        return found

    def instant(self, local: nw.Expr, *, edge: Literal["begin", "end"] = "begin") -> nw.Expr:
        """The instant at which the clocks show a time.

        Args:
            local: What they show.
            edge: Of a time shown twice the first ("begin") or the second ("end"); a time never shown is the moment
                after the change, or the last one before it.
        """
        limits: list[int] = []
        values: list[Callable[[nw.Expr], nw.Expr]] = [_less(self.offsets[0])]
        for change, before, after in self._pieces():
            if after > before:  # clocks jumped forward: nothing was shown in between
                limits += [change + before, change + after]
                values += [_fixed(change if edge == "begin" else change - 1), _less(after)]
            else:
                limits.append(change + (before if edge == "begin" else after))
                values.append(_less(after))
        found = values[-1](local)
        for limit, value in reversed(list(zip(limits, values[:-1], strict=True))):
            found = nw.when(local < limit).then(value(local)).otherwise(found)
        return found

    def _pieces(self) -> list[tuple[int, int, int]]:
        return list(zip(self.changes, self.offsets[:-1], self.offsets[1:], strict=True))


def _less(offset: int) -> Callable[[nw.Expr], nw.Expr]:
    return lambda local: local - offset


def _fixed(instant: int) -> Callable[[nw.Expr], nw.Expr]:
    return lambda _: nw.lit(instant)


def _stepwise(time: nw.Expr, limits: tuple[int, ...], values: tuple[int, ...]) -> Any:
    if not limits:
        return values[0]
    found: Any = nw.lit(values[-1])
    for limit, value in reversed(list(zip(limits, values[:-1], strict=True))):
        found = nw.when(time < limit).then(nw.lit(value)).otherwise(found)
    return found


def clock_of(name: str, first: int, last: int) -> Clock:
    """The clocks of a zone between two times, whether these are instants or what the clocks show.

    Raises:
        InputError: For an unknown zone.
        UnsupportedError: For more changes of clocks than a query should hold.
    """
    zone = zone_of(name)
    begin, end = max(first - _MARGIN, _FIRST), min(last + _MARGIN, _LAST)
    place, offset = begin, _offset(zone, begin)
    offsets, changes = [offset], []
    while place < end:
        following = min(place + _STEP, end)
        found = _offset(zone, following)
        if found != offset:
            change = _change(zone, place, following, offset)
            offset = _offset(zone, change)
            offsets.append(offset)
            changes.append(change)
            following = change
        place = following
        if len(changes) > _MOST:
            raise UnsupportedError(f"the times span more than {_MOST} changes of clocks in {name}")
    return Clock(name, tuple(offsets), tuple(changes))


def _offset(zone: ZoneInfo, time: int) -> int:
    found = (_EPOCH + timedelta(microseconds=time)).astimezone(zone).utcoffset()
    return 0 if found is None else found // _MICROSECOND


def _change(zone: ZoneInfo, low: int, high: int, offset: int) -> int:
    """The first instant after `low` with another offset."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high
