"""Power of one arm against the control when a pilot has told the baseline; persons of all arms together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.design.planning.rate_terms import RateTerms
from experiments.design.planning.rates import cluster_freedom
from experiments.design.planning.solving import solve_effect, solve_persons
from experiments.inference.score import Tables, constrained_difference
from experiments.metrics import Rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.estimates import Side
    from experiments.design.planning.crossing import PlannedTest
    from experiments.design.planning.pilot import PilotMetric

__all__ = ["PilotContrast"]

_NEARLY_ALL = 1.0 - 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PilotContrast:
    """A planned comparison of one arm with the control.

    Attributes:
        metric: The baseline.
        arm: The arm.
        shares: Planned shares of the arm by stratum.
        control_shares: Planned shares of the control by stratum.
        test: The rejection rule.
        side: Side of the test.
        reach: Share of the arm whom the campaign reaches.
        words: What the formula's name adds: looks, reach.
        margin: For a guardrail the worst difference that is acceptable, which the test takes as null: above 0 where a
            rise is harm, below 0 where a fall is; None for the others.
    """

    metric: PilotMetric
    arm: object
    shares: NDArray[np.float64]
    control_shares: NDArray[np.float64]
    test: PlannedTest
    side: Side
    reach: float
    words: str = ""
    margin: float | None = None

    @property
    def share(self) -> float:
        """Share of the arm in all persons."""
        return float(np.sum(self.metric.weights * self.shares))

    @property
    def control_share(self) -> float:
        """Share of the control in all persons."""
        return float(np.sum(self.metric.weights * self.control_shares))

    @property
    def method(self) -> str:
        """The formula by name."""
        if self.metric.score:
            return ("score" if len(self.metric.weights) == 1 else "stratified score") + self.words
        kind = "normal" if len(self.test.limits) > 1 else "t"
        parts = [kind]
        if self.metric.factor < 1.0:
            parts.append("adjusted")
        if self.metric.correlation is not None:
            parts.append("clusters")
        return ", ".join(parts) + self.words

    def at(self, baseline: float) -> PilotContrast:
        """The comparison if the baseline were another."""
        return replace(self, metric=self.metric.at(baseline))

    def _parts(self, effect: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Variance by stratum of a person in the control and in the arm."""
        metric = self.metric
        if not isinstance(metric.metric, Rate):
            return metric.variances, metric.variances
        rates = np.clip(metric.means + self.reach * effect, 0.0, 1.0)
        return metric.variances, rates * (1.0 - rates)

    def terms(self, effect: float) -> RateTerms:
        """Distance and errors for one person's worth of data, all arms together."""
        metric = self.metric
        weights, ours, theirs = metric.weights, self.shares, self.control_shares
        v0, v1 = self._parts(effect)
        true = float(np.sum(weights * (v0 / theirs + v1 / ours)))
        null = true
        if metric.score:
            rates = np.clip(metric.means + self.reach * effect, 0.0, 1.0)
            one, other = self._null_rates(rates)
            null = float(np.sum(weights * (other * (1.0 - other) / theirs + one * (1.0 - one) / ours)))
        factor = metric.inflation
        distance = self.reach * effect - (self.margin or 0.0)
        return RateTerms(distance=distance, null_error=math.sqrt(factor * null), true_error=math.sqrt(factor * true))

    def _null_rates(self, rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rates of arm and control that maximise the expected likelihood under the null, by stratum."""
        expected = Tables(
            hits=self.shares * rates, n=self.shares, control_hits=self.control_shares * self.metric.means,
            control_n=self.control_shares, weights=self.metric.weights,
        )  # fmt: skip
        return constrained_difference(expected, self.margin or 0.0)

    def power(self, effect: float, persons: float) -> float:
        """The chance of a rejection in the direction of the effect."""
        terms = self.terms(effect)
        distance = abs(terms.distance) if self.side == "two" else terms.distance
        if self.side == "less":
            distance = -distance
        if not terms.true_error > 0.0:
            return math.nan
        drift = distance * math.sqrt(persons) / terms.true_error
        return self.test.chance(drift, scale=terms.null_error / terms.true_error, df=self._df(effect, persons))

    def persons(self, effect: float, power: float) -> float:
        """Persons of all arms together.

        Raises:
            InputError: When the side never finds this effect.
        """
        terms = self.terms(effect)
        away = terms.distance
        if {"greater": away <= 0.0, "less": away >= 0.0, "two": away == 0.0}[self.side]:
            raise InputError(
                f"the effect {effect:g} of {self.metric.name!r} is none that side={self.side!r} can find; turn the "
                "side, or name another effect."
            )
        drift = self.test.drift(power, scale=terms.null_error / terms.true_error)
        start = (drift * terms.true_error / terms.distance) ** 2
        if math.isinf(self._df(effect, start)):
            return start
        return solve_persons(lambda n: self.power(effect, n), power, least=self._least, start=start)

    def detectable(self, persons: float, power: float, *, down: bool) -> float | None:
        """The smallest effect with the power, None where no rate is far enough or there are too few persons."""
        if persons < self._least:
            return None
        sign = -1.0 if down else 1.0
        told = f"{persons:g} persons"
        if isinstance(self.metric.metric, Rate):
            room = self.metric.baseline if down else 1.0 - self.metric.baseline
            end = sign * room / self.reach * _NEARLY_ALL
            if self.power(end, persons) < power:
                return None
            return solve_effect(lambda one: self.power(one, persons), power, null=0.0, end=end, what=told)
        unit = self.terms(1.0).true_error / math.sqrt(persons) / self.reach
        drift = solve_effect(
            lambda one: self.power(one * unit, persons), power, null=0.0, end=sign * math.inf, what=told
        )
        return drift * unit

    @property
    def _least(self) -> float:
        """The fewest persons with two units in both arms."""
        if self.metric.score:
            return 1.0
        return 2.0 * self.metric.cluster_size / min(self.share, self.control_share)

    def _df(self, effect: float, persons: float) -> float:
        if self.metric.score or len(self.test.limits) > 1:
            return math.inf
        v0, v1 = self._parts(effect)
        weights = self.metric.weights
        parts = float(np.sum(weights * v0 / self.control_shares)), float(np.sum(weights * v1 / self.shares))
        units = persons / self.metric.cluster_size
        return cluster_freedom(parts, (units * self.control_share, units * self.share))
