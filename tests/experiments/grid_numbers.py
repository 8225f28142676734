"""Calls on numbers: each function of inference with its options left out, one by one moved, and on the edge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

import experiments as ex
from experiments.inference.means import compare_stratified_means
from experiments.inference.rates import compare_stratified_rates

SIDES = ("two", "greater", "less")
TABLES = {
    "plain": (30, 100, 18, 90),
    "lower": (18, 90, 30, 100),
    "rare": (3, 900, 1, 700),
    "none": (0, 50, 0, 40),
    "all": (50, 50, 40, 40),
    "none of one": (0, 50, 3, 40),
    "all of one": (50, 50, 37, 40),
    "one person": (1, 1, 0, 1),
    "equal": (10, 50, 10, 50),
    "opposite": (12, 12, 0, 9),
    "large": (52_000, 1_000_000, 49_500, 1_000_000),
}
MEANS = {
    "plain": (12.0, 9.0, 60, 8.0, 12.0, 45),
    "negative": (-3.0, 2.0, 30, 1.0, 4.0, 50),
    "flat": (3.0, 0.0, 9, 3.0, 0.0, 8),
    "one flat": (3.0, 0.0, 9, 2.0, 1.0, 8),
    "two": (3.0, 1.5, 2, 2.0, 1.0, 2),
    "one": (3.0, None, 1, 2.0, 1.0, 9),
    "zero base": (3.0, 1.0, 20, 0.0, 1.0, 20),
    "far": (1e9 + 1.0, 2.0, 40, 1e9, 3.0, 50),
    "constant apart": (4.0, 0.0, 9, 3.0, 0.0, 8),
}
STRATA = {
    "two": ([10, 3], [50, 40], [8, 1], [60, 30]),
    "one empty": ([10, 0], [50, 40], [8, 0], [60, 30]),
    "three": ([10, 3, 20], [50, 40, 21], [8, 1, 9], [60, 30, 10]),
    "all": ([5, 4], [5, 4], [6, 7], [6, 7]),
}
LAYERS = ([12.0, 9.0], [9.0, 4.0], [60, 30], [8.0, 7.0], [12.0, 3.0], [45, 50])
GROUPS = {"control": (10.0, 3.0, 40), "a": (11.0, 4.0, 50), "b": (12.5, 3.5, 45), "c": (9.1, 2.0, 12)}
P_VALUES = {
    "plain": [0.01, 0.04, 0.03, 0.2],
    "with none": [0.01, None, 0.5],
    "ties": [0.02, 0.02, 0.02, 1.0],
    "one": [0.3],
    "ends": [0.0, 1.0, 0.049],
}
SPENDING = ("obrien_fleming", "pocock", ("power", 2.0), ("hsd", -3.0), ("hsd", 1.5))
PRIORS = ("flat", "jeffreys", (2.0, 30.0), {"treatment": (2.0, 8.0), "control": (1.0, 4.0)})


def rates() -> dict[str, Callable[[], object]]:
    """Rates."""
    made: dict[str, Callable[[], object]] = {}
    methods = ("skewed_score", "newcombe", "wald", "agresti_caffo", "boschloo", "fisher")
    for name, table in TABLES.items():
        few = name != "large"
        made[f"rates, {name}"] = partial(ex.compare_rates, *table)
        for method in methods:
            if few or method not in ("boschloo", "fisher"):
                made[f"rates, {name}, {method}"] = partial(ex.compare_rates, *table, method=method)
        for side, null in product(SIDES[1:], (0.0, -0.05)):
            made[f"rates, {name}, {side}, {null}"] = partial(ex.compare_rates, *table, side=side, null=null, level=0.9)
    for method, side in product(methods, SIDES[1:]):
        made[f"rates, {method}, {side}"] = partial(ex.compare_rates, 9, 40, 4, 35, method=method, side=side, level=0.8)
    for name, given in STRATA.items():
        for side in SIDES:
            made[f"rates by stratum, {name}, {side}"] = partial(compare_stratified_rates, *given, side=side, null=0.01)
    return made


def means() -> dict[str, Callable[[], object]]:
    """Means and ratios."""
    made: dict[str, Callable[[], object]] = {}
    for name, given in MEANS.items():
        for side in SIDES:
            made[f"means, {name}, {side}"] = partial(ex.compare_means, *given, side=side)
    made["means, level"] = partial(ex.compare_means, *MEANS["plain"], level=0.8)
    for side in SIDES:
        made[f"means by stratum, {side}"] = partial(compare_stratified_means, *LAYERS, side=side, level=0.9)
    for at, given in enumerate(
        [
            (3.0, 2.0, 0.09, 0.04),
            (3.0, 0.1, 0.09, 0.04),
            (0.0, 1.0, 0.2, 0.1),
            (-3.0, -2.0, 1.0, 0.3),
            (3.0, -0.2, 1.0, 0.3),
            (3.0, 0.0, 0.1, 0.0),
            (0.1, 0.1, 0.2, 0.3),
            (3.0, 2.0, 0.0, 0.0),
        ]
    ):
        for covariance, df in ((0.0, None), (0.02, 7.0)):
            made[f"ratio {at}, {covariance}"] = partial(
                ex.ratio_interval, *given, covariance=covariance if given[3] else 0.0, df=df, level=0.9
            )
    return made


def families() -> dict[str, Callable[[], object]]:
    """Several tests at once, equivalence, gates."""
    made: dict[str, Callable[[], object]] = {}
    for method, (name, given) in product(("bonferroni", "holm", "hochberg", "hommel", "bh", "by"), P_VALUES.items()):
        made[f"adjusted, {method}, {name}"] = partial(ex.adjust_pvalues, given, method=method)
    gates = ["serial", "parallel", ("parallel", 0.0), ("parallel", 0.9), "arm"]
    pairs = [
        ([0.010, 0.040], [[0.012, 0.001]]),
        ([0.01, 0.2, 0.03], [[0.004, 0.001, 0.2], [0.04, None, 0.01]]),
        ([0.01, None], [[0.02, 0.03], [0.5, 0.001]]),
    ]
    for gate, (at, pair) in product(gates, enumerate(pairs)):
        for correction in ("holm", "bonferroni", "hochberg", "hommel"):
            made[f"gate {gate}, {at}, {correction}"] = partial(ex.gatekeeping, *pair, gate=gate, correction=correction)
    for side, equal, step in product(SIDES, (True, False), (True, False)):
        made[f"dunnett, {side}, {equal}, {step}"] = partial(
            ex.dunnett, GROUPS, control="control", side=side, equal_variances=equal, step_down=step, level=0.9
        )
    for side, margin, relative in product(SIDES, (0.2, (-0.1, 0.3)), (True, False)):
        made[f"equivalence of rates, {side}, {margin}, {relative}"] = partial(
            ex.equivalence_rates, 30, 100, 27, 90, margin=margin, relative=relative, side=side
        )
        made[f"equivalence of means, {side}, {margin}, {relative}"] = partial(
            ex.equivalence_means,
            10.1,
            1.0,
            60,
            10.0,
            1.2,
            55,
            margin=margin,
            relative=relative,
            side=side,
            level=0.9,
            equal_variances=relative,
        )
    for name in ("none", "all", "none of one", "one person", "rare", "opposite"):
        made[f"equivalence of rates, {name}"] = partial(ex.equivalence_rates, *TABLES[name], margin=0.1)
        made[f"equivalence of rates, {name}, relative"] = partial(
            ex.equivalence_rates, *TABLES[name], margin=0.1, relative=True
        )
    for name in ("flat", "one flat", "two", "zero base", "constant apart", "one"):
        made[f"equivalence of means, {name}"] = partial(ex.equivalence_means, *MEANS[name], margin=0.5)
    for name, given in STRATA.items():
        made[f"equivalence by stratum, {name}"] = partial(ex.equivalence_rates, *given, margin=0.2)
        made[f"equivalence by stratum, {name}, weights"] = partial(
            ex.equivalence_rates, *given, margin=(-0.1, 0.2), weights=np.arange(1.0, len(given[0]) + 1.0), level=0.9
        )
    return made


def looks() -> dict[str, Callable[[], object]]:
    """Bounds of looks, what is said after stopping, and always-valid readings."""
    made: dict[str, Callable[[], object]] = {}
    for spending, side in product(SPENDING, SIDES):
        made[f"spending {spending}, {side}"] = partial(ex.spending_bounds, 4, spending=spending, side=side, level=0.9)
    uneven = [0.2, 0.5, 0.55, 1.0]
    made["spending, uneven"] = partial(ex.spending_bounds, 4, fractions=uneven)
    made["spending, one look"] = partial(ex.spending_bounds, 1)
    made["spending, early"] = partial(ex.spending_bounds, 3, fractions=[0.001, 0.01, 1.0])
    for kind in ("pocock", "obrien_fleming", ("wang_tsiatis", 0.25)):
        made[f"group bounds, {kind}"] = partial(ex.group_bounds, 4, kind=kind)
    made["group bounds, level"] = partial(ex.group_bounds, 2, level=0.8)
    for binding, side in product((True, False), ("greater", "less")):
        made[f"futility, {binding}, {side}"] = partial(
            ex.futility_bounds, 3, power=0.9, spending="pocock", futility=("hsd", -2.0), side=side, binding=binding
        )
    made["futility, plain"] = partial(ex.futility_bounds, 2)
    made["futility, uneven"] = partial(ex.futility_bounds, 4, fractions=uneven, level=0.9)
    for side, look, estimate in product(SIDES, (1, 2, 3), (0.6, -0.1, -0.7)):
        made[f"stopped, {side}, {look}, {estimate}"] = partial(_stopped, side, look, estimate)
    made["stopped, group"] = lambda: ex.estimate_after_stopping(
        ex.group_bounds(3), look=2, estimate=0.5, standard_error=0.15, null=0.1
    )
    made["stopped, futility"] = lambda: ex.estimate_after_stopping(
        ex.futility_bounds(3), look=3, estimate=0.35, standard_error=0.15
    )
    for look, estimate, effect in product((1, 2), (0.2, -0.1), (None, 0.5)):
        for name, bounds in (("two", ex.spending_bounds), ("futility", ex.futility_bounds)):
            made[f"conditional power, {name}, {look}, {estimate}, {effect}"] = partial(
                _conditional, bounds, look=look, estimate=estimate, effect=effect
            )
    made["drift"] = lambda: [
        ex.spending_bounds(3, side=side).drift_for(power) for side in SIDES for power in (0.8, 0.5)
    ]
    made["power of drifts"] = lambda: [ex.futility_bounds(3).drift_for(0.9), ex.group_bounds(3).drift_for(0.7)]
    for side in SIDES:
        made[f"always valid, {side}"] = partial(ex.always_valid, 0.5, 0.2, 400, side=side, planned_n=700, level=0.9)
        made[f"always valid, sequence, {side}"] = partial(
            ex.always_valid_sequence, [0.5, 0.4, -0.1, 0.3], [0.2, 0.1, 0.05, 0.04], [100, 400, 900, 950], side=side
        )
    made["always valid, nobody"] = partial(ex.always_valid_sequence, [0.0, 0.2], [0.1, 0.3], [1, 10], planned_n=50)
    made["always valid, plain"] = partial(ex.always_valid, -0.5, 0.2, 40)
    return made


def _stopped(side: str, look: int, estimate: float) -> object:
    bounds = ex.spending_bounds(3, side=side, level=0.9, spending="pocock")
    return ex.estimate_after_stopping(bounds, look=look, estimate=estimate, standard_error=0.3 / look**0.5, null=0.05)


def _conditional(bounds: Callable[..., object], **options: object) -> object:
    return ex.conditional_power(bounds(3), standard_error=0.15, null=0.02, **options)


def posteriors() -> dict[str, Callable[[], object]]:
    """What Bayes' rule says of rates and means."""
    made: dict[str, Callable[[], object]] = {}
    for (name, table), prior in product(TABLES.items(), PRIORS):
        if name == "large":
            continue
        key = prior if isinstance(prior, str) else "own" if isinstance(prior, tuple) else "two"
        made[f"posterior of rates, {name}, {key}"] = partial(ex.bayes_rates, *table, prior=prior)
    more = {"value": 50.0, "cost": 0.6, "rope": 0.01, "level": 0.9}
    for direction in ("up", "down"):
        made[f"posterior of rates, {direction}"] = partial(
            ex.bayes_rates,
            40,
            300,
            22,
            280,
            direction=direction,
            rope=(-0.02, 0.01),
            level=0.8,
            sensitivity={"mine": (3.0, 20.0), "jeffreys": "jeffreys"},
        )
        made[f"posterior of means, {direction}"] = partial(
            ex.bayes_means,
            *MEANS["plain"],
            prior="skeptical",
            relevant=2.0,
            direction=direction,
            level=0.8,
            sensitivity={"mine": (1.0, 2.0), "enthusiastic": "enthusiastic"},
        )
        made[f"best of rates, {direction}"] = partial(
            ex.bayes_best, {"a": (30, 300), "b": (45, 300), "c": (47, 310)}, direction=direction, prior="jeffreys"
        )
        made[f"best of means, {direction}"] = partial(ex.bayes_best, GROUPS, direction=direction, level=0.8)
    made["posterior of rates, in money"] = partial(ex.bayes_rates, 40, 300, 22, 280, **more)
    for name in ("plain", "negative", "far"):
        made[f"posterior of means, {name}"] = partial(ex.bayes_means, *MEANS[name], **more | {"rope": (-1.0, 2.0)})
        made[f"posterior of means, {name}, own"] = partial(ex.bayes_means, *MEANS[name], prior=(0.5, 1.5))
    for name in ("flat", "one flat", "two", "zero base"):
        made[f"posterior of means, {name}"] = partial(ex.bayes_means, *MEANS[name])
    made["best in money"] = partial(
        ex.bayes_best, {"a": (30, 300), "b": (45, 300)}, value=20.0, costs={"a": 0.0, "b": 0.4}, level=0.5
    )
    made["best of two alike"] = partial(ex.bayes_best, {"a": (0, 30), "b": (0, 30), "c": (30, 30)})
    return made


CALLS = rates() | means() | families() | looks() | posteriors()
