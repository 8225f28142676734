"""The section on whom not to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.language import current_language
from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, sentences_of
from experiments.post_mortem.sections.leave_alone_charts import leave_alone_chart, withheld_of, withheld_why
from experiments.post_mortem.sections.leave_alone_tables import (
    advice_table,
    kept_table,
    natural_rows,
    natural_table,
)
from experiments.post_mortem.sections.segments import changed_segments
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.analyses.leave_alone import SegmentAdvices
    from experiments.report.document import Chart, Section
    from experiments.uplift.leave_alone import LeaveAlone, SegmentAdvice

__all__ = ["build"]


def build(ground: Ground) -> Section | None:
    """Which declared segments to leave alone, what that keeps, and who came back by himself; None without a verdict."""
    evidence, invalid = ground.evidence, ground.invalid
    if evidence.readout is None or evidence.thresholds is None:
        return None
    found: SegmentAdvices | None = evidence.further.get("leave_alone")
    readings = () if found is None else found.readings
    worth = {} if evidence.plan.costs is None else evidence.plan.costs.values or {}
    natural = natural_rows(evidence.thresholds)
    tables = [advice_table(one, worth) for one in readings if one.rows]
    alone = [] if invalid else [row for one in readings for row in one.rows if row.advice == "leave_alone"]
    if alone:
        tables.insert(0, kept_table(alone))
    if natural:
        tables.append(natural_table(natural))
    said = [] if invalid else [*_withheld(readings), *_unbounded(natural)]
    return made_section(
        "leave_alone",
        word("chart.invalid", codes=invalid) if invalid else _answer(ground, readings),
        charts=_charts(ground, readings),
        tables=tuple(tables),
        paragraphs=(*_paragraphs(ground, found), *said),
        definitions=tuple(text for one in readings[:1] for text in sentences_of(one.recipe, invalid)),
        flag=flag_of(invalid),
        exploratory=changed_segments(ground) if readings else "",
    )


def _answer(ground: Ground, readings: Sequence[LeaveAlone]) -> str:
    """The fixed sentences that name segments; else that none is shown to be harmed, which is no advice."""
    refused = ground.evidence.declined.get("leave_alone")
    if refused is not None:
        return word("leave_alone.declined", reason=refused.code)
    if not readings:
        return word("leave_alone.undeclared")
    rows = [row for one in readings for row in one.rows]
    if not rows:
        return word("leave_alone.few")
    said = [text for one in readings for text in _named(one)]
    if said:
        return ("" if current_language() == "zh" else " ").join(said)
    undecided = sum(row.advice == "undecided" for row in rows)
    return word("leave_alone.none", undecided=undecided, rows=len(rows))


def _named(reading: LeaveAlone) -> list[str]:
    """The segments to leave alone, arm by arm: those that do not pay, and those where a guardrail is harmed."""
    made = []
    for arm in dict.fromkeys(row.judged.contrast.arm for row in reading.rows):
        alone = [row for row in reading.rows if row.judged.contrast.arm == arm and row.advice == "leave_alone"]
        for code, harmed in (("NAMED", False), ("HARMED", True)):
            names = [_name(row) for row in alone if (row.judged.verdict.reason == "HARM_GUARDRAIL") is harmed]
            if names:
                joined = messages.text("LEAVE_ALONE.BETWEEN").join(names)
                made.append(messages.text(f"LEAVE_ALONE.{code}", {"arm": arm, "names": joined}))
    return made


def _name(row: SegmentAdvice) -> str:
    return str(row.judged.contrast.segment)


def _charts(ground: Ground, readings: Sequence[LeaveAlone]) -> tuple[Chart, ...]:
    """One chart for each column of segments: the whole campaign against the control."""
    readout = ground.evidence.readout
    if readout is None:  # unreachable: the caller has asked
        return ()
    last = order_of(ground.evidence.plan, readout)[-1]
    drawn = [leave_alone_chart(one, last, number, ground.invalid) for number, one in enumerate(readings, 1)]
    return tuple(chart for chart in drawn if chart is not None)


def _paragraphs(ground: Ground, found: SegmentAdvices | None) -> tuple[str, ...]:
    if found is None:
        return ()
    said = [word("leave_alone.holm")]
    if any(row.note for one in found.readings for row in one.rows):
        said.append(messages.text("LEAVE_ALONE.NOTE"))
    if found.hidden:
        said.append(word("segments.small", groups=found.hidden, limit=ground.evidence.plan.report.min_cell))
    return tuple(said)


def _withheld(readings: Sequence[LeaveAlone]) -> list[str]:
    """Segments whose interval lies below 0 by itself and that are not named, with the reason, arm by arm."""
    said = []
    for one in readings:
        for arm in dict.fromkeys(row.judged.contrast.arm for row in one.rows):
            rows = withheld_of(one, arm)
            if rows:
                names = messages.text("LEAVE_ALONE.BETWEEN").join(_name(row) for row in rows)
                said.append(word("leave_alone.withheld", arm=arm, names=names, why=withheld_why(rows)))
    return said


def _unbounded(natural: Sequence[dict[str, float | str | None]]) -> list[str]:
    """The sums paid to natural returners that have no interval; the others stand with theirs in the table."""
    return [
        word("leave_alone.natural_plain", arm=row["arm"], all=row["all"], natural=row["natural"])
        for row in natural
        if row["low"] is None or row["high"] is None
    ]
