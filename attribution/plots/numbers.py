"""Numbers as a picture needs them: short, since the table has every digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_value, significant
from attribution.core.language import current_language

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["axis_mark", "brief", "brief_range", "days_text", "in_words"]

_WHOLE = 9.95  # from here on without decimals
_ONE = 0.95  # from here on with one decimal, below with two digits
_WITHIN = 1e-9


def brief(value: float, kind: str) -> str:
    """A number as short as a reader needs it: "412", "8.3", "31%", "2.4%"; differences of rates in points."""
    if kind == "rate":
        return _short(100 * value) + "%"
    if kind == "pp":
        return messages.text("PLOT.POINTS", {"n": _short(100 * value)})
    return format_value(value, "money") if kind == "money" else _short(value)


def _short(value: float) -> str:
    if abs(value) >= _WHOLE or value == round(value):
        return format_value(round(value), "count")
    if abs(value) >= _ONE:
        return (
            format_value(round(value, 1), "count") if round(value, 1) != round(value) else f"{_short(round(value))}.0"
        )
    text = significant(value, 2, current_language())
    return text.rstrip("0").rstrip(".") if "." in text else text


def brief_range(low: float, high: float, kind: str) -> str:
    """Both ends, or one number where they read alike."""
    ends = {"low": brief(low, kind), "high": brief(high, kind)}
    return ends["low"] if ends["low"] == ends["high"] else messages.text("PLOT.RANGE", ends)


def axis_mark(value: float, kind: str) -> str:
    """A mark of an axis, without the zeros that an estimate's digits would carry."""
    at = 100 * value if kind == "rate" else value
    few = abs(at * 10 - round(at * 10)) < _WITHIN * max(abs(at), 1.0)
    text = format_value(round(at, 1), "count") if few else f"{at:.4g}".replace("-", "−")
    return text + ("%" if kind == "rate" else "")


def in_words(title: str, parts: Iterable[tuple[str, str]]) -> str:
    """The description of a picture: its title, and what it shows as names with their numbers."""
    told = [messages.text("PLOT.COLON", {"name": name, "text": text}) for name, text in parts]
    return messages.text("PLOT.TOLD", {"title": title, "told": messages.text("PLOT.SEMICOLON").join(told)})


def days_text(days: float) -> str:
    """A span of time in the largest unit of which it holds one: days, hours or minutes."""
    for name, size in (("DAY", 1.0), ("HOUR", 24.0), ("MINUTE", 1440.0)):
        if days * size >= _ONE or name == "MINUTE":
            shown = _short(days * size)
            return messages.text(f"PLOT.{name}" if shown == "1" else f"PLOT.{name}S", {"n": shown})
    return ""
