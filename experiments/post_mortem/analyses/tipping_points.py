"""What would turn each verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import cost_ground

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.tipping import Tipping

__all__ = ["run"]

_PARTS = ("touch_cost", "incentive_cost", "fixed_cost")


def run(evidence: Evidence) -> Tipping | None:
    """The value of each assumption at which a verdict would turn; None without verdicts."""
    from attribution.core.tables import Problems, open_table
    from experiments.roi.tipping import tipping

    ground = cost_ground(evidence)
    if ground is None or evidence.plan.costs is None:
        return None
    roles = evidence.plan.columns()["outcomes"]
    names = open_table(ground.outcomes, "outcomes", roles, problems=Problems()).names
    parts = tuple(part for part in _PARTS if part in names)
    return tipping(
        ground.thresholds,
        outcomes=ground.outcomes if parts else None,
        prices=parts,
        experiment=ground.experiment,
        woken=ground.woken,
        by=evidence.plan.costs.by,
    )
