"""The rows of one metric, ready for estimation: capped, filled, with its covariates and missing-history indicators.

Equal rows of a cell are one row with a count, so the rows are few where the values are, in a stable order, and the
same from every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.moments.centred import Moments, centre
from experiments.moments.counted import value_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.tables import Table
    from experiments.metrics import MetricInputs
    from experiments.moments.counted import Cell, Counts, Floats, ValueCounts

__all__ = ["MetricRows", "metric_rows", "moments_of", "prepare"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MetricRows:
    """The rows of one metric that count, with how many persons each stands for.

    Attributes:
        names: Names of the key columns.
        cells: The cells, sorted; one value per key column.
        labels: What each coordinate of a row is: the measured columns, then the covariates, then "no <covariate>" for
            every covariate that some persons lack (1 where it is empty, and the covariate is then a constant).
        cell: Index of the cell of each row; sorted by cell, then by the values.
        values: The coordinates, rows by coordinates.
        count: Persons of each row.
        persons: Persons of each cell, empty values included.
        observed: Persons of each cell with every measured value in the table.
        strange: Persons whose first value is neither 0 nor 1.
        measured: How many of the coordinates are measured; the others are covariates.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    labels: tuple[str, ...]
    cell: Counts
    values: Floats
    count: Counts
    persons: Counts
    observed: Counts
    strange: int
    measured: int


def metric_rows(table: Table, inputs: MetricInputs, *, keys: Sequence[str]) -> MetricRows | None:
    """The rows of one metric by cell.

    Args:
        table: The opened table; problems are noted there.
        inputs: What the metric reads.
        keys: Key columns (strata, arm, cluster).

    Returns:
        The rows, or None when a problem was noted.
    """
    counts = value_counts(table, keys=keys, columns=(*inputs.columns, *inputs.covariates))
    return None if counts is None else prepare(counts, inputs)


def prepare(counts: ValueCounts, inputs: MetricInputs) -> MetricRows:
    """Apply fill, limits and missing-history indicators to counted values."""
    wide = len(inputs.columns)
    measured = [_measured(counts.values[i], inputs.limits[i], inputs.fill) for i in range(wide)]
    there = np.all([~np.isnan(column) for column in counts.values[:wide]], axis=0)
    kept = np.all([~np.isnan(column) for column in measured], axis=0)
    weight = counts.count.astype(np.float64)
    covariates, indicators, lacking = [], [], []
    for name, column in zip(inputs.covariates, counts.values[wide:], strict=True):
        absent = np.isnan(column)
        if not absent[kept].any():
            covariates.append(column)
            continue
        known = kept & ~absent
        middle = float(np.average(column[known], weights=weight[known])) if known.any() else 0.0
        covariates.append(np.where(absent, middle, column))
        indicators.append(absent.astype(np.float64))
        lacking.append(f"no {name}")
    values = np.column_stack([*measured, *covariates, *indicators])[kept]
    size = len(counts.cells)
    return MetricRows(
        names=counts.names,
        cells=counts.cells,
        labels=(*inputs.columns, *inputs.covariates, *lacking),
        cell=counts.cell[kept],
        values=values,
        count=counts.count[kept],
        persons=np.bincount(counts.cell, weights=weight, minlength=size).astype(np.int64),
        observed=np.bincount(counts.cell[there], weights=weight[there], minlength=size).astype(np.int64),
        strange=int(counts.count[kept][(values[:, 0] != 0.0) & (values[:, 0] != 1.0)].sum()),
        measured=wide,
    )


def _measured(values: Floats, limits: tuple[float, float] | None, fill: float | None) -> Floats:
    filled = values if fill is None else np.where(np.isnan(values), fill, values)
    return filled if limits is None else np.clip(filled, *limits)


def moments_of(rows: MetricRows) -> Moments:
    """The centred moments of the rows of a metric."""
    n, means, products, cubes = centre(rows.cell, rows.values, rows.count, len(rows.cells))
    smallest, largest = np.full(len(n), np.nan), np.full(len(n), np.nan)
    np.fmin.at(smallest, rows.cell, rows.values[:, 0])
    np.fmax.at(largest, rows.cell, rows.values[:, 0])
    return Moments(
        names=rows.names,
        cells=rows.cells,
        labels=rows.labels,
        persons=rows.persons,
        observed=rows.observed,
        n=n,
        means=means,
        products=products,
        cubes=cubes,
        smallest=smallest,
        largest=largest,
        strange=rows.strange,
    )
