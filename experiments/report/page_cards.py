"""The cards of the first screen: one for each declared decision, their ranges on one scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import format_interval, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.report.document import Decision, Document

__all__ = ["cards", "gloss", "shape", "whole"]

_SHAPES = {
    "PASS": '<path d="M9 2 17 16H1z"/>',
    "FAIL": '<path d="M9 16 1 2h16z"/>',
    "INCONCLUSIVE": '<circle cx="9" cy="9" r="7" fill="none" stroke="currentColor" stroke-width="3"/>',
    "INVALID": '<path d="M2 2 16 16M16 2 2 16" stroke="currentColor" stroke-width="4"/>',
    "NO_HOLDOUT": '<path d="M1 9h16" stroke="currentColor" stroke-width="4"/>',
}
# Classes are named by their shape: a page without verdicts must not hold a verdict's word, not even in its style.
_CLASSES = {"PASS": "up", "FAIL": "down", "INCONCLUSIVE": "open", "INVALID": "void", "NO_HOLDOUT": "none"}


def cards(document: Document, *, mark: str = "") -> list[Mapping[str, Any]]:
    """One card for each declared decision; a contrast without any gets one for its leading threshold.

    ``mark`` becomes part of every id, where several reports share a page.
    """
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
    made = [_card(document, decision, group, span, mark) for decision, group in shown]
    return [{**card, "name": f"verdict-{place}"} for place, card in enumerate(made, 1)]


def whole(document: Document) -> Mapping[str, Any] | None:
    """The strip above the cards: the whole campaign as one decision; None where nothing is priced."""
    found = document.whole
    if found is None:
        return None
    return {
        "title": found.title,
        "word": found.word,
        "gloss": gloss(found.word, found.reason) if found.word else "",
        "kind": _CLASSES.get(found.word, "none"),
        "shape": shape(found.word, 18) if found.word else "",
        "parts": found.parts,
        "sentence": found.sentence,
    }


def _net(decision: Decision) -> tuple[()] | tuple[float, float, float]:
    """Value, low and high of the net benefit per person; empty where it has no interval."""
    net = decision.verdict.net_benefit
    if net is None or net.value is None or net.low is None or net.high is None or math.isnan(net.value):
        return ()
    return net.value, net.low, net.high


def _card(
    document: Document, decision: Decision, group: Sequence[Decision], span: tuple[float, float], mark: str
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
        name = f"range {mark} {decision.arm} {decision.control} {decision.segment or ''} {decision.threshold:g}"
        told = f"{shown} {interval} {document.words['net_unit']}"
        drawn = range_svg(net, span=span, word=decision.verdict.word, name=name, description=told)
        bar = Markup(drawn)  # noqa: S704 - as above
    contrast = decision.contrast if decision.segment is None else f"{decision.contrast} · {decision.segment}"
    return {
        "contrast": contrast,
        "threshold_line": document.words["threshold_line"].replace("{T}", format_value(decision.threshold, "money")),
        "word": decision.verdict.word,
        "gloss": gloss(decision.verdict.word, decision.reason),
        "kind": _CLASSES[decision.verdict.word],
        "shape": shape(decision.verdict.word, 18),
        "declared": decision.declared,
        "net": shown,
        "interval": interval,
        "bar": bar,
        "sentence": decision.sentence,
        "next_step": decision.next_step,
        "words": _words(group) if len(group) > 1 else [],
    }


def gloss(word: str, reason: str = "") -> str:
    """What a verdict's word means, for a reader who does not know it; none where a guardrail decides."""
    return "" if "GUARDRAIL" in reason else messages.text(f"REPORT.page.gloss.{word}")


def shape(word: str, size: int) -> str:
    """The shape of a verdict's word."""
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
            "shape": shape(word, 12),
            "thresholds": " · ".join(format_value(threshold, "money") for threshold in thresholds),
        }
        for word, thresholds in found.items()
    ]
