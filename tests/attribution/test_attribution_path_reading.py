"""How a table of aggregated paths is read, and everything that is refused."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from path_cases import MODELS, PATHS, by_channel, finding, models

import attribution as at


def issues(table, **options):
    with pytest.raises(at.TableError, match="problem") as caught:
        at.attribute_paths(table, **options)
    return {issue.code: issue for issue in caught.value.issues}


# --- how a path is read ---


def test_blanks_around_steps_do_not_count():
    table = pd.DataFrame({"path": ["a > b", "a>b", " a  >b ", "a >b\u3000"], "conversions": [1, 2, 4, 8]})
    credit = at.attribute_paths(table, models="linear", sep=">")
    assert by_channel(credit, "linear") == {"a": 7.5, "b": 7.5, "(none)": 0}
    repeated = finding(credit, "REPEATED_PATHS")
    assert (repeated.values["n"], repeated.values["rows"]) == (3, 4)


def test_the_separator_is_exact():
    table = pd.DataFrame({"path": ["a > <b>", "a  >  <b>", "a>c", "x> y"], "conversions": [1, 2, 4, 8]})
    credit = at.attribute_paths(table, models="linear")
    assert by_channel(credit, "linear") == {"a": 1.5, "<b>": 1.5, "a>c": 4, "x> y": 8, "(none)": 0}
    warned = finding(credit, "SEPARATOR_IN_NAMES")
    assert (warned.status, warned.values["channels"]) == ("warn", "<b>, a>c, x> y")
    assert "pass it as sep=" in repr(credit)
    assert finding(at.attribute_paths(PATHS), "SEPARATOR_IN_NAMES") is None


def test_a_separator_that_no_path_holds_is_not_guessed():
    table = pd.DataFrame({"path": ["a>b", "c"], "conversions": [1, 2]})
    issue = issues(table)["SEPARATOR_UNSEEN"]
    assert "Pass sep='>'" in issue.message
    assert issue.examples == ("'a>b'",)
    assert by_channel(at.attribute_paths(table, models="linear", sep=">"), "linear")["a"] == 0.5
    assert by_channel(at.attribute_paths(table, models="linear", sep="~"), "linear")["a>b"] == 1
    alone = pd.DataFrame({"path": ["banner <b>"], "conversions": [3]})
    assert by_channel(at.attribute_paths(alone, models="linear"), "linear")["banner <b>"] == 3


@pytest.mark.parametrize(
    ("sep", "path"), [(" > ", "a x > b"), ("->", "a x -> b"), ("|", "a x|b"), (", ", "a x, b"), ("\t", "a x\tb")]
)
def test_other_separators(sep, path):
    credit = at.attribute_paths(pd.DataFrame({"path": [path], "conversions": [2]}), models="linear", sep=sep)
    assert by_channel(credit, "linear") == {"a x": 1, "b": 1, "(none)": 0}


def test_a_blank_as_separator():
    table = pd.DataFrame({"path": ["a b", "a  b"], "conversions": [2, 1]})
    assert issues(table, sep=" ")["EMPTY_STEP"].examples == ("'a  b'",)
    assert by_channel(at.attribute_paths(table[:1], models="linear", sep=" "), "linear") == {
        "a": 1,
        "b": 1,
        "(none)": 0,
    }


@pytest.mark.parametrize("sep", ["", None, 3])
def test_unusable_separators(sep):
    with pytest.raises(at.InputError, match="sep must be the text between two steps"):
        at.attribute_paths(PATHS, sep=sep)


def test_empty_paths_are_the_row_none():
    table = pd.DataFrame({"path": ["a", "", "  ", None], "conversions": [5, 1, 2, 4], "nulls": [1, 10, 0, 3]})
    credit = at.attribute_paths(table, models=["linear", at.Shapley(value="rate")], nulls="nulls")
    assert by_channel(credit, "linear") == {"a": 5, "(none)": 7}
    assert by_channel(credit, "shapley") == {"a": 5, "(none)": 7}
    empty = finding(credit, "EMPTY_PATHS")
    assert (empty.values["untouched"], empty.values["conversions"], empty.values["rows"]) == (7, 12, 3)
    assert finding(credit, "NULLS_WITHOUT_PATH").values["nulls"] == 13
    assert finding(credit, "REPEATED_PATHS") is None


def test_nothing_but_empty_paths():
    credit = at.attribute_paths(pd.DataFrame({"path": [None, ""], "conversions": [3, 4]}), models=models())
    for model in (*MODELS, "shapley", "rate"):
        assert by_channel(credit, model) == {"(none)": 7}
    assert "(none)" in repr(credit)


def test_an_empty_table():
    credit = at.attribute_paths(pd.DataFrame({"path": [], "conversions": []}), models=models())
    assert by_channel(credit, "rate") == {"(none)": 0}
    assert credit.table().share_of_all.isna().all()


def test_paths_without_a_conversion():
    table = pd.DataFrame({"path": ["a > b", "b"], "conversions": [0, 0], "nulls": [3, 4]})
    credit = at.attribute_paths(table, models=models(), nulls="nulls")
    for model in (*MODELS, "shapley", "rate"):
        assert by_channel(credit, model) == {"a": 0, "b": 0, "(none)": 0}


def test_transforms_by_their_usual_names():
    table = pd.DataFrame({"path": ["a > a > b > a"], "conversions": [6]})
    assert by_channel(at.attribute_paths(table, models="linear"), "linear") == {"a": 4.5, "b": 1.5, "(none)": 0}
    found = at.attribute_paths(table, models="linear", transforms=("exposure",))
    assert by_channel(found, "linear") == pytest.approx({"a": 4, "b": 2, "(none)": 0})
    assert found.recipe.settings["transforms"] == "exposure"
    assert "exposure" in repr(found)
    assert by_channel(
        at.attribute_paths(table, models="linear", transforms=["first", ("trim_long_path", 1)]), "linear"
    ) == {"a": 0, "b": 6, "(none)": 0}
    assert by_channel(at.attribute_paths(table, models="linear", transforms="first"), "linear") == {
        "a": 3, "b": 3, "(none)": 0,
    }  # fmt: skip
    with pytest.raises(at.InputError, match="unique"):
        at.attribute_paths(table, transforms=("unique",))


@pytest.mark.parametrize("kind", ["polars", "lazy polars", "arrow", "duckdb", "categorical", "large"])
def test_any_kind_of_table(kind):
    made = {
        "polars": pl.from_pandas,
        "lazy polars": lambda frame: pl.from_pandas(frame).lazy(),
        "arrow": pa.Table.from_pandas,
        "duckdb": lambda frame: duckdb.from_arrow(pa.Table.from_pandas(frame)),
        "categorical": lambda frame: frame.assign(path=frame.path.astype("category")),
        "large": lambda frame: pa.table({name: pa.array(frame[name], from_pandas=True) for name in frame}),
    }[kind](PATHS)
    one, two = (at.attribute_paths(table, models=models(), value="value", nulls="nulls") for table in (PATHS, made))
    assert one.to_dicts() == two.to_dicts()


def test_other_names_of_columns():
    table = PATHS.rename(columns={"path": "路径", "conversions": "转化", "value": "金额", "nulls": "未转化"})
    credit = at.attribute_paths(table, models=models(), path="路径", conversions="转化", value="金额", nulls="未转化")
    assert credit.to_dicts() == at.attribute_paths(PATHS, models=models(), value="value", nulls="nulls").to_dicts()


# --- what is refused ---


def test_every_problem_at_once():
    table = pd.DataFrame(
        {
            "path": ["a >  > b", "(none) > a", "c", "d", ">", "e >"],
            "conversions": [0.5, -1, 0, 2, 1, np.nan],
            "value": [1.0, 1.0, 3.0, -2.0, np.inf, 1.0],
            "nulls": [1, 1.5, -2, 0, 0, 0],
        }
    )
    found = issues(table, value="value", nulls="nulls")
    assert set(found) == {
        "EMPTY_STEP", "RESERVED_NAME", "NOT_WHOLE", "NEGATIVE_VALUE", "NULL_VALUE", "NOT_FINITE",
        "VALUE_WITHOUT_CONVERSION",
    }  # fmt: skip
    assert found["EMPTY_STEP"].count == 3
    assert found["EMPTY_STEP"].examples == ("'>'", "'a >  > b'", "'e >'")
    assert found["RESERVED_NAME"].examples == ("'(none) > a'",)
    assert found["VALUE_WITHOUT_CONVERSION"].examples == ("'row 2'",)


def test_missing_columns_are_told_together():
    with pytest.raises(at.TableError, match="3 problems") as caught:
        at.attribute_paths(PATHS, path="pathh", value="worth", nulls="lost")
    assert [issue.column for issue in caught.value.issues] == ["pathh", "worth", "lost"]
    assert "Did you mean 'path'?" in str(caught.value)


def test_paths_must_be_text():
    assert issues(pd.DataFrame({"path": [1, 2], "conversions": [1, 1]}))["WRONG_TYPE"].column == "path"
    listed = pa.table({"path": [["a", "b"]], "conversions": [1]})
    assert "join its steps" in issues(listed)["WRONG_TYPE"].message
    assert "WRONG_TYPE" in issues(pd.DataFrame({"path": ["a"], "conversions": ["1"]}))


@pytest.mark.parametrize("options", [{"path": None}, {"conversions": ""}, {"value": 3}, {"nulls": ""}])
def test_names_of_columns_are_text(options):
    with pytest.raises(at.InputError, match="must be the name of a column"):
        at.attribute_paths(PATHS, **options)


def test_models_that_need_times_or_columns_are_refused():
    for asked in ("time_decay", [at.TimeDecay(half_life="3d", name="fading")], [at.WShaped(milestone="qualified_at")]):
        with pytest.raises(at.InputError, match="needs the times of the touches"):
            at.attribute_paths(PATHS, models=asked)

    def by_kind(j):
        return j.column("kind")

    with pytest.raises(at.InputError, match="no column 'kind'"):
        at.attribute_paths(PATHS, models=[at.CustomModel("kind", by_kind)])

    def by_age(j):
        return j.age_seconds

    with pytest.raises(at.InputError, match="not finite"):
        at.attribute_paths(PATHS, models=[at.CustomModel("age", by_age)])


def test_intervals_need_persons():
    credit = at.attribute_paths(PATHS)
    with pytest.raises(at.DesignError, match="does not say which conversions and journeys belong to one person") as no:
        credit.table(level=0.95)
    assert no.value.code == "NO_PERSONS"


def test_credit_that_does_not_sum_is_refused():
    with pytest.raises(at.ConservationError, match="must sum to 1"):
        at.attribute_paths(PATHS, models=[at.CustomModel("half", lambda j: np.full(len(j.channel), 0.5))])
