"""The intervals of a credit table: by linearisation over persons, and by resampling persons for models of paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.randomness import check_seed
from attribution.credit.interval_notes import undefined_resamples
from attribution.credit.path_intervals import path_spreads
from attribution.credit.person_sums import table_sums
from attribution.credit.population import resolve_population
from attribution.credit.resampling import check_replicates
from attribution.credit.uncertainty import ratio_interval, share_interval, total_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.path_intervals import PathSpread, Spread
    from attribution.credit.person_sums import Figure, TableSums
    from attribution.credit.population import Population

    Ends: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["CreditIntervals", "credit_intervals", "refuse_options"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CreditIntervals:
    """Lower and upper ends, each models x cells (and a last cell without credit); nan where an interval is not defined.

    Attributes:
        conversions: Ends of credited conversions.
        value: Ends of credited value.
        share: Ends of the share of attributed conversions.
        conversions_per_cost: Ends of conversions per unit of cost; None when the cost is taken as known.
        value_per_cost: Ends of value per unit of cost; None when the cost is taken as known.
        population: The persons at risk.
        resampled: Models whose intervals come from drawing persons anew, with the number of replicates left out.
    """

    conversions: Ends
    value: Ends
    share: Ends
    conversions_per_cost: Ends | None
    value_per_cost: Ends | None
    population: Population
    resampled: Mapping[str, int]


def credit_intervals(
    credit: Credit, *, level: float, population: int | None = None, seed: int = 0, replicates: int | None = None
) -> CreditIntervals:
    """Intervals of conversions, value and share per model and cell; one more cell at the end has no credit at all.

    Raises:
        InputError: For a level outside (0, 1), a population below the number of converting persons, an unusable seed or
        number of replicates.
    """
    level = check_level(level)
    check_seed(seed)
    wanted = check_replicates(replicates)
    found = resolve_population(credit, population)
    spend = None if credit.person_spend is None else credit.person_spend.in_cells(credit.cells)
    sums = table_sums(credit, spend)
    spreads = path_spreads(credit, population=found, seed=seed, replicates=wanted)
    per_cost = [_per_cost(figure, level, found.size) for figure in (sums.conversions, sums.value)]
    return CreditIntervals(
        conversions=_put(_totals(sums.conversions, level, found.size), spreads, "conversions", level),
        value=_put(_totals(sums.value, level, found.size), spreads, "value", level),
        share=_open(_put(_shares(credit, sums, level, found.size), spreads, "share", level), sums.touched),
        conversions_per_cost=_without(per_cost[0], spreads),
        value_per_cost=_without(per_cost[1], spreads),
        population=found,
        resampled=undefined_resamples(credit, spreads),
    )


def refuse_options(*, population: int | None, seed: int, replicates: int | None) -> None:
    """Raise `InputError` for options that serve intervals where none are asked for."""
    asked = {"population": population is not None, "seed": seed != 0, "replicates": replicates is not None}
    for name, given in asked.items():
        if given:
            raise InputError(f"{name}= serves the intervals; pass level= too, for example level=0.95.")


def _put(ends: Ends, spreads: Mapping[int, PathSpread], figure: str, level: float) -> Ends:
    """The ends with those of the models of paths in their place."""
    for place, spread in spreads.items():
        one: Spread = getattr(spread, figure)
        for end, own in zip(ends, one.ends(level), strict=True):
            end[place, : len(own)] = own
    return ends


def _open(ends: Ends, touched: int) -> Ends:
    """Shares of fewer than two touched persons, under every model: they say nothing."""
    low, high = ends
    return (np.minimum(low, 0.0), np.maximum(high, 1.0)) if touched < 2 else ends


def _without(ends: Ends | None, spreads: Mapping[int, PathSpread]) -> Ends | None:
    """The quotients by cost of the models of single journeys; those of the others follow from their totals."""
    if ends is None:
        return None
    for end in ends:
        end[list(spreads)] = np.nan
    return ends


def _totals(figure: Figure, level: float, population: int | None) -> Ends:
    return total_interval(figure.sums, level=level, population=population, lump=figure.lump, unseen=figure.unseen)


def _per_cost(figure: Figure, level: float, population: int | None) -> Ends | None:
    if figure.per_cost is None:
        return None
    return ratio_interval(figure.per_cost, level=level, population=population, lump=figure.lump, unseen=figure.unseen)


def _shares(credit: Credit, sums: TableSums, level: float, population: int | None) -> Ends:
    low, high = share_interval(
        sums.share, sums.outside, sums.touched, level=level, population=population, unseen=sums.conversions.unseen
    )
    none = np.arange(low.shape[1]) >= credit.cells.credited
    none[-1] = False
    return np.where(none, np.nan, low), np.where(none, np.nan, high)
