"""The report's own sentences, by code."""

from __future__ import annotations

from attribution.core import messages
from attribution.core.formats import format_interval, format_value

__all__ = ["contrast_words", "furniture", "interval_words", "word"]

_FURNITURE = (
    "trust.trusted", "trust.limited", "trust.invalid", "status.pass", "status.note", "status.warn", "status.fail",
    "status.unknown", "gate.hold", "gate.fail", "gate.undecided", "gates", "contents", "definitions", "net_unit",
    "other_thresholds", "no_verdict",
)  # fmt: skip


def word(code: str, **values: object) -> str:
    """The report's sentence for a code, in the current language."""
    return messages.text(f"REPORT.{code}", values)


def furniture() -> dict[str, str]:
    """Fixed words of the page, by role."""
    made = {name: word(name) for name in _FURNITURE}
    made["threshold_line"] = word("threshold_line", T="{T}")
    return made


def contrast_words(arm: str, control: str) -> str:
    """ "sms vs digital", in the current language."""
    return word("contrast", arm=arm, control=control)


def interval_words(value: object, low: object, high: object, kind: str) -> str:
    """ "4.6 (2.1 to 7.0)"."""
    return f"{format_value(value, kind)} ({format_interval(low, high, kind)})"
