"""Whole numbers such as 20261122 in a column of times: dates, as core banking systems export them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from attribution.core.columns import Columns

__all__ = ["TIMES", "times_of", "with_dates"]

# Roles whose columns hold times; elsewhere 20261122 is a number.
TIMES = ("time", "assigned_at", "closed", "valid_from", "valid_to", "last_active")
_FIRST, _LAST = 19000101, 22001231


def times_of(columns: Columns) -> set[str]:
    """The names of the columns that hold times."""
    return {columns.name_of(role) for role in TIMES}


def with_dates(table: Any, names: Collection[str]) -> Any:
    """A table whose columns of times hold dates where they held whole numbers of the form 20261122.

    A column is a date only if every one of its numbers is a day of the calendar; others stay as they are, and are
    refused by the checks of the table with the reason.

    Args:
        table: An Arrow table or a pandas data frame; other tables are handed on.
        names: The columns that hold times; those that the table does not have are passed over.
    """
    import pyarrow as pa

    if isinstance(table, pa.Table):
        for name in set(names) & set(table.column_names):
            dates = _dates(table.column(name))
            if dates is not None:
                table = table.set_column(table.column_names.index(name), name, dates)
        return table
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        whole = [name for name in set(names) & set(table.columns) if pd.api.types.is_numeric_dtype(table[name].dtype)]
        found = {name: _dates(pa.chunked_array([pa.Array.from_pandas(table[name])])) for name in whole}
        return table.assign(**{name: dates.to_pandas() for name, dates in found.items() if dates is not None})
    return table


def _dates(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The days of a column of whole numbers; None where one of them is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return None
    if column.null_count == len(column) or not pc.all(pc.and_(
        pc.greater_equal(column, _FIRST), pc.less_equal(column, _LAST)
    )).as_py():  # fmt: skip
        return None
    try:
        text = pc.cast(pc.cast(column, pa.int64()), pa.string())  # a workbook's 20261122.0 is a whole number, .5 is not
        days = pc.strptime(text, format="%Y%m%d", unit="s")
    except pa.ArrowInvalid:
        return None
    return days if pc.all(pc.equal(pc.strftime(days, format="%Y%m%d"), text)).as_py() else None
