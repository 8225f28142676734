"""What to buy first with the declared budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import checked_before, cost_ground, section_of
from experiments.post_mortem.cards import lead_threshold

if TYPE_CHECKING:
    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.budget_result import BudgetPlan

__all__ = ["run"]


def run(evidence: Evidence) -> BudgetPlan | None:
    """The list to buy with its cross-fitted value; None where the plan declares no budget or no segments."""
    from experiments.roi.budget import plan_budget

    asked, ground = section_of(evidence, "budget"), cost_ground(evidence)
    costs = evidence.plan.costs
    if asked is None or ground is None or costs is None or costs.by is None:
        return None
    found = plan_budget(
        ground.outcomes,
        budget=asked.amount,
        by=costs.by,
        thresholds=_values(evidence, ground),
        order=ground.order,
        persons=asked.persons or None,
        woken=ground.woken,
        experiment=ground.experiment,
        columns=evidence.plan.columns(),
    )
    return checked_before(found)


def _values(evidence: Evidence, ground: CostGround) -> dict[str, float]:
    """One value of a woken customer per segment: the declared one, else the leading threshold."""
    declared = getattr(evidence.plan.costs, "values", None) or {}
    gates = [(gate.segment, gate.threshold) for gate in evidence.plan.gate]
    by_segment: dict[str, list[float]] = {}
    for row in ground.thresholds.judged:
        by_segment.setdefault(str(row.contrast.segment), []).append(row.threshold)
    return {
        name: float(declared[name])
        if name in declared
        else lead_threshold(known, [threshold for segment, threshold in gates if segment == name])
        for name, known in by_segment.items()
    }
