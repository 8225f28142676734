"""Time to return by arm: Kaplan-Meier inside the strata, weighted by their persons, and the restricted mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from experiments.design.pull_forward import withheld_rows
from experiments.inference.survival import product_limit
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.design.pull_forward_curve import Counted
    from experiments.inference.survival import ProductLimit

__all__ = ["Returns", "read_returns"]

_FEWEST = 2
_MOST_POINTS = 400
_FIGURES = ("days_silent", "days_silent_control", "difference", "low", "high", "p_value")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Returns:
    """Rows of the curves and of the restricted means, and the persons in strata that take no part."""

    curve: list[dict[str, object]]
    means: list[dict[str, object]]
    left: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Arm:
    """One arm over its strata: the curve on a grid of days, and the mean days without a return."""

    n: int
    silent: NDArray[np.float64]
    variance: NDArray[np.float64]
    mean: float
    mean_variance: float


def read_returns(
    counted: Counted, arms: Sequence[int], until: int, days: int, *, control: str, level: float
) -> Returns:
    """Cumulative return of every arm up to a number of days, and the difference of the days without a return.

    Everybody assigned takes part as long as followed. Strata in which some arm holds fewer than two persons, or is not
    followed to the last day, take no part; a stratum where all arms are must be there.

    Args:
        counted: Everybody assigned; their events by microseconds since the assignment.
        arms: Codes of the arms, the control among them.
        until: Until when events are known, microseconds.
        days: The last day.
        control: The control arm.
        level: Confidence level.
    """
    time, back = _first_returns(counted, until, days)
    codes = sorted(arms, key=lambda code: (str(counted.arms[code]) != control, code))  # the control first
    strata, weights, left = _strata(counted, (time, back), codes, float(days))
    grid = np.linspace(0.0, float(days), min(days, _MOST_POINTS) + 1)
    read = {code: _arm(counted, (time, back), (code, strata, weights), grid) for code in codes}
    z = critical_value(level, "two")
    shown = _known_days(counted, until, grid)
    curve = [
        row for code in codes for row in _curve_rows(str(counted.arms[code]), read[code], grid, z)[: max(shown, 1)]
    ]
    base = read[codes[0]]
    means = [
        {"arm": str(counted.arms[code]), "control": control, "horizon": days} | _mean_row(read[code], base, z)
        for code in codes[1:]
    ]
    if shown < len(grid):
        means = withheld_rows(means, 0, _FIGURES)
    return Returns(curve=curve, means=means, left=left)


def _first_returns(counted: Counted, until: int, days: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Days until the first return or the end of the follow-up, and whether it was a return."""
    follow = np.minimum(until - counted.start, days * MICROSECONDS_PER_DAY)
    first = np.full(len(follow), np.iinfo(np.int64).max)
    np.minimum.at(first, counted.person, counted.step)
    back = first < follow
    return np.where(back, first, follow) / MICROSECONDS_PER_DAY, back


def _known_days(counted: Counted, until: int, grid: NDArray[np.float64]) -> int:
    """How many days of the grid the conversions reach for everybody who is followed so long."""
    if counted.log is None:
        return len(grid)
    ends = np.minimum(int(counted.start.max()) + (grid * MICROSECONDS_PER_DAY).astype(np.int64), until)
    return counted.log.reached(ends.tolist())


def _strata(
    counted: Counted, spells: tuple[NDArray[np.float64], NDArray[np.bool_]], codes: list[int], days: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """The strata that take part, their weights, and the persons of the others."""
    wide = len(counted.arms)
    size = (int(counted.stratum.max()) + 1) * wide
    cell = counted.stratum * wide + counted.arm
    n = np.bincount(cell, minlength=size).reshape(-1, wide)
    longest, unseen = np.zeros(size), np.zeros(size)
    np.maximum.at(longest, cell, spells[0])
    np.maximum.at(unseen, cell[~spells[1]], spells[0][~spells[1]])
    # Where the longest spell was seen to end, everybody has returned: the curve is known from there on.
    known = (longest >= days) | (unseen < longest)
    enough = (n >= _FEWEST) & known.reshape(-1, wide)
    used = np.flatnonzero(enough[:, codes].all(axis=1))
    persons = n[used][:, codes].sum(axis=1)
    return used, persons / persons.sum(), int(n[:, codes].sum() - n[used][:, codes].sum())


def _arm(
    counted: Counted,
    spells: tuple[NDArray[np.float64], NDArray[np.bool_]],
    chosen: tuple[int, NDArray[np.int64], NDArray[np.float64]],
    grid: NDArray[np.float64],
) -> _Arm:
    code, strata, weights = chosen
    silent, variance = np.zeros(len(grid)), np.zeros(len(grid))
    mean, spread, persons = 0.0, 0.0, 0
    for stratum, weight in zip(strata.tolist(), weights.tolist(), strict=True):
        own = np.flatnonzero((counted.arm == code) & (counted.stratum == stratum))
        own = own[np.lexsort((spells[1][own], spells[0][own]))]  # sums over persons: no order of rows may show
        found = product_limit(spells[0][own], spells[1][own])
        share, error = _on_grid(found, grid)
        silent, variance = silent + weight * share, variance + weight**2 * error
        area = found.restricted_mean(float(grid[-1]), level=0.95)  # the level enters its interval, which is not read
        mean += weight * float(area.value or 0.0)
        spread += weight**2 * float(area.standard_error or 0.0) ** 2
        persons += found.n
    return _Arm(n=persons, silent=silent, variance=variance, mean=mean, mean_variance=spread)


def _on_grid(found: ProductLimit, grid: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Survival and its variance at each point of the grid."""
    place = np.searchsorted(found.time, grid, side="right") - 1
    there = np.maximum(place, 0)
    share = np.where(place >= 0, found.survival[there], 1.0)
    log_variance = np.where(place >= 0, found.variance[there], 0.0)
    return share, share**2 * np.where(np.isnan(log_variance), 0.0, log_variance)


def _curve_rows(name: str, arm: _Arm, grid: NDArray[np.float64], z: float) -> list[dict[str, object]]:
    """The curve of returns with limits on the log-minus-log scale of the share still silent."""
    low, high = arm.silent.copy(), arm.silent.copy()
    varied = (arm.variance > 0.0) & (arm.silent < 1.0) & (arm.silent > 0.0)
    logged = np.log(arm.silent[varied])
    factor = np.exp(z * np.sqrt(arm.variance[varied]) / arm.silent[varied] / -logged)
    low[varied], high[varied] = np.exp(logged * factor), np.exp(logged / factor)
    columns = zip(grid.tolist(), (1.0 - arm.silent).tolist(), (1.0 - high).tolist(), (1.0 - low).tolist(), strict=True)
    return [
        {"arm": name, "day": day, "n": arm.n, "share_returned": share, "low": below, "high": above}
        for day, share, below, above in columns
    ]


def _mean_row(arm: _Arm, base: _Arm, z: float) -> dict[str, object]:
    difference, variance = arm.mean - base.mean, arm.mean_variance + base.mean_variance
    row: dict[str, object] = {
        "n": arm.n, "n_control": base.n, "days_silent": arm.mean, "days_silent_control": base.mean,
        "difference": difference, "note": "",
    }  # fmt: skip
    if not variance > 0.0:
        return row | {"note": "ZERO_VARIANCE"}
    error = math.sqrt(variance)
    return row | {
        "low": difference - z * error, "high": difference + z * error, "p_value": p_value(difference / error, "two")
    }  # fmt: skip
