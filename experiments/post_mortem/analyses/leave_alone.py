"""Whom not to contact: net benefit of every declared segment at what a woken customer of it may cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core.records import Field, Records, TabularResult
from experiments.post_mortem.cards import lead_threshold
from experiments.post_mortem.small_groups import is_small, shown_effects, shown_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence
    from experiments.uplift.leave_alone import LeaveAlone, SegmentAdvice

__all__ = ["SegmentAdvices", "run"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SegmentAdvices(TabularResult):
    """Whom to leave alone, by every declared column of segments, without groups that are too small to be shown.

    Attributes:
        readings: One reading for each column.
        hidden: How many groups (an arm in a segment) are not shown.
    """

    readings: tuple[LeaveAlone, ...]
    hidden: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Nothing of its own: checks are those of the readout, remarks on segments those of the section on them."""
        return ()

    @property
    def recipe(self) -> Recipe:
        """How the first reading was made; the others differ by the column only."""
        return self.readings[0].recipe

    def _records(self) -> Records:
        first = self.readings[0]._records()  # noqa: SLF001 -- our own
        rows = [{"by": one.by, **row} for one in self.readings for row in one.to_dicts()]
        return Records.from_rows((Field("by", "text"), *first.fields), rows)

    def _display(self) -> Display:
        return self.readings[0]._display()  # noqa: SLF001 -- our own


def run(evidence: Evidence) -> SegmentAdvices | None:
    """The advice by segment; None without a trial, declared segments, or what a woken customer may cost."""
    from experiments.post_mortem.evidence import event_of, order_of
    from experiments.uplift.leave_alone import leave_alone

    plan, readout = evidence.plan, evidence.readout
    if readout is None or plan.costs is None or evidence.thresholds is None:
        return None
    event = event_of(readout)
    if event is None:
        return None
    limit = plan.report.min_cell
    found = []
    for by in _columns(plan):
        experiment = replace(readout.experiment, segments=tuple(dict.fromkeys((*_declared(plan), *by))))
        made = leave_alone(
            evidence.outcomes, by=by, threshold=_amounts(plan, by), woken=event, experiment=experiment,
        )  # fmt: skip
        found.append((made, _shown(_in_order(made, order_of(plan, readout)), limit)))
    if not found:
        return None
    hidden = sum(len(whole.rows) - len(part.rows) for whole, part in found)
    return SegmentAdvices(readings=tuple(part for _, part in found), hidden=hidden)


def _shown(found: LeaveAlone, limit: int) -> LeaveAlone:
    kept = tuple(row for row in found.rows if not is_small(row.judged.contrast, limit))
    named = {str(row.judged.contrast.segment) for row in kept}
    hidden = frozenset(str(row.judged.contrast.segment) for row in found.rows) - named
    segments = replace(
        found.segments,
        effects=shown_effects(found.segments.effects, limit),
        findings=shown_findings(found.segments.findings, hidden),
    )
    return replace(found, rows=kept, segments=segments, findings=shown_findings(found.findings, hidden))


def _in_order(found: LeaveAlone, order: Sequence[str]) -> LeaveAlone:
    """The same rows with the arms in the order of the plan."""

    def place(row: SegmentAdvice) -> int:
        arm = row.judged.contrast.arm
        return order.index(arm) if arm in order else len(order)

    return replace(found, rows=tuple(sorted(found.rows, key=place)))


def _columns(plan: Plan) -> list[tuple[str, ...]]:
    """The columns to read by: those of the verdicts crossed, as the verdicts cross them; else each segment column."""
    from experiments.roi.segment_cells import by_columns

    priced = by_columns(None if plan.costs is None else plan.costs.by or None)
    return [priced] if priced else [(name,) for name in _declared(plan)]


def _declared(plan: Plan) -> tuple[str, ...]:
    from experiments.roi.segment_cells import by_columns

    return by_columns(None if plan.experiment is None else plan.experiment.segments or None)


def _amounts(plan: Plan, by: Sequence[str]) -> float | dict[str | tuple[str, ...], float]:
    """What a woken customer may cost: the leading threshold, of every segment where the plan declares them so."""
    if plan.costs is None:  # unreachable: the caller has asked
        return 0.0
    declared = plan.costs.thresholds
    gates = [gate.threshold for gate in plan.gate]
    if isinstance(declared, dict):
        if by:
            return {name: lead_threshold(values, gates) for name, values in declared.items()}
        declared = tuple(value for values in declared.values() for value in values)
    return lead_threshold(declared, gates)
