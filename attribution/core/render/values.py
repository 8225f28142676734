"""Single values in words: an estimate with its interval in the unit of what it estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_estimate, format_value

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.formats import ValueKind

__all__ = ["estimate_text", "interval_text"]


def interval_text(found: Estimate, kind: ValueKind) -> str:
    """The value and its confidence set: "1.08 pp (0.59 to 1.60), 95% interval"."""
    point = format_value(found.value, kind)
    if found.low is None or found.high is None:
        return messages.text("VALUE.no_interval", {"shown": point})
    if found.kind == "interval":
        shown = format_estimate(found.value, found.low, found.high, kind)
    elif found.kind == "all":
        shown = messages.text("VALUE.everything", {"point": point})
    else:
        ends = {"low": format_value(found.low, kind), "high": format_value(found.high, kind)}
        shown = messages.text("VALUE.outside", {"point": point, **ends})
    return messages.text("VALUE.interval", {"shown": shown, "level": found.level})


def estimate_text(found: Estimate, kind: ValueKind) -> str:
    """An estimate with interval, p-value, method, and what else is to be said of it."""
    told = interval_text(found, kind)
    if found.p_value is not None:
        told = messages.text("VALUE.p", {"shown": told, "p": found.p_value})
    side = "" if found.side == "two" else f"side={found.side}"
    for more in filter(None, (found.method, side, found.note)):
        told = messages.text("VALUE.and", {"shown": told, "more": more})
    return told
