"""A test of the net benefit: the chances of PASS, of FAIL and of too few events, at true rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from experiments.design.planning.arms import arm_tail
from experiments.design.planning.options import variance_factor
from experiments.design.planning.rate_terms import RateTerms
from experiments.design.planning.rates import cluster_freedom
from experiments.design.planning.solving import check_allocation_ratio, solve_effect
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.tails import one_sided_tail

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.options import PlanOptions

__all__ = ["PayCase", "pay_case", "pay_rate"]

_FEW_EVENTS = 20  # a verdict needs this many woken persons in every arm
_NEVER = 1e-16  # a chance of too few events below it changes no digit
_FARTHEST = 9.0  # standard deviations: beyond, a normal density is 1e-18
_AROUND = np.arange(-8.0, 8.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayCase:
    """A checked test of the net benefit: ``gain * p1 - value * p0 - cost``; ``tail`` is its one-sided level."""

    control: float
    value: float
    gain: float
    cost: float
    allocation: float
    tail: float
    options: PlanOptions

    @property
    def break_even(self) -> float:
        """The treated rate with net benefit 0."""
        return (self.cost + self.value * self.control) / self.gain

    def net(self, rate: float) -> float:
        """Net benefit per treated person."""
        return self.gain * rate - self.value * self.control - self.cost

    def rate_of(self, net: float) -> float:
        """The treated rate with a net benefit; it may lie outside 0 to 1."""
        return self.break_even + net / self.gain

    def few(self, rate: float, n: float) -> tuple[float, float]:
        """The chances that the treated, and the control arm has too few events for a verdict."""
        return _few(n * self.allocation, rate), _few(n, self.control)

    def terms(self, rate: float) -> RateTerms:
        """Distance and errors of one control person's worth of data."""
        true = self._error(rate, self.control)
        if self.options.icc is not None:  # clusters: the readout estimates the variance of both arms
            found = RateTerms(distance=self.net(rate), null_error=true, true_error=true)
            return found.widened(math.sqrt(variance_factor(self.options)))
        null = _null_rates(rate, self.control, self.allocation, (self.gain, self.value), self.cost)
        return RateTerms(distance=self.net(rate), null_error=self._error(*null), true_error=true)

    def limit(self, rate: float, n: float) -> float:
        """The critical value; with clusters Student's, at Satterthwaite's degrees of freedom of the clusters."""
        from scipy.special import ndtri, stdtrit

        if self.options.icc is None:
            return -float(ndtri(self.tail))
        own = self.gain**2 * rate * (1.0 - rate) / self.allocation
        clusters = n / self.options.cluster_size
        df = cluster_freedom(
            (self.value**2 * self.control * (1.0 - self.control), own), (clusters, clusters * self.allocation)
        )
        return -float(stdtrit(df, self.tail))

    def _error(self, rate: float, control: float) -> float:
        own = self.gain**2 * rate * (1.0 - rate) / self.allocation
        return math.sqrt(own + self.value**2 * control * (1.0 - control))

    def chances(self, rate: float, n: float) -> tuple[float, float, float]:
        """Chances of PASS, of FAIL, and of too few events.

        A control arm with few events is also one with a low rate, and that is what makes a PASS: the two do not
        multiply. Each arm's count is taken as a rising function of the same normal deviate as its rate, with the exact
        chance of fewer than 20.
        """
        terms = self.terms(rate)
        edge = self.limit(rate, n) * terms.null_error / terms.true_error
        drift = terms.distance * math.sqrt(n) / terms.true_error
        few = self.few(rate, n)
        enough = (1.0 - few[0]) * (1.0 - few[1])
        if max(few) < _NEVER:
            return one_sided_tail(edge - drift), one_sided_tail(edge + drift), 1.0 - enough
        if min(1.0 - few[0], 1.0 - few[1]) <= 0.0:
            return 0.0, 0.0, 1.0
        true = self._error(rate, self.control)
        own = self.gain * math.sqrt(rate * (1.0 - rate) / self.allocation) / true
        theirs = self.value * math.sqrt(self.control * (1.0 - self.control)) / true
        good, bad = _joint(own, theirs, (edge - drift, -edge - drift), few)
        return good, bad, 1.0 - enough

    def smallest(self, n: float, power: float) -> float | None:
        """The treated rate nearest to break-even that gets PASS with this power."""
        if not self.break_even < 1.0 or self.chances(1.0 - 1e-12, n)[0] < power:
            return None
        start = max(self.break_even, 1e-12)
        if self.chances(start, n)[0] >= power:
            return start
        return solve_effect(
            lambda rate: self.chances(rate, n)[0], power, null=start, end=1.0 - 1e-12, what=f"{n:g} control persons"
        )


def _null_rates(
    rate: float, control: float, allocation: float, slopes: tuple[float, float], cost: float
) -> tuple[float, float]:
    """The rates that maximise the expected likelihood under ``s1 p1 - s0 p0 = cost`` (limits for many persons)."""
    from scipy.optimize import brentq

    s1, s0 = slopes
    low, high = max(0.0, -cost / s0), min(1.0, (s1 - cost) / s0)
    if high <= low:
        raise InputError(
            f"no rates between 0 and 1 have a net benefit of 0 with cost {cost:g} per person and {s1:g} per event; "
            "check the units of value and cost."
        )

    def slope(p0: float) -> float:
        p1 = (cost + s0 * p0) / s1
        own = control / p0 - (1.0 - control) / (1.0 - p0)
        return own + allocation * (rate / p1 - (1.0 - rate) / (1.0 - p1)) * s0 / s1

    inside = (high - low) * 1e-13
    p0: float = brentq(slope, low + inside, high - inside, xtol=1e-15)
    return (cost + s0 * p0) / s1, p0


def _few(n: float, rate: float) -> float:
    """The chance of fewer than 20 events; a continuous binomial, so that persons need not be whole."""
    from scipy.special import betainc

    return float(betainc(n - _FEW_EVENTS + 1.0, _FEW_EVENTS, 1.0 - rate)) if n > _FEW_EVENTS - 1.0 else 1.0


def _joint(own: float, theirs: float, ends: tuple[float, float], few: tuple[float, float]) -> tuple[float, float]:
    """The chances that ``own * U1 - theirs * U0`` lies above the first end, and below the second, with enough events.

    U1 and U0 are independent standard normal deviates of the treated and of the control arm's rate; an arm has too few
    events where its deviate is in the lowest part with the chance ``few``. One integral over U0, by panels that are
    narrow where the treated arm's part changes fast.
    """
    from scipy.special import ndtr, ndtri

    least, start = float(ndtri(few[0])), max(-_FARTHEST, float(ndtri(few[1])))
    steep = [np.arange(-_FARTHEST, _FARTHEST + 0.5, 1.0)]
    for end in ends:
        steep += [-end / theirs + own / theirs * _AROUND, np.array([(own * least - end) / theirs])]
    cuts = np.unique(np.clip(np.concatenate(steep), start, max(start, _FARTHEST)))
    x, w = np.polynomial.legendre.leggauss(12)
    half, middle = 0.5 * np.diff(cuts)[:, None], 0.5 * (cuts[1:] + cuts[:-1])[:, None]
    u = (middle + half * x).ravel()
    weight = (half * w).ravel() * np.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
    above = ndtr(-np.maximum(least, (ends[0] + theirs * u) / own))
    below = np.maximum(0.0, ndtr((ends[1] + theirs * u) / own) - ndtr(least))
    return float(weight @ above), float(weight @ below)


def pay_case(  # noqa: PLR0913 - what the public functions pass on
    control: float, *, value: float, cost: float, incentive: float, allocation: float, level: float, side: Side,
    options: PlanOptions,
) -> PayCase:  # fmt: skip
    """Check what the plans of a profit have in common."""
    if check_side(side) == "less":
        raise InputError('side must be "two" or "greater": the question is whether the campaign pays.')
    problems: list[str] = []
    worth = checked_number("value", value, problems)
    spent = checked_number("cost", cost, problems)
    paid = checked_number("incentive", incentive, problems, positive=True)
    if worth <= 0.0:
        problems.append(f"value is the money that one event is worth, above 0, got {value!r}.")
    elif worth <= paid:
        problems.append(f"incentive {incentive!r} eats the whole value {value!r} of an event: it can never pay.")
    if len(options.fractions) > 1 or options.reach != 1.0 or options.covariates or options.correction == "dunnett":
        problems.append(
            "options may name arms (with a correction other than Dunnett's, which verdicts do not use) and clusters; a "
            "profit is planned for one look, without covariates, for the persons assigned: pass rates over all of them "
            "where the campaign does not reach everybody."
        )
    raise_problems(problems)
    ratio = check_allocation_ratio(allocation)
    tail = arm_tail(options.arms, options.correction, level=check_level(level), side=side, allocation=ratio)
    return PayCase(
        control=pay_rate(control), value=worth, gain=worth - paid, cost=spent, allocation=ratio, tail=tail,
        options=options,
    )  # fmt: skip


def pay_rate(rate: float) -> float:
    """Return a rate strictly between 0 and 1."""
    problems: list[str] = []
    number = checked_number("a rate", rate, problems)
    if not problems and not 0.0 < number < 1.0:
        problems.append(f"a rate lies strictly between 0 and 1, got {rate!r}.")
    raise_problems(problems)
    return number
