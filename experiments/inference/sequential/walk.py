"""The walk of a test statistic from look to look, by numerical integration (Armitage, McPherson and Rowe 1969).

The score statistic ``S(t) = z * sqrt(t)`` at information t is a Brownian motion. Its density over the paths that have
crossed no bound yet is carried from look to look on Gauss-Legendre panels that follow the smaller of the two
neighbouring steps, so the quadrature's error stays near the rounding of floats. A drift is put in afterwards: the
density under drift d is the one without drift times ``exp(d * s - d * d * t / 2)``, so one pass serves every drift.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEAST_STEP", "Crossing", "Paths", "Walk", "check_steps", "cross"]

Floats = NDArray[np.float64]

# A step below this share of the information so far would need too many panels, and tells next to nothing.
LEAST_STEP = 1e-4
_FARTHEST = 38.0  # standard deviations: beyond, a normal density is 0 as a float
_OPEN = 20.0  # where no bound ends the region on one side
_PANEL = 2.0  # width of a panel, in standard deviations of the step
_ORDER = 12
_BAND = 9.0  # standard deviations of the step around the likeliest way to a place; beyond lies less than 1e-17 of it
_ROWS = 48  # places that share one band


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Walk:
    """The paths that have not crossed a bound up to some look.

    Attributes:
        time: Information at that look.
        nodes: Places of the quadrature, on the scale of the score statistic.
        mass: Density (without drift) times the weight of the quadrature at each node.
        origin: Information and place from which the walk began.
    """

    time: float = 0.0
    nodes: Floats
    mass: Floats
    origin: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def begin(cls, time: float = 0.0, place: float = 0.0) -> Walk:
        """A walk that stands at one place."""
        return cls(time=time, nodes=np.array([place]), mass=np.ones(1), origin=(time, place))

    def _tilted(self, drift: float) -> Floats:
        """The mass under a drift."""
        if drift == 0.0:
            return self.mass
        time, place = self.origin
        tilt: Floats = np.exp(drift * (self.nodes - place) - 0.5 * drift * drift * (self.time - time))
        return self.mass * tilt

    def _places(self, time: float, bound: float, drift: float) -> Floats:
        step = time - self.time
        return (bound - self.nodes - drift * step) / math.sqrt(step)

    def above(self, time: float, bound: float, drift: float = 0.0) -> float:
        """Probability of no crossing so far and of a score of at least ``bound`` at the next look."""
        from scipy.special import ndtr

        if math.isinf(bound):
            return 0.0 if bound > 0 else float(self._tilted(drift).sum())
        return float(self._tilted(drift) @ ndtr(-self._places(time, bound, drift)))

    def slope(self, time: float, bound: float) -> float:
        """What `above` loses per unit of the bound: the density of the score at the next look, without drift."""
        x = self._places(time, bound, 0.0)
        return float(self.mass @ np.exp(-0.5 * x * x)) / math.sqrt(2.0 * math.pi * (time - self.time))

    def below(self, time: float, bound: float, drift: float = 0.0) -> float:
        """Probability of no crossing so far and of a score of at most ``bound`` at the next look."""
        from scipy.special import ndtr

        if math.isinf(bound):
            return 0.0 if bound < 0 else float(self._tilted(drift).sum())
        return float(self._tilted(drift) @ ndtr(self._places(time, bound, drift)))

    def mean_above(self, time: float, bound: float, drift: float = 0.0) -> float:
        """Mean of the score at the next look times the indicator of the event of `above`."""
        from scipy.special import ndtr

        step = time - self.time
        x = self._places(time, bound, drift)
        bell = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        return float(self._tilted(drift) @ ((self.nodes + drift * step) * ndtr(-x) + math.sqrt(step) * bell))

    def step(self, time: float, lower: float, upper: float, *, ahead: float | None = None) -> Walk:
        """The paths that stay between two bounds at the next look.

        Args:
            time: Information at the next look.
            lower: Lower bound of the score there; ``-inf`` for none.
            upper: Upper bound of the score there; ``inf`` for none.
            ahead: Information at the look after it, which the panels have to resolve as well.
        """
        step = time - self.time
        scale = math.sqrt(min(step, step if ahead is None else ahead - time))
        start, place = self.origin
        spread = math.sqrt(time - start)
        reach = (_FARTHEST if math.isinf(lower) and math.isinf(upper) else _OPEN) * spread
        low = place - reach if math.isinf(lower) else max(lower, place - _FARTHEST * spread)
        high = place + reach if math.isinf(upper) else min(upper, place + _FARTHEST * spread)
        if not low < high:
            return Walk(time=time, nodes=np.array([place]), mass=np.zeros(1), origin=self.origin)
        nodes, weights = _panels(low, high, _PANEL * scale)
        mass = weights * self._density(nodes, math.sqrt(step))
        kept = mass > 0.0
        if not kept.any():
            return Walk(time=time, nodes=np.array([place]), mass=np.zeros(1), origin=self.origin)
        return Walk(time=time, nodes=nodes[kept], mass=mass[kept], origin=self.origin)

    def _density(self, places: Floats, root: float) -> Floats:
        """Density of the paths at places of the next look, a step of standard deviation ``root`` further.

        The paths between bounds have a log-concave density, so those that lead to a place lie around the likeliest one
        at most as widely as the step itself spreads: only a band of the nodes is summed.
        """
        found = np.empty_like(places)
        with np.errstate(divide="ignore"):
            weight = np.log(self.mass)
        edges = [*places[::_ROWS].tolist(), float(places[-1])]
        ways = [float(self.nodes[np.argmax(weight - 0.5 * ((edge - self.nodes) / root) ** 2)]) for edge in edges]
        for block, (left, right) in enumerate(itertools.pairwise(ways)):
            rows = slice(block * _ROWS, (block + 1) * _ROWS)
            first, past = np.searchsorted(self.nodes, (left - _BAND * root, right + _BAND * root))
            x = (places[rows, None] - self.nodes[first:past]) / root
            found[rows] = np.exp(-0.5 * x * x) @ self.mass[first:past]
        found /= root * math.sqrt(2.0 * math.pi)
        return found


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return nodes, weights


def _panels(low: float, high: float, width: float) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre on panels of at most the width given."""
    count = max(1, math.ceil((high - low) / width))
    nodes, weights = _legendre()
    half = 0.5 * (high - low) / count
    middles = low + half * (2.0 * np.arange(count) + 1.0)
    return (middles[:, None] + half * nodes).ravel(), np.tile(half * weights, count)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Crossing:
    """What a walk does at fixed bounds.

    Attributes:
        upper: Probability of crossing the upper bound first, at each look.
        lower: Probability of crossing the lower bound first, at each look.
        mean: Mean of ``S / t`` at the look where the walk stops (the last look stops every walk).
    """

    upper: tuple[float, ...]
    lower: tuple[float, ...]
    mean: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Paths:
    """The open paths before each look at fixed bounds, for any drift.

    Attributes:
        times: Information at each look.
        lower: Lower bound of the score at each look.
        upper: Upper bound of the score at each look.
        walks: The open paths before each look.
    """

    times: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    walks: tuple[Walk, ...]

    @classmethod
    def follow(
        cls, times: Sequence[float], lower: Sequence[float], upper: Sequence[float], *, start: Walk | None = None
    ) -> Paths:
        """Carry the walk from look to look; the bounds are those of z."""
        walk = Walk.begin() if start is None else start
        check_steps(times, start=walk.time)
        lows = tuple(bound * math.sqrt(time) for bound, time in zip(lower, times, strict=True))
        highs = tuple(bound * math.sqrt(time) for bound, time in zip(upper, times, strict=True))
        walks = [walk]
        for k in range(len(times) - 1):
            walks.append(walks[-1].step(times[k], lows[k], highs[k], ahead=times[k + 1]))
        return cls(times=tuple(times), lower=lows, upper=highs, walks=tuple(walks))

    def crossing(self, drift: float = 0.0) -> Crossing:
        """Crossing probabilities and the mean where the walk stops."""
        looks = list(zip(self.walks, self.times, self.lower, self.upper, strict=True))
        ups = tuple(walk.above(time, high, drift) for walk, time, _, high in looks)
        downs = tuple(walk.below(time, low, drift) for walk, time, low, _ in looks)
        parts = [_stopped_mean(walk, time, low, high, drift) / time for walk, time, low, high in looks[:-1]]
        walk, time, *_ = looks[-1]
        return Crossing(
            upper=ups, lower=downs, mean=math.fsum([*parts, walk.mean_above(time, -math.inf, drift) / time])
        )


def cross(times: Sequence[float], lower: Sequence[float], upper: Sequence[float], *, drift: float = 0.0) -> Crossing:
    """Crossing probabilities at bounds of z.

    Args:
        times: Information at each look, growing.
        lower: Lower bound of z at each look; ``-inf`` for none.
        upper: Upper bound of z at each look; ``inf`` for none.
        drift: Mean of the score at information 1.

    Example:
        >>> crossing = cross([0.5, 1.0], [-1.96, -1.96], [1.96, 1.96])
        >>> round(sum(crossing.upper) + sum(crossing.lower), 4)
        0.0831
    """
    return Paths.follow(times, lower, upper).crossing(drift)


def _stopped_mean(walk: Walk, time: float, low: float, high: float, drift: float) -> float:
    above = 0.0 if math.isinf(high) else walk.mean_above(time, high, drift)
    if math.isinf(low):
        return above
    return above + walk.mean_above(time, -math.inf, drift) - walk.mean_above(time, low, drift)


def check_steps(times: Sequence[float], *, start: float = 0.0) -> None:
    """Information grows from look to look, by steps that can be resolved.

    Raises:
        InputError: Otherwise.
    """
    before = start
    for k, time in enumerate(times, start=1):
        if not time > before:
            raise InputError(
                f"the information must grow from look to look, got {time:g} at look {k} after {before:g}. Leave out "
                "a look at which nobody new has matured."
            )
        if time - before < LEAST_STEP * time:
            raise InputError(
                f"the information must grow by at least {LEAST_STEP:g} of itself between looks, got {time:.10g} at "
                f"look {k} after {before:.10g}. Leave out a look that adds so little."
            )
        before = time
