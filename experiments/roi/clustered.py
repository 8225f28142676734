"""Net benefit of arms that were assigned in clusters: the same linear combination, with the variance of clusters."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError
from attribution.core.estimates import Estimate, RatioSet, Side
from experiments.inference.clusters import clustered_figures
from experiments.inference.figures import satterthwaite
from experiments.inference.tails import critical_value, p_value
from experiments.metrics import MetricInputs
from experiments.moments import Moments, metric_moments
from experiments.moments.grid import arrange, collapse
from experiments.readout.fit import cluster_counts, common_strata
from experiments.roi.segment_cells import split_segments
from experiments.roi.undecided import IncrementalCost, crossings, excess_of, fieller_roots, points_around, shape_of, why

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from experiments.inference.figures import ArmFigures
    from experiments.readout.experiment import Experiment

__all__ = ["ClusterContrast", "ClusterCosts", "cluster_costs"]

_SMALLEST_P = sys.float_info.min


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterContrast:
    """One arm against another when clusters were assigned.

    Attributes:
        woken: Difference of woken per person.
        cost: Difference of the full cost per person.
        moments: CR2 variance of woken, covariance, and variance of cost, of treated arm(s) and control.
        freedom: Degrees of freedom of these variances.
        n: Persons of all of them.
        note: Reason codes that go with every figure.
    """

    woken: float
    cost: float
    moments: tuple[tuple[float, float, float], ...]
    freedom: NDArray[np.float64]
    n: int
    note: str

    def net(self, threshold: float, *, level: float, side: Side, label: str = "net benefit") -> Estimate:
        """Net benefit per person at a threshold, with Student's t and Satterthwaite's degrees of freedom."""
        value, error, df = self._at(threshold)
        critical = critical_value(level, side, df)
        statistic = self._statistic(threshold)
        return Estimate(
            value=value,
            low=value - critical * error if side != "less" else -math.inf,
            high=value + critical * error if side != "greater" else math.inf,
            p_value=max(p_value(statistic, side, df), _SMALLEST_P),
            level=level,
            side=side,
            method=f"{label}, cluster",
            n=self.n,
            standard_error=error,
            note=self.note,
        )

    def price(self, *, level: float, side: Side) -> IncrementalCost:
        """The cost of one more woken customer, and the thresholds that stay undecided by the statistic of `net`."""
        value = self.cost / self.woken if self.woken > 0.0 else None

        def gap(threshold: float) -> float:
            critical = critical_value(level, side, self._at(threshold)[2])
            return excess_of(side, critical)(self._statistic(threshold))

        marks = [] if self.woken == 0.0 else [self.cost / self.woken]
        for df in (*self.freedom.tolist(), math.inf):
            summed = (math.fsum(parts) for parts in zip(*self.moments, strict=True))
            marks += fieller_roots((self.woken, self.cost, *summed), critical_value(level, side, df))  # type: ignore[arg-type]
        kind, low, high = shape_of(gap, crossings(gap, points_around(marks)))
        woken = self.free().net(1.0, level=level, side="two", label="woken per person")
        return why(RatioSet(value=value, low=low, high=high, kind=kind, level=level), woken)

    def free(self) -> ClusterContrast:
        """The same contrast at no cost: its net benefit at 1 is the difference of woken per person."""
        return replace(self, cost=0.0, moments=tuple((part[0], 0.0, 0.0) for part in self.moments))

    def _at(self, threshold: float) -> tuple[float, float, float]:
        """Net benefit, its standard error and its degrees of freedom."""
        terms = np.array([self._variance(part, threshold) for part in self.moments])
        df = satterthwaite(terms, self.freedom)
        value = self.woken if math.isinf(threshold) else threshold * self.woken - self.cost
        return value, math.sqrt(float(terms.sum())), math.inf if math.isnan(df) else df

    def _statistic(self, threshold: float) -> float:
        value, error, _ = self._at(threshold)
        if value == 0.0:
            return 0.0
        return value / error if error > 0.0 else math.copysign(math.inf, value)

    @staticmethod
    def _variance(moments: tuple[float, float, float], threshold: float) -> float:
        woken, joint, cost = moments
        if math.isinf(threshold):
            return woken
        return max(0.0, (threshold * woken - 2.0 * joint) * threshold + cost)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterCosts:
    """Woken and cost of every arm of one segment, with the variances of clusters.

    Attributes:
        arms: Names of the arms.
        strata: The strata that hold enough clusters of every arm, as key values.
        woken: Figures of the woken per person.
        cost: Figures of the cost per person.
        joint: Covariance of the two in each arm.
        clusters: Moments of woken and cost by stratum, arm and cluster.
    """

    arms: tuple[str, ...]
    strata: tuple[tuple[object, ...], ...]
    woken: ArmFigures
    cost: ArmFigures
    joint: NDArray[np.float64]
    clusters: Moments

    def contrast(self, arm: str, control: str, *, note: str) -> ClusterContrast:
        """One arm against another."""
        i, j = self.arms.index(arm), self.arms.index(control)
        for position in (i, j):
            if math.isnan(self.woken.variance(position)):
                raise DesignError(
                    "TOO_FEW_CLUSTERS",
                    f"the arm {self.arms[position]!r} has a single cluster, so nothing says how much clusters differ "
                    "and no net benefit can be judged. Assign more clusters.",
                )
        parts = [
            (self.woken.variance(position), float(self.joint[position]), self.cost.variance(position))
            for position in (i, j)
        ]
        return ClusterContrast(
            woken=float(self.woken.value[i] - self.woken.value[j]),
            cost=float(self.cost.value[i] - self.cost.value[j]),
            moments=(parts[0], parts[1]),
            freedom=self.woken.freedom[[i, j]],
            n=int(self.woken.n[i] + self.woken.n[j]),
            note=_notes(note, self.woken.note),
        )

    def package(self, arms: Sequence[str], control: str, *, note: str) -> ClusterContrast:
        """Several arms together against a control, per person of these arms, each stratum as large as they are there.

        The control enters once: its error is common to all arms and does not average out over them.
        """
        whole = arrange(collapse(self.clusters, len(self.clusters.names) - 1))
        kept = np.array([stratum in self.strata for stratum in whole.strata])
        persons = whole.keep(kept).n.astype(np.float64)
        places = [self.arms.index(arm) for arm in arms]
        treated = persons[:, places].sum(axis=1)
        readings = [(place, persons[:, place], float(persons[:, place].sum() / treated.sum())) for place in places]
        readings.append((self.arms.index(control), treated, -1.0))
        woken, cost, moments, freedom = 0.0, 0.0, [], []
        for place, counts, share in readings:
            made = _measured(self.clusters, kept, counts / counts.sum())
            woken += share * float(made[0].value[place])
            cost += share * float(made[1].value[place])
            parts = (made[0].variance(place), float(made[2][place]), made[1].variance(place))
            moments.append((share**2 * parts[0], share**2 * parts[1], share**2 * parts[2]))
            freedom.append(float(made[0].freedom[place]))
        return ClusterContrast(
            woken=woken,
            cost=cost,
            moments=tuple(moments),
            freedom=np.array(freedom),
            n=int(treated.sum() + persons[:, self.arms.index(control)].sum()),
            note=_notes(note, self.woken.note),
        )


def cluster_costs(  # noqa: PLR0913 -- internal, all by keyword
    table: Table,
    experiment: Experiment,
    *,
    woken: str,
    cost: str,
    by: Sequence[str],
    zero: bool,
    segments: Container[str | None],
) -> dict[str | None, ClusterCosts]:
    """Woken and cost by segment, arm and cluster; empty where the experiment names no cluster.

    Args:
        table: The opened outcomes.
        experiment: The declared experiment.
        woken: Column of the event.
        cost: Column of the full cost.
        by: Columns of the segments.
        zero: Whether an empty event means that nothing happened.
        segments: Names of the segments to read; others are passed over.

    Raises:
        TableError: With every problem of the table, such as a person without a cluster.
        DesignError: NO_COMMON_STRATUM when no stratum holds two clusters of every arm.
    """
    if experiment.cluster is None:
        return {}
    keys = (*by, *experiment.layers, experiment.arm, experiment.cluster)
    inputs = MetricInputs(columns=(woken, cost), limits=(None, None), fill=0.0 if zero else None)
    found = metric_moments(table, {woken: inputs}, keys=keys)[woken]
    table.problems.raise_if_any()
    if found is None:  # pragma: no cover - a problem was noted, so the line above has raised
        return {}
    parts = split_segments(found, len(by))
    return {
        name: _costs(part, "cost" if name is None else f"cost, {name}")
        for name, part in parts.items()
        if name in segments
    }


def _costs(clusters: Moments, name: str) -> ClusterCosts:
    """The figures of the strata that hold two clusters of every arm, weighted as the readout weighs them."""
    whole = arrange(collapse(clusters, len(clusters.names) - 1))
    grid, weights, _ = common_strata(name, whole, cluster_counts(clusters, whole), least=2)
    kept = np.array([stratum in grid.strata for stratum in whole.strata])
    woken, cost, joint = _measured(clusters, kept, weights)
    return ClusterCosts(
        arms=tuple(str(arm) for arm in grid.arms),
        strata=grid.strata,
        woken=woken,
        cost=cost,
        joint=joint,
        clusters=clusters,
    )


def _measured(
    clusters: Moments, kept: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[ArmFigures, ArmFigures, NDArray[np.float64]]:
    """Woken and cost per person of every arm with their covariance, at these weights of the kept strata."""
    spread = np.array([max(float(np.abs(clusters.means[:, i]).max()), 1e-300) for i in (0, 1)])

    def figures(*direction: float) -> ArmFigures:
        made = _combined(clusters, np.array(direction))
        return clustered_figures(made, arrange(collapse(made, len(made.names) - 1)).keep(kept), weights=weights)

    both, apart = figures(1.0 / spread[0], 1.0 / spread[1]), figures(1.0 / spread[0], -1.0 / spread[1])
    joint = 0.25 * (np.diag(both.covariance) - np.diag(apart.covariance)) * spread[0] * spread[1]
    return figures(1.0, 0.0), figures(0.0, 1.0), joint


def _notes(*notes: str) -> str:
    """Reason codes of several notes, each once."""
    return "; ".join(part for part in dict.fromkeys("; ".join(notes).split("; ")) if part)


def _combined(clusters: Moments, direction: NDArray[np.float64]) -> Moments:
    """The moments of a linear combination of the coordinates."""
    return replace(
        clusters,
        labels=("combined",),
        means=(clusters.means @ direction)[:, None],
        products=np.einsum("i,gij,j->g", direction, clusters.products, direction)[:, None, None],
    )
