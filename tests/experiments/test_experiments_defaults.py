"""What is left out means what the documentation says: each option left out, as documented, and otherwise."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from adjustment_cases import case
from attribution.core.estimates import Estimate, RatioSet
from experiments.inference.clusters import clustered_figures
from experiments.inference.counts import checked_tables
from experiments.inference.dunnett import joint_tests
from experiments.inference.equivalence import rates_margin_p
from experiments.inference.means import compare_stratified_means
from experiments.inference.quantiles import quantile_figures
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.redrawn import pair_of, redraw
from experiments.roi.allocation import Choice, allocate
from experiments.roi.arms import ArmCosts
from experiments.roi.marginal import wave_level
from experiments.roi.net_benefit import net_benefit
from experiments.roi.people import people_needed
from experiments.roi.undecided import cost_per_incremental, undecided_thresholds


def told(thing):
    """Everything a result holds, as plain values that can be compared."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {one.name: told(getattr(thing, one.name)) for one in dataclasses.fields(thing)}
    if isinstance(thing, np.ndarray):
        return told(thing.tolist())
    if isinstance(thing, Mapping):
        return {str(key): told(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [told(one) for one in thing]
    if isinstance(thing, float) and math.isnan(thing):
        return "nan"
    return thing if isinstance(thing, (str, int, float, bool, type(None))) else str(type(thing))


RNG = np.random.default_rng(3)
X, Y = RNG.gamma(2.0, 3.0, 60), RNG.gamma(2.0, 2.5, 40)
TABLE = pd.DataFrame({"arm": ["sms"] * 60 + ["holdout"] * 40, "value": np.r_[X, Y]})
Z, TAKEN = np.repeat([1, 0], 50), np.array([1] * 30 + [0] * 20 + [1] * 6 + [0] * 44)
OUTCOME = (RNG.random(100) < 0.3 + 0.2 * TAKEN).astype(float)
BOUNDS = ex.spending_bounds(3)
COSTS = {"cost_mean_woken": 5.0, "cost_mean_other": 0.5, "cost_variance_woken": 4.0, "cost_variance_other": 0.25}
ARMS = [ArmCosts(n=4000, woken=400, **COSTS)], [ArmCosts(n=2000, woken=100, **COSTS)]
MEANS = (12.0, 9.0, 60, 8.0, 12.0, 45)
RATES = (30, 100, 18, 90)
GROUPS = {"control": (10.0, 3.0, 40), "a": (11.0, 4.0, 50), "b": (12.5, 3.5, 45)}
NET = ex.compare_means(1.0, 30.0, 4000, 0.5, 28.0, 3000).difference
RULES = ex.CrossData(net=RNG.normal(size=80), arm=np.arange(80) % 2, unit=np.arange(80))
PERSONS = pd.DataFrame({"arm": ["a", "b"] * 60, "y": RNG.gamma(2.0, 3.0, 120), "bottom": 1.0 + RNG.random(120)})
PERSONS["shop"] = np.arange(120) // 2 % 24 * 2 + (PERSONS.arm == "b")
WHOLE, SHOPS = case(PERSONS), case(PERSONS, bottom="bottom", cluster="shop")
PAIR = pair_of(WHOLE.rows, ((),), np.ones(1), arm="b", control="a")
CHOICES = [Choice(segment=0, arm=1, cost=10.0, value=15.0), Choice(segment=1, arm=1, cost=10.0, value=14.0)]
BUDGETED = pd.DataFrame({"arm": RNG.choice(["holdout", "sms"], 3000), "tier": RNG.choice(["gold", "plain"], 3000)})
BUDGETED["woken"] = (RNG.random(3000) < np.where(BUDGETED.arm == "sms", 0.2, 0.1)).astype(int)
BUDGETED["cost"] = np.where(BUDGETED.arm == "sms", 0.5 + 4.0 * BUDGETED.woken, 0.0)
BUDGETED["person_id"] = np.arange(3000)
SPLIT = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "sms": 0.5})


def best(learn, held):
    means = [RULES.net[learn][RULES.arm[learn] == one].mean() for one in (0, 1)]
    return np.full(len(held), int(np.argmax(means)))


CALLS = {
    "compare_means": partial(ex.compare_means, *MEANS),
    "compare_stratified_means": partial(compare_stratified_means, *([one, one + 1] for one in MEANS)),
    "compare_rates": partial(ex.compare_rates, *RATES),
    "compare_stratified_rates": partial(compare_stratified_rates, *([one, one + 7] for one in RATES)),
    "ratio_interval": partial(ex.ratio_interval, 3.0, 2.0, 0.09, 0.04),
    "mann_whitney": partial(ex.mann_whitney, X, Y),
    "compare_quantiles": partial(ex.compare_quantiles, X, Y),
    "dunnett": partial(ex.dunnett, GROUPS, control="control"),
    "equivalence_means": partial(ex.equivalence_means, *MEANS, margin=0.9),
    "equivalence_rates": partial(ex.equivalence_rates, *RATES, margin=0.3),
    "kaplan_meier": partial(ex.kaplan_meier, X, X < 9),
    "bootstrap": partial(ex.bootstrap, X[:20], Y[:20]),
    "bootstrap_outcomes": partial(ex.bootstrap_outcomes, TABLE, "value"),
    "randomisation_test": partial(ex.randomisation_test, TABLE, "value"),
    "bayes_rates": partial(ex.bayes_rates, *RATES),
    "bayes_means": partial(ex.bayes_means, *MEANS),
    "bayes_best": partial(ex.bayes_best, {"a": (30, 100), "b": (22, 100)}),
    "always_valid": partial(ex.always_valid, 0.5, 0.2, 400),
    "always_valid_sequence": partial(ex.always_valid_sequence, [0.5, 0.4], [0.2, 0.1], [100, 400]),
    "spending_bounds": partial(ex.spending_bounds, 3),
    "group_bounds": partial(ex.group_bounds, 3),
    "futility_bounds": partial(ex.futility_bounds, 3),
    "conditional_power": partial(ex.conditional_power, BOUNDS, look=1, estimate=0.2, standard_error=0.15),
    "estimate_after_stopping": partial(ex.estimate_after_stopping, BOUNDS, look=2, estimate=0.6, standard_error=0.15),
    "complier_effect": partial(ex.complier_effect, Z, TAKEN, OUTCOME),
    "contamination_bounds": partial(ex.contamination_bounds, Z, OUTCOME, share=0.1),
    "pooled_cap": partial(ex.pooled_cap, TABLE, "value"),
    "net_benefit": partial(net_benefit, *ARMS, 30.0),
    "undecided_thresholds": partial(undecided_thresholds, *ARMS),
    "cost_per_incremental": partial(cost_per_incremental, *ARMS),
    "cross_value": partial(ex.cross_value, RULES, best),
    "value_of_information": partial(ex.value_of_information, NET, persons=50_000, sizes=[2_000]),
    "clustered_figures": partial(clustered_figures, SHOPS.clusters, SHOPS.grid, weights=SHOPS.weights),
    "joint_tests": partial(joint_tests, [0.04, 0.03, 0.02], [60.0] * 3, np.full(3, 0.7), level=0.95),
    "rates_margin_p": partial(rates_margin_p, checked_tables(3, 40, 9, 60), 0.05, upper=True),
    "quantile_figures": partial(quantile_figures, WHOLE.rows, WHOLE.grid, 0.5, weights=np.ones(1)),
    "redraw": partial(redraw, PAIR),
    "wave_level": partial(wave_level, 2, level=0.95, planned=3),
    "plan_budget": partial(
        ex.plan_budget, BUDGETED, budget=900, by="tier", thresholds=60, order=["holdout", "sms"], experiment=SPLIT
    ),
    "people_needed": partial(people_needed, NET, 7000),
    "allocate": partial(allocate, CHOICES, 15.0),
    "cost_ceiling": partial(ex.cost_ceiling, 80.0),
}
OPTIONS = [
    *[(name, "level", 0.95, 0.9) for name in (
        "compare_means", "compare_stratified_means", "compare_rates", "compare_stratified_rates", "ratio_interval",
        "mann_whitney", "compare_quantiles", "dunnett", "equivalence_means", "equivalence_rates", "kaplan_meier",
        "bootstrap", "bootstrap_outcomes", "bayes_rates", "bayes_means", "bayes_best", "always_valid",
        "always_valid_sequence", "spending_bounds", "group_bounds", "futility_bounds", "complier_effect",
        "contamination_bounds", "net_benefit", "undecided_thresholds", "cost_per_incremental", "cross_value",
    )],
    *[(name, "side", "two", "greater") for name in (
        "compare_means", "compare_stratified_means", "compare_rates", "compare_stratified_rates", "mann_whitney",
        "compare_quantiles", "dunnett", "equivalence_means", "equivalence_rates", "bootstrap", "bootstrap_outcomes",
        "randomisation_test", "always_valid", "always_valid_sequence", "net_benefit",
    )],
    ("compare_rates", "null", 0.0, 0.1),
    ("compare_stratified_rates", "null", 0.0, 0.1),
    ("compare_rates", "method", "score", "fisher"),
    ("ratio_interval", "covariance", 0.0, 0.01),
    ("compare_quantiles", "q", 0.5, 0.25),
    ("dunnett", "equal_variances", True, False),
    ("dunnett", "step_down", False, True),
    ("equivalence_means", "relative", False, True),
    ("equivalence_rates", "relative", False, True),
    ("equivalence_means", "equal_variances", False, True),
    ("mann_whitney", "scale", "plain", "logit"),
    ("kaplan_meier", "limits", "log-log", "plain"),
    ("bootstrap", "replicates", 9999, 999),
    ("bootstrap", "seed", 0, 1),
    ("bootstrap", "draw", "multinomial", "poisson"),
    ("bootstrap_outcomes", "replicates", 9999, 999),
    ("bootstrap_outcomes", "seed", 0, 1),
    ("randomisation_test", "replicates", 9999, 999),
    ("randomisation_test", "seed", 0, 1),
    ("bayes_rates", "prior", "flat", "jeffreys"),
    ("bayes_rates", "direction", "up", "down"),
    ("bayes_best", "direction", "up", "down"),
    ("always_valid", "planned_n", 10_000, 5_000),
    ("always_valid_sequence", "planned_n", 10_000, 5_000),
    ("futility_bounds", "power", 0.8, 0.9),
    ("futility_bounds", "binding", False, True),
    ("futility_bounds", "side", "greater", "less"),
    ("conditional_power", "null", 0.0, 0.1),
    ("estimate_after_stopping", "null", 0.0, 0.1),
    ("contamination_bounds", "direction", "up", "down"),
    ("cross_value", "folds", 5, 4),
    ("cross_value", "splits", 11, 3),
    ("cross_value", "seed", 0, 1),
    ("value_of_information", "cost_per_person", 0.0, 0.1),
    ("value_of_information", "fixed_cost", 0.0, 10.0),
    ("cost_ceiling", "servicing", 0.0, 5.0),
    ("pooled_cap", "q", 0.999, 0.9),
    ("clustered_figures", "ratio", False, True),
    ("joint_tests", "step_down", False, True),
    ("rates_margin_p", "relative", False, True),
    ("rates_margin_p", "skewed", False, True),
    ("redraw", "studentised", True, False),
    ("redraw", "replicates", 9999, 999),
    ("redraw", "seed", 0, 1),
    ("people_needed", "power", 0.8, 0.9),
    ("wave_level", "contrasts", 1, 2),
    ("plan_budget", "folds", 5, 4),
    ("plan_budget", "splits", 11, 3),
    ("plan_budget", "seed", 0, 1),
    ("plan_budget", "partial", True, False),
    ("allocate", "partial", True, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "option", "documented", "other"), OPTIONS, ids=str)
def test_an_option_left_out_is_the_documented_one(name, option, documented, other):
    left_out = told(CALLS[name]())
    assert told(CALLS[name](**{option: documented})) == left_out
    assert told(CALLS[name](**{option: other})) != left_out


def test_rows_are_persons_unless_clusters_are_named():
    for call in (
        partial(pair_of, WHOLE.rows, ((),), np.ones(1), arm="b", control="a"),
        partial(quantile_figures, WHOLE.rows, WHOLE.grid, 0.5, weights=np.ones(1)),
    ):
        assert told(call()) == told(call(clustered=False))


def estimates(thing):
    """Every estimate or set of ratios anywhere in a result."""
    if isinstance(thing, (Estimate, RatioSet)):
        yield thing
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for one in dataclasses.fields(thing):
            yield from estimates(getattr(thing, one.name))
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from estimates(value)
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from estimates(value)


PERSONS_OF = {
    "compare_means": 105, "compare_stratified_means": 212, "compare_rates": 190, "compare_stratified_rates": 394,
    "mann_whitney": 100, "compare_quantiles": 100, "dunnett": None, "equivalence_means": 105, "equivalence_rates": 190,
    "always_valid": 400, "complier_effect": None, "net_benefit": 6000, "cross_value": 80, "bootstrap": 40,
    "bootstrap_outcomes": 100,  "cost_per_incremental": 6000,
}  # fmt: skip


@pytest.mark.parametrize("name", PERSONS_OF)
def test_every_estimate_tells_its_level_side_method_and_persons(name):
    shown_two_sided = name.startswith("equivalence")  # by the interval of level 1 - 2 alpha, whatever the side
    sides = ("two", "greater", "less") if (name, "side", "two", "greater") in OPTIONS else ("two",)
    for side in sides:
        more = {"side": side} if len(sides) > 1 else {}
        found = list(estimates(CALLS[name](level=0.9, **more)))
        assert found
        for one in found:
            assert one.level == pytest.approx(0.8 if shown_two_sided else 0.9)
            if isinstance(one, Estimate):
                assert one.side == ("two" if shown_two_sided else side)
                assert one.method
                assert PERSONS_OF[name] in {None, one.n}


def test_a_monitor_watches_the_documented_thresholds():
    plan = ex.NetBenefitMonitor(planned=20_000, arms=["sms"]).plan
    assert (plan.thresholds, plan.level, plan.side, plan.least) == ((60, 85, 125), 0.95, "two", 10)
    assert plan.pairs == (("sms", "holdout"),)
