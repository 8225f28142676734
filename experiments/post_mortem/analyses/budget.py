"""What to buy first with the declared budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import DesignError
from experiments.post_mortem.analyses.asked import checked_before, cost_ground
from experiments.post_mortem.cards import lead_threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.budget_result import BudgetPlan

__all__ = ["run"]


def run(evidence: Evidence) -> BudgetPlan | None:
    """The list to buy with its cross-fitted value; None where the plan declares no budget or no segments."""
    from experiments.roi.budget import plan_budget

    asked, ground = evidence.plan.budget, cost_ground(evidence)
    costs = evidence.plan.costs
    if asked is None or ground is None or costs is None or costs.by is None:
        return None
    values = _values(evidence, ground)
    if not set(values).issuperset(_segments(evidence, ground)):
        raise DesignError(
            "SEGMENT_SMALL",
            f"an arm of a segment of costs.by holds fewer persons than report.min_cell "
            f"({evidence.plan.report.min_cell}), and a list to buy would show it. Join small segments.",
        )
    persons: Mapping[Any, int] | None = asked.persons
    found = plan_budget(
        ground.outcomes,
        budget=asked.amount,
        by=costs.by,
        thresholds=values,
        order=ground.order,
        persons=persons,
        woken=ground.woken,
        experiment=ground.experiment,
        columns=evidence.plan.columns(),
    )
    return checked_before(found)


def _segments(evidence: Evidence, ground: CostGround) -> set[str]:
    """The names of all segments of the outcomes."""
    from attribution.core.tables import Problems, open_table
    from experiments.roi.segment_cells import by_columns, segment_name

    by = by_columns(None if evidence.plan.costs is None else evidence.plan.costs.by)
    table = open_table(ground.outcomes, "outcomes", evidence.plan.columns()["outcomes"], problems=Problems())
    found = table.lazy().select(*by).unique().collect("pyarrow")
    return {str(segment_name(row)) for row in zip(*(found.get_column(name).to_list() for name in by), strict=True)}


def _values(evidence: Evidence, ground: CostGround) -> dict[str, float]:
    """One value of a woken customer per segment: the declared one, else the leading threshold."""
    costs = evidence.plan.costs
    declared = {} if costs is None or costs.values is None else costs.values
    gates = [(gate.segment, gate.threshold) for gate in evidence.plan.gate]
    by_segment: dict[str, list[float]] = {}
    for row in ground.thresholds.judged:
        if row.contrast.segment is not None:
            by_segment.setdefault(row.contrast.segment, []).append(row.threshold)
    lead = {
        name: lead_threshold(known, [threshold for segment, threshold in gates if segment == name])
        for name, known in by_segment.items()
    }
    return lead | {name: float(value) for name, value in declared.items() if name in lead}
