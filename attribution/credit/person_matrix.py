"""Credit per unit of cost that was spent on persons: both move with the persons, and both are kept, sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attribution.credit.person_cells import PersonBlock, map_blocks
from attribution.credit.person_moments import costs, few_absent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Figures", "PersonMatrix", "person_matrix"]


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Linearised quotients of one model.

    Attributes:
        estimate: The quotient of each credited cell; nan where it is undefined.
        parts: Persons x credited cells, sparse: what each person moves it by, and whose sum is its error.
    """

    estimate: Floats
    parts: Any

    def moments(self, contrast: Floats, population: int | None) -> tuple[Floats, Floats]:
        """Variance and third moment of linear combinations of the cells (combinations x cells)."""
        moved = np.asarray(self.parts @ contrast.T)
        first, second, third = moved.sum(axis=0), (moved**2).sum(axis=0), (moved**3).sum(axis=0)
        if population is None or population < 2:
            return second, third
        variance = np.maximum(second - first**2 / population, 0.0) * (population / (population - 1))
        variance = variance + contrast**2 @ self._absent(population)
        return variance, third - 3 * first * second / population + 2 * first**3 / population**2

    def _absent(self, population: int) -> Floats:
        size = abs(self.parts)
        largest = np.asarray(size.max(axis=0).todense()).ravel()
        return few_absent(largest, np.asarray((size > 0).sum(axis=0)).ravel(), population)

    def covariance(self, population: int | None) -> Floats:
        """Credited cells x credited cells."""
        products = np.asarray((self.parts.T @ self.parts).todense())
        first = np.asarray(self.parts.sum(axis=0)).ravel()
        if population is None or population < 2:
            return products
        centred: Floats = (products - np.outer(first, first) / population) * (population / (population - 1))
        return centred + np.diag(self._absent(population))


@dataclass(frozen=True, slots=True, eq=False)
class PersonMatrix:
    """Entries of persons and cells with credit, or with cost.

    Attributes:
        credit: The credit.
        person: Person of each entry.
        cell: Cell of each entry.
        conversions: Models x entries.
        value: Models x entries.
    """

    credit: Credit
    person: NDArray[np.int64]
    cell: NDArray[np.int64]
    conversions: Floats
    value: Floats

    def per_cost(self, model: int, *, of_value: bool) -> Figures:
        """One model's conversions, or value, per unit of cost."""
        return self._per_cost((self.value if of_value else self.conversions)[model])

    def _matrix(self, amounts: Floats, person: Any = None, cell: Any = None) -> Any:
        from scipy import sparse

        person = self.person if person is None else person
        cell = self.cell if cell is None else cell
        kept = np.flatnonzero(cell < self.credit.cells.credited)
        rows = max(self._persons(), 1)
        return sparse.csr_array((amounts[kept], (person[kept], cell[kept])), shape=(rows, self.credit.cells.credited))

    def _persons(self) -> int:
        spend = self.credit.person_spend
        most = int(self.person.max(initial=-1))
        return max(most, -1 if spend is None else int(spend.person.max(initial=-1))) + 1

    def _per_cost(self, amounts: Floats) -> Figures:
        """Credit per unit of cost; where cost is spent on persons, it moves with them."""
        from scipy import sparse

        cells, cost = self.credit.cells, costs(self.credit)
        usable = cost > 0
        divisor = np.where(usable, cost, 1.0)
        parts = self._matrix(amounts)
        rate = np.where(usable, np.asarray(parts.sum(axis=0)).ravel() / divisor, np.nan)
        parts = parts @ sparse.diags_array(np.where(usable, 1 / divisor, 0.0)).tocsr()
        if self.credit.person_spend is not None:
            spent = self.credit.person_spend.in_cells(cells)
            paid = self._matrix(spent.cost, spent.person, spent.cell)
            parts = parts - paid @ sparse.diags_array(np.where(usable, np.nan_to_num(rate) / divisor, 0.0)).tocsr()
        return Figures(rate, parts.tocsr())


def person_matrix(credit: Credit) -> PersonMatrix:
    """The entries of all persons."""
    blocks = list(map_blocks(credit.journeys, credit.models, credit.cells, PersonBlock.entries))
    models = len(credit.models)
    return PersonMatrix(
        credit,
        np.concatenate([np.empty(0, np.int64), *(person for person, *_ in blocks)]),
        np.concatenate([np.empty(0, np.int64), *(cell for _, cell, *_ in blocks)]),
        np.concatenate([np.empty((models, 0)), *(conversions for *_, conversions, _ in blocks)], axis=1),
        np.concatenate([np.empty((models, 0)), *(value for *_, value in blocks)], axis=1),
    )
