"""Realised money of two arms under two variances: each arm's own, and the one that both would share under the null."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from experiments.inference.clusters import clustered_figures
from experiments.inference.figures import compare_figures, satterthwaite
from experiments.inference.means import mean_figures
from experiments.inference.tails import critical_value, p_value
from experiments.readout.fit import cluster_counts, common_strata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from experiments.inference.figures import ArmFigures
    from experiments.moments import Moments
    from experiments.moments.grid import Grid

__all__ = ["MoneyFigures", "both", "money_figures", "pooled_difference", "welch_difference"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MoneyFigures:
    """Net money per person of every arm in the strata that hold all of them.

    Attributes:
        grid: The moments, strata by arms.
        weights: Share of each stratum in all persons of the kept strata.
        figures: One mean per arm with its own variance.
        clusters: Moments by stratum, arm and cluster; None where persons were assigned one by one.
    """

    grid: Grid
    weights: NDArray[np.float64]
    figures: ArmFigures
    clusters: Moments | None

    def place(self, arm: str) -> int:
        """Position of an arm."""
        return next(i for i, name in enumerate(self.grid.arms) if str(name) == arm)


def money_figures(grid: Grid, clusters: Moments | None, *, name: str) -> tuple[MoneyFigures, list[Finding]]:
    """The figures of all arms, and the finding of a stratum that was left out.

    Raises:
        DesignError: NO_COMMON_STRATUM.
    """
    units = grid.n if clusters is None else cluster_counts(clusters, grid)
    kept, weights, findings = common_strata(name, grid, units, least=2)
    if clusters is None:
        figures = mean_figures(kept.means[:, :, 0], kept.covariance[:, :, 0, 0], kept.n, weights=weights)
    else:
        figures = clustered_figures(clusters, kept, weights=weights)
    return MoneyFigures(grid=kept, weights=weights, figures=figures, clusters=clusters), findings


def welch_difference(money: MoneyFigures, arm: str, control: str, *, level: float, side: Side) -> Estimate:
    """The difference with each arm's own variance."""
    return compare_figures(money.figures, money.place(arm), money.place(control), level=level, side=side).difference


def pooled_difference(money: MoneyFigures, arm: str, control: str, *, level: float, side: Side) -> Estimate:
    """The difference with the variance that both arms share under the null, inside each stratum.

    In a small control arm of skewed money the mean and its own variance are low together, and Welch then sees a
    precise gain. The shared variance is mostly that of the larger arm and does not follow the control's luck.
    """
    i, j = money.place(arm), money.place(control)
    spread = _unit_spread(money, i, j) if money.clusters is None else _cluster_spread(money, i, j)
    terms, freedom = spread
    value = float(money.figures.value[i] - money.figures.value[j])
    blank = Estimate(value=value, level=level, side=side, method="pooled", n=int(money.grid.n[:, [i, j]].sum()))
    variance = float(terms.sum())
    if not (variance > 0.0 and bool(np.all(freedom > 0.0))):
        return replace(blank, note="ZERO_VARIANCE" if bool(np.all(freedom > 0.0)) else "TOO_FEW_PERSONS")
    df, error = satterthwaite(terms, freedom), math.sqrt(variance)
    reach = critical_value(level, side, df) * error
    return replace(
        blank,
        low=value - reach if side != "less" else -math.inf,
        high=value + reach if side != "greater" else math.inf,
        p_value=p_value(value / error, side, df),
        standard_error=error,
    )


def _unit_spread(money: MoneyFigures, i: int, j: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of the weighted difference by stratum, persons being the units, and its degrees of freedom."""
    n = money.grid.n[:, [i, j]].astype(np.float64)
    freedom = n.sum(axis=1) - 2.0
    squares = money.grid.products[:, [i, j], 0, 0].sum(axis=1)
    shared = squares / np.where(freedom > 0.0, freedom, np.nan)
    terms = money.weights**2 * shared * (1.0 / n).sum(axis=1)
    return np.nan_to_num(terms), freedom


def _cluster_spread(money: MoneyFigures, i: int, j: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same with clusters as units: the centred sums of both arms' clusters have one variance."""
    found = money.clusters
    if found is None:  # pragma: no cover - the caller asked for clusters
        return np.zeros(0), np.zeros(0)
    terms, freedom = [], []
    for row, stratum in enumerate(money.grid.strata):
        squares, units = 0.0, []
        for column in (i, j):
            head = (*stratum, money.grid.arms[column])
            mine = np.array([cell[:-1] == head for cell in found.cells]) & (found.n > 0)
            sums = found.n[mine] * (found.mean[mine] - money.grid.means[row, column, 0])
            squares += float(np.sum(sums**2))
            units.append(int(mine.sum()))
        df = sum(units) - 2.0
        n = money.grid.n[row, [i, j]].astype(np.float64)
        shared = squares / df if df > 0.0 else 0.0
        terms.append(float(money.weights[row] ** 2 * shared * np.sum(np.array(units) / n**2)))
        freedom.append(df)
    return np.array(terms), np.array(freedom)


def both(first: Estimate, second: Estimate) -> Estimate:
    """What both readings of a difference exclude: the wider end on either side and the larger p-value."""
    if first.p_value is None or second.p_value is None:
        return first if first.p_value is None else replace(first, low=None, high=None, p_value=None, note=second.note)
    ends = [(one.low, one.high) for one in (first, second) if one.low is not None and one.high is not None]
    return replace(
        first,
        low=min(low for low, _ in ends),
        high=max(high for _, high in ends),
        p_value=max(first.p_value, second.p_value),
        standard_error=max(one.standard_error or 0.0 for one in (first, second)),
        method=f"{first.method} and {second.method}",
    )
