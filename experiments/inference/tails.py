"""Critical values and p-values of normal and t statistics, by side.

Every tail is taken as a tail (erfc, the lower t distribution), never as 1 - cdf, so p-values keep their digits far out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate, Side

__all__ = ["critical_value", "one_sided_tail", "p_value", "signed_z"]

_SMALLEST_P = 1e-300


def critical_value(level: float, side: Side, df: float | None = None) -> float:
    """The positive quantile that belongs to a level and a side.

    Args:
        level: Confidence level. For one side all of ``1 - level`` lies in that tail, for two sides half of it.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        df: Degrees of freedom of Student's t; None or infinity for the normal distribution.

    Returns:
        The quantile z (or t); negative only for a one-sided level below 0.5.

    Example:
        >>> round(critical_value(0.95, "two"), 6), round(critical_value(0.95, "greater"), 6)
        (1.959964, 1.644854)
    """
    from scipy.special import ndtri, stdtrit

    tail = (1.0 - level) / (2.0 if side == "two" else 1.0)
    if df is None or math.isinf(df):
        return -float(ndtri(tail))
    return -float(stdtrit(df, tail))


def one_sided_tail(statistic: float, df: float | None = None) -> float:
    """Probability that a standard normal (or t) variable exceeds ``statistic``.

    Example:
        >>> f"{one_sided_tail(10.0):.6g}"
        '7.61985e-24'
    """
    if df is None or math.isinf(df):
        return 0.5 * math.erfc(statistic / math.sqrt(2.0))
    from scipy.special import stdtr

    return float(stdtr(df, -statistic))


def p_value(statistic: float, side: Side, df: float | None = None) -> float:
    """The p-value of a statistic that is large when the treated group is above the null.

    Example:
        >>> round(p_value(1.96, "two"), 4), round(p_value(1.96, "greater"), 4), round(p_value(1.96, "less"), 4)
        (0.05, 0.025, 0.975)
    """
    if side == "greater":
        return one_sided_tail(statistic, df)
    if side == "less":
        return one_sided_tail(-statistic, df)
    return min(1.0, 2.0 * one_sided_tail(abs(statistic), df))


def signed_z(estimate: Estimate) -> float | None:
    """The normal deviate that has the p-value of the estimate, read on the side of its test.

    A two-sided p-value stands for the deviate on the estimate's side of 0; a one-sided one for the deviate beyond
    which that tail lies, so p = 0.5 is 0 whatever the estimate. Where the p-value is too small to say, the estimate in
    its standard errors is taken; without one of both, None.

    Example:
        >>> from attribution.core.estimates import Estimate
        >>> two, one = Estimate(value=-2.0, p_value=0.05), Estimate(value=-2.0, p_value=0.975, side="greater")
        >>> round(signed_z(two), 6), round(signed_z(one), 6)
        (-1.959964, -1.959964)
    """
    from scipy.special import ndtri

    if estimate.value is None or estimate.p_value is None:
        return None
    if estimate.side == "two" and estimate.value == 0.0:
        return 0.0
    two = estimate.side == "two"
    largest = 1.0 if two else 1.0 - 1e-15  # a one-sided p-value that near to 1 has lost its digits
    if not _SMALLEST_P <= estimate.p_value <= largest and estimate.standard_error:
        return estimate.value / estimate.standard_error
    p = min(max(estimate.p_value, _SMALLEST_P), largest)
    if two:
        return math.copysign(-float(ndtri(0.5 * p)), estimate.value)
    return -float(ndtri(p)) if estimate.side == "greater" else float(ndtri(p))
