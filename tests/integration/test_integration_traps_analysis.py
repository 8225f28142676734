"""The mistakes of analysts that begin in the analysis: each is made here, and the library's answer is asserted.

Every test is named in docs/guides/thirty-mistakes.md; `test_integration_traps_page.py` compares the two.
"""

from __future__ import annotations

import inspect
from datetime import date

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

WOKEN = {"woken": ex.Rate("woken")}
DAY = pd.Timestamp("2026-10-12", tz="UTC")


def outcomes_of(c: ex.Campaign, **options: object) -> ex.Outcomes:
    return ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of, **options
    )


def codes(result: object) -> dict[str, str]:
    return {finding.code: finding.status for finding in result.findings}


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate("default", persons=20_000, seed=7)


@pytest.fixture(scope="module")
def credit(campaign: ex.Campaign) -> at.Credit:
    return at.attribute(campaign.touches, campaign.conversions)


@pytest.fixture(scope="module")
def outcomes(campaign: ex.Campaign) -> ex.Outcomes:
    return outcomes_of(campaign)


@pytest.fixture(scope="module")
def readout(outcomes: ex.Outcomes) -> ex.Readout:
    return ex.Experiment(WOKEN, shares="p_assign").analyze(outcomes)


def test_trap_01_attributed_is_not_incremental(campaign, credit, readout):
    result = ex.reconcile(credit, readout, steps=campaign.steps)
    assert "credit, not cause" in repr(result)
    total = next(row for row in result.to_dicts() if (row["step"], row["model"]) == ("total", "first_touch"))
    assert total["gap_low"] > 0  # more is credited than was caused, beyond chance
    for refused in (
        lambda: ex.cost_thresholds(credit, thresholds=[60]),
        lambda: ex.Experiment(WOKEN).analyze(credit),
    ):
        with pytest.raises(at.TableError, match="MISSING_COLUMN"):
            refused()
    assert not {"verdict", "effect", "incremental"} & set(dir(credit))
    assert "verdict" not in credit.table().columns


def test_trap_02_without_a_holdout_there_is_no_causal_answer(campaign, outcomes):
    rows = outcomes.table()
    with pytest.raises(at.DesignError, match="NO_HOLDOUT"):
        ex.Experiment(WOKEN).analyze(rows[rows["arm"] != "holdout"])
    rally = ex.simulate("market_rally", persons=20_000, seed=7)
    # in a rally the holdout returns more often too: before and after would have found an effect of doing nothing
    start = rally.assignment["assigned_at"].iloc[0]
    holdout = set(rally.assignment.loc[rally.assignment["arm"] == "holdout", "person_id"])
    day = (rally.conversions["time"] - start).dt.days[rally.conversions["person_id"].isin(holdout)]
    before, after = (day < 10).sum() / 10, ((day >= 10) & (day < 28)).sum() / 18
    assert after > 1.5 * before
    found = ex.Experiment(WOKEN, shares="p_assign").analyze(outcomes_of(rally)).comparison("woken", arm="full")
    truth = (rally.truth["p_full"] - rally.truth["p_holdout"]).mean()
    assert found.difference.contains(truth)
    plan = {**rally.plan, "experiment": {**rally.plan["experiment"], "randomised": False}}
    report = ex.postmortem(plan, rally, lang="en")
    assert report.verdicts == ()
    text = report.to_markdown()
    assert "NO_HOLDOUT" in text.replace("\\", "")
    assert "PASS" not in text


@pytest.mark.parametrize("column", ["answered", "opened", "clicked"])
def test_trap_03_those_who_answered_are_no_arm(outcomes, column):
    rows = outcomes.table()
    rows[column] = np.where(np.arange(len(rows)) % 3 == 0, "yes", "no")
    with pytest.raises(at.DesignError, match="complier_effect") as error:
        ex.Experiment(WOKEN, arm=column, control="no").analyze(rows)
    assert error.value.code == "POST_ASSIGNMENT"
    for use in ({"strata": column}, {"segments": column}, {"strata": "drew_a_prize", "post": ("drew_a_prize",)}):
        with pytest.raises(at.DesignError, match="POST_ASSIGNMENT"):
            ex.Experiment(WOKEN, **use)
    # the way out: the effect on those who answer because they were called
    two = rows[rows["arm"].isin(["sms", "full"])]
    reached = ((two["arm"] == "full") & (np.arange(len(two)) % 3 == 0)).astype(int)
    found = ex.complier_effect((two["arm"] == "full").astype(int), reached, two["woken"])
    assert abs(found.effect.value) > abs(found.assignment.value)


def test_trap_05_looking_early_is_told_and_has_bounds(outcomes):
    looks = ex.Looks(planned=2 * len(outcomes.table()), arms=["digital", "sms", "full"], metric="woken")
    early = ex.Experiment(WOKEN, shares="p_assign").analyze(outcomes, looks=looks)
    assert codes(early)["EARLY_READING"] == "warn"
    # five looks at the nominal level find something in 14 % of campaigns without any effect; at their bounds in 5 %
    rng = np.random.default_rng(4)
    z = np.cumsum(rng.normal(size=(20_000, 5)), axis=1) / np.sqrt(np.arange(1, 6))
    bounds = np.array(list(ex.spending_bounds(5)))
    assert (np.abs(z) > 1.96).any(axis=1).mean() == pytest.approx(0.142, abs=0.01)
    assert (np.abs(z) > bounds).any(axis=1).mean() == pytest.approx(0.05, abs=0.006)


def test_trap_11_a_ratio_is_a_ratio_of_sums():
    rows = pd.DataFrame({"person_id": range(4), "arm": ["holdout", "holdout", "sms", "sms"]})
    rows = pd.concat([rows.assign(person_id=rows["person_id"] + 4 * k) for k in range(50)])
    rows["clicks"], rows["shown"] = [0, 3, 1, 10] * 50, [1, 30, 1, 100] * 50
    found = ex.Experiment({"ctr": ex.Ratio("clicks", "shown")}).analyze(rows).comparison("ctr", arm="sms")
    assert found.treatment == pytest.approx(11 / 101)
    assert found.control == pytest.approx(3 / 31)
    assert found.treatment != pytest.approx(np.mean([1 / 1, 10 / 100]))
    log = pd.DataFrame({"person_id": ["a"] * 12 + ["b"] * 1, "slot": "top", "kind": "impression", "channel": "banner"})
    log = pd.concat([log, log.tail(1).assign(kind="click")])
    log["time"] = DAY + pd.to_timedelta(np.arange(len(log)), unit="min")
    row = ex.slots(log).to_dicts()[0]
    assert row["ctr"] == pytest.approx(1 / 13)


def test_trap_14_the_number_of_messages_is_an_outcome():
    c = ex.simulate("adaptive_resend", persons=8_000, seed=7)
    rows = outcomes_of(c).table()
    sent = c.touches[c.touches["channel"] == "sms"].groupby("person_id").size()
    rows["n_touches"] = rows["person_id"].map(sent).fillna(0).astype(int).astype(str)
    messaged = rows[rows["arm"] == "sms"].groupby("n_touches")["woken"].mean()
    assert messaged["2"] < messaged["1"]  # only those who stayed silent got the second one
    with pytest.raises(at.DesignError, match="POST_ASSIGNMENT"):
        ex.Experiment(WOKEN, arm="n_touches", control="1").analyze(rows)
    whole = ex.Experiment(WOKEN).analyze(rows).comparison("woken", arm="sms", against="digital")
    assert whole.difference.contains((c.truth["p_sms"] - c.truth["p_digital"]).mean())


def test_trap_18_no_single_model_is_the_answer(credit):
    models = credit.table()["model"].unique()
    assert {"first_touch", "last_touch", "linear", "time_decay", "position_based"} <= set(models)
    spread = at.compare_models(credit).table()
    assert (spread["share_max"] - spread["share_min"]).max() > 0.1
    assert not spread["rank_stable"].all()


def test_trap_19_brand_search_is_shown_with_and_without(campaign, credit, readout):
    outbound = at.attribute(campaign.touches, campaign.conversions, rules=at.Rules(origin="outbound"))
    assert codes(outbound)["INBOUND_TOUCHES"] == "note"
    table = outbound.table()
    assert table.loc[table["channel"] == "search", "conversions"].sum() == 0
    both = at.compare_origins(credit).table().set_index(["model", "channel"])
    assert both.loc[("last_touch", "search"), "value_difference"] < 0
    result = ex.reconcile(credit, readout, steps=campaign.steps)
    rows = [row for row in result.to_dicts() if row["channels"] == "search"]
    assert {row["step"] for row in rows} == {"untested"}
    assert all(row["placebo"] > 0 for row in rows)
    with pytest.raises(at.DesignError, match="UNTESTED_CHANNEL"):
        ex.calibrate(result).factor("search", model="last_touch")


def test_trap_20_segments_that_were_not_declared_are_exploratory():
    rng = np.random.default_rng(20)
    n = 20_000
    rows = pd.DataFrame({"person_id": range(n), "arm": rng.choice(["holdout", "sms"], n)})
    rows["woken"] = (rng.random(n) < 0.05).astype(int)
    rows["star_sign"] = rng.integers(0, 12, n).astype(str)
    fished = ex.Experiment(WOKEN).by_segment(rows, by="star_sign")
    assert codes(fished)["EXPLORATORY"] == "note"
    declared = ex.Experiment(WOKEN, segments="star_sign").by_segment(rows)
    assert "EXPLORATORY" not in codes(declared)
    table = declared.table()
    adjusted = table[table["p_adjusted"].notna()]
    assert len(adjusted) == 12
    assert (adjusted["p_adjusted"] >= adjusted["p_value"]).all()
    assert fished.interaction_tests().to_dicts()[0]["p_value"] > 0.05
    rows["cost"] = np.where(rows["arm"] == "sms", 0.3 * rng.random(n), 0.0)
    spec = ex.Experiment(WOKEN, segments="star_sign")
    pays = ex.cost_thresholds(rows, experiment=spec, thresholds=[85], by="star_sign").table()
    order = {"PASS": 2, "FAIL": 2, "INCONCLUSIVE": 1}
    assert all(
        order[one] <= order[other] for one, other in zip(pays["verdict"], pays["verdict_unadjusted"], strict=True)
    )


def test_trap_21_not_significant_is_not_no_effect():
    n = 4_000
    rows = pd.DataFrame({"person_id": range(n), "arm": np.where(np.arange(n) % 2, "sms", "holdout")})
    rows["woken"] = 0
    rows.loc[rows.index[rows["arm"] == "sms"][:45], "woken"] = 1
    rows.loc[rows.index[rows["arm"] == "holdout"][:40], "woken"] = 1
    rows["cost"] = np.where(rows["arm"] == "sms", 0.1, 0.0)
    readout = ex.Experiment(WOKEN).analyze(rows)
    pays = ex.cost_thresholds(rows, experiment=ex.Experiment(WOKEN), thresholds=[60])
    row = pays.to_dicts()[0]
    assert row["verdict"] == "INCONCLUSIVE"
    assert row["cost_per_incremental_high"] == np.inf
    for lang, says in (("en", "This does not mean it does not work"), ("zh", "不等于无效")):
        told = pays.sentence(arm="sms", threshold=60, lang=lang)
        assert says in told
        for never in ("no effect,", "has no effect", "没有效果", "proves", "证明有效"):
            assert never not in f"{told} {readout.sentence(lang)}"


def test_trap_22_value_is_margin_and_has_to_be_declared(credit, campaign, outcomes):
    """No table shows whether its amounts are revenue or margin; so it is said wherever a value is asked for."""
    with pytest.raises(TypeError, match="contribution"):
        ex.cost_ceiling()
    assert "margin (not revenue)" in inspect.getdoc(ex.money_test)
    paid = ex.money_test(outcomes, experiment=ex.Experiment(WOKEN, shares="p_assign"))
    assert "realised margin" in repr(paid)
    with at.language("zh"):
        assert "毛利" in repr(paid)
    assert "margin" in inspect.getdoc(at.Columns)
    spent = credit.with_costs(campaign.spend)
    assert not {"roi", "roas", "profit"} & {name.lower() for name in spent.table().columns}
    assert "credited value / cost" in repr(spent)


def test_trap_23_a_mean_carried_by_few_persons_is_told():
    rng = np.random.default_rng(8)
    n = 4_000
    rows = pd.DataFrame({"person_id": range(n), "arm": np.where(np.arange(n) % 10 == 0, "holdout", "sms")})
    rows["woken"] = (rng.random(n) < 0.05).astype(int)
    rows["value"] = np.where(rows["woken"] == 1, rng.lognormal(3, 1, n), 0.0)
    rows.loc[7, ["woken", "value"]] = [1, 60_000.0]
    spec = ex.Experiment({**WOKEN, "value": ex.Mean("value")})
    assert codes(spec.analyze(rows))["HEAVY_TAIL"] == "warn"
    assert {(finding.code, finding.status) for finding in ex.check_influence(rows, "value")} == {("INFLUENCE", "warn")}
    cap = ex.pooled_cap(rows, "value")
    capped = ex.Experiment({**WOKEN, "value": ex.Mean("value", cap=cap.cap)}).analyze(rows).table()
    method = capped.loc[capped["metric"] == "value", "method"].iloc[0]
    assert "capped at" in method  # its own estimand, on its own line
    # realised money stands behind counts times a declared value, and two variances must agree before it decides
    paid = ex.money_test(rows.assign(cost=0.0), cap=cap.cap)
    assert {row["estimand"] for row in paid.to_dicts()} == {"all", "capped"}
    assert {row["verdict"] for row in paid.to_dicts() if row["estimand"] == "all"} == {"INCONCLUSIVE"}
    assert "Secondary to the cost thresholds" in repr(paid)


def test_trap_24_a_model_chosen_after_the_fact_changes_the_lock(tmp_path):
    from experiments.plan import lock_plan, plan_changes

    path = tmp_path / "plan.toml"
    text = (
        '[campaign]\nname = "Q4"\nas_of = 2026-12-31\n[metrics.woken]\nkind = "rate"\n[attribution]\n'
        'models = ["linear"]\n'
    )
    path.write_text(text, encoding="utf-8")
    lock_plan(path, locked_on=date(2026, 9, 1))
    assert plan_changes(path) == []
    path.write_text(text.replace("linear", "last_touch"), encoding="utf-8")
    assert any("attribution.models" in str(change) for change in plan_changes(path))


def test_trap_27_a_return_brought_forward_is_no_gain():
    c = ex.simulate("pull_forward", persons=60_000, seed=7)
    late = ex.pull_forward(c.assignment, c.conversions, as_of=c.as_of)
    assert codes(late)["PULL_FORWARD"] == "warn"
    # what nobody has been followed for is not answered
    short = ex.simulate("default", persons=2_000, seed=7)
    with pytest.raises(at.DesignError, match="NONE_MATURE"):
        ex.pull_forward(short.assignment, short.conversions, as_of=short.as_of)


def test_trap_28_look_alikes_are_no_control_group(campaign):
    rng = np.random.default_rng(2)
    columns = [f"a{i}" for i in range(8)]
    people = pd.DataFrame(rng.integers(0, 3, (600, 8)), columns=columns).assign(person_id=range(600))
    found = ex.match_lookalikes(people.iloc[:100], people.iloc[100:], attributes=columns[:5], others=columns[5:])
    shown = set(found.table().columns)
    assert not {"effect", "difference", "lift", "p_value", "incremental"} & shown
    assert "hypothesis" in repr(found)
    with at.language("zh"):
        assert "假设" in repr(found)


def test_trap_29_a_past_that_is_0_for_everybody_explains_nothing(outcomes):
    rows = outcomes.table().assign(value_before=0.0)
    spec = ex.Experiment({**WOKEN, "value": ex.Mean("value", covariate="value_before")})
    found = {finding.code: finding for finding in spec.analyze(rows).findings}["COVARIATE_CONSTANT"]
    assert "histor" in found.text("en")
    plain = ex.Experiment({**WOKEN, "value": ex.Mean("value")}).analyze(rows).table()
    pd.testing.assert_frame_equal(
        spec.analyze(rows).table()[["difference", "low", "high"]], plain[["difference", "low", "high"]]
    )


def test_trap_30_what_was_once_paid_for_a_customer_is_no_cost_of_waking_him(outcomes):
    names = set(outcomes.table().columns)
    assert names >= {"touch_cost", "incentive_cost", "fixed_cost"}
    parts = outcomes.table()[["touch_cost", "incentive_cost", "fixed_cost"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(outcomes.table()["cost"].to_numpy())
    with_past, without = ex.cost_ceiling(150.0, acquisition=1_000.0), ex.cost_ceiling(150.0)
    assert with_past.to_dicts()[0] == without.to_dicts()[0] == {"reading": "per_incremental", "amount": 150.0}
    assert "does not enter the ceiling" in repr(with_past)
    # the field's formula is printed beside it, and refuses customers who pay
    assert with_past.field_formula == -850.0
    assert with_past.per_incremental == without.per_incremental == 150.0
