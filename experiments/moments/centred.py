"""Centred sufficient statistics by cell, and how they are merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError
from experiments.metrics import MetricInputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.tables import Table
    from experiments.moments.counted import Cell, Counts, Floats

__all__ = ["Moments", "centre", "column_moments", "merge_moments", "metric_moments", "single_moments"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moments:
    """Centred moments of what one metric reads, in every cell.

    The coordinates are the measured columns first (one, or numerator and denominator), then the covariates, then the
    missing-history indicators. All of them rest on the same rows: those where every measured value counts.

    Attributes:
        names: Names of the key columns.
        cells: The cells, sorted; one value per key column.
        labels: Names of the coordinates.
        persons: Rows of the cell, empty values included.
        observed: Rows with every measured value in the table.
        n: Rows that count: those with values, and those whose empty value stands for a declared number.
        means: Means, cells by coordinates; nan where `n` is 0.
        products: Sums of products of deviations from the means, cells by coordinates by coordinates.
        cubes: Sum of cubed deviations of the first coordinate.
        smallest: Smallest value of the first coordinate; nan where `n` is 0.
        largest: Largest value of the first coordinate.
        strange: Rows whose first value is neither 0 nor 1.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    labels: tuple[str, ...]
    persons: Counts
    observed: Counts
    n: Counts
    means: Floats
    products: Floats
    cubes: Floats
    smallest: Floats
    largest: Floats
    strange: int

    @property
    def mean(self) -> Floats:
        """Mean of the first coordinate."""
        return self.means[:, 0]

    @property
    def squares(self) -> Floats:
        """Sum of squared deviations of the first coordinate."""
        return self.products[:, 0, 0]

    @property
    def variance(self) -> Floats:
        """Sample variance (n - 1) of the first coordinate; nan where fewer than two values are there."""
        freedom = np.where(self.n > 1, self.n - 1.0, np.nan)
        return np.asarray(self.squares / freedom, dtype=np.float64)

    @property
    def covariance(self) -> Floats:
        """Sample covariances (n - 1) of all coordinates; nan where fewer than two values are there."""
        freedom = np.where(self.n > 1, self.n - 1.0, np.nan)
        return self.products / freedom[:, None, None]

    def index(self) -> dict[Cell, int]:
        """Position of each cell."""
        return {cell: position for position, cell in enumerate(self.cells)}


def metric_moments(
    table: Table, metrics: Mapping[str, MetricInputs], *, keys: Sequence[str]
) -> dict[str, Moments | None]:
    """Moments of several metrics by cell.

    Args:
        table: The opened table; problems are noted there.
        metrics: Name to what the metric reads.
        keys: Key columns (strata, arm, cluster).

    Returns:
        The moments of each metric, or None for a metric with a problem, which was noted on the table.

    Verified against: NumPy's mean and cov on the joined rows, in every engine, to 1e-12.
    """
    from experiments.moments.scans import scan_metrics

    return scan_metrics(table, metrics, keys=keys)


def column_moments(
    table: Table, column: str, *, keys: Sequence[str], zero: bool = False, cap: float | None = None
) -> Moments | None:
    """Moments of one column by cell.

    Args:
        table: The opened table.
        column: The numeric or boolean column.
        keys: Key columns.
        zero: Whether an empty value counts as 0.
        cap: Values above it count as the cap.

    Returns:
        The moments, or None when a problem was noted on the table.

    Verified against: NumPy's mean and var on the joined rows, in every engine, to 1e-12.
    """
    limits = None if cap is None else (-np.inf, cap)
    inputs = MetricInputs(columns=(column,), limits=(limits,), fill=0.0 if zero else None)
    return metric_moments(table, {column: inputs}, keys=keys)[column]


def single_moments(
    names: tuple[str, ...], cells: tuple[Cell, ...], cell: Counts, values: Floats, count: Counts
) -> Moments:
    """Moments of one column of counted values, all of them known."""
    from experiments.moments.rows import MetricRows, moments_of

    n = np.bincount(cell, weights=count, minlength=len(cells)).astype(np.int64)
    rows = MetricRows(
        names=names, cells=cells, labels=("value",), cell=cell, values=values[:, None], count=count, persons=n,
        observed=n, strange=0, measured=1,
    )  # fmt: skip
    return moments_of(rows)


def centre(cell: Counts, values: Floats, count: Counts, size: int) -> tuple[Counts, Floats, Floats, Floats]:
    """Persons, means, centred products and first cubes by cell, with the means' rounding taken out."""
    weight = count.astype(np.float64)
    n = np.bincount(cell, weights=weight, minlength=size)
    wide = values.shape[1]
    some = n > 0
    means, rest, gaps = np.full((size, wide), np.nan), np.zeros((size, wide)), np.empty_like(values)
    for i in range(wide):
        total = np.bincount(cell, weights=weight * values[:, i], minlength=size)
        np.divide(total, n, out=means[:, i], where=some)
        gaps[:, i] = values[:, i] - means[cell, i]
        rest[:, i] = np.bincount(cell, weights=weight * gaps[:, i], minlength=size)
    products = np.zeros((size, wide, wide))
    for i in range(wide):
        for j in range(i + 1):
            summed = np.bincount(cell, weights=weight * gaps[:, i] * gaps[:, j], minlength=size)
            slip = np.divide(rest[:, i] * rest[:, j], n, out=np.zeros(size), where=some)
            products[:, i, j] = products[:, j, i] = summed - slip
        products[:, i, i] = np.maximum(products[:, i, i], 0.0)
    cubes = np.bincount(cell, weights=weight * gaps[:, 0] ** 3, minlength=size)
    return n.astype(np.int64), means, products, np.asarray(cubes, dtype=np.float64)


def merge_moments(first: Moments, second: Moments) -> Moments:
    """The moments of the rows of both, from the moments of each.

    Raises:
        InputError: When the two have different keys or coordinates.

    References:
        Chan, Golub, LeVeque (1983), The American Statistician 37:242; Pebay (2008), SAND2008-6212, for the third
        moment.
    """
    if first.names != second.names:
        raise InputError(f"moments by {first.names!r} and by {second.names!r} cannot be merged; use the same keys.")
    if first.labels != second.labels:
        raise InputError(f"moments of {first.labels!r} and of {second.labels!r} cannot be merged; use the same metric.")
    alike = first.cells == second.cells
    cells = first.cells if alike else tuple(sorted({*first.cells, *second.cells}, key=_sortable))
    a, b = (_spread(part, cells) for part in (first, second))
    n = a["n"] + b["n"]
    one, other = a["n"][:, None], b["n"][:, None]
    gap = np.where((one > 0) & (other > 0), b["means"] - a["means"], 0.0)
    share = np.divide(b["n"], n, out=np.zeros(len(n)), where=n > 0)
    means = np.where(one > 0, a["means"] + gap * share[:, None], np.where(other > 0, b["means"], np.nan))
    product = np.divide(a["n"] * b["n"], n, out=np.zeros(len(n)), where=n > 0)
    lean = np.divide(a["n"] - b["n"], n, out=np.zeros(len(n)), where=n > 0)
    squares = (a["products"][:, 0, 0], b["products"][:, 0, 0])
    mixed = np.divide(a["n"] * squares[1] - b["n"] * squares[0], n, out=np.zeros(len(n)), where=n > 0)
    step = gap[:, 0]
    blind = [(part["n"] > 0) & np.isnan(part["smallest"]) for part in (a, b)]  # extremes that were left out
    ends = [np.fmin(a["smallest"], b["smallest"]), np.fmax(a["largest"], b["largest"])]
    smallest, largest = (np.where(blind[0] | blind[1], np.nan, end) for end in ends)
    return Moments(
        names=first.names,
        cells=cells,
        labels=first.labels,
        persons=(a["persons"] + b["persons"]).astype(np.int64),
        observed=(a["observed"] + b["observed"]).astype(np.int64),
        n=n.astype(np.int64),
        means=means,
        products=a["products"] + b["products"] + gap[:, :, None] * gap[:, None, :] * product[:, None, None],
        cubes=a["cubes"] + b["cubes"] + step**3 * product * lean + 3 * step * mixed,
        smallest=smallest,
        largest=largest,
        strange=first.strange + second.strange,
    )


def _sortable(cell: Cell) -> tuple[tuple[str, Any], ...]:
    return tuple((type(value).__name__, value) for value in cell)


def _spread(part: Moments, cells: tuple[Cell, ...]) -> Mapping[str, Floats]:
    if part.cells == cells:
        rows = np.arange(len(cells))
    else:
        place = {cell: position for position, cell in enumerate(cells)}
        rows = np.array([place[cell] for cell in part.cells], dtype=np.int64)
    spread = {}
    for name in ("persons", "observed", "n", "means", "products", "cubes", "smallest", "largest"):
        given = getattr(part, name)
        empty = np.nan if name in ("smallest", "largest") else 0.0
        spread[name] = np.full((len(cells), *given.shape[1:]), empty)
        spread[name][rows] = given
    spread["means"] = np.where(spread["n"][:, None] > 0, spread["means"], 0.0)
    return spread
