"""What the sheets of the workbook hold, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import NUMERIC_KINDS
from attribution.core.render.display import Cell, column_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attribution.core.records import Records
    from attribution.core.render.display import DisplayTable
    from experiments.report.document import Chart, Document, Section

__all__ = ["Block", "Sheet", "sheets_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Block:
    """Lines of text, then a table with its head.

    Attributes:
        lines: Above the table, one cell each.
        head: Headings of the columns.
        kinds: Kind of each column.
        rows: The values.
    """

    lines: Sequence[str] = ()
    head: Sequence[str] = ()
    kinds: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sheet:
    """One sheet.

    Attributes:
        name: Its name, before it is made short and unique.
        holds: What it holds, for the contents.
        blocks: Under each other.
        frozen: Columns at the left that stay in view.
    """

    name: str
    holds: str
    blocks: Sequence[Block]
    frozen: int = 0


def sheets_of(document: Document, tables: Mapping[str, Records], figures: Mapping[str, float | None]) -> list[Sheet]:
    """Every sheet in order, the contents first."""
    sheets = [*_texts(document), *(_section(section) for section in document.sections)]
    sheets += [_chart(chart) for section in document.sections for chart in section.charts]
    sheets += [_table(name, records) for name, records in tables.items()]
    if figures:
        sheets.append(_figures(figures))
    return [_contents(document, sheets), *sheets]


def _word(code: str, **values: object) -> str:
    return messages.text(f"REPORT.formats.{code}", values)


def _contents(document: Document, sheets: Sequence[Sheet]) -> Sheet:
    trust = document.words[f"trust.{document.trust}"]
    facts = [f"{label}{document.words['colon']}{value}" for label, value in document.facts]
    lines = [document.title, *facts, f"{trust} {document.trust_line}"]
    lines += [text for text in (document.flag, *document.refusal[1:]) if text]
    head = (_word("col.sheet"), _word("col.holds"))
    rows = [(sheet.name, sheet.holds) for sheet in sheets]
    block = Block(lines=lines, head=head, kinds=("text", "text"), rows=rows)
    return Sheet(name=_word("sheet.contents"), holds="", blocks=(block,))


def _texts(document: Document) -> Iterator[Sheet]:
    """Verdicts, findings and gates, headed in the report's language."""
    said = document.words
    head = [said["effect.contrast"], *(said[f"col.{name}"] for name in ("segment", "threshold", "verdict"))]
    head += [_net_label(), *_ends(_net_label()), said["col.sentence"], said["col.next"]]
    kinds = ("text", "text", "money", "text", "money", "money", "money", "text", "text")
    rows = [
        # Where the trial is not to be trusted, no amount stands beside a decision.
        (
            d.contrast,
            d.segment,
            d.threshold,
            d.verdict.word,
            *_net(None if document.flag else d.verdict.net_benefit),
            d.sentence,
            d.next_step,
        )
        for d in document.decisions
    ]
    yield _sheet(said["sheet.verdicts"], Block(head=head, kinds=kinds, rows=rows))
    head = [said[f"col.{name}"] for name in ("status", "code", "sentence")]
    found = [(said[f"status.{f.status}"], f.code, f.text(document.lang)) for f in document.findings]
    yield _sheet(said["sheet.findings"], Block(head=head, kinds=("text",) * 3, rows=found))
    head = [said[f"col.{name}"] for name in ("status", "name", "expected", "observed", "sentence")]
    gates = [(said[f"gate.{g.status}"], g.name, g.expected, g.observed, g.message) for g in document.gates]
    yield _sheet(said["sheet.gates"], Block(head=head, kinds=("text",) * 5, rows=gates))


def _sheet(name: str, block: Block) -> Sheet:
    return Sheet(name=name, holds=name, blocks=(block,), frozen=1)


def _net_label() -> str:
    return column_label("net_benefit_per_1000")


def _net(estimate: object) -> tuple[object, object, object]:
    """Net benefit per 1,000 persons with its ends; nothing where no verdict may be given."""
    ends = [getattr(estimate, name, None) for name in ("value", "low", "high")]
    value, low, high = (None if end is None else float(end) * 1000 for end in ends)
    return value, low, high


def _ends(label: str) -> tuple[str, str]:
    return _word("end", label=label, end=column_label("low")), _word("end", label=label, end=column_label("high"))


def _section(section: Section) -> Sheet:
    lines = [section.title, section.question, section.answer, section.flag, section.exploratory, section.caption]
    blocks = [Block(lines=[line for line in lines if line])]
    blocks += [_shown(table) for table in (*section.tables, *section.folded)]
    tail = [*section.paragraphs, *section.definitions]
    if tail:
        blocks.append(Block(lines=tail))
    return Sheet(name=section.title, holds=section.question, blocks=blocks)


def _shown(table: DisplayTable) -> Block:
    """A table as the page shows it, a number and the ends of its interval in columns of their own."""
    wide = [
        column.kind in NUMERIC_KINDS and any(isinstance(row[place], Cell) for row in table.rows)
        for place, column in enumerate(table.columns)
    ]
    head: list[str] = []
    kinds: list[str] = []
    for column, spread in zip(table.columns, wide, strict=True):
        head += [column.label, *(_ends(column.label) if spread else ())]
        kinds += [column.kind] * (3 if spread else 1)
    rows = [
        [value for cell, spread in zip(row, wide, strict=True) for value in _spread(cell, spread=spread)]
        for row in table.rows
    ]
    lines = [line for line in (table.title, *table.notes) if line]
    return Block(lines=lines, head=head, kinds=kinds, rows=rows)


def _spread(cell: object, *, spread: bool) -> tuple[object, ...]:
    if not isinstance(cell, Cell):
        return (cell, None, None) if spread else (cell,)
    value = cell.note if cell.value is None and cell.note else cell.value
    return (value, cell.low, cell.high) if spread else (value,)


def _chart(chart: Chart) -> Sheet:
    return Sheet(
        name=chart.name,
        holds=_word("chart_data", title=chart.title),
        blocks=(_records([chart.title, chart.subtitle], chart.records),),
    )


def _table(name: str, records: Records) -> Sheet:
    return Sheet(name=name, holds=_word("table", name=name), blocks=(_records([], records),))


def _records(lines: Sequence[str], records: Records) -> Block:
    """Rows under the contract's column names, raw values: a rate is a rate, not a rate times 1,000."""
    names = [field.name for field in records.fields]
    kinds = ["number" if field.kind == "per1000" else field.kind for field in records.fields]
    rows = [[row[name] for name in names] for row in records.to_dicts()]
    return Block(lines=[line for line in lines if line], head=names, kinds=kinds, rows=rows)


def _figures(figures: Mapping[str, float | None]) -> Sheet:
    name = _word("sheet.figures")
    head = (_word("col.figure"), _word("col.value"))
    block = Block(head=head, kinds=("text", "number"), rows=list(figures.items()))
    return Sheet(name=name, holds=name, blocks=(block,), frozen=1)
