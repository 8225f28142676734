"""Persons by cell and distinct value, counted by the engine that holds the table.

Whole counts do not depend on the order of rows, on threads or on the engine, so neither does anything that is computed
from them, to the last bit. Outcomes of dormant customers are 0 for nearly everybody, so the counts are few; a column
whose values are all different gives one count per person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.tables import Table

__all__ = [
    "Cell",
    "Counts",
    "Floats",
    "ValueCounts",
    "are_numbers",
    "have_keys",
    "is_noted",
    "plain_array",
    "value_counts",
]

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
    arrow = _count_in_engine(table, keys, columns)
    if arrow is None:
        return None
    values = [_floats(arrow.column(f"value_{i}")) for i in range(len(columns))]
    counted = _ints(arrow.column("count"))
    keyed = [plain_array(arrow.column(f"key_{i}")) for i in range(len(keys))]
    complete, finite = have_keys(table, keys, keyed, counted), _are_finite(table, columns, values, counted)
    if not (complete and finite):
        return None
    coded = [encode_together(array) for array in keyed]
    codes = [code for (code,), _ in coded]
    order = np.lexsort([*reversed(values), *reversed(codes)])
    cells, cell = _cells([code[order] for code in codes], [names for _, names in coded], len(order))
    return ValueCounts(
        names=tuple(keys),
        cells=cells,
        cell=cell,
        values=tuple(found[order] for found in values),
        count=counted[order],
    )


def is_noted(table: Table, code: str, column: str) -> bool:
    """Whether a problem of a column is known already; nobody wants to read it twice."""
    return any((issue.code, issue.table, issue.column) == (code, table.name, column) for issue in table.problems.issues)


def are_numbers(table: Table, columns: Sequence[str]) -> bool:
    """Whether all columns are numeric or boolean; every other one is noted."""
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
        if len(table.problems.issues) == noted and not any(is_noted(table, "MIXED_TYPES", name) for name in keys):
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


def plain_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a dictionary."""
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
