"""Balance: R's tests, every assignment of small tables, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import experiments as ex
from experiments.design.balance_test import contrast_columns, omnibus
from oracles.assignments import every_difference

FOLDER = Path(__file__).parents[1] / "references/balance"
COLUMNS = ["a", "b", "c"]


def reference(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def table(case):
    inputs = dict(case["inputs"])
    arm = ["sms" if z else "holdout" for z in inputs.pop("z")]
    return pd.DataFrame({"person_id": range(len(arm)), "arm": arm, **inputs})


def test_one_stratum_is_hotelling():
    case = reference("one_stratum")
    (joint,) = ex.balance(table(case), COLUMNS).joint.to_dicts()
    assert joint["p_value"] == pytest.approx(case["expected"]["p_joint"], rel=1e-9)
    assert joint["chi_square"] == pytest.approx(case["expected"]["chi_square"], rel=1e-9)


def test_one_stratum_has_the_chi_square_of_hansen_and_bowers():
    case = reference("one_stratum")
    data = table(case)
    treated = (data["arm"] == "sms").to_numpy()
    zero = np.zeros(len(data), np.int64)
    part = contrast_columns(data[COLUMNS].to_numpy(float), treated, zero, np.arange(len(data)))
    found = omnibus(part.difference, part.covariance, part.freedom)
    assert found.p_chi_square == pytest.approx(case["expected"]["p_chi_square"], rel=1e-9)
    assert found.df == 3


@pytest.mark.parametrize("position", range(3), ids=COLUMNS)
def test_one_column_is_students_test(position):
    case = reference("one_stratum")
    row = ex.balance(table(case), COLUMNS).to_dicts()[position]
    expected = case["expected"]["columns"][position]
    assert row["column"] == COLUMNS[position]
    assert row["p_value"] == pytest.approx(expected["p"], rel=1e-9)
    assert row["standardised_difference"] == pytest.approx(expected["d"], rel=1e-9)
    assert (row["low"], row["high"]) == pytest.approx((expected["low"], expected["high"]), rel=1e-9)
    alone = ex.balance(table(case), COLUMNS[position])
    assert alone.joint.to_dicts()[0]["p_value"] == pytest.approx(expected["p"], rel=1e-9)


@pytest.mark.parametrize(("name", "options"), [("strata", {"strata": "s"}), ("clusters", {"cluster": "g"})])
def test_strata_and_clusters_are_those_of_hansen_and_bowers(name, options):
    case = reference(name)
    found = ex.balance(table(case), COLUMNS, **options)
    assert found.joint.to_dicts()[0]["chi_square"] == pytest.approx(case["expected"]["chi_square"], rel=1e-9)
    rows = found.to_dicts()
    assert [row["mean"] - row["mean_control"] for row in rows] == pytest.approx(case["expected"]["d"], rel=1e-9)
    data = table(case)
    part = contrast_columns(
        data[COLUMNS].to_numpy(float), (data["arm"] == "sms").to_numpy(),
        data.get("s", pd.Series(0, index=data.index)).to_numpy(), data.get("g", data["person_id"]).to_numpy(),
    )  # fmt: skip
    assert np.diag(part.covariance) == pytest.approx(case["expected"]["variance"], rel=1e-9)
    told = omnibus(part.difference, part.covariance, part.freedom)
    assert told.p_chi_square == pytest.approx(case["expected"]["p"], rel=1e-9)


def test_the_covariance_is_that_of_every_assignment():
    values = np.array([[1.0, 5.0], [2.0, 1.0], [4.0, 0.0], [8.0, 2.0], [3.0, 3.0], [0.0, 9.0], [7.0, 1.0]])
    treated = np.array([True, True, False, True, False, False, False])
    part = contrast_columns(values, treated, np.zeros(7, np.int64), np.arange(7))
    every = every_difference(values, np.ones(7), 3)
    assert part.covariance == pytest.approx(np.cov(every.T, bias=True), rel=1e-12)
    distances = [omnibus(difference, part.covariance, part.freedom).chi_square for difference in every]
    assert np.mean(distances) == pytest.approx(2.0, rel=1e-12)  # its mean over all assignments is its rank, exactly


def test_clusters_of_one_size_have_the_covariance_of_every_assignment():
    rng = np.random.default_rng(3)
    values, cluster = rng.normal(size=(24, 2)), np.repeat(np.arange(8), 3)
    treated = np.isin(cluster, [0, 3, 5])
    part = contrast_columns(values, treated, np.zeros(24, np.int64), cluster)
    totals = values.reshape(8, 3, 2).sum(axis=1)
    every = every_difference(totals, np.full(8, 3.0), 3)
    assert part.covariance == pytest.approx(np.cov(every.T, bias=True), rel=1e-12)


def drawn(n=4_000, seed=1):
    rng = np.random.default_rng(seed)
    past = pd.DataFrame({
        "person_id": range(n), "silent": rng.exponential(100, n), "orders_before": rng.poisson(2, n).astype(float),
        "source": rng.choice(["app", "店", "web 🛒"], n), "vip": rng.random(n) < 0.1,
    })  # fmt: skip
    past.loc[rng.random(n) < 0.1, "orders_before"] = np.nan
    past.loc[rng.random(n) < 0.05, "source"] = None
    return past.assign(arm=rng.choice(["holdout", "digital", "sms"], n, p=[0.2, 0.4, 0.4]))


NAMES = ["silent", "orders_before", "source", "vip"]


def test_groupings_flags_and_empty_cells_have_rows_of_their_own():
    found = ex.balance(drawn(), NAMES)
    names = {(row["column"], row["level"]) for row in found.to_dicts()}
    empty = "(missing)"
    assert names == {
        ("silent", ""), ("orders_before", ""), ("orders_before", empty), ("source", "app"), ("source", "店"),
        ("source", "web 🛒"), ("source", empty), ("vip", ""),
    }  # fmt: skip
    assert [row["df"] for row in found.joint.to_dicts()] == [7, 7]  # levels of one grouping add to 1
    assert found.findings[0].status == "pass"
    assert found.findings[0].values["contrasts"] == 2


def test_the_order_of_rows_and_the_engine_change_no_byte():
    data = drawn()
    reference_ = ex.balance(data, NAMES)
    shuffled = ex.balance(data.sample(frac=1.0, random_state=2), NAMES)
    polars = ex.balance(pl.from_pandas(data), NAMES)
    assert reference_.to_dicts() == shuffled.to_dicts() == polars.to_dicts()


def test_an_arm_that_lost_its_best_customers_fails():
    data = drawn()
    lost = (data["arm"] == "sms") & (data["silent"] > 200)
    found = ex.balance(data[~lost], NAMES)
    assert (found.findings[0].code, found.findings[0].status) == ("BALANCE", "fail")
    assert found.findings[0].values["column"] == "silent"
    assert "not alike before the experiment" in repr(found)


def test_what_differs_between_strata_alone_is_no_imbalance():
    rng = np.random.default_rng(5)
    wave = rng.integers(0, 2, 6_000)
    arm = np.where(rng.random(6_000) < np.where(wave == 0, 0.5, 0.1), "holdout", "sms")
    data = pd.DataFrame({"arm": arm, "wave": wave, "silent": rng.normal(100 + 50 * wave, 10)})
    assert ex.balance(data, "silent").findings[0].status == "fail"
    assert ex.balance(data, "silent", strata="wave").findings[0].status == "pass"


def test_strata_with_one_arm_are_counted():
    data = drawn(400).assign(wave=0)
    data.loc[data["arm"] == "digital", "wave"] = 1
    data.loc[data.index[:200], "wave"] = 2
    found = ex.balance(data, "silent", strata="wave")
    assert [finding.code for finding in found.findings] == ["BALANCE", "BALANCE_STRATA_LEFT"]


@pytest.mark.parametrize("name", ["woken", "clicked", "接通", "cost"])
def test_columns_known_later_are_refused(name):
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.balance(drawn(100).assign(**{name: 1}), [name])
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.balance(drawn(100).assign(mood=1), ["mood"], post=["mood"])


def test_tables_that_cannot_be_compared():
    with pytest.raises(ex.DesignError, match="NO_HOLDOUT"):
        ex.balance(drawn(100), "silent", control="control")
    with pytest.raises(ex.TableError, match="TOO_MANY_LEVELS"):
        ex.balance(drawn(500).assign(phone=[f"1{i}" for i in range(500)]), "phone")
    with pytest.raises(ex.TableError, match="MISSING_COLUMN"):
        ex.balance(drawn(100), "silence")
    with pytest.raises(ex.TableError, match="NOT_FINITE"):
        ex.balance(drawn(100).assign(silent=np.inf), "silent")
    with pytest.raises(ex.DesignError, match="CLUSTER_IN_TWO_ARMS"):
        ex.balance(drawn(100).assign(home=[i // 5 for i in range(100)]), "silent", cluster="home")
    with pytest.raises(ex.DesignError, match="NO_COMMON_STRATUM"):
        ex.balance(drawn(100).assign(own=lambda data: data["arm"]), "silent", strata="own")
    with pytest.raises(ex.InputError, match="at least one column"):
        ex.balance(drawn(100), [])


@pytest.mark.parametrize("constant", [0.1, 1e9 + 0.1, 1e-12 / 3, -2.7])
def test_a_column_that_does_not_vary_is_not_made_to_by_rounding(constant):
    data = drawn(3_000).assign(one=constant)
    found = ex.balance(data, ["silent", "one"])
    rows = {row["column"]: row for row in found.to_dicts()}
    assert (rows["one"]["standardised_difference"], rows["one"]["note"]) == (None, "ZERO_VARIANCE")
    assert found.findings[0].values["column"] == "silent"
    assert [row["df"] for row in found.joint.to_dicts()] == [1, 1]


def test_a_column_that_is_constant_inside_strata_differs_by_nothing():
    rng = np.random.default_rng(5)
    data = drawn(3_000).assign(tier=rng.integers(0, 5, 3_000))
    data["limit"] = np.array([0.1, 1 / 3, 1e9 / 7, 0.7, 0.9])[data["tier"]]
    rows = [row for row in ex.balance(data, ["silent", "limit"], strata="tier").to_dicts() if row["column"] == "limit"]
    assert {(row["standardised_difference"], row["p_value"]) for row in rows} == {(0.0, None)}


def test_a_large_level_costs_no_digits():
    data = drawn(3_000)
    data["count"] = data["silent"].round()
    data["far"] = data["count"] + 1e12
    rows = ex.balance(data, ["count", "far"]).to_dicts()
    assert rows[0]["standardised_difference"] == pytest.approx(rows[1]["standardised_difference"], rel=1e-12)
    assert rows[1]["mean"] == pytest.approx(rows[0]["mean"] + 1e12, rel=1e-15)


def test_the_arm_is_no_column_of_balance():
    with pytest.raises(ex.InputError, match="the arm itself"):
        ex.balance(drawn(100), ["silent", "arm"])


def test_columns_that_do_not_vary_have_no_p_value():
    found = ex.balance(drawn(100).assign(one=1.0), "one")
    assert {row["note"] for row in found.to_dicts()} == {"ZERO_VARIANCE"}
    assert {row["p_value"] for row in found.to_dicts()} == {None}
    assert found.findings[0].status == "unknown"
    tiny = ex.balance(pd.DataFrame({"arm": ["holdout", "sms"], "silent": [1.0, 2.0]}), "silent")
    assert tiny.findings[0].status == "unknown"
