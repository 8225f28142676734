"""Cost per effective customer and break-even."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

import attribution as at
import experiments as ex
from experiments.inference.tails import critical_value
from experiments.wakeup.effective_ratio import cost_per_count, mean_estimate, paid_per_count, reciprocal
from oracles import effective_costs


@pytest.mark.parametrize(("hits", "n"), [(0, 40), (1, 40), (7, 40), (39, 40), (40, 40), (5, 100_000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_cost_per_count_inverts_the_score_test(hits, n, level):
    found = cost_per_count(1_000.0, hits, n, level=level)
    low, high = effective_costs.cost_limits(1_000.0, hits, n, critical_value(level, "two"))
    assert found.low == pytest.approx(low, rel=1e-9)
    assert found.high == (math.inf if hits == 0 else pytest.approx(high, rel=1e-9))
    assert found.value == (None if hits == 0 else 1_000.0 / hits)
    assert found.note == ("NONE_EFFECTIVE" if hits == 0 else "")


def test_cost_per_count_against_statsmodels():
    low, high = proportion_confint(17, 900, alpha=0.1, method="wilson")
    found = cost_per_count(5_000.0, 17, 900, level=0.9)
    assert found.low == pytest.approx(5_000.0 / (900 * high), rel=1e-12)
    assert found.high == pytest.approx(5_000.0 / (900 * low), rel=1e-12)


def test_the_benchmark_of_the_field():
    table = pd.DataFrame({"person_id": range(1_000), "trades": [1] * 50 + [0] * 950})
    row = ex.effective_customers(table, effective="trades", spend=1_000_000, value_per_effective=20_000).to_dicts()[0]
    assert row["cost_per_customer"] == 1_000.0
    assert row["cost_per_effective"] == 20_000.0
    assert row["break_even"] == 0.05
    assert row["margin_per_customer"] == pytest.approx(0.0, abs=1e-12)
    assert row["standing"] == "undecided"


def test_money_that_depends_on_the_condition_gives_fiellers_set():
    rng = np.random.default_rng(4)
    hits = rng.random(300) < 0.2
    paid = 5.0 + 30.0 * hits + rng.exponential(2.0, 300)
    found = paid_per_count(paid, hits, level=0.9)
    t = critical_value(0.9, "two", 299.0)
    grid = [found.low * 0.999, found.low * 1.001, found.value, found.high * 0.999, found.high * 1.001]
    assert effective_costs.ratio_set(paid, hits, t, grid) == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("paid", "hits", "expected"),
    [([], [], (None, None, None, "NOBODY_AT_RISK")), ([3.0], [1], (3.0, None, None, "ONE_PERSON"))],
)
def test_paid_per_count_without_enough_persons(paid, hits, expected):
    found = paid_per_count(np.array(paid, float), np.array(hits, float), level=0.95)
    assert (found.value, found.low, found.high, found.note) == expected


def test_a_share_that_could_be_zero_leaves_the_cost_unbounded():
    paid = np.array([10.0, 11.0, 9.0, 10.5, 9.5, 10.0])
    found = paid_per_count(paid, np.array([1.0, 0, 0, 0, 0, 0]), level=0.95)
    assert found.high == math.inf
    assert 0.0 < found.low < found.value == 60.0
    assert paid_per_count(paid, np.zeros(6), level=0.95).note == "NONE_EFFECTIVE"


def test_groups_spend_and_reasons():
    table = pd.DataFrame({
        "person_id": [f"p{i}" for i in range(6)], "source": ["a", "a", "b", None, " ", "b"],
        "assets": [5.0, 50.0, 50.0, 1.0, 60.0, 2.0],
    })  # fmt: skip
    spend = pd.DataFrame({"source": ["a", "a", "b", "z"], "cost": [10.0, 20.0, 8.0, 7.0]})
    found = ex.effective_customers(table, effective="assets", at_least=50, by="source", spend=spend)
    rows = {row["source"]: row for row in found.to_dicts()}
    assert list(rows) == ["(unknown)", "a", "b", "z", "(all)"]
    assert [rows[name]["customers"] for name in rows] == [2, 2, 2, 0, 6]
    assert [rows[name]["effective"] for name in rows] == [1, 1, 1, 0, 3]
    assert rows["a"]["cost_per_effective"] == 30.0
    assert rows["(unknown)"]["cost"] is None
    assert rows["(unknown)"]["note"] == rows["(all)"]["note"] == "NO_SPEND"
    assert rows["z"]["cost"] == 7.0
    assert rows["z"]["note"] == "NOBODY_AT_RISK"
    assert [finding.code for finding in found.findings] == ["SPEND_MISSING"]
    assert found.findings[0].values["customers"] == 2


def test_standing_follows_the_margin():
    n = 2_000
    hits = np.arange(n) % 10 == 0
    table = pd.DataFrame({"person_id": range(n), "good": hits, "worth": np.where(hits, 100.0, 1e6)})
    standing = {}
    for spend in (5.0 * n, 10.0 * n, 15.0 * n):
        row = ex.effective_customers(table, effective="good", spend=spend, value_per_effective=100.0).to_dicts()[0]
        standing[spend / n] = row["standing"]
        assert (row["margin_per_customer_low"] > 0) == (row["standing"] == "above")
    assert standing == {5.0: "above", 10.0: "undecided", 15.0: "below"}
    row = ex.effective_customers(table, effective="good", spend=15.0 * n, value="worth").to_dicts()[0]
    assert row["value_per_effective"] == 100.0  # what the others are worth does not count
    assert row["standing"] == "below"


def test_few_effective_customers_decide_nothing():
    table = pd.DataFrame({"person_id": range(500), "good": [i < 19 for i in range(500)], "worth": 1.0})
    found = ex.effective_customers(table, effective="good", spend=1e6, value="worth").to_dicts()[0]
    assert found["standing"] == "undecided"
    assert found["note"] == "FEW_EFFECTIVE"


def test_a_margin_that_only_skewness_moves_below_zero_decides_nothing():
    rng = np.random.default_rng(12)
    below = 0
    for _ in range(60):  # the true margin is 0: a tenth of the customers with lognormal values
        good = rng.random(400) < 0.2
        table = pd.DataFrame({"person_id": range(400), "good": good, "worth": rng.lognormal(0.0, 2.0, 400)})
        row = ex.effective_customers(table, effective="good", spend=400 * 0.2 * np.exp(2.0), value="worth").to_dicts()[
            0
        ]
        below += row["margin_per_customer_high"] < 0.0
        assert row["standing"] == "undecided"
        assert ("SKEWED_VALUE" in row["note"]) == (row["margin_per_customer_high"] < 0.0)
    assert below > 6  # of 1.5 that a 95 % interval may err
    row = ex.effective_customers(table, effective="good", spend=1.0, value="worth").to_dicts()[0]
    assert (row["standing"], row["note"]) == ("above", "")  # towards the long tail the interval errs too seldom


def test_reasons_are_told_in_words():
    table = pd.DataFrame({"person_id": range(40), "good": 0, "source": ["a", "b"] * 20})
    found = ex.effective_customers(table, effective="good", by="source", spend={"a": 5.0}, value_per_effective=1.0)
    assert "NO_SPEND: No spend is known for this group" in repr(found)
    with at.language("zh"):
        assert "NONE_EFFECTIVE：没有客户满足条件" in repr(found)


def test_a_declared_value_is_no_estimate():
    table = pd.DataFrame({"person_id": range(40), "good": [1] * 10 + [0] * 30})
    row = ex.effective_customers(table, effective="good", spend=120.0, value_per_effective=2.0).to_dicts()[0]
    assert (row["value_per_effective"], row["value_per_effective_low"], row["break_even"]) == (2.0, None, 1.5)
    assert row["break_even_low"] is None


def test_whole_numbers_beside_empty_cells_name_the_groups_of_whole_numbers():
    table = pd.DataFrame({"person_id": range(4), "source": [1, 2, None, 1], "good": [1, 0, 1, 1]})
    for frame in (table, pl.from_pandas(table)):
        found = ex.effective_customers(frame, effective="good", by="source", spend={1: 4.0, "1": 2.0, None: 3.0, 2: 1})
        costs = {row["source"]: row["cost"] for row in found.to_dicts()}
        assert costs == {"(unknown)": 3.0, "1": 6.0, "2": 1.0, "(all)": 10.0}


def test_reciprocal_of_a_value_that_is_not_positive():
    below = mean_estimate(np.array([-1.0, -2.0, -3.0]), level=0.95)
    assert reciprocal(5.0, below).note == "VALUE_NOT_POSITIVE"
    assert reciprocal(5.0, mean_estimate(np.empty(0), level=0.95)).note == "NOBODY_AT_RISK"
    around = reciprocal(5.0, mean_estimate(np.array([-1.0, 4.0]), level=0.95))
    assert around.high == math.inf


def test_row_order_and_table_kind_change_nothing():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({
        "person_id": rng.permutation(400), "source": rng.choice(["x", "y", None], 400), "good": rng.random(400) < 0.3,
        "paid": rng.exponential(3.0, 400), "worth": rng.normal(20.0, 3.0, 400),
    })  # fmt: skip
    before = table.copy()
    call = {"effective": "good", "by": "source", "cost": "paid", "value": "worth"}
    found = ex.effective_customers(table, **call)
    again = ex.effective_customers(table.sample(frac=1.0, random_state=3), **call)
    assert found.to_dicts() == again.to_dicts()
    assert ex.effective_customers(pl.from_pandas(table), **call).to_dicts() == found.to_dicts()
    pd.testing.assert_frame_equal(table, before)
    assert repr(found) == repr(again)
    with at.language("zh"):
        assert "有效客户" in repr(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spend": -1.0}, "spend must be money of at least 0"),
        ({"spend": {"a": float("nan")}, "by": "source"}, "must be money of at least 0"),
        ({"spend": 5.0, "by": "source"}, "give it by group"),
        ({"spend": {"a": 1.0}}, "exactly one grouping column"),
        ({"spend": 5.0, "cost": "good"}, "not both"),
        ({"value": "good", "value_per_effective": 3.0}, "not both"),
        ({"value_per_effective": 0.0}, "above 0"),
        ({"at_least": float("inf")}, "at_least must be a finite number"),
        ({"level": 95}, "level=0.95"),
        ({"by": ["source", "source"]}, "several different ones"),
        ({"by": "cost"}, "by='cost' is the name of a column of the result"),
        ({"effective": "assets"}, "NOT_BINARY"),
        ({"effective": "godo"}, "Did you mean 'good'"),
        ({"columns": {"custmers": at.Columns()}}, "unknown table 'custmers'. Did you mean 'customers'"),
        ({"columns": 3}, "columns must be a Columns"),
    ],
)
def test_bad_input_is_told(change, message):
    table = pd.DataFrame({"person_id": [1, 2], "source": ["a", "b"], "good": [0, 1], "assets": [3.0, 4.0]})
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.effective_customers(table, **{"effective": "good", **change})


def test_one_mapping_of_names_serves_functions_with_other_tables_too():
    table = pd.DataFrame({"客户号": [1, 2], "good": [0, 1]})
    given = {"customers": at.Columns(person="客户号"), "events": at.Columns(), "pool": at.Columns()}
    assert ex.effective_customers(table, effective="good", columns=given).to_dicts()[0]["effective"] == 1


def test_a_repeated_person_is_refused():
    table = pd.DataFrame({"person_id": [1, 1], "good": [0, 1]})
    with pytest.raises(ex.TableError, match="REPEATED_PERSON"):
        ex.effective_customers(table, effective="good")


def test_nobody_at_all():
    table = pd.DataFrame({"person_id": pd.Series([], dtype="int64"), "good": pd.Series([], dtype="bool")})
    row = ex.effective_customers(table, effective="good", spend=3.0).to_dicts()[0]
    assert (row["customers"], row["cost_per_effective"], row["note"]) == (0, None, "NOBODY_AT_RISK")
