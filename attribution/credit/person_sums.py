"""Sums over persons that the intervals of a credit table need, in one pass over the journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.credit.person_cells import person_blocks
from attribution.credit.uncertainty import PersonSums, RatioSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.person_cells import Entries, Grid, PersonBlock
    from attribution.credit.person_spend import CellSpend

    Floats = NDArray[np.float64]

__all__ = ["Figure", "TableSums", "table_sums"]

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


def table_sums(credit: Credit, spend: CellSpend | None = None) -> TableSums:
    """The sums of every model and cell; the models of paths in their reading inside journeys."""
    cells = len(credit.cells)
    sums = _Sums.empty(len(credit.models), cells + 1, spent=spend is not None)
    for block in person_blocks(credit.journeys, credit.models, credit.cells):
        sums.add(block, None if spend is None else spend.beside(block))
    attributed = sums.attributed
    total, squares, cubes = (np.full(cells + 1, power) for power in attributed[1:])
    per_cost: tuple[RatioSums | None, ...] = (None, None)
    found = sums.figure(0), sums.figure(1)
    if spend is not None:
        drawn = spend.sums(1)
        of_cost = (drawn + spend.fixed, drawn, spend.sums(2), spend.sums(3))
        per_cost = tuple(_ratio(top, beside, *of_cost) for top, beside in zip(found, sums.beside_cost, strict=True))
    return TableSums(
        conversions=_figure(found[0], attributed, per_cost[0], 1.0),
        value=_figure(found[1], sums.worth, per_cost[1], 0.0),
        share=_ratio(found[0], sums.beside_whole, total, total, squares, cubes),
        outside=int(attributed[0]) - sums.wholly.astype(np.int64),
        touched=int(attributed[0]),
    )


def _ratio(top: PersonSums, beside: Floats, *bottom: Floats) -> RatioSums:
    whole, drawn, squares, cubes = bottom
    cross, cross_top, cross_bottom = beside
    return RatioSums(
        top=top, bottom=whole, drawn=drawn, squares=squares, cubes=cubes,
        cross=cross, cross_top=cross_top, cross_bottom=cross_bottom,
    )  # fmt: skip


def _figure(sums: PersonSums, whole: Floats, per_cost: RatioSums | None, least: float) -> Figure:
    total = sums.total.sum(axis=1, keepdims=True)
    lump = np.where(total > 0, sums.squares.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0), 0.0)
    unseen = float(whole[2] / whole[1]) if whole[1] > 0 else least
    return Figure(sums=sums, lump=lump, unseen=unseen, per_cost=per_cost)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Sums:
    """Sums over persons while blocks of them are added, in order.

    Attributes:
        amounts: Figures (conversions, value) x (sum, squares, cubes, persons with credit) x models x cells.
        largest: Figures x models x cells.
        beside_whole: Sums of c * b, c * c * b and c * b * b with b the person's attributed conversions.
        beside_cost: The same by figure, with b the person's cost in the cell.
        wholly: Persons whose attributed conversions lie wholly in one cell.
        attributed: Number of persons with attributed conversions; sum, squares and cubes of these.
        worth: The same of the value of all conversions.
    """

    amounts: Floats
    largest: Floats
    beside_whole: Floats
    beside_cost: Floats
    wholly: Floats
    attributed: Floats
    worth: Floats

    @classmethod
    def empty(cls, models: int, cells: int, *, spent: bool) -> _Sums:
        table = (models, cells)
        return cls(
            amounts=np.zeros((2, 4, *table)),
            largest=np.zeros((2, *table)),
            beside_whole=np.zeros((3, *table)),
            beside_cost=np.zeros((2 if spent else 0, 3, *table)),
            wholly=np.zeros(table),
            attributed=np.zeros(4),
            worth=np.zeros(4),
        )

    def add(self, block: PersonBlock, cost: Floats | None) -> None:
        layout, cells = block.layout, slice(0, block.layout.cells)
        for powers, whole in ((self.attributed, block.attributed), (self.worth, block.worth)):
            powers += [np.count_nonzero(whole > 0), whole.sum(), (whole**2).sum(), (whole**3).sum()]
        attributed = layout.of_persons(block.attributed)
        nearly = np.where(attributed > 0, attributed * (1 - _WHOLE), np.inf)
        for model in range(len(self.wholly)):
            for figure, amounts in enumerate((block.conversions[model], block.value[model])):
                square = amounts * amounts
                sums = self.amounts[figure, :, model, cells]
                sums[0] += layout.sums(amounts)
                sums[1] += layout.sums(square)
                sums[2] += layout.products(square, amounts)
                sums[3] += layout.count(amounts > 0)
                most = self.largest[figure, model, cells]
                np.maximum(most, layout.largest(amounts), out=most)
                if figure == 0:
                    self.wholly[model, cells] += layout.count(amounts >= nearly)
                    _cross(self.beside_whole[:, model, cells], layout, (amounts, square), attributed)
                if cost is not None:
                    _cross(self.beside_cost[figure, :, model, cells], layout, (amounts, square), cost)

    def figure(self, figure: int) -> PersonSums:
        total, squares, cubes, persons = self.amounts[figure]
        return PersonSums(
            total=total, squares=squares, cubes=cubes, largest=self.largest[figure], persons=persons.astype(np.int64)
        )


def _cross(sums: Floats, layout: Grid | Entries, amounts: tuple[Floats, Floats], other: Floats) -> None:
    """Add the products of credit, and of its squares, with another amount of the same persons."""
    sums[0] += layout.products(amounts[0], other)
    sums[1] += layout.products(amounts[1], other)
    sums[2] += layout.products(amounts[0], other * other)
