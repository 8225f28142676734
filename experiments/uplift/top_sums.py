"""Sums over the top shares of a ranking, and the covariance of the gains that they give."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.uplift.trial import Trial

    Floats = NDArray[np.float64]

__all__ = ["Groups", "Ranked", "grouped"]

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Groups:
    """Persons of one score together, the highest first.

    Attributes:
        place: Group of each person.
        before: Share of all weight that ranks before each group.
        mass: Share of all weight in each group.
    """

    place: NDArray[np.int64]
    before: Floats
    mass: Floats

    def cut(self, grid: Floats) -> tuple[NDArray[np.int64], Floats]:
        """The group that each share cuts, and how much of it belongs to the share."""
        at = np.searchsorted(self.before, grid, side="right") - 1
        return at, np.clip((grid - self.before[at]) / self.mass[at], 0.0, 1.0)

    def summed(self, column: Floats, grid: Floats) -> tuple[Floats, Floats]:
        """Sum of a column over each top share, and over the whole group that the share cuts."""
        each = np.bincount(self.place, weights=column, minlength=len(self.mass))
        at, part = self.cut(grid)
        cut: Floats = each[at].astype(np.float64)
        whole: Floats = np.concatenate(([0.0], np.cumsum(each)))[at] + part * cut
        return whole, cut


def grouped(score: Floats, weight: Floats) -> Groups:
    """Persons of one score together, the highest first."""
    values, place = np.unique(-score, return_inverse=True)
    mass = np.bincount(place, weights=weight, minlength=len(values)) / weight.sum()
    return Groups(place=place.astype(np.int64), before=np.cumsum(mass) - mass, mass=mass)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ranked:
    """Persons in their places, and the shares at which the ranking is cut.

    Attributes:
        trial: The persons.
        values: Outcome of each.
        groups: Persons of one score.
        grid: The shares.
    """

    trial: Trial
    values: Floats
    groups: Groups
    grid: Floats

    def sums(self, events: Floats) -> Floats:
        """Inverse chances, their products with the outcomes, persons, and persons with an event.

        Four by two arms (treated first) by shares.
        """
        everyone = np.arange(len(self.values))
        made = np.zeros((4, 2, len(self.grid)))
        for side in (0, 1):
            here, inverse = self._side(everyone, side)
            for row, column in enumerate((inverse, inverse * self.values, here, here & (events != 0.0))):
                made[row, side] = self.groups.summed(column.astype(np.float64), self.grid)[0]
        return made

    def covariance(self, weights: Floats, means: Floats) -> Floats:
        """Covariance of the gains: the sum over units of the products of what each adds to their errors."""
        factor = np.stack([self._factor(side) for side in (0, 1)])
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.array([[1.0], [-1.0]]) * self.grid * factor / weights
        scale[~np.isfinite(scale)] = 0.0
        middle = np.where(np.isfinite(means), means, 0.0)
        cluster = self.trial.cluster
        if int(cluster.max()) + 1 == len(cluster):
            return self._of_persons(middle, scale)
        order = np.argsort(cluster, kind="stable")
        made = np.zeros((len(self.grid), len(self.grid)))
        for rows in _chunks(cluster[order]):
            part = order[rows]
            influence = np.zeros((len(part), len(self.grid)))
            for side in (0, 1):
                _, inverse = self._side(part, side)
                influence += inverse[:, None] * (self.values[part, None] - middle[side]) * scale[side]
            influence *= self._members(part)
            starts = np.flatnonzero(np.diff(cluster[part], prepend=-1))
            units = influence if len(starts) == len(part) else np.add.reduceat(influence, starts, axis=0)
            made += units.T @ units
        return made

    def _of_persons(self, middle: Floats, scale: Floats) -> Floats:
        """The same where every person is a unit, from sums over top shares.

        Whoever belongs to the smaller of two shares belongs to the larger wholly, but for those whose group both cut.
        """
        everyone, steps = np.arange(len(self.values)), np.arange(len(self.grid))
        lower = np.minimum(steps[:, None], steps)
        at, part = self.groups.cut(self.grid)
        lost = np.where(at[:, None] == at, part[lower] * (1.0 - np.maximum(part[:, None], part)), 0.0)
        made = np.zeros((len(steps), len(steps)))
        for side in (0, 1):
            here, inverse = self._side(everyone, side)
            centre = float(middle[side, -1])
            gap, off = np.where(here, self.values - centre, 0.0), middle[side] - centre
            squares, crosses, plain = (
                whole[lower] - lost * cut[lower]
                for whole, cut in (
                    self.groups.summed(inverse**2 * power, self.grid) for power in (gap**2, gap, np.ones(len(gap)))
                )
            )
            spread = squares - (off[:, None] + off) * crosses + np.outer(off, off) * plain
            made += np.outer(scale[side], scale[side]) * spread
        return made

    def _members(self, rows: NDArray[np.int64]) -> Floats:
        """How much of each person belongs to each top share."""
        place = self.groups.place[rows]
        before, mass = self.groups.before[place, None], self.groups.mass[place, None]
        return np.asarray(np.clip((self.grid - before) / mass, 0.0, 1.0))

    def _side(self, rows: NDArray[np.int64], side: int) -> tuple[NDArray[np.bool_], Floats]:
        """Who is in an arm (0: treated), and the inverse of the chance of it, 0 for the others."""
        treated, chance = self.trial.treated[rows], self.trial.chance[rows]
        here, own = (treated, chance) if side == 0 else (~treated, 1.0 - chance)
        return here, self.trial.weight[rows] * here / own

    def _factor(self, side: int) -> Floats:
        """Root of n / (n - 1) for the n units of an arm in each top share."""
        here = self.trial.treated if side == 0 else ~self.trial.treated
        first = np.full(int(self.trial.cluster.max()) + 1, np.inf)
        np.minimum.at(first, self.trial.cluster[here], self.groups.before[self.groups.place[here]])
        units = np.searchsorted(np.sort(first[np.isfinite(first)]), self.grid).astype(np.float64)
        return np.sqrt(np.divide(units, units - 1.0, out=np.ones_like(units), where=units > 1.0))


def _chunks(cluster: NDArray[np.int64]) -> list[slice]:
    """Slices of the sorted clusters that tear none of them apart."""
    ends = np.flatnonzero(np.diff(cluster, append=-1)) + 1
    picked = ends[np.searchsorted(ends, np.arange(_CHUNK, len(cluster) + _CHUNK, _CHUNK).clip(max=len(cluster)))]
    cuts = np.unique(np.concatenate(([0], picked))).tolist()
    return [slice(one, two) for one, two in itertools.pairwise(cuts)]
