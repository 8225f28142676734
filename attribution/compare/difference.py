"""The difference of two models inside every journey: what moves, from where to where, summed over equal paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from attribution.credit.credit import Credit

__all__ = ["Moves", "PathMoves", "Totals", "moves", "path_moves", "totals"]

# Moved credit below this part of a conversion is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Totals:
    """The difference of two models in the credit table, keys by keys.

    Attributes:
        difference: Credited conversions of each cell under the second model less those under the first.
        sign: Its sign, 0 where it is rounding.
        reassigned: Conversions that change cell in the totals: half the sum of absolute differences.
        rounding: Conversions below this are rounding of the totals.
    """

    difference: NDArray[np.float64]
    sign: NDArray[np.float64]
    reassigned: float
    rounding: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moves:
    """The journeys of one length in one piece.

    Attributes:
        cell: Journeys x touches: what each touch credits.
        shift: Journeys x touches: weight under the second model less that under the first.
        slot: Journeys x touches: the first place of the same cell in the journey.
        by_slot: Journeys x touches: the shifts of one cell summed at its first place.
        moved: Per journey, half the sum of absolute shifts of its cells.
        net: Per journey, the part of it that shows in the totals; sums to the reassigned conversions.
        touch: Journeys x touches: places among the served touches.
        age: Journeys x touches: seconds before the conversion.
    """

    cell: NDArray[np.int64]
    shift: NDArray[np.float64]
    slot: NDArray[np.int64]
    by_slot: NDArray[np.float64]
    moved: NDArray[np.float64]
    net: NDArray[np.float64]
    touch: NDArray[np.int64]
    age: NDArray[np.float64]


def totals(credit: Credit, first: int, second: int) -> Totals:
    """What the two models' tables differ by."""
    both = credit.sums.conversions[[first, second], : credit.cells.credited]
    difference = both[1] - both[0]
    rounding = ROUNDING * max(1.0, float(credit.sums.touched))
    difference = np.where(np.abs(difference) <= rounding, 0.0, difference)
    return Totals(
        difference=difference,
        sign=np.sign(difference),
        reassigned=float(np.abs(difference).sum() / 2),
        rounding=rounding * max(1, len(difference)),
    )


def moves(credit: Credit, first: int, second: int) -> Iterator[Moves]:
    """Every journey with a touch, by pieces and lengths."""
    journeys, sign = credit.journeys, totals(credit, first, second).sign
    for pairs in journeys.pairs():
        if not len(pairs.touch):
            continue
        arrays, cell = journeys.arrays(pairs), credit.cells.of_pairs(pairs)
        shift = checked_weights(credit.models[second], arrays) - checked_weights(credit.models[first], arrays)
        for length in np.unique(arrays.lengths).tolist():
            begins = arrays.offsets[:-1][arrays.lengths == length]
            places = begins[:, None] + np.arange(length)
            yield _of_length(cell[places], shift[places], sign, pairs.touch[places], arrays.age_seconds[places])


def _of_length(
    cell: NDArray[np.int64],
    shift: NDArray[np.float64],
    sign: NDArray[np.float64],
    touch: NDArray[np.int64],
    age: NDArray[np.float64],
) -> Moves:
    count, length = cell.shape
    slot = _first_places(cell)
    flat = (np.arange(count)[:, None] * length + slot).ravel()
    by_slot = np.asarray(np.bincount(flat, weights=shift.ravel(), minlength=count * length), np.float64)
    by_slot = by_slot.reshape(count, length)
    return Moves(
        cell=cell,
        shift=shift,
        slot=slot,
        by_slot=by_slot,
        moved=np.abs(by_slot).sum(axis=1) / 2,
        net=(sign[cell] * shift).sum(axis=1) / 2,
        touch=touch,
        age=age,
    )


def _first_places(cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """For every touch the first place in its row that holds the same cell."""
    length = cell.shape[1]
    order = np.argsort(cell, axis=1, kind="stable")
    ordered = np.take_along_axis(cell, order, axis=1)
    begins = np.zeros(cell.shape, np.int64)
    begins[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], np.arange(1, length), 0)
    firsts = np.take_along_axis(order, np.maximum.accumulate(begins, axis=1), axis=1)
    slot = np.empty(cell.shape, np.int64)
    np.put_along_axis(slot, order, firsts, axis=1)
    return slot


@dataclass(slots=True, eq=False)
class PathMoves:
    """Distinct paths of cells with what moves on them; `sums` holds conversions, moved, net, then the shift per place.

    Attributes:
        paths: By length: distinct paths x touches.
        sums: By length: distinct paths x (3 + touches).
        reading: Shift per cell over all journeys.
    """

    paths: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    reading: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.paths.values())


def path_moves(credit: Credit, first: int, second: int) -> PathMoves:
    """Sum what moves over journeys of the same path."""
    found = PathMoves(reading=np.zeros(credit.cells.credited))
    waiting: dict[int, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}
    for piece in moves(credit, first, second):
        one = np.ones((len(piece.cell), 1))
        sums = np.concatenate([one, piece.moved[:, None], piece.net[:, None], piece.by_slot], axis=1)
        waiting.setdefault(piece.cell.shape[1], []).append(_merged(piece.cell, sums))
        found.reading += np.bincount(piece.cell.ravel(), weights=piece.shift.ravel(), minlength=credit.cells.credited)
    for length in sorted(waiting):
        paths = np.concatenate([path for path, _ in waiting[length]])
        sums = np.concatenate([part for _, part in waiting[length]])
        found.paths[length], found.sums[length] = _merged(paths, sums)
    return found


def _merged(paths: NDArray[np.int64], sums: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Equal paths as one, their sums added in order."""
    raw = np.ascontiguousarray(paths).view(np.dtype((np.void, paths.dtype.itemsize * paths.shape[1]))).ravel()
    _, first, place = np.unique(raw, return_index=True, return_inverse=True)
    order = np.argsort(place, kind="stable")
    begins = np.searchsorted(place[order], np.arange(len(first)))
    return paths[first], np.add.reduceat(sums[order], begins, axis=0)
