"""One figure of every model with what is needed to compare its cells: moments of differences, and a covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.credit.path_intervals import path_spreads
from attribution.credit.person_matrix import person_matrix
from attribution.credit.person_moments import By, PersonMoments, costs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.path_intervals import PathSpread, Spread
    from attribution.credit.person_matrix import Figures, PersonMatrix
    from attribution.credit.person_moments import LinearFigure
    from attribution.credit.population import Population

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["By", "Comparable", "Contrasts", "check_by"]

_ORDERS = ("conversions", "value", "cost_per_conversion", "return_on_spend")


def check_by(credit: Credit, by: str) -> None:
    """Raise `InputError` unless cells can be ordered by a figure.

    Raises:
        InputError: For an unknown figure, value without a value column, or a quotient by cost without costs.
    """
    if by not in _ORDERS:
        raise InputError(f"by must be one of {', '.join(map(repr, _ORDERS))}, got {by!r}. {closest(str(by), _ORDERS)}")
    if by in ("value", "return_on_spend") and not credit.journeys.conversions.has_value:
        raise InputError(f"by={by!r} needs the value of the conversions, and their table has no value column.")
    if by in ("cost_per_conversion", "return_on_spend") and credit.spend is None:
        raise InputError(f"by={by!r} needs costs. Call credit.with_costs(spend) first.")


@dataclass(frozen=True, slots=True, eq=False)
class Comparable:
    """A figure of one model in every credited cell; quotients by cost as credit per unit of cost: more is better.

    Attributes:
        estimate: The figure; nan where it is undefined.
    """

    estimate: Floats
    _linear: LinearFigure | Figures | None
    _drawn: Spread | None
    _scale: Floats | None
    _population: int | None

    def moments(self, contrast: Floats) -> tuple[Floats, Floats]:
        """Variance and third moment of linear combinations of the cells (combinations x cells)."""
        if self._drawn is not None:
            return self._drawn.moments(contrast if self._scale is None else contrast * self._scale)
        if self._linear is None:
            raise InputError("a figure needs persons or replicates.")
        return self._linear.moments(contrast, self._population)

    def covariance(self) -> Floats:
        """Credited cells x credited cells."""
        if self._drawn is not None:
            scale = 1.0 if self._scale is None else np.outer(self._scale, self._scale)
            found: Floats = self._drawn.covariance() * scale
            return found
        if self._linear is None:
            raise InputError("a figure needs persons or replicates.")
        return self._linear.covariance(self._population)


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """The figures of a credit, ready to be compared.

    Attributes:
        credit: The credit.
        population: Number of persons at risk, or None.
        spreads: The models of paths that were resampled, by place.
    """

    credit: Credit
    population: int | None
    spreads: Mapping[int, PathSpread]
    _moments: PersonMoments
    _matrices: list[PersonMatrix]

    @classmethod
    def of(cls, credit: Credit, *, population: Population, seed: int, replicates: int) -> Contrasts:
        """The persons' credits, and the replicates of the models of paths."""
        spreads = path_spreads(credit, population=population, seed=seed, replicates=replicates)
        return cls(credit, population.size, spreads, PersonMoments.of(credit), [])

    def figure(self, model: int, by: By) -> Comparable:
        """A figure of one model."""
        if model not in self.spreads:
            linear = self._linear(model, by)
            return Comparable(linear.estimate, linear, None, None, self.population)
        spread = self.spreads[model]
        if by in ("conversions", "value", "share"):
            drawn: Spread = getattr(spread, by)
            return Comparable(drawn.estimate, None, drawn, None, self.population)
        drawn = spread.conversions if by == "cost_per_conversion" else spread.value
        cost = costs(self.credit)
        scale = np.where(cost > 0, 1 / np.where(cost > 0, cost, 1.0), 0.0)
        estimate = np.where(cost > 0, drawn.estimate * scale, np.nan)
        return Comparable(estimate, None, drawn, scale, self.population)

    def _linear(self, model: int, by: By) -> LinearFigure | Figures:
        if self.credit.person_spend is None or by not in ("cost_per_conversion", "return_on_spend"):
            return self._moments.figure(model, by)
        if not self._matrices:
            self._matrices.append(person_matrix(self.credit))
        return self._matrices[0].per_cost(model, of_value=by == "return_on_spend")

    def models(self) -> Iterator[tuple[int, str]]:
        """Place and name of every model."""
        return enumerate(model.name for model in self.credit.models)
