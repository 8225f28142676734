"""Crossing probabilities of a sequence of looks, slowly: Simpson on a fine even grid, the drift inside the kernel.

For two looks also by mpmath in 30 digits, for tails that floats on a grid cannot hold.
"""

import math

import mpmath
import numpy as np


def crossing(times, lower, upper, drift=0.0, points=4001):
    """Probabilities of crossing the upper and the lower bound of z first, at each look."""
    place, weight, before = np.zeros(1), np.ones(1), 0.0
    ups, downs = [], []
    for k, time in enumerate(times):
        step, root = time - before, math.sqrt(time)
        spread = math.sqrt(step)
        low = max(lower[k] * root, drift * time - 10 * root)
        high = min(upper[k] * root, drift * time + 10 * root)
        tail = np.array([math.erfc((upper[k] * root - s - drift * step) / spread / math.sqrt(2)) / 2 for s in place])
        ups.append(float(weight @ tail))
        tail = np.array([math.erfc(-(lower[k] * root - s - drift * step) / spread / math.sqrt(2)) / 2 for s in place])
        downs.append(float(weight @ tail))
        if k == len(times) - 1:
            break
        grid = np.linspace(low, high, points)
        kernel = np.exp(-0.5 * ((grid[:, None] - place - drift * step) / spread) ** 2)
        density = kernel @ weight
        density /= spread * math.sqrt(2 * math.pi)
        simpson = np.ones(points)
        simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
        place, weight, before = grid, density * simpson * (grid[1] - grid[0]) / 3, time
    return ups, downs


def second_crossing(first, z, times, two_sided):
    """The probability that a walk which has not reached the first of two bounds of z reaches ``z``, in 30 digits."""
    with mpmath.workdps(30):
        t1, t2 = (mpmath.mpf(time) for time in times)
        top = mpmath.mpf(first) * mpmath.sqrt(t1)
        bottom = -top if two_sided else -40 * mpmath.sqrt(t1)
        step, spread = mpmath.sqrt(t2 - t1), mpmath.sqrt(t1 * (t2 - t1) / t2)

        def value(s):
            tail = mpmath.erfc((z * mpmath.sqrt(t2) - s) / step / mpmath.sqrt(2)) / 2
            return mpmath.npdf(s / mpmath.sqrt(t1)) / mpmath.sqrt(t1) * tail

        peak = min(top, z * t1 / mpmath.sqrt(t2))  # nearly everything comes from around here
        low, high = max(bottom, peak - 14 * spread), min(top, peak + 14 * spread)
        places = [low + (high - low) * mpmath.mpf(i) / 10 for i in range(11)]
        return float(mpmath.quad(value, places))
