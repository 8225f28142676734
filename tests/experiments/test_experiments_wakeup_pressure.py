from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.records import Records
from experiments.wakeup.pressure_effect import ARM_FIELDS, arms_table
from oracles import pressure as oracle

_BEGIN = pd.Timestamp("2026-03-01", tz="UTC")
_HOUR = pd.Timedelta("1h")
_WEIGHTS = {"phone": 5.0, "wechat": 2.0, "email": 1.0}


def _contacts(seed: int, persons: int = 25, count: int = 260, hours: int = 120) -> list[oracle.Contact]:
    random = np.random.default_rng(seed)
    who, when = random.integers(0, persons, count), random.integers(0, hours, count)
    channel, cost = random.choice(list(_WEIGHTS), count), random.integers(0, 5, count) / 4
    return [(f"p{a:02d}", int(b), str(c), float(d)) for a, b, c, d in zip(who, when, channel, cost, strict=True)]


def _table(contacts: list[oracle.Contact]) -> pd.DataFrame:
    frame = pd.DataFrame(contacts, columns=["person_id", "hour", "channel", "cost"])
    return frame.assign(time=_BEGIN + frame["hour"] * _HOUR, origin="outbound").drop(columns="hour")


def _bookings(pairs: list[tuple[str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["person_id", "hour"])
    ids = [f"v{i}" for i in range(len(frame))]
    return frame.assign(time=_BEGIN + frame["hour"] * _HOUR, conversion_id=ids).drop(columns="hour")


@pytest.mark.parametrize("seed", range(8))
def test_pairs_of_contacts_looked_at_one_by_one_give_the_same(seed: int) -> None:
    contacts = _contacts(seed)
    random = np.random.default_rng(seed + 100)
    pairs = [(f"p{a:02d}", b) for a, b in random.integers(0, [30, 120], (40, 2)).tolist()]
    found = ex.contact_pressure(
        _table(contacts), conversions=_bookings(pairs), caps={"1d": 2, "60h": 4}, weights=_WEIGHTS, quiet="30h"
    )
    for row, (cap, window) in zip(found.to_dicts(), [(2, 24), (4, 60)], strict=True):
        over = oracle.beyond(contacts, cap, window)
        assert row["beyond"] == len(over) > 0
        assert row["persons_beyond"] == len({person for person, *_ in over})
        assert row["cost_beyond"] == pytest.approx(sum(cost for *_, cost in over), rel=1e-12)
        assert row["weighted_beyond"] == sum(_WEIGHTS[channel] for _, _, channel, _ in over)
    either = {*oracle.beyond(contacts, 2, 24), *oracle.beyond(contacts, 4, 60)}
    late = oracle.after_conversion(contacts, pairs, 30)
    channels = {row["channel"]: row for row in found.channels.to_dicts()}
    assert {name: row["after_conversion"] for name, row in channels.items()} == {
        name: sum(1 for row in late if row[2] == name) for name in channels
    }
    assert sum(row["beyond"] for row in channels.values()) >= len(either) > 0
    assert sum(row["touches"] for row in channels.values()) == len(contacts)
    heads = found.heads.to_dicts()
    assert {row["contacts"]: row["persons"] for row in heads if row["window"] == "1d"} == Counter(
        oracle.busiest(contacts, 24).values()
    )
    assert {row["contacts"]: row["persons"] for row in heads if row["window"] == "all"} == Counter(
        Counter(person for person, *_ in contacts).values()
    )


def test_no_window_holds_more_than_the_cap_exactly_when_nothing_is_beyond_it() -> None:
    for seed in range(40):
        contacts = _contacts(seed, persons=30, count=60)
        (row,) = ex.contact_pressure(_table(contacts), caps={"20h": 2}).to_dicts()
        assert (row["beyond"] == 0) == (max(oracle.busiest(contacts, 20).values()) <= 2)


def test_the_window_of_a_cap_ends_before_its_end() -> None:
    contacts = [("a", 0, "sms", 0.0), ("a", 24, "sms", 0.0), ("b", 0, "sms", 0.0), ("b", 23, "sms", 0.0)]
    (row,) = ex.contact_pressure(_table(contacts), caps={"1d": 1}).to_dicts()
    assert (row["beyond"], row["persons_beyond"]) == (1, 1)


def test_a_contact_at_the_instant_of_a_conversion_is_not_after_it() -> None:
    contacts = [("a", 5, "sms", 0.0), ("a", 6, "sms", 0.0), ("a", 15, "sms", 0.0), ("a", 16, "sms", 0.0)]
    found = ex.contact_pressure(_table(contacts), conversions=_bookings([("a", 5)]), quiet="10h")
    (channel,) = found.channels.to_dicts()
    assert channel["after_conversion"] == 2  # 6 and 15; 16 is later than the quiet time


def test_order_of_rows_changes_nothing_and_the_table_stays() -> None:
    frame = _table([(who, when // 6, what, cost) for who, when, what, cost in _contacts(4)])
    kept = frame.copy(deep=True)
    options = {"caps": {"2h": 1, "5h": 3}, "weights": _WEIGHTS}
    first = ex.contact_pressure(frame, **options)
    for seed in range(3):
        again = ex.contact_pressure(
            frame.sample(frac=1.0, random_state=seed), caps={"2h": 1, "5h": 3}, weights=_WEIGHTS
        )
        assert repr(again) == repr(first)
        assert again.channels.to_dicts() == first.channels.to_dicts()
        assert again.recipe.to_dict() == first.recipe.to_dict()
    pd.testing.assert_frame_equal(frame, kept)


def test_inbound_touches_answers_and_named_kinds() -> None:
    rows = [
        ("a", "sms", "outbound", "sent"), ("a", "sms", "outbound", "delivered"), ("a", "sms", "inbound", "click"),
        ("a", "hotline", "inbound", "call"), ("b", "sms", "outbound", "opt_out"), ("b", "sms", "outbound", "complaint"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["person_id", "channel", "origin", "kind"]).assign(time=_BEGIN)
    found = ex.contact_pressure(frame)
    assert found.recipe.n["touches"] == 2
    assert {finding.code: dict(finding.values) for finding in found.findings if "left_out" in finding.values} == {
        "PRESSURE_KINDS": {"left_out": 3, "touches": 6, "kinds": "click, complaint, opt_out"}
    }
    (channel,) = found.channels.to_dicts()
    assert (channel["opt_outs"], channel["complaints"], channel["persons"]) == (1, 1, 1)
    named = ex.contact_pressure(frame, kinds=["sent"])
    assert named.recipe.n["touches"] == 1
    every = ex.contact_pressure(frame, origin="all")
    assert {row["channel"] for row in every.channels.to_dicts()} == {"hotline", "sms"}
    told = ex.contact_pressure(frame.drop(columns="origin"))
    assert "PRESSURE_NO_ORIGIN" in {finding.code for finding in told.findings}


def test_contacts_per_head_by_tier() -> None:
    contacts = _contacts(6)
    frame = _table(contacts).assign(tier=lambda table: np.where(table["person_id"] < "p10", "gold", "basic"))
    found = ex.contact_pressure(frame, caps={"1d": 2, "3d": 4}, by="tier")
    over = {*oracle.beyond(contacts, 2, 24), *oracle.beyond(contacts, 4, 72)}
    for row in found.groups.to_dicts():
        own = [contact for contact in contacts if (contact[0] < "p10") == (row["tier"] == "gold")]
        heads = sorted(Counter(person for person, *_ in own).values(), reverse=True)
        assert (row["persons"], row["touches"]) == (len(heads), len(own))
        assert row["touches_per_head"] == pytest.approx(len(own) / len(heads))
        assert row["top_share"] == pytest.approx(sum(heads[: -(-len(heads) // 10)]) / len(own))
        assert row["persons_beyond"] == len({person for person, *_ in over} & {person for person, *_ in own})
    assert {row["tier"] for row in found.groups.to_dicts()} == {"basic", "gold"}
    assert "share of the top tenth" in repr(found)


def test_a_channel_without_a_contact_needs_no_weight() -> None:
    frame = _table(_contacts(1))
    inbound = frame.iloc[:5].assign(channel="hotline", origin="inbound")
    both = pd.concat([frame, inbound])
    assert ex.contact_pressure(both, weights=_WEIGHTS).recipe.n["touches"] == len(frame)


def test_the_top_tenth_is_rounded_up() -> None:
    contacts = [("a", i, "sms", 0.0) for i in range(9)] + [(f"p{i:02d}", 0, "sms", 0.0) for i in range(10)]
    found = ex.contact_pressure(_table(contacts))
    assert found.top_persons == 2
    assert found.top_share == pytest.approx(10 / 19)


def test_weighted_contacts_per_wake_up_are_a_ratio_of_two_effects() -> None:
    campaign = ex.simulate("default", persons=12_000, seed=7)
    weights = {"phone": 5.0, "sms": 1.0, "*": 0.5}
    data = {"conversions": campaign.conversions, "assignment": campaign.assignment, "as_of": campaign.as_of}
    found = ex.contact_pressure(campaign.touches, weights=weights, **data)
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, window="28d", as_of=campaign.as_of).table()
    start = campaign.assignment.set_index("person_id")["assigned_at"]
    touches = campaign.touches[(campaign.touches["origin"] == "outbound") & (campaign.touches["kind"] != "click")]
    since = touches["time"] - touches["person_id"].map(start)
    inside = touches[(since >= pd.Timedelta(0)) & (since < pd.Timedelta("28D"))]
    weight = inside["channel"].map(lambda name: weights.get(name, 0.5)).groupby(inside["person_id"]).sum()
    outcomes = outcomes.assign(cost=outcomes["person_id"].map(weight).fillna(0.0))
    experiment = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum", shares="p_assign")
    pays = ex.cost_thresholds(outcomes, experiment=experiment, thresholds=[85], variance="plugin")
    prices = {row["arm"]: row for row in pays.to_dicts()}
    for row in found.arms.to_dicts():
        same = prices[row["arm"]]
        assert row["weighted_per_incremental"] == pytest.approx(same["cost_per_incremental"], rel=1e-9)
        assert row["weighted_per_incremental_low"] == pytest.approx(same["cost_per_incremental_low"], rel=1e-9)
        assert row["weighted_per_incremental_high"] == pytest.approx(same["cost_per_incremental_high"], rel=1e-9)
        assert row["weighted_kind"] == same["cost_kind"]
    assert found.recipe.n["assigned"] == len(outcomes)


def _arms(woken: dict[str, int], persons: int = 400) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rows = [(f"{arm}{i:03d}", arm) for arm in woken for i in range(persons)]
    assignment = pd.DataFrame(rows, columns=["person_id", "arm"]).assign(assigned_at=_BEGIN)
    pairs = [(f"{arm}{i:03d}", 30 + i % 100) for arm, count in woken.items() for i in range(count)]
    touched = [(f"sms{i:03d}", 1 + i % 48, "sms", 0.0) for i in range(persons) for _ in range(1 + i % 3)]
    return _table(touched), _bookings(pairs), assignment


def test_the_set_is_fiellers_with_the_joint_covariance() -> None:
    touches, bookings, assignment = _arms({"holdout": 60, "sms": 120})
    found = ex.contact_pressure(touches, conversions=bookings, assignment=assignment, as_of="2026-05-01")
    (row,) = found.arms.to_dicts()
    person = np.arange(400)
    contacts, woke = 1.0 + person % 3, (person < 120).astype(float)
    joint = np.cov(contacts, woke) / 400
    base = np.var((person < 60).astype(float), ddof=1) / 400
    expected = ex.ratio_interval(
        contacts.mean(), 60 / 400, joint[0, 0], joint[1, 1] + base, covariance=joint[0, 1], level=0.95
    )
    assert (row["weighted_per_incremental_low"], row["weighted_per_incremental_high"]) == pytest.approx(
        (expected.low, expected.high), rel=1e-9
    )
    assert row["weighted_per_incremental"] == pytest.approx(contacts.mean() / 0.15, rel=1e-12)


def test_contacts_count_from_the_assignment_to_before_the_end_of_the_window() -> None:
    touches, bookings, assignment = _arms({"holdout": 60, "sms": 120})
    other = [("sms000", hour, "sms", 0.0) for hour in (-500, -1, 28 * 24, 28 * 24 + 5, 900)]
    inside = [("sms001", hour, "sms", 0.0) for hour in (0, 28 * 24 - 1)]
    data = {"conversions": bookings, "assignment": assignment, "as_of": "2026-06-01"}
    tables = (touches, pd.concat([touches, _table(other)]), pd.concat([touches, _table(inside)]))
    first, second, third = (
        ex.contact_pressure(table, **data).arms.to_dicts()[0]["weighted_per_person"] for table in tables
    )
    assert second == first
    assert third == pytest.approx(first + 2 / 400, rel=1e-12)


def test_refunds_are_no_conversions_and_what_they_reverse_protects_nobody() -> None:
    booked = _bookings([("a", 1), ("a", 5), ("b", 1), ("b", 5)]).assign(value=[10.0, 10.0, 10.0, 4.0])
    booked["refund_of"] = [None, "v0", None, "v2"]  # a's in full, b's in part
    contacts = [("a", 3, "sms", 0.0), ("a", 8, "sms", 0.0), ("b", 3, "sms", 0.0), ("b", 8, "sms", 0.0)]
    for quiet, expected in (("4h", 1), ("10h", 2)):
        found = ex.contact_pressure(_table(contacts), conversions=booked, quiet=quiet)
        assert found.channels.to_dicts()[0]["after_conversion"] == expected


@pytest.mark.parametrize(
    ("woken", "note", "high"), [((60, 66), "", np.inf), ((60, 50), "NO_INCREMENT", np.inf), ((120, 30), "HARM", None)]
)
def test_a_weak_or_harmful_effect_gives_no_bounded_number(woken: tuple[int, int], note: str, high: float) -> None:
    touches, bookings, assignment = _arms({"holdout": woken[0], "sms": woken[1]})
    found = ex.contact_pressure(touches, conversions=bookings, assignment=assignment, as_of="2026-05-01")
    (row,) = found.arms.to_dicts()
    assert (row["note"], row["weighted_per_incremental_high"]) == (note, high)
    assert (row["weighted_per_incremental"] is None) == bool(note)
    with at.language("zh"):
        assert "每增量唤醒" in repr(found)


def test_more_woken_with_fewer_contacts_has_no_number_and_no_ends() -> None:
    touches, bookings, assignment = _arms({"holdout": 60, "sms": 120})
    touches["person_id"] = touches["person_id"].str.replace("sms", "holdout")
    found = ex.contact_pressure(touches, conversions=bookings, assignment=assignment, as_of="2026-05-01")
    (row,) = found.arms.to_dicts()
    assert [row[f"weighted_per_incremental{end}"] for end in ("", "_low", "_high")] == [None, None, None]
    assert row["note"] == "COST_SAVING"
    assert "∞" not in repr(found)


def test_a_set_that_lies_outside_its_ends_is_printed_in_words() -> None:
    fields = ("weighted_per_incremental", "weighted_per_incremental_low", "weighted_per_incremental_high")
    rows = [
        {"arm": "sms", "control": "holdout", "weighted_kind": kind, **dict(zip(fields, ends, strict=True))}
        for kind, *ends in (("complement", None, 0.5, 8.0), ("all", 5.0, 0.0, np.inf), ("interval", 3.0, 2.0, np.inf))
    ]
    shown = [row[6] for row in arms_table(Records.from_rows(ARM_FIELDS, rows)).rows]
    assert shown == ["– (at most 0.5000, or 8 and more)", "5 (every number is possible)", "3 (2 to ∞)"]


def test_few_wake_ups_are_said() -> None:
    touches, bookings, assignment = _arms({"holdout": 5, "sms": 60})
    found = ex.contact_pressure(touches, conversions=bookings, assignment=assignment, as_of="2026-05-01")
    assert found.arms.to_dicts()[0]["note"] == "FEW_EVENTS"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"caps": {}}, "caps must map"),
        ({"caps": {"7d": 0}}, "at least 1"),
        ({"caps": {"7d": 3, "1w": 4}}, "twice"),
        ({"weights": {"phone": 5}}, "says nothing about 'email', 'wechat'"),
        ({"weights": {"phone": -1, "*": 1}}, "at least 0"),
        ({"weights": 5}, "must map channels"),
        ({"origin": "inbound"}, 'origin must be "outbound"'),
        ({"kinds": ["sent"]}, "needs the column"),
        ({"quiet": "0d"}, "longer than 0"),
    ],
)
def test_questions_without_an_answer_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ex.InputError, match=message):
        ex.contact_pressure(_table(_contacts(1)), **options)


def test_tables_that_do_not_fit_are_refused() -> None:
    touches, bookings, assignment = _arms({"holdout": 60, "sms": 66})
    with pytest.raises(ex.InputError, match="given without conversions= and as_of="):
        ex.contact_pressure(touches, assignment=assignment)
    with pytest.raises(ex.DesignError, match="holdout"):
        ex.contact_pressure(
            touches, conversions=bookings, as_of="2026-05-01", assignment=assignment[assignment["arm"] == "sms"]
        )
    with pytest.raises(ex.InputError, match="nothing would match"):
        ex.contact_pressure(touches, conversions=bookings.assign(person_id=range(len(bookings))))
    with pytest.raises(ex.InputError, match="the touches hold no row"):
        ex.contact_pressure(touches.iloc[:0])
    with pytest.raises(ex.InputError, match="is a contact"):
        ex.contact_pressure(touches.assign(kind="click"))
    with pytest.raises(ex.InputError, match='"inbound" or "outbound"'):
        ex.contact_pressure(touches.assign(origin="呼出"))
    with pytest.raises(ex.TableError, match="channel"):
        ex.contact_pressure(touches.drop(columns="channel"))
    with pytest.raises(ex.TableError, match="missing"):
        ex.contact_pressure(touches.assign(cost=None))


def test_arms_that_are_numbers_are_known_by_their_text() -> None:
    touches, bookings, assignment = _arms({"holdout": 60, "sms": 120})
    numbered = assignment.assign(arm=assignment["arm"].map({"holdout": 0, "sms": 1}))
    data = {"conversions": bookings, "as_of": "2026-05-01"}
    named = ex.contact_pressure(touches, assignment=assignment, **data).arms.to_dicts()
    for control in (0, "0"):
        found = ex.contact_pressure(touches, assignment=numbered, control=control, **data).arms.to_dicts()
        assert found == [{**row, "arm": "1", "control": "0"} for row in named]


def test_groups_named_like_a_column_of_the_result_are_refused() -> None:
    touches = _arms({"holdout": 6, "sms": 6}, persons=10)[0]
    with pytest.raises(ex.InputError, match="by='persons' is the name of a column of the result"):
        ex.contact_pressure(touches.assign(persons="a"), by="persons")
    with pytest.raises(ex.InputError, match="by='stage' is the name of a column of the result"):
        ex.funnel(touches.assign(event="a", stage="b"), stages=["a", "b"], by="stage")


def test_a_touch_that_stands_twice_is_told_with_everything_else_that_is_wrong() -> None:
    contacts = _table(_contacts(3)).assign(touch_id=lambda t: [f"t{row}" for row in range(len(t))])
    assert len(ex.contact_pressure(contacts).to_dicts()) == 2
    twice = pd.concat([contacts, contacts.iloc[:3]], ignore_index=True)
    with pytest.raises(ex.TableError, match="DUPLICATE_TOUCH_ID") as caught:
        ex.contact_pressure(twice)
    assert [(issue.code, issue.column, issue.count) for issue in caught.value.issues] == [
        ("DUPLICATE_TOUCH_ID", "touch_id", 3)
    ]
    with pytest.raises(ex.TableError, match="DUPLICATE_TOUCH_ID"):
        ex.hand_overs(twice)
    spoiled = twice.drop(columns="channel").assign(cost=float("nan"), time=twice["time"].where(twice.index > 1))
    with pytest.raises(ex.TableError, match="5 problems") as caught:
        ex.contact_pressure(spoiled, by="tier")
    assert sorted((issue.code, issue.column, issue.count) for issue in caught.value.issues) == [
        ("DUPLICATE_TOUCH_ID", "touch_id", 3), ("MISSING_COLUMN", "channel", 1), ("MISSING_COLUMN", "tier", 1),
        ("NULL_TIME", "time", 2), ("NULL_VALUE", "cost", len(spoiled)),
    ]  # fmt: skip


def test_ids_of_touches_under_another_name_are_read_too() -> None:
    contacts = _table(_contacts(3)).assign(流水号="same")
    assert ex.contact_pressure(contacts).recipe.n["touches"] == len(contacts)
    with pytest.raises(ex.TableError, match="流水号"):
        ex.contact_pressure(contacts, columns=at.Columns(touch="流水号"))
