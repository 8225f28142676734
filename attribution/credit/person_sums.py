"""Sums over persons that the intervals of a credit table need, in one pass over the journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.credit.person_cells import person_cells
from attribution.credit.uncertainty import PersonSums, RatioSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.person_cells import PersonCells
    from attribution.credit.person_spend import CellSpend

    Floats = NDArray[np.float64]

__all__ = ["Figure", "TableSums", "person_totals", "table_sums"]

_WHOLE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Figure:
    """Sums of one figure, conversions or value, per model and cell; one more cell at the end has no credit at all.

    Attributes:
        sums: Sums over persons.
        lump: Models x 1: squares over total, added up over all cells.
        unseen: Credit that one more person would bring.
        per_cost: The sums beside cost that varies with the persons; None when cost is known.
    """

    sums: PersonSums
    lump: Floats
    unseen: float
    per_cost: RatioSums | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TableSums:
    """All sums of a credit table.

    Attributes:
        conversions: Credited conversions.
        value: Credited value.
        share: Credited conversions beside the persons' whole attributed conversions.
        outside: Models x cells: persons with attributed conversions outside the cell.
        touched: Number of persons with attributed conversions.
    """

    conversions: Figure
    value: Figure
    share: RatioSums
    outside: NDArray[np.int64]
    touched: int


def person_totals(credit: Credit) -> tuple[Floats, Floats]:
    """Attributed conversions per person, and the value of all the person's conversions."""
    journeys = credit.journeys
    persons = len(journeys.persons)
    touched = np.zeros(len(journeys.counted))
    for pairs in journeys.pairs():
        touched[pairs.start : pairs.stop] = pairs.counts > 0
    attributed = np.bincount(journeys.counted.person, weights=touched, minlength=persons)
    worth = np.bincount(journeys.counted.person, weights=journeys.counted.value, minlength=persons)
    return np.asarray(attributed, np.float64), np.asarray(worth, np.float64)


def table_sums(credit: Credit, spend: CellSpend | None = None) -> TableSums:
    """The sums of every model and cell; the models of paths in their reading inside journeys."""
    attributed, worth = person_totals(credit)
    shape = (len(credit.models), len(credit.cells) + 1)
    conversions, value = _Sums.empty(shape), _Sums.empty(shape)
    share = _Cross.empty(shape)
    beside = None if spend is None else (_Cross.empty(shape), _Cross.empty(shape))
    wholly = np.zeros(shape, np.int64)
    for piece in person_cells(credit.journeys, credit.models, credit.cells):
        conversions.add(piece.cell, piece.conversions)
        value.add(piece.cell, piece.value)
        whole = attributed[piece.person]
        share.add(piece.cell, piece.conversions, whole)
        _count_wholly(wholly, piece, whole)
        if spend is not None and beside is not None:
            cost = spend.of(piece.person, piece.cell)
            beside[0].add(piece.cell, piece.conversions, cost)
            beside[1].add(piece.cell, piece.value, cost)
    touched = int((attributed > 0).sum())
    total = np.full(shape[1], attributed.sum())
    powers = np.full(shape[1], (attributed**2).sum()), np.full(shape[1], (attributed**3).sum())
    found = (conversions.frozen(), value.frozen())
    per_cost: tuple[RatioSums | None, ...] = (None, None)
    if spend is not None and beside is not None:
        drawn = spend.sums(1)
        sums_of_cost = (drawn + spend.fixed, drawn, spend.sums(2), spend.sums(3))
        per_cost = tuple(cross.frozen(top, *sums_of_cost) for cross, top in zip(beside, found, strict=True))
    return TableSums(
        conversions=_figure(found[0], attributed, per_cost[0], 1.0),
        value=_figure(found[1], worth, per_cost[1], 0.0),
        share=share.frozen(found[0], total, total, *powers),
        outside=touched - wholly,
        touched=touched,
    )


def _figure(sums: PersonSums, whole: Floats, per_cost: RatioSums | None, least: float) -> Figure:
    total = sums.total.sum(axis=1, keepdims=True)
    lump = np.where(total > 0, sums.squares.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0), 0.0)
    unseen = float((whole**2).sum() / whole.sum()) if whole.sum() > 0 else least
    return Figure(sums=sums, lump=lump, unseen=unseen, per_cost=per_cost)


def _count_wholly(wholly: NDArray[np.int64], piece: PersonCells, whole: Floats) -> None:
    """Add the persons whose attributed conversions lie wholly in one cell."""
    for model, amount in enumerate(piece.conversions):
        inside = (whole > 0) & (amount >= whole * (1 - _WHOLE))
        wholly[model] += np.bincount(piece.cell[inside], minlength=wholly.shape[1])


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums over persons while they are being added up."""

    total: Floats
    squares: Floats
    cubes: Floats
    largest: Floats
    persons: NDArray[np.int64]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> _Sums:
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))

    def add(self, cell: NDArray[np.int64], amounts: Floats) -> None:
        size = self.total.shape[1]
        for model, amount in enumerate(amounts):
            self.total[model] += np.bincount(cell, weights=amount, minlength=size)
            self.squares[model] += np.bincount(cell, weights=amount**2, minlength=size)
            self.cubes[model] += np.bincount(cell, weights=amount**3, minlength=size)
            self.persons[model] += np.bincount(cell[amount > 0], minlength=size)
            np.maximum.at(self.largest[model], cell, amount)

    def frozen(self) -> PersonSums:
        return PersonSums(
            total=self.total, squares=self.squares, cubes=self.cubes, largest=self.largest, persons=self.persons
        )


@dataclass(slots=True, eq=False)
class _Cross:
    """Sums of products of credit and another amount of the same person, while they are being added up."""

    cross: Floats
    top: Floats
    bottom: Floats

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> _Cross:
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def add(self, cell: NDArray[np.int64], amounts: Floats, other: Floats) -> None:
        size = self.cross.shape[1]
        for model, amount in enumerate(amounts):
            both = amount * other
            self.cross[model] += np.bincount(cell, weights=both, minlength=size)
            self.top[model] += np.bincount(cell, weights=both * amount, minlength=size)
            self.bottom[model] += np.bincount(cell, weights=both * other, minlength=size)

    def frozen(self, top: PersonSums, bottom: Floats, drawn: Floats, squares: Floats, cubes: Floats) -> RatioSums:
        return RatioSums(
            top=top, bottom=bottom, drawn=drawn, squares=squares, cubes=cubes,
            cross=self.cross, cross_top=self.top, cross_bottom=self.bottom,
        )  # fmt: skip
