"""check_tables: every problem at once, in both languages, on every kind of table, and never an exception."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attribution as at
import experiments as ex

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["severity", "code", "table", "column", "count", "examples", "meaning", "what_to_do", "detail"]


@pytest.fixture(scope="module")
def clean() -> ex.Campaign:
    return ex.simulate(persons=1_000, seed=6)


@pytest.fixture(scope="module")
def dirty() -> ex.Campaign:
    return ex.simulate("dirty", persons=1_000, seed=6)


def tables(campaign: ex.Campaign) -> dict[str, pd.DataFrame]:
    return {name: getattr(campaign, name) for name in ("touches", "conversions", "customers", "prices", "links")}


def codes(checks: at.Checks, severity: str = "error") -> set[tuple[str, str | None]]:
    return {(row["code"], row["table"]) for row in checks.to_dicts() if row["severity"] == severity}


def test_clean_tables_have_neither_errors_nor_warnings(clean):
    checks = at.check_tables(**tables(clean))
    assert checks.ok
    checks.assert_ok()
    assert codes(checks) == codes(checks, "warn") == set()
    assert checks.table().columns.tolist() == COLUMNS
    assert checks.recipe.n == {
        "touches": len(clean.touches), "conversions": len(clean.conversions), "customers": len(clean.customers)
    }  # fmt: skip


def test_errors_come_first_and_are_those_of_the_calls(dirty):
    checks = at.check_tables(**tables(dirty))
    severities = checks.table()["severity"].tolist()
    assert severities == sorted(severities, key=["error", "warn", "note"].index)
    assert not checks.ok
    with pytest.raises(at.TableError, match="DUPLICATE_ID") as caught:
        checks.assert_ok()
    assert caught.value.issues == checks.issues
    with pytest.raises(at.TableError, match="in the input") as raised:
        at.build_journeys(dirty.touches, dirty.conversions)
    assert set(raised.value.issues) <= set(checks.issues)


def test_the_join_is_checked_without_the_rows_that_are_errors(dirty):
    checks = at.check_tables(**tables(dirty))
    found = {finding.code: finding for finding in checks.findings}
    planted = {(row.code, row.table): row.rows for row in dirty.dirt.itertuples()}
    assert dict(found["CHECKED_WITHOUT"].values) == {
        "touches": planted["DUPLICATE_TOUCH_ID", "touches"], "conversions": planted["DUPLICATE_ID", "conversions"]
    }  # fmt: skip
    assert "AFTER_CONVERSION" in found
    assert "NOT_JOINED" not in found


def test_row_errors_of_every_kind_leave_the_rest_checked(clean):
    touches, conversions = clean.touches.copy(), clean.conversions.copy()
    touches.loc[0, "person_id"] = None
    touches.loc[1, "channel"] = "  "
    touches.loc[2, "time"] = pd.NaT
    touches.loc[3, "touch_id"] = touches.loc[4, "touch_id"]
    conversions.loc[0, "value"] = -1.0
    conversions.loc[1, "value"] = np.inf
    conversions.loc[2, "value"] = np.nan
    conversions["refund_of"] = None
    conversions.loc[3, "refund_of"] = "nowhere"
    checks = at.check_tables(touches, conversions)
    told = {issue.code for issue in checks.issues}
    assert told >= {"NULL_KEY", "NULL_TIME", "DUPLICATE_TOUCH_ID", "NEGATIVE_VALUE", "NULL_VALUE", "NOT_FINITE"}
    found = {finding.code: finding for finding in checks.findings}
    assert dict(found["CHECKED_WITHOUT"].values) == {"touches": 4, "conversions": 4}
    refunds = at.check_tables(clean.touches, conversions.drop(index=[0, 1, 2]))
    assert {issue.code for issue in refunds.issues} == {"UNKNOWN_REFUND"}
    found = {finding.code: finding for finding in refunds.findings}
    assert dict(found["CHECKED_WITHOUT"].values) == {"touches": 0, "conversions": 1}


def test_where_no_join_is_possible_the_single_tables_are_checked(dirty):
    touches = dirty.touches.assign(time=dirty.touches["time"].dt.tz_localize(None))
    checks = at.check_tables(touches, dirty.conversions, customers=dirty.customers)
    assert {("NAIVE_TIME", "touches"), ("DUPLICATE_ID", "conversions")} <= codes(checks)
    assert ("NEAR_DUPLICATE", "conversions") in codes(checks, "warn")
    assert ("NOT_JOINED", None) in codes(checks, "note")
    keys = at.check_tables(dirty.touches.assign(person_id=range(len(dirty.touches))), dirty.conversions)
    assert ("KEY_TYPE_MISMATCH", "conversions") in codes(keys)


def test_rules_decide_what_is_needed(clean):
    assert codes(at.check_tables(clean.touches.drop(columns="origin"), clean.conversions)) == set()
    outbound = at.check_tables(
        clean.touches.drop(columns="origin"), clean.conversions, rules=at.Rules(origin="outbound")
    )
    assert codes(outbound) == {("MISSING_COLUMN", "touches")}
    matched = at.check_tables(clean.touches, clean.conversions, rules=at.Rules(match=("product",)))
    assert codes(matched) == {("MISSING_COLUMN", "touches"), ("MISSING_COLUMN", "conversions")}
    short = at.check_tables(clean.touches, clean.conversions, rules=at.Rules(lookback={"sms": "7d"}))
    assert codes(short) == {("NO_LOOKBACK", "touches")}


def test_one_table_alone_is_checked(clean, dirty):
    assert codes(at.check_tables(dirty.touches)) == {("DUPLICATE_TOUCH_ID", "touches")}
    assert codes(at.check_tables(conversions=dirty.conversions)) == {("DUPLICATE_ID", "conversions")}
    assert at.check_tables(prices=clean.prices).ok
    assert at.check_tables(links=clean.links).ok
    assert codes(at.check_tables(prices=clean.prices.head(1).assign(basis="x"))) == {("UNKNOWN_BASIS", "prices")}
    assert at.check_tables(customers=clean.customers).ok


def test_customers_may_have_a_row_per_customer_number_or_per_person(clean):
    persons = clean.customers.drop(columns="customer_id")
    checks = at.check_tables(clean.touches, clean.conversions, customers=persons)
    assert codes(checks) == {("REPEATED_PERSON", "customers")}
    assert at.check_tables(clean.touches, clean.conversions, customers=persons.drop_duplicates("person_id")).ok
    dormant = at.Rules(dormancy="1d")
    one = clean.customers.drop_duplicates("person_id")
    assert at.check_tables(clean.touches, clean.conversions, customers=one, rules=dormant).ok


def test_the_price_list_may_use_another_name(clean):
    prices = clean.prices.assign(channel=clean.prices["channel"].replace({"sms": "短信"}))
    checks = at.check_tables(clean.touches, clean.conversions, prices=prices)
    (alias,) = [finding for finding in checks.findings if finding.code == "PRICE_ALIASES"]
    assert alias.values["groups"] == "'sms' = '短信'"
    assert codes(checks) == {("UNPRICED_CHANNEL", "touches")}


def test_links_that_lack_customers(clean):
    checks = at.check_tables(clean.touches, clean.conversions, links=clean.links.iloc[100:])
    assert codes(checks) == {("UNKNOWN_CUSTOMER", "touches"), ("UNKNOWN_CUSTOMER", "conversions")}


def test_tables_of_every_kind_say_the_same(dirty, table_kinds):
    given = {
        name: table_kinds(table) for name, table in (("touches", dirty.touches), ("conversions", dirty.conversions))
    }
    first = None
    for kind in given["touches"]:
        checks = at.check_tables(given["touches"][kind], given["conversions"][kind], prices=dirty.prices)
        rows = [(row["severity"], row["code"], row["table"], row["count"]) for row in checks.to_dicts()]
        first = rows if first is None else first
        assert rows == first, kind


def test_nothing_is_changed(dirty):
    before = {name: table.copy() for name, table in tables(dirty).items()}
    at.check_tables(**tables(dirty))
    for name, table in tables(dirty).items():
        pd.testing.assert_frame_equal(table, before[name])


# --- language -----------------------------------------------------------------------------------------------------


def test_both_languages_say_it(dirty):
    checks = at.check_tables(**tables(dirty))
    english = checks.table()
    with at.language("zh"):
        chinese = checks.table()
        assert "错误" in repr(checks)
        assert "错误" in checks._repr_html_()
    assert english[["severity", "code", "count"]].equals(chinese[["severity", "code", "count"]])
    assert all(re.search("[\u4e00-\u9fff]", text) for text in chinese["meaning"])
    assert not any(re.search("[\u4e00-\u9fff]", text) for text in english["what_to_do"].dropna())
    assert english.loc[english["severity"] != "note", "what_to_do"].notna().all()


def test_every_issue_on_the_page_of_codes_has_its_sentences():
    page = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
    issues = set(re.findall(r"^\| `([A-Z_]+)` \| issue", page, re.MULTILINE))
    assert len(issues) > 40
    for lang in ("en", "zh"):
        path = ROOT / "attribution" / "messages" / f"issues.{lang}.toml"
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        assert set(said["ISSUE"]) == issues
        assert set(said["REMEDY"]) >= issues


# --- never an exception -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [3, "touches", [], {}, np.zeros(3), pd.Series([1]), pd.DataFrame(), pa.table({}), lambda: 0, object()],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("name", ["touches", "conversions", "customers", "prices", "links", "key_events"])
def test_what_is_no_table_is_an_error_of_that_table(name, given, clean):
    others = {key: table for key, table in tables(clean).items() if key != name}
    checks = at.check_tables(**{**others, name: given})
    assert not checks.ok
    assert name in {table for _, table in codes(checks)}
    assert repr(checks)


JUNK = [
    None, float("nan"), float("inf"), -1, 0, 2**63, -(2**63), 10**30, 1e308, "", "  ", "(none)", "sms\x00", "💥", "nan",
    "2026-10-01", "2026-10-01 10:00+08:00", pd.NaT, pd.Timestamp("2026-10-01"), pd.Timestamp("2026-10-01", tz="UTC"),
    dt.date(2026, 1, 1), dt.datetime(1, 1, 1), dt.timedelta(1), True, b"x", [1], {"a": 1}, (1, 2), 1 + 2j, pd.NA,
    np.datetime64("NaT", "us"), "\ud800", pd.Interval(0, 1), set(), object(), pd.Timestamp.max.tz_localize("UTC"),
]  # fmt: skip


CELLS = st.lists(st.tuples(st.integers(0, 59), st.integers(0, len(JUNK) - 1)), min_size=1, max_size=4)


def put(frame: pd.DataFrame, column: str, cells: list[tuple[int, int]], *, everywhere: bool) -> pd.DataFrame:
    values = list(frame[column])
    for place, junk in cells:
        if values:
            values[place % len(values)] = JUNK[junk]
    if everywhere:
        values = [JUNK[cells[0][1]]] * len(values)
    return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=object)})


def broken(frame: pd.DataFrame, data: st.DataObject) -> pd.DataFrame:
    column = data.draw(st.sampled_from(list(frame.columns)))
    action = data.draw(st.sampled_from(["cells", "cells", "column", "drop", "rename", "empty", "twice"]))
    changes = {
        "cells": lambda: put(frame, column, data.draw(CELLS), everywhere=False),
        "column": lambda: put(frame, column, data.draw(CELLS), everywhere=True),
        "drop": lambda: frame.drop(columns=column),
        "rename": lambda: frame.rename(columns={column: "x"}),
        "empty": lambda: frame.iloc[:0],
        "twice": lambda: pd.concat([frame, frame[[column]]], axis=1),
    }
    return changes[action]()


@cache
def small() -> dict[str, pd.DataFrame]:
    return {name: table.head(60) for name, table in tables(ex.simulate("dirty", persons=100, seed=1)).items()}


@settings(max_examples=60)
@given(data=st.data())
def test_no_content_of_a_table_raises(data):
    names = data.draw(st.lists(st.sampled_from(sorted(small())), min_size=1, unique=True))
    given_tables = {name: small()[name] for name in names}
    for name in data.draw(st.lists(st.sampled_from(names), max_size=4)):
        if given_tables[name].columns.is_unique and len(given_tables[name].columns):
            given_tables[name] = broken(given_tables[name], data)
    with at.language(data.draw(st.sampled_from(["en", "zh"]))):
        checks = at.check_tables(**given_tables)
        assert len(checks.table()) == len(checks.to_dicts())
        assert repr(checks)
        assert checks.ok == (not checks.issues)


def test_touches_without_a_zone_still_have_their_channels_and_prices_checked(clean):
    bare = clean.touches["time"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    channel = clean.touches["channel"].astype(object)
    spoiled = clean.touches.assign(time=bare, channel=channel.where(channel.index > 4, "SMS "))
    prices = clean.prices[clean.prices["channel"] != "push"]
    checks = at.check_tables(spoiled, clean.conversions, prices=prices)
    assert codes(checks) == {("NAIVE_TIME", "touches"), ("UNPRICED_CHANNEL", "touches")}
    assert codes(checks, "warn") == {("CHANNEL_ALIASES", "touches"), ("PRICE_ALIASES", "prices")}
    unpriced = next(issue for issue in checks.issues if issue.code == "UNPRICED_CHANNEL")
    assert unpriced.count == (~spoiled["channel"].isin(set(prices["channel"]))).sum()
    aliases = next(finding for finding in checks.findings if finding.code == "CHANNEL_ALIASES")
    assert aliases.values["n"] == 5


@pytest.mark.parametrize("place", [0, 1], ids=["touches", "conversions"])
def test_a_doubled_column_is_told_with_its_table(clean, place):
    pair = [clean.touches, clean.conversions]
    pair[place] = pd.concat([pair[place], pair[place][["time"]]], axis=1)
    name = ("touches", "conversions")[place]
    with pytest.raises(at.InputError, match=f"{name}: column names occur more than once; rename them"):
        at.attribute(*pair)


def test_days_of_touches_are_no_business_of_the_conversions(clean):
    days = clean.touches.assign(time=clean.touches["time"].dt.normalize())
    row = next(row for row in at.check_tables(days).to_dicts() if row["code"] == "DAY_PRECISION")
    assert (row["table"], row["column"], row["count"]) == ("touches", "time", len(days))
    assert "precision" not in row["what_to_do"]
    with at.language("zh"):
        row = next(row for row in at.check_tables(days).to_dicts() if row["code"] == "DAY_PRECISION")
    assert "触点按当天开始计" in row["what_to_do"]


def test_wrong_use_is_told_at_once(clean):
    with pytest.raises(at.InputError, match="at least one table"):
        at.check_tables()
    with pytest.raises(at.InputError, match="rules must be a Rules"):
        at.check_tables(clean.touches, rules="7d")
    with pytest.raises(at.InputError, match="unknown table"):
        at.check_tables(clean.touches, columns={"touch": at.Columns()})
