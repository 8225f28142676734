"""How the functions of `experiments` are called that take counts, summaries, lists of numbers or planned figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from degenerate_world import MADE, World

import experiments as ex

CONTROL = [0.0, 2.0, 0.0, 4.0, 1.0, 0.0, 3.0, 0.0, 5.0, 1.0]
TREATED = [4.0, 0.0, 9.0, 0.0, 7.0, 5.0, 3.0, 8.0, 0.0, 6.0]
ARMS = [1.0, 0.0] * 20
BACK = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0] * 5
ANSWERED = [1.0, 0.0, 0.0, 0.0] * 10

MADE |= {
    "ex.spending_bounds": lambda w: ex.spending_bounds(3),
    "ex.kaplan_meier": lambda w: ex.kaplan_meier([3, 5, 5, 8, 13, 21], [1, 1, 0, 1, 1, 0]),
}


def _rates(function: Callable[..., Any], **options: Any) -> Callable[[World], Any]:
    """Two rates from counts."""

    def call(w: World) -> Any:
        hits = w.number("hits", 20, all_converted=60, none_converted=0)
        control_hits = w.number("control_hits", 10, all_converted=60, none_converted=0)
        return function(hits, w.number("n", 60), control_hits, w.number("control_n", 60), **options)

    return call


def _means(function: Callable[..., Any], **options: Any) -> Callable[[World], Any]:
    """Two means from summaries."""

    def call(w: World) -> Any:
        std, control_std = w.number("std", 3.0, zero_variance=0.0), w.number("control_std", 2.0, zero_variance=0.0)
        mean, control_mean = w.number("mean", 12.0), w.number("control_mean", 10.0)
        return function(mean, std, w.number("n", 60), control_mean, control_std, w.number("control_n", 50), **options)

    return call


def _ratio(w: World) -> Any:
    variances = w.number("numerator_variance", 0.04, zero_variance=0.0), w.number("denominator_variance", 0.01,
        zero_variance=0.0)  # fmt: skip
    return ex.ratio_interval(
        w.number("numerator", 3.0), w.number("denominator", 2.0), *variances, covariance=w.number("covariance", 0.001),
        level=w.number("level", 0.9),
    )  # fmt: skip


def _complier(w: World) -> Any:
    return ex.complier_effect(w.list("assigned", ARMS), w.list("treated", ANSWERED), w.list("outcome", BACK))


def _contamination(w: World) -> Any:
    return ex.contamination_bounds(w.list("assigned", ARMS), w.list("outcome", BACK), share=w.number("share", 0.05))


def _bayes_best(w: World) -> Any:
    return ex.bayes_best(w.mapping("arms", {"holdout": (10, 60), "sms": (20, 60), "push": (15, 60)}))


def _watch(w: World) -> Any:
    days = {f"2026-10-0{day}": w.mapping("counts", {"holdout": 50, "sms": 52}) for day in (1, 2)}
    return ex.watch_split(days, {w.name("holdout"): 0.5, w.name("sms"): 0.5})


def _dunnett(w: World) -> Any:
    arms = w.mapping("arms", {"holdout": (10, 3.0, 50), "sms": (12, 3.5, 60), "full": (13, 3.0, 55)})
    return ex.dunnett(arms, control=w.name("holdout"))


def _look(function: Callable[..., Any]) -> Callable[[World], Any]:
    def call(w: World) -> Any:
        seen = {"estimate": w.number("estimate", 0.012), "standard_error": w.number("standard_error", 0.004)}
        return function(w.made("ex.spending_bounds"), look=w.number("look", 2), **seen)

    return call


def _growth(w: World) -> Any:
    before = w.mapping("before", {"base": 1000, "reached": 200, "buyers": 40, "orders": 80, "value": 8000})
    after = w.mapping("after", {"base": 1100, "reached": 330, "buyers": 60, "orders": 120, "value": 10800})
    return ex.growth_chain(before, after)


def _options(w: World) -> Any:
    options = ex.PlanOptions(
        arms=w.number("arms", 2), looks=w.number("looks", 2), reach=w.number("reach", 0.8),
        icc=w.number("icc", 0.02), cluster_size=w.number("cluster_size", 4), covariates=w.number("covariates", 0.1),
    )  # fmt: skip
    return ex.sample_size_means(0.5, 2.0, options=options)


def _to_pay(w: World) -> dict[str, Any]:
    return {"value": w.number("value", 85.0), "cost": w.number("cost", 0.2), "incentive": w.number("incentive", 1.0)}


def _holdout(w: World) -> Any:
    return ex.optimal_holdout(
        w.number("persons", 6000), effect=(w.number("effect", 0.004), 0.004), horizon=w.number("horizon", 50_000),
        control=w.number("control", 0.02), value=w.number("value", 85.0), cost=w.number("cost", 0.2), relevant_net=0.3,
    )  # fmt: skip


def _information(w: World) -> Any:
    net = ex.Estimate(
        value=w.number("net", 0.1), low=-0.1, high=0.3, standard_error=w.number("standard_error", 0.1), n=10_000
    )
    return ex.value_of_information(
        net, persons=w.number("persons", 500_000), cost_per_person=w.number("cost_per_person", 0.02),
        sizes=[1000, 20_000],
    )  # fmt: skip


def _looks(w: World) -> Any:
    log = ex.Looks(planned=w.number("planned", 2000), arms=[w.name("sms")], control=w.name("holdout"))
    return log.append(
        "2026-10-12", matured=w.mapping("matured", {"holdout": 120, "sms": 1080}),
        events=w.mapping("events", {"holdout": 14, "sms": 190}),
        readings=w.mapping("readings", {"sms": (0.0059, 0.0033)}),
    )  # fmt: skip


def _guardrail(w: World) -> Any:
    guardrail = ex.Guardrail("closed", w.number("margin", 0.0005), level=w.number("level", 0.95))
    return guardrail.read(w.number("value", 0.0001), low=-0.0002, high=0.0004)


def _size(function: Callable[..., Any], *names: str, **numbers: float) -> Callable[[World], Any]:
    """A planned figure: every number by its name; the names in `names` are given by position."""

    def call(w: World) -> Any:
        given = {name: w.number(name, number) for name, number in numbers.items()}
        return function(*(given.pop(name) for name in names), **given)

    return call


CALLS: dict[str, Callable[[World], Any]] = {
    # --- counts and summaries ---
    "ex.check_split": lambda w: ex.check_split(
        w.mapping("counts", {"holdout": 60, "sms": 58}), {w.name("holdout"): 0.5, w.name("sms"): 0.5}
    ),
    "ex.watch_split": _watch,
    "ex.check_delivered": lambda w: ex.check_delivered(
        w.mapping("planned", {"sms": 60, "full": 58}), w.mapping("delivered", {"sms": 50, "full": 51})
    ),
    "ex.compare_rates": _rates(ex.compare_rates),
    "ex.compare_rates, boschloo": _rates(ex.compare_rates, method="boschloo"),
    "ex.compare_means": _means(ex.compare_means),
    "ex.ratio_interval": _ratio,
    "ex.complier_effect": _complier,
    "ex.contamination_bounds": _contamination,
    "ex.bayes_rates": _rates(ex.bayes_rates, value=85, cost=0.3),
    "ex.bayes_means": _means(ex.bayes_means, relevant=1.0),
    "ex.bayes_best": _bayes_best,
    "ex.compare_quantiles": lambda w: ex.compare_quantiles(
        w.list("values", [float(x * x) for x in range(1, 21)]), w.list("control_values", [x * 1.5 for x in range(20)])
    ),
    "ex.mann_whitney": lambda w: ex.mann_whitney(w.list("values", TREATED), w.list("control_values", CONTROL)),
    "ex.bootstrap": lambda w: ex.bootstrap(
        w.list("values", TREATED), w.list("control_values", CONTROL), replicates=w.number("replicates", 199)
    ),
    "ex.adjust_pvalues": lambda w: ex.adjust_pvalues(w.list("p", [0.01, 0.2, 0.04])),
    "ex.gatekeeping": lambda w: ex.gatekeeping(
        w.list("primary", [0.01, 0.04]), [w.list("secondary", [0.012, 0.001])]
    ),
    "ex.dunnett": _dunnett,
    "ex.equivalence_rates": _rates(ex.equivalence_rates, margin=0.1),
    "ex.equivalence_means": _means(ex.equivalence_means, margin=1.0),
    "ex.always_valid": _size(ex.always_valid, difference=0.02, standard_error=0.006, n=3000, planned_n=10_000),
    "ex.always_valid_sequence": lambda w: ex.always_valid_sequence(
        w.list("difference", [0.02, 0.015]), w.list("standard_error", [0.006, 0.004]), w.list("n", [3000, 6000])
    ),
    "ex.spending_bounds": _size(ex.spending_bounds, looks=3, level=0.95),
    "ex.group_bounds": _size(ex.group_bounds, looks=3, level=0.95),
    "ex.futility_bounds": _size(ex.futility_bounds, looks=2, power=0.8),
    "ex.Bounds.power": lambda w: w.made("ex.spending_bounds").power(w.number("drift", 2.0)),
    "ex.Bounds.drift_for": lambda w: w.made("ex.spending_bounds").drift_for(w.number("power", 0.8)),
    "ex.conditional_power": _look(ex.conditional_power),
    "ex.estimate_after_stopping": _look(ex.estimate_after_stopping),
    "ex.kaplan_meier": lambda w: ex.kaplan_meier(
        w.list("durations", [3.0, 5.0, 5.0, 8.0, 13.0, 21.0]), w.list("observed", [1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    ),
    "ex.KaplanMeier.at": lambda w: w.made("ex.kaplan_meier").at(w.number("time", 5.0)),
    "ex.KaplanMeier.quantile": lambda w: w.made("ex.kaplan_meier").quantile(w.number("share", 0.5)),
    "ex.KaplanMeier.restricted_mean": lambda w: w.made("ex.kaplan_meier").restricted_mean(w.number("horizon", 10.0)),
    "ex.Looks": _looks,
    "ex.growth_chain": _growth,
    # --- planning ---
    "ex.PlanOptions": _options,
    "ex.sample_size_rates": _size(ex.sample_size_rates, control=0.02, treatment=0.03, power=0.8, allocation=2.0),
    "ex.power_rates": _size(ex.power_rates, control=0.02, treatment=0.03, n=2000),
    "ex.detectable_rates": _size(ex.detectable_rates, control=0.02, n=2000, power=0.8),
    "ex.sample_size_means": _size(ex.sample_size_means, effect=0.5, std=2.0, power=0.8, allocation=2.0),
    "ex.power_means": _size(ex.power_means, effect=0.5, std=2.0, n=200),
    "ex.detectable_means": _size(ex.detectable_means, std=2.0, n=200, power=0.8),
    "ex.sample_size_ranks": _size(ex.sample_size_ranks, superiority=0.55, tied=0.1),
    "ex.power_ranks": _size(ex.power_ranks, superiority=0.55, n=300, tied=0.1),
    "ex.sample_size_equivalence_rates": _size(
        ex.sample_size_equivalence_rates, control=0.02, treatment=0.02, margin=0.01
    ),
    "ex.power_equivalence_rates": _size(
        ex.power_equivalence_rates, control=0.02, treatment=0.02, margin=0.01, n=3000
    ),
    "ex.sample_size_equivalence_means": _size(ex.sample_size_equivalence_means, effect=0.0, std=2.0, margin=0.5),
    "ex.power_equivalence_means": _size(ex.power_equivalence_means, effect=0.0, std=2.0, margin=0.5, n=300),
    "ex.ratio_std": _size(
        ex.ratio_std, ratio=2.0, denominator_mean=3.0, numerator_std=2.0, denominator_std=1.0, correlation=0.3
    ),
    "ex.count_std": _size(ex.count_std, mean=2.0, dispersion=0.5),
    "ex.quantile_std": _size(ex.quantile_std, q=0.5, density=0.1),
    "ex.best_shares": lambda w: ex.best_shares(
        costs=w.mapping("costs", {"holdout": 0.4, "sms": 0.1, "phone": 2.5}), control=w.name("holdout")
    ),
    "ex.power_curve": lambda w: ex.power_curve(
        w.list("effects", [0.002, 0.004]), w.list("n", [5000, 20_000]), control=w.number("control", 0.01)
    ),
    "ex.power_to_pay": lambda w: ex.power_to_pay(
        w.number("control", 0.02), w.number("treatment", 0.03), w.number("n", 5000), **_to_pay(w)
    ),
    "ex.sample_size_to_pay": lambda w: ex.sample_size_to_pay(
        w.number("control", 0.02), w.number("treatment", 0.03), **_to_pay(w)
    ),
    "ex.optimal_holdout": _holdout,
    "ex.plan_duration": lambda w: ex.plan_duration(
        w.number("persons", 6000), w.number("arrivals", 500), start=date(2026, 10, 1), looks=w.number("looks", 2)
    ),
    # --- money from numbers ---
    "ex.cost_ceiling": lambda w: ex.cost_ceiling(
        w.number("contribution", 150.0), servicing=w.number("servicing", 10.0),
        acquisition=w.number("acquisition", 9.0),
        incremental_share=w.number("incremental_share", 0.3),
    ),
    "ex.CostCeiling.incremental_cost": lambda w: ex.cost_ceiling(150.0, incremental_share=0.3).incremental_cost(
        w.number("cost_per_returner", 85.0)
    ),
    "ex.Guardrail": _guardrail,
    "ex.value_of_information": _information,
    "ex.RatioSet.contains": lambda w: ex.ratio_interval(3.0, 2.0, 0.04, 0.01).contains(w.number("x", 1.5)),
}  # fmt: skip

REASONS: dict[str, str] = {
    "ex.SplitWatch": "result of ex.watch_split",
    "ex.ComplierEffect": "result of ex.complier_effect",
    "ex.ContaminationBounds": "result of ex.contamination_bounds",
    "ex.BayesReading": "result of ex.bayes_rates, ex.bayes_means and ex.bayes_reading",
    "ex.BestArm": "result of ex.bayes_best",
    "ex.Bootstrap": "result of ex.bootstrap",
    "ex.Bounds": "result of ex.spending_bounds, ex.group_bounds and ex.futility_bounds; its methods have rows",
    "ex.ConditionalPower": "result of ex.conditional_power",
    "ex.StoppedEstimate": "result of ex.estimate_after_stopping",
    "ex.AlwaysValidSequence": "result of ex.always_valid_sequence",
    "ex.Dunnett": "result of ex.dunnett",
    "ex.Equivalence": "result of ex.equivalence_rates and ex.equivalence_means",
    "ex.KaplanMeier": "result of ex.kaplan_meier; its methods have rows",
    "ex.GrowthChain": "result of ex.growth_chain",
    "ex.SampleSize": "result of the functions ex.sample_size_*",
    "ex.Planned": "result of the functions ex.power_* and ex.detectable_*",
    "ex.PowerCurve": "result of ex.power_curve",
    "ex.PayPlan": "result of ex.power_to_pay",
    "ex.OptimalHoldout": "result of ex.optimal_holdout",
    "ex.PlannedDuration": "result of ex.plan_duration",
    "ex.CostCeiling": "result of ex.cost_ceiling; its method has a row",
    "ex.InformationValue": "result of ex.value_of_information",
    "ex.RatioSet": "result of ex.ratio_interval; its method has a row",
    "ex.Estimate": "the same class as at.Estimate, which has a row",
    "ex.Comparison": "the same class as at.Comparison",
    "ex.Finding": "the same class as at.Finding, which has a row",
    "ex.Verdict": "value that results hold, without methods",
    "ex.WakeLiftError": "error",
    "ex.InputError": "error",
    "ex.TableError": "error",
    "ex.DesignError": "error",
    "ex.PlanError": "error",
    "ex.WakeLiftWarning": "warning",
}
