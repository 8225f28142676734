"""Tables of the page: rows headed by their first text, repeated beginnings as group rows, every cell escaped."""

from __future__ import annotations

import html
import math
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import NUMERIC_KINDS, format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, cell_text, escape_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.report.document import Chart

__all__ = ["chart_table", "table"]

_LEAST_GROUPED = 2  # rows that a group has on average before its name becomes a row of its own
_DENSE = 7  # columns from which they stand closer
_WIDE = 5  # columns from which a table takes the whole width
_ONE_LINE = 34  # letters of a number with its interval; more is a note
_SHORT = 12  # rows that print keeps on one page
_MOST_SERIES = 6  # lines of curves that stand side by side as columns
_DATE = re.compile(r"\d{4}-\d\d-\d\d")  # browsers would break it at its hyphens
_ENDS = ("low", "high")
_HALF = 0.5
_KEYS = ("contrast", "group", "series", "label", "role", "x", "threshold", "start", "end", "word")


def table(shown: DisplayTable, *, name: str = "") -> str:
    """One table: with a ``name`` its title is an anchor; notes follow it."""
    columns = shown.columns
    grouped = _is_grouped(shown)
    heads = columns[1:] if grouped else columns
    caption = f"<caption>{_title(shown.title, name)}</caption>" if shown.title else ""
    head = "".join(f'<th scope="col"{_class(column)}>{escape_html(column.label)}</th>' for column in heads)
    body = _bodies(shown) if grouped else f"<tbody>{''.join(_row(row, columns) for row in shown.rows)}</tbody>"
    notes = "".join(f'<p class="note">{escape_html(note)}</p>' for note in shown.notes)
    kinds = [
        *(["wide"] if len(heads) >= _WIDE else []),
        *(["dense"] if len(heads) >= _DENSE else []),
        *(["short"] if len(shown.rows) <= _SHORT else []),
    ]
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<table{kind}>{caption}<thead><tr>{head}</tr></thead>{body}</table>{notes}"


def _title(title: str, name: str) -> str:
    return f'<a href="#{escape_html(name)}">{escape_html(title)}</a>' if name else escape_html(title)


def _is_grouped(shown: DisplayTable) -> bool:
    """Whether the first column only repeats the names of a few groups, one after the other."""
    kinds = [column.kind for column in shown.columns]
    if len(kinds) <= _LEAST_GROUPED or kinds[0] != "text" or any(isinstance(row[0], Cell) for row in shown.rows):
        return False
    firsts = [row[0] for row in shown.rows]
    groups = [name for name, _ in groupby(firsts)]
    # Rows that begin with a number of their own have no name of their own: a few of them are no group yet.
    least = _LEAST_GROUPED + (kinds[1] != "text")
    return len(set(groups)) == len(groups) and bool(groups) and len(firsts) >= least * len(groups)


def _bodies(shown: DisplayTable) -> str:
    made = []
    span = len(shown.columns) - 1
    for name, rows in groupby(shown.rows, key=lambda row: row[0]):
        told = escape_html(_group(name, shown.columns[0].label))
        head = f'<tr class="group"><th scope="rowgroup" colspan="{span}">{told}</th></tr>'
        made.append(f"<tbody>{head}{''.join(_row(row[1:], shown.columns[1:]) for row in rows)}</tbody>")
    return "".join(made)


def _group(name: object, label: str) -> str:
    """The name of a group; one without a letter, as of a wave, with the heading that its column has lost."""
    told = _text(name)
    return told if any(letter.isalpha() for letter in told) else f"{label} {told}".strip()


def _row(row: Sequence[object], columns: Sequence[DisplayColumn]) -> str:
    cells = []
    for position, (value, column) in enumerate(zip(row, columns, strict=True)):
        told = html.escape(cell_text(value, column.kind))
        headed = position == 0 and column.kind not in NUMERIC_KINDS
        # A note behind a number takes lines of its own instead of the next column's room.
        kind = _class(column, wraps=len(told) > _ONE_LINE, dated=_DATE.fullmatch(told) is not None)
        cells.append(f'<th scope="row">{told}</th>' if headed else f"<td{kind}>{told}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _class(column: DisplayColumn, *, wraps: bool = False, dated: bool = False) -> str:
    numeric = column.kind in NUMERIC_KINDS
    names = [*(["num"] if numeric else []), *(["decisive"] if column.decisive else [])]
    names += ["noted"] if wraps and numeric else []
    names += ["date"] if dated else []
    return f' class="{" ".join(names)}"' if names else ""


def _text(value: object) -> str:
    return format_value(value, "text")


# --- the data of a chart ---------------------------------------------------------------------------------------------


def chart_table(chart: Chart) -> DisplayTable:
    """The data of a chart as a table: few lines stand side by side, everything else row by row."""
    rows = chart.records.to_dicts()
    kinds = {field.name: field.kind for field in chart.records.fields}
    if chart.kind == "curves" and 1 < len({row["series"] for row in rows}) <= _MOST_SERIES:
        return _side_by_side(chart, rows, kinds)
    if chart.kind == "histogram" and _around_whole(rows):
        # "7 to 8" for the bar from 6.5 to 8.5.
        rows = [{**row, "start": row["start"] + _HALF, "end": row["end"] - _HALF} for row in rows]
        kinds |= {"start": "count", "end": "count"}
    # A chart of one group names none; one role for every bar tells nothing.
    keys = [name for name in _KEYS if name in kinds and _tells(name, rows)]
    ends = all(end in kinds for end in _ENDS)
    columns = [DisplayColumn(_head(chart, name), kinds[name]) for name in keys]
    body = [[_role(row[name]) if name == "role" else row[name] for name in keys] for row in rows]
    if "value" in kinds:
        columns.append(DisplayColumn(_head(chart, "value"), kinds["value"], decisive=True))
        for line, row in zip(body, rows, strict=True):
            line.append(Cell(row["value"], row["low"], row["high"]) if ends else row["value"])
    return DisplayTable(tuple(columns), tuple(map(tuple, body)))


def _tells(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    held = {row[name] for row in rows}
    return not rows or (len(held) > 1 if name == "role" else held != {""})


def _around_whole(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every bar stands around whole numbers, and holds these."""
    edges = [row[end] for row in rows for end in ("start", "end")]
    return all(edge is not None and (math.isinf(edge) or edge % 1 == _HALF) for edge in edges)


def _side_by_side(chart: Chart, rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, Any]) -> DisplayTable:
    """One row for each place on the horizontal scale, one column for each line."""
    names = list(dict.fromkeys(row["series"] for row in rows))
    found = {(row["x"], row["series"]): Cell(row["value"], row["low"], row["high"]) for row in rows}
    columns = (
        DisplayColumn(_head(chart, "x"), kinds["x"]),
        *(DisplayColumn(str(name), kinds["value"]) for name in names),
    )
    places = sorted({row["x"] for row in rows})
    body = tuple((place, *(found.get((place, name)) for name in names)) for place in places)
    return DisplayTable(columns, body)


def _head(chart: Chart, name: str) -> str:
    """The heading of a column: the axis' own words where the chart has them."""
    axis = {"curves": {"x": "x", "value": "y"}, "histogram": {"value": "y"}}.get(chart.kind, {}).get(name)
    if chart.kind in ("forest", "ruler") and name == "value":
        axis = "x"
    return chart.words.get(axis or "", "") or messages.text(f"REPORT.page.col.{name}")


def _role(role: object) -> str:
    code = f"REPORT.page.role.{role}"
    return messages.text(code) if messages.has(code) else _text(role)
