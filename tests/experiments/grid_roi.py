"""Calls on money: thresholds, their readings, marginal costs, budgets, monitors, tests of realised money, rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

import experiments as ex
from experiments.roi.allocation import Choice, allocate, ladder
from experiments.roi.arms import ArmCosts
from experiments.roi.even_tails import even_net
from experiments.roi.net_benefit import net_benefit
from experiments.roi.people import people_needed
from experiments.roi.undecided import cost_per_incremental, undecided_thresholds

SIDES = ("two", "greater", "less")
RATES = {"woken": ex.Rate("woken"), "closed": ex.Rate("closed", direction="down")}
GUARDED = [ex.Guardrail("closed", 0.02)]


def buyers(size: int = 1200, *, seed: int = 17) -> pd.DataFrame:
    """Persons of three arms in two strata and three waves with events, full costs and what they brought."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"person_id": np.arange(size), "house": np.arange(size) // 4})
    made["arm"] = rng.choice(["holdout", "sms", "call"], size, p=[0.4, 0.35, 0.25])
    made["tier"] = rng.choice(["gold", "plain"], size, p=[0.3, 0.7])
    made["wave"] = rng.choice(["w1", "w2", "w10"], size)
    up = made.arm.map({"holdout": 0.0, "sms": 0.06, "call": 0.09}).to_numpy()
    made["woken"] = rng.binomial(1, 0.08 + up * np.where(made.tier == "gold", 1.6, 0.5))
    reached = made.arm != "holdout"
    made["touch_cost"] = np.where(reached, made.arm.map({"holdout": 0.0, "sms": 0.3, "call": 2.5}), 0.0)
    made["incentive_cost"] = np.where(reached, 10.0 * made.woken, 0.0)
    made["fixed_cost"] = np.where(reached, 0.2, 0.0)
    made["cost"] = made.touch_cost + made.incentive_cost + made.fixed_cost
    made["value"] = (made.woken * rng.gamma(1.5, 40.0, size)).round(2)
    made["closed"] = rng.binomial(1, np.where(made.arm == "call", 0.04, 0.02))
    made["by_house"] = np.array(["holdout", "sms"])[made.house % 2]
    made["share"] = made.arm.map({"holdout": 0.4, "sms": 0.35, "call": 0.25})
    made["limit"] = np.where(made.tier == "gold", 120.0, 60.0)
    return made


def _houses() -> pd.DataFrame:
    made = buyers()
    return made.assign(arm=made.by_house, cost=np.where(made.by_house == "sms", 0.5 + 10.0 * made.woken, 0.0))


def _rare() -> pd.DataFrame:
    made = buyers()
    return made.assign(woken=(made.person_id % 400 == 0).astype(int))


def _nobody() -> pd.DataFrame:
    return buyers().assign(woken=0)


def _cheaper() -> pd.DataFrame:
    """The treated woke less often and cost less."""
    made = buyers()
    return made.assign(
        woken=np.where(made.arm == "holdout", made.closed + made.woken, made.woken).clip(0, 1),
        cost=np.where(made.arm == "holdout", 2.0, 0.4),
    )


FRAMES = {"plain": buyers, "rare": _rare, "nobody": _nobody, "cheaper": _cheaper, "few": lambda: buyers()[:60]}


def _thresholds(
    frame: Callable[[], pd.DataFrame] = buyers, *, declared: dict[str, object] | None = None, **options: object
) -> object:
    experiment = None if declared is None else ex.Experiment(RATES, **declared)
    return ex.cost_thresholds(frame(), experiment=experiment, **options)


def _read(frame: Callable[[], pd.DataFrame] = buyers, **options: object) -> object:
    """The verdicts, and what can be read from them."""
    pays = _thresholds(frame, **options)
    return [
        pays,
        pays.break_even(),
        pays.acceptability([10.0, 40.0, 90.0]),
        pays.waterfall(),
        pays.curve([30.0, 75.0]),
    ]


def thresholds() -> dict[str, Callable[[], object]]:
    """Verdicts on thresholds."""
    made: dict[str, Callable[[], object]] = {}
    for (name, frame), side in product(FRAMES.items(), SIDES):
        made[f"thresholds, {name}, {side}"] = partial(_thresholds, frame, thresholds=(20, 90), side=side, level=0.9)
    for name, frame in list(FRAMES.items())[:2]:
        made[f"thresholds, {name}, plug-in"] = partial(_thresholds, frame, variance="plugin")
    steps = ["holdout", "sms", "call"]
    ways = {
        "steps": {"order": steps},
        "segments": {"by": "tier"},
        "segments, steps": {"by": "tier", "order": steps, "level": 0.8},
        "their own amounts": {"by": "tier", "thresholds": "limit"},
        "relevant": {"relevant_net": 100.0, "order": steps},
        "strata": {"declared": {"strata": "tier", "shares": "share"}},
        "primary": {"primary": ["sms"], "level": 0.9},
        "houses": {"frame": _houses, "declared": {"cluster": "house"}},
        "houses, strata": {
            "frame": lambda: _houses().assign(tier=lambda one: np.where(one.house % 5 < 2, "gold", "plain")),
            "declared": {"cluster": "house", "strata": "tier"},
        },
        "houses, segments": {
            "frame": lambda: _houses().assign(tier=lambda one: np.where(one.house % 5 < 2, "gold", "plain")),
            "declared": {"cluster": "house"},
            "by": "tier",
        },
        "guarded": {"declared": {"guardrails": GUARDED, "shares": {"holdout": 0.4, "sms": 0.35, "call": 0.25}}},
        "wrong shares": {"declared": {"shares": {"holdout": 0.2, "sms": 0.5, "call": 0.3}}},
    }
    for name, more in ways.items():
        made[f"read, {name}"] = partial(_read, **more)
    for name in ("rare", "cheaper", "few"):
        made[f"read, {name}"] = partial(_read, FRAMES[name])
    made["acceptability"] = lambda: _thresholds(thresholds=50.0, level=0.9).acceptability()
    gates = [
        ex.ThresholdGate(arm="sms", threshold=60, side=side, level=level)
        for side in ("two", "greater")
        for level in (None, 0.8)
    ]
    gates.append(ex.ThresholdGate(arm="call", threshold=20, side="less", expect="FAIL"))
    made["gates"] = lambda: ex.check_gates(_thresholds(), gates)
    made["guardrails"] = lambda: ex.guardrail_table(
        buyers(), experiment=ex.Experiment(RATES, guardrails=GUARDED), by="tier"
    )
    for side, declared in product(SIDES, (None, {"strata": "tier"})):
        made[f"value, {side}" if declared is None else f"value by stratum, {side}"] = partial(
            _value, declared, level=0.9
        )
    made["value, steps"] = partial(_value, None, order=steps, by="tier", variance="plugin")
    made["value, houses"] = lambda: ex.value_per_wakeup(_houses(), experiment=ex.Experiment(RATES, cluster="house"))
    made["tipping"] = lambda: ex.tipping(
        _thresholds(thresholds=60.0),
        outcomes=buyers(),
        base={"window": "30d"},
        prices=("incentive_cost",),
        alternatives={
            "window": {
                "60d": lambda: _thresholds(_cheaper, thresholds=60.0),
                "14d": _thresholds(_rare, thresholds=60.0),
            }
        },
    )
    made["tipping, by segment"] = lambda: ex.tipping(
        _thresholds(thresholds=60.0, by="tier", order=["holdout", "sms"]),
        outcomes=buyers(),
        prices=("touch_cost",),
        by="tier",
    )
    return made


def _value(declared: dict[str, object] | None, **options: object) -> object:
    return ex.value_per_wakeup(
        buyers(), experiment=None if declared is None else ex.Experiment(RATES, **declared), **options
    )


def plans() -> dict[str, Callable[[], object]]:
    """Marginal costs, budgets, monitors, further persons."""
    made: dict[str, Callable[[], object]] = {}
    steps = ["holdout", "sms", "call"]
    for name, more in {
        "plain": {},
        "steps": {"order": steps, "threshold": 60.0},
        "plug-in": {"order": steps, "variance": "plugin", "level": 0.8},
        "waves": {"wave": "wave", "threshold": 80.0},
        "waves, planned": {"wave": "wave", "threshold": 80.0, "planned_waves": 4, "planned": 4000},
        "waves, named": {"wave": "wave", "waves": ["w10", "w1", "w2"], "order": steps, "threshold": 30.0},
    }.items():
        made[f"marginal, {name}"] = partial(_marginal, **more)
    made["marginal, strata"] = lambda: ex.marginal_costs(
        buyers(), order=steps, wave="wave", threshold=60.0, planned=3000, experiment=ex.Experiment(RATES, strata="tier")
    )
    made["marginal, houses"] = lambda: ex.marginal_costs(
        _houses(), threshold=60.0, experiment=ex.Experiment(RATES, cluster="house")
    )
    few = {"folds": 3, "splits": 3, "seed": 4}
    for name, more in {
        "plain": {"thresholds": 80},
        "whole": {"thresholds": 80, "partial": False},
        "small": {"thresholds": 80, "budget": 40},
        "their own amounts": {"thresholds": {"gold": 120, "plain": 50}},
        "large": {"thresholds": 80, "budget": 1e6},
        "persons": {"thresholds": 80, "persons": {"gold": 5000, "plain": 20_000}, "budget": 9000, "level": 0.8},
        "steps": {"thresholds": "limit", "order": ["holdout", "sms", "call"]},
    }.items():
        made[f"budget, {name}"] = partial(_budget, **few | more)
    made["budget, strata"] = lambda: ex.plan_budget(
        buyers(), budget=900, by="tier", thresholds=80, experiment=ex.Experiment(RATES, strata="tier"), **few
    )
    made["budget, houses"] = lambda: ex.plan_budget(
        _houses(), budget=900, by="wave", thresholds=80, experiment=ex.Experiment(RATES, cluster="house"), **few
    )
    for side in SIDES:
        made[f"monitor, {side}"] = partial(_monitor, side=side, level=0.9)
    made["monitor, steps"] = partial(_monitor, order=["holdout", "sms", "call"], thresholds=[40, 200], least=60)
    for side, value, relevant in product(SIDES, (0.5, -0.3, 0.0), (None, 0.4)):
        made[f"people, {side}, {value}, {relevant}"] = partial(_people, side, value, relevant)
    nets = {"pays": (1.0, 30.0, 4000, 0.5, 28.0, 3000), "loses": (0.2, 30.0, 4000, 0.9, 28.0, 3000)}
    for (name, given), prior in product(nets.items(), (None, (0.3, 0.2))):
        made[f"information, {name}, {prior}"] = partial(
            _information, given, prior=prior, cost_per_person=0.01, fixed_cost=50.0
        )
        made[f"information, {name}, {prior}, sizes"] = partial(
            _information, given, prior=prior, sizes=[500, 20_000], control_share=0.4, new_control_share=0.1
        )
    made["information, free"] = partial(_information, nets["pays"])
    choices = [
        Choice(segment=one, arm=two, cost=10.0 * (two + one), value=14.0 * two + one - 3.0 * two * two)
        for one in range(3)
        for two in (1, 2)
    ]
    made["ladder"] = lambda: ladder(choices)
    for money, part in product((0.0, 15.0, 47.0, 500.0), (True, False)):
        made[f"allocation, {money}, {part}"] = partial(allocate, choices, money, partial=part)
    for name, more in {
        "plain": {},
        "all": {"servicing": 5.0, "acquisition": 20.0, "incremental_share": 0.4},
        "share": {"incremental_share": 0.5},
    }.items():
        made[f"ceiling, {name}"] = partial(_ceiling, **more)
    return made


def _ceiling(**options: object) -> object:
    found = ex.cost_ceiling(80.0, **options)
    return [found, found.incremental_cost(30.0) if "incremental_share" in options else None]


def _marginal(**options: object) -> object:
    return ex.marginal_costs(buyers(), **options)


def _budget(*, budget: float = 900, **options: object) -> object:
    found = ex.plan_budget(buyers(), budget=budget, by="tier", **options)
    return [found, found.all_options()]


def _monitor(**options: object) -> object:
    made = buyers()
    log = ex.NetBenefitMonitor(**{"planned": 3000, "arms": ["sms", "call"], "thresholds": [30, 90], **options})
    days = {f"2026-10-{2 + at:02d}": made[: 300 * at + 300] for at in range(4)}
    experiment = ex.Experiment(RATES, guardrails=GUARDED)
    return ex.monitor_thresholds(days, monitor=log, experiment=experiment)


def _people(side: str, value: float, relevant: float | None) -> object:
    given = ex.compare_means(1.0 + value, 30.0, 4000, 1.0, 28.0, 3000, side=side).difference
    return [people_needed(given, 7000, relevant_net=relevant, power=power) for power in (0.8, 0.9)]


def _information(given: tuple[float, ...], **options: object) -> object:
    return ex.value_of_information(ex.compare_means(*given).difference, persons=50_000, **options)


def money() -> dict[str, Callable[[], object]]:
    """Tests of realised money, arms by their costs, and rules."""
    made: dict[str, Callable[[], object]] = {}
    few = {"replicates": 199, "seed": 3}
    for name, more in {
        "plain": {},
        "capped": {"cap": 100.0, "level": 0.9},
        "steps": {"order": ["holdout", "sms", "call"], "relevant_net": 200.0},
        "segments": {"by": "tier"},
        "drawn": {"second": "randomisation"},
        "less": {"side": "less"},
        "greater": {"side": "greater", "second": "randomisation"},
        "strata": {"experiment": ex.Experiment({"value": ex.Mean("value")}, strata="tier")},
        "strata, drawn": {
            "experiment": ex.Experiment({"value": ex.Mean("value")}, strata="tier"),
            "second": "randomisation",
        },
    }.items():
        made[f"money, {name}"] = partial(_money, **few | more)
    made["money, houses"] = lambda: ex.money_test(
        _houses(), experiment=ex.Experiment({"value": ex.Mean("value")}, cluster="house"), **few
    )
    made["money, few"] = lambda: ex.money_test(buyers()[:40], **few)
    arms = {
        "plain": [(4000, 400, 5.0, 0.5, 4.0, 0.25), (2000, 100, 5.0, 0.5, 4.0, 0.25)],
        "free control": [(900, 90, 5.0, 0.5, 4.0, 0.25), (700, 40, 0.0, 0.0, 0.0, 0.0)],
        "no lift": [(900, 50, 5.0, 0.5, 4.0, 0.25), (900, 50, 0.0, 0.0, 0.0, 0.0)],
        "worse": [(900, 30, 5.0, 0.5, 4.0, 0.25), (900, 80, 1.0, 0.1, 0.4, 0.25)],
        "nobody": [(900, 0, 0.0, 0.5, 0.0, 0.25), (900, 0, 0.0, 0.0, 0.0, 0.0)],
        "all": [(90, 90, 5.0, 0.0, 4.0, 0.0), (80, 10, 0.0, 0.0, 0.0, 0.0)],
        "clear": [(90_000, 9000, 5.0, 0.5, 4.0, 0.25), (80_000, 3000, 0.0, 0.0, 0.0, 0.0)],
        "cheaper": [(900, 80, 0.0, 0.0, 0.0, 0.0), (900, 60, 3.0, 0.5, 1.0, 0.2)],
    }
    for (name, pair), side in product(arms.items(), SIDES):
        made[f"set of thresholds, {name}, {side}"] = partial(_arms, undecided_thresholds, pair, side=side, level=0.9)
        made[f"price, {name}, {side}"] = partial(_arms, cost_per_incremental, pair, side=side, level=0.9)
        for threshold in (5.0, 60.0):
            made[f"net, {name}, {side}, {threshold}"] = partial(_arms, net_benefit, pair, threshold, side=side)
    made["net, plug-in"] = partial(_arms, net_benefit, arms["plain"], 30.0, variance="plugin", level=0.9)
    for layers in (1, 3):
        made[f"rule, {layers}"] = partial(_rule, layers)
    return made


def _money(**options: object) -> object:
    return ex.money_test(buyers(), **options)


def _arms(function: Callable[..., object], pair: list[tuple[float, ...]], *given: object, **options: object) -> object:
    names = ("n", "woken", "cost_mean_woken", "cost_mean_other", "cost_variance_woken", "cost_variance_other")
    one, two = (ArmCosts(**dict(zip(names, figures, strict=True))) for figures in pair)
    more = ArmCosts(
        n=500, woken=60, cost_mean_woken=4.0, cost_mean_other=0.4, cost_variance_woken=1.0, cost_variance_other=0.1
    )
    base = ArmCosts(
        n=400, woken=30, cost_mean_woken=0.0, cost_mean_other=0.0, cost_variance_woken=0.0, cost_variance_other=0.0
    )
    return [function([one], [two], *given, **options), function([one, more], [two, base], *given, **options)]


def _rule(layers: int) -> object:
    rng = np.random.default_rng(6)
    arm, unit = rng.integers(0, 2, 300), np.arange(300, dtype=np.uint64) // layers
    net = rng.normal(size=300) + 0.4 * arm
    stratum = None if layers == 1 else np.arange(300) % 2
    shares = None if layers == 1 else np.full((300, 2), 0.5)
    data = ex.CrossData(net=net, arm=arm, unit=unit, stratum=stratum, shares=shares)

    def rule(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        return np.full(len(held), int(net[learn][arm[learn] == 1].mean() > net[learn][arm[learn] == 0].mean()))

    def never(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        return np.full(len(held), min(0, len(learn)))

    return [ex.cross_value(data, rule, folds=3, splits=5, seed=2, level=0.9, baseline=one) for one in (None, never)]


def _touches() -> pd.DataFrame:
    holdout = buyers().query("arm == 'holdout'").person_id.head(60)
    return pd.DataFrame(
        {
            "person_id": holdout,
            "time": pd.Timestamp("2026-10-20", tz="UTC"),
            "channel": "email",
            "origin": "outbound",
            "campaign": np.where(holdout % 2 == 0, "news", "wake"),
        }
    )


def touched() -> dict[str, Callable[[], object]]:
    """Touches of the holdout, houses on every side, logs read again."""
    made: dict[str, Callable[[], object]] = {}
    functions = {
        "thresholds": partial(ex.cost_thresholds, thresholds=60),
        "value": ex.value_per_wakeup,
        "marginal": partial(ex.marginal_costs, threshold=60.0),
        "budget": partial(ex.plan_budget, budget=900, by="tier", thresholds=80, folds=2, splits=1),
        "money": partial(ex.money_test, replicates=99),
    }
    for (name, function), campaign in product(functions.items(), (None, "news")):
        made[f"{name}, touches, {campaign}"] = partial(_touched, function, campaign=campaign)
    made["value, lenient"] = partial(_touched, ex.value_per_wakeup, leak_limit=0.3)
    made["thresholds, lenient"] = partial(_touched, functions["thresholds"], leak_limit=0.3)
    made["money, lenient"] = partial(_touched, functions["money"], leak_limit=0.3)
    for side in SIDES:
        made[f"thresholds, houses, {side}"] = partial(_in_houses, ex.cost_thresholds, side=side, level=0.9)
        made[f"money, houses, {side}"] = partial(_in_houses, ex.money_test, side=side, replicates=99)
        made[f"log, {side}"] = partial(_log, side)
    for variance in ("score", "plugin"):
        made[f"thresholds, strata, {variance}"] = lambda variance=variance: ex.cost_thresholds(
            buyers(),
            thresholds=[3, 11, 40],
            variance=variance,
            experiment=ex.Experiment(RATES, strata=["tier", "wave"]),
        )
        made[f"value, strata, {variance}"] = lambda variance=variance: ex.value_per_wakeup(
            buyers(), variance=variance, experiment=ex.Experiment(RATES, strata=["tier", "wave"])
        )
    for threshold, level in product((5.5, 30.0, 200.0), (0.8, 0.99)):
        made[f"even tails, {threshold}, {level}"] = partial(_even, threshold, level)
    return made


def _touched(function: Callable[..., object], **options: object) -> object:
    return function(buyers(), touches=_touches(), **options)


def _in_houses(function: Callable[..., object], **options: object) -> object:
    return function(
        _houses(), experiment=ex.Experiment(RATES | {"value": ex.Mean("value")}, cluster="house"), **options
    )


def _log(side: str) -> object:
    log = ex.NetBenefitMonitor(planned=1500, arms=["sms", "call"], thresholds=[12, 400], side=side, level=0.8, least=5)
    days = {f"2026-10-{2 + at:02d}": buyers(4000)[: 900 * at + 900] for at in range(4)}
    log = ex.monitor_thresholds(days, monitor=log, experiment=ex.Experiment(RATES))
    again = ex.NetBenefitMonitor.read(log.table())
    asked = list(product(("sms", "call"), (12, 400)))
    said = [
        [one.verdict(arm=arm, threshold=at), str(one.decided(arm=arm, threshold=at))]
        for one in (log, again)
        for arm, at in asked
    ]
    return [again, said, [str(day) for day in log.days]]


def _even(threshold: float, level: float) -> object:
    contrasts = [row.contrast for row in ex.cost_thresholds(buyers(), thresholds=60).judged]
    layered = ex.cost_thresholds(buyers(), thresholds=60, experiment=ex.Experiment(RATES, strata="tier")).judged
    return [even_net(contrast, threshold, level=level) for contrast in (*contrasts, *(row.contrast for row in layered))]


CALLS = thresholds() | plans() | money() | touched()
