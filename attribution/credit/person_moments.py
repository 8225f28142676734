"""Moments over persons of differences between cells, and covariances of all cells, each in one pass over the journeys.

The credit of a cell is a sum over persons, and so is every difference of cells; what varies is which persons convert. A
share or a quotient by known cost is linearised: it is a sum over persons too. Only sums are kept, no person's credit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from attribution.credit.person_cells import Grid, map_blocks
from attribution.credit.uncertainty import SMALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.person_cells import PersonBlock

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["By", "LinearFigure", "PersonMoments", "costs", "few_absent"]

By = Literal["conversions", "value", "share", "cost_per_conversion", "return_on_spend"]


def costs(credit: Credit) -> Floats:
    """Cost of each credited cell; nan where there is none."""
    cells, spend = credit.cells, credit.spend
    texts = list(zip(*(cells.values(place) for place in range(len(cells.keys))), strict=True))[: cells.credited]
    known = {} if spend is None else spend.cost
    return np.array([known.get(text, np.nan) for text in texts], np.float64)


def few_absent(largest: Floats, persons: Floats, population: int) -> Floats:
    """Variance of each cell from the few persons without credit, where nearly everybody has some."""
    few = (population - persons < SMALL) & (2 * persons > population)
    return np.where(few, largest**2, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class LinearFigure:
    """A figure of one model: the sum over persons of their credit, every cell on a scale of its own.

    Attributes:
        estimate: The figure of each credited cell; nan where it is undefined.
        scale: What the credit of a cell is multiplied by; 0 where the figure is undefined.
        model: Place of the model.
        of_value: Whether the credit is value, not conversions.
        unit: What one conversion moves a share by, 0 for other figures. What a person adds to a share is less the
            share's part of what the person adds to the total.
    """

    estimate: Floats
    scale: Floats
    model: int
    of_value: bool
    unit: float
    _all: PersonMoments

    def moments(self, contrast: Floats, population: int | None) -> tuple[Floats, Floats]:
        """Variance and third moment of linear combinations of the cells (combinations x cells)."""
        found = self._all.moved(contrast)[id(self)]
        first, second, third, involved = found.powers
        # A few persons who are all alike show no spread of a share; one more person, wholly on one side, would.
        shift = self.unit * (1 + np.abs(_times(contrast, self.estimate)))
        second = second + np.where((involved < SMALL) | (second < shift**2), shift**2, 0.0)
        if population is None or population < 2:
            return second, third
        variance = np.maximum(second - first**2 / population, 0.0) * (population / (population - 1))
        if not self.unit:
            variance = variance + _times(contrast**2, few_absent(found.largest, found.persons, population))
        return variance, third - 3 * first * second / population + 2 * first**3 / population**2

    def covariance(self, population: int | None) -> Floats:
        """Credited cells x credited cells, of a figure that is no share."""
        products, first, found = self._all.products(self)
        scale = self.scale
        products, first = products * np.outer(scale, scale), first * scale
        if population is None or population < 2:
            return products
        centred: Floats = (products - np.outer(first, first) / population) * (population / (population - 1))
        persons = np.where(scale > 0, found.persons, 0.0)
        return centred + np.diag(few_absent(found.largest * scale, persons, population))


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """What combinations of cells move by, summed over persons.

    Attributes:
        powers: Sum, squares and cubes of what each person moves a combination by, and persons with credit in its cells.
        largest: Largest credit of a person in each cell.
        persons: Persons with credit in each cell.
    """

    powers: Floats
    largest: Floats
    persons: Floats

    def added(self, more: _Moved) -> _Moved:
        largest = np.maximum(self.largest, more.largest)
        return _Moved(self.powers + more.powers, largest, self.persons + more.persons)


@dataclass(frozen=True, slots=True, eq=False)
class PersonMoments:
    """The figures of all models of a credit; one pass serves all of them."""

    credit: Credit
    _figures: dict[tuple[int, By], LinearFigure] = field(default_factory=dict)
    _found: dict[bytes, dict[int, _Moved]] = field(default_factory=dict)
    _products: dict[bool, list[tuple[Floats, Floats, _Moved]]] = field(default_factory=dict)

    @classmethod
    def of(cls, credit: Credit) -> PersonMoments:
        """The figures, before any pass."""
        found = cls(credit)
        bys: list[By] = ["conversions", "value", "share"]
        if credit.spend is not None:
            bys += ["cost_per_conversion", "return_on_spend"]
        for model in range(len(credit.models)):
            for by in bys:
                found._figures[model, by] = found._figure(model, by)
        return found

    def figure(self, model: int, by: By) -> LinearFigure:
        """One model's figure; quotients by cost take the cost as known."""
        return self._figures[model, by]

    def _figure(self, model: int, by: By) -> LinearFigure:
        of_value = by in ("value", "return_on_spend")
        sums = self.credit.sums.inside_value if of_value else self.credit.sums.inside_conversions
        total = sums[model, : self.credit.cells.credited]
        scale, unit = np.ones(len(total)), 0.0
        if by == "share":
            whole = float(total.sum())
            unit = 1 / whole if whole > 0 else 0.0
            scale = np.full(len(total), unit)
        elif by in ("cost_per_conversion", "return_on_spend"):
            cost = costs(self.credit)
            scale = np.where(cost > 0, 1 / np.where(cost > 0, cost, 1.0), 0.0)
        return LinearFigure(np.where(scale > 0, total * scale, np.nan), scale, model, of_value, unit, self)

    def moved(self, contrast: Floats) -> dict[int, _Moved]:
        """What combinations of cells move by in every figure, by its id."""
        key = contrast.tobytes()
        if key not in self._found:
            figures = list(self._figures.values())
            total: list[_Moved] | None = None
            credit = self.credit
            for more in map_blocks(
                credit.journeys,
                credit.models,
                credit.cells,
                lambda block: [_moved(block, f, contrast) for f in figures],
            ):
                total = more if total is None else [one.added(other) for one, other in zip(total, more, strict=True)]
            if total is None:
                size = contrast.shape[1]
                total = [_Moved(np.zeros((4, len(contrast))), np.zeros(size), np.zeros(size)) for _ in figures]
            self._found[key] = {id(figure): moved for figure, moved in zip(figures, total, strict=True)}
        return self._found[key]

    def products(self, figure: LinearFigure) -> tuple[Floats, Floats, _Moved]:
        """Sums over persons of the products of their credit in two cells, and of the credit; largest and persons."""
        of_value = figure.of_value
        if of_value not in self._products:
            size, credit = self.credit.cells.credited, self.credit
            nobody = _Moved(np.zeros((4, 0)), np.zeros(size), np.zeros(size))
            total = [(np.zeros((size, size)), np.zeros(size), nobody) for _ in credit.models]
            for more in map_blocks(
                credit.journeys, credit.models, credit.cells, lambda block: _products(block, size, of_value=of_value)
            ):
                total = [
                    (one[0] + other[0], one[1] + other[1], one[2].added(other[2]))
                    for one, other in zip(total, more, strict=True)
                ]
            self._products[of_value] = total
        return self._products[of_value][figure.model]


def _times(contrast: Floats, cells: Floats) -> Floats:
    """Combinations of a figure of the cells; 0 where it is undefined."""
    found: Floats = np.einsum("kc,c->k", contrast, np.nan_to_num(cells))
    return found


def _moved(block: PersonBlock, figure: LinearFigure, contrast: Floats) -> _Moved:
    layout = block.layout
    amounts = (block.value if figure.of_value else block.conversions)[figure.model]
    less = _times(contrast, figure.estimate)
    powers = np.zeros((4, len(contrast)))
    for place, weight in enumerate(contrast):
        moved, held = _of_persons(block, amounts, weight, figure.scale)
        if figure.unit:
            moved = moved - block.attributed * (figure.unit * less[place])
        square = moved * moved
        powers[:, place] = moved.sum(), square.sum(), np.einsum("p,p->", square, moved), np.count_nonzero(held)
    size = contrast.shape[1]
    return _Moved(
        powers,
        layout.largest(np.abs(amounts))[:size] * figure.scale,
        np.where(figure.scale > 0, layout.count(amounts != 0)[:size], 0.0),
    )


def _of_persons(block: PersonBlock, amounts: Floats, weight: Floats, scale: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """A combination of the cells for each person, and who has credit in one of them."""
    layout, used, each = block.layout, np.flatnonzero(weight), weight * scale
    if isinstance(layout, Grid):
        moved, held = np.zeros(block.persons), np.zeros(block.persons, bool)
        for cell in used.tolist():
            moved += amounts[cell] * each[cell]
            held |= amounts[cell] * scale[cell] != 0
        return moved, held
    kept = np.flatnonzero(np.isin(layout.cell, used))
    person, cells = layout.person[kept], layout.cell[kept]
    some = person[amounts[kept] * scale[cells] != 0]
    return (
        np.asarray(np.bincount(person, weights=amounts[kept] * each[cells], minlength=block.persons), np.float64),
        np.bincount(some, minlength=block.persons) > 0,
    )


def _products(block: PersonBlock, size: int, *, of_value: bool) -> list[tuple[Floats, Floats, _Moved]]:
    """Per model: cells x cells, cells, and largest and persons."""
    layout = block.layout
    found = []
    for amounts in block.value if of_value else block.conversions:
        if isinstance(layout, Grid):
            # einsum, not @: the order in which a BLAS adds may depend on its threads.
            products: Floats = np.einsum("cp,dp->cd", amounts[:size], amounts[:size])
        else:
            products = _sparse_products(layout.person, layout.cell, amounts, (block.persons, layout.cells))[
                :size, :size
            ]
        most = _Moved(np.zeros((4, 0)), layout.largest(np.abs(amounts))[:size], layout.count(amounts != 0)[:size])
        found.append((products, layout.sums(amounts)[:size], most))
    return found


def _sparse_products(
    person: NDArray[np.int64], cell: NDArray[np.int64], amounts: Floats, shape: tuple[int, int]
) -> Floats:
    from scipy import sparse

    table = sparse.csr_array((amounts, (person, cell)), shape=shape)
    return np.asarray((table.T @ table).toarray(), np.float64)
