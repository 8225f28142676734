"""Two binomial rates that maximise the likelihood under one linear constraint on them."""

from __future__ import annotations

import math

__all__ = ["constrained_pair"]

_STEPS = 200
_EPS = 2.0**-52


def constrained_pair(
    treated: tuple[float, float], control: tuple[float, float], slopes: tuple[float, float], target: float
) -> tuple[float, float]:
    """The rates p1, p0 that maximise the binomial likelihood under ``s1 * p1 - s0 * p0 = target``.

    The likelihood along the line is strictly concave inside the unit square, so the maximum is unique. Slopes may have
    any sign and differ; with equal positive slopes this is the estimate of Miettinen and Nurminen under a null
    difference of ``target / s``.

    Args:
        treated: Events and persons of the treated arm.
        control: Events and persons of the control arm.
        slopes: s1 and s0. A slope of 0 leaves that arm's rate at its estimate.
        target: Must be attainable; a target outside is moved to the nearest attainable corner.

    Returns:
        p1 and p0.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213.

    Example:
        >>> p1, p0 = constrained_pair((30, 1000), (10, 500), (60.0, 60.0), 0.0)
        >>> round(p1, 12), round(p0, 12)
        (0.026666666667, 0.026666666667)
    """
    if slopes[0] == 0.0 and slopes[1] == 0.0:
        return treated[0] / treated[1], control[0] / control[1]
    if abs(slopes[1]) <= abs(slopes[0]):
        free, bound = _along(control, treated, -slopes[1] / slopes[0], target / slopes[0])
        return bound, free
    free, bound = _along(treated, control, -slopes[0] / slopes[1], -target / slopes[1])
    return free, bound


def _along(free: tuple[float, float], bound: tuple[float, float], ratio: float, level: float) -> tuple[float, float]:
    """Maximise over t with the other rate at ``level - ratio * t``; ``|ratio| <= 1``, so its digits are kept."""
    low, high = 0.0, 1.0
    if ratio != 0.0:
        ends = (level / ratio, (level - 1.0) / ratio)
        low, high = max(0.0, min(ends)), min(1.0, max(ends))
    if low >= high:  # a corner, or beyond it
        t = min(1.0, max(0.0, low if low < 1.0 else high))
        return t, _unit(level - ratio * t)
    t = _maximum(free, bound, (ratio, level), (low, high))
    return t, _unit(level - ratio * t)


def _unit(rate: float) -> float:
    return min(1.0, max(0.0, rate))


def _slope(events: float, persons: float, rate: float) -> float:
    """Derivative of the log-likelihood; infinite where the rate makes the data impossible."""
    up = 0.0 if events == 0.0 else (events / rate if rate > 0.0 else math.inf)
    down = 0.0 if events == persons else ((persons - events) / (1.0 - rate) if rate < 1.0 else math.inf)
    return up - down


def _maximum(
    free: tuple[float, float], bound: tuple[float, float], line: tuple[float, float], ends: tuple[float, float]
) -> float:
    x, n = free
    y, m = bound
    ratio, level = line
    low, high = ends
    if _slope(x, n, low) - ratio * _slope(y, m, _unit(level - ratio * low)) <= 0.0:
        return low
    if _slope(x, n, high) - ratio * _slope(y, m, _unit(level - ratio * high)) >= 0.0:
        return high
    t = _start(free, bound, line)
    if not low < t < high:
        t = 0.5 * (low + high)
    # Newton on the derivative times t(1-t)r(1-r), a cubic without poles; bisection guards it.
    for _ in range(_STEPS):
        r = level - ratio * t
        spread, other_spread = t * (1.0 - t), r * (1.0 - r)
        pull, other_pull = x - n * t, y - m * r
        value = pull * other_spread - ratio * other_pull * spread
        if value == 0.0:
            return t
        if value > 0.0:
            low = t
        else:
            high = t
        bend = (
            -n * other_spread
            - ratio * pull * (1.0 - 2.0 * r)
            - ratio * (ratio * m * spread + other_pull * (1.0 - 2.0 * t))
        )
        following = t - value / bend if bend != 0.0 else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - t) <= 2.0 * _EPS * following:
            return following
        t = following
    return t


def _start(free: tuple[float, float], bound: tuple[float, float], line: tuple[float, float]) -> float:
    """The weighted least squares answer: right when both arms are large, close enough otherwise."""
    (x, n), (y, m) = free, bound
    ratio, level = line
    rate, other = x / n, y / m
    variance = (x + 0.5) * (n - x + 0.5) / (n * n * n)
    other_variance = (y + 0.5) * (m - y + 0.5) / (m * m * m)
    gap = level - ratio * rate - other
    return rate + gap * ratio * variance / (ratio * ratio * variance + other_variance)
