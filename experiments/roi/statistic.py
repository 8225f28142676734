"""The score statistic of a net benefit at one threshold, its constrained variance and its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from experiments.roi.constrained import constrained_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.roi.arms import Moments, Stratum

__all__ = ["NetBenefit", "at_threshold"]

_NUDGE = 1e-12
_GROWTH = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """One stratum at one threshold: what its constrained variance needs."""

    scale: float  # squared weight times N / (N - 1)
    treated: Moments
    control: Moments
    slopes: tuple[float, float]
    centre: float  # what s1 p1 - s0 p0 is held at when b equals the estimate
    share: float  # how much of a move of b this stratum takes
    reach: tuple[float, float]  # attainable values of s1 p1 - s0 p0
    within: float  # variance within groups at the estimated rates

    def variance(self, move: float) -> float:
        target = self.centre + self.share * move
        p1, p0 = constrained_pair(
            (self.treated.woken, self.treated.n), (self.control.woken, self.control.n), self.slopes, target
        )
        between = self.slopes[0] ** 2 * p1 * (1.0 - p1) / self.treated.n
        between += self.slopes[1] ** 2 * p0 * (1.0 - p0) / self.control.n
        within = _within(self.treated, p1) + _within(self.control, p0)
        if self.unattainable(target):  # rates cannot explain it: what remains is the noise of the conditional means
            within = self.within
        return self.scale * (between + within)

    def unattainable(self, target: float) -> bool:
        return self.reach[0] < self.reach[1] and not self.reach[0] < target < self.reach[1]

    def largest(self) -> float:
        """A bound that no constrained variance exceeds."""
        return self.scale * math.fsum(
            (slope**2 / 4.0 + max(arm.variance_woken, arm.variance_other)) / arm.n
            for slope, arm in zip(self.slopes, (self.treated, self.control), strict=True)
        )

    def jumps(self) -> list[float]:
        """The moves of b beyond which this stratum cannot follow, where its variance jumps up."""
        if self.share == 0.0 or self.reach[0] >= self.reach[1]:
            return []
        moves = [(end - self.centre) / self.share for end in self.reach]
        return [move for move in moves if self._corner(move) < self.within]

    def _corner(self, move: float) -> float:
        target = self.centre + self.share * move
        ends = constrained_pair(
            (self.treated.woken, self.treated.n), (self.control.woken, self.control.n), self.slopes, target
        )
        return _within(self.treated, ends[0]) + _within(self.control, ends[1])


@dataclass(frozen=True, slots=True, eq=False)
class NetBenefit:
    """A contrast at one threshold.

    Attributes:
        value: The estimated net benefit per assigned person.
        cells: The strata.
    """

    value: float
    cells: tuple[_Cell, ...]

    def variance(self, move: float) -> float:
        """Variance of the estimate when the true net benefit is ``value + move``."""
        return math.fsum(cell.variance(move) for cell in self.cells)

    def statistic(self, null: float) -> float:
        """The score statistic of ``NB = null``, positive when the estimate is above it."""
        move = null - self.value
        if move == 0.0:
            return 0.0
        smallest = _ratio(move, self.variance(move))
        largest = math.fsum(cell.largest() for cell in self.cells)
        for jump in self._jumps(move):
            # A value further out that is not rejected keeps every nearer one in the set.
            if jump > abs(move) and jump < smallest * math.sqrt(largest):
                beyond = math.copysign(jump * (1.0 + _NUDGE), move)
                smallest = min(smallest, _ratio(beyond, self.variance(beyond)))
        return -math.copysign(smallest, move)

    def limit(self, quantile: float) -> float:
        """The net benefit at which the statistic is ``quantile``: positive for a lower limit, negative for an upper."""
        if quantile == 0.0:
            return self.value
        sign, z = -math.copysign(1.0, quantile), abs(quantile)
        bound = z * math.sqrt(math.fsum(cell.largest() for cell in self.cells))
        edges = [0.0, *sorted(jump for jump in self._jumps(sign) if jump < bound), bound * (1.0 + 1e-9)]
        for start, end in reversed(list(pairwise(edges))):
            first = start * (1.0 + _NUDGE)
            if start == 0.0 or self._gap(first, sign, z) <= 0.0:
                return self.value + sign * self._root(first, end, sign, z)
        return self.value

    def _jumps(self, side: float) -> list[float]:
        """Distances from the estimate, on one side, at which the variance jumps."""
        return [abs(jump) for cell in self.cells for jump in cell.jumps() if jump * side > 0.0]

    def _gap(self, distance: float, sign: float, z: float) -> float:
        """Negative while the value at this distance is not rejected."""
        return distance - z * math.sqrt(self.variance(sign * distance))

    def _root(self, start: float, end: float, sign: float, z: float) -> float:
        """The distance at which rejection begins, between a start that is not rejected and the end of its segment."""
        inner = start
        outer = min(end, max(z * math.sqrt(self.variance(0.0)), start * _GROWTH))
        if outer <= inner:
            outer = min(end, inner + end * 2.0**-20) if inner > 0.0 else end * 2.0**-20
        while self._gap(outer, sign, z) < 0.0:
            if outer >= end:
                return end
            inner, outer = outer, min(end, outer * _GROWTH)
        if inner == 0.0 and self.variance(0.0) == 0.0:
            inner = self._inside(outer, sign, z)
            if inner == 0.0:
                return 0.0
        from scipy.optimize import brentq

        return float(brentq(self._gap, inner, outer, args=(sign, z), xtol=1e-15 * outer, rtol=2.0**-50, maxiter=500))

    def _inside(self, outer: float, sign: float, z: float) -> float:
        """A distance that is not rejected, when the variance vanishes at the estimate; 0 when there is none."""
        for halvings in range(1, 60):
            distance = outer * 2.0**-halvings
            if self._gap(distance, sign, z) < 0.0:
                return distance
        return 0.0


def _within(arm: Moments, rate: float) -> float:
    return (rate * arm.variance_woken + (1.0 - rate) * arm.variance_other) / arm.n


def _carried(one: Moments, two: Moments, slopes: tuple[float, float]) -> float:
    """How much of a move of the null the rates carry.

    All of it, as long as at least half of the variance lies between woken and others. Next to the cost of waking hardly
    any does; a null could then be met only by rates far from anything seen, whose variance would say nothing. There the
    conditional means carry the rest, and at the cost of waking itself the rates stay at their estimates.
    """
    between = 0.0
    for arm, slope in zip((one, two), slopes, strict=True):
        rate = (arm.woken + 0.5) / (arm.n + 1.0)
        between += slope * slope * rate * (1.0 - rate) / arm.n
    within = _within(one, one.woken / one.n) + _within(two, two.woken / two.n)
    return min(1.0, 2.0 * between / (between + within)) if within > 0.0 else 1.0


def _ratio(move: float, variance: float) -> float:
    return abs(move) / math.sqrt(variance) if variance > 0.0 else math.inf


def at_threshold(strata: Sequence[Stratum], threshold: float) -> NetBenefit:
    """The contrast at one threshold, strata ready for constrained variances."""
    figures = [_figures(stratum, threshold) for stratum in strata]
    value = math.fsum(stratum.weight * figure[2] for stratum, figure in zip(strata, figures, strict=True))
    shares, shifts = _reading(strata, figures)
    return NetBenefit(
        value,
        tuple(
            _cell(stratum, figure, share, shift)
            for stratum, figure, share, shift in zip(strata, figures, shares, shifts, strict=True)
        ),
    )


def _figures(stratum: Stratum, threshold: float) -> tuple[float, float, float, float]:
    """Slopes of both arms, the net benefit, and the effect on waking of one stratum."""
    one, two = stratum.treated, stratum.control
    s1, s0 = threshold - one.wake_cost, threshold - two.wake_cost
    p1, p0 = one.woken / one.n, two.woken / two.n
    return s1, s0, (s1 * p1 - s0 * p0) - (one.other - two.other), p1 - p0


def _reading(
    strata: Sequence[Stratum], figures: Sequence[tuple[float, float, float, float]]
) -> tuple[list[float], list[float]]:
    """How the strata share a null: their part of a move of b, and where each stands at the estimate.

    The common-null reading of the stratified rate test: under the null every stratum has the same effect on waking,
    worth its own mean slope, while differences of cost between strata stay as they are. With one stratum nothing is
    left to choose. When the slopes differ in sign (the threshold lies between the strata's costs of waking) no common
    effect moves the total, and each stratum starts from its own estimate.
    """
    slopes = [0.5 * (s1 + s0) for s1, s0, _, _ in figures]
    weighted = [stratum.weight * slope for stratum, slope in zip(strata, slopes, strict=True)]
    size = math.fsum(abs(part) for part in weighted)
    if len(strata) == 1 or size == 0.0:
        return [1.0] * len(strata), [0.0] * len(strata)
    if min(slopes) < 0.0 < max(slopes):
        return [abs(slope) / size for slope in slopes], [0.0] * len(strata)
    total = math.fsum(weighted)
    common = math.fsum(part * figure[3] for part, figure in zip(weighted, figures, strict=True)) / total
    shifts = [-slope * (figure[3] - common) for slope, figure in zip(slopes, figures, strict=True)]
    return [slope / total for slope in slopes], shifts


def _cell(stratum: Stratum, figure: tuple[float, float, float, float], share: float, shift: float) -> _Cell:
    one, two = stratum.treated, stratum.control
    s1, s0 = figure[0], figure[1]
    persons = one.n + two.n
    return _Cell(
        stratum.weight**2 * persons / (persons - 1.0),
        one,
        two,
        (s1, s0),
        (s1 * (one.woken / one.n) - s0 * (two.woken / two.n)) + shift,
        share * _carried(one, two, (s1, s0)),
        (min(s1, 0.0) + min(-s0, 0.0), max(s1, 0.0) + max(-s0, 0.0)),
        _within(one, one.woken / one.n) + _within(two, two.woken / two.n),
    )
