"""Which touches are eligible for which conversion: candidate ranges, then rule by rule, in bounded pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import microseconds
from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.journeys.order import TimeScale
    from attribution.rules import LookbackKey, Rules
    from attribution.touches import Touches

__all__ = ["PAIR_BUDGET", "Counted", "Pairs", "Served", "eligible_pairs", "lookback_codes", "match_codes", "windows"]

# Candidate (conversion, touch) pairs held at once; about 100 bytes each at the widest point.
PAIR_BUDGET = 1_000_000
# Longer than any history, short enough that a time minus it stays an int64.
_LONGEST = 4_000_000_000_000_000_000


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
    """

    row: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    match: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Served:
    """The touches that may serve a counted conversion, in canonical order (person, time, content).

    Attributes:
        row: Row of the caller's table.
        person: Person code.
        time: Microseconds UTC.
        channel: Channel code.
        lookback: The touch's own lookback in microseconds; None when all lookbacks are equal.
        match: Codes of the match columns; None without them.
    """

    row: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    channel: NDArray[np.int64]
    lookback: NDArray[np.int64] | None
    match: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.row)


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
        return np.repeat(np.arange(self.start, self.stop), self.counts)


def lookback_codes(touches: Touches, rules: Rules) -> tuple[NDArray[np.int64] | None, int, NDArray[np.bool_] | None]:
    """Lookback per touch (None when all are equal), the longest, and which touches have none (None when all have)."""
    found = rules.lookbacks()
    if list(found) == ["*"]:
        return None, _whole(found["*"]), None
    kinds = [""] if touches.kind is None else [str(name) for name in touches.kind.names]
    table = np.array(
        [[_lookback_of(found, str(channel), kind) for kind in kinds] for channel in touches.channel.names], np.int64
    ).reshape(len(touches.channel.names), len(kinds))
    kind_codes = 0 if touches.kind is None else touches.kind.codes
    per_touch = table[touches.channel.codes, kind_codes] if table.size else np.empty(0, np.int64)
    missing = per_touch < 0
    longest = int(per_touch.max()) if len(per_touch) else 0
    return per_touch, max(longest, 0), missing if missing.any() else None


def _lookback_of(found: Mapping[LookbackKey, timedelta], channel: str, kind: str) -> int:
    for key in ((channel, kind), channel, "*"):
        if key in found:
            return _whole(found[key])
    return -1


def _whole(lookback: timedelta) -> int:
    return min(microseconds(lookback), _LONGEST)


def match_codes(
    touches: Touches, conversions: Conversions, names: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Joint codes of the match columns of both tables; equal codes agree, an empty or blank cell with nothing."""
    left = np.zeros(touches.table.rows, np.int64)
    right = np.zeros(conversions.table.rows, np.int64)
    for name in names:
        columns = [touches.table.arrow(name), conversions.table.arrow(name)]
        codes = _joint_codes(columns[0], columns[1])
        both = np.concatenate([left, right]) * (int(max(part.max(initial=0) for part in codes)) + 1) + np.concatenate(
            codes
        )
        empty = np.concatenate([left < 0, right < 0]) | (np.concatenate(codes) < 0)
        _, dense = np.unique(both, return_inverse=True)
        dense = np.where(empty, -1, dense)
        left, right = dense[: len(left)], dense[len(left) :]
    return left, np.where(right < 0, -2, right)


def _joint_codes(left: pa.Array, right: pa.Array) -> list[NDArray[np.int64]]:
    import pyarrow as pa

    if left.type != right.type:
        left, right = left.cast(pa.large_string()), right.cast(pa.large_string())
    if pa.types.is_null(left.type):
        return [np.full(len(left), -1, np.int64), np.full(len(right), -1, np.int64)]
    left, right = _without_blanks(left), _without_blanks(right)
    codes, _ = encode_together(left.drop_null(), right.drop_null())
    filled = []
    for array, found in zip((left, right), codes, strict=True):
        whole = np.full(len(array), -1, np.int64)
        whole[array.is_valid().to_numpy(zero_copy_only=False)] = found
        filled.append(whole)
    return filled


def _without_blanks(array: pa.Array) -> pa.Array:
    """Blank text as empty cells, as in a key: what names nothing agrees with nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return array
    text = array.cast(pa.large_string())
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
    return pc.if_else(blank, pa.scalar(None, text.type), text)


def windows(
    scale: TimeScale,
    person: NDArray[np.int64],
    time: NDArray[np.int64],
    touch_keys: NDArray[np.int64],
    longest: int,
    rules: Rules,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The range of candidate touches of each conversion under the longest lookback; both ends included."""
    end = time + 1 if rules.same_instant == "include" else time
    first = np.searchsorted(touch_keys, scale.keys(person, time - longest)).astype(np.int64)
    last = np.searchsorted(touch_keys, scale.keys(person, end)).astype(np.int64)
    return first, np.maximum(first, last)


def eligible_pairs(
    counted: Counted,
    served: Served,
    rules: Rules,
    *,
    start: int = 0,
    stop: int | None = None,
    budget: int | None = None,
) -> Iterator[Pairs]:
    """The eligible pairs of the conversions ``start`` to ``stop``, in pieces of at most ``budget`` candidate pairs.

    A piece holds at least one conversion. With ``reuse="reset"`` the range must begin at a person's first conversion.
    """
    stop = len(counted) if stop is None else stop
    used = np.zeros(len(served), bool) if rules.reuse == "reset" else None
    candidates = np.concatenate([[0], np.cumsum(counted.last[start:stop] - counted.first[start:stop])])
    begin = start
    while begin < stop:
        limit = candidates[begin - start] + (PAIR_BUDGET if budget is None else budget)
        end = start + int(np.searchsorted(candidates, limit, side="right")) - 1
        end = min(max(end, begin + 1), stop)
        yield _expand(counted, served, begin, end, used)
        begin = end


def _expand(counted: Counted, served: Served, start: int, stop: int, used: NDArray[np.bool_] | None) -> Pairs:
    first = counted.first[start:stop]
    counts = counted.last[start:stop] - first
    begins = np.cumsum(counts) - counts
    touch = np.arange(int(counts.sum())) + np.repeat(first - begins, counts)
    keep = _allowed(counted, served, touch, np.repeat(np.arange(start, stop), counts))
    if used is not None:
        fresh = ~used[touch] if keep is None else keep & ~used[touch]
        keep = np.zeros(len(touch), bool)
        keep[_first_places(touch, np.flatnonzero(fresh))] = True
        used[touch[keep]] = True
    if keep is not None:
        summed = np.concatenate([[0], np.cumsum(keep)])
        counts = summed[begins + counts] - summed[begins]
        touch = touch[keep]
    return Pairs(start=start, stop=stop, counts=counts, touch=touch)


def _first_places(touch: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the places that name one touch the first; room is taken for the piece's own touches, not for all."""
    if not len(places):
        return places
    named = touch[places]
    base = int(named.min())
    earliest = np.full(int(named.max()) - base + 1, -1, np.int64)
    earliest[named[::-1] - base] = places[::-1]  # of a repeated index the last assignment stays: the earliest place
    return earliest[named - base]


def _allowed(
    counted: Counted, served: Served, touch: NDArray[np.int64], conversion: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Which candidate pairs the touch's own lookback and the match columns allow; None when all."""
    keep = None
    if served.lookback is not None:
        keep = counted.time[conversion] - served.time[touch] <= served.lookback[touch]
    if counted.match is not None and served.match is not None:
        agree = counted.match[conversion] == served.match[touch]
        keep = agree if keep is None else keep & agree
    return keep
