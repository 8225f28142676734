"""Every problem of a table has its code, its count and its examples; all problems of both tables come in one error."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at

START = pd.Timestamp("2026-10-01 08:00", tz="UTC")


def touch_table(**columns) -> pd.DataFrame:
    table = {"person_id": ["p", "q"], "time": [START, START], "channel": ["sms", "phone"], **columns}
    return pd.DataFrame({name: column for name, column in table.items() if column is not None})


def conversion_table(**columns) -> pd.DataFrame:
    after = START + timedelta(days=1)
    table = {
        "person_id": ["p", "q"],
        "time": [after, after],
        "conversion_id": ["o1", "o2"],
        "value": [1.0, 2.0],
        **columns,
    }
    return pd.DataFrame({name: column for name, column in table.items() if column is not None})


def issues(touches=None, conversions=None, **options) -> list:
    with pytest.raises(at.TableError, match=r"in the input") as caught:
        at.attribute(
            touch_table() if touches is None else touches,
            conversion_table() if conversions is None else conversions,
            **options,
        )
    return [(issue.code, issue.table, issue.column, issue.count) for issue in caught.value.issues]


NAIVE = pd.to_datetime(["2026-10-01 08:00", "2026-10-01 09:00"])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"person_id": None}, ("MISSING_COLUMN", "touches", "person_id", 1)),
        ({"person_id": ["p", " "]}, ("NULL_KEY", "touches", "person_id", 1)),
        ({"person_id": [True, False]}, ("WRONG_TYPE", "touches", "person_id", 2)),
        ({"person_id": [1, 2]}, ("KEY_TYPE_MISMATCH", "conversions", "person_id", 2)),
        ({"time": NAIVE}, ("NAIVE_TIME", "touches", "time", 2)),
        ({"time": [START, pd.NaT]}, ("NULL_TIME", "touches", "time", 1)),
        ({"time": ["2026-10-01T08:00+08:00", "soon+08:00"]}, ("BAD_TIME", "touches", "time", 1)),
        ({"channel": ["sms", None]}, ("NULL_KEY", "touches", "channel", 1)),
        ({"channel": ["sms", ""]}, ("NULL_KEY", "touches", "channel", 1)),
        ({"channel": ["sms", "(none)"]}, ("RESERVED_NAME", "touches", "channel", 1)),
        ({"touch_id": ["t", "t"]}, ("DUPLICATE_TOUCH_ID", "touches", "touch_id", 1)),
        ({"touch_id": ["t", None]}, ("NULL_KEY", "touches", "touch_id", 1)),
    ],
)
def test_issues_of_touches(columns, expected):
    assert issues(touches=touch_table(**columns)) == [expected]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"conversion_id": None}, ("MISSING_COLUMN", "conversions", "conversion_id", 1)),
        ({"conversion_id": ["o", "o"]}, ("DUPLICATE_ID", "conversions", "conversion_id", 1)),
        ({"value": [1.0, None]}, ("NULL_VALUE", "conversions", "value", 1)),
        ({"value": [1.0, np.inf]}, ("NOT_FINITE", "conversions", "value", 1)),
        ({"value": ["1", "2"]}, ("WRONG_TYPE", "conversions", "value", 2)),
        ({"value": [1.0, -2.0]}, ("NEGATIVE_VALUE", "conversions", "value", 1)),
        ({"value": [1.0, -2.0], "refund_of": [None, "o9"]}, ("UNKNOWN_REFUND", "conversions", "refund_of", 1)),
        ({"value": [1.0, -2.0], "refund_of": [None, "o2"]}, ("UNKNOWN_REFUND", "conversions", "refund_of", 1)),
        (
            {"person_id": ["p", "p"], "value": [1.0, -2.0], "refund_of": ["", "o1"]},
            ("REFUND_TOO_LARGE", "conversions", "value", 1),
        ),
        ({"value": [2.0, -2.0], "refund_of": ["", "o1"]}, ("REFUND_OTHER_PERSON", "conversions", "refund_of", 1)),
        ({"value": None, "refund_of": [None, "o1"]}, ("MISSING_COLUMN", "conversions", "value", 1)),
    ],
)
def test_issues_of_conversions(columns, expected):
    assert issues(conversions=conversion_table(**columns)) == [expected]


@pytest.mark.parametrize(
    ("rules", "columns", "expected"),
    [
        ({"origin": "outbound"}, {}, ("MISSING_COLUMN", "touches", "origin", 1)),
        ({"origin": "outbound"}, {"origin": ["outbound", "out"]}, ("UNKNOWN_ORIGIN", "touches", "origin", 1)),
        ({"origin": "outbound"}, {"origin": ["outbound", None]}, ("NULL_KEY", "touches", "origin", 1)),
        ({"lookback": {("sms", "click"): "1d", "*": "2d"}}, {}, ("MISSING_COLUMN", "touches", "kind", 1)),
        ({"lookback": {"sms": "1d"}}, {}, ("NO_LOOKBACK", "touches", "channel", 1)),
        ({"match": "product"}, {"product": ["x", "y"]}, ("MISSING_COLUMN", "conversions", "product", 1)),
        ({"match": "value"}, {"value": [[1], [2]]}, ("WRONG_TYPE", "touches", "value", 2)),
    ],
)
def test_issues_that_rules_bring(rules, columns, expected):
    assert issues(touches=touch_table(**columns), rules=at.Rules(**rules)) == [expected]


def test_all_problems_of_both_tables_come_at_once():
    touches = touch_table(time=NAIVE, channel=["", "sms"], touch_id=[1, 1])
    conversions = conversion_table(conversion_id=["o", "o"], value=[-1.0, 1.0], person_id=None)
    codes = {code for code, *_ in issues(touches=touches, conversions=conversions)}
    assert codes == {"NAIVE_TIME", "NULL_KEY", "DUPLICATE_TOUCH_ID", "DUPLICATE_ID", "MISSING_COLUMN"}


def test_day_precision_must_be_declared_and_counts_at_the_end_of_the_day():
    days = pd.date_range("2026-10-01", periods=25, tz="UTC")
    conversions = pd.DataFrame({"person_id": "p", "time": days, "conversion_id": range(25), "value": 1.0})
    touches = touch_table(time=[days[24] + timedelta(hours=20)] * 2)
    assert issues(touches=touches, conversions=conversions) == [("DAY_PRECISION", "conversions", "time", 25)]
    columns = {"conversions": at.Columns(precision="day")}
    table = at.attribute(touches, conversions, models="linear", columns=columns).table().set_index("channel")
    assert table.conversions["sms"] == 1.0


def test_naive_times_with_a_declared_zone():
    columns = {"touches": at.Columns(timezone="Asia/Shanghai")}
    late = touch_table(time=pd.to_datetime(["2026-10-02 16:00:00", "2026-10-02 16:00:01"]))  # 08:00 UTC on 2 October
    table = at.attribute(late, conversion_table(), models="linear", columns=columns).table().set_index("channel")
    assert table.conversions.to_dict() == {"phone": 0.0, "sms": 1.0, "(none)": 1.0}


def test_refund_ids_that_pandas_made_floats():
    conversions = conversion_table(
        person_id=["p", "p"], conversion_id=[1, 2], value=[5.0, -2.0], refund_of=[np.nan, 1.0]
    )
    table = at.attribute(touch_table(), conversions, models="linear").table().set_index("channel")
    assert table.value["sms"] == 3.0


def test_something_that_is_no_table():
    with pytest.raises(at.InputError, match="touches must be a table"):
        at.attribute([1, 2], conversion_table())


@pytest.mark.parametrize(
    ("touches", "conversions", "told"),
    [
        ({}, {"person_id": [1, 2]}, "whole numbers here and text in touches: nothing would match; read both as text"),
        ({}, {"value": ["1,050.00", "3元"]}, "got text; make numbers of it, in pandas: pd.to_numeric"),
        (
            {},
            {"time": [20261014, 20261015]},
            "got whole numbers; make times of it, in pandas of 20261122",
        ),
        ({"channel": None}, {}, 'Name it with columns=Columns(channel="...")'),
        ({}, {"conversion_id": None}, 'Name it with columns=Columns(conversion="...")'),
    ],
)
def test_a_message_says_what_to_do_in_words_of_an_analyst(touches, conversions, told):
    with pytest.raises(at.TableError, match="in the input") as caught:
        at.attribute(touch_table(**touches), conversion_table(**conversions))
    assert told in str(caught.value)


def test_an_unknown_origin_says_which_word_means_what():
    with pytest.raises(at.TableError, match=r'"outbound" \(you contacted the customer\)'):
        at.attribute(touch_table(origin=["主动", "主动"]), conversion_table(), rules=at.Rules(origin="outbound"))
