"""Intervals of credit, clustered by person: what varies is which persons convert, with all their journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "SMALL", "PersonSums", "RatioSums", "hall", "hall_ends", "hall_inverse", "ratio_interval", "share_interval",
    "total_interval",
]  # fmt: skip

# Below this many persons with credit in a cell the ends of a second method count too; measured in docs/verification.md.
SMALL = 30


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonSums:
    """Sums over persons of their credit c in each cell (models x cells).

    Attributes:
        total: Sum of c.
        squares: Sum of c squared.
        cubes: Sum of c cubed.
        largest: Largest c.
        persons: Number of persons with c > 0.
    """

    total: Floats
    squares: Floats
    cubes: Floats
    largest: Floats
    persons: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RatioSums:
    """Sums over persons for a ratio: credit c in a cell over b, which is the person's whole credit, or cost.

    Attributes:
        top: Sums of c.
        bottom: What the total of c is divided by.
        drawn: The part of `bottom` that comes from persons; the rest (fixed cost) does not vary.
        squares: Sum of b squared.
        cubes: Sum of b cubed.
        cross: Sum of c * b.
        cross_top: Sum of c * c * b.
        cross_bottom: Sum of c * b * b.
    """

    top: PersonSums
    bottom: Floats
    drawn: Floats
    squares: Floats
    cubes: Floats
    cross: Floats
    cross_top: Floats
    cross_bottom: Floats


def hall(studentised: Floats, skewness: Floats) -> Floats:
    """Hall's transformation of a studentised value: nearly normal when the value is skewed."""
    found: Floats = studentised + skewness * studentised**2 / 3 + skewness**2 * studentised**3 / 27 + skewness / 6
    return found


def hall_inverse(y: float, skewness: Floats) -> Floats:
    """The studentised value that Hall's transformation takes to ``y``: y itself where there is no skewness.

    References:
        Hall 1992, On the removal of skewness by transformation, Journal of the Royal Statistical Society B 54, 221-228.
    """
    skewed = np.abs(skewness) > 1e-9
    g = np.where(skewed, skewness, 1.0)
    u = g * (y - g / 6)
    mild = np.abs(u) < 0.5
    root = np.where(mild, np.expm1(np.log1p(np.where(mild, u, 0.0)) / 3), np.cbrt(1 + u) - 1)
    return np.where(skewed, 3 / g * root, y)


def total_interval(
    sums: PersonSums, *, level: float, population: int | None = None, lump: Floats | float = 0.0, unseen: float = 1.0
) -> tuple[Floats, Floats]:
    """Interval of a total of credit; never below 0.

    With at least 30 persons: total - sqrt(variance) * h, with h the normal quantiles bent by Hall's transformation,
    which takes the skewness of the persons' credits out of the studentised total. The variance is the sum of squares of
    the persons' credits when the number N of persons at risk is unknown, and (squares - total^2 / N) * N / (N - 1)
    when it is known. Below 30: the gamma interval of Fay and Feuer for a weighted sum of Poisson counts, with a sum of
    squares of at least lump * total and a largest credit of at least one lump: a handful of persons with one conversion
    each does not show that nobody has ten.

    Args:
        sums: Sums over persons.
        level: Confidence level.
        population: N, or None.
        lump: In what lumps persons bring credit: squares over total, added up over all cells of the table.
        unseen: Credit that one more person would bring to a cell where nobody has any.

    References:
        Fay and Feuer 1997, Confidence intervals for directly standardized rates, Statistics in Medicine 16, 791-801;
        Hall 1992 (`hall_inverse`).
    """
    variance, third = _centred(sums.total, sums.squares, sums.cubes, population)
    if population is not None:
        # Nearly everybody has credit: those few without are as rare as few persons with credit.
        variance = variance + np.where(population - sums.persons < SMALL, sums.largest**2, 0.0)
    low, high = hall_ends(sums.total, variance, third, level)
    few = sums.persons < SMALL
    gamma_low, gamma_high = _gamma(sums.total, sums.squares, sums.largest, level, lump, unseen)
    return np.maximum(np.where(few, gamma_low, low), 0.0), np.where(few, gamma_high, high)


def _centred(total: Floats, squares: Floats, cubes: Floats, population: int | None) -> tuple[Floats, Floats]:
    """Second and third moment sums: about 0 when N is unknown, about the mean of all N persons when it is known."""
    if population is None or population < 2:
        return squares, cubes
    second = np.maximum(squares - total**2 / population, 0.0) * (population / (population - 1))
    return second, cubes - 3 * total * squares / population + 2 * total**3 / population**2


def hall_ends(total: Floats, variance: Floats, third: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of an interval from the variance and the third central moment of an estimate, by Hall's transformation."""
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    error, skewness = np.sqrt(variance), _skewness(variance, third)
    low, high = total - error * hall_inverse(z, skewness), total - error * hall_inverse(-z, skewness)
    return np.minimum(low, total), np.maximum(high, total)  # at levels near 0 the bend exceeds the quantile


def _skewness(variance: Floats, third: Floats) -> Floats:
    varies = variance > 0
    return np.where(varies, third / np.where(varies, variance, 1.0) ** 1.5, 0.0)


def _gamma(
    total: Floats, squares: Floats, largest: Floats, level: float, lump: Floats | float, unseen: float
) -> tuple[Floats, Floats]:
    """Fay and Feuer's ends: chi-square quantiles matched to the mean and variance of the weighted sum."""
    alpha = 1.0 - level
    squares = np.maximum(squares, lump * total)
    seen = (total > 0) & (squares > 0)
    mean, variance = np.where(seen, total, 1.0), np.where(seen, squares, 1.0)
    low = np.where(seen, variance / (2 * mean) * _chi_square(alpha / 2, 2 * mean**2 / variance), 0.0)
    # The one more person of the upper end may be like those of other cells.
    weight = np.where(seen, np.maximum(largest, lump), unseen)
    mean, variance = np.where(seen, total, 0.0) + weight, np.where(seen, squares, 0.0) + weight**2
    usable = mean > 0
    mean, variance = np.where(usable, mean, 1.0), np.where(usable, variance, 1.0)
    high = np.where(usable, variance / (2 * mean) * _chi_square(1 - alpha / 2, 2 * mean**2 / variance), 0.0)
    return np.minimum(low, total), np.maximum(high, total)


def _chi_square(probability: float, freedom: Floats) -> Floats:
    from scipy.special import gammainccinv, gammaincinv

    if probability > 0.5:
        return np.asarray(2 * gammainccinv(freedom / 2, 1 - probability))
    return np.asarray(2 * gammaincinv(freedom / 2, probability))


def _residuals(sums: RatioSums) -> tuple[Floats, Floats, Floats, Floats]:
    """The ratio x, and the sums over persons of d, d^2 and d^3, d = c - x b."""
    usable = sums.bottom > 0
    x = np.where(usable, sums.top.total / np.where(usable, sums.bottom, 1.0), 0.0)
    first = sums.top.total - x * sums.drawn
    second = np.maximum(sums.top.squares - 2 * x * sums.cross + x**2 * sums.squares, 0.0)
    third = sums.top.cubes - 3 * x * sums.cross_top + 3 * x**2 * sums.cross_bottom - x**3 * sums.cubes
    return x, first, second, third


def _test_inversion(sums: RatioSums, level: float, population: int | None) -> tuple[Floats, Floats]:
    """Ends of the ratio: the x at which (total - x * bottom) / error(x) reaches the bent normal quantiles.

    The error is that of the sum over persons of c - x b, so the ratio is linearised person by person, at every x anew.
    nan where no x is far enough away, because the bottom itself is not told from 0.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    found, first, second, third = _residuals(sums)
    skewness = _skewness(*_centred(first, second, third, population))
    top, cross, bottom = sums.top.squares, sums.cross, sums.squares
    if population is not None and population > 1:
        factor = population / (population - 1)
        top = (top - sums.top.total**2 / population) * factor
        cross = (cross - sums.top.total * sums.drawn / population) * factor
        bottom = (bottom - sums.drawn**2 / population) * factor
    ends = []
    for side in (1.0, -1.0):
        quantile = hall_inverse(side * z, skewness)
        a = sums.bottom**2 - quantile**2 * bottom
        b = sums.top.total * sums.bottom - quantile**2 * cross
        c = sums.top.total**2 - quantile**2 * top
        closed = a > 0
        root = (b - np.sign(quantile) * np.sqrt(np.maximum(b * b - a * c, 0.0))) / np.where(closed, a, 1.0)
        ends.append(np.where(closed, root, np.nan))
    return np.minimum(ends[0], found), np.maximum(ends[1], found)


def ratio_interval(
    sums: RatioSums, *, level: float, population: int | None = None, lump: Floats | float = 0.0, unseen: float = 1.0
) -> tuple[Floats, Floats]:
    """Interval of credit per unit of cost (or of any other positive sum over persons), never below 0.

    The ratio is linearised person by person: what varies is c - x b. Hall's transformation takes out its skewness. With
    fewer than 30 persons with credit: the gamma interval of the total with the sum of squares of c - x b, divided by
    the bottom. nan where the bottom is 0.

    Args:
        sums: Sums over persons.
        level: Confidence level.
        population: Number of persons at risk, or None.
        lump: As for `total_interval`.
        unseen: As for `total_interval`.

    References:
        Fieller 1954, Some problems in interval estimation, Journal of the Royal Statistical Society B 16, 175-185.
    """
    low, high = _test_inversion(sums, level, population)
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), np.inf, high)
    _, _, spread, _ = _residuals(sums)
    few = sums.top.persons < SMALL
    usable = sums.bottom > 0
    bottom = np.where(usable, sums.bottom, 1.0)
    gamma_low, gamma_high = _gamma(sums.top.total, spread, sums.top.largest, level, lump, unseen)
    low, high = np.where(few, gamma_low / bottom, low), np.where(few, gamma_high / bottom, high)
    return np.where(usable, np.maximum(low, 0.0), np.nan), np.where(usable, high, np.nan)


def share_interval(
    sums: RatioSums,
    outside: NDArray[np.int64],
    touched: NDArray[np.int64] | int,
    *,
    level: float,
    population: int | None = None,
    unseen: float = 1.0,
) -> tuple[Floats, Floats]:
    """Interval of a cell's share s of all attributed credit: T_i, the person's whole credit, is the bottom.

    With at least 30 persons with credit in the cell, and as many with credit outside it: the ratio linearised person by
    person, its skewness taken out (`ratio_interval`), cut at 0 and 1. Fewer: also the interval on the logit scale, to
    whose variance max(s, 1 - s)^2 is added (one more person with one conversion, wholly inside or outside the cell);
    the wider end holds. Persons who are all alike, whose variance is less than that: the logit scale alone. A cell
    without credit (or with all of it) gets the end that one more person would allow by the gamma interval of a total.
    Fewer than two touched persons say nothing: (0, 1). Nothing attributed: nan.

    Args:
        sums: Sums over persons.
        outside: Number of persons with credit outside the cell.
        touched: Number of persons with any credit.
        level: Confidence level.
        population: Number of persons at risk, or None.
        unseen: As for `total_interval`.
    """
    from scipy.special import expit, logit, ndtri

    z = float(ndtri(0.5 + level / 2))
    defined = sums.bottom > 0
    attributed = np.where(defined, sums.bottom, 1.0)
    found, _, spread, _ = _residuals(sums)
    share = np.clip(found, 0.0, 1.0)
    low, high = _test_inversion(sums, level, population)
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 1.0, high)
    # Persons who are all alike show no spread; one more, wholly in the cell or wholly outside it, would.
    shift = np.maximum(share, 1 - share) ** 2
    alike = spread < shift
    few = (sums.top.persons < SMALL) | (outside < SMALL) | alike
    inside = (share > 0) & (share < 1)
    low, high = np.where(alike, share, low), np.where(alike, share, high)
    middle = np.where(inside, share, 0.5)
    error = np.sqrt(spread + shift) / attributed
    step = z * error / (middle * (1 - middle))
    low = np.clip(np.where(few & inside, np.minimum(low, expit(logit(middle) - step)), low), 0.0, 1.0)
    high = np.clip(np.where(few & inside, np.maximum(high, expit(logit(middle) + step)), high), 0.0, 1.0)
    nobody = np.zeros(1)
    more = float(_gamma(nobody, nobody, nobody, level, 0.0, unseen)[1][0])
    low = np.where(inside, low, np.where(share >= 1, attributed / (attributed + more), 0.0))
    high = np.where(inside, high, np.where(share <= 0, more / (attributed + more), 1.0))
    alone = np.asarray(touched) < 2
    low, high = np.where(alone, 0.0, low), np.where(alone, 1.0, high)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)
