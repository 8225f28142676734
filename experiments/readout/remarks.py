"""What a reader should know about the figures of one metric: missing outcomes, clusters, covariates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from experiments.design.missingness import check_missing
from experiments.inference.adjusted_gain import adjustment_findings
from experiments.inference.caps import heavy_tail
from experiments.inference.clusters import clustered_figures
from experiments.inference.clusters_checks import cluster_findings
from experiments.metrics import Count, Mean, Rate, Ratio, inputs_of
from experiments.moments.grid import arrange, collapse

if TYPE_CHECKING:
    from experiments.metrics import Metric
    from experiments.moments import Moments
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit
    from experiments.readout.measure import Measured

__all__ = ["metric_findings", "missing_finding"]


def metric_findings(experiment: Experiment, fit: Fit, measured: Measured) -> list[Finding]:
    """The findings of one metric, in the order in which they are told."""
    found = missing_finding(experiment, fit.name, fit.metric, measured.moments) + _bounds(experiment, fit)
    if measured.clusters is not None and fit.name == experiment.primary:  # the clusters are those of every metric
        found += cluster_findings(measured.clusters, column=str(experiment.cluster))
    if inputs_of(fit.metric).covariates:
        wide = 2 if isinstance(fit.metric, Ratio) else 1
        factor = _cluster_gain(fit, measured.clusters, wide)
        found += adjustment_findings(fit.name, fit.grid, weights=fit.weights, measured=wide, factor=factor)
    if _is_mean(fit.metric) and measured.clusters is None and not inputs_of(fit.metric).covariates:
        tails = heavy_tail(fit.grid, fit.weights, metric=fit.name, control=experiment.control, level=experiment.level)
        found += [] if tails is None else [tails]
    return found


def _cluster_gain(fit: Fit, clusters: Moments | None, wide: int) -> float | None:
    """Variance of the arms' figures with the covariates over that without, where clusters were assigned.

    A covariate that clusters share can explain little among persons and most of what differs between clusters.
    """
    if clusters is None or fit.figures is None:
        return None
    plain = replace(
        clusters,
        labels=clusters.labels[:wide],
        means=clusters.means[:, :wide],
        products=clusters.products[:, :wide, :wide],
    )
    whole = arrange(collapse(plain, len(plain.names) - 1))
    kept = np.array([stratum in fit.grid.strata for stratum in whole.strata])
    without = clustered_figures(plain, whole.keep(kept), weights=fit.weights, ratio=wide == 2)
    before, after = (float(np.trace(figures.covariance)) for figures in (without, fit.figures))
    return after / before if before > 0.0 and np.isfinite(after) else None


def _is_mean(metric: Metric) -> bool:
    """Whether the metric is read by Welch's interval."""
    return isinstance(metric, (Mean, Count)) and not getattr(metric, "equal_variances", False)


def missing_finding(experiment: Experiment, name: str, metric: Metric, part: Moments) -> list[Finding]:
    """Whether the shares of missing outcomes differ between the arms, where a metric says what missing means."""
    if metric.missing is None:
        return []
    persons: dict[str, int] = {}
    missing: dict[str, int] = {}
    for cell, everyone, known in zip(part.cells, part.persons.tolist(), part.observed.tolist(), strict=True):
        arm = str(cell[-1])
        persons[arm] = persons.get(arm, 0) + everyone
        missing[arm] = missing.get(arm, 0) + everyone - known
    found = check_missing(name, persons, missing, control=str(experiment.control), policy=metric.missing)
    return [] if found is None else [found]


def _bounds(experiment: Experiment, fit: Fit) -> list[Finding]:
    """How far missing outcomes could move each difference of a rate that leaves persons out."""
    if not isinstance(fit.metric, Rate) or fit.metric.missing != "exclude" or (fit.n == fit.assigned).all():
        return []
    found = []
    for arm in fit.arms:
        if arm != experiment.control:
            low, high = fit.bounds(arm, experiment.control)
            values = {"metric": fit.name, "arm": arm, "control": experiment.control, "low": low, "high": high}
            found.append(Finding(code="MISSING_BOUNDS", status="note", values=values))
    return found
