"""How a table shows what a guardrail reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.formats import format_value
from attribution.core.render.display import Cell
from experiments.post_mortem.words import interval_words, word

if TYPE_CHECKING:
    from experiments.roi.guardrails import GuardrailReading

__all__ = ["worsening"]


def worsening(reading: GuardrailReading, *, rate: bool) -> tuple[object, object]:
    """The worsening with its bounds, and the margin; a relative one in percent, what is no rate in its own unit."""
    kind = "rate" if reading.guardrail.relative else "number"
    if rate and not reading.guardrail.relative:
        return Cell(reading.value, reading.low, reading.high), reading.guardrail.margin
    shown = interval_words(reading.value, reading.low, reading.high, kind)
    margin = format_value(reading.guardrail.margin, kind)
    own = [text if reading.guardrail.relative else word("guardrail.own", shown=text) for text in (shown, margin)]
    return Cell(None, note=own[0]), Cell(None, note=own[1])
