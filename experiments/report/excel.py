"""The report's tables as an Excel workbook: numbers as numbers, text never a formula."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attribution.core.extras import needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from attribution.core.records import Records
    from experiments.report.document import Document

__all__ = ["to_excel"]

_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_NARROWEST, _WIDEST = 12, 90
_LONGEST_TEXT = 32_767
_FORMATS = {"rate": "0.00%", "pp": "0.00%", "count": "#,##0", "money": "#,##0.00", "p": "0.0000", "ratio": "0.00"}


def to_excel(document: Document, tables: Mapping[str, Records], path: str | Path) -> None:
    """Write one sheet each for verdicts, findings and gates, and one per table."""
    xlsxwriter = needed("xlsxwriter", extra="excel")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        # A fixed instant of creation, the same file for the same report; xlsxwriter takes a plain date for none at all.
        book.set_properties({"title": document.title[:250], "created": datetime(2000, 1, 1, tzinfo=UTC)})
        taken: set[str] = set()
        for title, head, rows in _texts(document):
            _text_sheet(book, _sheet_name(title, taken), head, rows)
        for name, records in tables.items():
            _sheet(book, _sheet_name(name, taken), records)


def _texts(document: Document) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[object]]]]:
    """Verdicts, findings and gates, headed in the report's language; tables keep the contract's column names."""
    said = document.words
    head = [said[f"col.{name}"] for name in ("segment", "threshold", "verdict", "sentence", "next")]
    decisions = [
        (d.contrast, d.segment, d.threshold, d.verdict.word, d.sentence, d.next_step) for d in document.decisions
    ]
    yield said["sheet.verdicts"], [said["effect.contrast"], *head], decisions
    head = [said[f"col.{name}"] for name in ("status", "code", "sentence")]
    findings = [(said[f"status.{f.status}"], f.code, f.text(document.lang)) for f in document.findings]
    yield said["sheet.findings"], head, findings
    head = [said[f"col.{name}"] for name in ("status", "name", "expected", "observed", "sentence")]
    gates = [(said[f"gate.{g.status}"], g.name, g.expected, g.observed, g.message) for g in document.gates]
    yield said["sheet.gates"], head, gates


def _text_sheet(book: Any, name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True})
    for column, label in enumerate(head):
        sheet.write_string(0, column, label, bold)
        longest = max((len(str(row[column])) for row in rows), default=0)
        sheet.set_column(column, column, min(_WIDEST, max(_NARROWEST, longest)))
    for position, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, position, column, value, None)
    sheet.freeze_panes(1, 0)


def _sheet(book: Any, name: str, records: Records) -> None:
    sheet = book.add_worksheet(name)
    formats = {kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
    bold = book.add_format({"bold": True})
    for column, field in enumerate(records.fields):
        sheet.write_string(0, column, field.name, bold)
        for row, value in enumerate(records.columns[column], start=1):
            _write(sheet, row, column, value, formats.get(field.kind))
    sheet.freeze_panes(1, 0)


def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        sheet.write_string(row, column, str(value)[:_LONGEST_TEXT])
    elif math.isinf(value):
        sheet.write_string(row, column, "unbounded")
    else:
        sheet.write_number(row, column, value, style)


def _sheet_name(name: str, taken: set[str]) -> str:
    cleaned = _FORBIDDEN.sub("_", name)[:_LONGEST_NAME] or "table"
    candidate, number = cleaned, 2
    while candidate.lower() in taken:
        suffix = f"_{number}"
        candidate, number = cleaned[: _LONGEST_NAME - len(suffix)] + suffix, number + 1
    taken.add(candidate.lower())
    return candidate
