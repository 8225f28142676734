"""Learners, rankings, rules and advice: what was planted is found, what a model has seen is not believed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

import attribution as at
import experiments as ex

THREE = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.3, "sms": 0.7})
LEARNERS = [
    ex.TwoModel(LogisticRegression()),
    ex.TransformedOutcome(LinearRegression()),
    ex.DoublyRobust(LogisticRegression(), final=LinearRegression()),
]


def _planted(n: int, seed: int, *, effect: float = 0.2) -> pd.DataFrame:
    """The event rate is 0.2 everywhere; treatment adds `effect` times `depth`, which `noise` says nothing about."""
    chance = np.random.default_rng(seed)
    depth, noise = chance.random(n), chance.random(n)
    sms = chance.random(n) < 0.7
    woken = (chance.random(n) < 0.2 + effect * depth * sms).astype(int)
    return pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(n)], "arm": np.where(sms, "sms", "holdout"), "woken": woken,
            "cost": np.where(sms, 1.0, 0.0), "depth": depth, "noise": noise,
            "tier": np.where(depth > 0.5, "deep", "shallow"),
        }
    )  # fmt: skip


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_planted_uplift_is_ranked(learner: object):
    table = _planted(12_000, 1)
    ranking = ex.rank_uplift(table, learner, features=["depth", "noise"], experiment=THREE)
    found = ranking.table().merge(table[["person_id", "depth"]], on="person_id")
    assert found["score"].corr(found["depth"], method="spearman") > 0.7
    assert ranking.curve().area.p_value < 0.01
    assert found["score"].mean() == pytest.approx(0.1, abs=0.04)


def test_a_model_that_remembers_every_person_is_not_believed():
    """One nearest neighbour fits its own persons without error; on others it knows nothing."""
    table = _planted(4_000, 2, effect=0.0)
    learner = ex.TwoModel(KNeighborsRegressor(n_neighbors=1))
    ranking = ex.rank_uplift(table, learner, features=["depth", "noise"], experiment=THREE)
    assert ranking.curve().area.p_value > 0.01
    model = KNeighborsRegressor(n_neighbors=1)
    own = {}
    for arm, rows in table.groupby("arm"):
        own[arm] = model.fit(rows[["depth", "noise"]], rows["woken"]).predict(table[["depth", "noise"]])
    cheating = ex.uplift_curve(table.assign(fitted=own["sms"] - own["holdout"]), "fitted", experiment=THREE)
    assert cheating.area.p_value < 1e-6, "the same model read on the persons it has seen looks excellent"


def test_words_are_features_and_gaps_are_filled():
    table = _planted(3_000, 3)
    table.loc[::7, "noise"] = np.nan
    ranking = ex.rank_uplift(table, LEARNERS[1], features=["tier", "noise"], experiment=THREE)
    assert ranking.table()["score"].notna().all()
    table["name"] = [f"n{i}" for i in range(len(table))]
    with pytest.raises(at.TableError, match="at most 50 different ones"):
        ex.rank_uplift(table, LEARNERS[1], features=["name"], experiment=THREE)


def test_row_order_changes_nothing_and_the_table_stays():
    table = _planted(2_000, 4)
    before = table.copy()
    one = ex.rank_uplift(table, LEARNERS[2], features=["depth"], experiment=THREE)
    two = ex.rank_uplift(table[::-1], LEARNERS[2], features=["depth"], experiment=THREE)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(one.table(), two.table())


def test_what_cannot_be_learned_is_said():
    table = _planted(500, 5)
    with pytest.raises(at.WakeLiftError, match="needs a regression model"):
        ex.TransformedOutcome(LogisticRegression())
    with pytest.raises(at.WakeLiftError, match="learner must be TwoModel"):
        ex.rank_uplift(table, LinearRegression(), features=["depth"], experiment=THREE)
    with pytest.raises(at.DesignError, match="left to learn from"):
        ex.rank_uplift(table[:60], LEARNERS[0], features=["depth"], experiment=THREE)
    table["bought"] = table["woken"]
    with pytest.raises(at.WakeLiftError, match="'bought' is the outcome"):
        ex.rank_uplift(table, LEARNERS[0], features=["bought"], outcome="bought", experiment=THREE)


def test_everybody_is_worth_the_effect_and_nobody_nothing():
    table = _planted(6_000, 6)
    counted = ex.Experiment({"woken": ex.Rate("woken")})
    found = ex.policy_value(table, {"all": True, "none": False}, outcome="woken", experiment=counted)
    means = table.groupby("arm")["woken"].mean()
    assert found.value("all").value == pytest.approx(means["sms"] - means["holdout"], rel=1e-9)
    assert (found.value("none").value, found.value("none").low) == (0.0, 0.0)
    assert found.difference("none").value == pytest.approx(-found.value("all").value)


def test_a_rule_that_knows_beats_one_that_does_not():
    table = _planted(10_000, 7)
    table["blind"] = (table["noise"] > 0.7).astype(int)
    ranking = ex.rank_uplift(table, LEARNERS[2], features=["depth", "noise"], experiment=THREE, repeats=3)
    found = ex.policy_value(
        table, {"today": "blind", "model": ranking.top(0.3)}, against="today", outcome="woken", experiment=THREE
    )
    assert found.difference("model").low > 0
    rows = found.table().set_index("policy")
    assert rows.loc["model", "share_treated"] == pytest.approx(0.3, abs=1e-6)
    assert rows.loc["model", "p_adjusted"] == rows.loc["model", "p_value"]
    assert "median of 3" in found.value("model").method


def test_predictions_sharpen_values_and_move_them_little():
    table = _planted(20_000, 8)
    table["base"] = np.where(table["noise"] > 0.5, 0.0, 1.0)
    chance = np.random.default_rng(0)
    table["woken"] = np.where(chance.random(len(table)) < 0.8, table["base"], table["woken"]).astype(int)
    rules = {"deep": "chosen", "all": True}
    table["chosen"] = (table["depth"] > 0.5).astype(int)
    ranking = ex.rank_uplift(table, LEARNERS[2], features=["depth", "noise", "base"], experiment=THREE)
    plain = ex.policy_value(table, rules, outcome="woken", experiment=THREE).value("all")
    sharp = ex.policy_value(table, rules, outcome="woken", experiment=THREE, nuisance=ranking).value("all")
    assert sharp.standard_error < 0.8 * plain.standard_error
    assert abs(sharp.value - plain.value) < 3 * plain.standard_error


def test_rules_that_cannot_be_used_are_named():
    table = _planted(500, 9)
    with pytest.raises(at.WakeLiftError, match="must map names to rules"):
        ex.policy_value(table, [], outcome="woken", experiment=THREE)
    with pytest.raises(at.WakeLiftError, match="must hold 1 for those"):
        ex.policy_value(table.assign(two=2), {"x": "two"}, outcome="woken", experiment=THREE)
    with pytest.raises(at.WakeLiftError, match="one of them"):
        ex.policy_value(table, {"x": True}, outcome="woken", threshold=3, experiment=THREE)
    ranking = ex.rank_uplift(table, LEARNERS[1], features=["depth"], experiment=THREE)
    with pytest.raises(at.WakeLiftError, match="not the same ones"):
        ex.policy_value(table[:-1], {"x": ranking.top(0.5)}, outcome="woken", experiment=THREE)


def test_segments_get_the_verdicts_of_their_own_value():
    table = _planted(20_000, 10)
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.3, "sms": 0.7}, segments="tier")
    found = ex.leave_alone(table, by="tier", threshold={"deep": 50, "shallow": 0.5}, experiment=spec)
    assert (found.advised("contact"), found.advised("leave_alone")) == (("deep",), ("shallow",))
    pays = ex.cost_thresholds(table, by="tier", thresholds={"deep": [50], "shallow": [0.5]}, experiment=spec)
    rows = found.table().set_index("segment")
    expected = pays.table().set_index("segment")
    assert rows.loc["deep", "net_benefit_per_1000"] == expected.loc["deep", "net_benefit_per_1000"]
    assert rows["p_interaction"].iloc[0] < 0.01
    by_segment = spec.by_segment(table).table()
    deep = by_segment[by_segment["segment"] == "deep"].iloc[0]
    assert rows.loc["deep", "low"] == pytest.approx(1000 * deep["low"])
    assert "leave alone shallow" in repr(found)


def test_an_undeclared_segment_is_exploratory():
    found = ex.leave_alone(_planted(3_000, 11), by="tier", threshold=5, experiment=THREE)
    assert "EXPLORATORY" in [finding.code for finding in found.findings]
