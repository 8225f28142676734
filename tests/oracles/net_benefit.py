"""Slow and obvious: the net benefit's score interval by scanning b in multiple precision, and Fieller's set.

An arm is a dict with n, woken, cw, co (mean cost of woken and others) and vw, vo (their variances). One stratum, except
`fieller`, which takes moments.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

DIGITS = 40


def log_likelihood(arm, p):
    x, n = arm["woken"], arm["n"]
    up = x * mp.log(p) if x else mp.mpf(0)
    return up + ((n - x) * mp.log(1 - p) if n - x else mp.mpf(0))


def segment(treated, control, threshold, b):
    """The line of rates (p1, p0) with NB = b, as two end points inside the unit square; None when there is none."""
    s1 = mp.mpf(threshold) - (mp.mpf(treated["cw"]) - mp.mpf(treated["co"]))
    s0 = mp.mpf(threshold) - (mp.mpf(control["cw"]) - mp.mpf(control["co"]))
    k = mp.mpf(b) + mp.mpf(treated["co"]) - mp.mpf(control["co"])
    corners = []
    for p0 in (mp.mpf(0), mp.mpf(1)):
        p1 = (k + s0 * p0) / s1
        if 0 <= p1 <= 1:
            corners.append((p1, p0))
    for p1 in (mp.mpf(0), mp.mpf(1)):
        p0 = (s1 * p1 - k) / s0
        if 0 <= p0 <= 1:
            corners.append((p1, p0))
    if not corners:
        return None
    return min(corners), max(corners)


def constrained(treated, control, threshold, b):
    """Ternary search for the largest likelihood on the segment; p1 and p0."""
    with mp.workdps(DIGITS):
        ends = segment(treated, control, threshold, b)
        if ends is None:
            return None
        (a1, a0), (b1, b0) = ends

        def at(t):
            return a1 + (b1 - a1) * t, a0 + (b0 - a0) * t

        def height(t):
            p1, p0 = at(t)
            return log_likelihood(treated, p1) + log_likelihood(control, p0)

        low, high = mp.mpf(0), mp.mpf(1)
        for _ in range(150):
            left, right = low + (high - low) / 3, high - (high - low) / 3
            if height(left) < height(right):
                low = left
            else:
                high = right
        return at((low + high) / 2)


def variance(treated, control, threshold, b):
    with mp.workdps(DIGITS):
        rates = constrained(treated, control, threshold, b)
        if rates is None:
            return None
        persons = mp.mpf(treated["n"] + control["n"])
        total = mp.mpf(0)
        for arm, p in zip((treated, control), rates, strict=True):
            slope = mp.mpf(threshold) - arm["cw"] + arm["co"]
            total += (slope**2 * p * (1 - p) + p * arm["vw"] + (1 - p) * arm["vo"]) / arm["n"]
        return total * persons / (persons - 1)


def estimate(treated, control, threshold):
    def net(arm):
        p = mp.mpf(arm["woken"]) / arm["n"]
        woken = p * (threshold - mp.mpf(arm["cw"])) if arm["woken"] else 0
        return woken - ((1 - p) * mp.mpf(arm["co"]) if arm["n"] - arm["woken"] else 0)

    with mp.workdps(DIGITS):
        return net(treated) - net(control)


def rejected(treated, control, threshold, b, z):
    with mp.workdps(DIGITS):
        v = variance(treated, control, threshold, b)
        if v is None:
            return True
        return (estimate(treated, control, threshold) - mp.mpf(b)) ** 2 > mp.mpf(z) ** 2 * v


def interval(treated, control, threshold, z, steps=44):
    """Both ends: scan outwards for the last value that is not rejected, then bisect."""
    centre = float(estimate(treated, control, threshold))
    step = 6 * float(mp.sqrt(variance(treated, control, threshold, centre))) / steps * max(1.0, z / 2)
    ends = []
    for sign in (-1, 1):
        kept = [i for i in range(steps + 1) if not rejected(treated, control, threshold, centre + sign * i * step, z)]
        assert kept[-1] < steps, "widen the scan"
        assert kept == list(range(len(kept))), "not one piece"
        inside, outside = centre + sign * kept[-1] * step, centre + sign * (kept[-1] + 1) * step
        with mp.workdps(DIGITS):
            inside, outside = mp.mpf(inside), mp.mpf(outside)
            for _ in range(46):
                middle = (inside + outside) / 2
                if rejected(treated, control, threshold, middle, z):
                    outside = middle
                else:
                    inside = middle
            ends.append(float(inside))
    return tuple(ends)


def fieller(d_woken, d_cost, v_woken, covariance, v_cost, z):
    """Pieces of {T >= 0: (T dY - dC)^2 <= z^2 (T^2 vY - 2 T cov + vC)}, from the roots of the quadratic."""
    with mp.workdps(DIGITS):
        y, c, vy, cov, vc, z = map(mp.mpf, (d_woken, d_cost, v_woken, covariance, v_cost, z))

        def inside(t):
            return (t * y - c) ** 2 <= z**2 * (t * t * vy - 2 * t * cov + vc)

        a2, a1, a0 = y**2 - z**2 * vy, -2 * (y * c - z**2 * cov), c**2 - z**2 * vc
        disc = a1**2 - 4 * a2 * a0
        roots = [] if disc < 0 else sorted([(-a1 - mp.sqrt(disc)) / (2 * a2), (-a1 + mp.sqrt(disc)) / (2 * a2)])
        edges = [mp.mpf(0), *[r for r in roots if r > 0]]
        pieces = []
        for low, high in zip(edges, [*edges[1:], mp.inf], strict=True):
            probe = (low + high) / 2 if high != mp.inf else 2 * low + 1
            if inside(probe):
                pieces.append((float(low), float(high)))
        return pieces


def moments(treated_rows, control_rows):
    """dY, dC and their sample (co)variances from raw rows of (woken, cost)."""
    one, two = np.asarray(treated_rows, float), np.asarray(control_rows, float)
    d = one.mean(axis=0) - two.mean(axis=0)
    v = np.cov(one.T, ddof=1) / len(one) + np.cov(two.T, ddof=1) / len(two)
    return d[0], d[1], v[0, 0], v[0, 1], v[1, 1]
