"""Limits of cost per effective customer by searching the binomial score test, and Fieller's set by searching."""

from __future__ import annotations

import math

import numpy as np


def cost_limits(cost, hits, n, z):
    """Smallest and largest cost / (n p) over all p that the score test of p does not reject."""
    low, high = _edge(hits, n, z, upper=False), _edge(hits, n, z, upper=True)
    return cost / (n * high), (cost / (n * low) if low > 0 else math.inf)


def _edge(hits, n, z, *, upper):
    share = hits / n

    def rejected(p):
        return abs(share - p) > z * math.sqrt(p * (1 - p) / n)

    inside, outside = share, (1.0 if upper else 0.0)
    if not rejected(outside) and outside == share:
        return outside
    for _ in range(200):
        middle = (inside + outside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside


def ratio_set(paid, counts, t, grid):
    """Which ratios of the grid a t test of mean(paid - ratio * counts) = 0 does not reject."""
    kept = []
    for ratio in grid:
        rest = np.asarray(paid, float) - ratio * np.asarray(counts, float)
        error = rest.std(ddof=1) / math.sqrt(len(rest))
        kept.append(bool(abs(rest.mean()) <= t * error))
    return kept
