"""A display: titled tables of declared kinds and lines of text; formatted and escaped once for text, HTML, Markdown."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import NUMERIC_KINDS, format_estimate, format_interval, format_value
from attribution.core.language import current_language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.formats import ValueKind
    from attribution.core.records import Records

__all__ = [
    "Cell", "Display", "DisplayColumn", "DisplayTable",
    "cell_text", "column_label", "escape_html", "escape_markdown", "records_table",
    "table_html", "table_markdown", "table_text", "to_html", "to_markdown", "to_text",
]  # fmt: skip

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")


@dataclass(frozen=True, slots=True)
class Cell:
    """A number with its interval, shown as "12.3 (4.1 to 20.6)"."""

    value: object
    low: object = None
    high: object = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class DisplayColumn:
    """A column of a display: its heading and the kind of its values; the decisive column is shown bold."""

    label: str
    kind: ValueKind = "text"
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class DisplayTable:
    """A titled table; notes follow it. Rows hold raw values or `Cell`."""

    columns: tuple[DisplayColumn, ...]
    rows: tuple[tuple[object, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Display:
    """What a result shows: a title, then tables and lines of text, in order."""

    title: str
    blocks: tuple[DisplayTable | str, ...]


def column_label(name: str) -> str:
    """The heading of a contract column in the current language; the name itself where there is no better word."""
    key = f"COLUMN.{name}"
    return messages.text(key) if messages.has(key) else name


def records_table(
    records: Records,
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    decisive: str = "",
) -> DisplayTable:
    """A display table of some columns of records; "x" with "x_low" and "x_high" becomes one column with interval."""
    kinds = {field.name: field.kind for field in records.fields}
    shown = [name for name in (names or kinds) if not _is_end(name, kinds)]
    columns = tuple(DisplayColumn(column_label(name), kinds[name], decisive=name == decisive) for name in shown)
    values = [_cells(records, name, kinds) for name in shown]
    return DisplayTable(columns, tuple(zip(*values, strict=True)), title=title, notes=tuple(notes))


def _is_end(name: str, kinds: dict[str, ValueKind]) -> bool:
    return any(name == f"{stem}_{end}" for end in ("low", "high") for stem in kinds)


def _cells(records: Records, name: str, kinds: dict[str, ValueKind]) -> Sequence[object]:
    values = records.column(name)
    if f"{name}_low" not in kinds or f"{name}_high" not in kinds:
        return list(values)
    ends = zip(values, records.column(f"{name}_low"), records.column(f"{name}_high"), strict=True)
    return [Cell(value, low, high) for value, low, high in ends]


def cell_text(value: object, kind: str) -> str:
    """The text of a cell: its value with its interval and note, or the note where there is no value."""
    if isinstance(value, Cell):
        if value.value is None and value.note:
            return format_value(value.note, "text")
        known = format_interval(value.low, value.high, kind) != format_value(None)
        shown = format_estimate(value.value, value.low, value.high, kind) if known else format_value(value.value, kind)
        return f"{shown} {_line(value.note)}".rstrip()
    return format_value(value, kind)


# --- text ------------------------------------------------------------------------------------------------------------


def to_text(display: Display) -> str:
    """Plain text for a terminal."""
    parts = [_line(display.title)] if display.title else []
    parts += [_lines(block) if isinstance(block, str) else table_text(block) for block in display.blocks]
    return "\n".join(part for part in parts if part)


def table_text(table: DisplayTable) -> str:
    """One table as aligned plain text."""
    head = [_line(column.label) for column in table.columns]
    body = [
        [cell_text(value, column.kind) for value, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    widths = [max(map(_width, column)) for column in zip(head, *body, strict=True)]
    right = [column.kind in NUMERIC_KINDS for column in table.columns]
    lines = [_line(table.title)] if table.title else []
    lines += [
        "  ".join(map(_pad, row, widths, right)).rstrip() for row in (head, ["-" * width for width in widths], *body)
    ]
    lines += map(_line, table.notes)
    return "\n".join(lines)


def _line(text: str) -> str:
    """Text of the user's data on one line: a name must not move a terminal's cursor or turn the reading direction."""
    return format_value(text, "text")


def _lines(text: str) -> str:
    return "\n".join(map(_line, text.splitlines()))


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text
    )


def _pad(text: str, width: int, right: bool) -> str:  # noqa: FBT001 -- mapped over columns
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank


# --- HTML ------------------------------------------------------------------------------------------------------------


def escape_html(text: object) -> str:
    """Text as HTML text or attribute value."""
    return html.escape(format_value(text, "text"), quote=True)


def to_html(display: Display) -> str:
    """A fragment of HTML for a notebook; every text is escaped."""
    parts = [f"<strong>{escape_html(display.title)}</strong>"] if display.title else []
    parts += [
        f"<p>{escape_html(block)}</p>" if isinstance(block, str) else table_html(block) for block in display.blocks
    ]
    return f'<div class="wakelift" lang="{current_language()}">' + "".join(parts) + "</div>"


def table_html(table: DisplayTable) -> str:
    """One table as HTML."""
    head = "".join(f'<th scope="col"{_html_class(column)}>{escape_html(column.label)}</th>' for column in table.columns)
    body = []
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        body.append(
            "<tr>"
            + "".join(f"<td{_html_class(c)}>{html.escape(cell_text(v, c.kind))}</td>" for v, c in cells)
            + "</tr>"
        )
    caption = f"<caption>{escape_html(table.title)}</caption>" if table.title else ""
    notes = "".join(f'<p class="note">{escape_html(note)}</p>' for note in table.notes)
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{notes}"


def _html_class(column: DisplayColumn) -> str:
    names = [*(["num"] if column.kind in NUMERIC_KINDS else []), *(["decisive"] if column.decisive else [])]
    # Notebooks strip style sheets of results, so the alignment travels with the cell.
    style = ' style="text-align:right"' if column.kind in NUMERIC_KINDS else ' style="text-align:left"'
    return (f' class="{" ".join(names)}"' if names else "") + style


# --- Markdown --------------------------------------------------------------------------------------------------------


def escape_markdown(text: object) -> str:
    """Text as Markdown text that no reader takes for markup, on one line."""
    return _MARKDOWN.sub(r"\\\1", format_value(text, "text"))


def to_markdown(display: Display) -> str:
    """Markdown, with tables in the pipe form."""
    parts = [f"**{escape_markdown(display.title)}**"] if display.title else []
    parts += [escape_markdown(block) if isinstance(block, str) else table_markdown(block) for block in display.blocks]
    return "\n\n".join(parts) + "\n"


def table_markdown(table: DisplayTable) -> str:
    """One table as Markdown."""
    lines = [f"**{escape_markdown(table.title)}**", ""] if table.title else []
    lines.append("| " + " | ".join(escape_markdown(column.label) for column in table.columns) + " |")
    lines.append("|" + "|".join("---:" if column.kind in NUMERIC_KINDS else "---" for column in table.columns) + "|")
    for row in table.rows:
        shown = [_markdown_cell(value, column) for value, column in zip(row, table.columns, strict=True)]
        lines.append("| " + " | ".join(shown) + " |")
    lines += [line for note in table.notes for line in ("", escape_markdown(note))]
    return "\n".join(lines)


def _markdown_cell(value: object, column: DisplayColumn) -> str:
    shown = escape_markdown(cell_text(value, column.kind))
    return f"**{shown}**" if column.decisive and shown else shown
