"""Every rule by hand: windows, ties, delivery levels, key events, dormancy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from rule_cases import findings, paths, statuses

import attribution as at
from oracles.small_tables import START, conversion_table, event_table, moment, touch_table

MICROSECOND = timedelta(microseconds=1)


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


def test_a_click_at_the_very_time_of_the_conversion_stands_where_that_counts():
    conversions = conversion_table(("p", 1, "o"))
    for same_instant, time in (("include", 1), ("exclude", 0.1)):
        rules = at.Rules(levels=LEVELS, same_instant=same_instant)
        sms = [row for row in at.attribute(LOG, conversions, rules=rules, models="linear").touches().to_dicts()
               if row["channel"] == "sms"]  # fmt: skip
        assert [row["time"] for row in sms] == [moment(time)]


def test_the_first_reason_is_told():
    touches = LOG.assign(origin=["outbound", "outbound", "inbound", "inbound"])
    rules = at.Rules(levels=LEVELS, origin="outbound", not_before="2026-10-03T00:00Z")
    told = findings(at.build_journeys(touches, conversion_table(("p", 3, "o")), rules=rules))
    assert {code: told[code]["n"] for code in ("LEVELS_COLLAPSED", "INBOUND_TOUCHES")} == {
        "LEVELS_COLLAPSED": 2, "INBOUND_TOUCHES": 2,
    }  # fmt: skip
    assert "BEFORE_START" not in told


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


def test_key_events_dated_by_the_day_come_at_its_end():
    touches, conversions = touch_table(("p", 1.4, "a"), ("p", 2.1, "b")), conversion_table(("p", 3.5, "o"))
    events = event_table(("p", 1, "page")).assign(time=[pd.Timestamp("2026-10-02").date()])
    columns = {"key_events": at.Columns(precision="day", timezone="UTC")}
    rules = at.Rules(key_event="page")
    assert paths(touches, conversions, rules, key_events=events, columns=columns) == {"o": "a"}
    with pytest.raises(at.TableError, match="DAY_PRECISION"):
        at.build_journeys(touches, conversions, rules=rules, key_events=events)


@pytest.mark.parametrize("kind", ["polars", "arrow", "duckdb"])
def test_further_tables_of_any_kind(kind):
    customers = PEOPLE.assign(last_active_at=PEOPLE.last_active_at.dt.tz_convert("UTC"))
    events = event_table(("p", 11, "page"), ("p", 1, "page"))
    touches, conversions = touch_table(("p", 9, "a"), ("p", 10, "b")), conversion_table(("p", 15, "o"))
    rules = at.Rules(dormancy="10d", key_event="page")
    expected = at.build_journeys(touches, conversions, rules=rules, customers=customers, key_events=events)
    made = [_as_kind(table, kind) for table in (customers, events)]
    found = at.build_journeys(touches, conversions, rules=rules, customers=made[0], key_events=made[1])
    assert found.fingerprint == expected.fingerprint
    assert [row["path"] for row in found.paths().to_dicts()] == ["b"]


def _as_kind(table: pd.DataFrame, kind: str):
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    if kind == "polars":
        return pytest.importorskip("polars").from_arrow(arrow).lazy()
    return arrow if kind == "arrow" else pytest.importorskip("duckdb").from_arrow(arrow)


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


def test_a_customer_number_with_two_rows_is_an_issue_with_and_without_identity():
    links = pd.DataFrame({"customer_id": ["c1", "c2"], "phone": ["1", "1"]})
    touches = touch_table(("c1", 14, "a")).assign(customer_id=["c1"])
    conversions = conversion_table(("c1", 20, "o")).assign(customer_id=["c2"])
    once = pd.DataFrame({"person_id": ["c1", "c1"], "customer_id": ["c1", "c2"], "last_active_at": [START, START]})
    for identity in (None, at.resolve_identity(links, ids=("customer_id", "phone"))):
        assert at.build_journeys(touches, conversions, identity=identity, customers=once).customers is not None
        with pytest.raises(at.TableError, match=r"REPEATED_PERSON\] customers.customer_id: .*Examples: 'c2'"):
            at.build_journeys(touches, conversions, identity=identity, customers=pd.concat([once, once[1:]]))


def test_a_table_without_customer_numbers_is_named():
    links = pd.DataFrame({"customer_id": ["c1"], "phone": ["1"]})
    identity = at.resolve_identity(links, ids=("customer_id", "phone"))
    touches = touch_table(("c1", 14, "a")).assign(customer_id=["c1"])
    conversions = conversion_table(("c1", 20, "o")).assign(customer_id=["c9"])
    with pytest.raises(at.TableError, match=r"MISSING_COLUMN\] key_events.customer_id"):
        at.build_journeys(
            touches, conversions.assign(customer_id="c1"), identity=identity, key_events=touches[["time"]]
        )
    with pytest.raises(at.TableError, match=r"UNKNOWN_CUSTOMER\] conversions.customer_id"):
        at.build_journeys(touches, conversions, identity=identity)


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
    for table in (customers, customers[::-1]):
        plan = at.build_journeys(
            touches, conversions, identity=identity, customers=table, rules=at.Rules(dormancy="10d")
        )
        assert [row["path"] for row in plan.paths().to_dicts()] == ["b"]  # the later activity of the two counts
        assert plan.customers is not None
        assert (len(plan.customers), plan.customers.is_test.tolist()) == (2, [True, False])
