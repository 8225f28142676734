"""Does the retention of a cohort rise from period to period beyond chance? The same persons are observed in all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.tails import p_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST_MOVED", "TREND_ALARM", "Trend", "rising"]

FEWEST_MOVED = 20  # persons whose own periods have a slope, below which nothing is tested (judgement)
TREND_ALARM = 1e-3  # Holm-adjusted, over the cohorts: what all probabilistic findings of a report share
_FEWEST_PERIODS = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trend:
    """The trend of one cohort over its observed periods.

    Attributes:
        cohort: Number of the cohort.
        periods: Periods that take part.
        size: Persons of the cohort.
        moved: Persons whose own periods have a slope.
        slope: Change of the retention per period, least squares over the periods.
        z: The sum of the persons' scores over the root of their sum of squares; None when not tested.
        p_value: One-sided, for a rise; None when not tested.
        p_adjusted: By Holm over the cohorts tested.
    """

    cohort: int
    periods: int
    size: int
    moved: int
    slope: float | None
    z: float | None
    p_value: float | None
    p_adjusted: float | None


def rising(
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    cohort: NDArray[np.int64],
    observed: NDArray[np.int64],
    *,
    first: int,
) -> tuple[Trend, ...]:
    """Test every cohort for retention that rises with the period.

    Each person's score is the sum over its periods of (k - mean k) times whether it was there in k. Without a trend the
    scores of a cohort have mean 0; the sum over the root of the sum of squares is McNemar's statistic when there are
    two periods, and takes care of the dependence of the periods of one person whatever it is.

    Args:
        pairs: Person and period of every retained (person, period), each pair once.
        cohort: Cohort of every person.
        observed: Periods that each cohort has in full.
        first: The first period that takes part: 1 where the first act takes up the beginning of period 0.
    """
    person, period = pairs
    width = observed - first
    middle = first + (width - 1) / 2.0
    of = cohort[person]
    used = (period >= first) & (period < observed[of]) & (width[of] >= _FEWEST_PERIODS)
    weight = period[used] - middle[of[used]]
    score = np.bincount(person[used], weights=weight, minlength=len(cohort))
    total = np.bincount(cohort, weights=score, minlength=len(observed))
    square = np.bincount(cohort, weights=score**2, minlength=len(observed))
    moved = np.bincount(cohort, weights=score != 0.0, minlength=len(observed)).astype(np.int64)
    size = np.bincount(cohort, minlength=len(observed))
    tested = (width >= _FEWEST_PERIODS) & (moved >= FEWEST_MOVED)
    z = [float(total[place] / math.sqrt(square[place])) if tested[place] else None for place in range(len(observed))]
    p = [None if value is None else p_value(value, "greater") for value in z]
    adjusted = adjust_pvalues(p, method="holm")
    spread = np.maximum(width * (width**2 - 1.0) / 12.0, 0.5)  # sum of (k - mean k)^2; 0.5 for two
    return tuple(
        Trend(
            cohort=place, periods=max(int(width[place]), 0), size=int(size[place]), moved=int(moved[place]),
            slope=float(total[place] / size[place] / spread[place]) if width[place] >= _FEWEST_PERIODS else None,
            z=z[place], p_value=p[place], p_adjusted=adjusted[place],
        )
        for place in range(len(observed))
    )  # fmt: skip
