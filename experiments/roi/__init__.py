"""Did it pay? Costs per arm, net benefit at a threshold, undecided thresholds, verdicts and the people they need."""

from experiments.roi.guardrails import Guardrail, GuardrailReading
from experiments.roi.verdicts import Verdict

__all__ = ["Guardrail", "GuardrailReading", "Verdict"]
