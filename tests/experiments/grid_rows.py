"""Calls on rows of persons: resampling, ranks, quantiles, curves, compliance, contamination, and experiments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

import experiments as ex
from adjustment_cases import case

SIDES = ("two", "greater", "less")


def persons(size: int = 240, *, seed: int = 5) -> pd.DataFrame:
    """Persons of three arms in two strata, with households, a covariate, a rate, money, counts, days and gaps."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"person_id": np.arange(size), "house": np.arange(size) // 3})
    made["arm"] = np.array(["holdout", "sms", "call"])[rng.integers(0, 3, size)]
    made["tier"] = np.where(rng.random(size) < 0.4, "gold", "plain")
    made["by_house"] = np.array(["holdout", "sms"])[made.house % 2]
    made["before"] = rng.gamma(2.0, 20.0, size).round(2)
    made["age"] = rng.integers(18, 80, size)
    up = np.where(made.arm == "holdout", 0.0, 0.12) + np.where(made.tier == "gold", 0.1, 0.0)
    made["woken"] = (rng.random(size) < 0.25 + up).astype(int)
    made["value"] = (made.woken * rng.gamma(1.2, 60.0, size) + 0.2 * made.before * made.woken).round(2)
    made["cost"] = (np.where(made.arm == "holdout", 0.0, 0.6) + 3.0 * made.woken * (made.arm != "holdout")).round(2)
    made["orders"] = rng.poisson(0.4 + 0.4 * made.woken)
    made["visits"] = 1 + rng.poisson(2.0, size)
    made["days"] = np.where(made.woken == 1, rng.integers(1, 40, size), np.nan)
    made["score"] = np.where(rng.random(size) < 0.1, np.nan, rng.normal(3.0, 1.0, size).round(3))
    return made


TABLE = persons()
SMS, HOLDOUT = TABLE[TABLE.arm == "sms"], TABLE[TABLE.arm == "holdout"]
X, Y = SMS.value.to_numpy(), HOLDOUT.value.to_numpy()
SAMPLES = {
    "plain": (X, Y),
    "small": (X[:7] + 1.0, Y[:5] + 2.0),
    "two": (np.array([1.0, 3.0]), np.array([2.0, 5.0])),
    "one": (np.array([3.0]), np.array([2.0])),
    "flat": (np.full(6, 2.0), np.full(5, 2.0)),
    "apart": (np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0])),
    "ties": (np.array([1.0, 1, 2, 2, 3]), np.array([1.0, 2, 2, 4])),
    "zero base": (np.array([1.0, 2.0, 0.0, 4.0]), np.zeros(5)),
}
LAYERS = {"strata": SMS.tier.to_numpy(), "control_strata": HOLDOUT.tier.to_numpy()}


def resampling() -> dict[str, Callable[[], object]]:
    """The bootstrap."""
    made: dict[str, Callable[[], object]] = {}
    few = {"replicates": 199, "seed": 3}
    for name, given in SAMPLES.items():
        for interval in ("studentised", "bca", "basic", "percentile"):
            made[f"bootstrap, {name}, {interval}"] = partial(ex.bootstrap, *given, interval=interval, level=0.9, **few)
        made[f"bootstrap of medians, {name}"] = partial(ex.bootstrap, *given, statistic="median", level=0.9, **few)
    pairs = [np.column_stack([one.value, one.visits]) for one in (SMS, HOLDOUT)]
    for side, statistic in product(SIDES, ("mean", "ratio", ("quantile", 0.8))):
        given = pairs if statistic == "ratio" else (X, Y)
        made[f"bootstrap, {statistic}, {side}"] = partial(
            ex.bootstrap, *given, statistic=statistic, side=side, level=0.9, **few
        )
        made[f"bootstrap by stratum, {statistic}, {side}"] = partial(
            ex.bootstrap, *given, statistic=statistic, side=side, level=0.9, **LAYERS, **few
        )
    houses = {"clusters": SMS.house.to_numpy(), "control_clusters": HOLDOUT.house.to_numpy() + 1000}
    for interval, draw in product(("studentised", "bca", "basic"), ("multinomial", "poisson")):
        made[f"bootstrap of houses, {interval}, {draw}"] = partial(
            ex.bootstrap, X, Y, interval=interval, draw=draw, level=0.9, **houses, **few
        )
    made["bootstrap of ratios of houses"] = partial(ex.bootstrap, *pairs, statistic="ratio", level=0.8, **houses, **few)
    made["bootstrap, own statistic"] = partial(ex.bootstrap, X, Y, statistic=_upper, level=0.9, **few)
    made["bootstrap, own statistic of rows"] = partial(
        ex.bootstrap, X, Y, statistic=_spread, on="rows", level=0.9, **few
    )
    rng = np.random.default_rng(8)
    many = rng.gamma(2.0, 3.0, (2, 3000))
    pairs_of_many = [np.column_stack([one, 1.0 + rng.poisson(2.0, 3000)]) for one in many]
    houses_of_many = {"clusters": np.arange(3000) // 2, "control_clusters": np.arange(3000) // 3}
    for exact in (False, True):
        made[f"bootstrap, many, {exact}"] = partial(ex.bootstrap, many[0], many[1], exact=exact, level=0.9, **few)
    for draw in ("multinomial", "poisson"):
        made[f"bootstrap, many ratios, {draw}"] = partial(
            ex.bootstrap, *pairs_of_many, statistic="ratio", draw=draw, level=0.9, **few
        )
    made["bootstrap, many, few values"] = partial(ex.bootstrap, many[0].round(), many[1].round(), level=0.9, **few)
    made["bootstrap, many houses"] = partial(ex.bootstrap, many[0], many[1], level=0.9, **houses_of_many, **few)
    made["bootstrap, many medians"] = partial(ex.bootstrap, many[0], many[1], statistic="median", level=0.9, **few)
    for side, interval in product(SIDES, ("bca", "basic", "percentile")):
        made[f"bootstrap, own statistic, {side}, {interval}"] = partial(
            ex.bootstrap, X, Y, statistic=_upper, interval=interval, side=side, level=0.9, **LAYERS, **few
        )
    made["bootstrap, own statistic of houses"] = partial(
        ex.bootstrap, X, Y, statistic=_upper, interval="bca", level=0.9, **houses, **few
    )
    made["bootstrap, own statistic, poisson"] = partial(
        ex.bootstrap, X, Y, statistic=_upper, draw="poisson", level=0.9, **few
    )
    made["bootstrap, own statistic, twice as much"] = partial(
        ex.bootstrap, X, Y, statistic=_sum, draw="poisson", level=0.9, **few
    )
    made["bootstrap, own statistic, undefined"] = partial(ex.bootstrap, X, Y, statistic=_undefined, level=0.9, **few)
    return made


def of_outcomes() -> dict[str, Callable[[], object]]:
    """The same of tables of outcomes, and tests by randomisation."""
    made: dict[str, Callable[[], object]] = {}
    few = {"replicates": 199, "seed": 3}
    both = TABLE[TABLE.arm != "call"]
    for at, more in enumerate(
        [{}, {"strata": "tier"}, {"cluster": "house", "arm": "by_house"}, {"interval": "bca"}, {"side": "less"}]
    ):
        for metric in ("value", ex.Ratio("value", "visits"), ex.Rate("woken"), ex.Mean("value", cap=150.0)):
            name = metric if isinstance(metric, str) else type(metric).__name__
            table = both if "arm" not in more else TABLE
            made[f"bootstrap of outcomes, {at}, {name}"] = partial(
                ex.bootstrap_outcomes, table, metric, level=0.9, **few, **more
            )
            if "interval" not in more:
                made[f"randomisation, {at}, {name}"] = partial(ex.randomisation_test, table, metric, **few, **more)
    for design, statistic in product(("complete", "bernoulli"), ("studentised", "difference")):
        made[f"randomisation, {design}, {statistic}"] = partial(
            ex.randomisation_test,
            TABLE,
            "value",
            design=design,
            statistic=statistic,
            strata="tier",
            **few,
            **({"shares": {"holdout": 0.3, "sms": 0.3, "call": 0.4}} if design == "bernoulli" else {}),
        )
    tiny = TABLE.groupby("arm").head(4)
    for side in SIDES:
        made[f"randomisation, listed, {side}"] = partial(
            ex.randomisation_test, tiny, "value", side=side, replicates=9999
        )
    made["randomisation, flat"] = partial(ex.randomisation_test, TABLE.assign(value=2.0), "value", **few)
    for side in SIDES:
        made[f"randomisation, houses, {side}"] = partial(
            ex.randomisation_test, TABLE[:36], ex.Ratio("value", "visits"), arm="by_house", cluster="house", side=side
        )
    return made


def _upper(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sum(weights * np.maximum(values - 20.0, 0.0)) / np.sum(weights))


def _sum(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sum(weights * values))


def _undefined(values: np.ndarray, weights: np.ndarray) -> float:
    return float("nan") if weights[0] > 1.0 else float(np.sum(weights * values) / np.sum(weights))


def _spread(values: np.ndarray) -> float:
    return float(np.std(values))


def orders() -> dict[str, Callable[[], object]]:
    """Ranks, quantiles and curves."""
    made: dict[str, Callable[[], object]] = {}
    for (name, given), side in product(SAMPLES.items(), SIDES):
        for scale in ("plain", "logit"):
            made[f"ranks, {name}, {side}, {scale}"] = partial(
                ex.mann_whitney, *given, side=side, scale=scale, level=0.9
            )
        made[f"quantiles, {name}, {side}"] = partial(ex.compare_quantiles, *given, side=side, q=0.6, level=0.9)
    for side in SIDES:
        made[f"ranks by stratum, {side}"] = partial(ex.mann_whitney, X, Y, side=side, **LAYERS)
        made[f"quantiles by stratum, {side}"] = partial(ex.compare_quantiles, X, Y, side=side, q=0.75, **LAYERS)
        made[f"ranks of counts, {side}"] = partial(
            ex.mann_whitney, [1, 2, 3], [1, 2, 4], counts=[5, 9, 2], control_counts=[8, 3, 1], side=side
        )
    made["ranks, one value"] = partial(ex.mann_whitney, [1, 1, 1, 2], [1, 1, 1, 1, 3])
    for limits, level in product(("log-log", "log", "plain"), (0.95, 0.8)):
        made[f"curve, {limits}, {level}"] = partial(_curve, limits=limits, level=level)
        made[f"curve, nobody ends, {limits}"] = partial(ex.kaplan_meier, [3, 4, 9], [0, 0, 0], limits=limits)
        made[f"curve, all end, {limits}"] = partial(ex.kaplan_meier, [3, 4, 4, 9], limits=limits, level=level)
    made["curve, persons twice"] = partial(
        ex.kaplan_meier, [3, 4, 4, 9, 12, 1], [1, 0, 1, 1, 0, 1], persons=["a", "a", "b", "c", "d", "d"]
    )
    return made


def _curve(**options: object) -> object:
    durations = np.where(TABLE.days.isna(), TABLE.visits * 6.0, TABLE.days.fillna(0.0))
    found = ex.kaplan_meier(durations, TABLE.days.notna(), groups=TABLE.tier, **options)
    one = {"group": "gold"}
    return [
        found,
        *(found.at(day, **one) for day in (0.0, 5.0, 12.5, 30.0)),
        *(found.quantile(q, **one) for q in (0.1, 0.25, 0.5)),
        *(found.restricted_mean(day, **one) for day in (10.0, 30.0)),
    ]


def received() -> dict[str, Callable[[], object]]:
    """Effects among compliers, caps."""
    made: dict[str, Callable[[], object]] = {}
    assigned = (TABLE.arm != "holdout").astype(int).to_numpy()
    taken = np.where(assigned == 1, TABLE.orders.clip(0, 1), (TABLE.age > 70).astype(int))
    worlds = {
        "plain": (assigned, taken),
        "nobody": (assigned, 0 * taken),
        "alike": (assigned, np.ones_like(taken)),
        "full": (assigned, assigned),
        "dose": (assigned, taken * TABLE.visits),
        "reversed": (assigned, 1 - taken),
        "weak": (assigned, (TABLE.person_id % 3 == 0).astype(int).to_numpy()),
    }
    for (name, given), outcome in product(worlds.items(), ("woken", "value")):
        values = TABLE[outcome]
        made[f"compliers, {name}, {outcome}"] = partial(ex.complier_effect, *given, values, level=0.9)
        made[f"compliers by stratum, {name}, {outcome}"] = partial(
            ex.complier_effect, *given, values, strata=TABLE.tier
        )
    houses = (TABLE.by_house == "sms").astype(int)
    for outcome in ("woken", "value"):
        made[f"compliers in houses, {outcome}"] = partial(
            ex.complier_effect, houses, houses * taken, TABLE[outcome], cluster=TABLE.house, level=0.9
        )
    few = TABLE[:9]
    made["compliers, few"] = partial(ex.complier_effect, assigned[:9], taken[:9], few.value)
    made["compliers, few houses"] = partial(
        ex.complier_effect, houses[:9], (houses * taken)[:9], few.woken, cluster=few.house
    )
    rare = np.where(TABLE.person_id < 2, "one", np.where(TABLE.person_id < 100, "two", "three"))
    made["compliers, a stratum dropped"] = partial(ex.complier_effect, assigned, taken, TABLE.value, strata=rare)
    for side in range(4):
        made[f"compliers, refuted, {side}"] = partial(_refuted, side)
    for q in (0.5, 0.9, 0.999):
        made[f"cap, {q}"] = partial(ex.pooled_cap, TABLE, "value", q=q)
    return made


def contaminated() -> dict[str, Callable[[], object]]:
    """Holdouts that were treated."""
    made: dict[str, Callable[[], object]] = {}
    assigned = (TABLE.arm != "holdout").astype(int).to_numpy()
    flags = ((assigned == 0) & (TABLE.person_id % 5 == 0)).astype(int)
    shares = {
        "share": {"share": 0.1},
        "pair": {"share": (0.05, 0.3)},
        "audit": {"audit": (6, 60)},
        "none": {"share": 0.0},
        "clean audit": {"audit": (0, 40)},
        "flags": {"contaminated": flags},
        "no flags": {"contaminated": 0 * flags},
        "all flags": {"contaminated": 1 - assigned},
    }
    for (name, more), outcome, direction in product(shares.items(), ("woken", "value"), ("up", "down")):
        for limits in ((0, 1),) if outcome == "woken" else (None, (0, 500), (0, None)):
            made[f"contaminated, {name}, {outcome}, {direction}, {limits}"] = partial(
                ex.contamination_bounds, assigned, TABLE[outcome], limits=limits, direction=direction, level=0.9, **more
            )
    short, all_woke = {"level": 0.4, "direction": "down"}, np.ones(len(TABLE))
    for name, outcome in {
        "all": all_woke,
        "none": 0.0 * all_woke,
        "holdout all": np.maximum(TABLE.woken, 1 - assigned),
        "holdout none": TABLE.woken * assigned,
    }.items():
        for share in (0.02, 0.4):
            made[f"contaminated, edge, {name}, {share}"] = partial(
                ex.contamination_bounds, assigned, outcome, share=share, limits=(0, 1)
            )
            made[f"contaminated, edge, {name}, {share}, audit, down"] = partial(
                ex.contamination_bounds, assigned, outcome, audit=(int(50 * share), 50), limits=(0, 1), direction="down"
            )
        made[f"contaminated, edge, {name}, flags"] = partial(
            ex.contamination_bounds, assigned, outcome, contaminated=flags, limits=(0, 1)
        )
    for name, more in {"share": {"share": 0.3}, "flags": {"contaminated": flags}}.items():
        made[f"contaminated, short, {name}"] = partial(
            ex.contamination_bounds, assigned, TABLE.woken, limits=(0, 1), **short, **more
        )
        made[f"contaminated, few, {name}"] = partial(
            ex.contamination_bounds,
            [1, 0, 0],
            [4.0, 2.0, 3.0],
            **(more if name == "share" else {"contaminated": [0, 1, 0]}),
            limits=(0, 9),
        )
    for hits, direction in product((1, 3, 10, 50, 90, 97, 99), ("up", "down")):
        made[f"contaminated, sweep, {hits}, {direction}"] = partial(_sweep, hits, direction)
    return made


def _sweep(hits: int, direction: str) -> object:
    """A holdout's rate near its edges, and shares around it."""
    place, treated = np.arange(200), np.arange(200) >= 100
    outcome = np.where(treated, place % 100 < (hits + 50) // 2, place < hits).astype(int)
    shares = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 0.9)
    return [
        ex.contamination_bounds(treated.astype(int), outcome, share=share, limits=(0, 1), direction=direction)
        for share in shares
    ]


def _refuted(side: int) -> object:
    """Outcomes and treatments that no effect through the treatment alone can give: on each of the four sides."""
    place = np.arange(600)
    assigned = (place < 300).astype(int)
    treated = np.where(assigned == 1, place % 2, (place % 4 == 0)).astype(int)
    odd = {
        0: (assigned == 0) & (treated == 1),
        1: (assigned == 1) & (treated == 1),
        2: (assigned == 1) & (treated == 0),
        3: (assigned == 0) & (treated == 0),
    }[side]
    outcome = (odd & (place % 10 != 3)).astype(int)
    return [ex.complier_effect(assigned, treated, one) for one in (outcome, 1 - outcome)]


def adjusted() -> dict[str, Callable[[], object]]:
    """Figures adjusted for covariates and of clusters, from rows and from moments."""
    made: dict[str, Callable[[], object]] = {}
    larger = persons(420, seed=9)
    tiny = larger.groupby("arm").cumcount() < 2
    frames = {
        "two of an arm": larger.assign(tier=np.where(tiny, "few", larger.tier)),
        "flat": larger.assign(value=3.0),
        "partly alike": larger.assign(age=np.where(larger.tier == "gold", larger.before * 3.0, larger.age)),
        "plain": larger,
        "some": persons(260, seed=9),
        "constant": TABLE.assign(before=1.0),
    }
    for (name, frame), covariates, strata in product(
        frames.items(), (("before",), ("before", "age"), ("before", "again")), ((), ("tier",))
    ):
        given = frame.assign(again=frame.before * 2.0 + 1.0)
        for y, bottom in (("value", None), ("value", "visits"), ("woken", None)):
            key = f"{name}, {'+'.join(covariates)}, {'+'.join(strata)}, {y}/{bottom}"
            made[f"adjusted, {key}"] = partial(_adjusted, given, y, bottom, covariates, strata)
    made["adjusted, few"] = partial(_adjusted, TABLE[:60], "value", None, ("before",), ())
    for y, bottom, strata in (
        ("value", None, ()),
        ("value", "visits", ()),
        ("woken", None, ("tier",)),
        ("value", None, ("tier",)),
    ):
        made[f"clusters, {y}/{bottom}, {'+'.join(strata)}"] = partial(_clustered, TABLE, y, bottom, strata)
        made[f"few clusters, {y}/{bottom}, {'+'.join(strata)}"] = partial(_clustered, TABLE[:24], y, bottom, strata)
    return made


def _adjusted(
    frame: pd.DataFrame, y: str, bottom: str | None, covariates: tuple[str, ...], strata: tuple[str, ...]
) -> object:
    made = case(frame, y=y, bottom=bottom, covariates=covariates, strata=strata)
    moments = [made.from_moments(), made.from_moments(target="population")] if covariates == ("before",) else []
    return [made.adjusted(), made.adjusted(target="population"), *moments]


def _clustered(frame: pd.DataFrame, y: str, bottom: str | None, strata: tuple[str, ...]) -> object:
    given = frame.assign(arm=frame.by_house, tier=np.where(frame.house % 4 < 2, "gold", "plain"))
    return case(given, y=y, bottom=bottom, strata=strata, cluster="house").clustered()


CALLS = resampling() | of_outcomes() | orders() | received() | contaminated() | adjusted()
