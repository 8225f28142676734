"""Every rule by hand: windows, levels, key events, dormancy, transforms, ties; what is refused, and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.core import messages
from attribution.journeys.transforms import kept_by_transforms

START = pd.Timestamp("2026-10-01 00:00", tz="UTC")
MICROSECOND = timedelta(microseconds=1)


def moment(value) -> pd.Timestamp:
    return START + timedelta(days=value) if isinstance(value, (int, float)) else pd.Timestamp(value)


def touch_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), c) for p, t, c in rows], columns=["person_id", "time", "channel"])
    return table.assign(**columns)


def conversion_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), c) for p, t, c in rows], columns=["person_id", "time", "conversion_id"])
    return table.assign(value=1.0, **columns)


def paths(touches, conversions, rules: at.Rules, **tables) -> dict[str, str]:
    """The path of each conversion, by its id."""
    credit = at.attribute(touches, conversions, models="linear", rules=rules, **tables)
    found = dict.fromkeys(conversions["conversion_id"], "")
    for row in credit.touches().to_dicts():
        found[row["conversion_id"]] = (found[row["conversion_id"]] + " " + row["channel"]).strip()
    return found


def statuses(touches, conversions, rules: at.Rules, name: str = "o", **tables) -> list[str]:
    credit = at.attribute(touches, conversions, models="linear", rules=rules, **tables)
    return [row["status"] for row in credit.explain(name).to_dicts()]


def findings(plan) -> dict[str, dict]:
    return {finding.code: dict(finding.values) for finding in plan.findings}


# --- windows ---------------------------------------------------------------------------------------------------------


def edge(rules: at.Rules, touch, conversion) -> bool:
    found = paths(touch_table(("p", touch, "a")), conversion_table(("p", conversion, "o")), rules)
    return found == {"o": "a"}


@pytest.mark.parametrize(
    ("window", "longest"),
    [
        ("exact", timedelta(days=2)),
        ("open", timedelta(days=2) - MICROSECOND),
        ("whole_days", timedelta(days=3) - MICROSECOND),
    ],
)
@pytest.mark.parametrize("lookback", ["2d", {"a": "2d", "*": "1d"}])
def test_the_far_edge_of_a_window(window, longest, lookback):
    rules = at.Rules(lookback=lookback, window=window)
    assert edge(rules, START - longest, START)
    assert not edge(rules, START - longest - MICROSECOND, START)
    assert edge(rules, START, START)
    assert not edge(rules, START + MICROSECOND, START)


def test_an_open_window_of_no_length_holds_nothing():
    assert not edge(at.Rules(lookback="0d", window="open"), START, START)
    assert not edge(at.Rules(lookback={"a": "0d", "*": "1d"}, window="open"), START, START)


@pytest.mark.parametrize("lookback", ["0d", {"a": "0d", "*": "5d"}])
def test_the_same_calendar_day_depends_on_the_zone(lookback):
    # 00:30 and 23:30 of one day in Shanghai are two days in UTC.
    touch, conversion = pd.Timestamp("2026-10-05 00:30+08:00"), pd.Timestamp("2026-10-05 23:30+08:00")
    assert edge(at.Rules(lookback=lookback, window="calendar_days", timezone="Asia/Shanghai"), touch, conversion)
    assert not edge(at.Rules(lookback=lookback, window="calendar_days", timezone="UTC"), touch, conversion)
    before = touch - timedelta(hours=1)
    assert not edge(at.Rules(lookback=lookback, window="calendar_days", timezone="Asia/Shanghai"), before, conversion)


def test_a_calendar_day_may_last_25_hours():
    rules = at.Rules(lookback="1d", window="calendar_days", timezone="America/New_York")
    first = pd.Timestamp("2026-10-31 00:00", tz="America/New_York")
    last = pd.Timestamp("2026-11-01 23:59:59.999999", tz="America/New_York")  # the clocks went back on this day
    assert last - first == timedelta(hours=49) - MICROSECOND
    assert edge(rules, first, last)
    assert not edge(rules, first - MICROSECOND, last)


def test_a_zone_that_skipped_a_day_or_repeated_an_hour_is_counted_by_its_dates():
    rules = at.Rules(lookback="2d", window="calendar_days", timezone="Pacific/Apia")  # there was no 30 December 2011
    touch, conversion = (pd.Timestamp(day, tz="Pacific/Apia") for day in ("2011-12-29 12:00", "2011-12-31 12:00"))
    assert conversion - touch == timedelta(days=1)
    assert edge(rules, touch, conversion)
    assert not edge(replace(rules, lookback="1d"), touch, conversion)


def test_lookback_by_kind_of_any_channel():
    touches = touch_table(("p", 0, "sms"), ("p", 0, "sms"), ("p", 0, "push"), ("p", 0, "push"))
    touches["kind"] = ["click", "sent", "click", "sent"]
    conversions = conversion_table(("p", 5, "o"))
    rules = at.Rules(lookback={("*", "click"): "7d", "push": "1d", "*": "1d"})
    assert paths(touches, conversions, rules) == {"o": "sms"}  # a channel is more specific than a kind of any channel
    assert paths(touches, conversions, at.Rules(lookback={("*", "click"): "7d", "*": "1d"})) == {"o": "push sms"}


def test_nothing_before_the_first_instant_that_counts():
    touches, conversions = touch_table(("p", 0, "a"), ("p", 1, "b")), conversion_table(("p", 2, "o"))
    rules = at.Rules(not_before=datetime(2026, 10, 2, tzinfo=UTC))
    assert paths(touches, conversions, rules) == {"o": "b"}
    assert paths(touches, conversions, at.Rules(not_before="2026-10-02T00:00:00.000001+00:00")) == {"o": ""}
    assert statuses(touches, conversions, rules) == ["BEFORE_START", "ELIGIBLE"]
    assert findings(at.build_journeys(touches, conversions, rules=rules))["BEFORE_START"] == {"n": 1, "rows": 2}


# --- ties ------------------------------------------------------------------------------------------------------------


def test_a_declared_order_of_ties():
    touches = touch_table(*[("p", 0, channel) for channel in ("c", "a", "b", "a")], kind=["x", "click", "x", "sent"])
    touches["touch_id"] = [1, 2, 3, 4]
    conversions = conversion_table(("p", 1, "o"))

    def order(*keys) -> str:
        return paths(touches, conversions, at.Rules(tie_order=keys))["o"]

    assert order() == "c a b a"
    assert order("b") == "b c a a"
    assert order("b", ("a", "sent"), "c") == "b a c a"
    assert order(("*", "sent"), ("*", "click")) == "a a c b"
    # The pair says more than the channel, although the channel is listed first.
    assert order("a", "b", ("a", "click")) == "a b a c"


# --- delivery levels -------------------------------------------------------------------------------------------------

SENT = [("p", 0, "sms"), ("p", 0.1, "sms"), ("p", 1, "sms"), ("p", 0.5, "push")]
LOG = touch_table(*SENT, kind=["sent", "delivered", "click", "sent"], message_id=["m1", "m1", "m1", "m2"])
LEVELS = ("sent", "delivered", "click")


def test_rows_of_one_message_count_once_at_the_highest_level():
    conversions = conversion_table(("p", 2, "o"))
    assert paths(LOG, conversions, at.Rules()) == {"o": "sms sms push sms"}
    assert paths(LOG, conversions, at.Rules(levels=LEVELS)) == {"o": "push sms"}
    rules = at.Rules(levels=LEVELS, level="delivered")
    assert paths(LOG, conversions, rules) == {"o": "sms"}
    assert statuses(LOG, conversions, rules) == ["LEVEL_COLLAPSED", "ELIGIBLE", "BELOW_LEVEL", "LEVEL_COLLAPSED"]
    told = findings(at.build_journeys(LOG, conversions, rules=rules))
    assert told["LEVELS_COLLAPSED"] == {"n": 2, "rows": 4}
    assert told["BELOW_LEVEL"] == {"n": 1, "rows": 4}


def test_a_level_that_was_not_logged_was_reached_by_the_next_higher_one():
    log = LOG[LOG.kind != "delivered"]
    assert paths(log, conversion_table(("p", 2, "o")), at.Rules(levels=LEVELS, level="delivered")) == {"o": "sms"}
    assert paths(log, conversion_table(("p", 0.7, "o")), at.Rules(levels=LEVELS, level="delivered")) == {"o": ""}


def test_a_level_beats_by_level_and_not_by_time():
    log = touch_table(("p", 0, "sms"), ("p", 1, "sms"), kind=["click", "sent"], message_id="m")
    credit = at.attribute(log, conversion_table(("p", 2, "o")), rules=at.Rules(levels=LEVELS), models="linear")
    assert [row["time"] for row in credit.touches().to_dicts()] == [START]


def test_a_click_after_the_last_conversion_does_not_take_the_message_from_it():
    conversions = conversion_table(("p", 0.3, "o"))
    assert paths(LOG, conversions, at.Rules(levels=LEVELS)) == {"o": "sms"}
    credit = at.attribute(LOG, conversions, rules=at.Rules(levels=LEVELS), models="linear")
    assert [row["time"] for row in credit.touches().to_dicts()] == [moment(0.1)]


def test_messages_are_told_apart_by_person_channel_and_number():
    log = touch_table(("p", 0, "sms"), ("q", 0, "sms"), ("p", 0, "push"), ("p", 0, "sms"), kind="sent")
    log["message_id"] = ["1", "1", "1", " "]
    plan = at.build_journeys(log, conversion_table(("p", 1, "o"), ("q", 1, "u")), rules=at.Rules(levels=LEVELS))
    assert plan.withheld.tolist() == [0, 0, 0, 0]
    assert findings(plan)["NO_MESSAGE_ID"] == {"n": 1, "rows": 4}
    assert findings(plan)["RULE_UNUSED"] == {"rule": "levels", "keys": "delivered, click"}


def test_kinds_that_are_no_level_are_touches_of_their_own():
    log = touch_table(("p", 0, "phone"), ("p", 0.1, "phone"), kind=["attempt", "answered"], message_id="m")
    assert paths(log, conversion_table(("p", 1, "o")), at.Rules(levels=LEVELS)) == {"o": "phone phone"}


def test_levels_need_their_columns():
    with pytest.raises(at.TableError, match="message_id") as told:
        at.build_journeys(
            LOG.drop(columns="message_id"), conversion_table(("p", 1, "o")), rules=at.Rules(levels=LEVELS)
        )
    assert [(issue.code, issue.column) for issue in told.value.issues] == [("MISSING_COLUMN", "message_id")]
    renamed = LOG.rename(columns={"message_id": "短信编号"})
    rules, columns = at.Rules(levels=LEVELS), at.Columns(message="短信编号")
    assert paths(renamed, conversion_table(("p", 2, "o")), rules, columns=columns) == {"o": "push sms"}


# --- forward key event -----------------------------------------------------------------------------------------------


def event_table(*rows, **columns) -> pd.DataFrame:
    table = pd.DataFrame([(p, moment(t), e) for p, t, e in rows], columns=["person_id", "time", "event"])
    return table.assign(**columns)


def test_credit_only_where_the_key_event_lies_between():
    touches = touch_table(("p", 0, "a"), ("p", 1, "b"), ("p", 3, "c"), ("q", 0, "a"))
    conversions = conversion_table(("p", 2, "o1"), ("p", 4, "o2"), ("q", 1, "o3"))
    rules = at.Rules(key_event="page")
    events = event_table(("p", 1, "page"), ("p", 3.5, "other"), ("q", 2, "page"))
    assert paths(touches, conversions, rules, key_events=events) == {"o1": "a b", "o2": "a b", "o3": ""}
    at_once = event_table(("p", 4, "page"))  # at the very time of the conversion
    assert paths(touches, conversions, rules, key_events=at_once) == {"o1": "", "o2": "a b c", "o3": ""}
    assert statuses(touches, conversions, rules, "o1", key_events=at_once) == [
        "NO_KEY_EVENT", "NO_KEY_EVENT", "AFTER_CONVERSION",
    ]  # fmt: skip
    told = findings(at.build_journeys(touches, conversions, rules=rules, key_events=events))
    assert told["TOUCHES_NO_KEY_EVENT"] == {"n": 2, "rows": 4}


def test_touch_and_key_event_must_agree():
    touches = touch_table(("p", 0, "a"), ("p", 0, "b"), ("p", 0, "c"), product=["fund A", "fund B", None])
    events = event_table(("p", 1, "page"), ("p", 1, "page"), product=["fund B", None])
    rules = at.Rules(key_event="page", key_event_match="product")
    assert paths(touches, conversion_table(("p", 2, "o")), rules, key_events=events) == {"o": "b"}


def test_without_a_column_of_events_every_row_is_the_key_event():
    events = event_table(("p", 0.5, "page"))[["person_id", "time"]]
    touches, conversions = touch_table(("p", 0, "a"), ("p", 1, "b")), conversion_table(("p", 2, "o"))
    assert paths(touches, conversions, at.Rules(key_event="anything"), key_events=events) == {"o": "a"}


def test_key_events_that_are_missing_misspelt_or_unasked():
    touches, conversions = touch_table(("p", 0, "a")), conversion_table(("p", 2, "o"))
    events = event_table(("p", 1, "product_page"))
    with pytest.raises(at.InputError, match="pass key_events="):
        at.build_journeys(touches, conversions, rules=at.Rules(key_event="product_page"))
    with pytest.raises(at.TableError, match="Did you mean 'product_page'") as told:
        at.build_journeys(touches, conversions, rules=at.Rules(key_event="product_pge"), key_events=events)
    assert [issue.code for issue in told.value.issues] == ["UNKNOWN_KEY_EVENT"]
    plan = at.build_journeys(touches, conversions, key_events=events)
    assert findings(plan)["KEY_EVENTS_UNUSED"] == {"rows": 1}
    assert "KEY_EVENTS_UNUSED" not in findings(plan.with_rules(at.Rules(key_event="product_page")))
    rules = at.Rules(key_event="product_page", key_event_match="page_of")
    with pytest.raises(at.TableError, match="'page_of'"):
        at.build_journeys(touches, conversions, rules=rules, key_events=events)


def test_an_empty_table_of_key_events_leaves_no_touch():
    events = event_table(("p", 1, "page"))[:0]
    touches, conversions = touch_table(("p", 0, "a")), conversion_table(("p", 2, "o"))
    assert paths(touches, conversions, at.Rules(key_event="page"), key_events=events) == {"o": ""}


# --- dormancy --------------------------------------------------------------------------------------------------------

PEOPLE = pd.DataFrame({"person_id": ["p", "q", "r"], "last_active_at": [START, pd.NaT, START + timedelta(days=20)]})


def test_no_touch_before_the_dormant_spell_began():
    touches = touch_table(("p", 9, "a"), ("p", 10, "b"), ("q", 1, "c"), ("r", 12, "d"), ("s", 1, "e"))
    conversions = conversion_table(("p", 15, "o1"), ("q", 15, "o2"), ("r", 15, "o3"), ("s", 15, "o4"))
    rules = at.Rules(dormancy="10d")
    found = paths(touches, conversions, rules, customers=PEOPLE)
    assert found == {"o1": "b", "o2": "c", "o3": "", "o4": "e"}  # q and s: no last activity, the plain look-back
    assert statuses(touches, conversions, rules, "o1", customers=PEOPLE) == ["BEFORE_DORMANCY", "ELIGIBLE"]
    told = findings(at.build_journeys(touches, conversions, rules=rules, customers=PEOPLE))
    assert told["BEFORE_DORMANCY"] == {"n": 2, "rows": 5}
    assert told["NO_LAST_ACTIVITY"] == {"n": 2, "rows": 5}


def test_dormancy_needs_the_customers_and_their_last_activity():
    touches, conversions = touch_table(("p", 9, "a")), conversion_table(("p", 15, "o"))
    with pytest.raises(at.InputError, match="pass customers="):
        at.build_journeys(touches, conversions, rules=at.Rules(dormancy="180d"))
    plan = at.build_journeys(touches, conversions, customers=PEOPLE[["person_id"]])
    assert plan.customers is not None
    assert plan.customers.last_active is None
    with pytest.raises(at.TableError, match="last_active_at"):
        plan.with_rules(at.Rules(dormancy="180d"))
    with pytest.raises(at.TableError, match="last_active_at"):
        at.build_journeys(touches, conversions, customers=PEOPLE[["person_id"]], rules=at.Rules(dormancy="180d"))


@pytest.mark.parametrize(
    ("customers", "code"),
    [
        (pd.concat([PEOPLE, PEOPLE[:1]]), "REPEATED_PERSON"),
        (PEOPLE.assign(is_test=[0, 1, 2]), "NOT_BINARY"),
        (PEOPLE.assign(person_id=[1, 2, 3]), "KEY_TYPE_MISMATCH"),
        (PEOPLE.assign(last_active_at=["2026-10-01"] * 3), "NAIVE_TIME"),
        (PEOPLE.drop(columns="person_id"), "MISSING_COLUMN"),
    ],
)
def test_customers_that_cannot_be_used(customers, code):
    with pytest.raises(at.TableError, match=code) as told:
        at.build_journeys(touch_table(("p", 9, "a")), conversion_table(("p", 15, "o")), customers=customers)
    assert {issue.table for issue in told.value.issues} == {"customers"}


def test_several_numbers_of_one_customer_are_joined():
    links = pd.DataFrame({"customer_id": ["c1", "c2", "c3"], "phone": ["1", "1", "2"]})
    identity = at.resolve_identity(links, ids=("customer_id", "phone"))
    customers = pd.DataFrame({
        "customer_id": ["c1", "c2", "c3"],
        "last_active_at": [START, START + timedelta(days=5), START],
        "is_test": [False, True, None],
    })  # fmt: skip
    touches = touch_table(("c1", 14, "a"), ("c2", 15, "b")).rename(columns={"person_id": "customer_id"})
    conversions = conversion_table(("c2", 20, "o")).rename(columns={"person_id": "customer_id"})
    plan = at.build_journeys(
        touches, conversions, identity=identity, customers=customers, rules=at.Rules(dormancy="10d")
    )
    assert [row["path"] for row in plan.paths().to_dicts()] == ["b"]  # the later activity of the two counts
    assert plan.customers is not None
    assert (len(plan.customers), plan.customers.is_test.tolist()) == (2, [True, False])


# --- transforms ------------------------------------------------------------------------------------------------------

TRANSFORMED = [
    # Google's fractribution: the examples in the head of its path_transforms.
    ("D A B B C D C C", ("exposure",), "D A B C D C"),
    ("D A B B C D C C", ("first",), "D A B C"),
    ("D A B B C D C C", ("last",), "A B D C"),
    ("A B D C D D", (("remove_if_last_and_not_all", "D"),), "A B D C"),
    ("D D", (("remove_if_last_and_not_all", "D"),), "D D"),
    ("A D B D", (("remove_if_not_all", "D"),), "A B"),
    ("D D", (("remove_if_not_all", "D"),), "D D"),
    ("A B C D", (("trim_long_path", 2),), "C D"),
    ("A B", (("trim_long_path", 20),), "A B"),
    # In order: removing D brings the two A together only when "exposure" comes after it.
    ("A D A", (("remove_if_not_all", "D"), "exposure"), "A"),
    ("A D A", ("exposure", ("remove_if_not_all", "D")), "A A"),
    ("", ("exposure", "first", "last", ("trim_long_path", 1), ("remove_if_not_all", "A")), ""),
    ("A", (("remove_if_not_all", "unknown"),), "A"),
]


# Snowplow's attribution package: the expected results of its own unit test (test_path_transformations_expected.sql,
# read 2026-11-22). Columns: the path, trim_long_path 1 and 2, exposure, first, remove_if_not_all Direct,
# remove_if_last_and_not_all Direct. E, V, D stand for Example, Video, Direct.
_AS_OURS = (("trim_long_path", 1), ("trim_long_path", 2), "exposure", "first", ("remove_if_not_all", "D"),
            ("remove_if_last_and_not_all", "D"))  # fmt: skip
SNOWPLOW = {
    "E V D D": ("D", "D D", "E V D", "E V D", "E V", "E V"),
    "D D": ("D", "D D", "D", "D", "D D", "D D"),
    "A A A D A D D": ("D", "D D", "A D A D", "A D", "A A A A", "A A A D A"),
    "D": ("D", "D", "D", "D", "D", "D"),
    "E V D": ("D", "V D", "E V D", "E V D", "E V", "E V"),
}
TRANSFORMED += [
    (path, (step,), left) for path, found in SNOWPLOW.items() for step, left in zip(_AS_OURS, found, strict=True)
]


@pytest.mark.parametrize(("path", "transforms", "left"), TRANSFORMED)
def test_transforms_of_single_paths(path, transforms, left):
    steps, names = path.split(), np.array([*"ABCDEV"], dtype=object)
    codes = np.array(["ABCDEV".index(step) for step in steps], np.int64)
    kept = kept_by_transforms(np.array([len(steps)]), codes, names, at.Rules(transforms=transforms).transforms)
    assert " ".join(step for step, stays in zip(steps, kept, strict=True) if stays) == left


def test_transforms_work_inside_paths_and_not_across_them():
    names = np.array(["A", "B"], dtype=object)
    kept = kept_by_transforms(np.array([2, 0, 3]), np.array([0, 0, 0, 1, 0]), names, ("exposure",))
    assert kept.tolist() == [True, False, True, True, True]
    kept = kept_by_transforms(np.array([2, 0, 3]), np.array([0, 0, 0, 1, 0]), names, ("last", ("trim_long_path", 1)))
    assert kept.tolist() == [False, True, False, False, True]


def test_a_transform_works_on_each_conversion_and_says_what_it_removed():
    touches = touch_table(("p", 0, "a"), ("p", 1, "a"), ("p", 2, "b"), ("p", 3, "a"))
    conversions = conversion_table(("p", 1.5, "o"), ("p", 4, "u"))
    rules = at.Rules(transforms="exposure")
    assert paths(touches, conversions, rules) == {"o": "a", "u": "a b a"}
    assert statuses(touches, conversions, rules, "u") == ["ELIGIBLE", "REMOVED_BY_TRANSFORM", "ELIGIBLE", "ELIGIBLE"]
    plan = at.build_journeys(touches, conversions, rules=rules)
    assert findings(plan)["TOUCHES_REMOVED"] == {"n": 1, "rows": 4}
    assert sum(len(pairs.touch) for pairs in plan.pairs(transformed=False)) == 6


def test_a_touch_that_a_transform_removed_has_still_served():
    # The repeated push belongs to the path of the first order; collapsed there, it is not free for the second.
    touches = touch_table(("p", 0, "push"), ("p", 1, "push"))
    conversions = conversion_table(("p", 2, "o"), ("p", 3, "u"))
    rules = at.Rules(reuse="reset", transforms="exposure")
    assert paths(touches, conversions, rules) == {"o": "push", "u": ""}
    assert statuses(touches, conversions, rules, "u") == ["SERVED_EARLIER", "SERVED_EARLIER"]


# --- what is refused -------------------------------------------------------------------------------------------------


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
    assert wider.attribute("linear").recipe.settings["observed"] == "2026-10-01 00:00:00Z to 2026-12-31 15:59:59Z"
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
