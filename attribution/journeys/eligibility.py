"""Which touches are eligible for which conversion: candidate ranges, then rule by rule, in bounded pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY, microseconds
from attribution.core.threads import taken
from attribution.journeys.arrays import journey_places
from attribution.journeys.transforms import kept_by_transforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.rules import LookbackKey, Rules, Transform
    from attribution.touches import Touches

__all__ = [
    "PAIR_BUDGET", "Counted", "Judged", "Lookbacks", "Pairs", "Reason", "Served", "block_ends", "eligible_pairs",
    "judged_pairs", "last_times", "local_days", "longest_age", "lookback_of", "reach_of", "touch_lookbacks",
    "window_begins",
]  # fmt: skip

# Candidate (conversion, touch) pairs held at once; about 100 bytes each at the widest point.
PAIR_BUDGET = 1_000_000
# Longer than any history, short enough that a time minus it stays an int64.
_LONGEST = 4_000_000_000_000_000_000
_NO_LOOKBACK = -2  # below the lookback of no touch: an open window of length 0 is -1
# Beyond the dates that a window counts: a calendar day lasts up to 25 hours, rarely more where a zone moved.
_CALENDAR_SLACK = 2 * MICROSECONDS_PER_DAY + 2 * 3_600_000_000


class Reason(IntEnum):
    """Why a touch takes no credit from a conversion that it might have served; the first that holds. 0 is none.

    Attributes:
        ELIGIBLE: It takes part.
        OUTSIDE_LOOKBACK: It is older than its own lookback.
        MATCH_DIFFERS: It differs from the conversion in a match column.
        NO_KEY_EVENT: The person did not do the key event between it and the conversion.
        SERVED_EARLIER: It served an earlier conversion (``reuse="reset"``).
        REMOVED_BY_TRANSFORM: A path transform removed it from this conversion's path.
    """

    ELIGIBLE = 0
    OUTSIDE_LOOKBACK = 1
    MATCH_DIFFERS = 2
    NO_KEY_EVENT = 3
    SERVED_EARLIER = 4
    REMOVED_BY_TRANSFORM = 5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counted:
    """The counted conversions in canonical order (person, time, conversion id).

    Attributes:
        row: Row of the caller's table.
        person: Person code.
        time: Microseconds UTC.
        value: Value net of refunds.
        first: First candidate touch of each conversion, a place in `Served`.
        last: One past its last candidate touch.
        match: Codes of the match columns; None without them.
        day: Number of the local date, where dates are compared; else None.
    """

    row: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    match: NDArray[np.int64] | None
    day: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Served:
    """The touches that may serve a counted conversion, in canonical order (person, time, content).

    Attributes:
        row: Row of the caller's table, a short number where all rows are.
        person: Person code.
        time: Microseconds UTC.
        channel: Channel code.
        lookback: The touch's own lookback in microseconds; None when all lookbacks are equal.
        match: Codes of the match columns; None without them.
        day: Number of the local date, where dates are compared; else None.
        key_event: When the person next did the key event; None without that rule.
        names: The channels' names, for the transforms.
    """

    row: NDArray[np.integer]
    person: NDArray[np.integer]
    time: NDArray[np.int64]
    channel: NDArray[np.integer]
    lookback: NDArray[np.int64] | None
    match: NDArray[np.int64] | None
    names: NDArray[np.object_]
    day: NDArray[np.int64] | None = None
    key_event: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def of(
        cls, touches: Touches, row: NDArray[np.integer], person: NDArray[np.integer], time: NDArray[np.int64]
    ) -> Served:
        """Some rows of the touches, in canonical order; what rules ask of each of them is not there yet."""
        channel, names = taken(touches.channel.codes, row), touches.channel.names
        return cls(row=row, person=person, time=time, channel=channel, lookback=None, match=None, names=names)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pairs:
    """The eligible touches of the conversions ``start`` to ``stop``, conversion after conversion, in order.

    Attributes:
        start: First conversion.
        stop: One past the last conversion.
        counts: Number of eligible touches of each of these conversions.
        touch: The touches, places in `Served`.
    """

    start: int
    stop: int
    counts: NDArray[np.int64]
    touch: NDArray[np.int64]

    def conversion(self) -> NDArray[np.int64]:
        """The conversion of each pair."""
        return self.start + journey_places(self.counts)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Judged:
    """The candidate touches of the conversions ``start`` to ``stop``, each with the first reason against it.

    Attributes:
        start: First conversion.
        stop: One past the last conversion.
        counts: Number of candidates of each of these conversions.
        touch: The candidates, places in `Served`.
        reason: A `Reason` for each; None when all are eligible.
    """

    start: int
    stop: int
    counts: NDArray[np.int64]
    touch: NDArray[np.int64]
    reason: NDArray[np.int8] | None

    def eligible(self) -> Pairs:
        """The pairs without a reason against them."""
        counts, touch = self.counts, self.touch
        if self.reason is not None:
            keep = self.reason == Reason.ELIGIBLE
            ends = np.cumsum(counts)
            summed = np.concatenate([[0], np.cumsum(keep)])
            counts = summed[ends] - summed[ends - counts]
            touch = touch[keep]
        return Pairs(start=self.start, stop=self.stop, counts=counts, touch=touch)


@dataclass(frozen=True, slots=True, eq=False)
class Lookbacks:
    """The lookbacks that rules give to touches.

    Lookbacks are in microseconds, and an age is inside when it is at most its lookback: an open window is one
    microsecond shorter, a window of whole days almost a day longer. For calendar days they are the days themselves.

    Attributes:
        longest: The longest lookback of a touch in the table.
        table: Lookback by channel and kind; None when all are equal.
    """

    longest: int
    table: NDArray[np.int64] | None

    def of(self, touches: Touches, rows: NDArray[np.integer] | slice) -> NDArray[np.int64] | None:
        """The lookback of some rows of the touches; None when all are equal."""
        if self.table is None:
            return None
        kind = 0 if touches.kind is None else touches.kind.codes[rows]
        return np.asarray(self.table[touches.channel.codes[rows], kind], np.int64)

    def uncovered(self, touches: Touches) -> tuple[int, list[int]]:
        """How many touches have no lookback, and the codes of their channels."""
        if self.table is None or not (self.table == _NO_LOOKBACK).any():
            return 0, []
        missing = _occurring(touches, self.table.shape) * (self.table == _NO_LOOKBACK)
        return int(missing.sum()), np.flatnonzero(missing.any(axis=1)).tolist()


def touch_lookbacks(touches: Touches, rules: Rules) -> Lookbacks:
    """The lookbacks of some touches under some rules."""
    found = rules.lookbacks()
    if list(found) == ["*"]:
        return Lookbacks(reach_of(found["*"], rules), None)
    kinds = [""] if touches.kind is None else [str(name) for name in touches.kind.names]

    def covered(lookback: timedelta | None) -> int:
        return _NO_LOOKBACK if lookback is None else reach_of(lookback, rules)

    table = np.array(
        [[covered(lookback_of(found, str(channel), kind)) for kind in kinds] for channel in touches.channel.names],
        np.int64,
    ).reshape(len(touches.channel.names), len(kinds))
    longest = int(table[_occurring(touches, table.shape) > 0].max(initial=0))
    return Lookbacks(longest, table)


def _occurring(touches: Touches, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Touches by channel and kind."""
    joint = touches.channel.codes
    if touches.kind is not None:
        joint = joint.astype(np.int64) * shape[1] + touches.kind.codes
    return np.bincount(joint, minlength=shape[0] * shape[1]).reshape(shape)


def lookback_of(found: Mapping[LookbackKey, timedelta], channel: str, kind: str) -> timedelta | None:
    """The lookback of a channel and kind, by the nearest key; None where no key covers them."""
    return next((found[key] for key in ((channel, kind), channel, ("*", kind), "*") if key in found), None)


def reach_of(lookback: timedelta, rules: Rules) -> int:
    """The greatest age in microseconds that a lookback allows under the rules."""
    whole = microseconds(lookback)
    if rules.window == "open":
        whole -= 1
    elif rules.window == "whole_days":
        whole += MICROSECONDS_PER_DAY - 1
    return min(whole, _LONGEST)


def local_days(time: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Number of the local date of each instant; times are UTC microseconds."""
    import pandas as pd

    local = pd.DatetimeIndex(pd.to_datetime(time, unit="us", utc=True)).tz_convert(zone).tz_localize(None)
    return np.asarray(local.as_unit("us").asi8 // MICROSECONDS_PER_DAY, np.int64)


def window_begins(time: NDArray[np.int64], longest: int, rules: Rules) -> NDArray[np.int64]:
    """The first instant at which a touch can be eligible for a conversion, under the longest lookback."""
    return time - longest_age(longest, rules)


def longest_age(longest: int, rules: Rules) -> int:
    """The greatest age in microseconds that the longest lookback can allow: days of the calendar may be longer."""
    return min(longest + _CALENDAR_SLACK, _LONGEST) if rules.window == "calendar_days" else longest


def block_ends(person: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Where blocks of about `size` conversions end: after the last conversion of a person."""
    last = np.arange(size, len(person) + size, size).clip(max=len(person)) - 1
    return np.unique(np.searchsorted(person, person[last], side="right"))


def last_times(person: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last time of each person, from times in order of person and time; every person has one."""
    last = np.diff(person, append=-1) != 0
    return np.asarray(time[last])


def eligible_pairs(
    counted: Counted,
    served: Served,
    rules: Rules,
    *,
    span: tuple[int, int] | None = None,
    transformed: bool = True,
    budget: int | None = None,
) -> Iterator[Pairs]:
    """The eligible pairs of all conversions, or of those of a span, in pieces of at most ``budget`` candidate pairs.

    Args:
        counted: The conversions.
        served: The touches.
        rules: The rules.
        span: First conversion and one past the last; with ``reuse="reset"`` the first must be its person's first.
        transformed: Whether the path transforms are applied.
        budget: Candidate pairs of a piece; a piece holds at least one conversion.
    """
    for judged in judged_pairs(counted, served, rules, span=span, transformed=transformed, budget=budget):
        yield judged.eligible()


def judged_pairs(
    counted: Counted,
    served: Served,
    rules: Rules,
    *,
    span: tuple[int, int] | None = None,
    transformed: bool = True,
    budget: int | None = None,
) -> Iterator[Judged]:
    """The candidate pairs of all conversions, or of those of a span, in pieces of at most ``budget`` pairs.

    A piece holds at least one conversion. With ``reuse="reset"`` a span must begin at a person's first conversion.
    """
    start, stop = (0, len(counted)) if span is None else span
    used = _Used.of(counted, start, stop) if rules.reuse == "reset" else None
    transforms = rules.transforms if transformed else ()
    candidates = np.concatenate([[0], np.cumsum(counted.last[start:stop] - counted.first[start:stop])])
    begin = start
    while begin < stop:
        limit = candidates[begin - start] + (PAIR_BUDGET if budget is None else budget)
        end = start + int(np.searchsorted(candidates, limit, side="right")) - 1
        end = min(max(end, begin + 1), stop)
        yield _judge(counted, served, begin, end, used, transforms)
        begin = end


@dataclass(frozen=True, slots=True, eq=False)
class _Used:
    """Which touches served a conversion already; room is taken for those that a span can reach, not for all."""

    base: int
    flags: NDArray[np.bool_]

    @classmethod
    def of(cls, counted: Counted, start: int, stop: int) -> _Used:
        if start == stop:
            return cls(0, np.zeros(0, bool))
        base = int(counted.first[start:stop].min())
        return cls(base, np.zeros(int(counted.last[start:stop].max()) - base, bool))

    def holds(self, touch: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.flags[touch - self.base]

    def add(self, touch: NDArray[np.int64]) -> None:
        self.flags[touch - self.base] = True


def _judge(
    counted: Counted,
    served: Served,
    start: int,
    stop: int,
    used: _Used | None,
    transforms: tuple[Transform, ...],
) -> Judged:
    first = counted.first[start:stop]
    counts = counted.last[start:stop] - first
    journey = journey_places(counts)
    touch = np.arange(len(journey)) + (first - (np.cumsum(counts) - counts))[journey]
    reason = _against(counted, served, touch, start + journey)
    if used is not None:
        reason = np.zeros(len(touch), np.int8) if reason is None else reason
        free = np.flatnonzero((reason == Reason.ELIGIBLE) & ~used.holds(touch))
        serving = np.zeros(len(touch), bool)
        serving[_first_places(touch, free)] = True
        reason[(reason == Reason.ELIGIBLE) & ~serving] = Reason.SERVED_EARLIER
        used.add(touch[serving])  # also what a transform removes below: it belongs to this conversion's path
    judged = Judged(start=start, stop=stop, counts=counts, touch=touch, reason=reason)
    return _transformed(judged, served, transforms) if transforms else judged


def _transformed(judged: Judged, served: Served, transforms: tuple[Transform, ...]) -> Judged:
    pairs = judged.eligible()
    kept = kept_by_transforms(pairs.counts, served.channel[pairs.touch].astype(np.int64), served.names, transforms)
    reason = np.zeros(len(judged.touch), np.int8) if judged.reason is None else judged.reason
    reason[np.flatnonzero(reason == Reason.ELIGIBLE)[~kept]] = Reason.REMOVED_BY_TRANSFORM
    return replace(judged, reason=reason)


def _first_places(touch: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the places that name one touch the first; room is taken for the piece's own touches, not for all."""
    if not len(places):
        return places
    named = touch[places]
    base = int(named.min())
    earliest = np.full(int(named.max()) - base + 1, -1, np.int64)
    earliest[named[::-1] - base] = places[::-1]  # of a repeated index the last assignment stays: the earliest place
    return earliest[named - base]


def _against(
    counted: Counted, served: Served, touch: NDArray[np.int64], conversion: NDArray[np.int64]
) -> NDArray[np.int8] | None:
    """The first reason against each candidate pair in itself; None when the rules have none."""
    refused: list[tuple[Reason, NDArray[np.bool_]]] = []
    if counted.day is not None and served.day is not None and served.lookback is not None:
        days = counted.day[conversion] - served.day[touch]
        refused.append((Reason.OUTSIDE_LOOKBACK, days * MICROSECONDS_PER_DAY > served.lookback[touch]))
    elif served.lookback is not None:
        age = counted.time[conversion] - served.time[touch]
        refused.append((Reason.OUTSIDE_LOOKBACK, age > served.lookback[touch]))
    if counted.match is not None and served.match is not None:
        refused.append((Reason.MATCH_DIFFERS, counted.match[conversion] != served.match[touch]))
    if served.key_event is not None:
        refused.append((Reason.NO_KEY_EVENT, served.key_event[touch] > counted.time[conversion]))
    if not refused:
        return None
    found = np.zeros(len(touch), np.int8)
    for reason, holds in reversed(refused):  # the first reason is written last
        found[holds] = reason
    return found
