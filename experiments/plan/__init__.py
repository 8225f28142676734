"""The declared analysis: the plan file, its errors in plain words, its lock, and the tables that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.lazy import attach

if TYPE_CHECKING:
    from experiments.plan.files import load_tables
    from experiments.plan.lock import Lock, lock_path, lock_plan, plan_changes, read_lock
    from experiments.plan.schema import Plan

__all__ = ["Lock", "Plan", "load_tables", "lock_path", "lock_plan", "plan_changes", "read_lock"]

_EXPORTS = {
    "Lock": "experiments.plan.lock",
    "Plan": "experiments.plan.schema",
    "load_tables": "experiments.plan.files",
    "lock_path": "experiments.plan.lock",
    "lock_plan": "experiments.plan.lock",
    "plan_changes": "experiments.plan.lock",
    "read_lock": "experiments.plan.lock",
}

# Pydantic is loaded only when a plan is.
__getattr__, __dir__ = attach(__name__, _EXPORTS)
