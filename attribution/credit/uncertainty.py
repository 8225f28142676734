"""Intervals of credit, clustered by person: what varies is which persons convert, with all their journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["SMALL", "CreditIntervals", "PersonSums", "share_interval", "total_interval"]

# Below this many persons with credit in a cell the normal approximation is not used.
SMALL = 30


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CreditIntervals:
    """Lower and upper ends, each models x cells (and a last cell without credit); nan where an interval is not defined.

    Attributes:
        conversions: Ends of credited conversions.
        value: Ends of credited value.
        share: Ends of the share of attributed conversions.
    """

    conversions: tuple[Floats, Floats]
    value: tuple[Floats, Floats]
    share: tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonSums:
    """Sums over persons of their credit c in each cell (models x cells).

    Attributes:
        total: Sum of c.
        squares: Sum of c squared.
        largest: Largest c.
        persons: Number of persons with c > 0.
        cross: Sum of c times the person's whole attributed credit T; None where no share is wanted.
    """

    total: Floats
    squares: Floats
    largest: Floats
    persons: NDArray[np.int64]
    cross: Floats | None = None


def total_interval(
    sums: PersonSums, *, level: float, population: int | None = None, unseen: float = 1.0
) -> tuple[Floats, Floats]:
    """Interval of a total of credit.

    With at least 30 persons: total -+ z * sqrt(variance), never below 0. The variance is the sum of squares of the
    persons' credits when the number N of persons at risk is unknown, and (squares - total^2 / N) * N / (N - 1) when
    it is known. Below 30: the gamma interval of Fay and Feuer for a weighted sum of Poisson counts.

    Args:
        sums: Sums over persons.
        level: Confidence level.
        population: N, or None.
        unseen: Credit that one more person would bring to a cell where nobody has any.

    References:
        Fay and Feuer 1997, Confidence intervals for directly standardized rates, Statistics in Medicine 16, 791-801.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    variance = sums.squares
    if population is not None and population > 1:
        variance = np.maximum(sums.squares - sums.total**2 / population, 0.0) * (population / (population - 1))
    half = z * np.sqrt(variance)
    low, high = np.maximum(sums.total - half, 0.0), sums.total + half
    few = sums.persons < SMALL
    gamma_low, gamma_high = _gamma(sums, level, unseen)
    return np.where(few, gamma_low, low), np.where(few, gamma_high, high)


def _gamma(sums: PersonSums, level: float, unseen: float) -> tuple[Floats, Floats]:
    """Fay and Feuer's ends: chi-square quantiles matched to the mean and variance of the weighted sum."""
    alpha = 1.0 - level
    seen = (sums.total > 0) & (sums.squares > 0)
    total, squares = np.where(seen, sums.total, 1.0), np.where(seen, sums.squares, 1.0)
    low = np.where(seen, squares / (2 * total) * _chi_square(alpha / 2, 2 * total**2 / squares), 0.0)
    weight = np.where(seen, sums.largest, unseen)
    total, squares = np.where(seen, sums.total, 0.0) + weight, np.where(seen, sums.squares, 0.0) + weight**2
    usable = total > 0
    total, squares = np.where(usable, total, 1.0), np.where(usable, squares, 1.0)
    high = np.where(usable, squares / (2 * total) * _chi_square(1 - alpha / 2, 2 * total**2 / squares), 0.0)
    return low, high


def _chi_square(probability: float, freedom: Floats) -> Floats:
    from scipy.special import gammainccinv, gammaincinv

    if probability > 0.5:
        return np.asarray(2 * gammainccinv(freedom / 2, 1 - probability))
    return np.asarray(2 * gammaincinv(freedom / 2, probability))


def share_interval(
    sums: PersonSums,
    attributed: float,
    attributed_squares: float,
    touched_persons: int,
    *,
    level: float,
    population: int | None = None,
) -> tuple[Floats, Floats]:
    """Interval of a cell's share s of all attributed credit, by linearising the ratio.

    The variance is sum_i (c_i - s T_i)^2 / T^2 over persons i, with c_i the person's credit in the cell, T_i the
    person's whole credit, T its sum. With at least 30 persons in the cell: s -+ z * se, cut at 0 and 1. Below: max(s,
    1 - s)^2 is added to the sum (one more person with one conversion, wholly inside or outside the cell, so that a
    few persons who are all alike do not give a point) and the interval is taken on the logit scale; a cell without
    credit (or with all of it) gets the end that one more person would allow by the gamma interval of a total. Fewer
    than two touched persons say nothing: (0, 1). Nothing attributed: nan.
    """
    from scipy.special import expit, logit, ndtri

    if sums.cross is None or attributed <= 0:
        unknown = np.full(sums.total.shape, np.nan)
        return unknown, unknown.copy()
    if touched_persons < 2:
        return np.zeros(sums.total.shape), np.ones(sums.total.shape)
    z = float(ndtri(0.5 + level / 2))
    share = np.clip(sums.total / attributed, 0.0, 1.0)
    few = sums.persons < SMALL
    spread = np.maximum(sums.squares - 2 * share * sums.cross + share**2 * attributed_squares, 0.0)
    # A few persons who are all alike show no spread; one more person, wholly in the cell or wholly outside it, would.
    spread = spread + np.where(few, np.maximum(share, 1 - share) ** 2, 0.0)
    factor = population / (population - 1) if population is not None and population > 1 else 1.0
    error = np.sqrt(spread * factor) / attributed
    low, high = np.maximum(share - z * error, 0.0), np.minimum(share + z * error, 1.0)
    inside = (share > 0) & (share < 1)
    middle = np.where(inside, share, 0.5)
    step = z * error / (middle * (1 - middle))
    nothing = PersonSums(total=np.zeros(1), squares=np.zeros(1), largest=np.zeros(1), persons=np.zeros(1, np.int64))
    more = float(_gamma(nothing, level, 1.0)[1][0])
    few_low = np.where(inside, expit(logit(middle) - step), np.where(share >= 1, attributed / (attributed + more), 0.0))
    few_high = np.where(inside, expit(logit(middle) + step), np.where(share <= 0, more / (attributed + more), 1.0))
    edge = ~inside
    return np.where(few | edge, few_low, low), np.where(few | edge, few_high, high)
