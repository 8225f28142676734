"""What one more wake-up costs at the margin: step by step, and wave by wave where the plan declares waves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import checked_before, cost_ground
from experiments.post_mortem.cards import lead_threshold
from experiments.post_mortem.small_groups import is_small

if TYPE_CHECKING:
    from experiments.post_mortem.analyses.asked import CostGround
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.marginal_result import MarginalCosts

__all__ = ["run"]

_SEVERAL = 3  # arms of an order: the control and two steps


def run(evidence: Evidence) -> MarginalCosts | None:
    """Marginal costs; None without verdicts, and without waves where there is only one step."""
    from experiments.roi.marginal import marginal_costs

    ground, waves = cost_ground(evidence), evidence.plan.waves
    if ground is None:
        return None
    column = _wave_column(evidence, ground) if waves is not None else None
    if column is None and (ground.order is None or len(ground.order) < _SEVERAL):
        return None
    found = marginal_costs(
        ground.outcomes,
        order=ground.order,
        wave=column,
        threshold=_threshold(evidence, ground),
        woken=ground.woken,
        experiment=ground.experiment,
        variance=ground.thresholds.variance,
        planned_waves=None if column is None or waves is None else waves.planned,
        columns=evidence.plan.columns(),
    )
    limit = evidence.plan.report.min_cell
    return checked_before(replace(found, rows=tuple(row for row in found.rows if not is_small(row.contrast, limit))))


def _threshold(evidence: Evidence, ground: CostGround) -> float:
    """The declared one, else that of the first declared gate, else the middle one."""
    declared = None if evidence.plan.waves is None else evidence.plan.waves.threshold
    known = [row.threshold for row in ground.thresholds.judged]
    return float(declared) if declared is not None else lead_threshold(known, [g.threshold for g in evidence.plan.gate])


def _wave_column(evidence: Evidence, ground: CostGround) -> str | None:
    """The column of the wave; None for clusters, whose waves are not pooled."""
    if ground.experiment.cluster is not None or evidence.plan.experiment is None:
        return None
    return evidence.plan.experiment.wave
