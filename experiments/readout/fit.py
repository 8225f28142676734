"""One metric fitted over all arms: the same persons, strata and weights for every contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from experiments.inference.adjusted_slopes import kept_covariates
from experiments.inference.figures import compare_figures, population_figures
from experiments.inference.means import mean_figures
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.sum_ratios import ratio_figures, ratio_spread
from experiments.metrics import Mean, Quantile, Rate, Ratio, inputs_of
from experiments.moments.grid import arrange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.estimates import Comparison, Side
    from experiments.inference.figures import ArmFigures
    from experiments.metrics import Metric, Role
    from experiments.moments import MetricRows, Moments
    from experiments.moments.grid import Grid
    from experiments.readout.experiment import Target

__all__ = ["Fit", "cluster_counts", "common_strata", "fit_metric"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """The sufficient statistics of one metric in the strata that hold every arm.

    Attributes:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        grid: The moments, strata by arms, of the strata kept.
        weights: Share of each kept stratum in all persons of the kept strata.
        level: Confidence level.
        figures: One figure per arm with its variance; None for rates that the score test compares by their counts.
    """

    name: str
    metric: Metric
    role: Role
    grid: Grid
    weights: NDArray[np.float64]
    level: float
    figures: ArmFigures | None

    @property
    def arms(self) -> tuple[object, ...]:
        """The arms, sorted."""
        return self.grid.arms

    @property
    def strata(self) -> tuple[tuple[object, ...], ...]:
        """The strata kept."""
        return self.grid.strata

    @property
    def assigned(self) -> NDArray[np.int64]:
        """Persons, with or without a value, strata by arms."""
        return self.grid.persons

    @property
    def n(self) -> NDArray[np.int64]:
        """Persons with a value, strata by arms."""
        return self.grid.n

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means of the first measured column, strata by arms."""
        return self.grid.means[:, :, 0]

    @property
    def hits(self) -> NDArray[np.float64]:
        """Persons with the event of a rate, strata by arms."""
        return np.rint(self.mean * self.n)

    def position(self, arm: object) -> int:
        """Column of an arm."""
        if arm not in self.arms:
            raise InputError(f"there is no arm {arm!r}. {closest(str(arm), map(str, self.arms))}")
        return self.arms.index(arm)

    def persons(self, arm: object) -> int:
        """Persons of an arm with a value."""
        return int(self.n[:, self.position(arm)].sum())

    def bounds(self, arm: object, against: object) -> tuple[float, float]:
        """The difference of a rate if all missing outcomes went against the arm, and if all went for it."""
        lowest, highest = self.hits / self.assigned, (self.hits + self.assigned - self.n) / self.assigned
        i, j = self.position(arm), self.position(against)
        low = float(np.sum(self.weights * (lowest[:, i] - highest[:, j])))
        return low, float(np.sum(self.weights * (highest[:, i] - lowest[:, j])))

    def compare(self, arm: object, against: object, *, level: float | None = None, side: Side = "two") -> Comparison:
        """One arm against another, inside the strata.

        Args:
            arm: The arm.
            against: The arm it is compared with.
            level: Confidence level; that of the fit when None.
            side: ``"two"``, ``"greater"`` or ``"less"``.
        """
        i, j = self.position(arm), self.position(against)
        if i == j:
            raise InputError(f"an arm cannot be compared with itself, got {arm!r} twice.")
        chosen = self.level if level is None else level
        if self.figures is not None:
            return compare_figures(self.figures, i, j, level=chosen, side=side)
        hits, method = self.hits, self.metric.method if isinstance(self.metric, Rate) else "score"
        return compare_stratified_rates(
            hits[:, i], self.n[:, i], hits[:, j], self.n[:, j], weights=self.weights, level=chosen, side=side,
            method=method,
        )  # fmt: skip


def fit_metric(  # noqa: PLR0913 - what Experiment.analyze passes on
    name: str,
    metric: Metric,
    role: Role,
    moments: Moments,
    *,
    level: float,
    rows: MetricRows | None = None,
    clusters: Moments | None = None,
    target: Target = "sample",
) -> tuple[Fit, list[Finding]]:
    """Arrange moments as strata by arms; a stratum without enough persons in an arm leaves all contrasts.

    Args:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        moments: Moments by the strata's columns and then the arm.
        level: Confidence level.
        rows: Counted rows by the same keys, for methods that need them.
        clusters: Moments by the same keys and then the cluster.
        target: The persons of the experiment, or those they were drawn from.

    Raises:
        DesignError: NO_COMMON_STRATUM when no stratum holds all arms.
    """
    grid = arrange(moments)
    units = grid.n if clusters is None else cluster_counts(clusters, grid)
    by_score = isinstance(metric, Rate) and clusters is None and not inputs_of(metric).covariates
    grid, weights, findings = common_strata(name, grid, units, least=1 if by_score and target == "sample" else 2)
    figures = _figures(metric, grid, weights, rows=rows, clusters=clusters, target=target)
    fit = Fit(name=name, metric=metric, role=role, grid=grid, weights=weights, level=level, figures=figures)
    return fit, findings


def cluster_counts(clusters: Moments, grid: Grid) -> NDArray[np.int64]:
    """Clusters with persons that count, strata by arms."""
    place = {(*stratum, arm): (i, j) for i, stratum in enumerate(grid.strata) for j, arm in enumerate(grid.arms)}
    found = np.zeros(grid.n.shape, dtype=np.int64)
    where = np.array([place[cell[:-1]] for cell in clusters.cells], dtype=np.int64).reshape(-1, 2)
    np.add.at(found, (where[:, 0], where[:, 1]), (clusters.n > 0).astype(np.int64))
    return found


def common_strata(
    name: str, grid: Grid, units: NDArray[np.int64], *, least: int
) -> tuple[Grid, NDArray[np.float64], list[Finding]]:
    """The strata that hold enough units of every arm, their weights, and what was left out.

    Args:
        name: Name of the metric.
        grid: The moments, strata by arms.
        units: Persons, or clusters, that count; strata by arms.
        least: How many every arm needs: a mean needs a variance in every cell, so two.
    """
    # Without strata the inference itself says what is missing.
    least = 1 if len(grid.strata) == 1 else least
    kept = np.all(units >= least, axis=1)
    if not kept.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds at least {least} person(s) (or clusters) of every arm for the metric {name!r}. Use "
            "coarser strata=, or analyse the arms that share strata.",
        )
    persons = grid.persons.sum(axis=1)
    findings = []
    if not kept.all():
        lost = [", ".join(str(part) for part in grid.strata[row]) for row in np.flatnonzero(~kept)]
        values = {
            "metric": name, "strata": len(lost), "persons": int(persons[~kept].sum()), "assigned": int(persons.sum()),
            "share": float(persons[~kept].sum() / persons.sum()), "names": "; ".join(lost[:5]),
        }  # fmt: skip
        findings.append(Finding(code="STRATUM_DROPPED", status="warn", values=values))
    return grid.keep(kept), persons[kept] / persons[kept].sum(), findings


def _figures(
    metric: Metric,
    grid: Grid,
    weights: NDArray[np.float64],
    *,
    rows: MetricRows | None,
    clusters: Moments | None,
    target: Target,
) -> ArmFigures | None:
    """One figure per arm with its variance; None for rates that the score test compares by their counts."""
    if isinstance(metric, Quantile) and rows is not None:
        from experiments.inference.quantiles import quantile_figures

        return quantile_figures(rows, grid, metric.q, weights=weights, clustered=clusters is not None)
    if clusters is not None:
        from experiments.inference.clusters import clustered_figures

        return clustered_figures(clusters, grid, weights=weights, ratio=isinstance(metric, Ratio), target=target)
    if isinstance(metric, Rate) and target == "sample" and not kept_covariates(grid):
        return None  # also a rate none of whose covariates varies
    if inputs_of(metric).covariates:
        return _adjusted(metric, grid, weights, rows=rows, target=target)
    if isinstance(metric, Rate) and len(weights) == 1:
        return None
    return _unadjusted(metric, grid, weights, target=target)


def _unadjusted(metric: Metric, grid: Grid, weights: NDArray[np.float64], *, target: Target) -> ArmFigures:
    persons = int(grid.persons.sum())
    if isinstance(metric, Ratio):
        figures = ratio_figures(grid.means, grid.covariance, grid.n, weights=weights)
        spread = ratio_spread(grid.means, weights=weights)
    else:
        pooled = isinstance(metric, Mean) and metric.equal_variances
        mean, variance = grid.means[:, :, 0], grid.covariance[:, :, 0, 0]
        figures = mean_figures(mean, variance, grid.n, weights=weights, equal_variances=pooled)
        spread = mean - figures.value
    if target == "sample" or len(weights) == 1:
        return figures
    return population_figures(figures, spread, weights=weights, persons=persons)


def _adjusted(
    metric: Metric, grid: Grid, weights: NDArray[np.float64], *, rows: MetricRows | None, target: Target
) -> ArmFigures:
    from experiments.inference.adjusted import adjusted_figures, adjusted_figures_from_moments

    if rows is None:
        measured = 2 if isinstance(metric, Ratio) else 1
        return adjusted_figures_from_moments(grid, weights=weights, target=target, measured=measured)
    return adjusted_figures(rows, grid, weights=weights, target=target)
