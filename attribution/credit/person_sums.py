"""Sums over persons that the intervals of a credit table need, in one pass over the journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.credit.person_cells import map_blocks
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

    def of_block(block: PersonBlock) -> _Sums:
        return _Sums.of(block, cells + 1, None if spend is None else spend.beside(block))

    sums = _Sums.empty(len(credit.models), cells + 1, spent=spend is not None)
    for more in map_blocks(credit.journeys, credit.models, credit.cells, of_block):
        sums.add(more)
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

    @classmethod
    def of(cls, block: PersonBlock, cells: int, cost: Floats | None) -> _Sums:
        layout, here = block.layout, slice(0, block.layout.cells)
        found = cls.empty(len(block.conversions), cells, spent=cost is not None)
        for powers, whole in ((found.attributed, block.attributed), (found.worth, block.worth)):
            powers += [np.count_nonzero(whole > 0), whole.sum(), (whole**2).sum(), (whole**3).sum()]
        attributed = layout.of_persons(block.attributed)
        nearly = np.where(attributed > 0, attributed * (1 - _WHOLE), np.inf)
        for model in range(len(block.conversions)):
            for figure, amounts in enumerate((block.conversions[model], block.value[model])):
                square = amounts * amounts
                found.amounts[figure, :, model, here] = (
                    layout.sums(amounts), layout.sums(square), layout.products(square, amounts),
                    layout.count(amounts > 0),
                )  # fmt: skip
                found.largest[figure, model, here] = np.maximum(layout.largest(amounts), 0.0)
                if figure == 0:
                    found.wholly[model, here] = layout.count(amounts >= nearly)
                    found.beside_whole[:, model, here] = _crossed(layout, amounts, square, attributed)
                if cost is not None:
                    found.beside_cost[figure, :, model, here] = _crossed(layout, amounts, square, cost)
        return found

    def add(self, more: _Sums) -> None:
        """The persons of another block."""
        np.maximum(self.largest, more.largest, out=self.largest)
        for name in ("amounts", "beside_whole", "beside_cost", "wholly", "attributed", "worth"):
            mine: Floats = getattr(self, name)
            mine += getattr(more, name)

    def figure(self, figure: int) -> PersonSums:
        total, squares, cubes, persons = self.amounts[figure]
        return PersonSums(
            total=total, squares=squares, cubes=cubes, largest=self.largest[figure], persons=persons.astype(np.int64)
        )


def _crossed(layout: Grid | Entries, amounts: Floats, square: Floats, other: Floats) -> tuple[Floats, Floats, Floats]:
    """Sums of the products of credit, and of its squares, with another amount of the same persons."""
    return (
        layout.products(amounts, other), layout.products(square, other), layout.products(amounts, other * other),
    )  # fmt: skip
