"""Persons by cell and distinct value, counted by the engine that holds the table.

Whole counts do not depend on the order of rows, on threads or on the engine, so neither does anything that is computed
from them, to the last bit. Outcomes of dormant customers are 0 for nearly everybody, so the counts are few; a column
whose values are all different gives one count per person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from experiments.moments.columns import cells_of, in_memory, load_columns, plain_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.tables import Table

__all__ = ["Cell", "Counts", "Floats", "ValueCounts", "are_numbers", "have_keys", "is_noted", "value_counts"]

_SAMPLE = 10_000

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
    table.require_names(*(name for name in wanted if not is_noted(table, "MISSING_COLUMN", name)))
    if not set(wanted) <= set(table.names) or not are_numbers(table, columns):
        return None
    found = _in_memory(table, keys, columns) if in_memory(table) else _in_engine(table, keys, columns)
    if found is None:
        return None
    keyed, values, counted = found
    complete, finite = have_keys(table, keys, keyed, counted), _are_finite(table, columns, values, counted)
    if not (complete and finite):
        return None
    cells, cell, sorted_cells = cells_of(keyed, len(counted))
    rank = np.empty(len(cells), np.int64)
    rank[sorted_cells] = np.arange(len(cells))
    found_cell, values, counted = _sorted_counts(rank[cell], values, counted)
    return ValueCounts(names=tuple(keys), cells=cells, cell=found_cell, values=tuple(values), count=counted)


def _sorted_counts(cell: Counts, values: Sequence[Floats], count: Counts) -> tuple[Counts, list[Floats], Counts]:
    """Sort by cell and values, and add the counts of equal combinations."""
    order = np.lexsort([*reversed(values), cell])
    cell, values = cell[order], [number[order] for number in values]
    new = np.zeros(len(order), bool)
    new[:1] = True
    new[1:] = cell[1:] != cell[:-1]
    for column in values:
        new[1:] |= (column[1:] != column[:-1]) & ~(np.isnan(column[1:]) & np.isnan(column[:-1]))
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(count[order], starts) if len(starts) else count
    return cell[starts], [column[starts] for column in values], np.asarray(summed, dtype=np.int64)


def is_noted(table: Table, code: str, column: str) -> bool:
    """Whether a problem of a column is known already; nobody wants to read it twice."""
    return any((issue.code, issue.table, issue.column) == (code, table.name, column) for issue in table.problems.issues)


def are_numbers(table: Table, columns: Sequence[str]) -> bool:
    """Whether all columns are numeric or boolean; every other one is noted."""
    schema = table.lazy().collect_schema()
    wrong = [
        name for name in dict.fromkeys(columns)
        if not (schema[name].is_numeric() or schema[name] == nw.Boolean or _are_decimals(table, name, schema[name]))
    ]  # fmt: skip
    for name in wrong:
        table.problems.add(
            "WRONG_TYPE",
            table.name,
            name,
            table.rows,
            message=f"numbers are needed, got {schema[name]}; cast the column",
        )
    return not wrong


def _are_decimals(table: Table, name: str, kind: nw.dtypes.DType) -> bool:
    """Whether a column of Python objects holds decimals, as database drivers hand them to pandas."""
    import pyarrow as pa

    if kind != nw.Object or not in_memory(table) or not table.readable(name):
        return False
    return bool(pa.types.is_decimal(table.arrow(name).type))


def _in_memory(
    table: Table, keys: Sequence[str], columns: Sequence[str]
) -> tuple[list[pa.Array], list[Floats], Counts] | None:
    """Keys, values and count of every combination; None (and noted) when a key column mixes types."""
    import pyarrow as pa

    read = load_columns(table, keys, columns)
    if read is None:
        return None
    keyed, numbers = read
    if _mostly_distinct(numbers):  # counting would only sort twice
        return keyed, [found.astype(np.float64) + 0.0 for found in numbers], np.ones(len(numbers[0]), np.int64)
    # nan and an empty cell are the same to us, and so are the two zeros.
    parts = {f"value_{i}": pa.array(found + 0.0, pa.float64(), from_pandas=True) for i, found in enumerate(numbers)}
    parts |= {f"key_{i}": array for i, array in enumerate(keyed)}
    if not parts:
        return [], [], np.array([table.rows] if table.rows else [], np.int64)
    grouped = pa.table(parts).group_by(list(parts)).aggregate([([], "count_all")])
    values = [_floats(grouped.column(f"value_{i}")) for i in range(len(columns))]
    return [plain_array(grouped.column(f"key_{i}")) for i in range(len(keys))], values, _ints(grouped["count_all"])


def _mostly_distinct(numbers: Sequence[NDArray[Any]]) -> bool:
    """Whether few rows share their values, as far as a sample from all over the table tells."""
    if not numbers or len(numbers[0]) < _SAMPLE:
        return False
    step = len(numbers[0]) // _SAMPLE
    sample = np.column_stack([found[::step] for found in numbers])
    return len(np.unique(sample, axis=0)) > len(sample) // 2


def _in_engine(
    table: Table, keys: Sequence[str], columns: Sequence[str]
) -> tuple[list[pa.Array], list[Floats], Counts]:
    named = [nw.col(name).alias(f"key_{i}") for i, name in enumerate(keys)]
    read = [nw.col(name).cast(nw.Float64).alias(f"value_{i}") for i, name in enumerate(columns)]
    labels = [f"value_{i}" for i in range(len(columns))]
    frame = table.lazy().select(*named, *read)
    if labels:  # nan and null are the same to us; engines group them apart
        frame = frame.with_columns(
            *(nw.when(~nw.col(label).is_nan()).then(nw.col(label)).alias(label) for label in labels)
        )
    grouped = frame.group_by(*(f"key_{i}" for i in range(len(keys))), *labels).agg(nw.len().alias("count"))
    arrow: pa.Table = grouped.collect("pyarrow").to_native()
    values = [_floats(arrow.column(label)) for label in labels]
    return [plain_array(arrow.column(f"key_{i}")) for i in range(len(keys))], values, _ints(arrow.column("count"))


def _are_finite(table: Table, columns: Sequence[str], values: Sequence[Floats], count: Counts) -> bool:
    """Whether no value is infinite; every column with one is noted."""
    lost = {name: int(count[np.isinf(found)].sum()) for name, found in zip(columns, values, strict=True)}
    for name, rows in lost.items():
        if rows:
            table.problems.add(
                "NOT_FINITE", table.name, name, rows, message="infinite numbers have no mean; repair these rows"
            )
    return not any(lost.values())


def have_keys(table: Table, keys: Sequence[str], arrays: Sequence[pa.Array], count: Counts | None = None) -> bool:
    """Whether no key is empty; every column with empty cells is noted.

    Args:
        table: The table; problems are noted there.
        keys: Names of the key columns.
        arrays: The key columns, of the rows or of the distinct combinations.
        count: Rows of each combination; None for one each.
    """
    import pyarrow.compute as pc

    complete = True
    for name, array in zip(keys, arrays, strict=True):
        empty = pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False)
        if not empty.any():
            continue
        complete = False
        if not is_noted(table, "NULL_KEY", name):
            table.problems.add(
                "NULL_KEY", table.name, name, int(empty.sum() if count is None else count[empty].sum()),
                message="the column has empty cells; name them (for example 'unknown') or remove these rows from all "
                "arms alike",
            )  # fmt: skip
    return complete


def _floats(column: pa.ChunkedArray) -> Floats:
    found: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0  # + 0.0: no minus zero
    return found


def _ints(column: pa.ChunkedArray) -> Counts:
    found: Counts = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
