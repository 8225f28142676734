"""The sections of the report: the question, one sentence of answer, chart, table, definitions; one module each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.post_mortem.sections import (
    appendix,
    channels,
    cost,
    effect,
    execution,
    leave_alone,
    next_steps,
    purpose,
    segments,
    trust,
)
from experiments.post_mortem.sections.ground import exploratory_of

if TYPE_CHECKING:
    from experiments.post_mortem.sections.ground import Ground
    from experiments.report.document import Section

__all__ = ["sections_of"]

_SECTIONS = (purpose, trust, execution, effect, channels, cost, segments, leave_alone, next_steps, appendix)


def sections_of(ground: Ground) -> list[Section]:
    """Every section that the evidence allows, in the order of the report, marked where it was not declared as it is."""
    built = [section for module in _SECTIONS if (section := module.build(ground)) is not None]
    return [section if section.exploratory else _marked(ground, section) for section in built]


def _marked(ground: Ground, section: Section) -> Section:
    return replace(section, exploratory=exploratory_of(ground, section.name))
