"""Score intervals of two rates by brute force: numeric maximum likelihood and bisection in many digits."""

from __future__ import annotations

import mpmath as mp

DIGITS = 40


def _log(count, rate):
    return mp.mpf(0) if count == 0 else (count * mp.log(rate) if rate > 0 else mp.mpf("-inf"))


def _log_likelihood(x1, n1, x0, n0, p1, p0):
    return _log(x1, p1) + _log(n1 - x1, 1 - p1) + _log(x0, p0) + _log(n0 - x0, 1 - p0)


def _maximum(function, low, high):
    """Golden-section search of a concave function on [low, high]."""
    golden = (mp.sqrt(5) - 1) / 2
    a, b = mp.mpf(low), mp.mpf(high)
    c, d = b - golden * (b - a), a + golden * (b - a)
    fc, fd = function(c), function(d)
    for _ in range(330):
        if fc >= fd:
            b, d, fd = d, c, fc
            c = b - golden * (b - a)
            fc = function(c)
        else:
            a, c, fc = c, d, fd
            d = a + golden * (b - a)
            fd = function(d)
    return (a + b) / 2


def constrained(x1, n1, x0, n0, null, reading):
    """The pair of rates of largest likelihood under p1 - p0 = null, or p1 = null * p0."""
    mp.mp.dps = DIGITS
    null = mp.mpf(null)
    if reading == "difference":
        low, high = max(mp.mpf(0), -null), min(mp.mpf(1), 1 - null)
        p0 = _maximum(lambda p: _log_likelihood(x1, n1, x0, n0, p + null, p), low, high)
        return p0 + null, p0
    p0 = _maximum(lambda p: _log_likelihood(x1, n1, x0, n0, null * p, p), mp.mpf(0), min(mp.mpf(1), 1 / null))
    return null * p0, p0


def statistic(strata, null, reading, weights=None):
    """Z over strata [(x1, n1, x0, n0), ...]."""
    mp.mp.dps = DIGITS
    null = mp.mpf(null)
    sizes = [row[1] + row[3] for row in strata]
    weights = [mp.mpf(size) / sum(sizes) for size in sizes] if weights is None else [mp.mpf(w) for w in weights]
    distance, variance = mp.mpf(0), mp.mpf(0)
    slope = mp.mpf(1) if reading == "difference" else null
    for (x1, n1, x0, n0), weight, size in zip(strata, weights, sizes, strict=True):
        p1, p0 = constrained(x1, n1, x0, n0, null, reading)
        distance += weight * (mp.mpf(x1) / n1 - slope * mp.mpf(x0) / n0)
        part = p1 * (1 - p1) / n1 + slope**2 * p0 * (1 - p0) / n0
        variance += weight**2 * part * size / (size - mp.mpf(1))
    if reading == "difference":
        distance -= null
    return distance / mp.sqrt(variance)


def limit(strata, z, reading, low, high, weights=None):
    """The null between low and high at which Z falls through z, by bisection."""
    mp.mp.dps = DIGITS
    low, high, z = mp.mpf(low), mp.mpf(high), mp.mpf(z)
    for _ in range(50):
        middle = (low + high) / 2
        if statistic(strata, middle, reading, weights) > z:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)
