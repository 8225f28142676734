"""Sums over persons that the intervals of a credit table need, in one pass over the journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.credit.sums import PersonCells, person_cells
from attribution.credit.uncertainty import CreditIntervals, PersonSums, share_interval, total_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit

__all__ = ["credit_intervals"]


def credit_intervals(credit: Credit, *, level: float, population: int | None = None) -> CreditIntervals:
    """Intervals of conversions, value and share per model and cell; one more cell at the end has no credit at all.

    Raises:
        InputError: For a level outside (0, 1), or a population below the number of converting persons.
    """
    level = check_level(level)
    _check_population(population, len(credit.journeys.persons))
    attributed, worth = _person_totals(credit)
    shape = (len(credit.models), len(credit.cells) + 1)
    conversions, value = _Sums.empty(shape), _Sums.empty(shape)
    cross = np.zeros(shape)
    for piece in person_cells(credit.journeys, credit.models, credit.cells):
        conversions.add(piece, piece.conversions)
        value.add(piece, piece.value)
        for model in range(shape[0]):
            both = piece.conversions[model] * attributed[piece.person]
            cross[model] += np.bincount(piece.cell, weights=both, minlength=shape[1])
    low, high = share_interval(
        conversions.frozen(cross),
        float(credit.sums.touched),
        float(np.square(attributed).sum()),
        int((attributed > 0).sum()),
        level=level,
        population=population,
    )
    unseen = float(worth.max()) if len(worth) else 0.0
    none = np.arange(shape[1]) >= credit.cells.credited
    none[-1] = False
    return CreditIntervals(
        conversions=total_interval(conversions.frozen(), level=level, population=population),
        value=total_interval(value.frozen(), level=level, population=population, unseen=unseen),
        share=(np.where(none, np.nan, low), np.where(none, np.nan, high)),
    )


def _check_population(population: int | None, persons: int) -> None:
    if population is None:
        return
    if not isinstance(population, (int, np.integer)) or isinstance(population, bool):
        raise InputError(f"population must be a whole number of persons, got {population!r}.")
    if population < max(persons, 1):
        raise InputError(f"population must be at least the {persons:,} persons with a conversion, got {population!r}.")


def _person_totals(credit: Credit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Attributed conversions per person, and the value of all the person's conversions."""
    journeys = credit.journeys
    persons = len(journeys.persons)
    touched = np.zeros(len(journeys.counted))
    for pairs in journeys.pairs():
        touched[pairs.start : pairs.stop] = pairs.counts > 0
    attributed = np.bincount(journeys.counted.person, weights=touched, minlength=persons)
    worth = np.bincount(journeys.counted.person, weights=journeys.counted.value, minlength=persons)
    return np.asarray(attributed, np.float64), np.asarray(worth, np.float64)


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums over persons while they are being added up."""

    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    largest: NDArray[np.float64]
    persons: NDArray[np.int64]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> _Sums:
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))

    def add(self, piece: PersonCells, amounts: NDArray[np.float64]) -> None:
        size = self.total.shape[1]
        for model, amount in enumerate(amounts):
            self.total[model] += np.bincount(piece.cell, weights=amount, minlength=size)
            self.squares[model] += np.bincount(piece.cell, weights=amount * amount, minlength=size)
            self.persons[model] += np.bincount(piece.cell[amount > 0], minlength=size)
            np.maximum.at(self.largest[model], piece.cell, amount)

    def frozen(self, cross: NDArray[np.float64] | None = None) -> PersonSums:
        return PersonSums(
            total=self.total, squares=self.squares, largest=self.largest, persons=self.persons, cross=cross
        )
