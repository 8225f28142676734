"""What one more woken customer was worth, beside the values that the plan declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import checked_before, cost_ground, section_of

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.value import ValuePerWakeup

__all__ = ["run"]


def run(evidence: Evidence) -> ValuePerWakeup | None:
    """Incremental value per incremental wake-up; None where the plan neither declares values nor a money test."""
    from attribution.core.tables import Problems, open_table
    from experiments.roi.value import value_per_wakeup

    ground, money, costs = cost_ground(evidence), section_of(evidence, "money"), evidence.plan.costs
    values = getattr(costs, "values", None)
    if ground is None or costs is None or not (values or money is not None):
        return None
    column = "value" if money is None else str(money.value)
    roles = evidence.plan.columns()["outcomes"]
    if column not in open_table(ground.outcomes, "outcomes", roles, problems=Problems()).names:
        return None
    found = value_per_wakeup(
        ground.outcomes,
        woken=ground.woken,
        value=column,
        by=costs.by if values else None,
        order=ground.order,
        experiment=ground.experiment,
        variance=ground.thresholds.variance,
    )
    return checked_before(found)
