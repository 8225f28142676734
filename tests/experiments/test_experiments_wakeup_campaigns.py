"""Offers outside the segment, referrals and sales campaigns against loops over rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from oracles import offers_outside, referrals, sales_figures

START = pd.Timestamp("2026-01-01", tz="UTC")


def offer_world(seed, offers=150):
    rng = np.random.default_rng(seed)
    day = lambda size: START + pd.to_timedelta(rng.integers(0, 12, size), unit="D")  # noqa: E731
    made = pd.DataFrame({
        "person_id": rng.choice(list("abcdefgh"), offers), "time": day(offers),
        "channel": rng.choice(np.array(["sms", "phone", None], dtype=object), offers),
        "product": rng.choice(["loan", "fund"], offers), "cost": rng.exponential(2.0, offers),
    })  # fmt: skip
    begin = day(14)
    spells = pd.DataFrame({
        "person_id": rng.choice(list("abcdef"), 14), "valid_from": begin,
        "valid_to": begin + pd.to_timedelta(rng.integers(0, 6, 14), unit="D"),
        "product": rng.choice(["loan", "fund", "card"], 14),
    })  # fmt: skip
    spells.loc[rng.random(14) < 0.3, "valid_from"] = pd.NaT
    spells.loc[rng.random(14) < 0.3, "valid_to"] = pd.NaT
    return made, spells


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("agree", [(), ("product",)])
def test_offers_agree_with_loops(seed, agree):
    made, spells = offer_world(seed)
    found = ex.off_segment_offers(made, spells, match=agree, cost="cost")
    listed = spells.to_dict("records")
    made["reason"] = [offers_outside.reason(offer, listed, agree) for offer in made.to_dict("records")]
    made["channel"] = made.channel.fillna("(unknown)")
    for row in found.to_dicts():
        part = made if row["channel"] == "(all)" else made[made.channel == row["channel"]]
        assert row["offers"] == len(part)
        assert row["persons"] == part.person_id.nunique()
        for reason in ("never_listed", "other_offer", "too_early", "too_late"):
            assert row[reason] == (part.reason == reason).sum()
        assert row["off_segment"] == (part.reason != "").sum()
        assert row["off_share"] == pytest.approx((part.reason != "").mean())
        assert row["cost_off"] == pytest.approx(part.cost[part.reason != ""].sum())
        assert row["off_share_low"] <= row["off_share"] <= row["off_share_high"]


def test_offers_of_one_person_are_one_bundle():
    made = pd.DataFrame({"person_id": ["a"] * 50 + ["b"] * 50, "time": START, "channel": "sms"})
    spells = pd.DataFrame({"person_id": ["a"]})
    row = ex.off_segment_offers(made, spells).to_dicts()[-1]
    assert (row["off_share"], row["never_listed"]) == (0.5, 50)
    assert row["off_share_high"] - row["off_share_low"] > 0.6  # two persons, not 100 offers


def test_offers_are_the_same_in_any_order():
    made, spells = offer_world(3)
    found = ex.off_segment_offers(made, spells, cost="cost", by=["channel", "product"])
    again = ex.off_segment_offers(
        made.sample(frac=1, random_state=1), spells.sample(frac=1, random_state=2), cost="cost",
        by=["channel", "product"],
    )  # fmt: skip
    assert found.to_dicts() == again.to_dicts()
    other = ex.off_segment_offers(pl.from_pandas(made), pl.from_pandas(spells), cost="cost", by=["channel", "product"])
    assert other.to_dicts() == found.to_dicts()
    assert [finding.code for finding in found.findings] == ["OFF_SEGMENT", "OFF_SEGMENT_COST"]
    with at.language("zh"):
        assert "客群外" in repr(found)


def test_offers_inside_give_no_finding_and_nobody_eligible_all():
    made = pd.DataFrame({"person_id": ["a", "b"], "time": START, "channel": "sms"})
    assert ex.off_segment_offers(made, pd.DataFrame({"person_id": ["a", "b"]})).findings == ()
    none = ex.off_segment_offers(made, pd.DataFrame({"person_id": pd.Series([], dtype=object)}), by=None)
    assert none.to_dicts()[0]["never_listed"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": "chanel"}, "Did you mean 'channel'"),
        ({"match": "city"}, "MISSING_COLUMN"),
        ({"cost": "channel"}, "WRONG_TYPE"),
        ({"level": 2}, "level must lie"),
    ],
)
def test_bad_offers_are_told(change, message):
    made, spells = offer_world(0)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.off_segment_offers(made, spells, **change)
    with pytest.raises(ex.InputError, match="no offer"):
        ex.off_segment_offers(made[:0], spells)
    with pytest.raises(ex.InputError, match="by='offers' is the name of a column of the result"):
        ex.off_segment_offers(made.assign(offers=1), spells, by="offers")
    spells["valid_to"] = START - pd.Timedelta(days=9)
    with pytest.raises(ex.TableError, match="BAD_PERIOD"):
        ex.off_segment_offers(made, spells)


def referral_world(seed, rows=120):
    rng = np.random.default_rng(seed)
    people = pd.DataFrame({"person_id": [f"p{i}" for i in range(25)], "city": [f"c{i % 2}" for i in range(25)]})
    names = np.array([*people.person_id[:15], "stranger"], dtype=object)
    guests = np.array([*[f"g{i}" for i in range(40)], *people.person_id[:5], None], dtype=object)
    sent = pd.DataFrame({
        "inviter_id": rng.choice(names, rows), "invitee_id": rng.choice(guests, rows),
        "time": START + pd.to_timedelta(rng.integers(0, 9, rows), unit="D"), "arrived": rng.random(rows) < 0.5,
        "effective": rng.random(rows) < 0.5, "reward": rng.integers(0, 9, rows) * 1.0,
    })  # fmt: skip
    sent.loc[:2, "invitee_id"] = sent.loc[:2, "inviter_id"]
    return people, sent


@pytest.mark.parametrize("seed", range(8))
def test_referrals_agree_with_loops(seed):
    people, sent = referral_world(seed)
    found = ex.referral(people, sent, effective="effective", reward="reward", cost=50.0, by="city")
    brought, aside = referrals.count(list(people.person_id), sent.to_dict("records"))
    for city in ("c0", "c1", "(all)"):
        own = [person for person, of in zip(people.person_id, people.city, strict=True) if city in (of, "(all)")]
        rows = {row["stage"]: row for row in found.to_dicts() if row["city"] == city}
        totals = {name: sum(brought[p][name] for p in own) for name in ("sent", "invited", "arrived", "effective")}
        sharers = sum(brought[person]["sent"] > 0 for person in own)
        assert [rows[name]["persons"] for name in ("participants", "sharers", "invited", "arrived", "effective")] == [
            len(own), sharers, totals["invited"], totals["arrived"], totals["effective"],
        ]  # fmt: skip
        assert rows["arrived"]["share_step"] == pytest.approx(totals["arrived"] / totals["invited"])
        assert rows["effective"]["share_step"] == pytest.approx(totals["effective"] / totals["arrived"])
        assert rows["arrived"]["per_participant"] == pytest.approx(totals["arrived"] / len(own))
    assert found.invitations_per_sharer.value == pytest.approx(totals["sent"] / sharers)
    assert found.k_factor.value == pytest.approx(totals["arrived"] / 25)
    assert rows["effective"]["cost_per"] == pytest.approx((50.0 + sent.reward.sum()) / totals["effective"])
    values = {finding.code: finding.values for finding in found.findings}
    assert values["SELF_REFERRAL"]["rows"] == aside["own"]
    assert values["UNKNOWN_INVITER"]["rows"] == aside["strangers"]
    assert values["DUPLICATE_INVITEE"]["rows"] == aside["repeated"]
    used = sum(aside.values()) + totals["invited"]
    assert used == len(sent)  # nothing is dropped in silence


def test_referrals_take_the_inviter_as_the_unit():
    people = pd.DataFrame({"person_id": range(10)})
    sent = pd.DataFrame({
        "inviter_id": [0] * 40 + [1] * 40, "invitee_id": range(100, 180), "arrived": [1] * 40 + [0] * 40,
    })  # fmt: skip
    found = ex.referral(people, sent)
    row = found.to_dicts()[-1]
    assert row["share_step"] == 0.5
    assert row["share_step_high"] - row["share_step_low"] > 0.6
    assert "ONE_INVITER" in [finding.code for finding in found.findings]
    assert "inference" in repr(found)
    with at.language("zh"):
        assert "推测" in repr(found)


def test_referrals_are_the_same_in_any_order():
    people, sent = referral_world(2)
    call = {"effective": "effective", "reward": "reward", "by": "city"}
    found = ex.referral(people, sent, **call)
    again = ex.referral(people.sample(frac=1, random_state=1), sent.sample(frac=1, random_state=2), **call)
    assert found.to_dicts() == again.to_dicts()
    assert ex.referral(pl.from_pandas(people), pl.from_pandas(sent), **call).to_dicts() == found.to_dicts()


@pytest.mark.parametrize(("guest", "message"), [([1], "each cell must hold one person"), (np.inf, None)])
def test_strange_invited_persons(guest, message):
    people = pd.DataFrame({"person_id": ["a"]})
    sent = pl.DataFrame({"inviter_id": ["a"], "invitee_id": [guest], "arrived": [1]})
    if message is None:
        assert ex.referral(people, sent).to_dicts()[2]["persons"] == 1
    else:
        with pytest.raises(ex.TableError, match=message):
            ex.referral(people, sent)


def test_what_is_known_of_an_invited_person_is_put_together_from_all_rows():
    people = pd.DataFrame({"person_id": ["a", "b", "c"]})
    sent = pd.DataFrame({
        "inviter_id": ["a", "b", "a"], "invitee_id": ["x", "x", "c"], "arrived": [1, 0, 0], "good": [0, 1, 1],
    })  # fmt: skip
    found = ex.referral(people, sent, effective="good")
    rows = {row["stage"]: row for row in found.to_dicts()}
    assert (rows["arrived"]["persons"], rows["effective"]["persons"]) == (1, 1)  # c is good, but did not come
    known = [finding.values for finding in found.findings if finding.code == "INVITEE_PARTICIPATES"]
    assert known == [{"persons": 1, "invited": 2}]  # c invited nobody and is a participant all the same
    ends = [f"{name}{end}" for end in ("", "_low", "_high") for name in ("share_step", "per_participant")]
    assert [rows["sharers"][name] for name in ends[::2]] == [rows["sharers"][name] for name in ends[1::2]]


def test_means_without_an_interval_say_why():
    people = pd.DataFrame({"person_id": ["a"]})
    sent = pd.DataFrame({"inviter_id": ["a", "z"], "invitee_id": ["x", "y"], "arrived": [1, 1]})
    assert "as there is one participant" in repr(ex.referral(people, sent))
    assert "Nobody shared" in repr(ex.referral(people, sent[1:]))
    with at.language("zh"):
        assert "没有人分享" in repr(ex.referral(people, sent[1:]))
        assert "没有参与者" in repr(ex.referral(people[:0], sent))


def test_nobody_shared():
    people = pd.DataFrame({"person_id": ["a", "b"]})
    sent = pd.DataFrame({"inviter_id": pd.Series([], dtype=object), "invitee_id": [], "arrived": []})
    found = ex.referral(people, sent, cost=10.0)
    rows = {row["stage"]: row for row in found.to_dicts()}
    assert rows["arrived"]["persons"] == 0
    assert rows["arrived"]["share_step"] is None
    assert rows["arrived"]["note"] == "NOBODY_AT_RISK; NONE_EFFECTIVE"
    assert found.invitations_per_sharer.note == "NOBODY_AT_RISK"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": -1.0}, "cost must be money"),
        ({"inviter": "invitor_id"}, "Did you mean 'inviter_id'"),
        ({"invitee": "guest"}, "MISSING_COLUMN"),
        ({"arrived": "reward"}, "NOT_BINARY"),
        ({"by": "town"}, "MISSING_COLUMN"),
        ({"by": "stage"}, "by='stage' is the name of a column of the result"),
        ({"at_least": 3.0}, "needs effective="),
    ],
)
def test_bad_referrals_are_told(change, message):
    people, sent = referral_world(0)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.referral(people, sent, **change)


def sales_world(seed):
    rng = np.random.default_rng(seed)
    regions = np.array(["north", "south", "东区", "west"], dtype=object)
    sold = pd.DataFrame({"region": rng.choice(regions[:3], 40), "amount": rng.exponential(5.0, 40)})
    goals = pd.DataFrame(
        {"region": ["north", "north", "south", "west", "east"], "target": [30.0, 20.0, 0.0, 9.0, None]}
    )
    leads = pd.DataFrame({
        "region": rng.choice(regions, 80), "contacted": rng.random(80) < 0.6, "quoted": rng.random(80) < 0.4,
        "closed": rng.random(80) < 0.2,
    })  # fmt: skip
    return sold, goals, leads, ("contacted", "quoted", "closed")


@pytest.mark.parametrize("seed", range(4))
def test_sales_agree_with_loops(seed):
    sold, goals, leads, stages = sales_world(seed)
    found = ex.sales_campaign(sold, goals, amount="amount", leads=leads, stages=stages)
    expected = sales_figures.figures(*(table.to_dict("records") for table in (sold, goals, leads)), stages)
    rows = {row["region"]: row for row in found.to_dicts()}
    handover = found.handover().to_dicts()
    assert set(rows) == {*expected, "(all)"}
    for region, one in expected.items():
        row = rows[region]
        assert row["actual"] == pytest.approx(one["actual"])
        assert row["target"] == one["target"]
        assert row["completion"] == (pytest.approx(one["actual"] / one["target"]) if one["target"] else None)
        assert [stage["reached"] for stage in handover if stage["region"] == region] == one["reached"]
        assert row["won"] == one["reached"][-1]
        assert row["conversion"] == (pytest.approx(row["won"] / row["leads"]) if row["leads"] else None)
    assert rows["south"]["note"] == "TARGET_ZERO"
    assert "NO_TARGET" in rows["east"]["note"]
    assert "NO_TARGET" in rows["东区"]["note"]
    total = rows["(all)"]
    assert total["actual"] == pytest.approx(sold.amount.sum())
    assert total["completion"] == pytest.approx(sold.amount[sold.region == "north"].sum() / 59.0)
    assert total["note"] == "PARTIAL_TARGETS"
    assert [finding.code for finding in found.findings] == [
        "TARGET_MISSING", "TARGET_IS_ZERO", "LEADS_SKIPPED", "LEADS_SKIPPED",
    ]  # fmt: skip


def test_leads_of_one_person_are_one_bundle():
    sold, goals, _, _ = sales_world(0)
    leads = pd.DataFrame({"region": "north", "closed": [1] * 30 + [0] * 30, "person_id": [1] * 30 + [2] * 30})
    wide = ex.sales_campaign(sold, goals, leads=leads, stages=["closed"]).to_dicts()[-1]
    narrow = ex.sales_campaign(sold, goals, leads=leads.drop(columns="person_id"), stages=["closed"]).to_dicts()[-1]
    assert wide["conversion"] == narrow["conversion"] == 0.5
    assert wide["conversion_high"] - wide["conversion_low"] > 2 * (narrow["conversion_high"] - narrow["conversion_low"])
    assert narrow["actual"] == 40.0  # rows are counted without an amount


def test_sales_are_the_same_in_any_order():
    sold, goals, leads, stages = sales_world(1)
    found = ex.sales_campaign(sold, goals, amount="amount", leads=leads, stages=stages)
    mixed = [table.sample(frac=1, random_state=3) for table in (sold, goals, leads)]
    again = ex.sales_campaign(mixed[0], mixed[1], amount="amount", leads=mixed[2], stages=stages)
    assert found.to_dicts() == again.to_dicts()
    with at.language("zh"):
        assert "完成率" in repr(found)
        assert "线索" in repr(found.handover())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": []}, "at least one column"),
        ({"by": "actual"}, "by='actual' is the name of a column of the result"),
        ({"by": "reached"}, "by='reached' is the name of a column of the result"),
        ({"target": "goal"}, "MISSING_COLUMN"),
        ({"stages": ["region"]}, "WRONG_TYPE"),
        ({"amount": "amout"}, "Did you mean 'amount'"),
    ],
)
def test_bad_sales_are_told(change, message):
    sold, goals, leads, stages = sales_world(0)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.sales_campaign(sold, goals, **{"leads": leads, "stages": stages, **change})
    with pytest.raises(ex.TableError, match="NEGATIVE_VALUE"):
        ex.sales_campaign(sold, goals.assign(target=-1.0))


def test_without_leads_nothing_is_said_of_them():
    sold, goals, leads, _ = sales_world(0)
    assert "eads" not in repr(ex.sales_campaign(sold, goals))
    found = ex.sales_campaign(sold, goals, leads=leads, stages=("contacted", "closed"))
    assert "leads at contacted" in repr(found)
    with at.language("zh"):
        assert "全部线索" in repr(found.handover())
        assert "contacted" in repr(found.handover())


def test_no_region_at_all():
    nothing = pd.DataFrame({"region": pd.Series([], dtype=object), "target": pd.Series([], dtype=float)})
    row = ex.sales_campaign(nothing, nothing).to_dicts()[0]
    assert (row["region"], row["completion"], row["note"]) == ("(all)", None, "NO_TARGET")
