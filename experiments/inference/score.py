"""Miettinen-Nurminen score statistics of the difference and of the ratio of two rates, also stratified.

One engine serves both readings. For a null value theta the statistic is

    Z(theta) = T(theta) / sqrt(V(theta)),
    difference:  T = sum W_s (r1_s - r0_s) - delta,      V = sum W_s^2 k_s (p1 q1 / n1 + p0 q0 / n0),
    ratio:       T = sum W_s (r1_s - phi r0_s),          V = sum W_s^2 k_s (p1 q1 / n1 + phi^2 p0 q0 / n0),

with r the observed rates, p the rates that maximise the likelihood of stratum s under the null (p1 - p0 = delta, or
p1 = phi p0), q = 1 - p and k_s = N_s / (N_s - 1). At delta = 0 and phi = 1 the two are the same number, so the
p-value of "no effect" serves both. Limits invert the same Z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Tables",
    "constrained_difference",
    "constrained_ratio",
    "difference_limit",
    "difference_statistic",
    "falling_root",
    "log_ratio_root",
    "ratio_limit",
    "ratio_statistic",
]

Floats = NDArray[np.float64]

_LOG_RATIO_END = 120.0  # exp(120): far beyond any ratio that whole counts of persons can bound
_MAX_STEPS = 200
_CONVERGED = 4.0 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tables:
    """Checked 2 x 2 tables, one per stratum.

    Attributes:
        hits: Persons with the event in the treated group.
        n: Persons in the treated group.
        control_hits: Persons with the event in the control group.
        control_n: Persons in the control group.
        weights: Weight of each stratum; they sum to 1.
    """

    hits: Floats
    n: Floats
    control_hits: Floats
    control_n: Floats
    weights: Floats

    @property
    def rate(self) -> float:
        """Weighted rate of the treated group."""
        return float(np.sum(self.weights * (self.hits / self.n)))

    @property
    def control_rate(self) -> float:
        """Weighted rate of the control group."""
        return float(np.sum(self.weights * (self.control_hits / self.control_n)))

    @property
    def total(self) -> int:
        """Persons of both groups."""
        return int(self.n.sum() + self.control_n.sum())

    def factor(self) -> Floats:
        """Squared weights times Miettinen and Nurminen's N / (N - 1)."""
        persons = self.n + self.control_n
        return self.weights**2 * persons / (persons - 1.0)


def constrained_difference(tables: Tables, delta: float) -> tuple[Floats, Floats]:
    """The rates that maximise the likelihood of each stratum under ``p1 - p0 = delta``.

    Args:
        tables: The tables.
        delta: The difference, between -1 and 1.

    Returns:
        Treated and control rates, one per stratum.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213; Farrington and Manning (1990), ibid. 9:1447.
    """
    treated, control, flipped = _difference_rates(tables, delta)
    return np.where(flipped, 1.0 - treated, treated), np.where(flipped, 1.0 - control, control)


def _difference_rates(tables: Tables, delta: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Constrained rates of the rarer outcome (event or no event), which keeps the digits of rates near 1."""
    flipped = 2.0 * (tables.hits + tables.control_hits) > tables.n + tables.control_n
    hits = np.where(flipped, tables.n - tables.hits, tables.hits)
    control_hits = np.where(flipped, tables.control_n - tables.control_hits, tables.control_hits)
    if delta == 0.0:
        pooled = (hits + control_hits) / (tables.n + tables.control_n)
        return pooled, pooled, flipped
    # The arm that the null puts higher, in terms of the outcome counted: treated if delta > 0, swapped where flipped.
    treated_high = (delta > 0.0) != flipped
    high_hits = np.where(treated_high, hits, control_hits)
    high_n = np.where(treated_high, tables.n, tables.control_n)
    low_hits = np.where(treated_high, control_hits, hits)
    low_n = np.where(treated_high, tables.control_n, tables.n)
    gap = abs(delta)
    low = _lower_rate(high_hits, high_n - high_hits, low_hits, low_n - low_hits, gap)
    high = np.minimum(low + gap, 1.0)
    return np.where(treated_high, high, low), np.where(treated_high, low, high), flipped


def _lower_rate(a: Floats, b: Floats, c: Floats, d: Floats, gap: float) -> Floats:
    """Maximise ``a log(q+gap) + b log(1-q-gap) + c log q + d log(1-q)`` over q in [0, 1-gap], gap > 0.

    The closed form of the cubic starts it; safeguarded Newton steps on the concave likelihood restore the digits that
    the closed form loses when q is tiny.
    """
    top = 1.0 - gap
    if top <= 0.0:
        return np.zeros_like(a)
    at_zero = (c == 0.0) & (a / gap - b / top - d <= 0.0)
    at_top = (b == 0.0) & (a + c / top - d / gap >= 0.0)
    inner = ~(at_zero | at_top)
    root = np.where(at_top, top, 0.0)
    if inner.any():
        root[inner] = _newton(a[inner], b[inner], c[inner], d[inner], gap)
    return root


def _newton(a: Floats, b: Floats, c: Floats, d: Floats, gap: float) -> Floats:
    """The interior root of the likelihood's derivative, which falls strictly from plus to minus."""
    top = 1.0 - gap
    low, high = np.zeros_like(a), np.full_like(a, top)
    q = _cubic_root(a, b, c, d, gap)
    q = np.where((q > low) & (q < high), q, 0.5 * top)
    with np.errstate(all="ignore"):
        for _ in range(_MAX_STEPS):
            slope = a / (q + gap) - b / (top - q) + c / q - d / (1.0 - q)
            bend = a / (q + gap) ** 2 + b / (top - q) ** 2 + c / q**2 + d / (1.0 - q) ** 2
            low = np.where(slope >= 0.0, q, low)
            high = np.where(slope <= 0.0, q, high)
            following = q + slope / bend
            following = np.where((following > low) & (following < high), following, 0.5 * (low + high))
            settled = np.abs(following - q) <= _CONVERGED * q
            q = np.where(slope == 0.0, q, following)
            if bool(np.all(settled | (slope == 0.0))):
                break
    return q


def _cubic_root(a: Floats, b: Floats, c: Floats, d: Floats, gap: float) -> Floats:
    """Closed form of the constrained estimate (Miettinen and Nurminen 1985, appendix)."""
    high_n, low_n = a + b, c + d
    persons, events = high_n + low_n, a + c
    l2 = (high_n + 2.0 * low_n) * gap - persons - events
    l1 = (low_n * gap - persons - 2.0 * c) * gap + events
    l0 = c * gap * (1.0 - gap)
    third = l2 / (3.0 * persons)
    v = third**3 - l1 * l2 / (6.0 * persons**2) + l0 / (2.0 * persons)
    u = np.copysign(np.sqrt(np.maximum(third**2 - l1 / (3.0 * persons), 0.0)), v)
    with np.errstate(all="ignore"):
        angle = (math.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3.0
    root: Floats = 2.0 * u * np.cos(angle) - third
    return root


def constrained_ratio(tables: Tables, ratio: float) -> tuple[Floats, Floats]:
    """The rates that maximise the likelihood of each stratum under ``p1 = ratio * p0``.

    Args:
        tables: The tables.
        ratio: The ratio, positive.

    Returns:
        Treated and control rates, one per stratum.

    References:
        Miettinen and Nurminen (1985); Koopman (1984), Biometrics 40:513.
    """
    x1, n1, x0, n0 = tables.hits, tables.n, tables.control_hits, tables.control_n
    if ratio == 1.0:
        pooled = (x1 + x0) / (n1 + n0)
        return pooled, pooled
    # Roots of N phi p^2 - (phi (n1 + x0) + n0 + x1) p + (x1 + x0) = 0; this form of the discriminant cannot cancel.
    first, second = ratio * (n1 + x0), n0 + x1
    root = np.sqrt((first - second) ** 2 + 4.0 * ratio * (n1 - x1) * (n0 - x0))
    control = np.minimum(2.0 * (x1 + x0) / (first + second + root), min(1.0, 1.0 / ratio))
    return np.minimum(ratio * control, 1.0), control


def _difference_parts(tables: Tables, delta: float) -> tuple[float, float]:
    treated, control, _ = _difference_rates(tables, delta)
    variance = treated * (1.0 - treated) / tables.n + control * (1.0 - control) / tables.control_n
    return tables.rate - tables.control_rate - delta, float(np.sum(tables.factor() * variance))


def _ratio_parts(tables: Tables, ratio: float) -> tuple[float, float]:
    treated, control = constrained_ratio(tables, ratio)
    variance = treated * (1.0 - treated) / tables.n + ratio**2 * control * (1.0 - control) / tables.control_n
    return tables.rate - ratio * tables.control_rate, float(np.sum(tables.factor() * variance))


def _statistic(distance: float, variance: float) -> float:
    if distance == 0.0:
        return 0.0
    return distance / math.sqrt(variance) if variance > 0.0 else math.copysign(math.inf, distance)


def difference_statistic(tables: Tables, delta: float) -> float:
    """The score statistic Z of ``p1 - p0 = delta``; 0 when the data equal the null without any variance."""
    return _statistic(*_difference_parts(tables, delta))


def ratio_statistic(tables: Tables, ratio: float) -> float:
    """The score statistic Z of ``p1 = ratio * p0``; 0 when the data equal the null without any variance."""
    return _statistic(*_ratio_parts(tables, ratio))


def _bounded(distance: float, variance: float) -> float:
    """Z / (1 + |Z|): the statistic on a bounded scale, which root finding survives where the variance vanishes."""
    size = abs(distance)
    return distance / (math.sqrt(variance) + size) if size > 0.0 else 0.0


def falling_root(function: Callable[[float], float], start: float, end: float, *, resolution: float) -> float:
    """The sign change of a falling function between two points; one of the points when it lies beyond."""
    from scipy.optimize import brentq

    at_start, at_end = function(start), function(end)
    if at_start <= 0.0:
        return start
    if at_end >= 0.0:
        return end
    return float(brentq(function, start, end, xtol=resolution, rtol=_CONVERGED, maxiter=1000))


def difference_limit(tables: Tables, target: float) -> float:
    """The difference at which the score statistic equals ``target``.

    Args:
        tables: The tables.
        target: The quantile z; positive for a lower limit, negative for an upper limit.

    Returns:
        The limit, within [-1, 1].
    """
    goal = target / (1.0 + abs(target))
    return falling_root(
        lambda delta: _bounded(*_difference_parts(tables, delta)) - goal,
        -1.0,
        1.0,
        resolution=1e-14 / tables.total,
    )


def ratio_limit(tables: Tables, target: float) -> float:
    """The ratio at which the score statistic equals ``target``.

    Args:
        tables: The tables.
        target: The quantile z; positive for a lower limit, negative for an upper limit.

    Returns:
        The limit; 0 without treated events (lower), infinity without control events (upper).
    """
    goal = target / (1.0 + abs(target))
    return log_ratio_root(lambda ratio: _bounded(*_ratio_parts(tables, ratio)) - goal)


def log_ratio_root(function: Callable[[float], float]) -> float:
    """The sign change of a falling function of a ratio; 0 or infinity when it lies beyond every ratio of counts."""
    root = falling_root(
        lambda log_ratio: function(math.exp(log_ratio)), -_LOG_RATIO_END, _LOG_RATIO_END, resolution=1e-15
    )
    if root == -_LOG_RATIO_END:
        return 0.0
    return math.exp(root) if root < _LOG_RATIO_END else math.inf
