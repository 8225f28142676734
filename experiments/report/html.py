"""The report as one HTML file: inline SVG and style, no script, nothing fetched, every text escaped."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_interval, format_value
from attribution.core.language import language
from experiments.report import page_tables
from experiments.report.page_cards import cards, gloss, shape, whole
from experiments.report.page_findings import SHAPES, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from attribution.core.render.display import DisplayTable
    from experiments.report.document import Chart, Document, Figure, Section

__all__ = ["figures_told", "to_html"]

messages.register("experiments")

_WORDS = ("data", "definitions", "exploratory", "glance", "verdict", "figures", "findings", "versions")


def to_html(document: Document) -> str:
    """The whole page."""
    from markupsafe import Markup

    with language(document.lang):
        page = _environment().get_template("report.html.j2")
        return page.render(
            doc=document,
            page={name: messages.text(f"REPORT.page.{name}") for name in _WORDS},
            style=Markup(_text("style.css").strip()),  # noqa: S704 - our own style sheet
            cards=cards(document),
            whole=whole(document),
            findings=groups(document),
            again=_again(document.sections),
            refused=shape(document.refusal[0], 18) if document.refusal else "",
            refused_gloss=gloss(document.refusal[0]) if document.refusal else "",
            figures=_figures(document, narrow=False),
            figures_narrow=_figures(document, narrow=True),
        )


def _again(sections: Sequence[Section]) -> set[tuple[str, str]]:
    """Definitions that an earlier section has given: the appendix gathers all, and print gives each once."""
    given: tuple[str, ...] = ()
    found = set()
    for section in sections:
        # In the appendix the name of its result stands before a definition.
        found |= {(section.name, text) for text in section.definitions if given and text.endswith(given)}
        given += tuple(section.definitions)
    return found


def _text(name: str) -> str:
    return (files("experiments.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        autoescape=True, loader=FunctionLoader(_text), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["plain"] = _plain
    made.filters["table"] = _table
    made.filters["drawing"] = _drawing
    made.filters["data"] = _data
    made.filters["status"] = _status
    made.filters["untitled"] = _untitled
    return made


def _plain(value: object) -> str:
    """Text without control characters; the template engine escapes it."""
    return format_value(value, "text")


def _table(table: DisplayTable, name: str = "") -> str:
    from markupsafe import Markup

    return Markup(page_tables.table(table, name=name))  # noqa: S704 - every cell is escaped there


def _untitled(table: DisplayTable) -> DisplayTable:
    """A table whose title stands on what it is folded behind."""
    return replace(table, title="")


def _data(chart: Chart) -> str:
    return _table(page_tables.chart_table(chart))


def _status(status: str) -> str:
    """The shape of a severity."""
    from markupsafe import Markup

    opened = '<svg class="shape" width="12" height="12" viewBox="0 0 18 18" fill="currentColor" aria-hidden="true">'
    return Markup(f"{opened}{SHAPES[status]}</svg>")  # noqa: S704 - a constant drawing


def _drawing(chart: Chart) -> str:
    from markupsafe import Markup

    from experiments.report.charts import chart_svg

    return Markup(chart_svg(chart))  # noqa: S704 - matplotlib escapes every text of a drawing


def _figures(document: Document, *, narrow: bool) -> str:
    from markupsafe import Markup

    from experiments.report.charts import figures_svg

    if not document.figures:
        return ""
    told, title, unit = figures_told(document.figures), document.figures_title, document.words["figures.x"]
    drawn = figures_svg(document.figures, title=title, description=told, unit=unit, narrow=narrow)
    return Markup(drawn)  # noqa: S704 - as above


def figures_told(figures: Sequence[Figure]) -> str:
    """The three figures in words, each with its range."""
    return "; ".join(
        f"{figure.label}: {format_value(round(figure.value), 'count')}"
        + (
            ""
            if figure.low == figure.high
            else f" ({format_interval(_whole(figure.low), _whole(figure.high), 'count')})"
        )
        for figure in figures
    )


def _whole(value: float) -> float:
    return round(value) if math.isfinite(value) else value
