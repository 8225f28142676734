"""The mistakes of analysts that begin in the data: each is made here, and the library's answer is asserted.

Every test is named in docs/guides/thirty-mistakes.md; `test_integration_traps_page.py` compares the two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

WOKEN = {"woken": ex.Rate("woken")}
DAY = pd.Timestamp("2026-10-12", tz="UTC")
LATE = pd.Timestamp("2026-12-26", tz="UTC")  # five days before the end of the data


def outcomes_of(c: ex.Campaign, **changed: object) -> ex.Outcomes:
    tables = {name: changed.pop(name, getattr(c, name)) for name in ("assignment", "conversions", "touches", "prices")}
    return ex.build_outcomes(
        tables["assignment"], tables["conversions"], touches=tables["touches"], prices=tables["prices"],
        **{"window": "28d", "as_of": c.as_of, **changed},
    )  # fmt: skip


def codes(result: object) -> dict[str, str]:
    return {finding.code: finding.status for finding in result.findings}


def issues(call) -> dict[str, int]:
    with pytest.raises(at.TableError, match="problem") as caught:
        call()
    return {issue.code: issue.count for issue in caught.value.issues}


def dirty(code: str, persons: int = 8_000) -> ex.Campaign:
    return ex.simulate("dirty", persons=persons, seed=7, dirt=[code])


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate("default", persons=8_000, seed=7)


def test_trap_04_a_sample_ratio_mismatch_ends_in_invalid():
    c = ex.simulate("srm", persons=20_000, seed=7)
    outcomes = outcomes_of(c)
    spec = ex.Experiment(WOKEN, shares="p_assign")
    readout = spec.analyze(outcomes, touches=c.touches)
    assert codes(readout)["SRM"] == "fail"
    with pytest.raises(at.DesignError, match="SRM"):
        readout.assert_ok()
    rows = ex.cost_thresholds(outcomes, experiment=spec, thresholds=[85], order=c.order, touches=c.touches).to_dicts()
    assert {row["verdict"] for row in rows} == {"INVALID"}
    assert all("SRM" in row["reason"] for row in rows)
    # and a clean split says what it could have seen
    clean = ex.check_split({"holdout": 2_000, "sms": 8_000}, expected={"holdout": 0.2, "sms": 0.8})
    assert clean.status == "pass"
    assert 0 < clean.values["power"] < 1


def test_trap_06_credit_that_does_not_sum_is_an_error(campaign):
    def generous(j):
        return np.full(len(j.channel), 0.4)

    with pytest.raises(at.ConservationError, match="the weights of each journey must sum to 1"):
        at.attribute(campaign.touches, campaign.conversions, models=[at.CustomModel("generous", generous)])
    credit = at.attribute(campaign.touches, campaign.conversions).table()
    assert "(none)" in set(credit["channel"])
    sums = credit.groupby("model")["conversions"].sum()
    assert sums.to_numpy() == pytest.approx(len(campaign.conversions), rel=1e-9)


def test_trap_07_conversions_counted_twice_are_seen():
    twice = dirty("DUPLICATE_ID")
    assert issues(lambda: at.attribute(twice.touches, twice.conversions))["DUPLICATE_ID"] > 0
    assert issues(lambda: outcomes_of(twice))["DUPLICATE_ID"] > 0
    near = dirty("NEAR_DUPLICATE")
    assert codes(at.attribute(near.touches, near.conversions))["NEAR_DUPLICATE"] == "warn"
    back = dirty("REFUNDS")
    credit = at.attribute(back.touches, back.conversions)
    assert codes(credit)["REFUNDS"] == "note"
    assert len(credit.journeys.counted) < len(back.conversions)
    # two orders of one second with amounts of their own are two
    orders = pd.DataFrame({"person_id": ["p"] * 2, "conversion_id": [1, 2], "time": DAY, "value": [10.0, 12.0]})
    touches = pd.DataFrame({"person_id": ["p"], "time": DAY - pd.Timedelta("1h"), "channel": "sms"})
    found = at.attribute(touches, orders)
    assert "NEAR_DUPLICATE" not in codes(found)
    assert len(found.journeys.counted) == 2


def test_trap_08_touches_after_the_conversion_take_no_credit_and_are_counted():
    touches = pd.DataFrame({"person_id": ["p"] * 3, "channel": ["sms", "phone", "phone"]})
    touches["time"] = [DAY, DAY + pd.Timedelta("2D"), DAY + pd.Timedelta("3D")]
    bought = pd.DataFrame({"person_id": ["p"], "conversion_id": ["a"], "time": [DAY + pd.Timedelta("1D")]})
    credit = at.attribute(touches, bought, models=["last_touch"])
    found = next(finding for finding in credit.findings if finding.code == "AFTER_CONVERSION")
    assert found.values["n"] == 2
    table = credit.table().set_index("channel")["conversions"]
    assert table["sms"] == 1
    assert table.get("phone", 0) == 0
    pressed = ex.contact_pressure(touches, conversions=bought).channels.to_dicts()
    after = {row["channel"]: row["after_conversion"] for row in pressed}
    assert after == {"phone": 2, "sms": 0}  # and they did disturb


def test_trap_09_times_without_a_zone_and_slipped_clocks_are_told(campaign):
    naive = campaign.touches.assign(time=campaign.touches["time"].dt.tz_localize(None))
    assert "NAIVE_TIME" in issues(lambda: at.attribute(naive, campaign.conversions))
    rng = np.random.default_rng(9)
    touches = pd.DataFrame({"person_id": np.arange(2_000), "channel": "sms"})
    touches["time"] = DAY + pd.to_timedelta(rng.integers(0, 20, 2_000) * 24 + rng.normal(11, 3, 2_000), unit="h")
    bought = touches[["person_id"]].assign(conversion_id=np.arange(2_000))
    bought["time"] = touches["time"] + pd.to_timedelta(rng.exponential(5, 2_000), unit="h")
    assert "TIME_ZONE_SLIP" not in codes(at.attribute(touches, bought))
    late = touches.assign(time=touches["time"] + pd.Timedelta("8h"))
    assert codes(at.attribute(late, bought))["TIME_ZONE_SLIP"] == "warn"
    slipped = dirty("CHANNEL_TIME_SLIP", persons=60_000)
    assert codes(at.attribute(slipped.touches, slipped.conversions))["CHANNEL_TIME_SLIP"] == "warn"


def test_trap_10_booking_dates_must_be_declared():
    c = dirty("DAY_PRECISION")
    assert "DAY_PRECISION" in issues(lambda: at.attribute(c.touches, c.conversions))
    columns = {"conversions": at.Columns(precision="day", timezone="Asia/Shanghai")}
    declared = at.attribute(c.touches, c.conversions, columns=columns)
    # a touch on the day of the booking lies before the end of that day
    time = declared.journeys.counted.time
    assert (pd.to_datetime(time, unit="us", utc=True).tz_convert("Asia/Shanghai").hour == 23).all()


def test_trap_12_the_unit_is_the_person_who_was_assigned(campaign):
    rows = outcomes_of(campaign).table()
    messages = pd.concat([rows, rows.head(500)])
    assert "REPEATED_PERSON" in issues(lambda: ex.Experiment(WOKEN).analyze(messages))
    split = ex.simulate("split_ids", persons=20_000, seed=7)
    people = split.assignment.drop_duplicates(["person_id", "arm"])
    outcomes = outcomes_of(split, assignment=people)
    assert codes(outcomes)["TWO_ARMS"] == "fail"
    rows = ex.cost_thresholds(outcomes, experiment=ex.Experiment(WOKEN), thresholds=[85], order=split.order).to_dicts()
    assert {row["verdict"] for row in rows} == {"INVALID"}
    # persons who were assigned by branch are as many units as there are branches
    rng = np.random.default_rng(3)
    branch = np.arange(6_000) % 60
    luck = rng.normal(0, 0.03, 60)[branch]
    table = pd.DataFrame({"person_id": np.arange(6_000), "arm": np.where(branch % 2, "sms", "holdout")})
    table["woken"] = (rng.random(6_000) < 0.1 + luck).astype(int)
    alone = ex.Experiment(WOKEN).analyze(table).table().iloc[0]
    grouped = ex.Experiment(WOKEN, cluster="branch").analyze(table.assign(branch=branch)).table().iloc[0]
    assert grouped["high"] - grouped["low"] > 1.3 * (alone["high"] - alone["low"])


def test_trap_13_dormancy_is_asked_only_of_what_could_be_observed():
    rng = np.random.default_rng(1)
    acts = pd.DataFrame({"person_id": np.arange(3_000) % 900})
    acts["time"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 300, 3_000), unit="D")
    with pytest.raises(ex.InputError, match="nothing can be observed yet"):
        ex.dormancy_curve(acts, horizon="365d", as_of="2026-10-28T00:00:00Z", days=[30])
    found = ex.dormancy_curve(acts, horizon="90d", as_of="2026-10-28T00:00:00Z", days=[30, 120, 200]).table()
    # only silences whose follow-up is over are in the risk set, ended or not: counted here without the library
    as_of, ahead = pd.Timestamp("2026-10-28", tz="UTC"), pd.Timedelta("90D")
    spells = acts.sort_values(["person_id", "time"])
    silence = spells.groupby("person_id")["time"].shift(-1) - spells["time"]
    for row in found.itertuples():
        days = pd.Timedelta(row.silent_days, unit="D")
        long_enough = silence.isna() & (as_of - spells["time"] > days) | (silence > days)
        followed = long_enough & (spells["time"] + days + ahead < as_of)  # the instant itself is not known yet
        assert row.at_risk == followed.sum() < long_enough.sum()
        assert row.rate == pytest.approx((followed & (silence <= days + ahead)).sum() / followed.sum())
    # acts after the date of the analysis do not make anybody dormant, or active
    earlier = ex.customer_states(acts, as_of="2026-06-01T00:00:00Z", dormant_after="60d", churned_after="300d")
    assert codes(earlier)["ACTS_AFTER_AS_OF"] == "note"
    known = acts[acts["time"] <= pd.Timestamp("2026-06-01", tz="UTC")]
    alone = ex.customer_states(known, as_of="2026-06-01T00:00:00Z", dormant_after="60d", churned_after="300d")
    pd.testing.assert_frame_equal(earlier.table(), alone.table())


def test_trap_15_everybody_has_the_same_follow_up(campaign):
    late = campaign.assignment.copy()
    half = np.arange(len(late)) % 2 == 0
    late.loc[half, "assigned_at"] = LATE
    outcomes = outcomes_of(campaign, assignment=late)
    assert codes(outcomes)["IMMATURE"] == "note"
    assert len(outcomes.table()) == (~half).sum()
    with pytest.raises(at.DesignError, match="NONE_MATURE"):
        outcomes_of(campaign, assignment=late[half])
    one_arm = campaign.assignment.copy()
    one_arm.loc[(one_arm["arm"] == "full") & half, "assigned_at"] = LATE
    found = ex.check_exclusions(one_arm, outcomes_of(campaign, assignment=one_arm))
    assert {finding.code: finding.status for finding in found}["IMMATURE_ARMS"] == "warn"


def test_trap_16_persons_taken_out_of_one_arm_only_are_missed(campaign):
    outcomes = outcomes_of(campaign).table()
    returned = (outcomes["arm"] != "holdout") & (outcomes["woken"] == 1)
    kept = outcomes[~returned]
    found = {finding.code: finding for finding in ex.check_exclusions(campaign.assignment, kept)}
    assert found["EXCLUSIONS"].status == "fail"
    assert ex.Experiment(WOKEN).trust(kept, assignment=campaign.assignment).findings[0].status == "fail"


def test_trap_17_costs_that_are_missing_stop_the_calculation(campaign):
    no_price = campaign.prices[campaign.prices["channel"] != "phone"]
    assert "UNPRICED_CHANNEL" in issues(lambda: outcomes_of(campaign, prices=no_price))
    bare = campaign.conversions.drop(columns="incentive_cost")
    assert codes(outcomes_of(campaign, conversions=bare))["NO_INCENTIVES"] == "warn"
    empty = outcomes_of(campaign).table()
    empty.loc[empty["arm"] == "holdout", "cost"] = np.nan
    spec = ex.Experiment(WOKEN)
    found = issues(lambda: ex.cost_thresholds(empty, experiment=spec, thresholds=[85], order=campaign.order))
    assert "CONTROL_WITHOUT_COST" in found
    # touches on people who never converted cost as much as the others
    outcomes = outcomes_of(campaign).table()
    silent = outcomes[(outcomes["arm"] == "full") & (outcomes["woken"] == 0)]
    assert silent["touch_cost"].sum() > 0.5 * outcomes.loc[outcomes["arm"] == "full", "touch_cost"].sum()


def test_trap_25_aliases_are_told_and_unknown_channels_kept():
    c = dirty("CHANNEL_ALIASES")
    credit = at.attribute(c.touches, c.conversions)
    assert codes(credit)["CHANNEL_ALIASES"] == "warn"
    unknown = c.touches.assign(channel=c.touches["channel"].where(c.touches["channel"] != "push", "unknown"))
    table = at.attribute(unknown, c.conversions).table()
    assert table.loc[table["channel"] == "unknown", "conversions"].sum() > 0
    blank = unknown.assign(channel=unknown["channel"].where(unknown["channel"] != "unknown", " "))
    assert "NULL_KEY" in issues(lambda: at.attribute(blank, c.conversions))


def test_trap_26_a_contaminated_holdout_is_counted_and_bounded():
    c = ex.simulate("leak", persons=20_000, seed=7)
    outcomes = outcomes_of(c)
    readout = ex.Experiment(WOKEN, shares="p_assign").analyze(outcomes, touches=c.touches)
    assert codes(readout)["LEAKAGE"] in ("warn", "fail")
    worst = c.touches[c.touches["channel"] == "sms"].drop_duplicates("person_id")
    holdout = c.assignment.loc[c.assignment["arm"] == "holdout", "person_id"]
    extra = worst.head(1_000).assign(person_id=holdout.head(1_000).to_numpy())
    extra["touch_id"] = [f"leak{i}" for i in range(len(extra))]
    everything = pd.concat([c.touches, extra])
    failed = ex.Experiment(WOKEN, shares="p_assign").analyze(outcomes, touches=everything)
    assert codes(failed)["LEAKAGE"] == "fail"
    rows = outcomes.table()
    rows = rows[rows["arm"].isin(["holdout", "sms"])]
    bounds = ex.contamination_bounds((rows["arm"] == "sms").astype(int), rows["woken"], share=0.03)
    measured = rows.loc[rows["arm"] == "sms", "woken"].mean() - rows.loc[rows["arm"] == "holdout", "woken"].mean()
    assert bounds.row("constant").lower == pytest.approx(measured / 0.97)  # contamination makes an effect look smaller
    assert bounds.row("none").lower <= measured <= bounds.row("none").upper
