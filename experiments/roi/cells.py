"""The constrained variance of one stratum at one threshold, and what it can at most be between two nulls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.roi.constrained import constrained_pair

if TYPE_CHECKING:
    from experiments.roi.arms import Moments

__all__ = ["Cell", "Point", "carried", "within_groups"]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A stratum at one null: its constrained rates, whether they attain it, and the variance there."""

    rates: tuple[float, float]
    attained: bool
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One stratum at one threshold: what its constrained variance needs."""

    scale: float  # squared weight times N / (N - 1)
    treated: Moments
    control: Moments
    slopes: tuple[float, float]
    follow: tuple[float, float]  # how much of the way to its constrained rate each arm's rate goes
    centre: float  # what the constraint is held at when b equals the estimate
    share: float  # how much of a move of b the rates of this stratum take

    def at(self, move: float) -> Point:
        """The stratum when the true net benefit is the estimate plus ``move``."""
        one, two = self.treated, self.control
        target = self.centre + self.share * move
        low, high = self.reach
        ends = constrained_pair((one.woken, one.n), (two.woken, two.n), self.slopes, target)
        rates = _towards(one, ends[0], self.follow[0]), _towards(two, ends[1], self.follow[1])
        attained = not low < high or low < target < high
        between = self._between(rates)
        # Where no rates explain the null, what remains is the noise of the conditional means.
        within = (
            within_groups(one, rates[0]) + within_groups(two, rates[1]) if attained else self._within_at_the_estimate()
        )
        return Point(rates, attained, self.scale * (between + within))

    @property
    def reach(self) -> tuple[float, float]:
        """Attainable values of the constraint."""
        s1, s0 = self.slopes
        return min(s1, 0.0) + min(-s0, 0.0), max(s1, 0.0) + max(-s0, 0.0)

    def ends(self) -> list[float]:
        """The moves of b beyond which this stratum's rates cannot follow."""
        low, high = self.reach
        if self.share == 0.0 or low >= high:
            return []
        return [(end - self.centre) / self.share for end in (low, high)]

    def largest(self) -> float:
        """A bound that no constrained variance exceeds."""
        return self.scale * math.fsum(
            (slope**2 / 4.0 + max(arm.variance_woken, arm.variance_other)) / arm.n
            for slope, arm in zip(self.slopes, (self.treated, self.control), strict=True)
        )

    def largest_between(self, near: Point, far: Point) -> float:
        """A bound that no constrained variance between two nulls exceeds.

        The likelihood is separable and concave, so each rate moves one way as the null moves, and stays between its
        values at the two nulls; in each rate the variance is a parabola that opens downwards.
        """
        bound = max(near.variance, far.variance)
        if not near.attained and not far.attained:
            # Both beyond the same end: the rates rest in its corner. On either side of the estimate never two ends.
            return bound
        rates = zip(near.rates, far.rates, strict=True)
        parts = zip(self.slopes, (self.treated, self.control), rates, strict=True)
        return max(bound, self.scale * math.fsum(_peak(slope, arm, pair) for slope, arm, pair in parts))

    def _between(self, rates: tuple[float, float]) -> float:
        (s1, s0), (p1, p0) = self.slopes, rates
        return s1**2 * p1 * (1.0 - p1) / self.treated.n + s0**2 * p0 * (1.0 - p0) / self.control.n

    def _within_at_the_estimate(self) -> float:
        one, two = self.treated, self.control
        return within_groups(one, one.woken / one.n) + within_groups(two, two.woken / two.n)


def within_groups(arm: Moments, rate: float) -> float:
    """Variance of an arm's mean net that lies within woken and within others."""
    return (rate * arm.variance_woken + (1.0 - rate) * arm.variance_other) / arm.n


def _towards(arm: Moments, rate: float, part: float) -> float:
    own = arm.woken / arm.n
    return rate if part == 1.0 else own + part * (rate - own)


def _peak(slope: float, arm: Moments, rates: tuple[float, float]) -> float:
    """The largest variance of an arm's mean net over a range of its rate."""
    square = slope * slope
    rate = max(rates)
    if square > 0.0:
        vertex = 0.5 + 0.5 * (arm.variance_woken - arm.variance_other) / square
        rate = min(max(vertex, min(rates)), max(rates))
    elif arm.variance_woken < arm.variance_other:
        rate = min(rates)
    return square * rate * (1.0 - rate) / arm.n + within_groups(arm, rate)


def carried(one: Moments, two: Moments, slopes: tuple[float, float]) -> tuple[tuple[float, float], float]:
    """How much of the way to its constrained rate each arm's rate goes, and of a move of the null the rates carry.

    All of both, as long as at least half of the variance lies between woken and others. Next to the cost of waking
    hardly any does; a null could then be met only by rates far from anything seen, whose variance would say nothing.
    There the conditional means carry the rest, and at the cost of waking itself the rates stay at their estimates. Arms
    are judged one by one as well, since only one of them may stand next to its cost of waking. So a move m adds at most
    about ``2 * slope * m / n`` to the variance, whatever the variance among woken.
    """
    parts = [_spread(arm, slope) for arm, slope in zip((one, two), slopes, strict=True)]
    own = [_part(*part) for part in parts]
    most = max(own)
    follow = (own[0] / most, own[1] / most) if most > 0.0 else (1.0, 1.0)
    return follow, _part(parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])


def _spread(arm: Moments, slope: float) -> tuple[float, float]:
    """Variance between and within woken and others, at a rate that is never 0 or 1."""
    rate = (arm.woken + 0.5) / (arm.n + 1.0)
    return slope * slope * rate * (1.0 - rate) / arm.n, within_groups(arm, rate)


def _part(between: float, within: float) -> float:
    return min(1.0, 2.0 * between / (between + within)) if within > 0.0 else 1.0
