"""All metrics from three scans: exact against fractions, the same bytes from every engine, order and chunk."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.randomness import generator
from attribution.core.tables import Problems, open_table
from experiments.metrics import inputs_of
from experiments.moments import memory, metric_moments, metric_rows, moments_of, value_counts
from experiments.moments.exact_sums import grid_constants, sum_by_run, whole_sums
from experiments.moments.grid import collapse
from oracles.fraction_moments import moments_of_rows, nearest

METRICS = {
    "rate": ex.Rate("woken", covariate="history"),
    "capped": ex.Mean("金额", covariate=["history", "age"], cap=500.0, missing="exclude", role="secondary"),
    "filled": ex.Mean("金额", missing="zero"),
    "ratio": ex.Ratio("金额", "orders", covariate="age", missing="exclude"),
    "count": ex.Count("orders", missing="zero"),
    "days": ex.Duration("orders", horizon="3d"),
    "shifted": ex.Mean("shifted"),
}
INPUTS = {name: inputs_of(metric) for name, metric in METRICS.items()}
FIELDS = ("persons", "observed", "n", "means", "products", "cubes", "smallest", "largest")


def opened(data):
    return open_table(data, "outcomes", Columns(), problems=Problems())


def frame(seed=0, n=700):
    random = generator(seed, "test.scans")
    money = np.where(random.random(n) < 0.8, 0.0, random.lognormal(5, 2, size=n))
    rows = pd.DataFrame({
        "arm": np.array(["holdout", "短信", "full'; --"], dtype=object)[random.integers(3, size=n)],
        "wave": random.integers(2, size=n), "金额": money, "orders": random.poisson(1, n).astype(float),
        "woken": random.random(n) < 0.3, "history": random.lognormal(3, 1, n), "age": random.normal(1e6, 1, n),
        "shifted": money + 1e9,
    })  # fmt: skip
    for column, share in (("金额", 0.05), ("orders", 0.03), ("history", 0.1), ("age", 0.02)):
        rows.loc[random.random(n) < share, column] = np.nan
    return rows


def bytes_of(found):
    return {name: [getattr(part, field).tobytes() for field in FIELDS] for name, part in found.items()}


def test_moments_are_those_of_exact_fractions():
    rows = frame(1, 150)
    for name, inputs in INPUTS.items():
        found = metric_moments(opened(rows), {name: inputs}, keys=())[name]
        columns = []
        for column, limits in zip(inputs.columns, inputs.limits, strict=True):
            values = rows[column].astype(float)
            values = values if inputs.fill is None else values.fillna(inputs.fill)
            columns.append(values if limits is None else values.clip(*limits))
        columns += [rows[column] for column in inputs.covariates]
        listed = [
            tuple(None if np.isnan(v) else float(v) for v in row) for row in np.column_stack(columns).astype(float)
        ]
        exact = moments_of_rows(listed, len(inputs.columns))
        assert found.n[0] == exact["n"]
        np.testing.assert_allclose(found.means[0], [nearest(mean) for mean in exact["means"]], rtol=1e-14)
        products = np.array([[nearest(value) for value in line] for line in exact["products"]])
        spread = np.sqrt(np.diag(products))
        np.testing.assert_array_less(np.abs(found.products[0] - products), 1e-13 * np.outer(spread, spread))
        assert found.cubes[0] == pytest.approx(nearest(exact["cube"]), rel=1e-9)


def test_every_engine_gives_the_same_bytes_for_all_metrics(table_kind):
    rows = frame(2)
    plain = metric_moments(opened(rows), INPUTS, keys=("wave", "arm"))
    made = metric_moments(opened(table_kind(rows)), INPUTS, keys=("wave", "arm"))
    assert {name: part.cells for name, part in made.items()} == {name: part.cells for name, part in plain.items()}
    assert {name: part.labels for name, part in made.items()} == {name: part.labels for name, part in plain.items()}
    assert bytes_of(made) == bytes_of(plain)


def test_order_pieces_and_threads_change_no_byte(monkeypatch):
    rows = frame(3)
    plain = bytes_of(metric_moments(opened(rows), INPUTS, keys=("arm",)))
    shuffled = rows.sample(frac=1, random_state=4)
    assert bytes_of(metric_moments(opened(shuffled), INPUTS, keys=("arm",))) == plain
    for piece, many, worth in ((7, 256, 1 << 18), (64, 0, 1 << 18), (50, 256, 1)):
        monkeypatch.setattr(memory, "_PIECE", piece)
        monkeypatch.setattr(memory, "_MANY_CELLS", many)
        monkeypatch.setattr(memory, "_WORTH_A_THREAD", worth)
        assert bytes_of(metric_moments(opened(shuffled), INPUTS, keys=("arm",))) == plain


def test_scans_agree_with_the_rows_of_each_metric():
    rows = frame(4)
    found = metric_moments(opened(rows), INPUTS, keys=("wave", "arm"))
    for name, inputs in INPUTS.items():
        part, plain = found[name], moments_of(metric_rows(opened(rows), inputs, keys=("wave", "arm")))
        assert (part.cells, part.labels, part.strange) == (plain.cells, plain.labels, plain.strange)
        for field in ("persons", "observed", "n", "smallest", "largest"):
            np.testing.assert_array_equal(getattr(part, field), getattr(plain, field))
        np.testing.assert_allclose(part.means, plain.means, rtol=1e-12)
        spread = np.sqrt(np.einsum("cii->ci", plain.products))  # the rows round what stands for a missing covariate
        np.testing.assert_array_less(
            np.abs(part.products - plain.products), 1e-10 * spread[:, :, None] * spread[:, None, :] + 1e-300
        )


def test_nulls_of_one_metric_leave_the_others_alone():
    rows = pd.DataFrame({"arm": ["a"] * 4, "x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, None, None, 5.0]})
    found = metric_moments(opened(rows), {"x": inputs_of(ex.Mean("x")), "y": inputs_of(ex.Mean("y"))}, keys=("arm",))
    assert (found["x"].n[0], found["x"].mean[0], found["x"].variance[0]) == (4, 2.5, pytest.approx(5 / 3, rel=1e-15))
    assert (found["y"].n[0], found["y"].persons[0], found["y"].mean[0], found["y"].variance[0]) == (2, 4, 3.0, 8.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_adding_a_billion_keeps_the_variance(values, seed):
    shifted = np.round(np.array(values), 3) + 1e9
    values = shifted - 1e9  # exact: what the shift rounded off each value is the data's own loss, not that of the sums
    found = [
        metric_moments(opened(pd.DataFrame({"arm": "a", "x": v})), {"x": inputs_of(ex.Mean("x"))}, keys=("arm",))["x"]
        for v in (values, generator(seed, "test").permutation(shifted))
    ]
    assert found[1].squares[0] == pytest.approx(found[0].squares[0], rel=1e-13)


@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e300, -5e-324, 123456789.987])
def test_a_constant_column_has_no_variance_and_keeps_its_value(constant, table_kind):
    rows = pd.DataFrame({"arm": ["a"] * 7 + ["b"] * 3, "x": [constant] * 10})
    found = metric_moments(opened(table_kind(rows)), {"x": inputs_of(ex.Mean("x"))}, keys=("arm",))["x"]
    assert found.mean.tolist() == [constant, constant]
    assert found.squares.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("values", [[1e200, -1e200, 3e200], [5e-324, 0.0, 1e-310], [1e308, -1e308, 1e308]])
def test_extreme_values_stay_in_order_and_do_not_become_nan(values):
    found = metric_moments(
        opened(pd.DataFrame({"arm": "a", "x": values})), {"x": inputs_of(ex.Mean("x"))}, keys=("arm",)
    )
    assert min(values) <= found["x"].mean[0] <= max(values)
    assert not np.isnan(found["x"].squares[0])


def test_a_heavy_tail_and_a_small_cell_beside_it_keep_their_digits():
    random = generator(5, "test.scans")
    small = random.random(500)
    rows = pd.DataFrame(
        {"arm": ["big"] * 500 + ["small"] * 500, "x": np.concatenate([random.pareto(0.5, 500) * 1e9, small])}
    )
    found = metric_moments(opened(rows), {"x": inputs_of(ex.Mean("x"))}, keys=("arm",))["x"]
    exact = moments_of_rows([(float(value),) for value in small], 1)
    assert found.squares[1] == pytest.approx(nearest(exact["products"][0][0]), rel=1e-12)
    assert found.mean[1] == pytest.approx(nearest(exact["means"][0]), rel=1e-13)


RANDOM = generator(11, "test.ranges")
APART = {
    "1e15 times": [RANDOM.normal(size=60) * 1e15, RANDOM.normal(size=60), 1e9 + RANDOM.random(60) * 1e-3],
    "1e15 away": [RANDOM.normal(size=60) + 1e15, RANDOM.normal(size=60), [0.1]],
    "1e300 times": [[1e300, -1e300, 3e299], RANDOM.lognormal(size=60), [1e-12, 3e-12, 3.5e-12]],
    "float32": [(RANDOM.normal(size=60) * 1e30).astype("f4"), RANDOM.random(60).astype("f4"), np.float32([2.5, 3.5])],
    "whole": [np.array([2**53 + 1, 2**62 + 1, -(2**62)]), np.array([1, 2, 4]), np.array([2**53 + 1, 2**53 + 5])],
    "largest": [[1.79e308, -1.79e308, 1e308, -1e308], [3.0, 4.5, 7.25], [1.79e308] * 3],
    "signs": [np.tile([1e8, -1e8], 30) + RANDOM.normal(size=60), np.tile([1.0, -1.0], 30), np.tile([1e-9, 0.0], 30)],
    "powers of two": [RANDOM.random(63), RANDOM.random(64) * 2.0**-60, RANDOM.random(65) * 2.0**60],
    "flags": [[0, 1, 1, 0, 0], [1], [0, 0, 1]],
}


@pytest.mark.parametrize("name", APART)
def test_every_cell_keeps_its_digits_beside_any_other(name, table_kind):
    values = [np.asarray(listed) for listed in APART[name]]
    rows = pd.DataFrame({"arm": np.repeat(["a", "b", "c"], [len(v) for v in values]), "x": np.concatenate(values)})
    rows = rows.sample(frac=1, random_state=5).reset_index(drop=True)
    inputs = {"x": inputs_of(ex.Mean("x"))}
    found = metric_moments(opened(rows), inputs, keys=("arm",))["x"]
    for i, listed in enumerate(values):
        numbers = listed.astype(np.float64).tolist()
        exact, reach = moments_of_rows([(value,) for value in numbers], 1), max(numbers) / 2 - min(numbers) / 2
        size = max(map(abs, numbers))
        assert found.means[i, 0] == pytest.approx(nearest(exact["means"][0]), rel=1e-15, abs=1e-15 * size)
        assert found.products[i, 0, 0] == pytest.approx(nearest(exact["products"][0][0]), rel=1e-14)
        if reach < 1e100:  # else the cubes are beyond the largest double
            assert found.cubes[i] == pytest.approx(nearest(exact["cube"]), rel=1e-12, abs=1e-13 * reach**3)
    elsewhere = metric_moments(opened(table_kind(rows.sort_values("x"))), inputs, keys=("arm",))
    assert bytes_of(elsewhere) == bytes_of({"x": found})


def test_decimals_are_read_as_the_nearest_double_everywhere():
    import pyarrow as pa

    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    cents = [None, *(Decimal(i) / 100 for i in range(-300, 4_000))]
    table = pa.table({"arm": ["a"] * len(cents), "x": pa.array(cents, pa.decimal128(12, 2))})
    connection = duckdb.connect()
    connection.register("given", table)
    inputs = {"x": inputs_of(ex.Mean("x"))}
    doubles = pd.DataFrame({"arm": "a", "x": [np.nan if v is None else float(v) for v in cents]})
    expected = bytes_of(metric_moments(opened(doubles), inputs, keys=("arm",)))
    for kind in (table, polars.from_arrow(table), connection.sql("SELECT * FROM given")):
        assert bytes_of(metric_moments(opened(kind), inputs, keys=("arm",))) == expected


def test_a_rate_beside_a_covariate_is_exact(table_kind):
    rows = frame(12)
    inputs = {"rate": INPUTS["rate"], "plain": inputs_of(ex.Rate("woken"))}
    found = metric_moments(opened(table_kind(rows)), inputs, keys=("arm",))
    alone = metric_moments(opened(table_kind(rows)), {"plain": inputs["plain"]}, keys=("arm",))["plain"]
    for i, (arm,) in enumerate(alone.cells):
        woken = [(float(value),) for value in rows.loc[rows["arm"] == arm, "woken"]]
        exact = moments_of_rows(woken, 1)
        for part in (alone, found["plain"], found["rate"]):
            assert part.mean[i] == nearest(exact["means"][0])
            assert part.squares[i] == pytest.approx(nearest(exact["products"][0][0]), rel=1e-15)
            assert part.cubes[i] == pytest.approx(nearest(exact["cube"]), rel=1e-14)
    gaps = rows.assign(woken=rows["woken"].astype(float).replace(0.0, np.nan))  # as numbers with empty cells
    filled = {"plain": inputs_of(ex.Rate("woken", missing="zero"))}
    again = metric_moments(opened(table_kind(gaps)), filled, keys=("arm",))["plain"]
    assert [again.means.tobytes(), again.products.tobytes()] == [alone.means.tobytes(), alone.products.tobytes()]


@pytest.mark.parametrize("data", [{"arm": [], "x": []}, {"arm": ["a"], "x": [None]}, {"arm": ["a"], "x": [3.0]}])
def test_hardly_any_rows(data):
    import pyarrow as pa

    table = pa.table({"arm": pa.array(data["arm"], pa.string()), "x": pa.array(data["x"], pa.float64())})
    found = metric_moments(opened(table), {"x": inputs_of(ex.Mean("x"))}, keys=("arm",))["x"]
    assert len(found.cells) == len(data["arm"])
    assert found.n.sum() == sum(value is not None for value in data["x"])


def test_every_problem_of_every_metric_is_told_at_once(table_kind):
    rows = pd.DataFrame(
        {"arm": ["a", None, "b"], "x": [1.0, np.inf, 2.0], "y": [1.0, 2.0, 3.0], "word": ["a", "b", "c"]}
    )
    table = opened(table_kind(rows))
    metrics = {"x": ex.Mean("x"), "y": ex.Mean("y"), "w": ex.Mean("word"), "gone": ex.Mean("gone")}
    found = metric_moments(table, {name: inputs_of(metric) for name, metric in metrics.items()}, keys=("arm",))
    assert set(found.values()) == {None}
    codes = {(issue.code, issue.column, issue.count) for issue in table.problems.issues}
    assert codes >= {("NULL_KEY", "arm", 1), ("NOT_FINITE", "x", 1), ("WRONG_TYPE", "word", 3)}
    assert ("MISSING_COLUMN", "gone") in {code[:2] for code in codes}


def test_an_infinite_value_takes_only_its_own_metric_away():
    rows = pd.DataFrame({"arm": ["a", "b"], "x": [1.0, np.inf], "y": [1.0, 2.0]})
    found = metric_moments(opened(rows), {n: inputs_of(ex.Mean(n)) for n in ("x", "y")}, keys=("arm",))
    assert found["x"] is None
    assert found["y"].mean.tolist() == [1.0, 2.0]


def test_clusters_collapse_to_their_arms():
    rows = frame(6).assign(cluster=lambda t: np.arange(len(t)) % 300)
    by_arm = metric_moments(opened(rows), INPUTS, keys=("arm",))
    for name, part in metric_moments(opened(rows), INPUTS, keys=("arm", "cluster")).items():
        whole = collapse(part, 1)
        assert whole.cells == by_arm[name].cells
        np.testing.assert_allclose(whole.means, by_arm[name].means, rtol=1e-12)
        np.testing.assert_allclose(whole.squares, by_arm[name].squares, rtol=1e-11)


def test_counts_of_distinct_and_repeated_values_are_sorted_alike(table_kind):
    random = generator(8, "test.scans")
    rows = pd.DataFrame(
        {"arm": np.array(["b", "a"], object)[random.integers(2, size=50)], "x": random.integers(4, size=50) / 3}
    )
    rows.loc[::7, "x"] = np.nan
    found = value_counts(opened(table_kind(rows)), keys=("arm",), columns=("x",))
    expected = rows.groupby(["arm", "x"], dropna=False).size().reset_index(name="n").sort_values(["arm", "x"])
    assert found.cells == (("a",), ("b",))
    np.testing.assert_array_equal(found.values[0], expected["x"].to_numpy())
    np.testing.assert_array_equal(found.count, expected["n"].to_numpy())


def test_mostly_distinct_values_are_counted_the_same_way(monkeypatch):
    from experiments.moments import counted

    rows = frame(9)
    plain = value_counts(opened(rows), keys=("arm",), columns=("金额", "history"))
    monkeypatch.setattr(counted, "_SAMPLE", 100)
    sorted_only = value_counts(opened(rows), keys=("arm",), columns=("金额", "history"))
    for one, two in zip(
        (plain.cell, plain.count, *plain.values),
        (sorted_only.cell, sorted_only.count, *sorted_only.values),
        strict=True,
    ):
        assert one.tobytes() == two.tobytes()


@settings(max_examples=60)
@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_grid_sums_do_not_know_the_order_and_are_nearly_exact(terms, seed):
    import math

    terms = np.array(terms)
    constants = grid_constants(len(terms))
    sums = [
        whole_sums(np.array(sum_by_run(generator(seed + i, "test").permutation(terms), np.array([0]), constants)))[0]
        for i in range(3)
    ]
    assert sums[0].tobytes() == sums[1].tobytes() == sums[2].tobytes()
    assert abs(sums[0] - math.fsum(terms)) <= len(terms) * 2.0**-57 + 2.0 * math.ulp(math.fsum(terms))
