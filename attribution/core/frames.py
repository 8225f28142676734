"""Columns of data frames as Arrow arrays: views of the frame's own memory where its layout allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.pieces import joined

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["column_of", "one_array"]

_CATEGORIES = 1 << 20  # so many categories of other columns may stand between those of a short one


def column_of(frame: nw.DataFrame[Any], name: str) -> pa.ChunkedArray:
    """A column as it is, in the chunks and with the dictionary that it has."""
    import pyarrow as pa

    column = None
    if frame.implementation.is_pandas():
        column = _of_pandas(frame, name)
    elif frame.implementation.is_polars():
        column = _of_polars(frame, name)
    if column is None:
        column = frame.select(name).to_arrow().column(0)
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one plain array: its chunks put together, its dictionary decoded."""
    import pyarrow as pa

    if column.num_chunks > 1 and not column.null_count and _is_plain(column.type):
        return _joined(column)
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column of this type is one number of eight bytes after the other."""
    import pyarrow as pa

    return bool(pa.types.is_int64(kind) or pa.types.is_float64(kind) or pa.types.is_timestamp(kind))


def _joined(column: pa.ChunkedArray) -> pa.Array:
    """Chunks of plain numbers as one array."""
    import pyarrow as pa

    whole = joined([chunk.view(pa.int64()).to_numpy(zero_copy_only=True) for chunk in column.chunks])
    return pa.Array.from_buffers(column.type, len(whole), [None, pa.py_buffer(whole)])


def _of_pandas(frame: nw.DataFrame[Any], name: str) -> pa.Array | None:
    """Times and categories of pandas without a copy; None for everything else, and where a cell is empty.

    The ordinary way looks at every cell for an empty one, and writes down which are: here one pass over the smallest
    number says that there is none.
    """
    import pandas as pd
    import pyarrow as pa

    series = frame.get_column(name).to_native()
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes: NDArray[Any] = series.array.codes
        if not len(codes) or codes.min() < 0:
            return None
        (sample,) = _first_row(frame, name).chunks
        return pa.DictionaryArray.from_arrays(codes, sample.dictionary, ordered=sample.type.ordered)
    if isinstance(series.dtype, pd.DatetimeTZDtype) or (
        isinstance(series.dtype, np.dtype) and series.dtype.kind == "M"
    ):
        values = np.ascontiguousarray(pd.DatetimeIndex(series, copy=False).asi8)
        if not len(values) or values.min() == pd.NaT.value:
            return None
        kind = _first_row(frame, name).type  # Arrow's name of the zone
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    return None


def _of_polars(frame: nw.DataFrame[Any], name: str) -> pa.Array | None:
    """Categories of Polars with their own codes; None for everything else.

    The ordinary way looks up the category of every row; here each that occurs is read from one row that has it.
    """
    import polars as pl
    import pyarrow as pa

    series = frame.get_column(name).to_native()
    if series.dtype != pl.Categorical or series.null_count() or not len(series):
        return None
    codes: NDArray[Any] = series.to_physical().to_numpy()
    if int(codes.max()) > max(len(codes), _CATEGORIES):
        return None
    row = np.full(int(codes.max()) + 1, -1, np.int64)
    row[codes] = np.arange(len(codes))
    known = np.flatnonzero(row >= 0)
    names = series.gather(row[known]).cast(pl.String).to_list()
    values = np.full(len(row), "", object)  # what no row has is no name
    values[known] = names
    return pa.DictionaryArray.from_arrays(codes, pa.array(values, pa.large_string()))


def _first_row(frame: nw.DataFrame[Any], name: str) -> pa.ChunkedArray:
    return frame.select(name).head(1).to_arrow().column(0)
