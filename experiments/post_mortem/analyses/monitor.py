"""The looks at the net benefit while the campaign ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import fails

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.monitor import NetBenefitMonitor

__all__ = ["run"]


def run(evidence: Evidence) -> NetBenefitMonitor | None:
    """The saved log, every bound and verdict worked out again; None where the plan names none."""
    from experiments.plan.logs import monitor_of

    if evidence.plan.monitor is None or evidence.readout is None or fails(evidence):
        return None
    return monitor_of(evidence.plan)
