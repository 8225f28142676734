"""The dormancy cut: the first silence from which on at most a tolerated share returns, redrawn by persons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate, check_level
from attribution.core.randomness import check_seed, generator
from experiments.wakeup.dormancy_cells import drawn_sums, patterns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.wakeup.dormancy_cells import Cells

__all__ = ["cut_of", "first_place"]


def cut_of(
    cells: Cells, days: Sequence[float], eps: float, *, min_spells: int, level: float, draws: tuple[int, int]
) -> tuple[Estimate, float]:
    """The cut with its percentile interval, and the share of redrawn logs without one.

    Args:
        cells: The spells on the grid.
        days: The grid in days.
        eps: The tolerated share.
        min_spells: Spells at risk that a point needs to be judged.
        level: Confidence level.
        draws: Number of redrawn logs, and the seed.
    """
    level = check_level(level)
    grid = np.append(np.asarray(days, dtype=np.float64), math.inf)
    patterns = patterns_of(cells, generator(check_seed(draws[1]), "dormancy.groups"))
    points = cells.points
    own = first_place((patterns.count.astype(np.float64) @ patterns.rows)[None, :], points, eps, min_spells)[0]
    chance = generator(check_seed(draws[1]), "dormancy.cut")
    drawn = drawn_sums(patterns, draws[0], chance)
    found = np.sort(grid[np.concatenate([first_place(sums, points, eps, min_spells) for sums in drawn])])
    tail = (1.0 - level) / 2.0
    # The outer order statistics: an end is a point of the grid, and at most a share of `tail` lies beyond it.
    outer = math.floor(tail * len(found) + 1e-9)
    value = float(grid[own])
    # A log at the edge of the tolerated share is seldom drawn again as it is: the cut itself stays inside.
    low, high = min(value, float(found[outer])), max(value, float(found[len(found) - 1 - outer]))
    if cells.persons == 1:
        low, high = min(value, float(grid[0])), math.inf  # one person says nothing about how persons differ
    notes = ["DORMANCY_CUT_NOT_REACHED"] if math.isinf(value) else []
    notes += ["DORMANCY_CUT_AT_START"] if own == 0 and len(days) else []
    estimate = Estimate(
        value=None if math.isinf(value) else value, low=low, high=high, level=level, method="person bootstrap",
        n=cells.persons, note="; ".join(notes),
    )  # fmt: skip
    return estimate, float(np.isinf(found).mean())


def first_place(sums: NDArray[np.float64], points: int, eps: float, min_spells: int) -> NDArray[np.int64]:
    """For each row of sums the first point that is judged and, like every judged one after it, is not above `eps`.

    Args:
        sums: Spells at risk at each point, then spells returned at each point; where these are sums of weights, then
            the number of spells at risk.
        points: Number of points.
        eps: The tolerated share.
        min_spells: Spells at risk below which a point is not judged.

    Returns:
        The place, or the number of points when there is none.
    """
    at_risk, returned, counted = sums[:, :points], sums[:, points : 2 * points], sums[:, 2 * points :]
    judged = (counted if counted.shape[1] else at_risk) >= min_spells
    share = np.divide(returned, at_risk, out=np.zeros_like(returned), where=judged)
    above = judged & (share > eps)
    # After the last point above eps, the first judged one.
    late = np.where(above.any(axis=1), points - np.argmax(above[:, ::-1], axis=1), 0)
    open_ = judged & (np.arange(points) >= late[:, None])
    return np.where(open_.any(axis=1), np.argmax(open_, axis=1), points).astype(np.int64)
