"""Moments by cell: against NumPy on the joined rows, in every engine, merged, permuted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attribution as at
from attribution.core.columns import Columns
from attribution.core.randomness import generator
from attribution.core.tables import Problems, open_table
from experiments.moments import column_moments, cost_moments, merge_moments


def opened(data):
    return open_table(data, "outcomes", Columns(), problems=Problems())


def frame(seed=0, n=600):
    random = generator(seed, "test.moments")
    value = np.where(random.random(n) < 0.8, 0.0, random.lognormal(5, 2, size=n))
    value[random.random(n) < 0.05] = np.nan
    return pd.DataFrame({
        "person_id": [f"p{i}" for i in range(n)],
        "arm": np.array(["holdout", "sms", "full"], dtype=object)[random.integers(3, size=n)],
        "wave": random.integers(2, size=n),
        "value": value,
        "woken": random.random(n) < 0.3,
        "cost": np.round(random.random(n), 2),
    })  # fmt: skip


def assert_same(first, second, rtol=1e-12):
    assert first.cells == second.cells
    for name in ("persons", "observed", "n"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name in ("mean", "squares", "cubes"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=rtol, atol=1e-9)


def test_moments_equal_numpy_on_the_rows():
    rows = frame()
    made = column_moments(opened(rows), "value", keys=("wave", "arm"))
    assert made.cells == tuple(sorted(set(zip(rows["wave"], rows["arm"], strict=True))))
    for i, (wave, arm) in enumerate(made.cells):
        cell = rows[(rows["wave"] == wave) & (rows["arm"] == arm)]["value"]
        known = cell.dropna().to_numpy()
        assert (made.persons[i], made.n[i], made.observed[i]) == (len(cell), len(known), len(known))
        np.testing.assert_allclose(made.mean[i], known.mean(), rtol=1e-13)
        np.testing.assert_allclose(made.variance[i], known.var(ddof=1), rtol=1e-12)
        np.testing.assert_allclose(made.cubes[i], ((known - known.mean()) ** 3).sum(), rtol=1e-10)


def test_every_engine_gives_the_same_bytes(table_kind):
    rows = frame(1)
    plain = column_moments(opened(rows), "value", keys=("wave", "arm"))
    made = column_moments(opened(table_kind(rows)), "value", keys=("wave", "arm"))
    assert made.cells == plain.cells
    for name in ("persons", "n", "mean", "squares", "cubes"):
        assert getattr(made, name).tobytes() == getattr(plain, name).tobytes()


def test_the_order_of_rows_changes_no_byte():
    rows = frame(2)
    first = column_moments(opened(rows), "value", keys=("arm",))
    second = column_moments(opened(rows.sample(frac=1, random_state=4)), "value", keys=("arm",))
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.squares.tobytes() == second.squares.tobytes()


def test_polars_nan_is_an_empty_value():
    polars = pytest.importorskip("polars")
    data = polars.DataFrame({"arm": ["a", "a", "a"], "value": [1.0, float("nan"), None]})
    made = column_moments(opened(data), "value", keys=("arm",))
    assert (made.persons[0], made.n[0], made.mean[0]) == (3, 1, 1.0)


def test_zero_and_cap_change_the_values_that_count():
    data = pd.DataFrame({"arm": ["a"] * 3, "value": [2.0, 10.0, np.nan]})
    made = column_moments(opened(data), "value", keys=("arm",), zero=True, cap=5.0)
    assert (made.n[0], made.observed[0]) == (3, 2)
    assert made.mean[0] == pytest.approx(7 / 3, rel=1e-15)


def test_large_means_keep_their_variance():
    data = pd.DataFrame({"arm": ["a"] * 4, "value": [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]})
    assert column_moments(opened(data), "value", keys=("arm",)).variance[0] == pytest.approx(30.0, rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 59))
def test_merged_moments_equal_those_of_all_rows(seed, cut):
    rows = frame(seed, n=60)
    whole = column_moments(opened(rows), "value", keys=("wave", "arm"))
    parts = [column_moments(opened(part), "value", keys=("wave", "arm")) for part in (rows[:cut], rows[cut:])]
    merged = merge_moments(*parts)
    assert merged.cells == whole.cells
    np.testing.assert_array_equal(merged.n, whole.n)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-11)
    np.testing.assert_allclose(merged.squares, whole.squares, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(merged.cubes, whole.cubes, rtol=1e-8, atol=1e-6 * np.abs(whole.cubes).max())


def test_moments_by_other_keys_do_not_merge():
    first, second = (column_moments(opened(frame()), "value", keys=keys) for keys in (("arm",), ("wave", "arm")))
    with pytest.raises(at.InputError, match="cannot be merged"):
        merge_moments(first, second)


# --- cost moments --------------------------------------------------------------------------------


def test_cost_moments_equal_numpy_on_the_rows(table_kind):
    rows = frame(3).assign(segment=lambda t: np.where(t["value"] > 0, "rich", "poor"))
    made = cost_moments(table_kind(rows), strata="wave", by="segment")
    assert len(made.arm) == len(set(zip(rows["segment"], rows["wave"], rows["arm"], strict=True)))
    for i, (segment, wave, arm) in enumerate(zip(made.segment, made.stratum, made.arm, strict=True)):
        cell = rows[(rows["segment"] == segment) & (rows["wave"] == wave) & (rows["arm"] == arm)]
        assert (made.n[i], made.woken[i]) == (len(cell), cell["woken"].sum())
        for event, mean, variance in (
            (True, made.mean_woken[i], made.variance_woken[i]), (False, made.mean_other[i], made.variance_other[i])
        ):  # fmt: skip
            cost = cell.loc[cell["woken"] == event, "cost"].to_numpy()
            np.testing.assert_allclose(mean, cost.mean() if len(cost) else np.nan, rtol=1e-12)
            np.testing.assert_allclose(variance, cost.var(ddof=1) if len(cost) > 1 else np.nan, rtol=1e-10)


def test_cost_moments_without_segments_have_none():
    made = cost_moments(frame(4))
    assert made.segment == (None,) * 3
    assert made.stratum == (None,) * 3
    assert made.arm == ("full", "holdout", "sms")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cost": None}, "MISSING_COLUMN"),
        ({"cost": [np.nan, 1.0]}, "NULL_VALUE"),
        ({"cost": [np.inf, 1.0]}, "NOT_FINITE"),
        ({"woken": [np.nan, 1.0]}, "NULL_VALUE"),
        ({"woken": [2.0, 1.0]}, "NOT_BINARY"),
        ({"woken": ["yes", "no"]}, "WRONG_TYPE"),
        ({"arm": ["a", None]}, "NULL_KEY"),
    ],
)
def test_unusable_costs_are_refused(change, code):
    good = {"arm": ["a", "b"], "woken": [0, 1], "cost": [1.0, 2.0]}
    data = {name: column for name, column in {**good, **change}.items() if column is not None}
    with pytest.raises(at.TableError, match=code):
        cost_moments(pd.DataFrame(data))
