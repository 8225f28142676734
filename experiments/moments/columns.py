"""Columns of a table in memory as NumPy numbers and Arrow keys, and the distinct combinations of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from attribution.core.distinct import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.tables import Table

__all__ = ["Codes", "cells_of", "in_memory", "load_columns", "plain_array"]

Codes = NDArray[np.integer[Any]]
_Cell = tuple[object, ...]
_Counts = NDArray[np.int64]


def in_memory(table: Table) -> bool:
    """Whether NumPy can read the table where it is; a lazy Polars frame brings its few columns in."""
    kind = table.lazy().implementation
    return bool(kind.is_pandas_like() or kind.is_pyarrow() or kind.is_polars())


def load_columns(
    table: Table, keys: Sequence[str], columns: Sequence[str]
) -> tuple[list[pa.Array], list[NDArray[Any]]] | None:
    """Key columns as they are and numeric columns as numbers; None (and noted) when a key column mixes types."""
    if _may_mix(table, keys) and not all(map(table.readable, keys)):
        return None
    frame = table.lazy().select(*dict.fromkeys([*keys, *columns])).collect("pyarrow").to_native()
    return [_one(frame.column(name)) for name in keys], [_numbers(_one(frame.column(name))) for name in columns]


def cells_of(keys: Sequence[pa.Array], rows: int) -> tuple[tuple[_Cell, ...], Codes, _Counts]:
    """The distinct combinations of key columns without empty values.

    Returns:
        The cells, sorted; a number for the combination of every row, in no order; and where in the sorted cells each
        number stands: the cell ``i`` has the number ``order[i]``.
    """
    cell: Codes = np.zeros(rows, np.int32)
    size = min(rows, 1)
    ranks: list[_Counts] = []
    names: list[list[object]] = []
    for array in keys:
        codes, rank, listed = _encoded(array)
        names.append(listed)
        if not ranks:
            cell, size, ranks = codes, len(rank), [rank]
            continue
        wide = max(len(rank), 1)
        combos, cell = _dense(cell.astype(np.int64) * wide + codes, size * wide)
        ranks = [*(part[combos // wide] for part in ranks), rank[combos % wide]]
        size = len(combos)
    order = np.lexsort(ranks[::-1]) if ranks else np.arange(size)
    parts = [[listed[i] for i in rank[order].tolist()] for listed, rank in zip(names, ranks, strict=True)]
    return (tuple(zip(*parts, strict=True)) if parts else ((),) * size), cell, order


def _encoded(array: pa.Array) -> tuple[Codes, _Counts, list[object]]:
    """Codes of a key column, the rank of each code's value, and the values by rank."""
    import pyarrow as pa

    codes, names = encode(pa.chunked_array([array]), None)
    return codes, np.arange(len(names)), names.tolist()


def _dense(code: _Counts, size: int) -> tuple[_Counts, Codes]:
    """The codes that occur, sorted, and each row's position among them."""
    if size > max(4 * len(code), 1 << 16):
        combos, cell = np.unique(code, return_inverse=True)
        return combos, cell.astype(np.int32)
    there = np.bincount(code, minlength=size) > 0
    return np.flatnonzero(there), (np.cumsum(there, dtype=np.int32) - 1)[code]


def _numbers(array: pa.Array) -> NDArray[Any]:
    """A numeric or boolean column as NumPy numbers; nan stands for an empty cell."""
    import pyarrow as pa

    kind = array.type
    plain = pa.types.is_integer(kind) or pa.types.is_float64(kind) or pa.types.is_float32(kind)
    if pa.types.is_decimal(kind):  # Arrow's own cast misses the nearest double by a digit in some cells
        array = array.cast(pa.string())
    if array.null_count or not plain:
        array = array.cast(pa.float64(), safe=False)
    found: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return found


def _may_mix(table: Table, keys: Sequence[str]) -> bool:
    """Whether a key column of the table may hold values of several types."""
    schema = table.lazy().collect_schema()
    return any(schema[key] == nw.Object for key in keys)


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, copied only where it is in several pieces."""
    import pyarrow as pa

    alone = column.num_chunks == 1 and not pa.types.is_dictionary(column.type)
    return column.chunk(0) if alone else plain_array(column)


def plain_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a dictionary."""
    import pyarrow as pa

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
