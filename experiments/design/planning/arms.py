"""Several arms against one control: the level of one of them, and how many persons each arm should have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.whole import is_whole
from experiments.inference.joint_t import joint_critical
from experiments.inference.tails import critical_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Side
    from experiments.design.planning.options import ArmCorrection

__all__ = ["arm_tail", "best_shares", "dunnett_limit"]


def arm_tail(
    arms: int, correction: ArmCorrection | None, *, level: float, side: Side, allocation: float | Sequence[float]
) -> float:
    """One-sided level of one arm's contrast.

    Args:
        arms: Treated arms.
        correction: How the level is shared.
        level: Confidence level of the family.
        side: Side of the tests.
        allocation: Treated per control person: one number for every arm, or one per arm.
    """
    tail = (1.0 - level) / (2.0 if side == "two" else 1.0)
    if arms == 1 or correction is None:
        return tail
    if correction != "dunnett":
        return tail / arms
    from scipy.special import ndtr

    limit = dunnett_limit(arms, level=level, side=side, allocation=allocation)
    return float(ndtr(-limit))


def dunnett_limit(arms: int, *, level: float, side: Side, allocation: float | Sequence[float] = 1.0) -> float:
    """The critical value of Dunnett's test of several arms against one control, normal statistics.

    The contrasts share the control, so two arms with r and s treated per control person correlate by
    sqrt(r / (1 + r) * s / (1 + s)). The integral is the readout's own (`joint_critical`), which stays exact where a
    small control makes the correlation almost 1.

    Args:
        arms: Treated arms.
        level: Confidence level of the family.
        side: Side of the tests.
        allocation: Treated per control person: one number for every arm, or one per arm.

    References:
        Dunnett (1955), Journal of the American Statistical Association 50:1096.
    """
    ratios = np.broadcast_to(np.asarray(allocation, dtype=np.float64), (arms,))
    loadings = np.sqrt(ratios / (1.0 + ratios))
    alpha = joint_critical(level, loadings, arms, math.inf, side)
    return critical_value(1.0 - alpha, side)


def best_shares(
    arms: int = 1, *, costs: Mapping[str, float] | None = None, control: str = "holdout", std_ratio: float = 1.0
) -> dict[str, float]:
    """Shares of the arms that make the contrasts with the control most precise for the persons or money there is.

    Without costs: persons of the control are sqrt(arms) times those of a treated arm. With costs per person the
    persons of an arm fall with the square root of its cost (Cochran); the sum of the contrasts' variances is then
    the smallest that the money can buy. Assumes a common noise but for ``std_ratio``.

    Args:
        arms: Treated arms, when no costs are given; they are named "arm 1", "arm 2" ...
        costs: Cost per person of every arm, the control included; all above 0 (a person of the holdout costs the
            margin that is withheld).
        control: Name of the control in ``costs``, and in the result.
        std_ratio: Standard deviation of a treated arm divided by the control's.

    Returns:
        Arm to share, summing to 1; the control first.

    Raises:
        InputError: No arms, costs of 0 or less, or a control without a cost.

    References:
        Dunnett (1955). Cochran (1977), Sampling Techniques, section 5.5.

    Verified against: numerical minimisation of the summed variances under a budget.

    Example:
        >>> {arm: round(share, 4) for arm, share in best_shares(4).items()}
        {'holdout': 0.3333, 'arm 1': 0.1667, 'arm 2': 0.1667, 'arm 3': 0.1667, 'arm 4': 0.1667}
        >>> shares = best_shares(costs={"holdout": 0.4, "sms": 0.1, "phone": 2.5})
        >>> {arm: round(share, 3) for arm, share in shares.items()}
        {'holdout': 0.371, 'sms': 0.524, 'phone': 0.105}
    """
    if costs is None:
        if not is_whole(arms) or arms < 1:
            raise InputError(f"arms must be the number of treated arms, at least 1, got {arms!r}.")
        costs = {control: 1.0} | {f"arm {i + 1}": 1.0 for i in range(arms)}
    _check_costs(costs, control)
    if not std_ratio > 0.0 or not math.isfinite(std_ratio):
        raise InputError(f"std_ratio must be a finite number above 0, got {std_ratio!r}.")
    treated = [arm for arm in costs if arm != control]
    weight = {control: math.sqrt(len(treated) / costs[control])}
    weight |= {arm: std_ratio / math.sqrt(costs[arm]) for arm in treated}
    total = sum(weight.values())
    return {arm: part / total for arm, part in weight.items()}


def _check_costs(costs: Mapping[str, float], control: str) -> None:
    if control not in costs or len(costs) < 2:
        raise InputError(
            f"costs must name the control {control!r} and at least one other arm, got {list(costs)!r}. Name the "
            "control with control=."
        )
    for arm, cost in costs.items():
        number = isinstance(cost, (int, float, np.integer, np.floating)) and not isinstance(cost, bool)
        if not number or not math.isfinite(cost) or cost <= 0.0:
            raise InputError(f"the cost per person of {arm!r} must be a finite number above 0, got {cost!r}.")
