"""What would turn the leading verdict of each contrast."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core.records import Records
from experiments.post_mortem.analyses.asked import cost_ground
from experiments.post_mortem.cards import decisions_of

if TYPE_CHECKING:
    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.result import Judged
    from experiments.roi.tipping import Tipping

__all__ = ["run"]

_PARTS = ("touch_cost", "incentive_cost", "fixed_cost")


def run(evidence: Evidence) -> Tipping | None:
    """The value of each assumption at which the leading verdict of a contrast would turn; None without verdicts.

    The other thresholds follow from the value at which it turns: one set decides all of them. Single prices are varied
    for the first contrast of the report alone, since each factor is found by halving; for the others the common factor
    of all costs has to do.
    """
    from experiments.roi.tipping import tipping

    ground = cost_ground(evidence)
    if ground is None or evidence.plan.costs is None:
        return None
    rows = _leading(evidence, ground)
    parts = _parts(evidence, ground)
    if not parts:
        return tipping(replace(ground.thresholds, judged=rows))
    first = tipping(
        replace(ground.thresholds, judged=rows[:1]),
        outcomes=ground.outcomes,
        prices=parts,
        experiment=ground.experiment,
        woken=ground.woken,
        by=None if rows[0].contrast.segment is None else evidence.plan.costs.by,
    )
    if len(rows) == 1:
        return first
    others = tipping(replace(ground.thresholds, judged=rows[1:]))
    fields = max(first.records.fields, others.records.fields, key=len)  # a verdict on everybody names no segment
    told = [{"segment": None} | row for row in (*first.to_dicts(), *others.to_dicts())]
    return replace(first, records=Records.from_rows(fields, told))


def _leading(evidence: Evidence, ground: CostGround) -> tuple[Judged, ...]:
    """The verdict at the leading threshold of each contrast, in the order of the report."""
    lead: dict[tuple[str, str, str | None], float] = {}
    for one in decisions_of(evidence.plan, ground.thresholds):
        lead.setdefault((one.arm, one.control, one.segment), one.threshold)
    own = {
        (row.contrast.arm, row.contrast.control, row.contrast.segment, row.threshold): row
        for row in ground.thresholds.judged
    }
    return tuple(own[*key, threshold] for key, threshold in lead.items())


def _parts(evidence: Evidence, ground: CostGround) -> tuple[str, ...]:
    """The columns of the outcomes that are parts of the full cost."""
    from attribution.core.tables import Problems, open_table

    roles = evidence.plan.columns()["outcomes"]
    names = open_table(ground.outcomes, "outcomes", roles, problems=Problems()).names
    return tuple(part for part in _PARTS if part in names)
