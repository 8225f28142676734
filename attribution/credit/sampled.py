"""What every result knows that says how far credit would move with other persons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.records import Records, TabularResult
from attribution.credit.recipe import credit_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.recipe import Recipe
    from attribution.credit.credit import Credit
    from attribution.credit.population import Population

__all__ = ["SampledResult"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class SampledResult(TabularResult):
    """A table with intervals of credit, and what they rest on.

    Attributes:
        records: The rows.
        level: Confidence level.
        population: The persons at risk.
        resampled: The models of paths that were fitted to persons drawn anew, and the resamples that are left out.
        seed: Seed of simulated critical values and of the resampling.
        replicates: Number of resamples.
    """

    records: Records
    level: float
    population: Population
    resampled: Mapping[str, int]
    seed: int
    replicates: int
    _credit: Credit

    def _records(self) -> Records:
        return self.records

    @property
    def recipe(self) -> Recipe:
        """How the credit was made."""
        return credit_recipe(self._credit)
