"""Did it pay? Costs per arm, net benefit at a threshold, undecided thresholds, verdicts and the people they need."""

from __future__ import annotations

from experiments.roi.guardrails import Guardrail, GuardrailReading
from experiments.roi.result import CostThresholds
from experiments.roi.thresholds import cost_thresholds
from experiments.roi.verdicts import Verdict

__all__ = ["CostThresholds", "Guardrail", "GuardrailReading", "Verdict", "cost_thresholds"]
