"""The readout of aggregates: the same tests on the same statistics; what needs rows is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError, closest
from attribution.core.tables import Problems, open_table
from experiments.design.allocation import allocate_counts, check_allocation
from experiments.design.leakage import unchecked_leakage
from experiments.metrics import Quantile, Rate, inputs_of
from experiments.moments.counted import ValueCounts
from experiments.moments.grid import collapse
from experiments.readout.aggregates import Aggregates, regroup
from experiments.readout.measure import Measured, check_values

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from experiments.design.allocation import Allocation
    from experiments.moments import Moments
    from experiments.moments.counted import Counts, Floats
    from experiments.readout.experiment import Experiment

__all__ = ["aggregate_findings", "measure_aggregates", "open_aggregates"]

_STRATUM = "stratum"


def open_aggregates(experiment: Experiment, aggregates: Aggregates, *, touches: object) -> Table:
    """A table to note problems on, after everything that aggregates cannot answer was refused.

    Raises:
        DesignError: NEEDS_ROWS for a quantile, or with touches, as leakage is found person by person.
        InputError: When the aggregates are of other metrics or by other keys than the experiment declares.
    """
    import pyarrow as pa

    if touches is not None:
        raise DesignError(
            "NEEDS_ROWS",
            "touches were given, but leakage is found person by person and aggregates hold no persons. Leave touches "
            "out, and check the leakage where the rows are.",
        )
    wrong = [line for name in experiment.metrics for line in _differs(experiment, aggregates, name)]
    needed = (*experiment.layers, experiment.arm, *(() if experiment.cluster is None else (experiment.cluster,)))
    wrong += [
        f"the aggregates are not by {key!r}; their keys are {', '.join(aggregates.keys)}"
        for key in needed
        if key not in aggregates.keys
    ]
    if isinstance(experiment.shares, str) and aggregates.shares is None:
        wrong.append(
            f"the aggregates hold no assignment probability, and shares={experiment.shares!r} names its column"
        )
    if wrong:
        raise InputError("the aggregates do not fit the experiment:\n  " + "\n  ".join(wrong))
    place = aggregates.keys.index(experiment.arm)
    arms = pa.array([str(cell[place]) for cell in aggregates.cells], pa.string())
    return open_table(pa.table({experiment.arm: arms}), "aggregates", Columns(), problems=Problems())


def _differs(experiment: Experiment, aggregates: Aggregates, name: str) -> list[str]:
    metric = experiment.metrics[name]
    if isinstance(metric, Quantile):
        raise DesignError(
            "NEEDS_ROWS",
            f"the metric {name!r} is a quantile, which cannot be computed from sums. Leave it out of the experiment, "
            "or analyse the rows.",
        )
    if name not in aggregates.parts:
        return [f"there is no metric {name!r}. {closest(name, aggregates.parts)}"]
    mine, theirs = inputs_of(metric), aggregates.parts[name].inputs
    return [
        f"{what} of the metric {name!r}: {getattr(theirs, what)!r} in the aggregates, {getattr(mine, what)!r} declared"
        for what in ("columns", "limits", "fill", "covariates")
        if getattr(mine, what) != getattr(theirs, what)
    ]


def measure_aggregates(table: Table, experiment: Experiment, aggregates: Aggregates) -> dict[str, Measured]:
    """Every metric by stratum and arm, and by cluster where clusters were assigned."""
    keys = (*experiment.layers, experiment.arm)
    found = {}
    for name, metric in experiment.metrics.items():
        moments = aggregates.parts[name].moments
        if experiment.cluster is None:
            part = Measured(moments=regroup(moments, keys))
        else:
            clusters = regroup(moments, (*keys, experiment.cluster))
            part = Measured(moments=collapse(clusters, len(keys)), clusters=clusters)
        check_values(table, name, metric, part.moments)
        if isinstance(metric, Rate):
            _check_rate(table, name, metric, part.moments)
        found[name] = part
    return found


def _check_rate(table: Table, name: str, metric: Rate, part: Moments) -> None:
    """Note cells whose sums are not those of 0 and 1; a warehouse may have read anything."""
    n, mean = part.n.astype(np.float64), np.where(part.n > 0, part.mean, 0.0)
    # The sum of x (x - 1) is 0 for values of 0 and 1, and at least 2 with any other whole number.
    away = np.abs(part.squares - n * mean * (1.0 - mean))
    wrong = (away > np.maximum(0.5, 1e-6 * n)) | (part.smallest < 0.0) | (part.largest > 1.0)
    if wrong.any():
        table.problems.add(
            "NOT_BINARY", table.name, metric.column, int(wrong.sum()),
            message=f"the metric {name!r} is a Rate, and the statistics of these cells are not those of 0 and 1; use "
            "Mean, or make an indicator",
        )  # fmt: skip


def aggregate_findings(
    table: Table, experiment: Experiment, aggregates: Aggregates
) -> tuple[Allocation, list[Finding]]:
    """The allocation, and the findings: those of the aggregates, the sample ratio, and that leakage was not checked."""
    layers = experiment.layers
    if not layers and _STRATUM in aggregates.keys and experiment.arm != _STRATUM:
        layers = (_STRATUM,)
    counted = _counts(experiment, aggregates, (*layers, experiment.arm))
    clusters = None
    if experiment.cluster is not None:
        places = [aggregates.keys.index(key) for key in (experiment.arm, experiment.cluster)]
        clusters = [tuple(cell[place] for place in places) for cell in aggregates.cells]
    allocation = allocate_counts(
        table, counted, arm=experiment.arm, layers=layers, shares=experiment.shares, clusters=clusters
    )
    if table.problems.issues:
        return allocation, list(aggregates.findings)
    ratio = check_allocation(allocation, used=bool(experiment.layers))
    return allocation, [*aggregates.findings, *ratio, unchecked_leakage()]


def _counts(experiment: Experiment, aggregates: Aggregates, keys: tuple[str, ...]) -> ValueCounts:
    """Assigned units by cell, with the smallest and the largest probability where a column declares them."""
    places = [aggregates.keys.index(key) for key in keys]
    found = [tuple(cell[i] for i in places) for cell in aggregates.cells]
    cells = tuple(sorted(set(found), key=lambda cell: tuple((type(value).__name__, value) for value in cell)))
    number = {cell: i for i, cell in enumerate(cells)}
    where = np.array([number[cell] for cell in found], dtype=np.int64)
    units = aggregates.persons if experiment.cluster is None else _clusters(experiment, aggregates, found)
    values: tuple[Floats, ...] = ()
    if isinstance(experiment.shares, str) and aggregates.shares is not None:
        low, high = aggregates.shares
        where, units = np.concatenate([where, where]), np.concatenate([units, np.zeros_like(units)])
        values = (np.concatenate([low, high]),)
    order = np.lexsort([*values, where])
    return ValueCounts(
        names=keys, cells=cells, cell=where[order], values=tuple(v[order] for v in values), count=units[order]
    )


def _clusters(experiment: Experiment, aggregates: Aggregates, found: list[tuple[object, ...]]) -> Counts:
    """1 for the first cell of every cluster, else 0: a cluster counts once in its stratum and arm."""
    place = aggregates.keys.index(str(experiment.cluster))
    seen: set[tuple[object, ...]] = set()
    units = np.zeros(len(found), np.int64)
    for i, (cell, whole) in enumerate(zip(found, aggregates.cells, strict=True)):
        unit = (*cell, whole[place])
        units[i] = unit not in seen
        seen.add(unit)
    return units
