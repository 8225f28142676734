"""What covariates and strata buy: the share of the variance that is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from experiments.inference.adjusted_slopes import fit_slopes, grid_cells

if TYPE_CHECKING:
    from experiments.inference.adjusted_slopes import Floats
    from experiments.moments.grid import Grid

__all__ = ["AdjustmentGain", "adjustment_findings", "adjustment_gain", "stratification_gain"]

_FEW_EVENTS = 50  # below, simulated intervals miss on one side by half again; see docs/methods/adjustment.md


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AdjustmentGain:
    """What the covariates of one metric buy.

    Attributes:
        factor: Variance of the arms' figures with the covariates over that without, 1 - R^2 with degrees of freedom;
            1 where no covariate is used, None where the metric does not vary. The intervals shrink by its root, and
            the test is as good as one with 1 / factor times as many persons.
        used: Labels of the covariates used.
        dropped: Labels of those that are not, with the reason COVARIATE_CONSTANT or COVARIATE_DROPPED.
    """

    factor: float | None
    used: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]


def adjustment_gain(grid: Grid, *, weights: Floats | None = None, measured: int = 1) -> AdjustmentGain:
    """How much of the variance inside strata and arms the covariates leave.

    Args:
        grid: The moments, strata by arms.
        weights: Weight of each stratum; the strata's shares of the persons when None.
        measured: How many coordinates are measured: 1, or 2 for a ratio of sums.

    Verified against: 1 - adjusted R^2 of statsmodels' OLS per arm.
    """
    cells = grid_cells(grid, measured)
    if weights is None:
        weights = cells.n.sum(axis=1) / cells.n.sum()
    slopes = fit_slopes(cells, weights)
    used = tuple(cells.labels[column] for column in slopes.columns)
    direction = np.ones_like(slopes.value)
    if measured == 2:
        bottom = np.where(slopes.value[:, 1] > 0.0, slopes.value[:, 1], np.nan)
        direction = np.column_stack([1.0 / bottom, -slopes.value[:, 0] / bottom**2])
    yy = np.einsum("am,samk,ak->a", direction, cells.products[:, :, :measured, :measured], direction)
    yx = np.einsum("am,samp->ap", direction, cells.products[:, :, :measured, slopes.columns]) / slopes.scale
    left = yy - np.einsum("ap,apq,aq->a", yx, slopes.inverse, yx)
    persons = cells.n.sum(axis=0)
    free = persons - len(cells.n)
    before = float(np.sum(yy / (free * persons))) if free.min() > len(used) else np.nan
    factor = float(np.sum(np.maximum(left, 0.0) / ((free - len(used)) * persons))) / before if before > 0.0 else None
    return AdjustmentGain(factor=factor, used=used, dropped=slopes.dropped)


def adjustment_findings(
    name: str, grid: Grid, *, weights: Floats | None = None, measured: int = 1, factor: float | None = None
) -> tuple[Finding, ...]:
    """What a reader should know about the covariates of a metric.

    Args:
        name: Name of the metric.
        grid: The moments, strata by arms.
        weights: Weight of each stratum.
        measured: As for `adjustment_gain`.
        factor: Variance with the covariates over that without, where persons do not tell it: with clusters. None: that
            of `adjustment_gain`.

    Returns:
        ADJUSTMENT_GAIN (note) with the factor where a covariate is used; COVARIATE_CONSTANT (note) for covariates that
        do not vary in some arm, with what to use instead; COVARIATE_DROPPED (note) for combinations of others;
        ADJUSTED_RATE_RARE (warn) for a column of 0 and 1 with fewer than 50 of one of them in an arm.
    """
    gain = adjustment_gain(grid, weights=weights, measured=measured)
    found = []
    bought = gain.factor if factor is None else factor
    if gain.used and bought:
        values = {
            "metric": name, "covariates": ", ".join(gain.used), "explained": max(0.0, 1.0 - bought),
            "factor": bought, "width": float(np.sqrt(bought)), "persons": 1.0 / bought,
        }  # fmt: skip
        found.append(Finding(code="ADJUSTMENT_GAIN", status="note", values=values))
    if gain.used and measured == 1 and _is_binary(grid):
        hits = np.sum(grid.n * grid.means[:, :, 0], axis=0)
        few = np.minimum(hits, grid.n.sum(axis=0) - hits)
        rarest = int(np.argmin(few))
        if few[rarest] < _FEW_EVENTS:
            values = {
                "metric": name,
                "arm": grid.arms[rarest],
                "events": round(float(few[rarest])),
                "least": _FEW_EVENTS,
            }
            found.append(Finding(code="ADJUSTED_RATE_RARE", status="warn", values=values))
    lost = dict.fromkeys(reason for _, reason in gain.dropped)
    for reason in sorted(lost):
        names = ", ".join(label for label, why in gain.dropped if why == reason)
        values = {"metric": name, "covariates": names}
        if reason == "COVARIATE_CONSTANT":
            found.append(Finding(code="COVARIATE_CONSTANT", status="note", values=values))
        else:
            found.append(Finding(code="COVARIATE_DROPPED", status="note", values=values))
    return tuple(found)


def _is_binary(grid: Grid) -> bool:
    """Whether the first column holds only 0 and 1: between them, squares sum to the values only then."""
    if not (np.all(grid.smallest >= 0.0) and np.all(grid.largest <= 1.0)):
        return False  # also where the extremes are not known
    mean = grid.means[:, :, 0]
    return bool(np.allclose(grid.products[:, :, 0, 0], grid.n * mean * (1.0 - mean), rtol=1e-9, atol=1e-9))


def stratification_gain(grid: Grid, *, weights: Floats | None = None) -> float | None:
    """Variance of the stratified means over that of the pooled means; below 1 where the strata explain something.

    Only for strata with equal shares of the arms: with unequal shares the pooled means answer another question, and
    can have the wrong sign, so their variance is no yardstick.

    Args:
        grid: The moments, strata by arms.
        weights: Weight of each stratum; the strata's shares of the persons when None.

    Returns:
        The factor, or None where a stratum has fewer than two persons of an arm or nothing varies.

    References:
        Miratrix, Sekhon and Yu (2013), Journal of the Royal Statistical Society B 75:369.
    """
    cells = grid_cells(grid, 1)
    n = cells.n
    if n.min() < 2:
        return None
    if weights is None:
        weights = n.sum(axis=1) / n.sum()
    squares, means = cells.products[:, :, 0, 0], cells.means[:, :, 0]
    middle = np.sum(n * means, axis=0) / n.sum(axis=0)
    total = squares.sum(axis=0) + np.sum(n * (means - middle) ** 2, axis=0)
    pooled = float(np.sum(total / ((n.sum(axis=0) - 1.0) * n.sum(axis=0))))
    inside = float(np.sum(weights[:, None] ** 2 * squares / ((n - 1.0) * n)))
    return inside / pooled if pooled > 0.0 else None
