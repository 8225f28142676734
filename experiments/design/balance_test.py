"""One arm against another on many columns at once, as the assignment itself would have spread them by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Contrasted", "Omnibus", "contrast_columns", "omnibus", "single_tests"]

_RANK = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Contrasted:
    """Differences of all columns between two arms, with their covariance under the assignment.

    Attributes:
        value: Means of the arm, weighted over the strata.
        value_control: Means of the control.
        difference: Their differences.
        covariance: Covariance of the differences when only the assignment varies.
        spread: Standard deviation of each column, the root of the mean of the two arms' variances.
        n: Persons of the arm in the strata that hold both arms.
        n_control: Persons of the control there.
        freedom: Units (clusters) less strata.
        left_out: Persons in strata that hold one of the two arms alone.
    """

    value: NDArray[np.float64]
    value_control: NDArray[np.float64]
    difference: NDArray[np.float64]
    covariance: NDArray[np.float64]
    spread: NDArray[np.float64]
    n: int
    n_control: int
    freedom: int
    left_out: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Omnibus:
    """The joint test of all columns.

    Attributes:
        chi_square: Squared distance of the differences from 0, in units of their covariance.
        df: Rank of that covariance.
        p_value: P-value; None where there are too few units.
        p_chi_square: The p-value of the chi-square distribution, for comparison with other tools.
    """

    chi_square: float
    df: int
    p_value: float | None
    p_chi_square: float | None


def contrast_columns(
    values: NDArray[np.float64],
    treated: NDArray[np.bool_],
    stratum: NDArray[np.int64],
    cluster: NDArray[np.int64],
) -> Contrasted | None:
    """Differences inside strata, each stratum weighted by its persons; None when no stratum holds both arms.

    Args:
        values: Numbers, persons by columns.
        treated: Whether a person is in the arm; the others are in the control.
        stratum: Stratum of each person.
        cluster: Unit of assignment of each person.
    """
    wide = values.shape[1]
    top, base, difference = np.zeros(wide), np.zeros(wide), np.zeros(wide)
    covariance = np.zeros((wide, wide))
    persons = freedom = left = 0
    kept = np.zeros(len(values), bool)
    for code in np.unique(stratum).tolist():
        rows = np.flatnonzero(stratum == code)
        found = _in_stratum(values[rows] - values[rows[0]], treated[rows], cluster[rows])
        if found is None:
            left += len(rows)
            continue
        kept[rows] = True
        mean, mean_control, part, units = found
        # The differences are taken before the level of the column is added again, so that a large one costs no digits.
        weight, level = float(len(rows)), values[rows[0]]
        top, base = top + weight * (level + mean), base + weight * (level + mean_control)
        difference = difference + weight * (mean - mean_control)
        covariance = covariance + weight**2 * part
        persons, freedom = persons + len(rows), freedom + units - 1
    if not persons:
        return None
    around = values - values[np.flatnonzero(kept)[0]]
    one, two = (around[kept & side] for side in (treated, ~treated))
    spread = np.sqrt((_variance(one) + _variance(two)) / 2.0)
    return Contrasted(
        value=top / persons, value_control=base / persons, difference=difference / persons,
        covariance=covariance / persons**2, spread=spread, n=len(one), n_control=len(two), freedom=freedom,
        left_out=left,
    )  # fmt: skip


def _variance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) < 2:
        return np.zeros(values.shape[1])
    return np.asarray(values.var(axis=0, ddof=1), dtype=np.float64)


def _in_stratum(
    values: NDArray[np.float64], treated: NDArray[np.bool_], cluster: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int] | None:
    """Means of both arms, covariance of their difference, and number of units; None where an arm is missing.

    The values are those above one person's: a column that is constant in the stratum is exactly 0 in all rows.
    """
    unit, place = np.unique(cluster, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    arm = np.zeros(len(unit), bool)
    arm[place[treated]] = True
    first, second = int(arm.sum()), int((~arm).sum())
    if not first or not second or len(unit) < 2:
        return None
    totals = values if len(unit) == len(values) else _totals(values, place, len(unit))
    if len(unit) == len(values):
        arm, size = treated, np.ones(len(values))
    mean = totals[arm].sum(axis=0) / size[arm].sum()
    mean_control = totals[~arm].sum(axis=0) / size[~arm].sum()
    # What the assignment shuffles is each unit's total around what its size alone would give.
    gap = totals - size[:, None] * (totals.sum(axis=0) / size.sum())
    gap = gap - gap.mean(axis=0)
    shared = gap.T @ gap / (len(unit) - 1.0)
    scale = len(unit) / (first * second) / (size.mean() ** 2)
    return mean, mean_control, shared * scale, len(unit)


def _totals(values: NDArray[np.float64], place: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    return np.column_stack([np.bincount(place, weights=column, minlength=size) for column in values.T])


def omnibus(difference: NDArray[np.float64], covariance: NDArray[np.float64], freedom: int) -> Omnibus:
    """The joint test that the assignment alone made all differences.

    The statistic is Hansen and Bowers' squared distance; its reference is the beta distribution that it has exactly for
    normal columns in one stratum (Hotelling's T-squared), which tends to their chi-square with many units.
    """
    from scipy.special import betainc, chdtrc

    scale = np.sqrt(np.diag(covariance))
    used = scale > 0.0
    if not used.any():
        return Omnibus(chi_square=0.0, df=0, p_value=None, p_chi_square=None)
    unit = difference[used] / scale[used]
    roots, axes = np.linalg.eigh(covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used]))
    held = roots > _RANK * roots.max()
    distance = float(np.sum((axes[:, held].T @ unit) ** 2 / roots[held]))
    df = int(held.sum())
    if freedom <= df:
        return Omnibus(chi_square=distance, df=df, p_value=None, p_chi_square=float(chdtrc(df, distance)))
    rest = max(0.0, 1.0 - distance / freedom)
    p = float(betainc((freedom - df) / 2.0, df / 2.0, rest))
    return Omnibus(chi_square=distance, df=df, p_value=p, p_chi_square=float(chdtrc(df, distance)))


def single_tests(
    difference: NDArray[np.float64], covariance: NDArray[np.float64], freedom: int, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends and p-value of every difference by itself; nan where it cannot vary.

    The omnibus with one column, inverted: Student's t with ``freedom - 1`` degrees, so the interval excludes 0 exactly
    when p < 1 - level.
    """
    from scipy.special import stdtr, stdtrit

    variance = np.diag(covariance)
    blank = np.full(len(difference), np.nan)
    if freedom < 2:
        return blank, blank.copy(), blank.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(variance > 0.0, difference**2 / variance, np.nan)
        error = np.sqrt(variance * np.maximum(freedom - distance, 0.0) / (freedom - 1.0))
        statistic = np.where(error > 0.0, np.abs(difference) / error, np.inf)
    statistic = np.where(np.isnan(distance), np.nan, statistic)
    half = -stdtrit(freedom - 1.0, (1.0 - level) / 2.0) * error
    p = np.minimum(1.0, 2.0 * stdtr(freedom - 1.0, -statistic))
    return difference - half, difference + half, np.asarray(p, dtype=np.float64)
