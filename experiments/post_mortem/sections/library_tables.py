"""The tables that a result of the library shows of itself, in the words of a report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.render.display import Cell, DisplayTable, column_label
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from attribution.core.records import TabularResult

__all__ = ["library_tables", "spoken"]

_CODE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b(?:HARM|UNTESTED|UNKNOWN)\b")


def library_tables(found: TabularResult) -> list[DisplayTable]:
    """Its tables; the first bears the title of the whole where it has none of its own."""
    shown = found._display()  # noqa: SLF001 -- our own
    tables = [block for block in shown.blocks if isinstance(block, DisplayTable)]
    return [
        _worded(replace(table, title=table.title or (shown.title if place == 0 else "")))
        for place, table in enumerate(tables)
    ]


def _worded(table: DisplayTable) -> DisplayTable:
    """The table whose reasons are words instead of codes; a column of remarks without any is left out."""
    noted = [column.label == column_label("note") for column in table.columns]
    kept = [
        place
        for place, is_note in enumerate(noted)
        if not is_note or any(row[place] not in ("", None) for row in table.rows)
    ]
    rows = tuple(tuple(_said(row[place], noted=noted[place]) for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)


def _said(value: object, *, noted: bool) -> object:
    if isinstance(value, Cell) and value.note:
        return replace(value, note=spoken(value.note))
    return spoken(value) if noted and isinstance(value, str) else value


def spoken(text: str) -> str:
    """A remark whose codes are words, as far as the report has words for them."""
    return _CODE.sub(
        lambda found: word(f"why.{found[0]}") if messages.has(f"REPORT.why.{found[0]}") else found[0], text
    )
