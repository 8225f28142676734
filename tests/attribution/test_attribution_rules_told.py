"""What rules refuse, what every result tells of them, and the two origins side by side."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.core import messages
from oracles.small_tables import START, conversion_table, event_table, moment, touch_table

LEVELS = ("sent", "delivered", "click")


# --- what is refused -------------------------------------------------------------------------------------------------


def test_rules_with_many_lookbacks_copy_pickle_and_hash():
    rules = at.Rules(lookback={("sms", "click"): "14d", "*": "30d"}, dormancy="180d")
    assert pickle.loads(pickle.dumps(rules)) == copy.deepcopy(rules) == rules
    assert at.Rules(**asdict(rules)) == rules
    assert len({rules, at.Rules(lookback={"*": "30d", ("sms", "click"): "14d"}, dormancy="180d"), at.Rules()}) == 2
    for change in ("clear", "popitem"):
        with pytest.raises(TypeError, match="rules do not change"):
            getattr(rules.lookback, change)()
    with pytest.raises(TypeError, match="rules do not change"):
        rules.lookback["*"] = "1d"  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"window": "days"}, "window must be one of"),
        ({"window": "calendar_days"}, 'add timezone="Asia/Shanghai"'),
        ({"window": "calendar_days", "timezone": "Peking"}, "IANA name"),
        ({"window": "whole_days", "lookback": "36h"}, "counts days; the lookback of '\\*' is 36h"),
        ({"window": "calendar_days", "timezone": "UTC", "lookback": {"a": "90min"}}, "lookback of 'a' is 90min"),
        ({"not_before": "2026-10-01"}, "must carry its time zone"),
        ({"not_before": "1st of October"}, "must be an instant"),
        ({"not_before": pd.NaT}, "must be an instant"),
        ({"not_before": 20261001}, "must be an instant"),
        ({"not_before": "0001-01-01T00:00+08:00"}, "in the years 1 to 9999"),
        ({"tie_order": "sms"}, "tie_order must be a tuple"),
        ({"tie_order": ("*",)}, "what is not listed"),
        ({"tie_order": ("sms", "sms")}, "names something twice"),
        ({"levels": ("sent", "sent")}, "names a kind twice"),
        ({"levels": ("sent", "highest")}, "may not be called 'highest'"),
        ({"level": "click"}, "Name the levels too"),
        ({"levels": ("sent",), "level": "click"}, "level must be one of 'highest', 'sent'"),
        ({"levels": 3}, "levels must be a tuple"),
        ({"key_event": " "}, "name of an event"),
        ({"key_event": 3}, "name of an event"),
        ({"key_event_match": ("product",)}, "name it too"),
        ({"dormancy": 180}, 'Write "180d" for days'),
        ({"transforms": ("unique",)}, "keep every touch"),
        ({"transforms": ("frequency",)}, "renames channels"),
        ({"transforms": ("exposre",)}, "Did you mean 'exposure'"),
        ({"transforms": (("exposure", 3),)}, "takes no argument"),
        ({"transforms": ("trim_long_path",)}, "whole number from 1"),
        ({"transforms": (("trim_long_path", 0),)}, "whole number from 1"),
        ({"transforms": (("remove_if_not_all", 3),)}, "names a channel"),
        ({"transforms": 3}, "transforms must be a tuple"),
        ({"lookback": {("a", "b", "c"): "1d"}}, "a key of lookback"),
    ],
)
def test_rules_that_are_refused(options, match):
    with pytest.raises(at.InputError, match=match):
        at.Rules(**options)


@pytest.mark.parametrize(
    ("observed", "match"),
    [
        (("2026-10-01 00:00Z", "2026-10-02 00:00Z"), "1 lie outside"),
        (("2026-10-03 00:00Z", "2026-10-01 00:00Z"), "ends before it begins"),
        (("2026-10-01", "2026-11-01"), "time zone"),
        ("2026", "two instants"),
    ],
)
def test_periods_of_observation_that_are_refused(observed, match):
    with pytest.raises(at.InputError, match=match):
        at.build_journeys(touch_table(("p", 0, "a")), conversion_table(("p", 2, "o")), observed=observed)


def test_the_period_of_observation_is_that_of_the_tables_unless_given():
    touches, conversions = touch_table(("p", 0, "a")), conversion_table(("p", 2, "o"))
    plan = at.build_journeys(touches, conversions)
    assert plan.observed == (START.value // 1000, moment(2).value // 1000)
    wider = at.build_journeys(touches, conversions, observed=(START, "2026-12-31T23:59:59+08:00"))
    assert wider.observed == (START.value // 1000, pd.Timestamp("2026-12-31T23:59:59+08:00").value // 1000)
    assert wider.attribute("linear").recipe.settings["observed_to"] == "2026-12-31 15:59:59Z"
    open_ended = at.build_journeys(touches, conversions, observed=(None, "2026-12-31T23:59:59+08:00"))
    assert open_ended.observed == wider.observed
    assert at.build_journeys(touches[:0], conversions[:0]).observed == (0, 0)


# --- what is told ----------------------------------------------------------------------------------------------------

FULL = at.Rules(
    lookback="30d",
    reuse="reset",
    origin="outbound",
    match=("product",),
    same_instant="exclude",
    window="calendar_days",
    timezone="Asia/Shanghai",
    not_before="2026-09-01T00:00+08:00",
    tie_order=("sms", ("push", "click")),
    levels=LEVELS,
    level="delivered",
    key_event="page",
    key_event_match=("product",),
    dormancy="180d",
    transforms=("exposure", ("trim_long_path", 3), ("remove_if_not_all", "direct")),
)


def test_the_rules_in_one_line():
    assert FULL.text() == (
        "lookback 30d; reuse reset; origin outbound; same instant exclude; match product; "
        "window calendar_days in Asia/Shanghai; not before 2026-08-31 16:00:00+00:00; tie order sms < push / click; "
        "levels sent < delivered < click, delivered; key event page (match product); dormancy 180d; "
        "transforms exposure, trim_long_path 3, remove_if_not_all direct"
    )
    assert at.Rules().text() == "lookback 30d; reuse shared; origin all; same instant include"


def full_tables() -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    touches = touch_table(("p", 0, "sms"), kind="click", message_id="m", origin="outbound", product="A")
    conversions = conversion_table(("p", 2, "o"), product="A")
    customers = pd.DataFrame({"person_id": ["p"], "last_active_at": [START - timedelta(days=300)]})
    return touches, conversions, {"key_events": event_table(("p", 1, "page"), product="A"), "customers": customers}


CHANGES = {
    "lookback": "29d", "reuse": "first", "origin": "all", "match": (), "same_instant": "include",
    "window": "whole_days", "timezone": "Asia/Tokyo", "not_before": None, "tie_order": ("sms",), "levels": LEVELS[1:],
    "level": "highest", "key_event_match": (), "dormancy": None, "transforms": ("exposure",),
}  # fmt: skip


def test_a_column_of_several_types_is_told_at_every_asking():
    mixed = {"product": [1, "x"], "origin": [1, "outbound"]}
    touches = touch_table(("p", 1, "a"), ("q", 1, "b"), touch_id=["1", "2"], **mixed)
    plan = at.build_journeys(
        touches, conversion_table(("p", 2, "o"), product="1"), key_events=event_table(("p", 1, "x"))
    )
    for rules in (at.Rules(match="product"), at.Rules(origin="outbound")):
        for _ in range(2):
            with pytest.raises(at.TableError, match=r"\[MIXED_TYPES\] touches\.(product|origin)"):
                plan.with_rules(rules)
    credit = plan.attribute("linear")
    for _ in range(2):
        with pytest.raises(at.TableError, match=r"\[MIXED_TYPES\] touches\.product"):
            credit.by("product").table()
    with pytest.raises(at.InputError, match="'product' of the touches holds values of several types"):
        plan.touch_column("product")


def test_an_empty_origin_says_what_to_write():
    touches = touch_table(("p", 1, "a"), ("q", 1, "b"), origin=["outbound", None])
    with pytest.raises(at.TableError, match='the origin of a touch is empty; write "inbound" or "outbound"'):
        at.build_journeys(touches, conversion_table(("p", 2, "o")), rules=at.Rules(origin="outbound"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"lookback": "30d"}, {"lookback": {"*": pd.Timedelta("720h")}}, True),
        ({"dormancy": "36h"}, {"dormancy": pd.Timedelta("36h")}, True),
        ({"not_before": "2026-10-01T00:00+08:00"}, {"not_before": pd.Timestamp("2026-09-30 16:00Z")}, True),
        ({}, {"timezone": "Asia/Shanghai"}, True),  # an exact window asks for no dates
        ({"match": ["kind"]}, {"match": "kind"}, True),
        ({}, {"key_event": "None"}, False),
        ({"transforms": ("first",)}, {"transforms": ("first", "first")}, False),
    ],
)
def test_rules_that_mean_the_same_have_one_fingerprint(one, other, same):
    people = pd.DataFrame({"person_id": ["p"], "last_active_at": [START]})
    tables = {"customers": people, "key_events": event_table(("p", 1, "None"))}
    touches, conversions = touch_table(("p", 1, "a"), kind="sent"), conversion_table(("p", 2, "o"), kind="sent")
    plan = at.build_journeys(touches, conversions, **tables)
    prints = {plan.with_rules(at.Rules(**rules)).fingerprint for rules in (one, other)}
    assert len(prints) == (1 if same else 2)


def test_every_rule_is_printed_in_both_languages_and_changes_the_fingerprint():
    touches, conversions, tables = full_tables()
    plan = at.build_journeys(touches, conversions, rules=FULL, **tables)
    told = plan.attribute("linear").recipe
    assert told.settings["rules"] == FULL.text()
    prints, said = {plan.fingerprint}, {told.sentences()}
    for name, value in CHANGES.items():
        other = plan.with_rules(replace(FULL, **{name: value}))
        prints.add(other.fingerprint)
        said.add(other.attribute("linear").recipe.sentences())
    without = replace(FULL, key_event=None, key_event_match=())
    prints.add(plan.with_rules(without).fingerprint)
    assert len(prints) == len(CHANGES) + 2
    assert len(said) == len(CHANGES) + 1
    for lang in ("en", "zh"):
        sentences = " ".join(told.sentences(lang))
        for word in (
            "Asia/Shanghai",
            "2026-08-31",
            "sms < push / click",
            "sent < delivered",
            "page",
            "trim_long_path 3",
        ):
            assert word in sentences


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"levels": ("sent", "click")}, "LEVELS_LATE"),
        ({"transforms": "first", "reuse": "reset"}, "TRANSFORMS_RESET"),
    ],
)
def test_what_a_rule_does_beyond_its_name_is_printed_with_it(rules, code):
    touches = touch_table(("p", 1, "a"), kind="sent", message_id="m")
    plan = at.build_journeys(touches, conversion_table(("p", 2, "o")))
    for lang in ("en", "zh"):
        sentence = messages.text(f"DEFINITION.{code}", lang=lang)
        assert sentence in plan.with_rules(at.Rules(**rules)).attribute("linear").recipe.sentences(lang)
        assert sentence not in plan.attribute("linear").recipe.sentences(lang)
    only = plan.with_rules(at.Rules(transforms="first")).attribute("linear").recipe
    assert "TRANSFORMS_RESET" not in only.definitions


@pytest.mark.parametrize("table", ["key_events", "customers"])
def test_other_tables_change_the_fingerprint_and_not_the_part_of_the_data(table):
    touches, conversions, tables = full_tables()
    plan = at.build_journeys(touches, conversions, rules=FULL, **tables)
    moved = tables[table].copy()
    column = {"key_events": "time", "customers": "last_active_at"}[table]
    moved[column] += timedelta(hours=1)
    other = at.build_journeys(touches, conversions, rules=FULL, **{**tables, table: moved})
    assert other.fingerprint != plan.fingerprint
    assert other.fingerprint[:32] == plan.fingerprint[:32]
    observed = (START, moment(3))
    longer = at.build_journeys(touches, conversions, rules=FULL, observed=observed, **tables)
    assert longer.fingerprint != plan.fingerprint
    assert longer.fingerprint[:32] == plan.fingerprint[:32]


def test_a_conversion_without_a_touch_says_so():
    touches = touch_table(("p", 0, "a"), ("q", 5, "a"))
    credit = at.attribute(touches, conversion_table(("r", 2, "o"), ("q", 3, "u")), models="linear")
    assert credit.explain("o").to_dicts() == []
    assert "The table holds no touch of this person" in repr(credit.explain("o"))
    assert "None of these touches is eligible" in repr(credit.explain("u"))
    with at.language("zh"):
        assert "表中没有此人的触点" in repr(credit.explain("o"))
        assert "以上触点均无效" in repr(credit.explain("u"))


def test_explain_does_not_depend_on_the_order_of_rows():
    touches = touch_table(*[("p", 5, channel) for channel in ("b", "a", "c")], ("p", 0, "d"))
    conversions = conversion_table(("p", 2, "o"))
    told = [at.attribute(table, conversions).explain("o").to_dicts() for table in (touches, touches[::-1])]
    assert told[0] == told[1]


def test_catalogues_of_the_rules_speak_alike():
    english, chinese = messages.catalogue("en"), messages.catalogue("zh")
    mine = [code for code in english if code.startswith(("EXPLAIN.", "DEFINITION.", "ORIGINS.", "BEFORE_", "LEVELS_"))]
    assert len(mine) > 40
    for code in mine:
        assert messages.placeholders(english[code]) == messages.placeholders(chinese[code]), code


# --- with and without inbound ----------------------------------------------------------------------------------------


def campaign(rows: int = 200) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(11)
    touches = pd.DataFrame({
        "person_id": random.integers(0, 30, rows),
        "time": START + pd.to_timedelta(random.integers(0, 500, rows), unit="h"),
        "channel": random.choice(["sms", "push", "hotline"], rows),
    })  # fmt: skip
    touches["origin"] = np.where(touches.channel == "hotline", "inbound", "outbound")
    conversions = pd.DataFrame({
        "person_id": random.integers(0, 30, 40),
        "time": START + pd.to_timedelta(random.integers(0, 500, 40), unit="h"),
        "conversion_id": range(40),
        "value": random.integers(1, 100, 40) / 4,
    })  # fmt: skip
    return touches, conversions


def test_origins_side_by_side_are_two_calls_and_both_conserve():
    touches, conversions = campaign()
    models = ["last_touch", "linear"]
    table = at.compare_origins(at.build_journeys(touches, conversions), models=models).table()
    for origin, suffix in (("all", ""), ("outbound", "_outbound")):
        alone = at.attribute(touches, conversions, models=models, rules=at.Rules(origin=origin)).table()
        for name in ("conversions", "value"):
            assert table[f"{name}{suffix}"].tolist() == alone[name].tolist()
    sums = table.groupby("model").sum(numeric_only=True)
    assert sums.conversions.tolist() == pytest.approx([40, 40])
    assert sums.conversions_outbound.tolist() == pytest.approx([40, 40])
    assert sums[["conversions_difference", "value_difference"]].to_numpy() == pytest.approx(np.zeros((2, 2)), abs=1e-9)
    assert (table[table.channel == "hotline"].conversions_outbound == 0).all()
    assert (table.conversions_difference == table.conversions_outbound - table.conversions).all()


def test_origins_of_a_credit_keep_its_models_and_rules():
    touches, conversions = campaign()
    rules = at.Rules(lookback="3d", origin="outbound")
    credit = at.attribute(touches, conversions, models=["linear", "markov"], rules=rules)
    found = at.compare_origins(credit)
    assert found.table().model.unique().tolist() == ["linear", "markov"]
    assert found.outbound.recipe.fingerprint == credit.recipe.fingerprint
    assert found.all.journeys.rules == at.Rules(lookback="3d")
    assert found.recipe.method == "compare_origins"
    assert "INBOUND_TOUCHES" in {finding.code for finding in found.findings}
    assert "with and without inbound" in repr(found)
    with at.language("zh"):
        assert "主动" in repr(found)


def test_origins_need_the_column():
    touches, conversions = campaign(20)
    with pytest.raises(at.TableError, match="origin"):
        at.compare_origins(at.build_journeys(touches.drop(columns="origin"), conversions))
    with pytest.raises(at.InputError, match="takes journeys or a credit"):
        at.compare_origins(touches)
