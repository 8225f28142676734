"""Attribution against the plain-loop oracle on random tables, and the laws that hold for every model."""

from __future__ import annotations

import math
from collections import defaultdict

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

import attribution as at
from oracles.journeys import NONE, RULE_MODELS, OracleRules, attribute

HOUR = 3_600_000_000
START = 1_790_000_000_000_000  # in September 2026, no midnight
CHANNELS = ("短信", "电话", "push", "banner <b>")
KINDS = ("sent", "click")
LOOKBACKS = (
    {"*": 48},
    {"*": 0},
    {"短信": 3, "*": 12},
    {("短信", "click"): 24, "短信": 2, ("push", "sent"): 1, "*": 6},
)
# Few whole hours: touches at one instant, and touches at the very edge of a window, are common.
HOURS = st.one_of(st.sampled_from([0, 6, 12, 24, 48]), st.integers(0, 72))


@st.composite
def campaigns(draw, *, ids="text", touch_ids=None, refunds=False):
    """Lists of touches and conversions with many ties: few persons, whole hours, few channels."""
    people = [1, 2, 3] if ids == "whole" else ["张三", "李四", "p 3"]
    with_ids = draw(st.booleans()) if touch_ids is None else touch_ids
    touches = [
        {
            "person": draw(st.sampled_from(people)),
            "time": START + draw(HOURS) * HOUR,
            "channel": draw(st.sampled_from(CHANNELS)),
            "kind": draw(st.sampled_from(KINDS)),
            "origin": draw(st.sampled_from(["outbound", "outbound", "inbound"])),
            "product": draw(st.sampled_from(["fund", "gold"])),
        }
        for _ in range(draw(st.integers(1, 12)))
    ]
    if with_ids:
        order = draw(st.permutations(range(len(touches))))
        for touch, number in zip(touches, order, strict=True):
            touch["touch_id"] = f"t{number:03d}" if ids == "text" else number
    conversions = [
        {
            "person": draw(st.sampled_from([*people, people[0]])),
            "time": START + draw(HOURS) * HOUR,
            "value": draw(st.integers(0, 1000)) / 4,
            "product": draw(st.sampled_from(["fund", "gold"])),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]
    names = draw(st.permutations(range(len(conversions))))
    for conversion, number in zip(conversions, names, strict=True):
        conversion["id"] = f"单{number}" if ids == "text" else number
        conversion["refund_of"] = None
    if refunds:
        conversions += _refunds(draw, conversions)
    return touches, conversions


def _refunds(draw, conversions):
    made = []
    for conversion in conversions:
        if conversion["value"] and draw(st.booleans()):
            share = draw(st.sampled_from([0.25, 0.5, 1.0]))
            row = {**conversion, "id": f"r-{conversion['id']}", "refund_of": conversion["id"]}
            made.append({**row, "value": share * conversion["value"], "time": conversion["time"] + HOUR})
    return made


@st.composite
def rules(draw):
    return OracleRules(
        lookback={key: hours * HOUR for key, hours in draw(st.sampled_from(LOOKBACKS)).items()},
        reuse=draw(st.sampled_from(["shared", "reset", "first"])),
        origin=draw(st.sampled_from(["all", "outbound"])),
        match=draw(st.sampled_from([(), ("product",)])),
        same_instant=draw(st.sampled_from(["include", "exclude"])),
    )


def ours(rule: OracleRules) -> at.Rules:
    return at.Rules(
        lookback={key: pd.Timedelta(value, "us").to_pytimedelta() for key, value in rule.lookback.items()},
        reuse=rule.reuse,
        origin=rule.origin,
        match=rule.match,
        same_instant=rule.same_instant,
    )


def frames(touches, conversions):
    left = pd.DataFrame(touches).rename(columns={"person": "person_id"})
    right = pd.DataFrame(conversions).rename(columns={"person": "person_id", "id": "conversion_id"})
    for frame in (left, right):
        frame["time"] = pd.to_datetime(frame["time"], unit="us", utc=True)
    if right["refund_of"].isna().all():
        right = right.drop(columns="refund_of")
    return left, right


def credit_of(touches, conversions, rule, models=RULE_MODELS):
    left, right = frames(touches, conversions)
    return at.attribute(left, right, models=list(models), rules=ours(rule))


def totals(credit) -> dict:
    return {(row["model"], row["channel"]): (row["conversions"], row["value"]) for row in credit.to_dicts()}


def by_conversion(rows) -> dict:
    """(model, conversion) -> sorted (time, channel, weight) of touches with weight."""
    found = defaultdict(list)
    for row in rows:
        if row["weight"] and row["channel"] != NONE:
            found[row["model"], row["conversion_id"]].append((row["time"], row["channel"], row["weight"]))
    return {key: sorted(value) for key, value in found.items()}


def oracle_rows(result) -> list[dict]:
    return [
        {
            "model": model,
            "conversion_id": key,
            "time": pd.Timestamp(touch["time"], unit="us", tz="UTC"),
            "channel": touch["channel"],
            "weight": float(weight),
        }
        for model, weights in result.weights.items()
        for key, pairs in weights.items()
        for touch, weight in pairs
    ]


def assert_like_oracle(touches, conversions, rule):
    credit = credit_of(touches, conversions, rule)
    expected = attribute(touches, conversions, rule)
    found = totals(credit)
    wanted = {
        (model, channel): (float(count), value)
        for model, channels in expected.credit.items()
        for channel, (count, value) in channels.items()
    }
    for key in found.keys() | wanted.keys():
        assert found.get(key, (0.0, 0.0)) == pytest.approx(wanted.get(key, (0.0, 0.0)), rel=1e-9, abs=1e-9), key
    mine = by_conversion(credit.touches().to_dicts())
    theirs = by_conversion(oracle_rows(expected))
    assert mine.keys() == theirs.keys()
    for key, rows in mine.items():
        assert [row[:2] for row in rows] == [row[:2] for row in theirs[key]], key
        assert [row[2] for row in rows] == pytest.approx([row[2] for row in theirs[key]], rel=1e-9), key


@given(campaign=campaigns(), rule=rules())
def test_credit_is_the_oracles_for_text_ids(campaign, rule):
    assert_like_oracle(*campaign, rule)


@given(campaign=campaigns(ids="whole"), rule=rules())
def test_credit_is_the_oracles_for_whole_number_ids(campaign, rule):
    assert_like_oracle(*campaign, rule)


@given(campaign=campaigns(refunds=True), rule=rules())
def test_credit_is_the_oracles_with_refunds(campaign, rule):
    assert_like_oracle(*campaign, rule)


# --- laws ------------------------------------------------------------------------------------------------------------


@given(campaign=campaigns(), rule=rules())
def test_every_model_gives_out_exactly_what_happened(campaign, rule):
    touches, conversions = campaign
    counted = attribute(touches, conversions, rule).counted
    sums = defaultdict(lambda: [0.0, 0.0])
    for (model, _), (count, value) in totals(credit_of(touches, conversions, rule)).items():
        sums[model][0] += count
        sums[model][1] += value
    assert set(sums) == set(RULE_MODELS)
    for count, value in sums.values():
        assert math.isclose(count, len(counted), rel_tol=1e-9)
        assert math.isclose(value, sum(conversion["value"] for conversion in counted), rel_tol=1e-9, abs_tol=1e-9)


@given(campaign=campaigns(touch_ids=True), rule=rules())
def test_relabelled_channels_take_the_same_credit(campaign, rule):
    touches, conversions = campaign
    names = dict(zip(CHANNELS, ("z9", "y8", "x7", "w6"), strict=True))
    keys = {key: (names.get(key, key) if isinstance(key, str) else (names[key[0]], key[1])) for key in rule.lookback}
    renamed_rule = OracleRules(**{**vars(rule), "lookback": {keys[key]: value for key, value in rule.lookback.items()}})
    renamed = [{**touch, "channel": names[touch["channel"]]} for touch in touches]
    before = totals(credit_of(touches, conversions, rule))
    after = totals(credit_of(renamed, conversions, renamed_rule))
    assert len(before) == len(after)
    for (model, channel), value in before.items():
        assert after[model, names.get(channel, channel)] == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(campaign=campaigns(), rule=rules())
def test_twice_the_persons_take_twice_the_credit(campaign, rule):
    touches, conversions = campaign
    more_touches = [{**touch, "person": f"twin of {touch['person']}"} for touch in touches]
    for touch in more_touches:
        if "touch_id" in touch:
            touch["touch_id"] = f"u{touch['touch_id']}"
    more = [{**item, "person": f"twin of {item['person']}", "id": f"twin of {item['id']}"} for item in conversions]
    single = totals(credit_of(touches, conversions, rule))
    double = totals(credit_of(touches + more_touches, conversions + more, rule))
    assert single.keys() == double.keys()
    for key, (count, value) in single.items():
        assert double[key] == pytest.approx((2 * count, 2 * value), rel=1e-9, abs=1e-9)


@given(campaign=campaigns(), rule=rules(), hours=st.integers(-20_000, 20_000))
def test_a_shift_of_all_times_changes_nothing(campaign, rule, hours):
    moved = [[{**row, "time": row["time"] + hours * HOUR} for row in rows] for rows in campaign]
    assert totals(credit_of(*moved, rule)) == totals(credit_of(*campaign, rule))


@given(campaign=campaigns(), rule=rules(), data=st.data())
def test_the_order_of_rows_changes_no_bit(campaign, rule, data):
    touches, conversions = campaign
    mixed = [data.draw(st.permutations(touches)), data.draw(st.permutations(conversions))]
    before, after = credit_of(touches, conversions, rule), credit_of(*mixed, rule)
    assert before.to_dicts() == after.to_dicts()
    assert repr(before) == repr(after)
    assert before.touches().to_dicts() == after.touches().to_dicts()
    assert before.recipe.fingerprint == after.recipe.fingerprint


@given(campaign=campaigns(), rule=rules())
def test_a_channel_that_touched_only_strangers_takes_nothing(campaign, rule):
    touches, conversions = campaign
    stranger = {**touches[0], "person": "nobody", "channel": "radio"}
    if "touch_id" in stranger:
        stranger["touch_id"] = "s"
    before, after = (
        totals(credit_of(touches, conversions, rule)),
        totals(credit_of([*touches, stranger], conversions, rule)),
    )
    assert {after.get((model, "radio"), (0.0, 0.0)) for model in RULE_MODELS} == {(0.0, 0.0)}
    for key, value in before.items():
        assert after[key] == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(campaign=campaigns(), rule=rules())
@settings(max_examples=50)
def test_credit_of_all_persons_is_the_sum_over_persons(campaign, rule):
    touches, conversions = campaign
    whole = totals(credit_of(touches, conversions, rule))
    parts = defaultdict(lambda: [0.0, 0.0])
    for person in sorted({row["person"] for row in touches + conversions}):
        mine = [[row for row in rows if row["person"] == person] for rows in campaign]
        if not mine[1]:
            continue
        # A touch of somebody else keeps the table from being empty and takes no credit.
        kept = mine[0] or [{**touches[0], "person": "nobody"}]
        for key, (count, value) in totals(credit_of(kept, mine[1], rule)).items():
            parts[key][0] += count
            parts[key][1] += value
    for key, value in whole.items():
        assert tuple(parts.get(key, (0.0, 0.0))) == pytest.approx(value, rel=1e-9, abs=1e-9), key
