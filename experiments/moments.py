"""Sufficient statistics by cell (arm, stratum, segment), taken where the table is.

The engine that holds the table counts persons by cell and distinct value; everything after that is arithmetic on these
counts. Whole counts do not depend on the order of rows, on threads or on the engine, so neither do the moments, to the
last bit. Outcomes of dormant customers are 0 for nearly everybody, so the counts are small; a column whose values
are all different gives one count per person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

__all__ = ["CostMoments", "Moments", "ValueCounts", "column_moments", "cost_moments", "merge_moments", "value_counts"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Cell = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ValueCounts:
    """How many persons of each cell have each combination of values.

    Attributes:
        names: Names of the key columns.
        cells: The cells that hold persons, sorted; one value per key column.
        cell: Index of the cell, one per combination; sorted by cell, then by the values.
        values: One array per value column; nan stands for an empty cell of the table.
        count: Persons with this combination.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    cell: Counts
    values: tuple[Floats, ...]
    count: Counts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moments:
    """Centred moments of one column in every cell.

    Attributes:
        names: Names of the key columns.
        cells: The cells, sorted; one value per key column.
        persons: Rows of the cell, empty values included.
        observed: Rows with a value in the table.
        n: Rows that count: those with a value, and those whose empty value stands for 0.
        mean: Mean of the values; nan where `n` is 0.
        squares: Sum of squared deviations from the mean.
        cubes: Sum of cubed deviations from the mean.
        strange: Rows whose value is neither 0 nor 1.
    """

    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    persons: Counts
    observed: Counts
    n: Counts
    mean: Floats
    squares: Floats
    cubes: Floats
    strange: int

    @property
    def variance(self) -> Floats:
        """Sample variance (n - 1); nan where fewer than two values are there."""
        spread: Floats = np.divide(self.squares, self.n - 1, out=np.full(len(self.n), np.nan), where=self.n > 1)
        return spread

    def index(self) -> dict[Cell, int]:
        """Position of each cell."""
        return {cell: position for position, cell in enumerate(self.cells)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CostMoments:
    """Persons, woken persons, and the cost among the woken and among the others, one entry per cell.

    Attributes:
        segment: Segment of each cell (None for all without `by`; a tuple where several columns were given).
        stratum: Stratum of each cell (None for all without `strata`; a tuple where several columns were given).
        arm: Arm of each cell.
        n: Persons.
        woken: Persons with the event.
        mean_woken: Mean cost among the woken; nan where there is none.
        variance_woken: Sample variance of it; nan below two persons.
        mean_other: Mean cost among the others; nan where there is none.
        variance_other: Sample variance of it; nan below two persons.
    """

    segment: tuple[object, ...]
    stratum: tuple[object, ...]
    arm: tuple[object, ...]
    n: Counts
    woken: Counts
    mean_woken: Floats
    variance_woken: Floats
    mean_other: Floats
    variance_other: Floats


def value_counts(table: Table, *, keys: Sequence[str], columns: Sequence[str]) -> ValueCounts | None:
    """Count persons by cell and value in the engine that holds the table.

    Args:
        table: The opened table; problems are noted there.
        keys: Key columns (arm, strata, segments); an empty one is the problem NULL_KEY.
        columns: Numeric or boolean columns, read as float64.

    Returns:
        The counts, or None when a problem was noted.
    """
    wanted = tuple(dict.fromkeys([*keys, *columns]))
    table.require_names(*(name for name in wanted if not _noted(table, "MISSING_COLUMN", name)))
    if not set(wanted) <= set(table.names) or not _are_numbers(table, columns):
        return None
    arrow = _count_in_engine(table, keys, columns)
    if arrow is None:
        return None
    values = [_floats(arrow.column(f"value_{i}")) for i in range(len(columns))]
    complete, finite = _have_keys(table, keys, arrow), _are_finite(table, columns, values, _ints(arrow.column("count")))
    if not (complete and finite):
        return None
    coded = [encode_together(_plain(arrow.column(f"key_{i}"))) for i in range(len(keys))]
    codes = [code for (code,), _ in coded]
    order = np.lexsort([*reversed(values), *reversed(codes)])
    cells, cell = _cells([code[order] for code in codes], [names for _, names in coded], len(order))
    return ValueCounts(
        names=tuple(keys),
        cells=cells,
        cell=cell,
        values=tuple(found[order] for found in values),
        count=_ints(arrow.column("count"))[order],
    )


def _noted(table: Table, code: str, column: str) -> bool:
    """Whether a problem of a column is known already; nobody wants to read it twice."""
    return any((issue.code, issue.table, issue.column) == (code, table.name, column) for issue in table.problems.issues)


def _are_numbers(table: Table, columns: Sequence[str]) -> bool:
    schema = table.lazy().collect_schema()
    wrong = [name for name in dict.fromkeys(columns) if not (schema[name].is_numeric() or schema[name] == nw.Boolean)]
    for name in wrong:
        table.problems.add(
            "WRONG_TYPE",
            table.name,
            name,
            table.rows,
            message=f"numbers are needed, got {schema[name]}; cast the column",
        )
    return not wrong


def _count_in_engine(table: Table, keys: Sequence[str], columns: Sequence[str]) -> pa.Table | None:
    """The counts; None (and noted) when a key column mixes types, which only pandas can hold."""
    import pyarrow as pa

    named = [nw.col(name).alias(f"key_{i}") for i, name in enumerate(keys)]
    read = [nw.col(name).cast(nw.Float64).alias(f"value_{i}") for i, name in enumerate(columns)]
    labels = [f"value_{i}" for i in range(len(columns))]
    frame = table.lazy().select(*named, *read)
    if labels:  # nan and null are the same to us; engines group them apart
        frame = frame.with_columns(
            *(nw.when(~nw.col(label).is_nan()).then(nw.col(label)).alias(label) for label in labels)
        )
    grouped = frame.group_by(*(f"key_{i}" for i in range(len(keys))), *labels).agg(nw.len().alias("count"))
    try:
        return grouped.collect("pyarrow").to_native()
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        noted = len(table.problems.issues)
        table.load(*keys)  # reading a mixed column notes it
        if len(table.problems.issues) == noted and not any(_noted(table, "MIXED_TYPES", name) for name in keys):
            raise
        return None


def _are_finite(table: Table, columns: Sequence[str], values: Sequence[Floats], count: Counts) -> bool:
    """Whether no value is infinite; every column with one is noted."""
    lost = {name: int(count[np.isinf(found)].sum()) for name, found in zip(columns, values, strict=True)}
    for name, rows in lost.items():
        if rows:
            table.problems.add(
                "NOT_FINITE", table.name, name, rows, message="infinite numbers have no mean; repair these rows"
            )
    return not any(lost.values())


def _have_keys(table: Table, keys: Sequence[str], arrow: pa.Table) -> bool:
    import pyarrow.compute as pc

    complete = True
    for i, name in enumerate(keys):
        empty = pc.is_null(arrow.column(f"key_{i}"), nan_is_null=True).to_numpy(zero_copy_only=False)
        if not empty.any():
            continue
        complete = False
        if not _noted(table, "NULL_KEY", name):
            table.problems.add(
                "NULL_KEY", table.name, name, int(_ints(arrow.column("count"))[empty].sum()),
                message="the column has empty cells; name them (for example 'unknown') or remove these rows from all "
                "arms alike",
            )  # fmt: skip
    return complete


def _plain(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _floats(column: pa.ChunkedArray) -> Floats:
    found: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0  # + 0.0: no minus zero
    return found


def _ints(column: pa.ChunkedArray) -> Counts:
    found: Counts = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _cells(codes: list[Counts], names: list[NDArray[np.object_]], rows: int) -> tuple[tuple[Cell, ...], Counts]:
    """The distinct key combinations, and each row's index among them; the rows are sorted by key."""
    if rows == 0:
        return (), np.zeros(0, np.int64)
    new = np.zeros(rows, bool)
    new[0] = True
    for code in codes:
        new[1:] |= code[1:] != code[:-1]
    starts = np.flatnonzero(new)
    cells = tuple(tuple(name[code[start]] for code, name in zip(codes, names, strict=True)) for start in starts)
    return cells, np.cumsum(new) - 1


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
    counts = value_counts(table, keys=keys, columns=(column,))
    if counts is None:
        return None
    (values,) = counts.values
    there = ~np.isnan(values)
    if zero:
        values = np.where(there, values, 0.0)
    if cap is not None:
        values = np.where(values > cap, cap, values)
    made = _moments(counts.names, counts.cells, counts.cell, values, counts.count)
    observed = np.bincount(counts.cell[there], weights=counts.count[there], minlength=len(counts.cells))
    return replace(made, observed=observed.astype(np.int64))


def _moments(names: tuple[str, ...], cells: tuple[Cell, ...], cell: Counts, values: Floats, count: Counts) -> Moments:
    """Two passes over the counted values, with the rounding of the mean taken out."""
    size = len(cells)
    known = ~np.isnan(values)
    where, x, weight = cell[known], values[known], count[known].astype(np.float64)
    n = np.bincount(where, weights=weight, minlength=size)
    total = np.bincount(where, weights=weight * x, minlength=size)
    mean = np.divide(total, n, out=np.full(size, np.nan), where=n > 0)
    gap = x - mean[where]
    rest = np.bincount(where, weights=weight * gap, minlength=size)
    squares = np.bincount(where, weights=weight * gap**2, minlength=size)
    correction = np.divide(rest**2, n, out=np.zeros(size), where=n > 0)
    return Moments(
        names=names,
        cells=cells,
        persons=np.bincount(cell, weights=count, minlength=size).astype(np.int64),
        observed=n.astype(np.int64),
        n=n.astype(np.int64),
        mean=mean,
        squares=np.maximum(squares - correction, 0.0),
        cubes=np.asarray(np.bincount(where, weights=weight * gap**3, minlength=size), dtype=np.float64),
        strange=int(count[known][(x != 0.0) & (x != 1.0)].sum()),
    )


def merge_moments(first: Moments, second: Moments) -> Moments:
    """The moments of the rows of both, from the moments of each.

    References:
        Chan, Golub, LeVeque (1983), The American Statistician 37:242; Pebay (2008), SAND2008-6212, for the third
        moment.
    """
    if first.names != second.names:
        raise InputError(f"moments by {first.names!r} and by {second.names!r} cannot be merged; use the same keys.")
    cells = tuple(sorted({*first.cells, *second.cells}, key=_sortable))
    a, b = (_spread(part, cells) for part in (first, second))
    n = a["n"] + b["n"]
    both = n > 0
    gap = np.where((a["n"] > 0) & (b["n"] > 0), b["mean"] - a["mean"], 0.0)
    share = np.divide(b["n"], n, out=np.zeros(len(n)), where=both)
    mean = np.where(a["n"] > 0, a["mean"] + gap * share, np.where(b["n"] > 0, b["mean"], np.nan))
    product = np.divide(a["n"] * b["n"], n, out=np.zeros(len(n)), where=both)
    squares = a["squares"] + b["squares"] + gap**2 * product
    lean = np.divide(a["n"] - b["n"], n, out=np.zeros(len(n)), where=both)
    mixed = np.divide(a["n"] * b["squares"] - b["n"] * a["squares"], n, out=np.zeros(len(n)), where=both)
    return Moments(
        names=first.names,
        cells=cells,
        persons=(a["persons"] + b["persons"]).astype(np.int64),
        observed=(a["observed"] + b["observed"]).astype(np.int64),
        n=n.astype(np.int64),
        mean=mean,
        squares=squares,
        cubes=a["cubes"] + b["cubes"] + gap**3 * product * lean + 3 * gap * mixed,
        strange=first.strange + second.strange,
    )


def _sortable(cell: Cell) -> tuple[tuple[str, Any], ...]:
    return tuple((type(value).__name__, value) for value in cell)


def _spread(part: Moments, cells: tuple[Cell, ...]) -> Mapping[str, Floats]:
    place = {cell: position for position, cell in enumerate(cells)}
    rows = np.array([place[cell] for cell in part.cells], dtype=np.int64)
    spread = {name: np.zeros(len(cells)) for name in ("persons", "observed", "n", "mean", "squares", "cubes")}
    for name, target in spread.items():
        target[rows] = getattr(part, name)
    spread["mean"] = np.where(spread["n"] > 0, spread["mean"], 0.0)
    return spread


def cost_moments(  # noqa: PLR0913 -- options by keyword
    table: object,
    *,
    arm: str = "arm",
    woken: str = "woken",
    cost: str = "cost",
    strata: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    zero: bool = False,
) -> CostMoments:
    """Persons, woken persons and conditional cost moments by segment, stratum and arm, in one query of the engine.

    Args:
        table: The outcomes: any table, or an opened `Table`.
        arm: Column of the arm.
        woken: Column of the event, 0 or 1 for every person.
        cost: Column of the full cost of every person, in money; 0 is declared, never assumed.
        strata: Stratum column(s).
        by: Segment column(s).
        zero: Whether an empty event means that nothing happened.

    Raises:
        TableError: For missing columns, empty cells, events other than 0 and 1, or costs that are not finite numbers.
    """
    opened = table if isinstance(table, Table) else open_table(table, "outcomes", Columns(), problems=Problems())
    segments, layers = _names(by), _names(strata)
    counts = value_counts(opened, keys=(*segments, *layers, arm), columns=(woken, cost))
    if counts is not None and zero:
        event, money = counts.values
        counts = replace(counts, values=(np.where(np.isnan(event), 0.0, event), money))
    if counts is not None:
        _check_events(opened, counts, woken, cost)
    opened.problems.raise_if_any()
    if counts is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the outcomes cannot be counted.")
    event, money = counts.values
    parts = []
    for value in (1.0, 0.0):
        kept = event == value
        parts.append(_moments(counts.names, counts.cells, counts.cell[kept], money[kept], counts.count[kept]))
    yes, no = parts
    wide = len(segments)
    return CostMoments(
        segment=tuple(_group(cell[:wide]) for cell in counts.cells),
        stratum=tuple(_group(cell[wide:-1]) for cell in counts.cells),
        arm=tuple(cell[-1] for cell in counts.cells),
        n=yes.n + no.n,
        woken=yes.n,
        mean_woken=yes.mean,
        variance_woken=yes.variance,
        mean_other=no.mean,
        variance_other=no.variance,
    )


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _group(values: Cell) -> object:
    return None if not values else values[0] if len(values) == 1 else values


def _check_events(table: Table, counts: ValueCounts, woken: str, cost: str) -> None:
    event, money = counts.values
    for name, found in ((woken, event), (cost, money)):
        absent = np.isnan(found)
        if absent.any():
            table.problems.add(
                "NULL_VALUE", table.name, name, int(counts.count[absent].sum()),
                message="a number is missing; write 0 only where 0 is known",
            )  # fmt: skip
    negative = money < 0.0
    if negative.any():
        table.problems.add(
            "NEGATIVE_VALUE", table.name, cost, int(counts.count[negative].sum()), message="a full cost is not below 0",
            examples=sorted(set(money[negative].tolist())),
        )  # fmt: skip
    other = ~np.isnan(event) & (event != 0.0) & (event != 1.0)
    if other.any():
        table.problems.add(
            "NOT_BINARY", table.name, woken, int(counts.count[other].sum()),
            message="an event is 0 or 1 for every person",
            examples=sorted(set(event[other].tolist())),
        )  # fmt: skip
