"""The figures of one contrast, whether persons or clusters were assigned: net benefit, woken, price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.inference.sequential.always_valid import mixture_z
from experiments.inference.sequential.bounds import nominal_p
from experiments.roi.net_benefit import net_benefit
from experiments.roi.undecided import cost_per_incremental

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate, Side
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.net_benefit import Variance
    from experiments.roi.undecided import IncrementalCost

__all__ = ["lasting_level", "net_of", "price_of"]

_HIGHEST = 1.0 - 1e-14


def net_of(
    contrast: ContrastCosts, threshold: float, *, level: float, side: Side = "two", variance: Variance = "score"
) -> Estimate:
    """Net benefit per person at a threshold."""
    if contrast.clustered is not None:
        return contrast.clustered.net(threshold, level=level, side=side)
    return net_benefit(
        contrast.treated, contrast.untreated, threshold, weights=contrast.weights, level=level, side=side,
        variance=variance,
    )  # fmt: skip


def price_of(
    contrast: ContrastCosts, *, level: float, side: Side = "two", variance: Variance = "score"
) -> IncrementalCost:
    """The cost of one more woken customer, with the woken per person and the undecided set."""
    if contrast.clustered is not None:
        return contrast.clustered.price(level=level, side=side)
    return cost_per_incremental(
        contrast.treated, contrast.untreated, weights=contrast.weights, level=level, side=side, variance=variance
    )


def lasting_level(n: int, *, planned: float, level: float, side: Side = "two") -> float:
    """The level of an ordinary interval that is as wide, at ``n`` persons, as the always-valid one of `level`.

    Example:
        >>> round(lasting_level(5_000, planned=5_000, level=0.95), 4)
        0.9976
    """
    return min(1.0 - nominal_p(mixture_z(n, planned_n=planned, level=level, side=side), side), _HIGHEST)
