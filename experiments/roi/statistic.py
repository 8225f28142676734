"""The score statistic of a net benefit at one threshold and its limits: one set, read in two ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from experiments.roi.cells import Cell, Point, carried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.roi.arms import Stratum

__all__ = ["NetBenefit", "at_threshold"]

_NUDGE = 1e-12
_FINE = 1e-6  # relative width below which a piece without a kept end is not searched further
_RISING = 1e-2  # relative width below which a ratio that is larger at the far end is taken to rise throughout
_NARROW = 1e-3  # relative width at which the end of the set is left to a root finder
_SMALLEST = 2.0**-80


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A null at a distance from the estimate, on the side that is looked at."""

    distance: float
    points: tuple[Point, ...]
    ratio: float  # distance over the standard error there


@dataclass(frozen=True, slots=True, eq=False)
class NetBenefit:
    """A contrast at one threshold.

    The distance of a null from the estimate over the standard error under that null need not grow with the distance.
    A null is rejected when it and every null further out lie beyond the quantile; so the set of nulls that are not
    rejected is one piece, and `statistic` and `limit` are two readings of it.

    Attributes:
        value: The estimated net benefit per assigned person.
        cells: The strata.
    """

    value: float
    cells: tuple[Cell, ...]

    def variance(self, move: float) -> float:
        """Variance of the estimate when the true net benefit is ``value + move``."""
        return math.fsum(cell.at(move).variance for cell in self.cells)

    def statistic(self, null: float) -> float:
        """The score statistic of ``NB = null``, positive when the estimate is above it."""
        move = null - self.value
        if move == 0.0:
            return 0.0
        return -math.copysign(self._smallest_ratio(abs(move), math.copysign(1.0, move)), move)

    def limit(self, quantile: float, null: float | None = None, statistic: float = 0.0) -> float:
        """The net benefit at which the statistic is ``quantile``: positive for a lower limit, negative for an upper.

        With a null and its statistic the search runs on the side of the null that the statistic names.
        """
        if quantile == 0.0:
            return self.value
        sign, z = -math.copysign(1.0, quantile), abs(quantile)
        bound = z * math.sqrt(math.fsum(cell.largest() for cell in self.cells)) * (1.0 + 1e-9)
        if null is None or (null - self.value) * sign <= 0.0:
            return self.value + sign * self._outermost(0.0, bound, sign, z)
        known = abs(null - self.value)
        if abs(statistic) <= z:
            found = self.value + sign * self._outermost(known, max(known, bound), sign, z)
            return min(found, null) if sign < 0.0 else max(found, null)
        found = self.value + sign * self._outermost(0.0, min(known, bound), sign, z)
        beside = math.nextafter(null, -sign * math.inf)
        return max(found, beside) if sign < 0.0 else min(found, beside)

    def _place(self, distance: float, sign: float) -> _Place:
        points = tuple(cell.at(sign * distance) for cell in self.cells)
        variance = math.fsum(point.variance for point in points)
        ratio = distance / math.sqrt(variance) if variance > 0.0 else math.inf
        return _Place(distance, points, ratio if distance > 0.0 else 0.0)

    def _least(self, near: _Place, far: _Place) -> float:
        """A bound below which no ratio between two distances lies."""
        pairs = zip(self.cells, near.points, far.points, strict=True)
        variance = math.fsum(cell.largest_between(one, two) for cell, one, two in pairs)
        return near.distance / math.sqrt(variance) if variance > 0.0 else math.inf

    def _ends(self, sign: float) -> list[float]:
        """Distances, on one side, just beyond which a stratum's variance may jump."""
        moves = [move * sign for cell in self.cells for move in cell.ends()]
        return sorted({move * (1.0 + _NUDGE) for move in moves if move > 0.0})

    def _smallest_ratio(self, distance: float, sign: float) -> float:
        """The smallest ratio at this distance or further out, by branch and bound."""
        first = self._place(distance, sign)
        ends = self._ends(sign)
        # Beyond the last end the variance is constant, beyond the other bound it is too small to matter.
        last = max(ends, default=0.0)
        if math.isfinite(first.ratio):
            last = min(last, first.ratio * math.sqrt(math.fsum(cell.largest() for cell in self.cells)))
        places = [first, *(self._place(end, sign) for end in ends if distance < end < last)]
        if last > distance:
            places.append(self._place(last, sign))
        best = min(place.ratio for place in places)
        pieces = list(pairwise(places))
        while pieces:
            near, far = pieces.pop()
            if _plain(near, far) or self._least(near, far) >= best * (1.0 - _FINE):
                continue
            middle = self._place(_middle(near.distance, far.distance), sign)
            best = min(best, middle.ratio)
            pieces += [(middle, far), (near, middle)]
        return best

    def _outermost(self, start: float, end: float, sign: float, z: float) -> float:
        """The largest distance between two at which the ratio is at most z; the start is known to be kept."""
        places = [self._place(at, sign) for at in (start, *(at for at in self._ends(sign) if start < at < end), end)]
        pieces = list(pairwise(places))
        while True:  # the piece at the start is kept, so the search ends there at the latest
            near, far = pieces.pop()
            kept = near.ratio <= z or near.distance == start
            width = far.distance - near.distance
            if not kept and (width <= _FINE * far.distance or self._least(near, far) > z):
                continue
            if kept and (width <= _NARROW * far.distance or far.distance <= _SMALLEST * end):
                return self._root(near.distance, far.distance, sign, z)
            middle = self._place(_middle(near.distance, far.distance), sign)
            pieces += [(near, middle), (middle, far)]

    def _root(self, near: float, far: float, sign: float, z: float) -> float:
        """The distance in a narrow piece at which rejection begins."""

        def gap(distance: float) -> float:
            return distance - z * math.sqrt(self.variance(sign * distance))

        if gap(near) >= 0.0 or gap(far) <= 0.0:
            return near if gap(near) >= 0.0 else far
        from scipy.optimize import brentq

        return float(brentq(gap, near, far, xtol=1e-15 * far, rtol=2.0**-50, maxiter=500))


def _plain(near: _Place, far: _Place) -> bool:
    """Whether a piece is too narrow to hide a smaller ratio than those of its ends, jumps being ends of pieces."""
    width = (far.distance - near.distance) / far.distance
    return width <= _FINE or (width <= _RISING and far.ratio > near.ratio * (1.0 + 0.1 * width))


def _middle(near: float, far: float) -> float:
    """Halfway, in orders of magnitude where the two lie far apart."""
    if 0.0 < near < 0.25 * far:
        return math.sqrt(near) * math.sqrt(far)
    return 0.5 * (near + far)


def at_threshold(strata: Sequence[Stratum], threshold: float, *, seen: Sequence[Stratum] | None = None) -> NetBenefit:
    """The contrast at one threshold, strata ready for constrained variances.

    Args:
        strata: The strata.
        threshold: The threshold.
        seen: The same strata with the woken persons that were seen, where `strata` count others in the likelihood: how
            a null is shared over strata is read from their effects on waking.
    """
    figures = [_figures(stratum, threshold) for stratum in strata]
    value = math.fsum(stratum.weight * figure[2] for stratum, figure in zip(strata, figures, strict=True))
    told = figures if seen is None else [_figures(stratum, threshold) for stratum in seen]
    shares, shifts = _reading(strata, told)
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


def _cell(stratum: Stratum, figure: tuple[float, float, float, float], share: float, shift: float) -> Cell:
    one, two = stratum.treated, stratum.control
    persons = one.n + two.n
    follow, part = carried(one, two, figure[:2])
    return Cell(
        scale=stratum.weight**2 * persons / (persons - 1.0),
        treated=one,
        control=two,
        slopes=figure[:2],
        follow=follow,
        centre=(figure[0] * (one.woken / one.n) - figure[1] * (two.woken / two.n)) + shift,
        share=share * part,
    )
