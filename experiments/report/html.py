"""The report as one HTML file: inline SVG and style, no script, nothing fetched, every text escaped."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.language import language
from attribution.core.render.display import table_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
# Classes are named by their shape: a page without verdicts must not hold a verdict's word, not even in its style.
_CLASSES = {"PASS": "up", "FAIL": "down", "INCONCLUSIVE": "open", "INVALID": "void", "NO_HOLDOUT": "none"}


def to_html(document: Document) -> str:
    """The whole page."""
    from markupsafe import Markup

    with language(document.lang):
        page = _environment().get_template("report.html.j2")
        return page.render(
            doc=document,
            style=Markup(_text("style.css").strip()),  # noqa: S704 - our own style sheet
            cards=_cards(document),
            refused=_shape(document.refusal[0], 18) if document.refusal else "",
            figures=_figures(document, narrow=False),
            figures_narrow=_figures(document, narrow=True),
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


def _figures(document: Document, *, narrow: bool) -> str:
    from markupsafe import Markup

    from experiments.report.charts import figures_svg

    if not document.figures:
        return ""
    told = "; ".join(
        f"{figure.label}: {format_value(round(figure.value), 'count')}"
        + (
            ""
            if figure.low == figure.high
            else f" ({format_interval(_whole(figure.low), _whole(figure.high), 'count')})"
        )
        for figure in document.figures
    )
    title, unit = document.figures_title, document.words["figures.x"]
    drawn = figures_svg(document.figures, title=title, description=told, unit=unit, narrow=narrow)
    return Markup(drawn)  # noqa: S704 - as above


def _whole(value: float) -> float:
    return round(value) if math.isfinite(value) else value


def _cards(document: Document) -> list[Mapping[str, Any]]:
    """One card for each declared decision; a contrast without any gets one for its leading threshold."""
    groups: dict[tuple[str, str | None], list[Decision]] = {}
    for decision in document.decisions:
        groups.setdefault((decision.contrast, decision.segment), []).append(decision)
    shown = [
        (decision, group)
        for group in groups.values()
        for decision in ([one for one in group if one.declared] or group[:1])
    ]
    ends = [end for decision, _ in shown for end in _net(decision) if math.isfinite(end)]
    span = (min(ends, default=0.0), max(ends, default=0.0))
    return [_card(document, decision, group, span) for decision, group in shown]


def _net(decision: Decision) -> tuple[()] | tuple[float, float, float]:
    """Value, low and high of the net benefit per person; empty where it has no interval."""
    net = decision.verdict.net_benefit
    if net is None or net.value is None or net.low is None or net.high is None or math.isnan(net.value):
        return ()
    return net.value, net.low, net.high


def _card(
    document: Document, decision: Decision, group: Sequence[Decision], span: tuple[float, float]
) -> Mapping[str, Any]:
    """One card: a decision large, and the words of every threshold of its contrast."""
    from markupsafe import Markup

    from experiments.report.charts import range_svg

    interval, bar, shown = "", "", ""
    net = _net(decision)
    if net:
        value, low, high = net
        shown = format_value(1000 * value, "money")
        interval = f"({format_interval(1000 * low, 1000 * high, 'money')})"
        name = f"range {decision.arm} {decision.control} {decision.segment or ''} {decision.threshold:g}"
        told = f"{shown} {interval} {document.words['net_unit']}"
        drawn = range_svg(net, span=span, word=decision.verdict.word, name=name, description=told)
        bar = Markup(drawn)  # noqa: S704 - as above
    contrast = decision.contrast if decision.segment is None else f"{decision.contrast} · {decision.segment}"
    return {
        "contrast": contrast,
        "threshold_line": document.words["threshold_line"].replace("{T}", format_value(decision.threshold, "money")),
        "word": decision.verdict.word,
        "kind": _CLASSES[decision.verdict.word],
        "shape": _shape(decision.verdict.word, 18),
        "declared": decision.declared,
        "net": shown,
        "interval": interval,
        "bar": bar,
        "sentence": decision.sentence,
        "next_step": decision.next_step,
        "words": _words(group) if len(group) > 1 else [],
    }


def _shape(word: str, size: int) -> str:
    from markupsafe import Markup

    shape = (
        f'<svg class="shape" width="{size}" height="{size}" viewBox="0 0 18 18" fill="currentColor" aria-hidden="true">'
        f"{_SHAPES[word]}</svg>"
    )
    return Markup(shape)  # noqa: S704 - a constant drawing


def _words(group: Sequence[Decision]) -> list[Mapping[str, Any]]:
    """Each word of a contrast with its thresholds, ascending."""
    found: dict[str, list[float]] = {}
    for decision in sorted(group, key=lambda one: one.threshold):
        found.setdefault(decision.verdict.word, []).append(decision.threshold)
    return [
        {
            "word": word,
            "kind": _CLASSES[word],
            "shape": _shape(word, 12),
            "thresholds": " · ".join(format_value(threshold, "money") for threshold in thresholds),
        }
        for word, thresholds in found.items()
    ]
