"""Where each contrast would just pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import cost_ground

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.break_even import BreakEven

__all__ = ["run"]


def run(evidence: Evidence) -> BreakEven | None:
    """Break-even effect, cost and value; None without verdicts."""
    ground = cost_ground(evidence)
    return None if ground is None else ground.thresholds.break_even()
