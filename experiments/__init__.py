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
    from experiments.design.assignment import assign
    from experiments.design.assignment_check import verify_assignment
    from experiments.design.assignment_result import Assignment
    from experiments.design.balance import Balance, balance
    from experiments.design.cross_fitting import cross_fit
    from experiments.design.exclusions import check_delivered, check_exclusions
    from experiments.design.influence import check_influence
    from experiments.design.looks import Looks
    from experiments.design.negative_controls import PlaceboOutcome, placebo_outcome
    from experiments.design.placebo_contrast import PlaceboContrast, placebo_contrast
    from experiments.design.planning import (
        OptimalHoldout,
        PayPlan,
        Planned,
        PlannedDuration,
        PlanOptions,
        PowerCurve,
        SampleSize,
        best_shares,
        count_std,
        detectable_means,
        detectable_rates,
        optimal_holdout,
        plan_duration,
        power_curve,
        power_equivalence_means,
        power_equivalence_rates,
        power_means,
        power_ranks,
        power_rates,
        power_to_pay,
        quantile_std,
        ratio_std,
        sample_size_equivalence_means,
        sample_size_equivalence_rates,
        sample_size_means,
        sample_size_ranks,
        sample_size_rates,
        sample_size_to_pay,
    )
    from experiments.design.pull_forward import PullForward, pull_forward
    from experiments.design.sequential_split import SplitWatch, watch_split
    from experiments.design.spillover import SpilloverBound, spillover_bound
    from experiments.design.split import check_split
    from experiments.design.split_over_time import check_split_over_time
    from experiments.design.transport import Transport, transport
    from experiments.inference.bayes.best import BestArm, bayes_best
    from experiments.inference.bayes.means import bayes_means
    from experiments.inference.bayes.rates import bayes_rates
    from experiments.inference.bayes.result import BayesReading
    from experiments.inference.bootstrap import Bootstrap, bootstrap
    from experiments.inference.bootstrap_outcomes import OutcomesBootstrap, bootstrap_outcomes
    from experiments.inference.caps import PooledCap, pooled_cap
    from experiments.inference.compliance import complier_effect
    from experiments.inference.compliance_result import ComplierEffect
    from experiments.inference.contamination import ContaminationBounds, contamination_bounds
    from experiments.inference.dunnett import Dunnett, dunnett
    from experiments.inference.equivalence import Equivalence, equivalence_means, equivalence_rates
    from experiments.inference.gatekeeping import gatekeeping
    from experiments.inference.kaplan_meier import KaplanMeier, kaplan_meier
    from experiments.inference.means import compare_means
    from experiments.inference.multiplicity import adjust_pvalues
    from experiments.inference.quantiles import compare_quantiles
    from experiments.inference.randomisation import RandomisationTest, randomisation_test
    from experiments.inference.ranks import mann_whitney
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
    from experiments.outcomes.marked import mark_events
    from experiments.plan import Plan
    from experiments.plots import plot_distribution, plot_forest, plot_looks, plot_power, plot_reconciliation
    from experiments.plots.dormancy import plot_dormancy, plot_nth_purchase
    from experiments.plots.durability import plot_durability
    from experiments.plots.funnel import plot_funnel
    from experiments.plots.pressure import plot_pressure
    from experiments.plots.thresholds import plot_acceptability, plot_net_benefit
    from experiments.plots.uplift import plot_uplift
    from experiments.post_mortem.compose import postmortem
    from experiments.readout import Experiment, Readout
    from experiments.readout.aggregates import Aggregates
    from experiments.readout.aggregates_merge import merge_aggregates
    from experiments.readout.aggregates_table import read_aggregates
    from experiments.readout.bayes_reading import bayes_reading
    from experiments.readout.reach import reach
    from experiments.readout.reach_result import ReachEffects, ReachFunnel
    from experiments.readout.segments_result import SegmentReadout
    from experiments.reconciliation import (
        CalibratedCredit,
        Calibration,
        PlaceboCredit,
        Reconciliation,
        calibrate,
        placebo_credit,
        reconcile,
    )
    from experiments.report.report import Report
    from experiments.roi import CostThresholds, Guardrail, Verdict, cost_thresholds
    from experiments.roi.acceptability import AcceptabilityCurve
    from experiments.roi.break_even import BreakEven, CostCeiling, cost_ceiling
    from experiments.roi.budget import plan_budget
    from experiments.roi.budget_result import BudgetPlan
    from experiments.roi.cross_value import CrossData, CrossValue, cross_value
    from experiments.roi.gates import GateTable, ThresholdGate, check_gates
    from experiments.roi.guardrail_readings import GuardrailTable, guardrail_table
    from experiments.roi.information import InformationValue, value_of_information
    from experiments.roi.marginal import marginal_costs
    from experiments.roi.marginal_result import MarginalCosts
    from experiments.roi.money import money_test
    from experiments.roi.money_result import MoneyTest
    from experiments.roi.monitor import NetBenefitMonitor
    from experiments.roi.monitor_thresholds import monitor_thresholds
    from experiments.roi.tipping import Tipping, tipping
    from experiments.roi.value import ValuePerWakeup, value_per_wakeup
    from experiments.simulation import Campaign, simulate
    from experiments.uplift.curve_result import UpliftCurve
    from experiments.uplift.learners import DoublyRobust, TransformedOutcome, TwoModel
    from experiments.uplift.leave_alone import LeaveAlone, leave_alone
    from experiments.uplift.policy import PolicyValue, policy_value
    from experiments.uplift.ranking import TopShare, UpliftRanking, rank_uplift
    from experiments.uplift.scored import profit_curve, uplift_curve
    from experiments.wakeup.aha import aha_threshold
    from experiments.wakeup.aha_result import AhaThreshold
    from experiments.wakeup.channel_quality import channel_quality
    from experiments.wakeup.channel_quality_result import ChannelQuality
    from experiments.wakeup.dormancy import dormancy_curve
    from experiments.wakeup.dormancy_result import DormancyCurve, DormancyCut
    from experiments.wakeup.durability import Durability, durability
    from experiments.wakeup.effective_customers import effective_customers
    from experiments.wakeup.effective_result import EffectiveCustomers
    from experiments.wakeup.flows import customer_flows
    from experiments.wakeup.flows_result import CustomerFlows, FlowSeries
    from experiments.wakeup.funnel import Funnel, funnel
    from experiments.wakeup.growth import growth_chain
    from experiments.wakeup.growth_period import growth_period
    from experiments.wakeup.growth_result import GrowthChain, GrowthPeriod
    from experiments.wakeup.lookalike import match_lookalikes
    from experiments.wakeup.lookalike_result import Lookalikes
    from experiments.wakeup.nth_purchase import nth_purchase
    from experiments.wakeup.nth_purchase_result import NthPurchase
    from experiments.wakeup.offers import off_segment_offers
    from experiments.wakeup.offers_result import OffSegmentOffers
    from experiments.wakeup.pressure import ContactPressure, contact_pressure
    from experiments.wakeup.pressure_chains import Chains, hand_overs
    from experiments.wakeup.reachable import ReachMatrix, reach_matrix
    from experiments.wakeup.referral import referral
    from experiments.wakeup.referral_result import Referral
    from experiments.wakeup.retention import retention
    from experiments.wakeup.retention_result import Retention
    from experiments.wakeup.sales import sales_campaign
    from experiments.wakeup.sales_result import SalesCampaign
    from experiments.wakeup.scenes import scenes
    from experiments.wakeup.scenes_declared import AtNth, DropOut, Lapsed, Scene, standard_scenes
    from experiments.wakeup.scenes_result import Audiences
    from experiments.wakeup.slots import Slots, slots
    from experiments.wakeup.states import CustomerStates, customer_states
    from experiments.wakeup.time_to import TimeTo, time_to_first, time_to_next

messages.register("experiments")

_EXPORTS = {
    "AcceptabilityCurve": "experiments.roi.acceptability",
    "Aggregates": "experiments.readout.aggregates",
    "AhaThreshold": "experiments.wakeup.aha_result",
    "AlwaysValidSequence": "experiments.inference.sequential.always_valid",
    "Assignment": "experiments.design.assignment_result",
    "AtNth": "experiments.wakeup.scenes_declared",
    "Audiences": "experiments.wakeup.scenes_result",
    "Balance": "experiments.design.balance",
    "BayesReading": "experiments.inference.bayes.result",
    "BestArm": "experiments.inference.bayes.best",
    "Bootstrap": "experiments.inference.bootstrap",
    "Bounds": "experiments.inference.sequential.bounds",
    "BreakEven": "experiments.roi.break_even",
    "BudgetPlan": "experiments.roi.budget_result",
    "CalibratedCredit": "experiments.reconciliation",
    "Calibration": "experiments.reconciliation",
    "Campaign": "experiments.simulation",
    "Chains": "experiments.wakeup.pressure_chains",
    "ChannelQuality": "experiments.wakeup.channel_quality_result",
    "Comparison": "attribution.core.estimates",
    "ComplierEffect": "experiments.inference.compliance_result",
    "ConditionalPower": "experiments.inference.sequential.conditional",
    "ContactPressure": "experiments.wakeup.pressure",
    "ContaminationBounds": "experiments.inference.contamination",
    "CostCeiling": "experiments.roi.break_even",
    "CostThresholds": "experiments.roi",
    "Count": "experiments.metrics",
    "CrossData": "experiments.roi.cross_value",
    "CrossValue": "experiments.roi.cross_value",
    "CustomerFlows": "experiments.wakeup.flows_result",
    "CustomerStates": "experiments.wakeup.states",
    "DesignError": "attribution.core.errors",
    "DormancyCurve": "experiments.wakeup.dormancy_result",
    "DormancyCut": "experiments.wakeup.dormancy_result",
    "DoublyRobust": "experiments.uplift.learners",
    "DropOut": "experiments.wakeup.scenes_declared",
    "Dunnett": "experiments.inference.dunnett",
    "Durability": "experiments.wakeup.durability",
    "Duration": "experiments.metrics",
    "EffectiveCustomers": "experiments.wakeup.effective_result",
    "Equivalence": "experiments.inference.equivalence",
    "Estimate": "attribution.core.estimates",
    "Experiment": "experiments.readout",
    "Finding": "attribution.core.findings",
    "FlowSeries": "experiments.wakeup.flows_result",
    "Funnel": "experiments.wakeup.funnel",
    "GateTable": "experiments.roi.gates",
    "GrowthChain": "experiments.wakeup.growth_result",
    "GrowthPeriod": "experiments.wakeup.growth_result",
    "Guardrail": "experiments.roi",
    "GuardrailTable": "experiments.roi.guardrail_readings",
    "InformationValue": "experiments.roi.information",
    "InputError": "attribution.core.errors",
    "KaplanMeier": "experiments.inference.kaplan_meier",
    "Lapsed": "experiments.wakeup.scenes_declared",
    "LeaveAlone": "experiments.uplift.leave_alone",
    "Lookalikes": "experiments.wakeup.lookalike_result",
    "Looks": "experiments.design.looks",
    "MarginalCosts": "experiments.roi.marginal_result",
    "Mean": "experiments.metrics",
    "MoneyTest": "experiments.roi.money_result",
    "NetBenefitMonitor": "experiments.roi.monitor",
    "NthPurchase": "experiments.wakeup.nth_purchase_result",
    "OffSegmentOffers": "experiments.wakeup.offers_result",
    "OptimalHoldout": "experiments.design.planning",
    "Outcomes": "experiments.outcomes",
    "OutcomesBootstrap": "experiments.inference.bootstrap_outcomes",
    "PayPlan": "experiments.design.planning",
    "PlaceboContrast": "experiments.design.placebo_contrast",
    "PlaceboCredit": "experiments.reconciliation",
    "PlaceboOutcome": "experiments.design.negative_controls",
    "Plan": "experiments.plan",
    "PlanError": "attribution.core.errors",
    "PlanOptions": "experiments.design.planning",
    "Planned": "experiments.design.planning",
    "PlannedDuration": "experiments.design.planning",
    "PolicyValue": "experiments.uplift.policy",
    "PooledCap": "experiments.inference.caps",
    "PowerCurve": "experiments.design.planning",
    "PullForward": "experiments.design.pull_forward",
    "Quantile": "experiments.metrics",
    "RandomisationTest": "experiments.inference.randomisation",
    "Rate": "experiments.metrics",
    "Ratio": "experiments.metrics",
    "RatioSet": "attribution.core.estimates",
    "ReachEffects": "experiments.readout.reach_result",
    "ReachFunnel": "experiments.readout.reach_result",
    "ReachMatrix": "experiments.wakeup.reachable",
    "Readout": "experiments.readout",
    "Reconciliation": "experiments.reconciliation",
    "Referral": "experiments.wakeup.referral_result",
    "Report": "experiments.report.report",
    "Retention": "experiments.wakeup.retention_result",
    "SalesCampaign": "experiments.wakeup.sales_result",
    "SampleSize": "experiments.design.planning",
    "Scene": "experiments.wakeup.scenes_declared",
    "SegmentReadout": "experiments.readout.segments_result",
    "Slots": "experiments.wakeup.slots",
    "SpilloverBound": "experiments.design.spillover",
    "SplitWatch": "experiments.design.sequential_split",
    "StoppedEstimate": "experiments.inference.sequential.stopped",
    "TableError": "attribution.core.errors",
    "ThresholdGate": "experiments.roi.gates",
    "TimeTo": "experiments.wakeup.time_to",
    "Tipping": "experiments.roi.tipping",
    "TopShare": "experiments.uplift.ranking",
    "TransformedOutcome": "experiments.uplift.learners",
    "Transport": "experiments.design.transport",
    "TwoModel": "experiments.uplift.learners",
    "UpliftCurve": "experiments.uplift.curve_result",
    "UpliftRanking": "experiments.uplift.ranking",
    "ValuePerWakeup": "experiments.roi.value",
    "Verdict": "experiments.roi",
    "WakeLiftError": "attribution.core.errors",
    "WakeLiftWarning": "attribution.core.errors",
    "adjust_pvalues": "experiments.inference.multiplicity",
    "aha_threshold": "experiments.wakeup.aha",
    "always_valid": "experiments.inference.sequential.always_valid",
    "always_valid_sequence": "experiments.inference.sequential.always_valid",
    "assign": "experiments.design.assignment",
    "balance": "experiments.design.balance",
    "bayes_best": "experiments.inference.bayes.best",
    "bayes_means": "experiments.inference.bayes.means",
    "bayes_rates": "experiments.inference.bayes.rates",
    "bayes_reading": "experiments.readout.bayes_reading",
    "best_shares": "experiments.design.planning",
    "bootstrap": "experiments.inference.bootstrap",
    "bootstrap_outcomes": "experiments.inference.bootstrap_outcomes",
    "build_outcomes": "experiments.outcomes",
    "calibrate": "experiments.reconciliation",
    "channel_quality": "experiments.wakeup.channel_quality",
    "check_delivered": "experiments.design.exclusions",
    "check_exclusions": "experiments.design.exclusions",
    "check_gates": "experiments.roi.gates",
    "check_influence": "experiments.design.influence",
    "check_split": "experiments.design.split",
    "check_split_over_time": "experiments.design.split_over_time",
    "compare_means": "experiments.inference.means",
    "compare_quantiles": "experiments.inference.quantiles",
    "compare_rates": "experiments.inference.rates",
    "complier_effect": "experiments.inference.compliance",
    "conditional_power": "experiments.inference.sequential.conditional",
    "contact_pressure": "experiments.wakeup.pressure",
    "contamination_bounds": "experiments.inference.contamination",
    "cost_ceiling": "experiments.roi.break_even",
    "cost_thresholds": "experiments.roi",
    "count_std": "experiments.design.planning",
    "cross_fit": "experiments.design.cross_fitting",
    "cross_value": "experiments.roi.cross_value",
    "customer_flows": "experiments.wakeup.flows",
    "customer_states": "experiments.wakeup.states",
    "detectable_means": "experiments.design.planning",
    "detectable_rates": "experiments.design.planning",
    "dormancy_curve": "experiments.wakeup.dormancy",
    "dunnett": "experiments.inference.dunnett",
    "durability": "experiments.wakeup.durability",
    "effective_customers": "experiments.wakeup.effective_customers",
    "equivalence_means": "experiments.inference.equivalence",
    "equivalence_rates": "experiments.inference.equivalence",
    "estimate_after_stopping": "experiments.inference.sequential.stopped",
    "funnel": "experiments.wakeup.funnel",
    "futility_bounds": "experiments.inference.sequential.futility",
    "gatekeeping": "experiments.inference.gatekeeping",
    "group_bounds": "experiments.inference.sequential.classical",
    "growth_chain": "experiments.wakeup.growth",
    "growth_period": "experiments.wakeup.growth_period",
    "guardrail_table": "experiments.roi.guardrail_readings",
    "hand_overs": "experiments.wakeup.pressure_chains",
    "kaplan_meier": "experiments.inference.kaplan_meier",
    "leave_alone": "experiments.uplift.leave_alone",
    "mann_whitney": "experiments.inference.ranks",
    "marginal_costs": "experiments.roi.marginal",
    "mark_events": "experiments.outcomes.marked",
    "match_lookalikes": "experiments.wakeup.lookalike",
    "merge_aggregates": "experiments.readout.aggregates_merge",
    "money_test": "experiments.roi.money",
    "monitor_thresholds": "experiments.roi.monitor_thresholds",
    "nth_purchase": "experiments.wakeup.nth_purchase",
    "off_segment_offers": "experiments.wakeup.offers",
    "optimal_holdout": "experiments.design.planning",
    "placebo_contrast": "experiments.design.placebo_contrast",
    "placebo_credit": "experiments.reconciliation",
    "placebo_outcome": "experiments.design.negative_controls",
    "plan_budget": "experiments.roi.budget",
    "plan_duration": "experiments.design.planning",
    "plot_acceptability": "experiments.plots.thresholds",
    "plot_distribution": "experiments.plots",
    "plot_dormancy": "experiments.plots.dormancy",
    "plot_durability": "experiments.plots.durability",
    "plot_forest": "experiments.plots",
    "plot_funnel": "experiments.plots.funnel",
    "plot_looks": "experiments.plots",
    "plot_net_benefit": "experiments.plots.thresholds",
    "plot_nth_purchase": "experiments.plots.dormancy",
    "plot_power": "experiments.plots",
    "plot_pressure": "experiments.plots.pressure",
    "plot_reconciliation": "experiments.plots",
    "plot_uplift": "experiments.plots.uplift",
    "policy_value": "experiments.uplift.policy",
    "pooled_cap": "experiments.inference.caps",
    "postmortem": "experiments.post_mortem.compose",
    "power_curve": "experiments.design.planning",
    "power_equivalence_means": "experiments.design.planning",
    "power_equivalence_rates": "experiments.design.planning",
    "power_means": "experiments.design.planning",
    "power_ranks": "experiments.design.planning",
    "power_rates": "experiments.design.planning",
    "power_to_pay": "experiments.design.planning",
    "profit_curve": "experiments.uplift.scored",
    "pull_forward": "experiments.design.pull_forward",
    "quantile_std": "experiments.design.planning",
    "randomisation_test": "experiments.inference.randomisation",
    "rank_uplift": "experiments.uplift.ranking",
    "ratio_interval": "experiments.inference.ratios",
    "ratio_std": "experiments.design.planning",
    "reach": "experiments.readout.reach",
    "reach_matrix": "experiments.wakeup.reachable",
    "read_aggregates": "experiments.readout.aggregates_table",
    "reconcile": "experiments.reconciliation",
    "referral": "experiments.wakeup.referral",
    "retention": "experiments.wakeup.retention",
    "sales_campaign": "experiments.wakeup.sales",
    "sample_size_equivalence_means": "experiments.design.planning",
    "sample_size_equivalence_rates": "experiments.design.planning",
    "sample_size_means": "experiments.design.planning",
    "sample_size_ranks": "experiments.design.planning",
    "sample_size_rates": "experiments.design.planning",
    "sample_size_to_pay": "experiments.design.planning",
    "scenes": "experiments.wakeup.scenes",
    "simulate": "experiments.simulation",
    "slots": "experiments.wakeup.slots",
    "spending_bounds": "experiments.inference.sequential.boundaries",
    "spillover_bound": "experiments.design.spillover",
    "standard_scenes": "experiments.wakeup.scenes_declared",
    "time_to_first": "experiments.wakeup.time_to",
    "time_to_next": "experiments.wakeup.time_to",
    "tipping": "experiments.roi.tipping",
    "transport": "experiments.design.transport",
    "uplift_curve": "experiments.uplift.scored",
    "value_of_information": "experiments.roi.information",
    "value_per_wakeup": "experiments.roi.value",
    "verify_assignment": "experiments.design.assignment_check",
    "watch_split": "experiments.design.sequential_split",
}

__all__ = [
    "AcceptabilityCurve",
    "Aggregates",
    "AhaThreshold",
    "AlwaysValidSequence",
    "Assignment",
    "AtNth",
    "Audiences",
    "Balance",
    "BayesReading",
    "BestArm",
    "Bootstrap",
    "Bounds",
    "BreakEven",
    "BudgetPlan",
    "CalibratedCredit",
    "Calibration",
    "Campaign",
    "Chains",
    "ChannelQuality",
    "Comparison",
    "ComplierEffect",
    "ConditionalPower",
    "ContactPressure",
    "ContaminationBounds",
    "CostCeiling",
    "CostThresholds",
    "Count",
    "CrossData",
    "CrossValue",
    "CustomerFlows",
    "CustomerStates",
    "DesignError",
    "DormancyCurve",
    "DormancyCut",
    "DoublyRobust",
    "DropOut",
    "Dunnett",
    "Durability",
    "Duration",
    "EffectiveCustomers",
    "Equivalence",
    "Estimate",
    "Experiment",
    "Finding",
    "FlowSeries",
    "Funnel",
    "GateTable",
    "GrowthChain",
    "GrowthPeriod",
    "Guardrail",
    "GuardrailTable",
    "InformationValue",
    "InputError",
    "KaplanMeier",
    "Lapsed",
    "LeaveAlone",
    "Lookalikes",
    "Looks",
    "MarginalCosts",
    "Mean",
    "MoneyTest",
    "NetBenefitMonitor",
    "NthPurchase",
    "OffSegmentOffers",
    "OptimalHoldout",
    "Outcomes",
    "OutcomesBootstrap",
    "PayPlan",
    "PlaceboContrast",
    "PlaceboCredit",
    "PlaceboOutcome",
    "Plan",
    "PlanError",
    "PlanOptions",
    "Planned",
    "PlannedDuration",
    "PolicyValue",
    "PooledCap",
    "PowerCurve",
    "PullForward",
    "Quantile",
    "RandomisationTest",
    "Rate",
    "Ratio",
    "RatioSet",
    "ReachEffects",
    "ReachFunnel",
    "ReachMatrix",
    "Readout",
    "Reconciliation",
    "Referral",
    "Report",
    "Retention",
    "SalesCampaign",
    "SampleSize",
    "Scene",
    "SegmentReadout",
    "Slots",
    "SpilloverBound",
    "SplitWatch",
    "StoppedEstimate",
    "TableError",
    "ThresholdGate",
    "TimeTo",
    "Tipping",
    "TopShare",
    "TransformedOutcome",
    "Transport",
    "TwoModel",
    "UpliftCurve",
    "UpliftRanking",
    "ValuePerWakeup",
    "Verdict",
    "WakeLiftError",
    "WakeLiftWarning",
    "adjust_pvalues",
    "aha_threshold",
    "always_valid",
    "always_valid_sequence",
    "assign",
    "balance",
    "bayes_best",
    "bayes_means",
    "bayes_rates",
    "bayes_reading",
    "best_shares",
    "bootstrap",
    "bootstrap_outcomes",
    "build_outcomes",
    "calibrate",
    "channel_quality",
    "check_delivered",
    "check_exclusions",
    "check_gates",
    "check_influence",
    "check_split",
    "check_split_over_time",
    "compare_means",
    "compare_quantiles",
    "compare_rates",
    "complier_effect",
    "conditional_power",
    "contact_pressure",
    "contamination_bounds",
    "cost_ceiling",
    "cost_thresholds",
    "count_std",
    "cross_fit",
    "cross_value",
    "customer_flows",
    "customer_states",
    "detectable_means",
    "detectable_rates",
    "dormancy_curve",
    "dunnett",
    "durability",
    "effective_customers",
    "equivalence_means",
    "equivalence_rates",
    "estimate_after_stopping",
    "funnel",
    "futility_bounds",
    "gatekeeping",
    "group_bounds",
    "growth_chain",
    "growth_period",
    "guardrail_table",
    "hand_overs",
    "kaplan_meier",
    "leave_alone",
    "mann_whitney",
    "marginal_costs",
    "mark_events",
    "match_lookalikes",
    "merge_aggregates",
    "money_test",
    "monitor_thresholds",
    "nth_purchase",
    "off_segment_offers",
    "optimal_holdout",
    "placebo_contrast",
    "placebo_credit",
    "placebo_outcome",
    "plan_budget",
    "plan_duration",
    "plot_acceptability",
    "plot_distribution",
    "plot_dormancy",
    "plot_durability",
    "plot_forest",
    "plot_funnel",
    "plot_looks",
    "plot_net_benefit",
    "plot_nth_purchase",
    "plot_power",
    "plot_pressure",
    "plot_reconciliation",
    "plot_uplift",
    "policy_value",
    "pooled_cap",
    "postmortem",
    "power_curve",
    "power_equivalence_means",
    "power_equivalence_rates",
    "power_means",
    "power_ranks",
    "power_rates",
    "power_to_pay",
    "profit_curve",
    "pull_forward",
    "quantile_std",
    "randomisation_test",
    "rank_uplift",
    "ratio_interval",
    "ratio_std",
    "reach",
    "reach_matrix",
    "read_aggregates",
    "reconcile",
    "referral",
    "retention",
    "sales_campaign",
    "sample_size_equivalence_means",
    "sample_size_equivalence_rates",
    "sample_size_means",
    "sample_size_ranks",
    "sample_size_rates",
    "sample_size_to_pay",
    "scenes",
    "simulate",
    "slots",
    "spending_bounds",
    "spillover_bound",
    "standard_scenes",
    "time_to_first",
    "time_to_next",
    "tipping",
    "transport",
    "uplift_curve",
    "value_of_information",
    "value_per_wakeup",
    "verify_assignment",
    "watch_split",
]

__getattr__, __dir__ = attach(__name__, _EXPORTS)
