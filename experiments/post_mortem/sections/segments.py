"""The segments section: do the declared segments differ, and where does it pay?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.language import current_language
from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, metrics_of, sentences_of
from experiments.post_mortem.sections.segments_charts import segments_chart, which_p
from experiments.post_mortem.sections.segments_tables import (
    effects_table,
    guardrails_table,
    in_order,
    interaction_table,
    pay_table,
)
from experiments.post_mortem.words import listed, thing_words, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.analyses.segments import DeclaredSegments
    from experiments.readout.segments_result import SegmentInteraction, SegmentReadout
    from experiments.report.document import Section

__all__ = ["build", "changed_segments"]

_OF_SEGMENTS = ("experiment.segments", "costs.by", "costs.thresholds", "costs.values")


def build(ground: Ground) -> Section | None:
    """Interaction first, then effect, net benefit, verdict and guardrails of every declared segment."""
    evidence, invalid = ground.evidence, ground.invalid
    refused = evidence.declined.get("segments")
    if refused is not None:
        return made_section("segments", word("segments.declined", reason=refused.code))
    found: DeclaredSegments | None = evidence.further.get("segments")
    if found is None:
        return None
    readout, primary = found.readout, found.readout.experiment.primary
    order = () if evidence.readout is None else order_of(evidence.plan, evidence.readout)
    tests = in_order((one for one in readout.interactions if one.fit.name == primary), order)
    columns = list(dict.fromkeys(one.by for one in tests))
    tests.sort(key=lambda one: columns.index(one.by))
    leading = [one for one in tests if order and str(one.arm) == order[-1]] or tests
    charts = [segments_chart(readout, one, invalid) for one in leading]
    tables = [interaction_table(tests), *(effects_table(readout, primary, by, order) for by in columns)]
    priced = [decision for decision in ground.decisions if decision.segment is not None]
    if priced:
        tables.append(pay_table(evidence, priced, invalid))
    guarded = guardrails_table(evidence.thresholds, metrics_of(evidence))
    return made_section(
        "segments",
        word("chart.invalid", codes=invalid) if invalid else _answer(readout, leading),
        charts=tuple(chart for chart in charts if chart is not None),
        tables=tuple(tables) if guarded is None else (*tables, guarded),
        paragraphs=_paragraphs(ground, found),
        definitions=sentences_of(readout.recipe, invalid),
        flag=flag_of(invalid),
        exploratory=changed_segments(ground),
    )


def changed_segments(ground: Ground) -> str:
    """What says that the segments are exploratory: they were changed after the plan was locked; empty else."""
    from experiments.plan import plan_changes

    source = ground.evidence.plan.source
    changes = None if source is None else plan_changes(source)
    keys = [key for key, _, _ in changes or () if key.startswith(_OF_SEGMENTS)]
    return word("segments.changed", keys=listed(keys)) if keys else ""


def _answer(readout: SegmentReadout, tests: Sequence[SegmentInteraction]) -> str:
    """Whether the effect of the whole campaign differs between the segments of each column."""
    if not any(one.segment is not None for one in readout.effects):
        return word("segments.few")
    said = []
    for one in tests:
        if one.p_adjusted is None:
            code = "undefined"
        else:
            code = "differs" if one.p_adjusted < 1.0 - readout.experiment.level else "open"
        values = {
            "metric": thing_words(one.fit.name), "arm": one.arm, "control": readout.experiment.control, "by": one.by,
            "n": one.test.segments, "p": one.p_adjusted, "note": one.test.note or "–", "which": which_p(readout),
        }  # fmt: skip
        said.append(messages.text(f"SEGMENTS.{code}", values))
    return ("" if current_language() == "zh" else " ").join(said)


def _paragraphs(ground: Ground, found: DeclaredSegments) -> tuple[str, ...]:
    experiment = found.readout.experiment
    alone = "SEGMENTS.alone" if experiment.correction is not None else "SEGMENTS.uncorrected"
    said = [messages.text(alone, {"level": experiment.level})]
    said += [finding.text() for finding in found.findings if finding.code == "SEGMENT_SMALL"]
    if found.hidden:
        said.append(word("segments.small", groups=found.hidden, limit=ground.evidence.plan.report.min_cell))
    return tuple(said)
