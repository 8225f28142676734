"""What the metrics of an experiment need from the outcomes: moments always, rows or clusters where a method asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.metrics import Count, Duration, Quantile, Rate, inputs_of
from experiments.moments import metric_moments, metric_rows, moments_of
from experiments.moments.counted import is_noted
from experiments.moments.grid import collapse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.tables import Table
    from experiments.metrics import Metric
    from experiments.moments import MetricRows, Moments
    from experiments.readout.experiment import Experiment

__all__ = ["Measured", "check_values", "measure"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measured:
    """What one metric needs.

    Attributes:
        moments: Moments by stratum and arm.
        rows: Counted rows by stratum, arm and, where clusters were assigned, cluster; None where moments are enough.
        clusters: Moments by stratum, arm and cluster; None where persons were assigned one by one.
    """

    moments: Moments
    rows: MetricRows | None = None
    clusters: Moments | None = None


def measure(table: Table, experiment: Experiment, *, keys: Sequence[str]) -> dict[str, Measured]:
    """Measure every metric by stratum and arm; what is wrong with one is noted on the table, and it is left out.

    Args:
        table: The opened outcomes.
        experiment: The declared experiment.
        keys: Columns of the strata and then the arm; empty where those cannot be used.
    """
    if experiment.cluster is not None and keys:
        found = _by_cluster(table, experiment, (*keys, experiment.cluster))
    else:
        found = _by_person(table, experiment, keys)
    for name, measured in found.items():
        check_values(table, name, experiment.metrics[name], measured.moments)
    return found


def _by_person(table: Table, experiment: Experiment, keys: Sequence[str]) -> dict[str, Measured]:
    metrics = experiment.metrics
    plain = {name: inputs_of(metric) for name, metric in metrics.items() if not _needs_rows(metric)}
    moments = metric_moments(table, plain, keys=keys) if plain else {}
    made: dict[str, Measured] = {}
    for name, metric in metrics.items():
        if name in plain:
            part = moments[name]
            if part is not None:
                made[name] = Measured(moments=part)
            continue
        rows = metric_rows(table, inputs_of(metric), keys=keys)
        if rows is not None:
            made[name] = Measured(moments=moments_of(rows), rows=rows)
    return made


def _by_cluster(table: Table, experiment: Experiment, keys: Sequence[str]) -> dict[str, Measured]:
    inputs = {name: inputs_of(metric) for name, metric in experiment.metrics.items()}
    summed = {name: part for name, part in inputs.items() if not isinstance(experiment.metrics[name], Quantile)}
    moments = metric_moments(table, summed, keys=keys) if summed else {}
    made: dict[str, Measured] = {}
    for name, part in inputs.items():
        rows = None if name in summed else metric_rows(table, part, keys=keys)
        found = moments[name] if name in summed else None if rows is None else moments_of(rows)
        if found is not None:
            made[name] = Measured(moments=collapse(found, len(keys) - 1), rows=rows, clusters=found)
    return made


def _needs_rows(metric: Metric) -> bool:
    return isinstance(metric, Quantile) or bool(inputs_of(metric).covariates)


def check_values(table: Table, name: str, metric: Metric, part: Moments) -> None:
    """Note what a metric cannot read: missing outcomes, values that are not 0 or 1, values below 0."""
    column = ", ".join(inputs_of(metric).columns)
    lost = int((part.persons - part.n).sum())
    if lost and metric.missing is None:
        table.problems.add(
            "NULL_OUTCOME", table.name, column, lost,
            message=f'the metric {name!r} has no value for some persons; declare missing="zero" where no record means '
            'no event, or missing="exclude" for a secondary metric',
        )  # fmt: skip
    if isinstance(metric, Rate) and part.strange and not is_noted(table, "NOT_BINARY", column):
        table.problems.add(
            "NOT_BINARY", table.name, column, part.strange,
            message=f"the metric {name!r} is a Rate, and its column holds other values than 0 and 1; use Mean, or make "
            "an indicator",
        )  # fmt: skip
    if isinstance(metric, (Count, Duration)) and (part.smallest < 0).any():
        table.problems.add(
            "NEGATIVE_VALUE", table.name, column, int((part.smallest < 0).sum()),
            message=f"the metric {name!r} is a {type(metric).__name__}, which is not below 0; repair these rows, or "
            "use Mean",
        )  # fmt: skip
