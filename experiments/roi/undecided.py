"""The thresholds at which the data decide nothing: the confidence set of the cost per incremental woken customer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from attribution.core.estimates import Estimate, Kind, RatioSet, Side, check_level, check_side
from experiments.inference.tails import critical_value
from experiments.roi.arms import ArmCosts, Moments, Stratum, prepare
from experiments.roi.net_benefit import Variance, check_variance, net_benefit, plugin_moments
from experiments.roi.statistic import at_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "COST_SAVING",
    "HARM",
    "NO_INCREMENT",
    "IncrementalCost",
    "cost_per_incremental",
    "crossings",
    "excess_of",
    "fieller_roots",
    "points_around",
    "shape_of",
    "undecided_thresholds",
    "why",
]

HARM = "HARM"
NO_INCREMENT = "NO_INCREMENT"
COST_SAVING = "COST_SAVING"

_GRID_PER_DECADE = 4
_DECADES = 3
_FARTHEST = 1e12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IncrementalCost:
    """What one more woken customer costs, with the thresholds that stay undecided.

    Attributes:
        value: dC / dY; None when `reason` is set. Never negative.
        undecided: The set of thresholds that the data do not decide.
        woken: Woken per assigned person, treated minus control.
        reason: ``""``; ``"HARM"`` when the treated woke significantly less: the price is not defined;
            ``"NO_INCREMENT"`` when dY <= 0 without significance; ``"COST_SAVING"`` when they woke more and cost less.
    """

    value: float | None
    undecided: RatioSet
    woken: Estimate
    reason: str = ""


def undecided_thresholds(
    treated: Sequence[ArmCosts],
    control: Sequence[ArmCosts],
    *,
    weights: Sequence[float] | None = None,
    level: float = 0.95,
    side: Side = "two",
    variance: Variance = "score",
) -> RatioSet:
    """The thresholds T >= 0 at which "net benefit 0" is not rejected, by the statistic of `net_benefit`.

    Below the set the contrast does not pay, above it pays (when treating costs and wakes). With
    ``variance="plugin"`` the set is Fieller's set of dC / dY, cut at T >= 0. It holds for all thresholds at once:
    one set decides them all.

    Kinds: ``"interval"`` (an end may be inf: no price is too high to be excluded); ``"complement"``: everything
    outside ``(low, high)``; ``"all"``: no threshold is decided (low 0, high inf). When every threshold is decided
    the set is empty: ``"complement"`` with low -inf and high inf. Should the score statistic cross its quantile
    more often than these shapes allow, the set is the smallest of these shapes that holds every undecided
    threshold.

    Args:
        treated: The treated arm, one entry per stratum.
        control: The control arm, the same strata in the same order.
        weights: Weight of each stratum; N_s / N by default.
        level: Confidence level.
        side: ``"two"``; ``"greater"``: thresholds that do not pass; ``"less"``: thresholds that do not fail.
        variance: ``"score"`` or ``"plugin"``.

    Returns:
        The set; its value is dC / dY, None when dY <= 0.

    Raises:
        InputError: As `net_benefit`.

    References:
        Fieller (1954), JRSS B 16:175; Heitjan (2000), Health Economics 9:327 (net health benefit and Fieller's set).

    Example:
        >>> sms = ArmCosts(n=15000, woken=240, cost_mean_woken=0.1, cost_mean_other=0.1,
        ...                cost_variance_woken=0.0, cost_variance_other=0.0)
        >>> none = ArmCosts(n=3000, woken=24, cost_mean_woken=0.0, cost_mean_other=0.0,
        ...                 cost_variance_woken=0.0, cost_variance_other=0.0)
        >>> found = undecided_thresholds([sms], [none])
        >>> found.kind, round(found.value, 2), round(found.low, 2), round(found.high, 2)
        ('interval', 12.5, 8.75, 26.79)
    """
    level, side, variance = check_level(level), check_side(side), check_variance(variance)
    strata, _ = prepare(treated, control, weights)
    d_woken, d_cost = _differences(strata)
    value = d_cost / d_woken if d_woken > 0.0 else None
    z = critical_value(level, side)
    excess = excess_of(side, z)
    if variance == "plugin":
        moments = plugin_moments(strata)
        roots = fieller_roots(moments, z)

        def gap(threshold: float) -> float:
            return excess(_plugin_statistic(moments, threshold))
    else:

        def gap(threshold: float) -> float:
            return excess(_score_statistic(strata, threshold))

        roots = crossings(gap, _scales(strata, d_woken, d_cost, z))
    kind, low, high = shape_of(gap, roots)
    return RatioSet(value=value, low=low, high=high, kind=kind, level=level)


def cost_per_incremental(
    treated: Sequence[ArmCosts],
    control: Sequence[ArmCosts],
    *,
    weights: Sequence[float] | None = None,
    level: float = 0.95,
    side: Side = "two",
    variance: Variance = "score",
) -> IncrementalCost:
    """The cost of one more woken customer, its undecided set, or the reason why there is no price.

    Args:
        treated: The treated arm, one entry per stratum.
        control: The control arm, the same strata in the same order.
        weights: Weight of each stratum; N_s / N by default.
        level: Confidence level.
        side: As `undecided_thresholds`; harm is always judged by the two-sided interval of dY.
        variance: ``"score"`` or ``"plugin"``.

    Returns:
        The price, or None with a reason: ``HARM`` reads "not defined (harm)"; a price is never negative.

    Raises:
        InputError: As `net_benefit`.

    Example:
        >>> worse = ArmCosts(n=9000, woken=60, cost_mean_woken=2, cost_mean_other=2, cost_variance_woken=0,
        ...                  cost_variance_other=0)
        >>> none = ArmCosts(n=9000, woken=120, cost_mean_woken=0, cost_mean_other=0, cost_variance_woken=0,
        ...                 cost_variance_other=0)
        >>> price = cost_per_incremental([worse], [none])
        >>> price.value is None, price.reason
        (True, 'HARM')
    """
    undecided = undecided_thresholds(treated, control, weights=weights, level=level, side=side, variance=variance)
    woken = net_benefit(
        [_free(arm) for arm in treated],
        [_free(arm) for arm in control],
        1.0,
        weights=weights,
        level=level,
        variance=variance,
    )
    return why(undecided, replace(woken, method=f"woken per person, {variance}"))


def why(undecided: RatioSet, woken: Estimate) -> IncrementalCost:
    """The price, or the reason why there is none."""
    reason = ""
    if woken.high is not None and woken.high < 0.0:
        reason = HARM
    elif undecided.value is None:
        reason = NO_INCREMENT
    elif undecided.value < 0.0:
        reason = COST_SAVING
    value = None if reason else undecided.value
    if value is not None and undecided.kind == "complement" and math.isinf(undecided.low):
        # At its own price a contrast is undecided, also where costs without spread leave nothing else.
        undecided = replace(undecided, low=value, high=value, kind="interval")
    return IncrementalCost(value=value, undecided=undecided, woken=woken, reason=reason)


def _free(arm: ArmCosts) -> ArmCosts:
    """The arm as if nothing had cost anything."""
    return ArmCosts(
        n=arm.n,
        woken=arm.woken,
        cost_mean_woken=0.0,
        cost_mean_other=0.0,
        cost_variance_woken=0.0,
        cost_variance_other=0.0,
    )


def _differences(strata: Sequence[Stratum]) -> tuple[float, float]:
    woken, cost = [], []
    for stratum in strata:
        one, two = stratum.treated, stratum.control
        p1, p0 = one.woken / one.n, two.woken / two.n
        woken.append(stratum.weight * (p1 - p0))
        cost.append(stratum.weight * ((one.other - two.other) + (p1 * one.wake_cost - p0 * two.wake_cost)))
    return math.fsum(woken), math.fsum(cost)


def excess_of(side: Side, z: float) -> Callable[[float], float]:
    """How far a statistic lies beyond its quantile, on a bounded scale; at most 0 means undecided."""
    goal = z / (1.0 + abs(z))

    def excess(statistic: float) -> float:
        bounded = math.copysign(1.0, statistic) if math.isinf(statistic) else statistic / (1.0 + abs(statistic))
        if side == "two":
            return abs(bounded) - goal
        return (bounded if side == "greater" else -bounded) - goal

    return excess


def _plugin_statistic(moments: tuple[float, float, float, float, float], threshold: float) -> float:
    d_woken, d_cost, v_woken, covariance, v_cost = moments
    if math.isinf(threshold):
        value, variance = d_woken, v_woken
    else:
        value = threshold * d_woken - d_cost
        variance = (threshold * v_woken - 2.0 * covariance) * threshold + v_cost
    if value == 0.0:
        return 0.0
    return value / math.sqrt(variance) if variance > 0.0 else math.copysign(math.inf, value)


def _score_statistic(strata: Sequence[Stratum], threshold: float) -> float:
    if math.isinf(threshold):
        return at_threshold([_costless(stratum) for stratum in strata], 1.0).statistic(0.0)
    return at_threshold(strata, threshold).statistic(0.0)


def _costless(stratum: Stratum) -> Stratum:
    """The limit of an endless threshold: costs do not matter."""
    one, two = stratum.treated, stratum.control
    return Stratum(
        stratum.weight, Moments(one.n, one.woken, 0.0, 0.0, 0.0, 0.0), Moments(two.n, two.woken, 0.0, 0.0, 0.0, 0.0)
    )


def fieller_roots(moments: tuple[float, float, float, float, float], z: float) -> list[float]:
    """Where the squared statistic equals z squared, in digits-keeping form."""
    d_woken, d_cost, v_woken, covariance, v_cost = moments
    a = d_woken * d_woken - z * z * v_woken
    half = d_woken * d_cost - z * z * covariance
    c = d_cost * d_cost - z * z * v_cost
    discriminant = half * half - a * c
    if discriminant < 0.0:
        return []
    q = half + math.copysign(math.sqrt(discriminant), half)
    found = [q / a] if a != 0.0 else []
    if q != 0.0:
        found.append(c / q)
    return sorted(root for root in found if 0.0 < root < math.inf)


def _scales(strata: Sequence[Stratum], d_woken: float, d_cost: float, z: float) -> list[float]:
    """Thresholds between which the score statistic is looked at: a grid around every scale of the data."""
    marks = [stratum_arm.wake_cost for stratum in strata for stratum_arm in (stratum.treated, stratum.control)]
    if d_woken != 0.0:
        marks.append(d_cost / d_woken)
    if all(min(stratum.treated.n, stratum.control.n) > 1 for stratum in strata):
        marks.extend(fieller_roots(plugin_moments(strata), z))
    return points_around(marks)


def points_around(marks: Sequence[float]) -> list[float]:
    """Thresholds between which a statistic is looked at: 0, the marks, a grid around them, and infinity."""
    marks = sorted({mark for mark in marks if 0.0 < mark < _FARTHEST} or {1.0})
    first, last = math.log10(marks[0]) - _DECADES, math.log10(marks[-1]) + _DECADES
    steps = math.ceil((last - first) * _GRID_PER_DECADE)
    grid = [10.0 ** (first + (last - first) * step / steps) for step in range(steps + 1)]
    return [0.0, *sorted({*grid, *marks}), math.inf]


def crossings(gap: Callable[[float], float], points: Sequence[float]) -> list[float]:
    """Where the gap changes sign between neighbouring points."""
    from scipy.optimize import brentq

    found = []
    values = [gap(point) for point in points]
    for left, right, at_left, at_right in zip(points[:-1], points[1:], values[:-1], values[1:], strict=True):
        if (at_left <= 0.0) == (at_right <= 0.0):
            continue
        low, high = left, right
        if math.isinf(right):
            high = _finite_end(gap, left, inside=at_left <= 0.0)
            if math.isinf(high):
                continue
        if at_left == 0.0 or (at_right == 0.0 and not math.isinf(right)):
            found.append(left if at_left == 0.0 else right)
            continue
        found.append(float(brentq(gap, low, high, xtol=1e-300, rtol=2.0**-50, maxiter=1000)))
    return found


def _finite_end(gap: Callable[[float], float], start: float, *, inside: bool) -> float:
    """A finite threshold beyond the start on the other side of the quantile; inf when only the limit itself is."""
    threshold = max(start, 1e-300)
    for _ in range(15):
        threshold *= 10.0
        if (gap(threshold) <= 0.0) != inside:
            return threshold
    return math.inf


def shape_of(gap: Callable[[float], float], roots: Sequence[float]) -> tuple[Kind, float, float]:
    """The undecided pieces between the roots as one of the shapes a `RatioSet` knows."""
    ends = [0.0, *roots, math.inf]
    pieces: list[list[float]] = []
    for low, high in pairwise(ends):
        middle = 0.5 * (low + high) if not math.isinf(high) else (2.0 * low if low > 0.0 else math.inf)
        if gap(middle) > 0.0:
            continue
        if pieces and pieces[-1][1] == low:
            pieces[-1][1] = high
        else:
            pieces.append([low, high])
    if not pieces:
        return "complement", -math.inf, math.inf
    low, high = pieces[0][0], pieces[-1][1]
    if low > 0.0 or not math.isinf(high):
        return "interval", low, high
    if len(pieces) == 1:
        return "all", 0.0, math.inf
    gaps = [(after[0] - before[1], before[1], after[0]) for before, after in pairwise(pieces)]
    _, low, high = max(gaps)
    return "complement", low, high
