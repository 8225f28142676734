"""Credit against effect: what was touched, what was attributed, what was caused."""

from __future__ import annotations

from experiments.reconciliation.applied import CalibratedCredit
from experiments.reconciliation.calibration import Calibration, calibrate
from experiments.reconciliation.placebo import PlaceboCredit, placebo_credit
from experiments.reconciliation.result import Reconciliation
from experiments.reconciliation.table import reconcile

__all__ = [
    "CalibratedCredit",
    "Calibration",
    "PlaceboCredit",
    "Reconciliation",
    "calibrate",
    "placebo_credit",
    "reconcile",
]
