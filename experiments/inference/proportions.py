"""The share of one group with Wilson's interval: independent persons, or events that come in bundles of a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate, check_level
from experiments.inference.tails import critical_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bundled_share", "share_estimate", "share_interval"]


def share_interval(share: float, variance: float, n: float, *, level: float) -> tuple[float, float]:
    """Wilson's interval at the number of independent persons that the variance of the share stands for.

    A share of 0 or 1 has no variance: then it is the number of units given, persons or clusters.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209; Korn and Graubard (1998), Survey
        Methodology 24:193 (effective sample size).

    Example:
        >>> low, high = share_interval(0.0, 0.0, 100, level=0.95)
        >>> round(low, 6), round(high, 6)
        (0.0, 0.036993)
    """
    z = critical_value(level, "two")
    effective = share * (1.0 - share) / variance if variance > 0.0 else float(n)
    middle = share + z * z / (2.0 * effective)
    half = z * math.sqrt(share * (1.0 - share) / effective + (z / (2.0 * effective)) ** 2)
    scale = 1.0 + z * z / effective
    low = 0.0 if share <= 0.0 else (middle - half) / scale
    return max(0.0, low), 1.0 if share >= 1.0 else min(1.0, (middle + half) / scale)


def share_estimate(hits: float, n: float, *, level: float) -> Estimate:
    """The share of independent persons, one event each, with Wilson's interval.

    Nobody at risk leaves value and interval undefined, with the note NOBODY_AT_RISK.

    Example:
        >>> found = share_estimate(5, 50, level=0.95)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.1, 0.043, 0.214)
    """
    level = check_level(level)
    if n <= 0:
        return Estimate(value=None, low=None, high=None, level=level, method="wilson", n=0, note="NOBODY_AT_RISK")
    share = float(hits) / float(n)
    low, high = share_interval(share, 0.0, n, level=level)
    return Estimate(value=share, low=low, high=high, level=level, method="wilson", n=int(n))


def bundled_share(hits: NDArray[np.float64], n: NDArray[np.float64], *, level: float) -> Estimate:
    """The share sum(hits) / sum(n) over persons of whom each brings several events, with the person as the unit.

    The variance is that of the linearised ratio over persons, G / (G - 1) * sum (hits_g - share * n_g)^2 / (sum n)^2;
    the interval is Wilson's at the number of independent events that this variance stands for. A share of 0 or 1 has
    no variance; then the number is Kish's, (sum n)^2 / sum n^2: as if all events of a person were one.

    Args:
        hits: Events of each person that fulfil the condition.
        n: Events of each person; persons without any may be left out, they change nothing but G / (G - 1).
        level: Confidence level.

    Returns:
        The share; ``n`` is the number of events. NOBODY_AT_RISK without any.

    References:
        Cochran (1977), Sampling Techniques, section 3.12 (ratio of sums over persons); Kish (1965), Survey Sampling.

    Verified against survey::svyciprop's variance in R (tests/references/proportions).

    Example:
        >>> found = bundled_share(np.array([2.0, 0.0, 1.0]), np.array([2.0, 2.0, 1.0]), level=0.95)
        >>> round(found.value, 3)
        0.6
    """
    level = check_level(level)
    total = float(np.sum(n))
    if total <= 0.0:
        return Estimate(value=None, low=None, high=None, level=level, method="wilson", n=0, note="NOBODY_AT_RISK")
    share = float(np.sum(hits)) / total
    persons = int(np.count_nonzero(n))
    rest = np.asarray(hits, dtype=np.float64) - share * np.asarray(n, dtype=np.float64)
    variance = persons / (persons - 1.0) * float(rest @ rest) / total**2 if persons > 1 else 0.0
    bundles = total**2 / float(np.sum(np.square(n, dtype=np.float64)))
    low, high = share_interval(share, variance, bundles, level=level)
    if persons == 1 and 0.0 < share < 1.0:
        low, high = 0.0, 1.0  # one person says nothing about how persons differ
    error = math.sqrt(variance) if variance > 0.0 else None
    return Estimate(
        value=share, low=low, high=high, level=level, method="wilson, persons", n=int(total), standard_error=error
    )
