"""What to buy first: the knapsack, the cross-fitted value, and the list printed with simultaneous intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import experiments as ex
from attribution.core.errors import DesignError, InputError
from experiments.roi.allocation import Choice, allocate, ladder
from experiments.roi.cross_value import unit_folds
from oracles.cross_values import split_value
from oracles.knapsack import best

amounts = st.tuples(st.integers(-20, 100), st.integers(-50, 100))
segments = st.lists(st.lists(amounts, min_size=1, max_size=3), min_size=1, max_size=5)


def choices(options: list[list[tuple[int, int]]]) -> list[Choice]:
    return [
        Choice(segment=s, arm=a, cost=float(cost), value=float(value))
        for s, arms in enumerate(options)
        for a, (cost, value) in enumerate(arms, start=1)
    ]


@settings(max_examples=200, deadline=None)
@given(segments, st.integers(0, 200))
def test_whole_segments_are_the_best_of_all_choices(options: list[list[tuple[int, int]]], budget: int) -> None:
    costly = [[(max(cost, 0), value) for cost, value in arms] for arms in options]
    found = allocate(choices(costly), budget, partial=False)
    value, _ = best(costly, budget)
    assert found.value == pytest.approx(value)
    assert found.cost <= budget + 1e-9
    assert found.exact
    assert found.bound >= found.value - 1e-9


@settings(max_examples=200, deadline=None)
@given(segments, st.integers(0, 200))
def test_parts_of_segments_are_the_linear_programs_optimum(options: list[list[tuple[int, int]]], budget: int) -> None:
    costly = [[(max(cost, 0), value) for cost, value in arms] for arms in options]
    flat = [pair for arms in costly for pair in arms]
    one_arm = np.zeros((len(costly), len(flat)))
    place = 0
    for s, arms in enumerate(costly):
        one_arm[s, place : place + len(arms)] = 1.0
        place += len(arms)
    solved = linprog(
        [-value for _, value in flat],
        A_ub=np.vstack([[cost for cost, _ in flat], one_arm]),
        b_ub=[budget, *np.ones(len(costly))],
        bounds=(0, 1),
    )
    found = allocate(choices(costly), budget)
    assert found.value == pytest.approx(-solved.fun, abs=1e-7)
    assert found.value == pytest.approx(found.bound)
    assert sum(share < 1.0 for share in found.shares) <= 1
    assert found.cost <= budget + 1e-9


def test_what_saves_money_is_bought_first_and_pays_for_more() -> None:
    options = [Choice(segment=0, arm=1, cost=-10.0, value=4.0), Choice(segment=1, arm=1, cost=10.0, value=5.0)]
    found = allocate(options, 0.0)
    assert [step.segment for step in found.steps] == [0, 1]
    assert (found.value, found.cost) == (9.0, 0.0)


def test_nothing_worth_its_cost_is_bought() -> None:
    found = allocate(
        [Choice(segment=0, arm=1, cost=5.0, value=-1.0), Choice(segment=1, arm=1, cost=0.0, value=0.0)], 99
    )
    assert (found.steps, found.value, found.cost, found.bound) == ((), 0.0, 0.0, 0.0)
    assert ladder([]) == []


def test_a_search_that_is_cut_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.roi.allocation._NODES", 3)
    options = [Choice(segment=s, arm=1, cost=60.0 + s, value=61.0 + 1.1 * s) for s in range(12)]
    found = allocate(options, 100.0, partial=False)
    assert not found.exact
    assert found.bound > found.value


def small(seed: int = 2, n: int = 180) -> ex.CrossData:
    rng = np.random.default_rng(seed)
    arm, stratum = np.arange(n) % 3, np.arange(n) // 3 % 2
    net = rng.normal(arm * np.where(stratum == 1, 0.5, -0.5), 1.0)
    return ex.CrossData(net=net, arm=arm, unit=np.arange(n, dtype=np.uint64), stratum=stratum)


def means_rule(data: ex.CrossData):
    def rule(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        picked = []
        for s in (0, 1):
            own = learn[data.stratum[learn] == s]
            means = [data.net[own][data.arm[own] == a].mean() for a in range(3)]
            picked.append(int(np.argmax(means)))
        return np.array(picked)[data.stratum[held]]

    return rule


def test_a_split_is_valued_as_the_slow_loop_over_persons_does() -> None:
    data = small()
    rule = means_rule(data)
    found = ex.cross_value(data, rule, folds=3, splits=2, seed=4)
    for split, value in enumerate(found.by_split):
        fold = unit_folds(data.unit, folds=3, seed=4, split=split)
        slow = split_value(
            data.net.tolist(), data.arm.tolist(), data.stratum.tolist(), fold.tolist(),
            lambda learn, i: int(rule(np.array(learn), np.array([i]))[0]),
        )  # fmt: skip
        assert value == pytest.approx(slow, rel=1e-10)
    assert found.estimate.value == pytest.approx(np.median(found.by_split), rel=1e-12)


def test_a_rule_against_itself_is_worth_nothing_and_shares_are_mixtures() -> None:
    data = small()
    rule = means_rule(data)
    itself = ex.cross_value(data, rule, baseline=rule, folds=3, splits=3)
    assert (itself.estimate.value, itself.estimate.standard_error, itself.estimate.p_value) == (0.0, 0.0, None)

    def mixed(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        return np.tile([0.5, 0.5, 0.0], (len(held), 1))

    def all_one(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        return np.ones(len(held), dtype=np.int64)

    half, whole = (ex.cross_value(data, one, folds=3, splits=1).estimate.value for one in (mixed, all_one))
    assert half == pytest.approx(0.5 * whole)


def test_folds_hold_units_together_and_ignore_the_order_of_rows() -> None:
    rng = np.random.default_rng(1)
    unit = rng.integers(0, 40, 300).astype(np.uint64)
    fold = unit_folds(unit, folds=4, seed=9, split=0)
    assert all(len(set(fold[unit == one])) == 1 for one in np.unique(unit))
    sizes = np.bincount([fold[unit == one][0] for one in np.unique(unit)])
    assert sizes.max() - sizes.min() <= 1
    turned = rng.permutation(300)
    assert (unit_folds(unit[turned], folds=4, seed=9, split=0) == fold[turned]).all()
    assert (unit_folds(unit, folds=4, seed=9, split=1) != fold).any()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda learn, held: np.full(len(held), 3), "one arm code"),
        (lambda learn, held: np.full((len(held), 3), 0.5), "sum to 1"),
        (lambda learn, held: np.zeros(len(held)), "one arm code"),
    ],
)
def test_rules_that_give_something_else_are_refused(rule, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ex.cross_value(small(), rule, folds=3, splits=1)


def test_data_that_cannot_value_a_rule_are_refused() -> None:
    data = small()
    with pytest.raises(InputError, match="one entry per person"):
        ex.CrossData(net=data.net, arm=data.arm[:5], unit=data.unit)
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.CrossData(net=data.net, arm=data.arm + 1, unit=data.unit)
    with pytest.raises(DesignError, match="TOO_FEW_TO_CROSS_FIT"):
        ex.cross_value(small(n=6), means_rule(data), folds=7)
    with pytest.raises(InputError, match="folds must be"):
        ex.cross_value(data, means_rule(data), folds=1)
    lacking = data.stratum * (data.arm != 2)  # nobody of arm 2 in stratum 1
    odd = ex.CrossData(net=data.net, arm=data.arm, unit=data.unit, stratum=lacking)
    with pytest.raises(DesignError, match="NO_COMMON_STRATUM"):
        ex.cross_value(odd, lambda learn, held: np.full(len(held), 2), folds=3, splits=1)


def outcomes(seed: int = 6, n: int = 24_000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.choice(["holdout", "sms", "full"], n, p=[0.3, 0.35, 0.35])
    tier = rng.choice(["gold", "plain", "new"], n, p=[0.2, 0.5, 0.3])
    lift = pd.Series(tier).map({"gold": 0.06, "plain": 0.0, "new": 0.02}).to_numpy()
    woken = rng.binomial(1, 0.04 + lift * pd.Series(arm).map({"holdout": 0, "sms": 1, "full": 1.3}).to_numpy())
    cost = pd.Series(arm).map({"holdout": 0.0, "sms": 0.3, "full": 2.0}).to_numpy() + 8.0 * woken * (arm != "holdout")
    region = rng.choice(["north", "south"], n)
    return pd.DataFrame(
        {"person_id": np.arange(n), "arm": arm, "tier": tier, "woken": woken, "cost": cost, "region": region}
    )


def spec(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.3, "sms": 0.35, "full": 0.35}, **options)


ORDER = ["holdout", "sms", "full"]


def test_the_list_is_the_knapsack_of_the_thresholds_own_figures() -> None:
    table = outcomes()
    plan = ex.plan_budget(table, budget=4_000, by="tier", thresholds=60, order=ORDER, experiment=spec(), splits=1)
    series = ex.cost_thresholds(table, thresholds=[60], by="tier", experiment=spec()).table()
    sizes = table["tier"].value_counts()
    options = []
    for _, own in series.groupby("segment", sort=True):
        count = sizes[own["segment"].iloc[0]] / 1000
        options += [[(c * count, v * count) for c, v in own[["cost_per_1000", "net_benefit_per_1000"]].to_numpy()]]
    whole = ex.plan_budget(
        table, budget=4_000, by="tier", thresholds=60, order=ORDER, experiment=spec(), splits=1, partial=False
    )
    assert whole.naive_value == pytest.approx(best(options, 4_000)[0], rel=1e-9)
    assert plan.naive_value >= whole.naive_value
    assert plan.spent <= 4_000 + 1e-6
    rows = plan.to_dicts()
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["segment"] == "gold"
    assert sum(row["cost"] for row in rows) == pytest.approx(plan.spent)
    assert sum(row["net_total"] for row in rows) == pytest.approx(plan.naive_value)
    speeds = [row["per_money"] for row in rows]
    assert speeds == sorted(speeds, reverse=True)


def test_the_list_carries_intervals_that_hold_for_all_options_at_once() -> None:
    table = outcomes()
    plan = ex.plan_budget(table, budget=4_000, by="tier", thresholds=60, order=ORDER, experiment=spec(), splits=1)
    level = 1 - 0.05 / 9  # three segments, three pairs of arms
    series = ex.cost_thresholds(
        table, thresholds=[60], by="tier", order=ORDER, level=level, experiment=spec()
    ).to_dicts()
    shown = {(row["segment"], row["arm"], row["control"]): row for row in plan.all_options().to_dicts()}
    assert len(shown) == 9
    for row in series:
        own = shown[row["segment"], row["arm"], row["control"]]
        for name in ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high"):
            assert own[name] == pytest.approx(row[name], rel=1e-9)


def test_the_value_is_told_beside_the_naive_one_in_both_languages() -> None:
    options = {"by": "tier", "thresholds": {"gold": 60, "plain": 60, "new": 20}, "order": ORDER, "splits": 3}
    plan = ex.plan_budget(outcomes(), budget=4_000, experiment=spec(), **options)
    value, low, high = plan.value
    assert low < value < high
    assert plan.cross.optimism == pytest.approx(plan.cross.naive.value - plan.cross.estimate.value)
    assert "valued on persons that they were not chosen on" in plan.sentences("en")[1]
    assert "未用于选择" in plan.sentences("zh")[1]
    assert "What to buy first" in repr(plan)
    poor = ex.plan_budget(outcomes(), budget=0, experiment=spec(), **options)
    assert (poor.spent, len(poor.to_dicts())) == (0.0, 0)
    short, empty = poor.sentences("en")
    assert short.startswith("Nothing is bought: 0 yuan do not pay for any step, though")
    assert empty.endswith("the lists chosen on parts of the persons bought nothing either.")
    vain = ex.plan_budget(outcomes(), budget=900, experiment=spec(), **{**options, "thresholds": 1})
    assert vain.sentences("zh")[0] == "什么都不买：按这些数字，对待触达的客户没有一步抵得上其成本。"


def test_a_list_of_an_invalid_trial_is_not_to_be_bought() -> None:
    table = outcomes()
    lost = table[(table["arm"] != "holdout") | (table["person_id"] % 3 > 0)]
    plan = ex.plan_budget(lost, budget=4_000, by="tier", thresholds=60, experiment=spec(), splits=1)
    assert plan.invalid[0] == "SRM"
    (told,) = plan.sentences("en")
    assert "nothing may be bought by these figures" in told
    assert "worth" not in told
    assert "不能按这些数字购买" in plan.sentences("zh")[0]


def test_a_guardrail_is_told_beside_the_step_that_it_speaks_against() -> None:
    table = outcomes()
    worse = (table["tier"] == "gold") & (table["arm"] == "sms") & (table["person_id"] % 20 == 0)
    table["closed"] = worse.astype(int)
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.01),))
    options = {"by": "tier", "thresholds": 60, "order": ORDER, "splits": 1}
    plan = ex.plan_budget(table, budget=4_000, experiment=guarded, **options)
    notes = {(row["segment"], row["arm"]): row["note"] for row in plan.to_dicts()}
    assert notes["gold", "sms"] == "HARM_GUARDRAIL"
    assert {note for key, note in notes.items() if key != ("gold", "sms")} <= {""}
    assert "is shown to rise, against the control: 1" in plan.sentences("en")[-1]
    assert "(sms, gold: harm)" in plan.sentences("en")[-1]
    bare = ex.plan_budget(table, budget=4_000, experiment=spec(), **options)
    assert bare.sentences("en") == plan.sentences("en")[:-1]


def test_the_value_of_folds_is_told_in_words() -> None:
    plan = ex.plan_budget(outcomes(), budget=4_000, by="tier", thresholds=60, experiment=spec(), splits=1, folds=4)
    assert "dealt into 4 folds; each fold is left out in turn" in repr(plan)


def test_persons_to_be_contacted_scale_the_list() -> None:
    table = outcomes()
    sizes = table["tier"].value_counts().to_dict()
    options = {"by": "tier", "thresholds": 60, "order": ORDER, "experiment": spec(), "splits": 3}
    own = ex.plan_budget(table, budget=4_000, **options)
    tenfold = ex.plan_budget(table, budget=40_000, persons={k: 10 * v for k, v in sizes.items()}, **options)
    assert tenfold.naive_value == pytest.approx(10 * own.naive_value, rel=1e-9)
    assert tenfold.value == pytest.approx([10 * end for end in own.value], rel=1e-9)
    nobody = ex.plan_budget(table, budget=4_000, persons=dict.fromkeys(sizes, 0), **options)
    assert nobody.value is None
    assert nobody.sentences("en") == (
        "Nothing is bought: by these figures no step is worth its cost for the persons to be contacted.",
    )


def test_persons_are_named_by_the_values_of_several_columns() -> None:
    table = outcomes()
    sizes = table.groupby(["tier", "region"]).size().to_dict()
    options = {"by": ["tier", "region"], "thresholds": 60, "order": ORDER, "experiment": spec(), "splits": 1}
    own = ex.plan_budget(table, budget=4_000, **options)
    assert ex.plan_budget(table, budget=4_000, persons=sizes, **options).to_dicts() == own.to_dicts()


def test_clusters_strata_and_the_order_of_rows() -> None:
    table = outcomes().assign(branch=lambda rows: rows["person_id"] % 300)
    table["arm"] = np.array(ORDER)[table["branch"] % 3]
    options = {"by": "tier", "thresholds": 60, "order": ORDER, "splits": 2, "folds": 3}
    shares = dict.fromkeys(ORDER, 1 / 3)
    clustered = ex.Experiment({"woken": ex.Rate("woken")}, shares=shares, cluster="branch", strata="region")
    plan = ex.plan_budget(table, budget=4_000, experiment=clustered, **options)
    turned = ex.plan_budget(table.sample(frac=1.0, random_state=1), budget=4_000, experiment=clustered, **options)
    assert plan.to_dicts() == turned.to_dicts()
    assert plan.cross.by_split == turned.cross.by_split
    assert "cluster" in plan.options[2].net.method


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": -1}, "budget must be"),
        ({"budget": "much"}, "budget must be"),
        ({"by": None}, "spread over segments"),
        ({"thresholds": [60, 85]}, "several thresholds"),
        ({"order": ["sms", "holdout"]}, "order must begin with the control"),
        ({"order": ["holdout", "fax"]}, "order must begin with the control"),
        ({"persons": {"gold": 3}}, "persons must name every segment"),
        ({"persons": {"gold": 3, "plain": -1, "new": 4}}, "whole number of persons"),
        ({"splits": 0}, "splits must be"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, object], message: str) -> None:
    usual = {"budget": 100, "by": "tier", "thresholds": 60, "order": ORDER, "experiment": spec()}
    with pytest.raises(InputError, match=message):
        ex.plan_budget(outcomes(n=3_000), **{**usual, **options})


def test_a_step_up_to_an_arm_that_stands_lower_in_the_order_is_told_like_any_other() -> None:
    """Arms in alphabetical order are not in the order of their costs; the list must not depend on it."""
    rng = np.random.default_rng(17)
    table = pd.DataFrame({"person_id": np.arange(1200), "arm": rng.choice(["holdout", "sms", "call"], 1200)})
    table["tier"] = rng.choice(["gold", "plain"], 1200)
    up = table.arm.map({"holdout": 0.0, "sms": 0.08, "call": 0.16}).to_numpy()
    table["woken"] = rng.binomial(1, 0.08 + up)
    table["cost"] = table.arm.map({"holdout": 0.0, "sms": 0.5, "call": 3.0})
    given_ = {"budget": 5_000, "by": "tier", "thresholds": 90, "folds": 3, "splits": 1}
    one, two, plain = (
        ex.plan_budget(table, **given_, order=order)
        for order in (["holdout", "sms", "call"], ["holdout", "call", "sms"], None)
    )
    wanted = one.to_dicts()
    steps = [row for row in wanted if (row["control"], row["arm"]) == ("sms", "call")]
    assert steps
    for found in (two.to_dicts(), plain.to_dicts()):
        assert len(found) == len(wanted)
        for row, right in zip(found, wanted, strict=True):
            for name, value in right.items():
                assert row[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), name
    assert "call" in str(two)
