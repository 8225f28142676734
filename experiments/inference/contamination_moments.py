"""What the holdout could have been without contamination: the largest and the smallest mean, with their spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.inference.figures import satterthwaite

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bound", "bound_pair", "imbens_manski", "shares_of_audit", "untreated_means"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bound:
    """An estimated end of what is possible: its value, standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float


def untreated_means(values: Floats, share: float, limits: tuple[float, float]) -> tuple[Floats, Floats]:
    """Person-wise terms whose means bound the holdout's mean without contamination, when nobody knows who was treated.

    If the contaminated share ``c`` held the smallest outcomes and each of them would have had the highest one allowed,
    the mean would be ``c high + q (1 - c) + mean of max(y - q, 0)`` with q the c-quantile; the other end likewise. The
    derivative of either in q is 0 at its quantile, so the terms have the right spread with q held fixed. Where ``c``
    times the persons is whole, every q between the last outcome that is left out and the first that stays gives the
    same mean, which is the sharp bound. The spread is that of the outcomes with those left out put at q; q is the last
    one left out, from either side, so that it is never too small and turning the outcome turns the bounds.

    Args:
        values: Outcomes of the holdout, sorted.
        share: Share ``c`` that was treated.
        limits: Lowest and highest possible outcome; an end may be infinite.

    Returns:
        Terms of the lowest and of the highest mean.
    """
    low, high = limits
    last = min(max(math.ceil(share * len(values) - 1e-9), 1), len(values))  # left out, wholly or in part
    below, above = float(values[last - 1]), float(values[len(values) - last])
    spare = 0.0 if share == 0.0 else share * low
    lowest = spare + above * (1.0 - share) - np.maximum(above - values, 0.0)
    spare = 0.0 if share == 0.0 else share * high
    return lowest, spare + below * (1.0 - share) + np.maximum(values - below, 0.0)


def bound_pair(treated: Floats, terms: tuple[Floats, Floats]) -> tuple[Bound, Bound]:
    """Lower and upper end of the effect from the treated outcomes and the holdout's terms (lowest, highest)."""
    return _bound(treated, terms[1]), _bound(treated, terms[0])


def _bound(treated: Floats, terms: Floats) -> Bound:
    value = math.fsum(treated) / len(treated) - math.fsum(terms) / len(terms) if np.isfinite(terms).all() else math.nan
    if math.isnan(value):
        return Bound(value=-math.inf if terms[0] > 0 else math.inf, error=0.0, freedom=math.inf)
    parts = np.array([treated.var(ddof=1) / len(treated), terms.var(ddof=1) / len(terms)])
    freedom = satterthwaite(parts, np.array([len(treated) - 1.0, len(terms) - 1.0]))
    return Bound(value=value, error=math.sqrt(parts.sum()), freedom=math.inf if math.isnan(freedom) else freedom)


def imbens_manski(lower: Bound, upper: Bound, level: float) -> float:
    """Critical value that covers the effect, wherever between the ends it lies, with the level.

    Two-sided where the ends meet, one-sided where they lie far apart.

    References:
        Imbens and Manski (2004), Econometrica 72:1845, equation (7).

    Example:
        >>> low = Bound(value=0.0, error=1.0, freedom=math.inf)
        >>> ends = [Bound(value=width, error=1.0, freedom=math.inf) for width in (0.0, 0.5, 9.0)]
        >>> [round(imbens_manski(low, high, 0.95), 4) for high in ends]
        [1.96, 1.7697, 1.6449]
    """
    from scipy.optimize import brentq
    from scipy.special import stdtr, stdtrit

    freedom = min(lower.freedom, upper.freedom, 1e9)
    scale = max(lower.error, upper.error)
    if math.isinf(upper.value - lower.value):
        return float(stdtrit(freedom, level))
    if scale == 0.0:
        return float(stdtrit(freedom, 0.5 + level / 2.0))  # no unit to measure the width in: two-sided holds for any
    width = max(0.0, upper.value - lower.value) / scale

    def covered(c: float) -> float:
        return float(stdtr(freedom, c + width) - stdtr(freedom, -c)) - level

    one, two = float(stdtrit(freedom, level)), float(stdtrit(freedom, 0.5 + level / 2.0))
    solve: Callable[..., float] = brentq
    return two if covered(two) <= 0.0 else one if covered(one) >= 0.0 else float(solve(covered, one, two, xtol=1e-12))


def shares_of_audit(treated: int, checked: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share.

    Example:
        >>> low, high = shares_of_audit(0, 100, 0.95)
        >>> low, round(high, 6)
        (0.0, 0.036217)
    """
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = 0.0 if treated == 0 else float(betaincinv(treated, checked - treated + 1, tail))
    high = 1.0 if treated == checked else float(betaincinv(treated + 1, checked - treated, 1.0 - tail))
    return low, high
