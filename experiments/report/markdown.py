"""The report as Markdown: the same facts in the same order as the page, every text escaped."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_interval, format_value
from attribution.core.language import language
from attribution.core.render.display import escape_html, table_markdown
from attribution.core.render.display import escape_markdown as escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experiments.report.document import Decision, Document, Figure, Section

__all__ = ["SUMMARY_LIMIT", "to_markdown", "to_summary"]


_SIGNS = re.compile(r"[\\`*_{}\[\]!|~$]")

SUMMARY_LIMIT = 1 << 20
"""GitHub shows no summary of a step that is longer than 1 MiB."""


def to_markdown(document: Document) -> str:
    """The whole report."""
    with language(document.lang):
        parts = [*_head(document)]
        for number, section in enumerate(document.sections, start=1):
            parts += _section(document, section, number)
        parts += _manifest(document)
    return _text(parts)


def to_summary(document: Document, *, limit: int | None = None) -> str:
    """The report as the summary of a CI job, of at most ``limit`` bytes of UTF-8.

    Gates come right after the verdicts. Sections that do not fit are left out whole, the last ones first, and a last
    line names them; where not even the first screen fits, its last blocks go, never half of one.
    """
    allowed = SUMMARY_LIMIT if limit is None else limit
    with language(document.lang):
        head = [*_head(document), *_gates(document)]
        sections = [[*_section(document, section, number)] for number, section in enumerate(document.sections, start=1)]
        whole = _text([*head, *(part for section in sections for part in section), *_manifest(document)])
        if _size(whole) <= allowed:
            return whole
        for kept in range(len(sections) - 1, -1, -1):
            parts = [*head, *(part for section in sections[:kept] for part in section)]
            made = _text([*parts, *_left_out([section.title for section in document.sections[kept:]])])
            if _size(made) <= allowed:
                return made
        return _first_blocks(head, allowed)


def _first_blocks(parts: list[str], allowed: int) -> str:
    """As many blocks from the start as fit beside the note; nothing at all where not even the note fits."""
    note = [*_left_out([])]
    room = allowed - _size(_text(note)) - 2
    held: list[str] = []
    for part in parts:
        room -= _size(part) + 2
        if room < 0:
            break
        held.append(part)
    made = _text([*held, *note])
    return made if _size(made) <= allowed else ""


def _left_out(titles: list[str]) -> Iterator[str]:
    yield "---"
    if titles:
        listed = messages.text("REPORT.and_separator").join(escape(title) for title in titles)
        yield messages.text("REPORT.formats.left_out", {"n": len(titles)}) + listed
    else:
        yield messages.text("REPORT.formats.left_out_all")


def _manifest(document: Document) -> Iterator[str]:
    yield "---"
    yield from (f"- {escape(label)}: {escape(value)}" for label, value in document.manifest)


def _text(parts: list[str]) -> str:
    return "\n".join(_spaced(parts)) + "\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def _spaced(parts: list[str]) -> Iterator[str]:
    """A blank line between blocks, none between the items of one list."""
    previous = ""
    for part in parts:
        if previous and not (part.startswith("- ") and previous.startswith("- ")):
            yield ""
        yield part
        previous = part


def _head(document: Document) -> Iterator[str]:
    yield f"# {escape(document.title)}"
    for label, value in document.facts:
        yield f"- {escape(label)}{document.words['colon']}{escape(value)}"
    yield f"**{escape(document.words['trust.' + document.trust])}** {escape(document.trust_line)}"
    yield from ([escape(document.trust_note)] if document.trust_note else [])
    yield from _whole(document)
    if document.unknown:
        yield f"**{escape(document.words['unknown'])}**"
        yield from (f"- {escape(clause)}" for clause in document.unknown)
    if document.decisions or document.refusal:
        yield f"**{escape(document.words['decisions'])}**"
    for decision in document.decisions:
        yield _decision(document, decision)
    if document.flag:
        yield f"**{escape(document.flag)}**"
    if document.refusal:
        code, sentence, step = document.refusal
        yield f"- **{escape(code)}** {escape(sentence)} {escape(step)}"
    elif not document.decisions:
        yield f"**{escape(document.words['no_verdict'])}**"
    if document.figures:
        yield f"**{escape(document.figures_title)}**"
        yield escape(document.figures_subtitle)
        for figure in document.figures:
            yield f"- {escape(figure.label)}{document.words['colon']}{escape(_counted(figure))}"
        yield f"> {escape(document.figures_caption)}"


def _whole(document: Document) -> Iterator[str]:
    whole = document.whole
    if whole is None:
        return
    told = f"{document.words['colon']}{escape(whole.word)}" if whole.word else ""
    yield f"**{escape(whole.title)}{told}** {escape(whole.sentence)}"
    for label, value, ends in whole.parts:
        yield f"- {escape(label)}{document.words['colon']}{escape(value)}{f' ({escape(ends)})' if ends else ''}"


def _decision(document: Document, decision: Decision) -> str:
    contrast = decision.contrast if decision.segment is None else f"{decision.contrast} · {decision.segment}"
    at = document.words["threshold_line"].replace("{T}", format_value(decision.threshold, "money"))
    colon = document.words["colon"]
    sentence = f"{escape(decision.sentence)} {escape(decision.next_step)}"
    return f"- **{escape(contrast)} · {escape(at)}{colon}{escape(decision.verdict.word)}** {sentence}"


def _section(document: Document, section: Section, number: int) -> Iterator[str]:
    yield f"## {number}. {escape(section.title)}"
    yield f"*{escape(section.question)}*"
    yield f"**{escape(section.answer)}**"
    if section.flag:
        yield f"**{escape(section.flag)}**"
    if section.exploratory:
        yield f"*{escape(section.exploratory)}*"
    if section.caption:
        yield f"> {escape(section.caption)}"
    for chart in section.charts:
        yield f"### {escape(chart.title)}"
        yield escape(chart.subtitle)
        # The alternative text is the finding with its numbers; the heading has said the finding.
        yield escape(chart.alt.removeprefix(chart.title).lstrip(" .:：。"))
    if section.name == "trust":
        yield from _checks(document)
    yield from (table_markdown(table) for table in section.tables)
    yield from (escape(paragraph) for paragraph in section.paragraphs)
    for table in section.folded:
        # A blank line on both sides lets readers take what is inside for Markdown again.
        inside = table_markdown(replace(table, title=""))
        yield f"<details><summary>{_summary(table.title)}</summary>\n\n{inside}\n\n</details>"
    if section.definitions:
        yield f"**{escape(document.words['definitions'])}**"
        yield from (f"- {escape(definition)}" for definition in section.definitions)


def _summary(title: str) -> str:
    """Text inside HTML inside Markdown: no reader may take it for either."""
    return _SIGNS.sub(lambda found: f"&#{ord(found[0])};", escape_html(title))


def _checks(document: Document) -> Iterator[str]:
    colon = document.words["colon"]
    for finding in document.findings:
        status = document.words[f"status.{finding.status}"]
        yield f"- **{escape(status)}** {escape(finding.code)}{colon}{escape(finding.text(document.lang))}"
    yield from _gates(document)


def _gates(document: Document) -> Iterator[str]:
    if document.gates:
        yield f"### {escape(document.words['gates'])}"
    for gate in document.gates:
        status = document.words[f"gate.{gate.status}"]
        yield f"- **{escape(status)}** {escape(gate.name)}{document.words['colon']}{escape(gate.message)}"


def _counted(figure: Figure) -> str:
    shown = format_value(round(figure.value), "count")
    if figure.low == figure.high:
        return shown
    ends = [round(end) if math.isfinite(end) else end for end in (figure.low, figure.high)]
    return f"{shown} ({format_interval(ends[0], ends[1], 'count')})"
