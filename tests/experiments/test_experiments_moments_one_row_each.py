from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from experiments.moments.one_row_each import note_repeated_persons

_HOMES = 90


def _outcomes() -> pd.DataFrame:
    random = np.random.default_rng(5)
    n = 2 * _HOMES
    return pd.DataFrame({
        "person_id": [f"p{i:03d}" for i in range(n)], "arm": np.where(np.arange(n) % 2, "sms", "holdout"),
        "home": [f"h{i // 3}" for i in range(n)], "stratum": np.where(np.arange(n) % 4 < 2, "a", "b"),
        "value": random.gamma(2.0, 10.0, n).round(2), "before": random.gamma(2.0, 5.0, n).round(2),
    })  # fmt: skip


CALLS: dict[str, Callable[[object], object]] = {
    "bootstrap_outcomes": lambda t: ex.bootstrap_outcomes(t, "value", replicates=99),
    "bootstrap_outcomes of an experiment": lambda t: ex.bootstrap_outcomes(
        t, "value", experiment=ex.Experiment({"v": ex.Mean("value")}), replicates=99
    ),
    "randomisation_test": lambda t: ex.randomisation_test(t, "value", replicates=99),
    "pooled_cap": lambda t: ex.pooled_cap(t, "value"),
    "balance": lambda t: ex.balance(t, ["before"]),
    "check_influence": lambda t: ex.check_influence(t, "value"),
    "placebo_outcome": lambda t: ex.placebo_outcome(t, "before"),
    "placebo_contrast": lambda t: ex.placebo_contrast(t, "value", splits=20),
    "spillover_bound": lambda t: ex.spillover_bound(t, link="home", column="value"),
    "transport": lambda t: ex.transport(t, {"a": 10, "b": 20}, strata="stratum", metric=ex.Mean("value")),
    "plot_distribution": lambda t: ex.plot_distribution(t, "value"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_person_with_two_rows_is_told_and_a_table_without_persons_is_not_asked(name: str) -> None:
    table = _outcomes()
    twice = pd.concat([table, table.iloc[:3]], ignore_index=True)
    CALLS[name](table)
    with pytest.raises(ex.TableError, match="a person has more than one row") as caught:
        CALLS[name](twice)
    found = [(issue.code, issue.column, issue.count) for issue in caught.value.issues]
    assert found == [("REPEATED_PERSON", "person_id", 3)]
    if name != "placebo_contrast":  # its splits are made from the person
        CALLS[name](twice.drop(columns="person_id"))


@pytest.mark.parametrize("name", ["randomisation_test", "bootstrap_outcomes", "balance"])
def test_rows_of_a_cluster_may_be_of_one_person(name: str) -> None:
    table = _outcomes().assign(arm=lambda t: np.where(t["home"].str[1:].astype(int) % 2, "sms", "holdout"))
    twice = pd.concat([table, table.iloc[:3]], ignore_index=True)
    found = {
        "randomisation_test": lambda: ex.randomisation_test(twice, "value", cluster="home", replicates=99),
        "bootstrap_outcomes": lambda: ex.bootstrap_outcomes(twice, "value", cluster="home", replicates=99),
        "balance": lambda: ex.balance(twice, ["before"], cluster="home"),
    }[name]()
    assert found.recipe.n["persons"] == len(twice)


def test_the_audience_of_a_transport_has_one_row_per_person_too() -> None:
    audience = pd.DataFrame({"person_id": ["q1", "q2", "q2"], "stratum": ["a", "b", "b"]})
    with pytest.raises(ex.TableError, match="a person has more than one row") as caught:
        ex.transport(_outcomes(), audience, strata="stratum", metric=ex.Mean("value"))
    assert [(issue.table, issue.count) for issue in caught.value.issues] == [("audience", 1)]


def test_the_experiment_says_what_the_person_is_called() -> None:
    twice = pd.concat([_outcomes(), _outcomes().iloc[:2]]).rename(columns={"person_id": "客户号"})
    named = ex.Experiment({"v": ex.Mean("value")}, person="客户号")
    with pytest.raises(ex.TableError, match="客户号"):
        ex.randomisation_test(twice, "value", experiment=named, replicates=99)
    assert ex.randomisation_test(twice, "value", replicates=99).recipe.n["persons"] == len(twice)


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame, pl.LazyFrame])
@pytest.mark.parametrize(
    ("values", "repeated"),
    [(["a", "b", "a", None, None], 1), ([1, 2, 3, 4, 5], 0), ([1.5, 1.5, 2.5, 1.5, None], 2), ([None] * 5, 0)],
)
def test_empty_cells_are_no_person_and_every_type_is_counted(made: object, values: list[object], repeated: int) -> None:
    problems = Problems()
    note_repeated_persons(open_table(made({"person_id": values}), "outcomes", Columns(), problems=problems))
    assert [issue.count for issue in problems.issues] == ([repeated] if repeated else [])


def test_a_table_in_an_engine_is_counted_there() -> None:
    frame = pd.DataFrame({"person_id": ["a", "b", "a", "a"]})  # noqa: F841 -- DuckDB reads it by its name
    problems = Problems()
    relation = duckdb.sql("select * from frame")
    note_repeated_persons(open_table(relation, "outcomes", Columns(), problems=problems))
    assert [issue.count for issue in problems.issues] == [2]


def test_a_cap_counts_persons_with_a_value() -> None:
    table = pd.DataFrame({"arm": ["sms"] * 4 + ["holdout"] * 4, "value": [1.0, 2.0, None, 9.0, 0.0, None, None, 4.0]})
    found = ex.pooled_cap(table, "value", q=0.5)
    rows = {row["arm"]: (row["persons"], row["without_value"], row["nonzero"]) for row in found.to_dicts()}
    assert rows == {"sms": (3, 1, 3), "holdout": (2, 2, 1)}
    assert found.recipe.n == {"persons": 5}
    assert found.cap == 2.0
