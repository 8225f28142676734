"""The upper tail of the noncentral t, to 12 digits with every SciPy: before 1.15 its own has 7 or 8."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["noncentral_tail"]

Floats = NDArray[np.float64]

_NODES = 120  # of each piece
_REACH = 46.0  # the density is cut where it is e^-46 of its height
_STEP = 10.0  # standard errors to each side of the place where the statistic passes the limit


def noncentral_tail(df: float, drift: float, limit: float) -> float:
    """The chance that a noncentral t lies above a limit.

    The statistic is (z + drift) / r with z standard normal and r^2 a chi-square over its degrees of freedom. Given r
    the chance is normal; it is integrated over log r, whose density is smooth for any degrees of freedom.

    Args:
        df: Degrees of freedom, above 0; they need not be whole.
        drift: The noncentrality.
        limit: The limit.

    Verified against: 30 digits of mpmath; R's pt (tests/references/power).

    Example:
        >>> round(noncentral_tail(38.0, 10**0.5, 2.024394), 10)
        0.8689528364
    """
    from scipy.special import ndtr

    nodes, weights = _grid(df, drift, limit)
    density = weights * np.exp(df * (nodes - np.expm1(2.0 * nodes) / 2.0))
    return float(np.sum(density * ndtr(drift - limit * np.exp(nodes))) / np.sum(density))


def _grid(df: float, drift: float, limit: float) -> tuple[Floats, Floats]:
    """Nodes of log r and their weights: pieces between the ends, parted where the chance goes from 0 to 1."""
    low, high = _end(df, -1.0), _end(df, 1.0)
    edges = {low, 0.0, high}
    if limit != 0.0:  # where limit x r is as large as the statistic itself, whatever the drift
        place = math.log((1.0 + abs(drift)) / abs(limit))
        edges |= {place - 12.0, place - 6.0, place - 3.0, place, place + 2.0}
    if drift * limit > 0.0:
        place, width = math.log(drift / limit), _STEP / abs(drift)
        edges |= {place - width, place, place + width}
    ends = np.array(sorted(edge for edge in edges if low <= edge <= high))
    points, weights = _legendre()
    half, middle = np.diff(ends)[:, None] / 2.0, (ends[1:] + ends[:-1])[:, None] / 2.0
    return (middle + half * points).ravel(), (half * weights).ravel()


def _end(df: float, side: float) -> float:
    """Where the density of log r has fallen to e^-46 of its height, on one side."""
    near, far = 0.0, side * min(1.0, math.sqrt(_REACH / df))
    while _fallen(df, far) < _REACH:
        near, far = far, 2.0 * far
    for _ in range(40):
        middle = (near + far) / 2.0
        near, far = (middle, far) if _fallen(df, middle) < _REACH else (near, middle)
    return far


def _fallen(df: float, place: float) -> float:
    return df * (math.expm1(2.0 * min(place, 350.0)) / 2.0 - place)


@cache
def _legendre() -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return points, weights
