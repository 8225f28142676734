"""Two rates by Newcombe, Wald and Agresti-Caffo: closed intervals, p-values by inverting them.

Each method is applied to p1 - phi p0; phi = 1 is the difference, and the ratios phi not rejected are the relative lift.
So difference and relative lift exclude "no effect" together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core.estimates import Comparison, Estimate, RateComparison, Side
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.inference.score import Tables

__all__ = ["compare_in_closed_form", "wilson"]

_Table = tuple[float, float, float, float]
_LARGEST_Z = 1e12


def wilson(hits: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's score limits of one rate.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209.

    Example:
        >>> low, high = wilson(0, 10, 1.959963984540054)
        >>> f"{low:.4f} {high:.4f}"
        '0.0000 0.2775'
    """
    square = z * z
    root = z * math.sqrt(square + 4.0 * hits * (n - hits) / n)
    low = 0.0 if hits == 0 else 2.0 * hits * hits / n / (2.0 * hits + square + root)
    misses = n - hits
    high = 1.0 if misses == 0 else 1.0 - 2.0 * misses * misses / n / (2.0 * misses + square + root)
    return low, high


def compare_in_closed_form(tables: Tables, *, method: str, level: float, side: Side, null: float) -> Comparison:
    """The comparison of one 2 x 2 table by "newcombe", "wald" or "agresti_caffo"."""
    x1, n1 = float(tables.hits[0]), float(tables.n[0])
    x0, n0 = float(tables.control_hits[0]), float(tables.control_n[0])
    if method == "newcombe":
        difference, relative = _newcombe((x1, n1, x0, n0), level=level, side=side, null=null)
    else:
        added = 1.0 if method == "agresti_caffo" else 0.0
        shifted = (x1 + added, n1 + 2.0 * added, x0 + added, n0 + 2.0 * added)
        difference, relative = _normal(shifted, level=level, side=side, null=null)
    observed = _observed_lift(tables)
    blank = Estimate(value=None, level=level, side=side, method=method, n=tables.total)
    return RateComparison(
        treatment=tables.rate,
        control=tables.control_rate,
        difference=difference.fill(blank, tables.rate - tables.control_rate),
        relative=relative.fill(blank, observed),
    )


def _observed_lift(tables: Tables) -> float | None:
    return tables.rate / tables.control_rate - 1.0 if tables.control_rate > 0.0 else None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Limits:
    """Limits and p-value of one reading, before they become an estimate."""

    low: float | None = None
    high: float | None = None
    p: float | None = None
    se: float | None = None
    note: str = ""
    undefined: bool = False

    def fill(self, blank: Estimate, value: float | None) -> Estimate:
        """The estimate; `blank` brings what both readings share."""
        return replace(
            blank,
            value=None if self.undefined else value,
            low=self.low,
            high=self.high,
            p_value=self.p,
            standard_error=self.se,
            note=self.note,
        )


def _ends(low: float, high: float, side: Side) -> tuple[float, float]:
    return (-math.inf if side == "less" else low), (math.inf if side == "greater" else high)


def _normal(table: _Table, *, level: float, side: Side, null: float) -> tuple[_Limits, _Limits]:
    """Unpooled normal interval of the difference; the relative lift by Fieller's set of the same estimates."""
    x1, n1, x0, n0 = table
    rate, control = x1 / n1, x0 / n0
    variance, control_variance = rate * (1.0 - rate) / n1, control * (1.0 - control) / n0
    se = math.sqrt(variance + control_variance)
    if se == 0.0:
        nothing = _Limits(note="ZERO_VARIANCE", se=0.0)
        return nothing, _Limits(note="ZERO_VARIANCE", undefined=control == 0.0)
    z = critical_value(level, side)
    gap = rate - control
    low, high = _ends(gap - z * se, gap + z * se, side)
    difference = _Limits(low=low, high=high, p=p_value((gap - null) / se, side), se=se)
    if control - abs(z) * math.sqrt(control_variance) <= 0.0:
        return difference, _Limits(note="BASE_NOT_POSITIVE", undefined=True)
    limits = fieller(rate, control, variance, control_variance, t=abs(z), level=level)
    first, last = (limits.low, limits.high) if z >= 0.0 else (limits.high, limits.low)
    low, high = _ends(first - 1.0, last - 1.0, side)
    return difference, _Limits(low=low, high=high, p=p_value(gap / se, side))


def _newcombe(table: _Table, *, level: float, side: Side, null: float) -> tuple[_Limits, _Limits]:
    """Newcombe's hybrid score interval (his method 10) and the ratio of the same construction (MOVER)."""
    x1, n1, x0, n0 = table
    gap = x1 / n1 - x0 / n0

    def signed_limit(z: float) -> float:
        return _newcombe_limit(x1, n1, x0, n0, z)

    def p_at(tested: float) -> float:
        if gap == tested:
            return p_value(0.0, side)
        sign = 1.0 if gap > tested else -1.0
        size = _crossing(lambda z: sign * (signed_limit(sign * z) - tested))
        return p_value(sign * size, side)

    z = critical_value(level, side)
    low, high = _ends(signed_limit(z), signed_limit(-z), side)
    difference = _Limits(low=low, high=high, p=p_at(null))
    first, last = _mover_ratio(x1, n1, x0, n0, z), _mover_ratio(x1, n1, x0, n0, -z)
    low, high = _ends(first - 1.0, last - 1.0, side)
    note = "" if x0 > 0 else ("CONTROL_ZERO" if x1 > 0 else "BOTH_ZERO")
    return difference, _Limits(low=low, high=high, p=p_at(0.0), note=note)


def _newcombe_limit(x1: float, n1: float, x0: float, n0: float, z: float) -> float:
    """The lower limit at z > 0, the upper limit at z < 0."""
    rate, control = x1 / n1, x0 / n0
    low1, high1 = wilson(x1, n1, abs(z))
    low0, high0 = wilson(x0, n0, abs(z))
    if z >= 0.0:
        return rate - control - math.hypot(rate - low1, high0 - control)
    return rate - control + math.hypot(high1 - rate, control - low0)


def _mover_ratio(x1: float, n1: float, x0: float, n0: float, z: float) -> float:
    """The lower limit of the ratio at z > 0, the upper limit at z < 0 (Donner and Zou 2012)."""
    rate, control = x1 / n1, x0 / n0
    low1, high1 = wilson(x1, n1, abs(z))
    low0, high0 = wilson(x0, n0, abs(z))
    middle = rate * control
    if z >= 0.0:
        numerator, denominator = low1 * (2.0 * rate - low1), high0 * (2.0 * control - high0)
        root = math.sqrt(max(0.0, middle * middle - numerator * denominator))
        if numerator <= 0.0:
            return 0.0
        return numerator / (middle + root) if middle + root > 0.0 else math.inf
    numerator, denominator = high1 * (2.0 * rate - high1), low0 * (2.0 * control - low0)
    root = math.sqrt(max(0.0, middle * middle - numerator * denominator))
    return (middle + root) / denominator if denominator > 0.0 else math.inf


def _crossing(margin: Callable[[float], float]) -> float:
    """The z at which a limit, which starts on the estimate's side, reaches the tested value; infinity if never."""
    from scipy.optimize import brentq

    end = 1.0
    while margin(end) > 0.0:
        end *= 2.0
        if end > _LARGEST_Z:
            return math.inf
    return float(brentq(margin, 0.0, end, xtol=1e-14, rtol=1e-15, maxiter=500))
