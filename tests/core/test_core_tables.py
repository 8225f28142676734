"""The table boundary: every kind of table in, checked Arrow columns out, problems collected and raised together."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from attribution.core.columns import Columns, columns_for
from attribution.core.errors import (
    DesignError,
    InputError,
    PlanError,
    TableError,
    TableIssue,
    WakeLiftError,
    closest,
)
from attribution.core.tables import Problems, examples_of, open_table, to_kind_of

FRAME = pd.DataFrame({"person_id": ["a", "b", None], "channel": ["短信", "push", "push"], "n": [1, 2, 3]})


def opened(data, *, problems=None, **options):
    return open_table(data, "touches", Columns(), problems=problems or Problems(), **options)


def test_every_kind_of_table_is_read(table_kind):
    table = opened(table_kind(FRAME), required=("person", "channel"))
    assert table.names == ("person_id", "channel", "n")
    assert table.rows == 3
    assert table.arrow("person_id").to_pylist() == ["a", "b", None]
    assert table.arrow("n").to_pylist() == [1, 2, 3]
    assert isinstance(table.arrow("channel"), pa.Array)
    assert (table.has("channel"), table.has("value")) == (True, False)
    assert table.other_columns(["person_id", "channel"]) == ("n",)
    assert table.lazy().collect_schema().names() == ["person_id", "channel", "n"]
    assert table.problems.issues == []


def test_rows_are_counted_without_a_column(table_kind):
    assert opened(table_kind(FRAME)).rows == 3


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([["a"], ["b"]]),
        pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]),
    ],
    ids=["chunks", "dictionaries"],
)
def test_chunks_and_dictionaries_become_one_plain_array(column):
    assert opened(pa.table({"channel": column})).arrow("channel").to_pylist() == ["a", "b"]


def test_an_empty_dictionary_column_is_empty():
    column = pa.chunked_array([], type=pa.dictionary(pa.int32(), pa.string()))
    assert opened(pa.table({"channel": column})).arrow("channel").to_pylist() == []


def test_a_result_stands_for_its_table():
    class Result:
        def to_arrow(self):
            return pa.table({"channel": ["sms"]})

    assert opened(Result()).arrow("channel").to_pylist() == ["sms"]


@pytest.mark.parametrize("thing", [3, "touches.csv", None, {"channel": ["sms"]}])
def test_what_is_no_table_is_an_error(thing):
    with pytest.raises(InputError, match=r"touches must be a table .*, got "):
        opened(thing)


def test_doubled_column_names_are_an_error():
    frame = pd.DataFrame([["a", "b"]], columns=["channel", "channel"])
    arrow = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["channel", "channel"])
    for doubled in (frame, arrow):
        with pytest.raises(InputError, match=r"names occur more than once; rename them\. .*'channel' 2 times"):
            opened(doubled)


@pytest.mark.parametrize("name", [2024, None, ("a", "b")])
def test_columns_whose_names_are_no_text_take_no_part(name):
    table = opened(pd.DataFrame({"channel": ["sms"], "n": [1]}).rename(columns={"n": name}))
    assert table.names == ("channel",)
    assert table.other_columns([]) == ("channel",)


def test_missing_columns_are_noted_with_the_closest_name():
    problems = Problems()
    table = opened(pd.DataFrame({"chanel": ["sms"]}), problems=problems, required=("channel", "time"))
    assert not table.require("channel")
    assert table.require_names("chanel")
    with pytest.raises(TableError, match="Did you mean 'chanel'") as caught:
        problems.raise_if_any()
    assert [issue.column for issue in caught.value.issues] == ["channel", "time"]


def test_no_problem_raises_nothing():
    assert Problems().raise_if_any() is None


def test_mixed_columns_are_noted_once_and_not_readable():
    problems = Problems()
    table = opened(pd.DataFrame({"x": ["a", 1]}), problems=problems)
    assert not table.readable("x")
    assert not table.readable("y")
    assert not table.readable("x")
    assert [issue.code for issue in problems.issues] == ["MIXED_TYPES"]


@pytest.mark.parametrize("cell", [2**70, -(2**65), "\ud800", object(), 1j, pd.Interval(1, 2)])
def test_what_no_table_can_hold_is_noted(cell):
    problems = Problems()
    table = opened(pd.DataFrame({"x": pd.Series([cell, None], dtype=object)}), problems=problems)
    assert not table.readable("x")
    assert [(issue.code, issue.column) for issue in problems.issues] == [("MIXED_TYPES", "x")]
    assert "the column holds values " in problems.issues[0].message
    with pytest.raises(TableError, match="MIXED_TYPES"):
        problems.raise_if_any()


def test_examples_are_few_short_and_in_order():
    import numpy as np

    assert examples_of(["b", "a", "c", "b"], np.array([True, True, False, True])) == ["a", "b"]
    assert examples_of(pa.array([3, 1]), np.array([True, True])) == [1, 3]
    assert examples_of(np.array([2.5]), np.array([True])) == [2.5]
    problems = Problems()
    problems.add("X", "t", None, 9, message="m", examples=["y" * 100, *"bcdefgh"])
    shown = problems.issues[0].examples
    assert len(shown) == 5
    assert shown[0].endswith("...")
    assert len(shown[0]) == 60


def test_columns_go_back_as_the_kind_they_came_from(table_kind):
    given = table_kind(FRAME)
    made = to_kind_of({"x": pa.array([1, 2])}, given)
    if table_kind.name == "duckdb":
        assert made.fetchall() == [(1,), (2,)]
    else:
        assert type(made) is type(given)


def test_columns_of_something_else_go_back_as_arrow():
    assert to_kind_of({"x": pa.array([1])}, like=3).column_names == ["x"]
    assert to_kind_of(
        {"x": pa.array([1])}, like=3, build=lambda columns: pa.table({"y": columns["x"]})
    ).column_names == ["y"]


def test_columns_back_to_polars_keep_laziness():
    assert isinstance(to_kind_of({"x": pa.array([1])}, pl.DataFrame({"y": [1]}).lazy()), pl.LazyFrame)


# --- roles -----------------------------------------------------------------------------------------------------------


def test_roles_have_the_names_of_the_contract():
    assert Columns().name_of("person") == "person_id"
    assert Columns(person="客户号").name_of("person") == "客户号"


def test_roles_must_be_names():
    with pytest.raises(InputError, match=r'precision must be "instant" or "day", got .week.'):
        Columns(precision="week")
    with pytest.raises(InputError, match=r"Columns\(time=\.\.\.\) must be the name of a column as text, got 3"):
        Columns(time=3)


def test_columns_are_one_for_all_or_by_table():
    own = Columns(time="t")
    assert columns_for(None, "touches") == Columns()
    assert columns_for(own, "touches") is own
    assert columns_for({"touches": own}, "touches") is own
    assert columns_for({"touches": own}, "conversions") == Columns()
    with pytest.raises(InputError, match=r"unknown table 'touch'\. Did you mean 'touches'"):
        columns_for({"touch": own}, "touches")
    with pytest.raises(InputError, match=r"columns\['touches'\] must be a Columns, got dict"):
        columns_for({"touches": {"time": "t"}}, "touches")
    with pytest.raises(InputError, match=r"columns must be a Columns or a mapping .*, got str"):
        columns_for("time", "touches")


# --- errors ----------------------------------------------------------------------------------------------------------


def issue(**changed):
    return TableIssue(**{"code": "NULL_KEY", "table": "touches", "column": "person_id", "count": 1234, **changed})


def test_an_issue_is_one_line():
    assert issue(message="a key is empty", examples=("'row 3'",)).line() == (
        "[NULL_KEY] touches.person_id: a key is empty. (1,234 affected.) Examples: 'row 3'."
    )
    assert issue(column=None).line().startswith("[NULL_KEY] touches:")


def test_a_table_error_lists_every_issue_up_to_a_screenful():
    one = TableError([issue()])
    assert str(one).startswith("1 problem in the input:\n  [NULL_KEY]")
    many = TableError([issue(code=f"C{number}") for number in range(23)])
    assert str(many).startswith("23 problems in the input:")
    assert str(many).endswith("... and 3 more in .issues")
    assert len(many.issues) == 23
    assert isinstance(many, (InputError, ValueError, WakeLiftError))


def test_design_and_plan_errors_keep_their_parts():
    design = DesignError("NO_HOLDOUT", "there is no control")
    assert (design.code, str(design)) == ("NO_HOLDOUT", "NO_HOLDOUT: there is no control")
    plan = PlanError([("report.lang", "unknown key")])
    assert plan.problems == (("report.lang", "unknown key"),)
    assert str(plan) == "1 problem in the plan:\n  report.lang: unknown key"
    assert str(PlanError([("a", "x"), ("b", "y")], source="lock")).startswith("2 problems in the lock:")


def test_the_closest_name_or_the_list():
    assert closest("chanel", ["channel", "time"]) == "Did you mean 'channel'?"
    assert closest("zzz", ["b", "a"]) == "There are: 'a', 'b'."
    assert closest("ANSWERED", ["answered", "sent"]) == "Did you mean 'answered'?"
    assert closest("zzz", []) == "There is none."
    assert closest("zzz", map(str, range(14))).endswith("and 2 more.")
