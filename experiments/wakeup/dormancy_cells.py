"""Spells placed on a grid of days of silence, the shares at each of them, and their sums over persons drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.proportions import bundled_share
from experiments.wakeup.dormancy_spells import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from attribution.core.estimates import Estimate
    from experiments.wakeup.dormancy_spells import Spells

__all__ = ["Cells", "Patterns", "drawn_sums", "patterns_of", "place_spells", "share_at"]

_BLOCK_PERSONS = 1 << 17
_BLOCK_DRAWS = 1 << 23
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cells:
    """Spells that are at risk at one grid point or more.

    A spell is at risk at the first `upto` points of the grid and at no other; it returned at those from `hit` on.

    Attributes:
        person: Number of the person, ascending.
        upto: At how many points it is at risk.
        hit: From which point on its next act falls inside the horizon.
        turn: From which point on it counts `weight` times.
        weight: For how many it stands from there on; None when all stand for themselves.
        points: Number of points of the grid.
        persons: Number of persons altogether.
    """

    person: NDArray[np.int64]
    upto: NDArray[np.int16]
    hit: NDArray[np.int16]
    turn: NDArray[np.int16] | None
    weight: NDArray[np.float64] | None
    points: int
    persons: int


def place_spells(spells: Spells, grid: NDArray[np.int64], horizon: int) -> Cells:
    """Place spells on a grid.

    At risk at d: longer than d, and begun so early that (d, d + horizon] is over and known.

    Args:
        spells: The spells.
        grid: Days of silence in microseconds, ascending.
        horizon: The horizon in microseconds.
    """
    # What ended at a known moment is longer than d only up to its end; what is open is longer than all that is known.
    length = np.where(spells.end == NEVER, NEVER, spells.end - spells.start)
    chosen = np.flatnonzero((length > grid[0]) & (spells.known - spells.start - horizon >= grid[0]))
    length, start = length[chosen], spells.start[chosen]
    seen = spells.known[chosen] - start - horizon
    upto = np.minimum(np.searchsorted(grid, length, side="left"), np.searchsorted(grid, seen, side="right"))
    hit = np.searchsorted(grid + horizon, length, side="left")
    turn = None
    if spells.stands is not None:
        since = spells.stands[chosen]
        turn = np.searchsorted(grid, np.where(since == NEVER, NEVER, since - start - horizon), side="left")
    return Cells(
        person=spells.person[chosen], upto=upto.astype(np.int16), hit=hit.astype(np.int16),
        turn=None if turn is None else turn.astype(np.int16),
        weight=None if spells.weight is None else spells.weight[chosen], points=len(grid), persons=spells.persons,
    )  # fmt: skip


def share_at(cells: Cells, point: int, *, level: float) -> tuple[int, int, Estimate]:
    """Spells at risk at a grid point, those that returned, and their share over persons."""
    chosen = np.flatnonzero(cells.upto > point)
    back = cells.hit[chosen] <= point
    persons, who = np.unique(cells.person[chosen], return_inverse=True)
    weight = np.ones(len(chosen))
    if cells.turn is not None and cells.weight is not None:
        weight = np.where(cells.turn[chosen] <= point, cells.weight[chosen], 1.0)
    n = np.bincount(who, weights=weight, minlength=len(persons))
    hits = np.bincount(who, weights=weight * back, minlength=len(persons))
    return len(chosen), int(np.count_nonzero(back)), bundled_share(hits, n, level=level)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Patterns:
    """Persons told apart by nothing but what they add to the sums.

    Attributes:
        rows: What a person of each kind adds, kinds by sums.
        count: Persons of each kind.
    """

    rows: NDArray[np.float64]
    count: NDArray[np.int64]


def patterns_of(cells: Cells) -> Patterns:
    """The distinct contributions of persons: spells at risk at each point, then spells returned at each point."""
    kinds: list[NDArray[np.float64]] = []
    counts: list[NDArray[np.int64]] = []
    first = (
        np.flatnonzero(np.concatenate(([True], np.diff(cells.person) > 0))) if len(cells.person) else np.zeros(0, int)
    )
    edges = np.append(first, len(cells.person))
    for begin in range(0, len(first), _BLOCK_PERSONS):
        last = min(begin + _BLOCK_PERSONS, len(first))
        rows = _contributions(cells, slice(int(edges[begin]), int(edges[last])))
        found = merged(rows, np.ones(len(rows), np.int64))
        kinds.append(found.rows)
        counts.append(found.count)
    silent = cells.persons - len(first)
    kinds.append(np.zeros((1, 2 * cells.points)))
    counts.append(np.array([silent]))
    found = merged(np.concatenate(kinds), np.concatenate(counts))
    return Patterns(rows=found.rows[found.count > 0], count=found.count[found.count > 0])


def _contributions(cells: Cells, part: slice) -> NDArray[np.float64]:
    """Persons by sums, for the spells of some persons."""
    person = cells.person[part]
    number = np.concatenate(([0], np.cumsum(np.diff(person) > 0)))
    upto, hit = cells.upto[part].astype(np.int64), cells.hit[part].astype(np.int64)
    none = np.zeros(len(upto), np.int64)
    back = np.minimum(hit, upto)
    shape = (int(number[-1]) + 1, cells.points + 1)
    at_risk, returned = _stacked(number, none, upto, None, shape), _stacked(number, back, upto, None, shape)
    if cells.turn is not None and cells.weight is not None:
        turn, more = np.minimum(cells.turn[part], upto), cells.weight[part] - 1.0
        at_risk += _stacked(number, turn, upto, more, shape)
        returned += _stacked(number, np.maximum(turn, back), upto, more, shape)
    return np.concatenate((at_risk, returned), axis=1)


def _stacked(
    number: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64], weight: NDArray[np.float64] | None,
    shape: tuple[int, int],
) -> NDArray[np.float64]:  # fmt: skip
    """For each person and point the sum over spells whose stretch [begin, end) holds the point."""
    wide, size = shape[1], shape[0] * shape[1]
    rise = np.bincount(number * wide + begin, weights=weight, minlength=size)
    fall = np.bincount(number * wide + end, weights=weight, minlength=size)
    found: NDArray[np.float64] = np.cumsum((rise - fall).reshape(shape), axis=1)[:, :-1].astype(np.float64)
    return found


def merged(rows: NDArray[np.float64], count: NDArray[np.int64]) -> Patterns:
    """Equal rows once, with the sum of their counts, in an order that the rows alone decide."""
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)
    code = np.zeros(len(rows), np.uint64)
    for column in bits.T:
        code = (code ^ column) * _MIX
        code ^= code >> np.uint64(29)
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    if not np.array_equal(rows[first][place], rows):  # two rows of one code: compare them whole
        kinds, place = np.unique(rows, axis=0, return_inverse=True)
        return Patterns(rows=kinds, count=np.bincount(place.ravel(), weights=count).astype(np.int64))
    return Patterns(rows=rows[first], count=np.bincount(place, weights=count).astype(np.int64))


def drawn_sums(patterns: Patterns, replicates: int, chance: Generator) -> Iterator[NDArray[np.float64]]:
    """Sums over as many persons drawn with replacement, replicates by sums, in blocks that fit in memory."""
    total = int(patterns.count.sum())
    shares = patterns.count / total
    size = max(1, _BLOCK_DRAWS // len(patterns.count))
    for begin in range(0, replicates, size):
        drawn = chance.multinomial(total, shares, size=min(size, replicates - begin))
        yield drawn.astype(np.float64) @ patterns.rows
