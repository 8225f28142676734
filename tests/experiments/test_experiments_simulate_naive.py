"""The analyses that a scenario is there to shame: what they say, and what is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from experiments.simulation import simulate
from experiments.simulation.constants import constants_of
from statistical.scenario_findings import experiment, outcomes_of


def campaign(scenario: str, persons: int = 60_000, seed: int = 7) -> ex.Campaign:
    return simulate(scenario, persons=persons, seed=seed)


def people(c: ex.Campaign) -> pd.DataFrame:
    return c.outcomes.merge(c.truth, on="person_id", validate="one_to_one")


def returned_between(c: ex.Campaign, persons: pd.Series, first: int, end: int) -> int:
    known = c.conversions[c.conversions["person_id"].isin(persons)].groupby("person_id")["time"].min()
    day = (known - c.assignment["assigned_at"].iloc[0]).dt.days
    return int(((day >= first) & (day < end)).sum())


def test_before_and_after_sees_the_rally_and_calls_it_the_second_message():
    c = campaign("market_rally")
    for arm in ("holdout", "sms"):  # in the holdout nobody got any message
        persons = c.assignment.loc[c.assignment["arm"] == arm, "person_id"]
        before, after = returned_between(c, persons, 3, 10), returned_between(c, persons, 10, 17)
        naive = ex.compare_rates(after, len(persons), before, len(persons)).difference
        assert naive.low > 0
    found = experiment().analyze(outcomes_of(c), touches=c.touches)
    default = campaign("default").truth
    for arm in ("digital", "sms", "full"):
        true = (c.truth[f"p_{arm}"] - c.truth["p_holdout"]).mean()
        assert true == pytest.approx((default[f"p_{arm}"] - default["p_holdout"]).mean(), rel=0.05)
        assert found.comparison("woken", arm=arm).difference.contains(true)
    assert c.truth["p_holdout"].mean() > 2 * default["p_holdout"].mean()


def test_answered_against_not_answered_finds_an_effect_where_there_is_none():
    c = campaign("null")
    called = c.touches[c.touches["channel"] == "phone"]
    answered = called.loc[called["kind"] == "answered", "person_id"]
    full = c.outcomes[c.outcomes["arm"] == "full"]
    yes = full["person_id"].isin(answered)
    naive = ex.compare_rates(
        int(full.loc[yes, "woken"].sum()), int(yes.sum()), int(full.loc[~yes, "woken"].sum()), int((~yes).sum())
    ).difference
    assert naive.low > 0
    assert (c.truth["p_full"] == c.truth["p_holdout"]).all()
    found = ex.reach(c.outcomes, touches=c.touches, outcome="woken", stages=("answered",), channels="phone")
    (row,) = [row for row in found.effects.to_dicts() if row["arm"] == "full" and row["stage"] == "answered"]
    assert row["low"] < 0 < row["high"]


def test_two_messages_convert_worse_than_one_when_the_second_goes_to_the_silent():
    c = campaign("adaptive_resend")
    sent = c.touches[c.touches["channel"] == "sms"].groupby("person_id").size()
    messaged = c.outcomes[c.outcomes["person_id"].isin(sent.index)].set_index("person_id")
    rate = messaged["woken"].groupby(sent).agg(["mean", "size"])
    assert rate.loc[1, "mean"] == 1.0  # only those who had already returned were spared the second
    assert rate.loc[2, "mean"] < 0.05
    assert c.truth["p_sms"].mean() > c.truth["p_digital"].mean()
    found = experiment().analyze(outcomes_of(c)).comparison("woken", arm="sms", against="digital").difference
    assert found.low > 0
    assert found.contains((c.truth["p_sms"] - c.truth["p_digital"]).mean())


def test_pooled_waves_with_unequal_shares_are_biased_and_strata_are_not():
    c = campaign("waves", persons=120_000)
    waves = constants_of("waves").design.waves
    share = pd.DataFrame({each.name: each.shares for each in waves}, index=["holdout", "digital", "sms", "full"])
    chance = c.truth["wave"].map(share.loc["digital"]), c.truth["wave"].map(share.loc["holdout"])
    pooled = np.average(c.truth["p_digital"], weights=chance[0]) - np.average(c.truth["p_holdout"], weights=chance[1])
    true = (c.truth["p_digital"] - c.truth["p_holdout"]).mean()
    assert pooled > 2 * true
    outcomes = outcomes_of(c)
    naive = experiment().analyze(outcomes).comparison("woken", arm="digital").difference
    assert naive.contains(pooled)
    assert naive.low > true
    strata = experiment(strata="stratum").analyze(outcomes).comparison("woken", arm="digital").difference
    assert strata.contains(true)


def test_the_window_pays_for_returns_that_would_have_come_anyway():
    c = campaign("pull_forward")
    pays = ex.cost_thresholds(outcomes_of(c), experiment=experiment(), thresholds=[125], order=c.order)
    assert pays.verdict(arm="sms", threshold=125).word == "PASS"
    everybody = people(c)
    for arm in ("digital", "sms", "full"):
        won = (everybody[f"p90_{arm}"] - everybody["p90_holdout"]).mean()
        assert abs(won) < 1e-12
        assert 125 * won - (everybody[f"c_{arm}"] - everybody["c_holdout"]).mean() < 0
    late = ex.pull_forward(c.assignment, c.conversions, as_of=c.as_of)
    row = dict(zip(late.late.columns[0], late.late.columns[9], strict=True))  # arm: total_low
    assert row["sms"] < 0


def test_a_leak_hides_part_of_the_effect():
    c = campaign("leak")
    p = c.truth
    share = 0.03 * (~c.customers.drop_duplicates("person_id")["opt_out_sms"]).mean()
    seen = (p["p_sms"] - ((1 - share) * p["p_holdout"] + share * p["p_leaked"])).mean()
    true = (p["p_sms"] - p["p_holdout"]).mean()
    assert 0.95 * true < seen < 0.99 * true
    spec = experiment().analyze(outcomes_of(c), touches=c.touches)
    assert spec.comparison("woken", arm="sms").difference.contains(seen)
    more = simulate("default", persons=60_000, seed=7, contamination=0.3)
    diluted = experiment().analyze(outcomes_of(more)).comparison("woken", arm="sms").difference
    assert not diluted.contains(true)
    assert diluted.value < true


def test_dropping_the_least_likely_of_the_treated_looks_like_an_effect():
    c = campaign("srm")
    kept = c.truth[~c.truth["dropped"]]
    arm = kept["person_id"].map(c.assignment.set_index("person_id")["arm"])
    control = c.truth["p_holdout"].mean()
    assert kept.loc[arm == "digital", "p_holdout"].mean() > 1.02 * control  # before any touch
    assert kept.loc[arm == "holdout", "p_holdout"].mean() == pytest.approx(control, rel=0.02)
    (finding,) = [f for f in experiment().analyze(outcomes_of(c)).findings if f.code == "SRM"]
    assert finding.status == "fail"
    assert finding.values["p_value"] < 1e-4


def test_numbers_as_units_dilute_the_effect():
    c = campaign("split_ids")
    number = c.customers.merge(c.truth, on="person_id").merge(c.assignment[["customer_id", "arm"]], on="customer_id")
    given = np.select([number["given"] == arm for arm in c.order], [number[f"p_{arm}"] for arm in c.order])
    several = number.groupby("person_id")["customer_id"].transform("size")
    seen = (given / several)[number["arm"] == "full"].mean() - (given / several)[number["arm"] == "holdout"].mean()
    true = (c.truth["p_full"] - c.truth["p_holdout"]).mean()
    assert seen < 0.9 * true
    by_number = c.outcomes.assign(person_id=c.outcomes["customer_id"])
    naive = experiment().analyze(by_number).comparison("woken", arm="full").difference
    assert naive.low < seen < naive.high


def test_hunters_answer_most_and_pay_least():
    c = campaign("hunter_heavy")
    everybody = people(c).assign(gain=lambda d: d["p_sms"] - d["p_digital"])
    by_source = everybody.groupby("source")[["gain", "hunter"]].mean()
    assert by_source["gain"].idxmax() == by_source["hunter"].idxmax() == "rebate"
    worth = (
        everybody.assign(money=everybody["gain"] * everybody["value_mean"]).groupby("source")[["money", "gain"]].sum()
    )
    each = worth["money"] / worth["gain"]
    assert each.idxmin() == "rebate"
    assert each["rebate"] < 0.25 * each.drop("rebate").min()
    cost = (everybody["c_sms"] - everybody["c_digital"]).groupby(everybody["source"]).mean()
    assert each["rebate"] * by_source.loc["rebate", "gain"] < cost["rebate"]  # loses money at what its customers bring
    assert 125 * by_source.loc["rebate", "gain"] > cost["rebate"]  # and pays at one price for everybody


def test_calls_that_wake_and_harm_are_failed_by_the_guardrail_alone():
    c = campaign("phone_harm")
    outcomes = outcomes_of(c)
    blind = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
    for spec, word in ((blind, "PASS"), (experiment(), "FAIL")):
        pays = ex.cost_thresholds(outcomes, experiment=spec, thresholds=[125], order=c.order)
        assert pays.verdict(arm="full", threshold=125).word == word
    assert (c.truth["closed_full"] - c.truth["closed_sms"]).mean() > 0.005


def test_a_weak_campaign_is_undecided_and_says_how_many_persons_would_decide():
    c = campaign("weak")
    pays = ex.cost_thresholds(
        outcomes_of(c), experiment=experiment(), thresholds=[125], order=c.order, relevant_net=0.1
    ).to_dicts()
    (row,) = [row for row in pays if row["arm"] == "sms"]
    assert row["verdict"] == "INCONCLUSIVE"
    assert row["people_needed"] > 60_000
    default = campaign("default").truth
    for arm in ("digital", "sms", "full"):
        weak, full = ((truth[f"p_{arm}"] - truth["p_holdout"]).mean() for truth in (c.truth, default))
        assert weak == pytest.approx(full / 4, rel=0.1)
