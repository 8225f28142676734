"""Spells placed on a grid of days of silence, the shares at each of them, and their sums over persons drawn again."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

__all__ = ["Cells", "Patterns", "Point", "drawn_sums", "patterns_of", "place_spells", "share_at"]

_EXACT_PERSONS = 1 << 15
_GROUPS = 1 << 14
_BLOCK_DRAWS = 1 << 23


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Point:
    """The spells at one point of the grid.

    Attributes:
        at_risk: How many are at risk.
        returned: How many of them returned within the horizon.
        weighted_at_risk: For how many those at risk stand; their number where all stand for themselves.
        weighted_returned: For how many those that returned stand.
        rate: The share of the weighted sums, over persons; RATE_WEIGHTED where it is not returned / at_risk.
    """

    at_risk: int
    returned: int
    weighted_at_risk: float
    weighted_returned: float
    rate: Estimate


def share_at(cells: Cells, point: int, *, level: float) -> Point:
    """Spells at risk at a grid point, those that returned, and their share over persons."""
    chosen = np.flatnonzero(cells.upto > point)
    back = cells.hit[chosen] <= point
    mine = cells.person[chosen]
    who = np.concatenate((np.zeros(min(1, len(mine)), np.int64), np.cumsum(np.diff(mine) > 0)))
    weight = np.ones(len(chosen))
    if cells.turn is not None and cells.weight is not None:
        weight = np.where(cells.turn[chosen] <= point, cells.weight[chosen], 1.0)
    n, hits = (np.bincount(who, weights=each).astype(np.float64) for each in (weight, weight * back))
    rate = bundled_share(hits, n, level=level)
    if (weight != 1.0).any():
        rate = replace(rate, n=len(chosen), note="RATE_WEIGHTED")
    return Point(
        at_risk=len(chosen), returned=int(np.count_nonzero(back)), weighted_at_risk=float(n.sum()),
        weighted_returned=float(hits.sum()), rate=rate,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Patterns:
    """Persons, or random groups of persons, told apart by nothing but what they add to the sums.

    Attributes:
        rows: What one of each kind adds, kinds by sums.
        count: How many there are of each kind.
    """

    rows: NDArray[np.float64]
    count: NDArray[np.int64]


def patterns_of(cells: Cells, chance: Generator) -> Patterns:
    """What persons add to the spells at risk at each point, then to those returned; with weights, then to their number.

    More than 32,768 persons are dealt at random into 16,384 groups, which are then drawn instead of persons: sums over
    random groups vary as sums over persons do, and the work no longer grows with the persons.
    """
    if cells.persons <= _EXACT_PERSONS:
        return _counted(_contributions(cells, cells.person, cells.persons))
    group = chance.permutation(cells.persons) % _GROUPS
    return _counted(_contributions(cells, group[cells.person], _GROUPS))


def _counted(rows: NDArray[np.float64]) -> Patterns:
    kinds, count = np.unique(rows, axis=0, return_counts=True)
    return Patterns(rows=kinds, count=count.astype(np.int64))


def _contributions(cells: Cells, unit: NDArray[np.int64], units: int) -> NDArray[np.float64]:
    """Units by sums."""
    shape = (units, cells.points + 1)
    none = np.zeros(len(unit), np.int64)
    back = np.minimum(cells.hit, cells.upto)
    at_risk, returned = _stacked(unit, none, cells.upto, None, shape), _stacked(unit, back, cells.upto, None, shape)
    counted = []
    if cells.turn is not None and cells.weight is not None:
        counted.append(at_risk.copy())
        turn, more = np.minimum(cells.turn, cells.upto), cells.weight - 1.0
        at_risk += _stacked(unit, turn, cells.upto, more, shape)
        returned += _stacked(unit, np.maximum(turn, back), cells.upto, more, shape)
    return np.concatenate((at_risk, returned, *counted), axis=1)


def _stacked(
    unit: NDArray[np.int64],
    begin: NDArray[np.int64] | NDArray[np.int16],
    end: NDArray[np.int16],
    weight: NDArray[np.float64] | None,
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """For each unit and point the sum over spells whose stretch [begin, end) holds the point."""
    wide, size = shape[1], shape[0] * shape[1]
    rise = np.bincount(unit * wide + begin, weights=weight, minlength=size)
    fall = np.bincount(unit * wide + end, weights=weight, minlength=size)
    found: NDArray[np.float64] = np.cumsum((rise - fall).reshape(shape), axis=1)[:, :-1].astype(np.float64)
    return found


def drawn_sums(patterns: Patterns, replicates: int, chance: Generator) -> Iterator[NDArray[np.float64]]:
    """Sums over as many units drawn with replacement, replicates by sums, in blocks that fit in memory."""
    total = int(patterns.count.sum())
    shares = patterns.count / total
    size = max(1, _BLOCK_DRAWS // len(patterns.count))
    for begin in range(0, replicates, size):
        drawn = chance.multinomial(total, shares, size=min(size, replicates - begin))
        yield drawn.astype(np.float64) @ patterns.rows
