"""Credit and effect of one step together: their gap and their ratio, with what they share taken into account.

Both speak of the same persons. With y a person's waking and a the credit of that person, the gap per person is the mean
of a in the arm minus the difference of y, which is a contrast of the variable y - a in the arm against y in the arm
before: what the arm before woke by itself, less what the model left uncredited in the arm. Its variance therefore needs
the covariance of a and y, which is far from 0: nobody is credited who did not wake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.estimates import RatioSet
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value
from experiments.roi.arms import Moments, Stratum
from experiments.roi.statistic import at_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attribution.core.estimates import Kind
    from experiments.roi.statistic import NetBenefit

__all__ = ["Joint", "Linear", "Scored", "inverted", "plugged", "scored_strata"]

_DOUBLINGS = 60
_CLOSE = 2.0**-20
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Linear:
    """Credit and effect per person with their variances and covariance, Student's t.

    Attributes:
        effect: Difference of the metric per person.
        credit: Credit per person of the arm, with the weights of the effect.
        variances: Of the effect, of the credit, and their covariance.
        freedom: Degrees of freedom of the effect and of the gap.
        level: Confidence level.
    """

    effect: float
    credit: float
    variances: tuple[float, float, float]
    freedom: tuple[float, float]
    level: float

    @property
    def error(self) -> float:
        """Standard error of effect - factor x credit at the factor's estimate."""
        return math.sqrt(self._variance(self.effect / self.credit)) if self.credit else math.nan

    def gap(self) -> tuple[float, float, float]:
        """Credit minus effect per person, with the ends of its interval."""
        value = self.credit - self.effect
        half = critical_value(self.level, "two", self.freedom[1]) * math.sqrt(self._variance(1.0))
        return value, value - half, value + half

    def factor(self) -> RatioSet | None:
        """Fieller's set of effect / credit; None without any credit."""
        if self.credit <= 0.0:
            return None
        top, bottom, joint = self.variances
        t = critical_value(self.level, "two", self.freedom[0])
        return fieller(self.effect, self.credit, top, bottom, t=t, level=self.level, joint=joint)

    def _variance(self, factor: float) -> float:
        top, bottom, joint = self.variances
        return max(0.0, top + factor * (factor * bottom - 2.0 * joint))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scored:
    """Credit and effect per person, judged by the score statistic of the readout's rates.

    The statistic of effect - factor x credit = b is that of `net_benefit` with the credit in the place of the cost, and
    with as many woken persons as the arm's mean is worth (`_worth`). At factor 0 that is the readout's own test of the
    effect, so that the factor's set holds 0 exactly when the interval of the effect does; at factor 1 with credits of 0
    and 1, without strata, it is the readout's test of the woken persons without credit. Over strata a null means the
    same effect on waking in all, as in the readout: gaps differ with the strata's rates.

    Attributes:
        strata: The arm and the arm before it; what "costs" is the credit, 0 in the arm before.
        level: Confidence level.
    """

    strata: tuple[Stratum, ...]
    level: float

    @property
    def effect(self) -> float:
        """Difference of the metric per person."""
        return self.contrast(0.0).value

    @property
    def credit(self) -> float:
        """Credit per person of the arm, with the weights of the effect."""
        return -at_threshold(self.strata, 0.0).value

    @property
    def error(self) -> float:
        """Standard error of effect - factor x credit at the factor's estimate."""
        credit = self.credit
        if credit <= 0.0:
            return math.nan
        return math.sqrt(self.contrast(self.effect / credit).variance(0.0))

    def gap(self) -> tuple[float, float, float]:
        """Credit minus effect per person, with the ends of its interval."""
        contrast = self.contrast(1.0)
        z = critical_value(self.level, "two")
        return -contrast.value, -contrast.limit(-z), -contrast.limit(z)

    def factor(self) -> RatioSet | None:
        """The factors that the statistic does not reject, around effect / credit; None without any credit."""
        credit = self.credit
        if credit <= 0.0:
            return None
        value, unit = self.effect / credit, self.error / credit
        # Where everybody who woke is credited in full, nothing is left uncertain at a factor of 1 but at all others.
        unit = max(unit, _LEAST * max(1.0, abs(value)))
        kind, low, high = self._shape(value, unit)
        return RatioSet(value=value, low=low, high=high, kind=kind, level=self.level)

    def _shape(self, value: float, unit: float) -> tuple[Kind, float, float]:
        """The piece around the estimate, with that beyond infinity where the credit itself may be 0."""
        low, high = self._end(value, -unit), self._end(value, unit)
        below, above = (self._beyond_end(sign) <= 0.0 for sign in (-1.0, 1.0))
        if math.isinf(low) and math.isinf(high):
            return "all", low, high
        if math.isinf(high) and below:
            return "complement", self._resumed(low, -unit), low
        if math.isinf(low) and above:
            return "complement", high, self._resumed(high, unit)
        return "interval", -math.inf if below else low, math.inf if above else high

    def _beyond(self, factor: float) -> float:
        """Above 0 where a factor is rejected; on a bounded scale, as a statistic without variance is infinite."""
        return self._excess(self.contrast(factor).statistic(0.0))

    def _beyond_end(self, sign: float) -> float:
        """The same at a factor beyond every number."""
        return self._excess(self.contrast(sign, 0.0).statistic(0.0))

    def _excess(self, statistic: float) -> float:
        z, size = critical_value(self.level, "two"), abs(statistic)
        return (1.0 if math.isinf(size) else size / (1.0 + size)) - z / (1.0 + z)

    def _end(self, value: float, unit: float) -> float:
        """Where the piece around the estimate ends in the direction of the unit."""
        inside = value
        for _ in range(_DOUBLINGS):
            if self._beyond(value + unit) > 0.0:
                return inside if self._beyond(inside) > 0.0 else _root(self._beyond, inside, value + unit)
            inside, unit = value + unit, 2.0 * unit
        return math.copysign(math.inf, unit)

    def _resumed(self, start: float, unit: float) -> float:
        """Where, beyond a rejected stretch, factors are kept again; beyond every number when nowhere before."""
        unit *= _CLOSE
        outside = start + unit
        if self._beyond(outside) <= 0.0:
            return start
        for _ in range(2 * _DOUBLINGS):
            unit *= 2.0
            if self._beyond(start + unit) <= 0.0:
                return _root(self._beyond, outside, start + unit)
            outside = start + unit
        return math.copysign(math.inf, unit)

    def contrast(self, factor: float, threshold: float = 1.0) -> NetBenefit:
        """The contrast of threshold x woken - factor x credit."""
        strata = self.strata
        counted = [Stratum(one.weight, _worth(one.treated, factor, threshold), one.control) for one in strata]
        seen = [Stratum(one.weight, _seen(one.treated, factor), one.control) for one in strata]
        return at_threshold(counted, threshold, seen=seen)


Joint = Linear | Scored


def _worth(arm: Moments, factor: float, threshold: float) -> Moments:
    """The arm with as many woken persons as its mean net is worth.

    The mean net per person is a share of woken persons times their mean net, and both are estimated. `net_benefit`
    holds the second one fast, which is right beside costs. A credit may leave little of each woken person, and to some
    nothing: then all woken persons would speak for a mean that few of them carry, and rates under a null would be drawn
    too far to this arm. With mean m and variance v among the woken, m^2 / (m^2 + v) of them carry it (where credits are
    0 and 1 those without credit, at factor 1); mean and variance of the net stay what they are. Beyond factor 1, where
    nets of both signs may cancel, never fewer than at 1.
    """
    # Like the rates', the variance among the woken is that of the persons seen: N / (N - 1) comes once, at the end.
    spread = arm.variance_woken * (1.0 - 1.0 / arm.woken) if arm.woken else 0.0
    mean, noise = threshold - factor * arm.wake_cost, factor * factor * spread
    part = max(_carrying(mean, noise), _carrying(1.0 - arm.wake_cost, spread)) or 1.0
    each = mean / part
    within = max(0.0, (mean * mean + noise) / part - each * each)
    rest = factor * factor * arm.variance_other
    return Moments(arm.n, part * arm.woken, threshold - each, factor * arm.other, within, rest)


def _seen(arm: Moments, factor: float) -> Moments:
    """The arm with the woken persons that were seen."""
    square = factor * factor
    return Moments(
        arm.n, arm.woken, factor * arm.wake_cost, factor * arm.other, square * arm.variance_woken,
        square * arm.variance_other,
    )  # fmt: skip


def _carrying(mean: float, variance: float) -> float:
    square = mean * mean
    return square / (square + variance) if square + variance > 0.0 else 1.0


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, one, other, xtol=1e-15, rtol=2.0**-50, maxiter=500))


def plugged(scored: Scored) -> Linear:
    """The same contrast with sample variances and the normal quantile: Fieller's own set."""
    from experiments.roi.net_benefit import plugin_moments

    effect, credit, v_effect, joint, v_credit = plugin_moments(scored.strata)
    return Linear(
        effect=effect,
        credit=credit,
        variances=(v_effect, v_credit, joint),
        freedom=(math.inf, math.inf),
        level=scored.level,
    )


def inverted(found: RatioSet) -> RatioSet:
    """The set of 1 / x over all x of a set: unbounded where that holds 0."""
    value = 1.0 / found.value if found.value else None
    kind, low, high = _inverted(found.kind, found.low, found.high)
    return RatioSet(value=value, low=low, high=high, kind=kind, level=found.level)


def _inverted(kind: Kind, low: float, high: float) -> tuple[Kind, float, float]:
    if kind == "all":
        return "all", -math.inf, math.inf
    if kind == "interval":
        if low < 0.0 < high:
            return "complement", _one_over(low, -1.0), _one_over(high, 1.0)
        return "interval", _one_over(high, -1.0), _one_over(low, 1.0)
    ends = sorted((_one_over(low, -1.0), _one_over(high, 1.0)))
    return "interval" if low <= 0.0 <= high else "complement", ends[0], ends[1]


def _one_over(x: float, sign_at_zero: float) -> float:
    """1 / x; beyond every number at 0, and a 0 without a sign at infinity."""
    if x == 0.0:
        return sign_at_zero * math.inf
    return 1.0 / x if math.isfinite(x) else 0.0


def scored_strata(
    treated: Sequence[Moments], control: Sequence[tuple[int, int]], weights: Sequence[float], *, level: float
) -> Scored:
    """The strata of a step: the arm with its credit, the arm before with its persons and woken persons."""
    strata = tuple(
        Stratum(float(weight), arm, Moments(n, woken, 0.0, 0.0, 0.0, 0.0))
        for arm, (n, woken), weight in zip(treated, control, weights, strict=True)
    )
    return Scored(strata=strata, level=level)
