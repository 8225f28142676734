"""The report as one HTML file: inline SVG and style, no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.language import language
from attribution.core.render.display import table_html

if TYPE_CHECKING:
    from jinja2 import Environment

    from attribution.core.render.display import DisplayTable
    from experiments.report.document import Chart, Decision, Document

__all__ = ["to_html"]

_SHAPES = {
    "PASS": '<path d="M9 2 17 16H1z"/>',
    "FAIL": '<path d="M9 16 1 2h16z"/>',
    "INCONCLUSIVE": '<circle cx="9" cy="9" r="7" fill="none" stroke="currentColor" stroke-width="3"/>',
    "INVALID": '<path d="M2 2 16 16M16 2 2 16" stroke="currentColor" stroke-width="4"/>',
    "NO_HOLDOUT": '<path d="M1 9h16" stroke="currentColor" stroke-width="4"/>',
}


def to_html(document: Document) -> str:
    """The whole page."""
    from markupsafe import Markup

    with language(document.lang):
        page = _environment().get_template("report.html.j2")
        return page.render(
            doc=document,
            style=Markup(_text("style.css").strip()),  # noqa: S704 - our own style sheet
            cards=[_card(document, group) for group in _by_contrast(document.decisions)],
            figures=_figures(document),
        )


def _text(name: str) -> str:
    return (files("experiments.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(autoescape=True, loader=FunctionLoader(_text), undefined=StrictUndefined, trim_blocks=False)
    made.filters["plain"] = _plain
    made.filters["table"] = _table
    made.filters["drawing"] = _drawing
    return made


def _plain(value: object) -> str:
    """Text without control characters; the template engine escapes it."""
    return format_value(value, "text")


def _table(table: DisplayTable) -> str:
    from markupsafe import Markup

    return Markup(table_html(table))  # noqa: S704 - core.render escapes every cell


def _drawing(chart: Chart) -> str:
    from markupsafe import Markup

    from experiments.report.charts import chart_svg

    return Markup(chart_svg(chart))  # noqa: S704 - matplotlib escapes every text of a drawing


def _figures(document: Document) -> str:
    from markupsafe import Markup

    from experiments.report.charts import figures_svg

    if not document.figures:
        return ""
    told = "; ".join(
        f"{figure.label}: {format_value(round(figure.value), 'count')}"
        + ("" if figure.low == figure.high else f" ({format_interval(round(figure.low), round(figure.high), 'count')})")
        for figure in document.figures
    )
    return Markup(figures_svg(document.figures, title=document.figures_title, description=told))  # noqa: S704 - as above


def _by_contrast(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """Decisions of one contrast and segment together, in the order given."""
    groups: dict[tuple[str, str | None], list[Decision]] = {}
    for decision in decisions:
        groups.setdefault((decision.contrast, decision.segment), []).append(decision)
    return list(groups.values())


def _card(document: Document, group: Sequence[Decision]) -> Mapping[str, Any]:
    """One card: the first decision of the group large, its other thresholds in one line."""
    from markupsafe import Markup

    from experiments.report.charts import range_svg

    first = group[0]
    net = first.verdict.net_benefit
    interval, bar, shown = "", "", ""
    if net is not None and net.value is not None and net.low is not None and net.high is not None:
        shown = format_value(round(net.value * 1000), "count")
        interval = f"({format_interval(round(net.low * 1000), round(net.high * 1000), 'count')})"
        name = f"range {first.arm} {first.segment or ''} {first.threshold:g}"
        drawn = range_svg(value=net.value, low=net.low, high=net.high, name=name, description=f"{shown} {interval}")
        bar = Markup(drawn)  # noqa: S704 - as above
    word = first.verdict.word
    shape = f'<svg width="18" height="18" viewBox="0 0 18 18" fill="currentColor" aria-hidden="true">{_SHAPES[word]}</svg>'
    contrast = first.contrast if first.segment is None else f"{first.contrast} · {first.segment}"
    return {
        "contrast": contrast,
        "threshold_line": document.words["threshold_line"].replace("{T}", format_value(first.threshold, "money")),
        "word": word,
        "shape": Markup(shape),  # noqa: S704 - a constant drawing
        "net": shown,
        "interval": interval,
        "bar": bar,
        "sentence": first.sentence,
        "next_step": first.next_step,
        "others": " · ".join(f"{format_value(d.threshold, 'money')}: {d.verdict.word}" for d in group[1:]),
    }
