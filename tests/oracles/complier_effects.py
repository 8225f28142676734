"""Wald's ratio and the Anderson-Rubin set by plain loops: slow, obvious."""

from __future__ import annotations

import math
from statistics import fmean, variance


def split(z, values):
    return [v for g, v in zip(z, values, strict=True) if g], [v for g, v in zip(z, values, strict=True) if not g]


def contrast(z, values):
    """Difference of means and its squared standard error (Neyman, n - 1)."""
    one, zero = split(z, values)
    return fmean(one) - fmean(zero), variance(one) / len(one) + variance(zero) / len(zero)


def wald(z, d, y):
    top, bottom = contrast(z, y)[0], contrast(z, d)[0]
    ratio = top / bottom
    _, spread = contrast(z, [b - ratio * a for a, b in zip(d, y, strict=True)])
    return ratio, math.sqrt(spread) / abs(bottom)


def rejected(z, d, y, tau, quantile):
    """Whether Anderson and Rubin's test rejects the effect tau."""
    gap, spread = contrast(z, [b - tau * a for a, b in zip(d, y, strict=True)])
    return abs(gap) > quantile * math.sqrt(spread)
