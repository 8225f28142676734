"""Posteriors of two independent rates: beta with beta, their difference and their ratio by quadrature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.inference.bayes.quadrature import Nodes, panels

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Beta", "BetaPair", "beta", "root"]

Floats = NDArray[np.float64]

# Where a posterior is cut: beyond the first and the last it holds nothing that a double could show.
_TAILS = np.array([1e-18, 1e-9, 1e-4, 0.01, 0.1, 0.3])
_STEEP = 0.5  # power of the rate below which panels between those points would span too many of its decades
_DECADES = 2.0
_FARTHEST = 9.0  # standard deviations from the mean of the farthest of those points


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Beta:
    """A beta distribution, ready for integrals.

    Attributes:
        a: First parameter, prior events + events.
        b: Second parameter, prior non-events + non-events.
        points: Where its density is cut into panels.
        middle: A rate in its bulk, from which its density is measured.
        scale: Density at `middle`.
    """

    a: float
    b: float
    points: Floats
    middle: float
    scale: float

    @property
    def mean(self) -> float:
        """Mean."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        """Variance."""
        return self.mean * (self.b / (self.a + self.b)) / (self.a + self.b + 1.0)

    def density(self, nodes: Nodes) -> Floats:
        """Density at nodes."""
        return self.scale * _shape(self, nodes.value, nodes.rest)

    def below(self, x: Floats) -> Floats:
        """Probability of at most x."""
        from scipy.special import betainc

        return np.asarray(betainc(self.a, self.b, np.clip(x, 0.0, 1.0)), dtype=np.float64)

    def above(self, x: Floats) -> Floats:
        """Probability of more than x."""
        from scipy.special import betainc

        return np.asarray(betainc(self.b, self.a, np.clip(1.0 - x, 0.0, 1.0)), dtype=np.float64)

    def shortfall(self, x: Floats) -> Floats:
        """Mean of max(x - rate, 0)."""
        from scipy.special import betainc

        inside = np.clip(x, 0.0, 1.0)
        missing = inside * betainc(self.a, self.b, inside) - self.mean * betainc(self.a + 1.0, self.b, inside)
        return np.asarray(np.maximum(missing, 0.0) + np.maximum(x - 1.0, 0.0), dtype=np.float64)

    def excess(self, x: Floats) -> Floats:
        """Mean of max(rate - x, 0)."""
        from scipy.special import betainc

        inside = np.clip(x, 0.0, 1.0)
        over = self.mean * betainc(self.b, self.a + 1.0, 1.0 - inside) - inside * betainc(self.b, self.a, 1.0 - inside)
        return np.asarray(np.maximum(over, 0.0) + np.maximum(-x, 0.0), dtype=np.float64)

    def quantile(self, p: float) -> float:
        """The rate below which the share p of the posterior lies."""
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, p))


def _shape(distribution: Beta, x: Floats, rest: Floats) -> Floats:
    """Density relative to its value in the middle; logs of ratios near 1 keep its digits with many persons."""
    a, b, middle = distribution.a, distribution.b, distribution.middle
    with np.errstate(divide="ignore", over="ignore"):
        powers = (a - 1.0) * np.log(x / middle) + (b - 1.0) * np.log(rest / (1.0 - middle))
        return np.asarray(np.exp(powers), dtype=np.float64)


def _tails(power: float) -> Floats:
    """Tail probabilities to cut at; where the density is a steep power of the rate, one every few decades of it."""
    if power >= _STEEP:
        return _TAILS
    steps = math.ceil(math.log10(_TAILS[-1] / _TAILS[0]) / (_DECADES * power))
    return np.geomspace(_TAILS[0], _TAILS[-1], steps + 1)


def beta(a: float, b: float) -> Beta:
    """A beta distribution with its panels; a, b > 0.

    Example:
        >>> found = beta(3.0, 9.0)
        >>> round(found.mean, 4), round(found.quantile(0.5), 6)
        (0.25, 0.235786)
    """
    from scipy.special import betaincinv

    mean = a / (a + b)
    if math.sqrt(mean * (1.0 - mean) / (a + b)) * _FARTHEST < math.ulp(mean):
        low = high = np.array([mean])  # all mass at one double; SciPy before 1.14 searches for its quantiles forever
    else:
        low = np.asarray(betaincinv(a, b, np.append(_tails(a), 0.5)), dtype=np.float64)
        high = 1.0 - np.asarray(betaincinv(b, a, _tails(b)), dtype=np.float64)
    middle = min(max(float(low[-1]), 1e-300), 1.0 - 1e-16)
    points = np.unique(np.clip(np.concatenate((low, high, [middle])), 0.0, 1.0))
    if len(points) < 2:  # the quantiles are one number
        points = np.array([0.0, 1.0])
    rough = Beta(a=a, b=b, points=points, middle=middle, scale=1.0)
    nodes = panels(points)
    total = nodes.total(rough.density(nodes))
    return Beta(a=a, b=b, points=points, middle=middle, scale=1.0 / total)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BetaPair:
    """The joint posterior of a treated and a control rate."""

    treatment: Beta
    control: Beta

    @property
    def mean(self) -> float:
        """Mean of the difference."""
        return self.treatment.mean - self.control.mean

    @property
    def deviation(self) -> float:
        """Standard deviation of the difference."""
        return math.sqrt(self.treatment.variance + self.control.variance)

    @property
    def _control_narrow(self) -> bool:
        """Whether the control's posterior is the narrower one: the integral runs over that."""
        return self.control.variance <= self.treatment.variance

    def _nodes(self, shift: float) -> Nodes:
        """Nodes over the narrower posterior, cut also where the other one, ``shift`` away, begins and ends."""
        narrow, wide = (self.control, self.treatment) if self._control_narrow else (self.treatment, self.control)
        cuts = [-shift, 1.0 - shift, *(wide.points - shift)]
        low, high = narrow.points[0], narrow.points[-1]
        inner = [cut for cut in cuts if low < cut < high]
        return panels(np.concatenate((narrow.points, inner)))

    def below(self, difference: float) -> float:
        """Probability that the difference is at most a number."""
        if self._control_narrow:
            nodes = self._nodes(difference)
            other = self.treatment.below(nodes.shifted(difference))
            return min(1.0, nodes.total(self.control.density(nodes) * other))
        nodes = self._nodes(-difference)
        other = self.control.above(nodes.shifted(-difference))
        return min(1.0, nodes.total(self.treatment.density(nodes) * other))

    def above(self, difference: float) -> float:
        """Probability that the difference is larger than a number; small ones keep their digits."""
        return BetaPair(treatment=self.control, control=self.treatment).below(-difference)

    def density(self, difference: float) -> float:
        """Density of the difference."""
        nodes = self._nodes(difference if self._control_narrow else -difference)
        narrow, wide = (self.control, self.treatment) if self._control_narrow else (self.treatment, self.control)
        other = nodes.shifted(difference if self._control_narrow else -difference)
        inside = (other > 0.0) & (other < 1.0)
        there = np.where(inside, other, 0.5)
        with np.errstate(over="ignore"):  # infinite where both densities are
            values = np.where(inside, wide.scale * _shape(wide, there, 1.0 - there), 0.0)
            return nodes.total(narrow.density(nodes) * values)

    def shortfall(self, bar: float) -> float:
        """Mean of max(bar - difference, 0)."""
        if self._control_narrow:
            nodes = self._nodes(bar)
            return nodes.total(self.control.density(nodes) * self.treatment.shortfall(nodes.shifted(bar)))
        nodes = self._nodes(-bar)
        return nodes.total(self.treatment.density(nodes) * self.control.excess(nodes.shifted(-bar)))

    def excess(self, bar: float) -> float:
        """Mean of max(difference - bar, 0)."""
        return BetaPair(treatment=self.control, control=self.treatment).shortfall(-bar)

    def quantile(self, p: float) -> float:
        """The difference below which the share p of the posterior lies."""
        from scipy.special import ndtri

        guess, step = self.mean + float(ndtri(p)) * self.deviation, self.deviation
        return root(lambda d: self.below(d) - p, guess, step, low=-1.0, high=1.0)

    def highest_density(self, level: float) -> tuple[float, float]:
        """The shortest interval that holds the level."""
        inner = 1e-9

        def gap(tail: float) -> float:
            low, high = self.quantile(tail), self.quantile(tail + level)
            return self.density(low) - self.density(high)

        spare = 1.0 - level
        first, last = gap(spare * inner), gap(spare * (1.0 - inner))
        if first >= 0.0:
            tail = 0.0
        elif last <= 0.0:
            tail = spare
        else:
            from scipy.optimize import brentq

            tail = float(brentq(gap, spare * inner, spare * (1.0 - inner), xtol=1e-9 * spare, rtol=1e-9))
        low = self.quantile(tail) if tail > 0.0 else -1.0
        return low, self.quantile(tail + level) if tail < spare else 1.0

    def ratio_below(self, ratio: float) -> float:
        """Probability that treated over control is at most a number above 0."""
        if self._control_narrow:
            cuts = [1.0 / ratio, *(self.treatment.points / ratio)]
            nodes = self._cut(self.control, cuts)
            return min(1.0, nodes.total(self.control.density(nodes) * self.treatment.below(ratio * nodes.value)))
        nodes = self._cut(self.treatment, [ratio, *(self.control.points * ratio)])
        return min(1.0, nodes.total(self.treatment.density(nodes) * self.control.above(nodes.value / ratio)))

    @staticmethod
    def _cut(narrow: Beta, cuts: list[float]) -> Nodes:
        low, high = narrow.points[0], narrow.points[-1]
        return panels(np.concatenate((narrow.points, [cut for cut in cuts if low < cut < high])))

    def lift_quantile(self, p: float) -> float:
        """The lift, ratio - 1, below which the share p of the posterior lies."""
        middle = math.log(self.treatment.quantile(0.5)) - math.log(self.control.quantile(0.5))
        spread = sum(one.variance / one.mean**2 for one in (self.treatment, self.control))
        found = root(lambda x: self.ratio_below(math.exp(x)) - p, middle, math.sqrt(spread), low=-690.0, high=690.0)
        return math.expm1(found)


def root(function: Callable[[float], float], guess: float, step: float, *, low: float, high: float) -> float:
    """The root of a rising function, searched outwards from a guess and then closed in on."""
    from scipy.optimize import brentq

    step = max(step, 1e-12)
    left = right = min(max(guess, low), high)
    while left > low and function(left) > 0.0:
        left, step = max(low, left - step), 2.0 * step
    step = max(right - left, step / 2.0)
    while right < high and function(right) < 0.0:
        right, step = min(high, right + step), 2.0 * step
    if left == right:
        left, right = max(low, left - step), min(high, right + step)
    if function(left) >= 0.0:
        return left
    if function(right) <= 0.0:
        return right
    return float(brentq(function, left, right, xtol=1e-15, rtol=1e-13))
