"""How much of each step's credit was caused: calibration factors with the error of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import fails

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.reconciliation import Calibration

__all__ = ["run"]


def run(evidence: Evidence) -> Calibration | None:
    """The factors; None where credit and effect are not reconciled."""
    if evidence.reconciliation is None or fails(evidence):
        return None
    return evidence.reconciliation.calibration()
