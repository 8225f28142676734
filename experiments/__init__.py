"""What the campaign caused, and whether it paid: experiments, cost thresholds, reconciliation, the post-mortem.

The ground floor, `attribution`, says who gets the credit; this package never turns credit into cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments._ours import check_attribution

check_attribution()

from attribution.core import messages  # noqa: E402 -- only after the check that it is ours
from attribution.core.lazy import attach  # noqa: E402

if TYPE_CHECKING:
    from attribution.core.errors import DesignError, InputError, PlanError, TableError, WakeLiftError, WakeLiftWarning
    from attribution.core.estimates import Comparison, Estimate, RatioSet
    from attribution.core.findings import Finding
    from experiments.design.cross_fitting import cross_fit
    from experiments.design.split import check_split
    from experiments.inference.means import compare_means
    from experiments.inference.multiplicity import adjust_pvalues
    from experiments.inference.rates import compare_rates
    from experiments.inference.ratios import ratio_interval
    from experiments.inference.sequential.always_valid import AlwaysValidSequence, always_valid, always_valid_sequence
    from experiments.inference.sequential.boundaries import spending_bounds
    from experiments.inference.sequential.bounds import Bounds
    from experiments.inference.sequential.classical import group_bounds
    from experiments.inference.sequential.conditional import ConditionalPower, conditional_power
    from experiments.inference.sequential.futility import futility_bounds
    from experiments.inference.sequential.stopped import StoppedEstimate, estimate_after_stopping
    from experiments.metrics import Count, Duration, Mean, Quantile, Rate, Ratio
    from experiments.outcomes import Outcomes, build_outcomes
    from experiments.plan import Plan
    from experiments.post_mortem.compose import postmortem
    from experiments.readout import Experiment, Readout
    from experiments.reconciliation import Reconciliation, reconcile
    from experiments.report.report import Report
    from experiments.roi import CostThresholds, Guardrail, Verdict, cost_thresholds
    from experiments.simulation import Campaign, simulate

messages.register("experiments")

_EXPORTS = {
    "AlwaysValidSequence": "experiments.inference.sequential.always_valid",
    "Bounds": "experiments.inference.sequential.bounds",
    "Campaign": "experiments.simulation",
    "Comparison": "attribution.core.estimates",
    "ConditionalPower": "experiments.inference.sequential.conditional",
    "CostThresholds": "experiments.roi",
    "Count": "experiments.metrics",
    "DesignError": "attribution.core.errors",
    "Duration": "experiments.metrics",
    "Estimate": "attribution.core.estimates",
    "Experiment": "experiments.readout",
    "Finding": "attribution.core.findings",
    "Guardrail": "experiments.roi",
    "InputError": "attribution.core.errors",
    "Mean": "experiments.metrics",
    "Outcomes": "experiments.outcomes",
    "Plan": "experiments.plan",
    "PlanError": "attribution.core.errors",
    "Quantile": "experiments.metrics",
    "Rate": "experiments.metrics",
    "Ratio": "experiments.metrics",
    "RatioSet": "attribution.core.estimates",
    "Readout": "experiments.readout",
    "Reconciliation": "experiments.reconciliation",
    "Report": "experiments.report.report",
    "StoppedEstimate": "experiments.inference.sequential.stopped",
    "TableError": "attribution.core.errors",
    "Verdict": "experiments.roi",
    "WakeLiftError": "attribution.core.errors",
    "WakeLiftWarning": "attribution.core.errors",
    "adjust_pvalues": "experiments.inference.multiplicity",
    "always_valid": "experiments.inference.sequential.always_valid",
    "always_valid_sequence": "experiments.inference.sequential.always_valid",
    "build_outcomes": "experiments.outcomes",
    "check_split": "experiments.design.split",
    "compare_means": "experiments.inference.means",
    "compare_rates": "experiments.inference.rates",
    "conditional_power": "experiments.inference.sequential.conditional",
    "cost_thresholds": "experiments.roi",
    "cross_fit": "experiments.design.cross_fitting",
    "estimate_after_stopping": "experiments.inference.sequential.stopped",
    "futility_bounds": "experiments.inference.sequential.futility",
    "group_bounds": "experiments.inference.sequential.classical",
    "postmortem": "experiments.post_mortem.compose",
    "ratio_interval": "experiments.inference.ratios",
    "reconcile": "experiments.reconciliation",
    "simulate": "experiments.simulation",
    "spending_bounds": "experiments.inference.sequential.boundaries",
}

__all__ = [
    "AlwaysValidSequence",
    "Bounds",
    "Campaign",
    "Comparison",
    "ConditionalPower",
    "CostThresholds",
    "Count",
    "DesignError",
    "Duration",
    "Estimate",
    "Experiment",
    "Finding",
    "Guardrail",
    "InputError",
    "Mean",
    "Outcomes",
    "Plan",
    "PlanError",
    "Quantile",
    "Rate",
    "Ratio",
    "RatioSet",
    "Readout",
    "Reconciliation",
    "Report",
    "StoppedEstimate",
    "TableError",
    "Verdict",
    "WakeLiftError",
    "WakeLiftWarning",
    "adjust_pvalues",
    "always_valid",
    "always_valid_sequence",
    "build_outcomes",
    "check_split",
    "compare_means",
    "compare_rates",
    "conditional_power",
    "cost_thresholds",
    "cross_fit",
    "estimate_after_stopping",
    "futility_bounds",
    "group_bounds",
    "postmortem",
    "ratio_interval",
    "reconcile",
    "simulate",
    "spending_bounds",
]

__getattr__, __dir__ = attach(__name__, _EXPORTS)
