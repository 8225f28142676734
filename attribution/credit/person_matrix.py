"""The credit of every person in every cell as sparse matrices: for differences of two cells, and all pairs of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attribution.credit.person_cells import PersonBlock, map_blocks
from attribution.credit.uncertainty import SMALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Figures", "PersonMatrix", "person_matrix"]


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Linearised figures of one model.

    Attributes:
        estimate: The figure of each credited cell; nan where it is undefined.
        parts: Persons x credited cells, sparse: what each person moves the figure by, and whose sum is its error.
        whole: One number per person: what moves all figures in proportion to the estimate; None where nothing does.
        unit: What one conversion moves a share by; 0 for other figures.
    """

    estimate: Floats
    parts: Any
    whole: Floats | None = None
    unit: float = 0.0

    def moments(self, contrast: Floats, population: int | None) -> tuple[Floats, Floats]:
        """Variance and third moment of linear combinations of the cells (combinations x cells)."""
        moved = self._moved(contrast)
        first, second, third = moved.sum(axis=0), (moved**2).sum(axis=0), (moved**3).sum(axis=0)
        # A few persons who are all alike show no spread of a share; one more person, wholly on one side, would.
        involved = np.asarray(abs(self.parts) @ (contrast != 0).T.astype(np.float64) > 0).sum(axis=0)
        shift = self.unit * (1 + np.abs(contrast @ np.nan_to_num(self.estimate)))
        second = second + np.where((involved < SMALL) | (second < shift**2), shift**2, 0.0)
        if population is None or population < 2:
            return second, third
        variance = np.maximum(second - first**2 / population, 0.0) * (population / (population - 1))
        variance = variance + contrast**2 @ self._absent(population)
        return variance, third - 3 * first * second / population + 2 * first**3 / population**2

    def _moved(self, contrast: Floats) -> Floats:
        moved = np.asarray(self.parts @ contrast.T)
        if self.whole is not None:
            moved = moved - self.whole[:, None] * (contrast @ np.nan_to_num(self.estimate))
        return moved

    def _absent(self, population: int) -> Floats:
        """Variance of each cell from the few persons without credit, where nearly everybody has some."""
        if self.whole is not None:
            return np.zeros(len(self.estimate))
        size = abs(self.parts)
        largest = np.asarray(size.max(axis=0).todense()).ravel()
        persons = np.asarray((size > 0).sum(axis=0)).ravel()
        few = (population - persons < SMALL) & (2 * persons > population)
        return np.where(few, largest**2, 0.0)

    def covariance(self, population: int | None) -> Floats:
        """Credited cells x credited cells."""
        products = np.asarray((self.parts.T @ self.parts).todense())
        first = np.asarray(self.parts.sum(axis=0)).ravel()
        if self.whole is not None:
            known = np.nan_to_num(self.estimate)
            cross = np.outer(np.asarray(self.parts.T @ self.whole).ravel(), known)
            products = products - cross - cross.T + np.outer(known, known) * float((self.whole**2).sum())
            first = first - known * float(self.whole.sum())
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

    def figures(self, model: int, by: str) -> Figures:
        """One model's figure: "conversions", "value", "share", or "conversions" or "value" per unit of cost."""
        if by in ("conversions", "value"):
            amounts = self.conversions if by == "conversions" else self.value
            parts = self._matrix(amounts[model])
            return Figures(np.asarray(parts.sum(axis=0)).ravel(), parts)
        if by == "share":
            parts = self._matrix(self.conversions[model])
            whole = np.asarray(parts.sum(axis=1)).ravel()
            total = float(whole.sum())
            if total <= 0:
                return Figures(np.full(parts.shape[1], np.nan), parts)
            return Figures(np.asarray(parts.sum(axis=0)).ravel() / total, parts / total, whole / total, 1 / total)
        return self._per_cost(self.conversions[model] if by == "cost_per_conversion" else self.value[model])

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

    def costs(self) -> Floats:
        """Cost of each credited cell; nan where there is none."""
        cells, spend = self.credit.cells, self.credit.spend
        texts = list(zip(*(cells.values(place) for place in range(len(cells.keys))), strict=True))[: cells.credited]
        known = {} if spend is None else spend.cost
        return np.array([known.get(text, np.nan) for text in texts], np.float64)

    def _per_cost(self, amounts: Floats) -> Figures:
        """Credit per unit of cost; where cost is spent on persons, it moves with them."""
        from scipy import sparse

        cells, cost = self.credit.cells, self.costs()
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
