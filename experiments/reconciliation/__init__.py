"""Credit against effect: what was touched, what was attributed, what was caused."""

from __future__ import annotations

from experiments.reconciliation.result import Reconciliation
from experiments.reconciliation.table import reconcile

__all__ = ["Reconciliation", "reconcile"]
