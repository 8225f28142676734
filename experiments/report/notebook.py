"""A report inside a notebook: trust, verdicts and the three figures in little room, on light and dark paper alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.language import language
from attribution.core.render.display import escape_html
from experiments.report.charts import figures_svg
from experiments.report.html import figures_told
from experiments.report.page_cards import cards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.report.document import Document

__all__ = ["report_html"]

_MOST = 6  # verdicts shown in full; the page of the report holds them all
# Notebooks strip style sheets of results, so the style travels with each element. Text takes the notebook's own
# colour; the accents have at least 3 to 1 against white and against near black.
_ROLES = (
    "--ink:currentColor;--muted:currentColor;--paper:#fff;--grid:rgba(128,128,128,.4);--soft:#808b97;"
    "--accent:#3f86cf;--contrast:#c4651f"
)
_EDGES = {"up": "#3f86cf", "down": "#c4651f", "void": "#c4651f", "open": "#808b97", "none": "#808b97"}
_CARD = "flex:1 1 240px;max-width:340px;min-width:0;padding:8px 12px;border:1px solid rgba(128,128,128,.4);"


def report_html(document: Document) -> str:
    """A fragment of HTML without a link: what a reader of the notebook has to know, and no more."""
    said = "".join((document.title, document.trust_line, *(one.sentence for one in document.decisions)))
    mark = hashlib.sha256(said.encode("utf-8")).hexdigest()[:8]  # several reports live in one notebook page
    with language(document.lang):
        parts = [_head(document), _verdicts(document, mark)]
        if document.flag:
            parts.append(f"<p><strong>{escape_html(document.flag)}</strong></p>")
        parts.append(_figures(document, mark))
    style = f"{_ROLES};font-family:system-ui,sans-serif;line-height:1.5;max-width:900px"
    lang = "zh-Hans" if document.lang == "zh" else "en"
    return f'<div class="wakelift" lang="{lang}" style="{style}">{"".join(parts)}</div>'


def _head(document: Document) -> str:
    words = document.words
    unknown = ""
    if document.unknown:
        told = words["list_separator"].join(document.unknown)
        unknown = f"<br><strong>{escape_html(words['unknown'])}</strong>{words['colon']}{escape_html(told)}"
    gap = " " if document.lang == "en" else ""
    trust = f"<strong>{escape_html(words['trust.' + document.trust])}</strong>{gap}{escape_html(document.trust_line)}"
    return f'<p style="margin:0 0 8px"><strong>{escape_html(document.title)}</strong><br>{trust}{unknown}</p>'


def _verdicts(document: Document, mark: str) -> str:
    if document.refusal:
        word, sentence, step = document.refusal
        card = {"kind": "none", "word": word, "sentence": sentence, "next_step": step}
        return f'<div style="display:flex">{_card(card, "")}</div>'
    made = cards(document, mark=mark)
    if not made:
        return f"<p>{escape_html(document.words['no_verdict'])}</p>"
    shown = "".join(_card(card, document.words["net_unit"]) for card in made[:_MOST])
    rest = len(made) - _MOST
    more = f"<p>{escape_html(messages.text('REPORT.page.more', {'n': rest}))}</p>" if rest > 0 else ""
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{shown}</div>{more}'


def _card(card: Mapping[str, Any], unit: str) -> str:
    edge = _EDGES[card["kind"]]
    lines = []
    if "contrast" in card:
        lines.append(f"<strong>{escape_html(card['contrast'])}</strong> · {escape_html(card['threshold_line'])}")
    lines.append(
        f'<strong lang="en" style="font-size:1.25em">{card.get("shape", "")} {escape_html(card["word"])}</strong>'
    )
    if card.get("net"):
        lines.append(f"<strong>{card['net']}</strong> {card['interval']}<br>{escape_html(unit)}{_fitting(card['bar'])}")
    lines.append(f"{escape_html(card['sentence'])}<br><strong>→ {escape_html(card['next_step'])}</strong>")
    inside = "".join(f'<div style="margin:2px 0;overflow-wrap:anywhere">{line}</div>' for line in lines)
    return f'<div style="{_CARD}border-top:4px solid {edge}">{inside}</div>'


def _figures(document: Document, mark: str) -> str:
    if not document.figures:
        return ""
    drawn = figures_svg(
        document.figures,
        title=document.figures_title,
        description=figures_told(document.figures),
        unit=document.words["figures.x"],
        name=f"figures-{mark}",
    )
    return (
        f'<p style="margin:12px 0 4px"><strong>{escape_html(document.figures_title)}</strong><br>'
        f"{escape_html(document.figures_subtitle)}</p>{_fitting(drawn)}"
        f'<p style="margin:4px 0 0">{escape_html(document.figures_caption)}</p>'
    )


def _fitting(drawn: str) -> str:
    """A drawing that never is wider than its room."""
    # A plain text first: the replacement of a text that is marked as safe would be escaped.
    return str(drawn).replace("<svg ", '<svg style="max-width:100%;height:auto;display:block" ', 1)
