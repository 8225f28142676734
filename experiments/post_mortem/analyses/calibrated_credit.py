"""The credit of the whole table times the factors of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses import calibration

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.reconciliation import CalibratedCredit

__all__ = ["run"]


def run(evidence: Evidence) -> CalibratedCredit | None:
    """Calibrated credit, labelled as such; None without factors."""
    factors = calibration.run(evidence)
    return None if factors is None or evidence.credit is None else factors.apply(evidence.credit)
