"""The report's own sentences and names, by code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_estimate
from attribution.core.render.display import column_label

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "alt_text",
    "code_words",
    "contrast_words",
    "furniture",
    "head",
    "interval_words",
    "kind_words",
    "listed",
    "model_words",
    "thing_words",
    "window_words",
    "word",
]

_FURNITURE = (
    "trust.trusted", "trust.limited", "trust.invalid", "status.pass", "status.note", "status.warn", "status.fail",
    "status.unknown", "gate.hold", "gate.fail", "gate.undecided", "gates", "contents", "definitions", "net_unit",
    "all_thresholds", "declared", "no_verdict", "unknown", "figures.x", "col.segment", "col.verdict", "col.threshold",
    "col.sentence", "col.next", "col.status", "col.code", "col.name", "col.expected", "col.observed", "effect.contrast",
    "sheet.verdicts", "sheet.findings", "sheet.gates", "colon", "decisions", "list_separator",
)  # fmt: skip
# Columns that the library itself makes; any other name is the user's, also where a column of some result has it.
_THINGS = frozenset({"woken", "value", "orders", "closed", "cost", "touch_cost", "incentive_cost", "fixed_cost"})
_WINDOW = re.compile(r"(\d+)(d|h|min)")


def word(code: str, **values: object) -> str:
    """The report's sentence for a code, in the current language."""
    return messages.text(f"REPORT.{code}", values)


def furniture() -> dict[str, str]:
    """Fixed words of the page, by role."""
    made = {name: word(name) for name in _FURNITURE}
    made["threshold_line"] = word("threshold_line", T="{T}")
    return made


def contrast_words(arm: str, control: str, segment: str | None = None) -> str:
    """As in "sms vs digital", with its segment when there is one, in the current language."""
    plain = word("contrast", arm=arm, control=control)
    return plain if segment is None else word("contrast_segment", contrast=plain, segment=segment)


def interval_words(value: object, low: object, high: object, kind: str) -> str:
    """As in "4.6 (2.1 to 7.0)"."""
    return format_estimate(value, low, high, kind)


def listed(items: Iterable[object]) -> str:
    """As in "60, 85, 125" as the language lists things."""
    return word("and_separator").join(str(item) for item in items)


def alt_text(title: str, told: Iterable[str]) -> str:
    """The text that stands for a picture: its finding, then what is drawn."""
    return f"{title}{word('colon')}{word('list_separator').join(told)}"


def head(name: str) -> str:
    """The heading of a column of the report's own tables."""
    return word(f"col.{name}")


def model_words(model: str) -> str:
    """As in "first touch": the name that the credit itself prints."""
    return column_label(model)


def thing_words(metric: str) -> str:
    """The name of a metric or another declared thing: the language's word for the library's own outcomes."""
    return column_label(metric) if metric in _THINGS else metric


def code_words(code: str) -> str:
    """A failed check in words with its code behind them; one without words keeps its code."""
    known = f"code.{code}"
    return word("code", told=word(known), name=code) if messages.has(f"REPORT.{known}") else code


def kind_words(kind: str) -> str:
    """The kind of a touch; one that the report does not know keeps its own name."""
    return word(f"kind.{kind}") if messages.has(f"REPORT.kind.{kind}") else kind


def window_words(window: str) -> str:
    """As in "28 days" for the plan's "28d"."""
    match = _WINDOW.fullmatch(str(window))
    return str(window) if match is None else word(f"unit.{match[2]}", n=int(match[1]))
