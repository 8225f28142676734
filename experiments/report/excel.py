"""The report as an Excel workbook: numbers as numbers, text never a formula, the same bytes for the same report."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from attribution.core.extras import needed
from attribution.core.formats import NUMERIC_KINDS, format_value
from attribution.core.language import language
from attribution.core.render.display import Cell
from experiments.report.excel_sheets import sheets_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from attribution.core.records import Records
    from experiments.report.document import Document
    from experiments.report.excel_sheets import Block, Sheet

__all__ = ["to_excel"]

_FORBIDDEN = re.compile(r"[\[\]:*?/\\'\x00-\x1f]")
_LONGEST_NAME = 31
_NARROWEST, _WIDEST = 10, 60
_LONGEST_TEXT = 32_767
_MOST_ROWS = 1_048_576
_FORMATS = {
    "rate": "0.00%", "pp": "0.00%", "level": "0.0%", "count": "#,##0", "money": "#,##0.00", "p": "0.0000",
    "ratio": "0.00", "per1000": "#,##0.00", "number": "General",
}  # fmt: skip
# A text that begins so is taken for a formula by whoever types it again or saves the sheet as CSV.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "−", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_UNBOUNDED = {True: "REPORT.formats.unbounded_above", False: "REPORT.formats.unbounded_below"}


def to_excel(
    document: Document,
    tables: Mapping[str, Records],
    path: str | Path,
    *,
    figures: Mapping[str, float | None] | None = None,
) -> None:
    """Write a sheet of contents, then one each for verdicts, findings, gates, every section, chart and table."""
    xlsxwriter = needed("xlsxwriter", extra="excel")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with language(document.lang), xlsxwriter.Workbook(str(path), options) as book:
        # A fixed instant of creation, the same file for the same report; xlsxwriter takes a plain date for none at all.
        book.set_properties({"title": _line(document.title)[:250], "created": datetime(2000, 1, 1, tzinfo=UTC)})
        writer = _Writer(book)
        for sheet in sheets_of(document, tables, figures or {}):
            writer.sheet(sheet)


class _Writer:
    """Writes sheets into one workbook; formats are shared, names of sheets are unique."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._taken: set[str] = set()
        self._styles: dict[tuple[tuple[str, object], ...], Any] = {}

    def sheet(self, sheet: Sheet) -> None:
        """One sheet: its blocks under each other; the head of its table stays in view, or its title above several."""
        made = self._book.add_worksheet(_sheet_name(sheet.name, self._taken))
        widths: dict[int, int] = {}
        row = 0
        for block in sheet.blocks:
            row = self._block(made, row, block, widths) + 1
        for column, width in (widths or {0: _WIDEST}).items():
            made.set_column(column, column, min(_WIDEST, max(_NARROWEST, width + 1)))
        one = len(sheet.blocks) == 1
        made.freeze_panes(len(sheet.blocks[0].lines) + 1 if one else 1, sheet.frozen)

    def _block(self, sheet: Any, row: int, block: Block, widths: dict[int, int]) -> int:
        for line in block.lines:
            self._text(sheet, row, 0, line, self._style(bold=row == 0))
            row += 1
        for column, label in enumerate(block.head):
            right = "right" if block.kinds[column] in NUMERIC_KINDS else "left"
            self._text(sheet, row, column, label, self._style(bold=True, bottom=1, align=right))
            widths[column] = max(widths.get(column, 0), _width(label))
        row += bool(block.head)
        for values in block.rows[: _MOST_ROWS - row - 1]:
            for column, value in enumerate(values):
                shown = self._cell(sheet, row, column, value, block.kinds[column])
                widths[column] = max(widths.get(column, 0), shown)
            row += 1
        return row

    def _cell(self, sheet: Any, row: int, column: int, value: Any, kind: str) -> int:
        """Write one value by its type; gives the width that it needs."""
        plain = value.item() if hasattr(value, "item") else value
        if plain is None or (isinstance(plain, float) and math.isnan(plain)):
            sheet.write_blank(row, column, None, self._style())
            return 0
        if isinstance(plain, (bool, str)) or not isinstance(plain, (int, float, date, Cell)):
            return self._text(sheet, row, column, _words(plain, kind), self._style())
        if isinstance(plain, date):
            return self._date(sheet, row, column, plain)
        if isinstance(plain, Cell):  # only where a sheet did not spread it over columns
            return self._cell(sheet, row, column, plain.value, kind)
        if math.isinf(plain):
            from attribution.core import messages

            return self._text(sheet, row, column, messages.text(_UNBOUNDED[plain > 0]), self._style(align="right"))
        code = _FORMATS.get(kind, "General")
        sheet.write_number(row, column, plain * 1000 if kind == "per1000" else plain, self._style(num_format=code))
        return _number_width(float(plain), kind)

    def _date(self, sheet: Any, row: int, column: int, value: date) -> int:
        # Excel has no time zones and begins in 1900: instants and what lies before are written as text.
        if isinstance(value, datetime) or value.year < 1901:
            return self._text(sheet, row, column, value.isoformat(), self._style())
        sheet.write_datetime(row, column, value, self._style(num_format="yyyy-mm-dd"))
        return _NARROWEST

    def _text(self, sheet: Any, row: int, column: int, text: str, style: Any) -> int:
        line = _line(text)[:_LONGEST_TEXT]
        if line.startswith(_FORMULA):
            style = self._style(quote_prefix=True)
        sheet.write_string(row, column, line, style)
        return _width(line)

    def _style(self, **settings: object) -> Any:
        key = tuple(sorted(settings.items()))
        if key not in self._styles:
            self._styles[key] = self._book.add_format({"valign": "top", **settings})
        return self._styles[key]


def _words(value: object, kind: str) -> str:
    return format_value(value, kind) if kind in ("range", "duration") and not isinstance(value, str) else str(value)


def _line(text: str) -> str:
    """One line without control characters."""
    return format_value(text, "text")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text[:_WIDEST])


def _number_width(value: float, kind: str) -> int:
    return len(f"{value:,.2f}") if kind in ("money", "count", "per1000") else 12


def _sheet_name(name: str, taken: set[str]) -> str:
    cleaned = _FORBIDDEN.sub("_", _line(name))[:_LONGEST_NAME] or "table"
    if cleaned.lower() == "history":  # Excel keeps this name for itself
        cleaned = "history_"
    candidate, number = cleaned, 2
    while candidate.lower() in taken:
        suffix = f"_{number}"
        candidate, number = cleaned[: _LONGEST_NAME - len(suffix)] + suffix, number + 1
    taken.add(candidate.lower())
    return candidate
