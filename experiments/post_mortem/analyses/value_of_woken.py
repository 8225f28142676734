"""What one more woken customer was worth, beside the values that the plan declares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import checked_before, cost_ground

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.value import ValuePerWakeup

__all__ = ["run"]


def run(evidence: Evidence) -> ValuePerWakeup | None:
    """Incremental value per incremental wake-up; None where the plan neither declares values nor a money test."""
    from attribution.core.tables import Problems, open_table
    from experiments.roi.value import value_per_wakeup

    ground, money, costs = cost_ground(evidence), evidence.plan.money, evidence.plan.costs
    values = None if costs is None else costs.values
    if ground is None or costs is None or not (values or money is not None):
        return None
    column = "value" if money is None else money.value
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
    # Segments too small to be shown have left the verdicts.
    known = {(row.contrast.arm, row.contrast.control, row.contrast.segment) for row in ground.thresholds.judged}
    lines = tuple(
        line for line in found.lines if line.segment is None or (line.arm, line.control, line.segment) in known
    )
    return checked_before(replace(found, lines=lines))
