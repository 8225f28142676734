"""Bounds of a net benefit whose two tails are even: the score's bounds moved by the skewness under the null."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.inference.sequential.bounds import nominal_p
from experiments.inference.tails import critical_value
from experiments.roi.arms import prepare
from experiments.roi.contrast_figures import net_of
from experiments.roi.statistic import at_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate
    from experiments.roi.arms import Moments, Stratum
    from experiments.roi.contrasts import ContrastCosts

__all__ = ["even_bounds", "even_net"]


def even_bounds(strata: Sequence[Stratum], threshold: float, *, level: float) -> tuple[float, float]:
    """The multipliers at which the score statistic of a net benefit of 0 is too large, and too small.

    Where events are rare and the holdout is small, the statistic leans to one side, and z on both sides misses more
    often on one than on the other. Its first Cornish-Fisher term moves both bounds by (z^2 - 1) g, g = m3 / (6 V^1.5)
    with the third central moment m3 and the variance V of the net benefit under the null. Third moments of costs among
    woken and among others are taken as 0.

    Args:
        strata: The strata of a contrast (`prepare`).
        threshold: T.
        level: Level of both sides together.

    Returns:
        z + shift and z - shift: 0 is rejected upwards at a statistic of at least the first, downwards at minus the
        second or less.

    References:
        Gart and Nam (1990), Biometrics 46:637; Laud (2017), Pharmaceutical Statistics 16:334.

    Example:
        >>> from experiments.roi.arms import ArmCosts
        >>> free = {"cost_mean_woken": 0, "cost_mean_other": 0, "cost_variance_woken": 0, "cost_variance_other": 0}
        >>> strata, _ = prepare([ArmCosts(n=8000, woken=240, **free)], [ArmCosts(n=2000, woken=60, **free)], None)
        >>> [round(bound, 2) for bound in even_bounds(strata, 85.0, level=0.95)]
        [1.92, 2.0]
    """
    z = critical_value(level, "two")
    contrast = at_threshold(strata, threshold)
    points = [cell.at(-contrast.value) for cell in contrast.cells]
    variance = math.fsum(point.variance for point in points)
    if variance <= 0.0:
        return z, z
    third = math.fsum(
        stratum.weight**3
        * (
            _third(cell.treated, cell.slopes[0], point.rates[0]) / cell.treated.n**2
            - _third(cell.control, cell.slopes[1], point.rates[1]) / cell.control.n**2
        )
        for stratum, cell, point in zip(strata, contrast.cells, points, strict=True)
    )
    shift = (z * z - 1.0) * third / (6.0 * variance * math.sqrt(variance))
    shift = min(max(shift, -0.5 * z), 0.5 * z)  # beyond that one term says nothing; so few events decide nothing anyway
    return z + shift, z - shift


def _third(arm: Moments, slope: float, rate: float) -> float:
    """Third central moment of a person's net: two groups with means ``slope`` apart and variances of their own."""
    apart = arm.variance_woken - arm.variance_other
    return slope * rate * (1.0 - rate) * (slope * slope * (1.0 - 2.0 * rate) + 3.0 * apart)


def even_net(contrast: ContrastCosts, threshold: float, *, level: float) -> Estimate:
    """Net benefit per person whose interval excludes 0 exactly when the statistic passes one of `even_bounds`."""
    strata, _ = prepare(contrast.treated, contrast.untreated, contrast.weights)
    up, down = even_bounds(strata, threshold, level=level)
    low = net_of(contrast, threshold, level=1.0 - nominal_p(up, "greater"), side="greater").low
    made = net_of(contrast, threshold, level=1.0 - nominal_p(down, "less"), side="less")
    return replace(made, low=low, level=level, side="two", p_value=None, method="net benefit, score, even tails")
