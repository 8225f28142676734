"""What a pilot tells about one metric before the campaign: its baseline, noise, covariates and clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError
from experiments.inference.proportions import share_interval
from experiments.inference.tails import critical_value
from experiments.metrics import Quantile, Rate, Ratio, inputs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.metrics import Metric, Role
    from experiments.moments import MetricRows, Moments
    from experiments.moments.grid import Grid

__all__ = ["PilotMetric", "pilot_metric"]

ZERO_VARIANCE = "ZERO_VARIANCE"
UNDEFINED = "UNDEFINED"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PilotMetric:
    """One metric among the pilot's control persons.

    Attributes:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        strata: The strata with control persons.
        weights: Share of each of them in all persons of the pilot.
        means: Rates or means by stratum; the overall figure of a ratio or a quantile in every stratum.
        variances: Variance of a person's outcome by stratum, without covariates and clusters.
        n: Control persons by stratum.
        baseline: The control's figure.
        low: Lower end of its interval.
        high: Upper end of its interval.
        factor: What covariates leave of the variance.
        correlation: Intra-cluster correlation, at least 0; None when persons were assigned one by one.
        cluster_size: Persons per cluster.
        cluster_variation: Coefficient of variation of the clusters' sizes.
        note: Reason code when the metric cannot be planned; empty otherwise.
    """

    name: str
    metric: Metric
    role: Role
    strata: tuple[tuple[object, ...], ...]
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    n: NDArray[np.int64]
    baseline: float
    low: float
    high: float
    factor: float = 1.0
    correlation: float | None = None
    cluster_size: float = 1.0
    cluster_variation: float = 0.0
    note: str = ""

    @property
    def score(self) -> bool:
        """Whether the readout compares this metric by the score test of counts."""
        return isinstance(self.metric, Rate) and self.correlation is None and not inputs_of(self.metric).covariates

    @property
    def inflation(self) -> float:
        """What covariates and clusters make of the variance."""
        if self.correlation is None:
            return self.factor
        spread = (self.cluster_variation**2 + 1.0) * self.cluster_size - 1.0
        return self.factor * (1.0 + spread * self.correlation)

    def at(self, baseline: float) -> PilotMetric:
        """The metric if its baseline were another: a rate's variance moves with it."""
        if not isinstance(self.metric, Rate):
            return replace(self, baseline=baseline)
        means = np.clip(self.means * (baseline / self.baseline if self.baseline > 0.0 else 0.0), 0.0, 1.0)
        return replace(self, baseline=baseline, means=means, variances=means * (1.0 - means))


def pilot_metric(  # noqa: PLR0913 - what was measured of one metric
    name: str,
    metric: Metric,
    role: Role,
    grid: Grid,
    *,
    control: object,
    level: float,
    rows: MetricRows | None = None,
    clusters: Moments | None = None,
) -> PilotMetric:
    """Read one metric's baseline from the control persons of a pilot; covariates and clusters from all its persons.

    Args:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        grid: Moments of the pilot, strata by arms.
        control: The control arm.
        level: Confidence level of the baseline's interval.
        rows: Counted rows, for quantiles.
        clusters: Moments by stratum, arm and cluster.

    Raises:
        DesignError: NO_COMMON_STRATUM when no stratum holds enough control persons.
    """
    column = grid.arms.index(control)
    kept = grid.n[:, column] >= (1 if isinstance(metric, Rate) else 2)
    if not kept.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum of the pilot holds enough control persons of the metric {name!r} (two, or one for a rate) to "
            "know its baseline. Pass a larger pilot, or use coarser strata.",
        )
    grid = grid.keep(kept)
    persons = grid.persons.sum(axis=1)
    weights = persons / persons.sum()
    means, variances, note = _figures(metric, grid, column, weights, rows)
    n = grid.n[:, column]
    baseline = float(np.sum(weights * means))
    made = PilotMetric(
        name=name, metric=metric, role=role, strata=grid.strata, weights=weights, means=means, variances=variances,
        n=n, baseline=baseline, low=baseline, high=baseline, note=note, factor=_factor(metric, grid, weights),
        **_clusters(clusters),
    )  # fmt: skip
    if note:
        return made
    if not float(np.sum(weights * variances)) > 0.0:
        made = replace(made, note=ZERO_VARIANCE)
    low, high = _interval(made, level)
    return replace(made, low=low, high=high)


def _figures(
    metric: Metric, grid: Grid, column: int, weights: NDArray[np.float64], rows: MetricRows | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Means and variances by stratum of the control persons, and why they are undefined."""
    means = grid.means[:, column]
    if isinstance(metric, Rate):
        return means[:, 0], means[:, 0] * (1.0 - means[:, 0]), ""
    covariance = grid.covariance[:, column]
    if isinstance(metric, Ratio):
        bottom = float(np.sum(weights * means[:, 1]))
        if not bottom > 0.0:
            return np.full(len(weights), math.nan), np.full(len(weights), math.nan), "BASE_NOT_POSITIVE"
        ratio = float(np.sum(weights * means[:, 0])) / bottom
        direction = np.array([1.0, -ratio]) / bottom
        return np.full(len(weights), ratio), np.einsum("i,sij,j->s", direction, covariance[:, :2, :2], direction), ""
    if isinstance(metric, Quantile):
        return _quantile(metric, grid, column, weights, rows)
    return means[:, 0], covariance[:, 0, 0], ""


def _quantile(
    metric: Quantile, grid: Grid, column: int, weights: NDArray[np.float64], rows: MetricRows | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    from experiments.inference.quantiles import quantile_figures

    nothing = np.full(len(weights), math.nan)
    if rows is None:
        return nothing, nothing, UNDEFINED
    figures = quantile_figures(rows, grid, metric.q, weights=weights)
    value, variance = float(figures.value[column]), figures.variance(column)
    if math.isnan(value) or math.isnan(variance):
        return nothing, nothing, (figures.arm_notes[column] if figures.arm_notes else figures.note) or UNDEFINED
    # One variance for all strata that gives the figure's own: sum of w^2 v / n.
    unit = float(np.sum(weights**2 / grid.n[:, column]))
    return np.full(len(weights), value), np.full(len(weights), variance / unit), ""


def _factor(metric: Metric, grid: Grid, weights: NDArray[np.float64]) -> float:
    if not inputs_of(metric).covariates:
        return 1.0
    from experiments.inference.adjusted_gain import adjustment_gain

    factor = adjustment_gain(grid, weights=weights, measured=2 if isinstance(metric, Ratio) else 1).factor
    return 1.0 if factor is None else min(1.0, factor)


def _clusters(clusters: Moments | None) -> dict[str, float]:
    if clusters is None:
        return {}
    from experiments.inference.clusters_checks import intra_cluster_correlation

    found = intra_cluster_correlation(clusters)
    return {
        "correlation": max(0.0, found.correlation or 0.0),
        "cluster_size": found.mean_size,
        "cluster_variation": found.size_variation,
    }


def _interval(metric: PilotMetric, level: float) -> tuple[float, float]:
    """The baseline's own uncertainty: Wilson's interval for a rate, normal else, clusters counted."""
    design = metric.inflation / metric.factor
    squared = float(np.sum(metric.weights**2 * metric.variances / metric.n)) * design
    if not isinstance(metric.metric, Rate):
        half = critical_value(level, "two") * math.sqrt(squared)
        return metric.baseline - half, metric.baseline + half
    return share_interval(metric.baseline, squared, float(metric.n.sum()) / design, level=level)
