"""The score statistic corrected for skewness: both tails of its intervals have their level, also with small holdouts.

The score statistic Z of a null is skewed where the arms are unequal and events rare: its two limits then miss in
different shares. Its first Cornish-Fisher term, with g = m3 / (6 V^(3/2)) from the third central moment m3 of the
distance under the null, is taken out by solving

    Z = z + (z^2 - 1) g

for z, which is again compared with the normal distribution.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.score import (
    constrained_difference,
    constrained_ratio,
    difference_statistic,
    falling_root,
    log_ratio_root,
    ratio_statistic,
)

if TYPE_CHECKING:
    from experiments.inference.score import Floats, Tables

__all__ = [
    "skewed_difference_limit",
    "skewed_difference_statistic",
    "skewed_ratio_limit",
    "skewed_ratio_statistic",
]


def skewed_difference_statistic(tables: Tables, delta: float) -> float:
    """The corrected score statistic of ``p1 - p0 = delta``.

    References:
        Gart and Nam (1990), Biometrics 46:637. Laud (2017), Pharmaceutical Statistics 16:334.
    """
    treated, control = constrained_difference(tables, delta)
    return _corrected(difference_statistic(tables, delta), tables, treated, control, 1.0)


def skewed_ratio_statistic(tables: Tables, ratio: float) -> float:
    """The corrected score statistic of ``p1 = ratio * p0``."""
    treated, control = constrained_ratio(tables, ratio)
    return _corrected(ratio_statistic(tables, ratio), tables, treated, control, ratio)


def _corrected(z: float, tables: Tables, treated: Floats, control: Floats, ratio: float) -> float:
    if not math.isfinite(z):
        return z
    noise = treated * (1.0 - treated), control * (1.0 - control)
    variance = float(np.sum(tables.factor() * (noise[0] / tables.n + ratio**2 * noise[1] / tables.control_n)))
    if variance <= 0.0:
        return z
    third = noise[0] * (1.0 - 2.0 * treated) / tables.n**2
    third = third - ratio**3 * noise[1] * (1.0 - 2.0 * control) / tables.control_n**2
    g = float(np.sum(tables.weights**3 * third)) / (6.0 * variance * math.sqrt(variance))
    # The root of g z^2 + z - (Z + g) that goes to Z with g, written without its cancellation.
    return 2.0 * (z + g) / (1.0 + math.sqrt(max(0.0, 1.0 + 4.0 * g * (z + g))))


def skewed_difference_limit(tables: Tables, target: float) -> float:
    """The difference at which the corrected statistic equals ``target`` (positive: lower limit)."""
    goal = _squeezed(target)
    return falling_root(
        lambda delta: _squeezed(skewed_difference_statistic(tables, delta)) - goal, -1.0, 1.0,
        resolution=1e-14 / tables.total,
    )  # fmt: skip


def skewed_ratio_limit(tables: Tables, target: float) -> float:
    """The ratio at which the corrected statistic equals ``target``; 0 or infinity where no ratio reaches it."""
    goal = _squeezed(target)
    return log_ratio_root(lambda ratio: _squeezed(skewed_ratio_statistic(tables, ratio)) - goal)


def _squeezed(z: float) -> float:
    """The statistic on a bounded scale, which root finding survives."""
    return math.copysign(1.0, z) if math.isinf(z) else z / (1.0 + abs(z))
