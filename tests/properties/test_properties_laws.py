"""Laws that hold for every model under every rule."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from campaign_cases import (
    CHANNELS,
    DAY,
    HOUR,
    MODELS,
    MOMENTS,
    NONE,
    TABLES,
    TOUCH_MODELS,
    Case,
    assert_close,
    cases,
    examples,
    renamed_models,
    totals,
)
from hypothesis import given

import attribution as at

EXAMPLES = examples(30)


@given(case=cases())
@EXAMPLES
def test_every_model_gives_out_exactly_what_happened(case):
    credit = case.credit()
    counted = credit.journeys.counted
    sums = defaultdict(lambda: [0.0, 0.0])
    none = set()
    for (model, channel), (count, value) in totals(credit).items():
        sums[model][0] += count
        sums[model][1] += value
        if channel == NONE:
            none.add((count, value))
    assert set(sums) == {model.name for model in MODELS}
    assert len(none) == 1  # what nobody touched is the same in every model
    for count, value in sums.values():
        assert count == pytest.approx(len(counted), rel=1e-9)
        assert value == pytest.approx(counted.value.sum(), rel=1e-9, abs=1e-9)


@given(case=cases())
@EXAMPLES
def test_credit_by_event_sums_to_the_credit_of_the_channels(case):
    credit = case.credit(TOUCH_MODELS)
    sums = defaultdict(lambda: (0.0, 0.0))
    for row in credit.touches().to_dicts():
        count, value = sums[row["model"], row["channel"]]
        sums[row["model"], row["channel"]] = (count + row["conversions"], value + row["value"])
    assert_close(sums, {key: value for key, value in totals(credit).items() if key[1] != NONE})


@given(case=cases(), keys=st.sampled_from(["kind", ("channel", "conversion.product"), ("product", "conversion_id")]))
@EXAMPLES
def test_other_keys_divide_the_same_credit(case, keys):
    credit = case.credit(TOUCH_MODELS)
    keyed = credit.by(keys)
    assert keyed.sums.conversions.sum(axis=1).tolist() == pytest.approx(
        [len(credit.journeys.counted)] * len(TOUCH_MODELS)
    )
    assert keyed.sums.value.sum(axis=1).tolist() == pytest.approx(credit.sums.value.sum(axis=1).tolist())
    assert keyed.sums.touched == credit.sums.touched
    assert totals(keyed.by("channel")) == totals(credit)


TWO_MODELS = st.lists(st.sampled_from([model.name for model in MODELS]), min_size=2, max_size=2, unique=True)


@given(case=cases(), pair=TWO_MODELS)
@examples(25)
def test_every_reading_of_a_difference_sums_to_the_difference(case, pair):
    compared = at.compare_models(case.credit())
    found, reasons = compared.journeys(*pair, top=None), compared.reasons(*pair).to_dicts()
    rows, reassigned = found.to_dicts(), found.carried.reassigned
    (row,) = [row for row in compared.pairs().to_dicts() if {row["model_a"], row["model_b"]} == set(pair)]
    assert reassigned == pytest.approx(row["conversions"] or 0.0, abs=1e-7)
    assert sum(row["net"] for row in rows) == pytest.approx(reassigned, abs=1e-7)
    assert sum(row["conversions"] or 0 for row in rows) == found.carried.attributed
    assert found.carried.moved >= reassigned - 1e-7
    for split in {row["split"] for row in reasons}:
        mine = [row for row in reasons if row["split"] == split]
        assert sum(row["moved"] for row in mine) == pytest.approx(found.carried.moved, abs=1e-7)
        assert sum(row["net"] for row in mine) == pytest.approx(reassigned, abs=1e-7)
    assert compared.journeys(*pair[::-1], top=None).carried.moved == pytest.approx(found.carried.moved, abs=1e-7)


# --- other names -----------------------------------------------------------------------------------------------------


def other_channels(case: Case, names: dict[str, str]) -> Case:
    def other(key):
        if isinstance(key, tuple):
            return tuple(names.get(part, part) for part in key)
        return names.get(key, key)

    rules = dict(case.rules)
    rules["lookback"] = {other(key): hours for key, hours in rules["lookback"].items()}
    for rule in ("tie_order", "transforms"):
        if rule in rules:
            rules[rule] = tuple(other(key) for key in rules[rule])
    touches = [{**touch, "channel": names[touch["channel"]]} for touch in case.touches]
    return replace(case, touches=touches, rules=rules)


@given(case=cases(touch_ids=True))  # without ids, names order touches of one instant
@EXAMPLES
def test_relabelled_channels_take_the_same_credit(case):
    names = dict(zip(CHANNELS, ("z9", "y8", "x7", "w6"), strict=True))
    before = {(model, names.get(channel, channel)): pair for (model, channel), pair in totals(case.credit()).items()}
    assert_close(totals(other_channels(case, names).credit(renamed_models(names))), before)


@given(case=cases(touch_ids=True))
@EXAMPLES
def test_relabelled_persons_and_messages_change_nothing(case):
    people = {"nobody": "e", "p 3": "d", "stranger": "c", "张三": "b", "李四": "a"}
    messages = {"m1": "z", "m2": "y", "m3": "x", None: None}
    renamed = case.with_rows(lambda row: {**row, "person": people[row["person"]]})
    touches = [{**touch, "message_id": messages[touch["message_id"]]} for touch in renamed.touches]
    assert_close(totals(replace(renamed, touches=touches).credit()), totals(case.credit()))


# --- more persons ----------------------------------------------------------------------------------------------------


def twin(row: dict) -> dict:
    made = {**row, "person": f"twin of {row['person']}"}
    for name in ("id", "refund_of", "touch_id"):
        if made.get(name) is not None:
            made[name] = f"twin {made[name]}"
    return made


@given(case=cases())
@EXAMPLES
def test_twice_the_persons_take_twice_the_credit(case):
    twins = case.with_rows(twin)
    both = replace(case, **{name: getattr(case, name) + getattr(twins, name) for name in TABLES})
    twice = {key: (2 * count, 2 * value) for key, (count, value) in totals(case.credit()).items()}
    assert_close(totals(both.credit()), twice)


# The rate of a set of channels counts the journeys that failed in it, so a channel that touched only persons who never
# converted has a rate of its own, and a value.
UNTOUCHED_BY_FAILURES = tuple(model for model in MODELS if model.name != "shapley_rate")


@given(case=cases())
@EXAMPLES
def test_a_channel_that_touched_only_strangers_takes_nothing(case):
    stranger = {**case.touches[0], "person": "nobody", "channel": "radio"}
    if "touch_id" in stranger:
        stranger["touch_id"] = "s"
    before = totals(case.credit(UNTOUCHED_BY_FAILURES))
    after = totals(replace(case, touches=[*case.touches, stranger]).credit(UNTOUCHED_BY_FAILURES))
    radio = [after.pop((model.name, "radio")) for model in UNTOUCHED_BY_FAILURES]
    assert radio == [(0.0, 0.0)] * len(UNTOUCHED_BY_FAILURES)
    assert_close(after, before)


@given(case=cases())
@examples(20)
def test_credit_of_all_persons_is_the_sum_over_persons(case):
    whole = totals(case.credit(TOUCH_MODELS))
    parts = defaultdict(lambda: (0.0, 0.0))
    for person in sorted({row["person"] for row in case.conversions}):
        mine = replace(
            case,
            # A touch of somebody else keeps the table from being empty and takes no credit.
            touches=[row for row in case.touches if row["person"] == person] or [{**case.touches[0], "person": "z"}],
            conversions=[row for row in case.conversions if row["person"] == person],
        )
        for key, (count, value) in totals(mine.credit(TOUCH_MODELS)).items():
            parts[key] = (parts[key][0] + count, parts[key][1] + value)
    assert_close(parts, whole)


# --- other times -----------------------------------------------------------------------------------------------------


def moved(case: Case, by: int) -> Case:
    def later(row):
        return {**row, **{name: row[name] + by for name in MOMENTS if row.get(name) is not None}}

    rules = dict(case.rules)
    if "not_before" in rules:
        rules["not_before"] += by
    return replace(case.with_rows(later), rules=rules)


@given(
    case=cases(),
    shift=st.one_of(st.integers(-20_000, 20_000).map(lambda hours: hours * HOUR), st.integers(-(10**15), 10**15)),
)
@EXAMPLES
def test_a_shift_of_all_times_changes_no_bit(case, shift):
    if case.rules.get("window") == "calendar_days":
        shift = shift // DAY * DAY  # other hours have other dates
    assert totals(moved(case, shift).credit()) == totals(case.credit())


# --- rules -----------------------------------------------------------------------------------------------------------


@given(case=cases(), hours=st.integers(1, 48))
@EXAMPLES
def test_a_longer_window_never_loses_a_touched_conversion(case, hours):
    if "transforms" in case.rules or "reuse" in case.rules:
        case = replace(
            case, rules={key: rule for key, rule in case.rules.items() if key not in ("transforms", "reuse")}
        )
    step = 24 if case.rules.get("window") in ("whole_days", "calendar_days") else 1
    longer = {key: lookback + hours * step for key, lookback in case.rules["lookback"].items()}
    before, after = case.credit("linear"), replace(case, rules={**case.rules, "lookback": longer}).credit("linear")
    assert after.sums.touched >= before.sums.touched
    assert pairs(before) <= pairs(after)


def pairs(credit) -> set:
    """(conversion, row of the touch) of every eligible pair."""
    rows = credit.journeys.served.row
    return {
        (conversion, touch)
        for found in credit.journeys.pairs()
        for conversion, touch in zip(found.conversion().tolist(), rows[found.touch].tolist(), strict=True)
    }


@given(case=cases())
@EXAMPLES
def test_a_transform_applied_twice_is_the_transform(case):
    steps = case.rules.get("transforms", ("exposure",))[:1]
    once, twice = (replace(case, rules={**case.rules, "transforms": steps * n}) for n in (1, 2))
    assert totals(once.credit()) == totals(twice.credit())
