"""The tables of the segments section."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.scales import is_guarded_rate, scale_of
from experiments.post_mortem.sections.guardrail_cells import worsening
from experiments.post_mortem.sections.next_steps import leading
from experiments.post_mortem.words import contrast_words, head, thing_words, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experiments.metrics import Metric
    from experiments.post_mortem.evidence import Evidence
    from experiments.readout.segments_result import SegmentEffect, SegmentInteraction, SegmentReadout
    from experiments.report.document import Decision
    from experiments.roi import CostThresholds

__all__ = ["effects_table", "guardrails_table", "in_order", "interaction_table", "pay_table"]


_Of = TypeVar("_Of", "SegmentEffect", "SegmentInteraction")


def in_order(rows: Iterable[_Of], order: Sequence[str]) -> list[_Of]:
    """The rows with their arms in the order of the plan; inside an arm as they came."""
    return sorted(rows, key=lambda one: order.index(str(one.arm)) if str(one.arm) in order else len(order))


def interaction_table(tests: Iterable[SegmentInteraction]) -> DisplayTable:
    """The test of whether an arm's effect differs between the segments of each column."""
    columns = (
        DisplayColumn(word("segments.by")),
        DisplayColumn(head("arm")),
        DisplayColumn(word("segments.number"), "count"),
        DisplayColumn(word("segments.p"), "p"),
        DisplayColumn(word("segments.p_adjusted"), "p", decisive=True),
    )
    rows = tuple((one.by, str(one.arm), one.test.segments, one.test.p_value, _adjusted(one)) for one in tests)
    return DisplayTable(columns, rows, title=word("segments.tests"))


def _adjusted(one: SegmentInteraction) -> object:
    if one.p_adjusted is not None:
        return one.p_adjusted
    return Cell(None, note=word("segments.undefined", note=one.test.note or "–"))


def effects_table(readout: SegmentReadout, metric: str, by: str, order: Sequence[str]) -> DisplayTable:
    """Everybody, then every segment of a column: persons, values, difference with its interval, adjusted p."""
    here = in_order((one for one in readout.effects if one.fit.name == metric and one.by in ("", by)), order)
    scale = scale_of(readout.experiment.metrics[metric])
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("segment")),
        DisplayColumn(word("segments.n"), "count"),
        DisplayColumn(word("segments.n_control"), "count"),
        DisplayColumn(word("effect.value"), scale.level),
        DisplayColumn(word("effect.base"), scale.level),
        DisplayColumn(word(scale.heading), scale.change, decisive=True),
        DisplayColumn(word("segments.p_adjusted"), "p"),
    )
    title = word("segments.effects", metric=thing_words(metric), by=by)
    return DisplayTable(columns, tuple(_effect(one) for one in here), title=title)


def _effect(one: SegmentEffect) -> tuple[object, ...]:
    comparison, difference = one.comparison, one.difference
    shown = Cell(None, note=one.note)
    if difference is not None:
        undefined = difference.note if difference.low is None else ""
        shown = Cell(difference.value, difference.low, difference.high, note=undefined)
    return (
        contrast_words(str(one.arm), str(one.control)),
        word("segments.everybody") if one.segment is None else str(one.segment),
        one.n,
        one.n_control,
        None if comparison is None else comparison.treatment,
        None if comparison is None else comparison.control,
        shown,
        one.p_adjusted,
    )


def pay_table(evidence: Evidence, decisions: Sequence[Decision], invalid: str = "") -> DisplayTable:
    """Net benefit and verdict of every segment at its leading threshold, with what a woken customer is worth."""
    values = {} if evidence.plan.costs is None else evidence.plan.costs.values or {}
    persons = _persons(evidence.thresholds)
    columns = [
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("segment")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(head("threshold"), "money"),
        *([DisplayColumn(word("segments.value"), "money")] if values else []),
        DisplayColumn(head("net"), "money", True),
        DisplayColumn(head("verdict"), "text", True),
    ]
    rows = []
    # Contrast by contrast, each in the order of the decisions.
    contrasts = list(dict.fromkeys((one.arm, one.control) for one in decisions))
    for decision in sorted(leading(decisions), key=lambda one: contrasts.index((one.arm, one.control))):
        net = decision.net_benefit
        value, low, high = (None if end is None else 1000.0 * end for end in (net.value, net.low, net.high))
        contrast = (decision.arm, decision.control, decision.segment)
        worth = [values.get(str(decision.segment))] if values else []
        rows.append((
            contrast_words(decision.arm, decision.control), decision.segment, persons.get(contrast),
            decision.threshold, *worth, Cell(value, low, high), decision.verdict.told,
        ))  # fmt: skip
    notes = () if invalid else (word("cost.no_correction"),)
    return DisplayTable(tuple(columns), tuple(rows), title=word("segments.pay"), notes=notes)


def _persons(thresholds: CostThresholds | None) -> Mapping[tuple[str, str, str | None], int]:
    rows = () if thresholds is None else thresholds.judged
    return {(row.contrast.arm, row.contrast.control, row.contrast.segment): row.contrast.persons for row in rows}


def guardrails_table(thresholds: CostThresholds | None, metrics: Mapping[str, Metric]) -> DisplayTable | None:
    """What each guardrail says in each segment; None without verdicts by segment."""
    rows: dict[tuple[str, str, str, str], tuple[object, ...]] = {}
    for row in () if thresholds is None else thresholds.judged:
        contrast = row.contrast
        if contrast.segment is None:
            continue
        for reading in row.guardrails:
            name = reading.guardrail.metric
            rows[contrast.arm, contrast.control, contrast.segment, name] = (
                contrast_words(contrast.arm, contrast.control),
                contrast.segment,
                thing_words(name),
                *worsening(reading, rate=is_guarded_rate(name, metrics)),
                word(f"guardrail.{reading.state}"),
            )
    if not rows:
        return None
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("segment")),
        DisplayColumn(word("guardrail.head")),
        DisplayColumn(word("guardrail.rise"), "per1000", decisive=True),
        DisplayColumn(word("guardrail.margin"), "per1000"),
        DisplayColumn(word("guardrail.state")),
    )
    notes = (word("guardrail.note"), word("segments.guardrails_note"))
    contrasts = list(dict.fromkeys(key[:2] for key in rows))
    body = tuple(row for _, row in sorted(rows.items(), key=lambda item: contrasts.index(item[0][:2])))
    return DisplayTable(columns, body, title=word("segments.guardrails"), notes=notes)
