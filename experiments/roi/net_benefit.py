"""Net benefit of a contrast at a threshold: what the woken customers are worth there, less what everybody cost."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, Side, check_level, check_side
from experiments.inference.tails import critical_value, p_value
from experiments.roi.arms import ArmCosts, Moments, Stratum, few_events, prepare
from experiments.roi.statistic import at_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FEW_EVENTS", "ArmCosts", "Variance", "check_variance", "net_benefit", "plugin_moments"]

Variance = Literal["score", "plugin"]
FEW_EVENTS = "FEW_EVENTS"
# A p-value is never 0: the tail is below what a float holds. A normal float, so that its half is not 0 either.
_SMALLEST_P = sys.float_info.min


def check_variance(variance: str) -> Variance:
    """Return ``variance`` if it is "score" or "plugin", else raise `InputError`."""
    if variance == "score":
        return "score"
    if variance == "plugin":
        return "plugin"
    raise InputError(f'variance must be "score" or "plugin", got {variance!r}.')


def net_benefit(  # noqa: PLR0913
    treated: Sequence[ArmCosts],
    control: Sequence[ArmCosts],
    threshold: float,
    *,
    weights: Sequence[float] | None = None,
    level: float = 0.95,
    side: Side = "two",
    variance: Variance = "score",
) -> Estimate:
    """Net benefit per assigned person, ``T * dY - dC``, with its interval and the p-value of "it is 0".

    dY is the difference of woken per person, dC that of the full cost per person (treated minus control), both
    weighted over the strata. In arm a the net ``T * y - c`` has mean ``m_a0 + (m_a1 - m_a0) * p_a``, m_a0 and m_a1
    being its means among persons not woken and woken. With ``variance="score"`` the variance at ``NB = b`` is that
    of the net at the p_a that maximise the binomial likelihood under ``NB = b``, conditional means and variances
    held at their estimates, times N / (N - 1); the interval is the set of b that the statistic does not reject.
    ``variance="plugin"`` is the normal interval with the sample variance of the net: at small holdouts and rates it
    passes about twice too often.

    Several strata: weights N_s / N unless given; the null is read as in the stratified rate test, as one common
    effect on waking, while cost differences between strata stay as they are. A null that a stratum's rates cannot
    attain is judged with the variance within groups at the estimated rates. Where an arm's net hardly differs
    between woken and others (T next to its cost of waking) its rate stays near the estimate.

    The p-value is the smallest ``1 - level`` whose interval excludes 0, for two sides at every level and for one side
    from a level of 0.5 up. It is never 0: below the smallest normal float it is that float.

    An arm in which nobody (or everybody) woke has no cost of waking of its own: the other arm's stands in, else the
    pooled one (note ``WOKEN_COST_POOLED``), else 0 (``WOKEN_COST_ASSUMED``). A group of fewer than two persons
    takes its variance from the same group of the other arm, else from the pooled one, else it is 0.

    Args:
        treated: The treated arm, one entry per stratum.
        control: The control arm, the same strata in the same order.
        threshold: T, the money that one woken customer may cost; not negative.
        weights: Weight of each stratum; scaled to sum 1.
        level: Confidence level.
        side: ``"two"``; ``"greater"`` bounds from below (can it pass?); ``"less"`` from above (can it fail?).
        variance: ``"score"`` or ``"plugin"``.

    Returns:
        The estimate in money per assigned person. The note holds ``FEW_EVENTS`` when an arm has fewer than 20 woken.

    Raises:
        InputError: When the strata do not match, or the threshold, weights, level, side or variance are not allowed.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213; Stinnett and Mullahy (1998), Medical Decision
        Making 18:S68 (net benefit).

    Verified against a slow numeric maximisation of the likelihood with a scan of b (tests/oracles/net_benefit.py), the
    Miettinen-Nurminen interval when costs are constant, and simulated campaigns of known truth.

    Example:
        >>> sms = ArmCosts(n=15000, woken=240, cost_mean_woken=0.1, cost_mean_other=0.1,
        ...                cost_variance_woken=0.0, cost_variance_other=0.0)
        >>> none = ArmCosts(n=3000, woken=24, cost_mean_woken=0.0, cost_mean_other=0.0,
        ...                 cost_variance_woken=0.0, cost_variance_other=0.0)
        >>> net = net_benefit([sms], [none], 85.0)
        >>> round(net.value, 3), round(net.low, 3), round(net.high, 3)
        (0.58, 0.217, 0.872)
    """
    level, side, variance = check_level(level), check_side(side), check_variance(variance)
    threshold = _check_threshold(threshold)
    strata, codes = prepare(treated, control, weights)
    if few_events(treated, control):
        codes = (FEW_EVENTS, *codes)
    z = critical_value(level, side)
    value, error, low, high, statistic = (_score if variance == "score" else _plugin)(strata, threshold, z)
    return Estimate(
        value=value,
        low=low if side != "less" else -math.inf,
        high=high if side != "greater" else math.inf,
        p_value=max(p_value(statistic, side), _SMALLEST_P),
        level=level,
        side=side,
        method=f"net benefit, {variance}",
        n=sum(arm.n for arm in (*treated, *control)),
        standard_error=error,
        note="; ".join(codes),
    )


def _check_threshold(threshold: float) -> float:
    number = float(threshold)
    if not 0.0 <= number < math.inf:
        raise InputError(
            f"threshold must be a finite amount of money per woken customer, 0 or more, got {threshold!r}. "
            f"For every threshold at once use undecided_thresholds."
        )
    return number


def _score(strata: Sequence[Stratum], threshold: float, z: float) -> tuple[float, float, float, float, float]:
    contrast = at_threshold(strata, threshold)
    error, statistic = math.sqrt(contrast.variance(0.0)), contrast.statistic(0.0)
    low, high = (contrast.limit(quantile, 0.0, statistic) for quantile in (z, -z))
    return contrast.value, error, low, high, statistic


def _plugin(strata: Sequence[Stratum], threshold: float, z: float) -> tuple[float, float, float, float, float]:
    d_woken, d_cost, v_woken, covariance, v_cost = plugin_moments(strata)
    value = threshold * d_woken - d_cost
    error = math.sqrt(max(0.0, (threshold * v_woken - 2.0 * covariance) * threshold + v_cost))
    statistic = value / error if error > 0.0 else (math.copysign(math.inf, value) if value else 0.0)
    return value, error, value - z * error, value + z * error, statistic


def plugin_moments(strata: Sequence[Stratum]) -> tuple[float, float, float, float, float]:
    """dY, dC, the sample variance of dY, their covariance, and the sample variance of dC."""
    sums: list[list[float]] = []
    for stratum in strata:
        one, two = _arm_moments(stratum.treated), _arm_moments(stratum.control)
        w = stratum.weight
        sums.append(
            [
                w * (one[0] - two[0]),
                # Costs of the non-woken first: their difference is often the whole of dC.
                w * ((stratum.treated.other - stratum.control.other) + (one[1] - two[1])),
                *(w * w * (a + b) for a, b in zip(one[2:], two[2:], strict=True)),
            ]
        )
    d_woken, d_cost, v_woken, covariance, v_cost = (math.fsum(column) for column in zip(*sums, strict=True))
    return d_woken, d_cost, v_woken, covariance, v_cost


def _arm_moments(arm: Moments) -> tuple[float, float, float, float, float]:
    """Rate, mean cost beyond the non-woken's, and the sample (co)variances of both means."""
    if arm.n < 2:
        raise InputError(
            f'variance="plugin" needs at least 2 persons in every arm of every stratum, got {arm.n}. '
            f'Use variance="score", or leave that stratum out.'
        )
    rate = arm.woken / arm.n
    spread = rate * (arm.n - arm.woken)  # sum of squares of y
    inside = max(arm.woken - 1, 0) * arm.variance_woken + max(arm.n - arm.woken - 1, 0) * arm.variance_other
    unit = 1.0 / ((arm.n - 1.0) * arm.n)
    step = arm.wake_cost
    return rate, rate * step, spread * unit, spread * step * unit, (inside + spread * step * step) * unit
