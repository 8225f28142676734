"""The randomisation test against R, all assignments by hand, and itself on counted and single rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.randomness import generator
from attribution.core.tables import Problems, open_table
from experiments.inference.bootstrap_draws import drawn_apart, make_pool
from experiments.inference.bootstrap_units import Layout, features, gather
from experiments.inference.second import second_computation
from experiments.metrics import inputs_of
from experiments.moments import metric_rows
from oracles import resamples

COIN = json.loads((Path(__file__).parents[1] / "references/randomisation/r_coin.json").read_text(encoding="utf-8"))


def table_of(treated, control, **more):
    arm = ["sms"] * len(treated) + ["holdout"] * len(control)
    return pd.DataFrame({"arm": arm, "value": [*treated, *control], **more})


@pytest.mark.parametrize("row", COIN["expected"], ids=lambda row: f"{row['data']} {row.get('table', '')} {row['side']}")
def test_r(row):
    if row["data"] == "table":
        hits, n, control_hits, control_n = row["table"]
        frame = table_of([1] * hits + [0] * (n - hits), [1] * control_hits + [0] * (control_n - control_hits))
        found = ex.randomisation_test(frame, ex.Rate("value"), statistic="difference", side=row["side"])
    elif row["data"] == "strata":
        given = pd.DataFrame(COIN["inputs"]["strata"])
        frame = pd.DataFrame({"arm": given.g.map({"t": "sms", "c": "holdout"}), "value": given.y, "s": given.s})
        found = ex.randomisation_test(frame, "value", strata="s", statistic="difference", side=row["side"])
    else:
        case = COIN["inputs"][row["data"]]
        found = ex.randomisation_test(table_of(case["a"], case["b"]), "value", statistic="difference", side=row["side"])
        drawn = found.to_dicts()[0]
        if drawn["p_value_low"] < drawn["p_value_high"]:  # too many assignments to list: R's exact p lies inside
            assert row["data"] in ("sleep", "shift")
            assert drawn["p_value_low"] <= row["p"] <= drawn["p_value_high"]
            return
    assert found.to_dicts()[0]["p_value_low"] == found.to_dicts()[0]["p_value_high"]
    assert found.p_value("sms") == pytest.approx(row["p"], rel=row.get("rtol", COIN["rtol"]))


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("statistic", ["studentised", "difference"])
@pytest.mark.parametrize(
    ("a", "b"), [([4, 9, 1, 7], [2, 3, 0, 5, 1]), ([0, 0, 8, 3, 0], [0, 0, 0, 1]), ([5, 6, 7], [1, 2, 3, 2])]
)
def test_all_assignments_by_hand(a, b, statistic, side):
    wanted = resamples.all_assignments(a, b, studentised=statistic == "studentised", side=side)
    found = ex.randomisation_test(table_of(a, b), "value", statistic=statistic, side=side)
    assert found.p_value("sms") == pytest.approx(wanted, rel=1e-12)
    assert found.to_dicts()[0]["method"] == f"randomisation {statistic}, complete, exact"


def test_drawing_comes_close_to_all_assignments():
    chance = np.random.default_rng(3)
    a, b = np.round(chance.gamma(2, 2, 9), 1), np.round(chance.gamma(3, 2, 8), 1)
    frame = table_of(a, b)
    wanted = resamples.all_assignments(a.tolist(), b.tolist(), studentised=True)
    found = ex.randomisation_test(frame, "value").to_dicts()[0]
    assert found["assignments"] == 9_999  # 24,310 are possible
    assert found["p_value_low"] <= wanted <= found["p_value_high"]
    assert found["p_value"] == pytest.approx(wanted, abs=4.5 * math.sqrt(wanted * (1 - wanted) / 9_999))


def test_clusters_are_redrawn_as_units():
    """With every cluster of four alike persons the test is that of the clusters."""
    a, b = [4.0, 9.0, 1.0, 7.0], [2.0, 3.0, 0.0, 5.0, 1.0]
    single = ex.randomisation_test(table_of(a, b), "value")
    homes = np.repeat(np.arange(9), 4)
    frame = table_of(np.repeat(a, 4), np.repeat(b, 4), home=homes)
    together = ex.randomisation_test(frame, "value", cluster="home")
    assert together.p_value("sms") == pytest.approx(single.p_value("sms"), rel=1e-12)
    assert together.to_dicts()[0]["n"] == 16
    apart = ex.randomisation_test(frame, "value")
    assert apart.p_value("sms") < single.p_value("sms")
    with pytest.raises(InputError, match="1 clusters have persons of both arms, for example '3'"):
        ex.randomisation_test(frame.assign(home=homes.clip(0, 8).tolist()[:-16] + [3] * 16), "value", cluster="home")


def test_a_ratio_is_redrawn_as_pairs():
    chance = np.random.default_rng(5)
    orders = chance.poisson(2, 900) + 1
    frame = pd.DataFrame({
        "arm": np.repeat(["sms", "holdout"], [600, 300]), "orders": orders,
        "value": orders * chance.gamma(2, 10, 900) + np.repeat([3.0, 0.0], [600, 300]),
    })  # fmt: skip
    found = ex.randomisation_test(frame, ex.Ratio("value", "orders")).to_dicts()[0]
    delta = ex.Experiment({"ticket": ex.Ratio("value", "orders")}).analyze(frame.assign(person_id=range(900)))
    comparison = delta.comparison("ticket", arm="sms")
    assert found["difference"] == pytest.approx(comparison.difference.value, rel=1e-10)
    assert found["statistic"] == pytest.approx(
        comparison.difference.value / comparison.difference.standard_error, rel=1e-9
    )
    assert found["p_value"] == pytest.approx(comparison.difference.p_value, abs=0.02)


def test_grouped_redraws_keep_the_variance_of_drawing_without_replacement():
    values = np.random.default_rng(9).lognormal(2, 1, 6_000)
    units = gather(values[:, None], np.ones(6_000, np.int64), None, centre=np.array([values.mean()]))
    pool = make_pool(units, features(units, Layout(measured=1, persons=False, squares=False)), exact=False)
    drawn = drawn_apart(pool, 600, 20_000, generator(0, "test"))[:, 0]
    wanted = math.sqrt(600 * 0.9 * values.var(ddof=1))
    assert drawn.std() == pytest.approx(wanted, rel=4.5 / math.sqrt(40_000))
    assert abs(drawn.mean()) < 4.5 * wanted / math.sqrt(20_000)


def test_bernoulli_draws_let_the_arms_vary():
    chance = np.random.default_rng(6)
    frame = table_of(chance.gamma(2, 2, 300), chance.gamma(2, 2, 90))
    fixed = ex.randomisation_test(frame, "value")
    loose = ex.randomisation_test(frame, "value", design="bernoulli", shares={"sms": 0.75, "holdout": 0.25})
    assert loose.p_value("sms") == pytest.approx(fixed.p_value("sms"), abs=0.03)
    assert loose.records.column("method")[0] == "randomisation studentised, bernoulli"
    few = ex.randomisation_test(
        table_of([1, 2, 5], [4, 0, 2]), "value", design="bernoulli", shares={"sms": 0.5, "holdout": 0.5}
    ).to_dicts()[0]
    assert 0 < few["assignments"] < 9_999  # assignments with fewer than two persons in an arm say nothing


def test_rows_in_any_order_on_every_kind_of_table_give_the_same(table_kind):
    chance = np.random.default_rng(7)
    frame = table_of(np.round(chance.gamma(2, 2, 60), 2), np.round(chance.gamma(2, 2, 40), 2))
    wanted = ex.randomisation_test(frame, "value", replicates=499).to_dicts()
    found = ex.randomisation_test(table_kind(frame.sample(frac=1, random_state=1)), "value", replicates=499).to_dicts()
    assert found == wanted


def test_each_arm_against_the_control_and_the_experiment_names_the_columns():
    chance = np.random.default_rng(8)
    frame = pd.DataFrame({
        "group": np.repeat(["none", "sms", "full"], 60), "value": chance.gamma(2, 2, 180), "town": [*"ab"] * 90,
    })  # fmt: skip
    spec = ex.Experiment({"value": ex.Mean("value")}, arm="group", control="none", strata="town")
    found = ex.randomisation_test(frame, spec.metrics["value"], experiment=spec, replicates=999)
    assert found.records.column("arm") == ["full", "sms"]
    same = ex.randomisation_test(frame, "value", arm="group", control="none", strata="town", replicates=999)
    assert same.to_dicts() == found.to_dicts()
    assert "strata: town" in repr(found)
    with pytest.raises(InputError, match="there is no arm 'push'"):
        found.p_value("push")


def test_strata_that_lack_an_arm_take_no_part_and_are_told():
    frame = table_of([1, 4, 6, 9, 3], [2, 5, 1, 7], s=["a", "a", "a", "a", "b", "a", "a", "a", "a"])
    found = ex.randomisation_test(frame, "value", strata="s")
    assert [finding.code for finding in found.findings] == ["STRATUM_DROPPED"]
    assert found.to_dicts()[0]["n"] == 4


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [([3, 3], [3, 3], "ZERO_VARIANCE"), ([3], [1, 2], "TOO_FEW_PERSONS"), ([3, 4], [1], "TOO_FEW_PERSONS")],
)
def test_no_p_value_has_its_reason(a, b, note):
    found = ex.randomisation_test(table_of(a, b), "value").to_dicts()[0]
    assert (found["p_value"], found["p_value_low"], found["note"]) == (None, None, note)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": "coin"}, "design must be"),
        ({"design": "bernoulli"}, "needs shares="),
        ({"statistic": "median"}, "statistic must be"),
        ({"replicates": 0}, "replicates must be"),
        ({"metric": ex.Quantile("value")}, "a quantile has no randomisation test"),
        ({"metric": 3}, "metric must be a metric"),
        ({"experiment": 3}, "experiment must be an Experiment"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"outcomes": table_of([1, 2], [3, 4]), "metric": "value"} | change
    with pytest.raises(InputError, match=message):
        ex.randomisation_test(**arguments)


def test_unusable_tables_and_designs():
    frame = table_of([1.0, None], [3, 4])
    with pytest.raises(TableError, match="NULL_OUTCOME"):
        ex.randomisation_test(frame, "value")
    assert ex.randomisation_test(frame, ex.Mean("value", missing="zero")).p_value("sms") is not None
    with pytest.raises(TableError, match="NOT_BINARY"):
        ex.randomisation_test(table_of([1, 2], [3, 4]), ex.Rate("value"))
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.randomisation_test(frame, ex.Mean("value", missing="zero"), control="none")
    with pytest.raises(DesignError, match="ONE_ARM"):
        ex.randomisation_test(table_of([], [3, 4]), "value")


# --- the second computation ---------------------------------------------------------------------------


def rows_of(frame, metric, *keys):
    table = open_table(frame, "outcomes", Columns(), problems=Problems())
    return metric_rows(table, inputs_of(metric), keys=(*keys, "arm"))


def second(frame, metric, p_value, **more):
    return second_computation(
        rows_of(frame, metric), ((),), np.ones(1), metric="value", arm="sms", control="holdout", p_value=p_value, **more
    )


def test_the_second_computation_agrees_with_a_sound_first_and_doubts_another():
    chance = np.random.default_rng(10)
    frame = table_of(chance.normal(10.3, 2, 800), chance.normal(10, 2, 300))
    a, b = frame.value[:800], frame.value[800:]
    welch = ex.compare_means(a.mean(), a.std(), 800, b.mean(), b.std(), 300).difference.p_value
    found = second(frame, ex.Mean("value"), welch)
    assert (found.status, found.values["p_value"]) == ("pass", welch)
    assert found.values["p_second"] == pytest.approx(welch, abs=0.02)
    assert second(frame, ex.Mean("value"), 1e-6).status == "warn"
    apart = second(frame, ex.Mean("value"), 0.6)
    assert apart.status == "note"  # far from what was drawn, and the same decision
    assert second(frame, ex.Mean("value"), 0.04).status == "warn"  # close, and another decision
    assert second(frame, ex.Mean("value"), None).status == "unknown"
    for lang in ("en", "zh"):
        assert found.text(lang)
        assert found.text(lang) != apart.text(lang)


def test_few_events_are_steps_and_no_disagreement():
    """Three of 1,800 against one of 200: the score test's p lies inside the step that the exact p stands on."""
    from scipy.stats import hypergeom

    frame = table_of([1.0] * 3 + [0.0] * 1_797, [1.0] + [0.0] * 199)
    score = ex.compare_rates(3, 1_800, 1, 200).difference.p_value
    found = second(frame, ex.Mean("value"), score)
    assert found.values["p_second"] == pytest.approx(2 * hypergeom.cdf(3, 2_000, 4, 1_800), rel=1e-9)
    assert found.values["p_second"] > 2 * score
    assert found.status == "pass"


@pytest.mark.parametrize("statistic", ["studentised", "difference"])
@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_arms_that_are_equal_up_to_rounding_are_a_tie(statistic, side):
    whole, tenths = table_of([1, 5, 6], [2, 3, 7]), table_of([0.1, 0.5, 0.6], [0.2, 0.3, 0.7])
    wanted = ex.randomisation_test(whole, "value", statistic=statistic, side=side).p_value("sms")
    assert wanted == pytest.approx(1.0 if side == "two" else 0.55)
    assert ex.randomisation_test(tenths, "value", statistic=statistic, side=side).p_value("sms") == wanted


def test_the_text_holds_no_word_of_another_language():
    frame = table_of([1, 2, 4, 8], [3, 5, 6, 9])
    frame = frame.assign(layer="a", home=np.arange(len(frame)))
    with at.language("zh"):
        plain = repr(ex.randomisation_test(frame, "value"))
        layered = repr(ex.randomisation_test(frame, "value", strata="layer", cluster="home"))
        drawn = repr(ex.bootstrap_outcomes(frame, "value", cluster="home", replicates=99))
    assert "persons" not in plain + layered + drawn
    assert "none" not in plain
    assert "在各层内重新分组\uff1alayer\u3002" in layered
    assert "以整群为单位重新分组\uff1ahome\u3002" in layered
    assert "mean(value)" in drawn
    assert "抽样以整群\uff08home\uff09为单位" in drawn


def test_no_usable_assignment_gives_no_p_value():
    frame = table_of([1, 2], [3, 5])
    row = ex.randomisation_test(
        frame, "value", design="bernoulli", shares={"sms": 0.999999, "holdout": 1e-9}, replicates=99
    ).to_dicts()[0]
    assert (row["p_value"], row["assignments"], row["note"]) == (None, 0, "TOO_FEW_PERSONS")


def test_an_infinite_statistic_is_said_and_its_p_stands():
    row = ex.randomisation_test(table_of([1, 1], [3, 3]), "value").to_dicts()[0]
    assert (row["statistic"], row["note"]) == (None, "SEPARATED")
    assert row["p_value"] == pytest.approx(1 / 3)


def test_shares_by_the_arms_own_names():
    frame = table_of([1, 2, 4, 8], [3, 5, 6, 9]).assign(arm=[1] * 4 + [0] * 4)
    found = ex.randomisation_test(frame, "value", control=0, design="bernoulli", shares={1: 0.5, 0: 0.5})
    named = ex.randomisation_test(frame, "value", control=0, design="bernoulli", shares={"1": 0.5, "0": 0.5})
    assert found.p_value(1) == named.p_value(1)


def test_the_second_computation_takes_covariates_off():
    chance = np.random.default_rng(11)
    past = chance.gamma(2, 5, 900)
    frame = table_of(np.zeros(600), np.zeros(300), past=past)
    frame["value"] = past + chance.normal(0, 1, 900) + np.where(frame.arm == "sms", 0.2, 0.0)
    metric = ex.Mean("value", covariate="past")
    adjusted = ex.Experiment({"value": metric}).analyze(frame.assign(person_id=range(900)))
    p_value = adjusted.comparison("value", arm="sms").difference.p_value
    assert p_value < 0.05
    assert second(frame, metric, p_value).status == "pass"
    assert second(frame, ex.Mean("value"), p_value).status == "warn"


@pytest.mark.parametrize("factor", [2.0**-900, 2.0**900])
@pytest.mark.parametrize("statistic", ["studentised", "difference"])
def test_the_scale_of_money_does_not_matter(factor, statistic):
    frame = table_of([5.0, 7.5, 9.0, 2.0], [1.0, 0.0, 3.0, 6.0])
    plain = ex.randomisation_test(frame, "value", statistic=statistic).to_dicts()[0]
    found = ex.randomisation_test(frame.assign(value=frame.value * factor), "value", statistic=statistic).to_dicts()[0]
    assert found["p_value"] == plain["p_value"]
    assert found["difference"] == plain["difference"] * factor
