"""Effects averaged over the spread between campaigns, by adaptive quadrature over plain matrices; no code of ours."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

PLACES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0, 100.0, 5_000.0)


def integral(function: Callable[[float], float]) -> float:
    """The integral over all spreads that matter."""
    parts = itertools.pairwise(PLACES)
    return float(sum(quad(function, low, high, epsabs=0.0, epsrel=1e-11, limit=200)[0] for low, high in parts))


def averaged(estimates: list[float], covariance: list[list[float]]) -> list[tuple[float, float]]:
    """Mean of every effect, and its probability to lie below 0, under a flat prior on the spread."""
    d, v = np.array(estimates), np.array(covariance)
    ones, unit = np.ones(len(d)), np.eye(len(d))

    def at(t: float) -> tuple[float, np.ndarray, np.ndarray]:
        total = v + t * t * unit
        inverse = np.linalg.inv(total)
        whole = ones @ inverse @ ones
        mean = ones @ inverse @ d / whole
        rest = d - mean
        weight = np.exp(-rest @ inverse @ rest / 2) / np.sqrt(np.linalg.det(total) * whole)
        left = ones - t * t * inverse @ ones
        matrix = t * t * inverse @ v + np.outer(left, left) / whole
        return float(weight), mean + t * t * inverse @ rest, np.diag(matrix)

    mass = integral(lambda t: at(t)[0])
    found = []
    for place in range(len(d)):

        def mean_part(t: float, place: int = place) -> float:
            weight, effects, _ = at(t)
            return weight * float(effects[place])

        def below_part(t: float, place: int = place) -> float:
            weight, effects, variances = at(t)
            return weight * float(norm.cdf(-effects[place] / np.sqrt(variances[place])))

        found.append((integral(mean_part) / mass, integral(below_part) / mass))
    return found
