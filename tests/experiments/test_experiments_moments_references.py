"""Moments by arm against R's mean, var and cov, and what must hold for any values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.randomness import generator
from attribution.core.tables import Problems, open_table
from experiments.metrics import inputs_of
from experiments.moments import merge_moments, metric_moments

FOLDER = Path(__file__).parents[1] / "references" / "moments"
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
NUMBERS = [
    (name, arm, what) for name, case in CASES.items() for arm, told in case["expected"].items() for what in told
]  # fmt: skip


def moments_of(data, metric, keys=("arm",)):
    table = open_table(pd.DataFrame(data), "outcomes", Columns(), problems=Problems())
    return metric_moments(table, {"y": inputs_of(metric)}, keys=keys)["y"]


@pytest.mark.parametrize(("name", "arm", "what"), NUMBERS)
def test_moments_are_those_of_r(name, arm, what):
    case = CASES[name]
    columns, cap = case["inputs"]["columns"], case["inputs"]["cap"]
    found = moments_of(columns, ex.Mean("y", covariate="x", cap=cap))
    ratio = moments_of(columns, ex.Ratio("y", "orders", cap=cap))
    i = found.index()[(arm,)]
    numbers = {
        "n": found.n[i], "mean": found.mean[i], "variance": found.variance[i], "mean_x": found.means[i, 1],
        "covariance": found.covariance[i, 0, 1], "variance_x": found.covariance[i, 1, 1],
        "covariance_z": found.covariance[i, 0, 2], "third": found.cubes[i], "low": found.smallest[i],
        "high": found.largest[i], "orders": ratio.means[i, 1], "cov_orders": ratio.covariance[i, 0, 1],
    }  # fmt: skip
    # Beside 1e9 a value keeps 9 digits behind the point at most: R rounds it as we do, and cubes triple the loss.
    rtol = 1e-6 if name == "shifted" else case["rtol"]
    assert numbers[what] == pytest.approx(case["expected"][arm][what], rel=rtol, abs=case["atol"])


values = st.lists(st.floats(-1e5, 1e5).map(lambda x: round(x, 2)), min_size=2, max_size=40)


@given(values, st.integers(-40, 40), st.integers(0, 2**32 - 1))
def test_a_power_of_two_as_unit_changes_nothing_but_the_exponent(listed, power, seed):
    data = {"arm": ["a", "b"] * len(listed), "y": listed + listed[::-1]}
    plain = moments_of(data, ex.Mean("y"))
    scaled = moments_of({**data, "y": np.ldexp(data["y"], power)}, ex.Mean("y"))
    assert scaled.mean.tolist() == np.ldexp(plain.mean, power).tolist()
    assert scaled.squares.tolist() == np.ldexp(plain.squares, 2 * power).tolist()
    rows = generator(seed, "test.order").permutation(2 * len(listed))
    shuffled = moments_of({name: np.asarray(column)[rows] for name, column in data.items()}, ex.Mean("y"))
    assert shuffled.products.tobytes() == plain.products.tobytes()


@given(values, values, values)
def test_merging_does_not_care_for_order_or_grouping(first, second, third):
    parts = [moments_of({"arm": "a", "y": listed}, ex.Mean("y")) for listed in (first, second, third)]
    one = merge_moments(merge_moments(parts[0], parts[1]), parts[2])
    other = merge_moments(parts[2], merge_moments(parts[1], parts[0]))
    whole = moments_of({"arm": "a", "y": first + second + third}, ex.Mean("y"))
    size = max(1e-3, float(whole.squares[0]))
    for merged in (one, other):
        assert merged.n[0] == whole.n[0]
        assert merged.mean[0] == pytest.approx(whole.mean[0], rel=1e-12, abs=1e-12 * np.sqrt(size))
        assert merged.squares[0] == pytest.approx(whole.squares[0], rel=1e-12, abs=1e-12)
        assert merged.cubes[0] == pytest.approx(whole.cubes[0], rel=1e-9, abs=1e-11 * size**1.5)
    assert (one.smallest[0], one.largest[0]) == (whole.smallest[0], whole.largest[0])


@given(values, values)
def test_swapping_the_arms_swaps_their_moments(first, second):
    found = moments_of({"arm": ["a"] * len(first) + ["b"] * len(second), "y": first + second}, ex.Mean("y"))
    swapped = moments_of({"arm": ["b"] * len(first) + ["a"] * len(second), "y": first + second}, ex.Mean("y"))
    assert found.products[::-1].tobytes() == swapped.products.tobytes()
    assert found.means[::-1].tobytes() == swapped.means.tobytes()
