"""How many persons, what power, which smallest effect, how long, at what price: before the campaign."""

from experiments.design.planning.arms import best_shares
from experiments.design.planning.curve import PowerCurve, power_curve
from experiments.design.planning.duration import PlannedDuration, plan_duration
from experiments.design.planning.equivalence import (
    power_equivalence_means,
    power_equivalence_rates,
    sample_size_equivalence_means,
    sample_size_equivalence_rates,
)
from experiments.design.planning.holdout import OptimalHoldout, optimal_holdout
from experiments.design.planning.means import detectable_means, power_means, sample_size_means
from experiments.design.planning.money import PayPlan, power_to_pay, sample_size_to_pay
from experiments.design.planning.options import PlanOptions
from experiments.design.planning.rates import detectable_rates, power_rates, sample_size_rates
from experiments.design.planning.size import Planned, SampleSize
from experiments.design.planning.spread import count_std, power_ranks, quantile_std, ratio_std, sample_size_ranks

__all__ = [
    "OptimalHoldout",
    "PayPlan",
    "PlanOptions",
    "Planned",
    "PlannedDuration",
    "PowerCurve",
    "SampleSize",
    "best_shares",
    "count_std",
    "detectable_means",
    "detectable_rates",
    "optimal_holdout",
    "plan_duration",
    "power_curve",
    "power_equivalence_means",
    "power_equivalence_rates",
    "power_means",
    "power_ranks",
    "power_rates",
    "power_to_pay",
    "quantile_std",
    "ratio_std",
    "sample_size_equivalence_means",
    "sample_size_equivalence_rates",
    "sample_size_means",
    "sample_size_ranks",
    "sample_size_rates",
    "sample_size_to_pay",
]
