"""Tables of a display without what repeats: ends beside their value, blank notes and constant columns left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.records import Records
    from attribution.core.render.display import DisplayTable

__all__ = ["narrow_table", "unasked"]


def narrow_table(
    records: Records,
    *,
    ends: str = "",
    without: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    title: str = "",
) -> DisplayTable:
    """A display table of records in which low and high stand beside their value, as the readout shows them.

    Args:
        records: The records, which stay as they are.
        ends: Column to which the columns "low" and "high" belong.
        without: Columns that the title says, or that repeat another; a note that is blank in every row goes too.
        labels: Headings in place of those of the catalogue.
        title: Title of the table.
    """
    from attribution.core.render.display import Cell, records_table

    every = [field.name for field in records.fields]
    left = {*without, *(("low", "high") if ends else ()), *_blank(records, every)}
    # The ends of "x", called x_low and x_high, are joined by the table itself.
    names = [name for name in every if name not in left and name.removesuffix("_low").removesuffix("_high") == name]
    table = records_table(records, names, title=title)
    columns = tuple(
        replace(column, label=(labels or {}).get(name, column.label))
        for name, column in zip(names, table.columns, strict=True)
    )
    rows = table.rows
    if ends:
        place = names.index(ends)
        pairs = zip(rows, records.column("low"), records.column("high"), strict=True)
        rows = tuple((*row[:place], Cell(row[place], low, high), *row[place + 1 :]) for row, low, high in pairs)
    return replace(table, columns=columns, rows=rows)


def unasked(records: Records, names: Sequence[str]) -> list[str]:
    """Those of some columns that hold nothing in any row: what they need was not given."""
    return [name for name in names if all(value is None for value in records.column(name))]


def _blank(records: Records, names: Sequence[str]) -> list[str]:
    return [name for name in names if name == "note" and not any(records.column(name))]
