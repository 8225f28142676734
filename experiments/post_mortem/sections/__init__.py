"""The sections of the report: the question, one sentence of answer, chart, table, definitions; one module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.sections import (
    appendix,
    channels,
    cost,
    effect,
    execution,
    next_steps,
    purpose,
    trust,
)

if TYPE_CHECKING:
    from experiments.post_mortem.sections.ground import Ground
    from experiments.report.document import Section

__all__ = ["sections_of"]

_SECTIONS = (purpose, trust, execution, effect, channels, cost, next_steps, appendix)


def sections_of(ground: Ground) -> list[Section]:
    """Every section that the evidence allows, in the order of the report."""
    return [section for module in _SECTIONS if (section := module.build(ground)) is not None]
