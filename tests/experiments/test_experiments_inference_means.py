"""Comparisons of two means against R and SciPy; the strata by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_ind_from_stats

from attribution.core.errors import InputError
from experiments.inference.means import compare_means, compare_stratified_means

REFERENCES = json.loads((Path(__file__).parents[1] / "references/means/r_welch.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", REFERENCES["expected"], ids=lambda row: f"{row['case']} {row['side']} {row['level']}")
def test_base_r(row):
    found = compare_means(*row["case"], side=row["side"], level=row["level"]).difference
    for number, wanted, open_end in ((found.low, row["low"], -math.inf), (found.high, row["high"], math.inf)):
        assert number == (open_end if wanted is None else pytest.approx(wanted, rel=1e-9, abs=1e-11))
    assert found.p_value == pytest.approx(row["p"], rel=1e-8)


def test_scipy_far_in_the_tail():
    found = compare_means(12.0, 3.0, 4000, 10.0, 2.0, 900)
    wanted = ttest_ind_from_stats(12.0, 3.0, 4000, 10.0, 2.0, 900, equal_var=False).pvalue
    assert 0 < wanted < 1e-80
    assert found.difference.p_value == pytest.approx(wanted, rel=1e-9)
    assert (found.difference.n, found.difference.method) == (4900, "welch")


def test_relative_lift_inverts_the_same_t():
    """At each end phi of the lift, mean - phi control_mean lies exactly one t quantile from 0."""
    m, s, n, m0, s0, n0 = 12.0, 9.0, 60, 8.0, 12.0, 45
    found = compare_means(m, s, n, m0, s0, n0)
    v, v0 = s * s / n, s0 * s0 / n0
    df = (v + v0) ** 2 / (v * v / (n - 1) + v0 * v0 / (n0 - 1))
    quantile = student.isf(0.025, df)
    for end in (found.relative.low + 1, found.relative.high + 1):
        assert abs(m - end * m0) / math.sqrt(v + end * end * v0) == pytest.approx(quantile, rel=1e-10)
    assert found.relative.value == pytest.approx(0.5)


def test_a_base_not_wholly_above_zero_has_no_lift():
    for control_mean in (-5.0, 0.0, 1.0):
        found = compare_means(12.0, 9.0, 60, control_mean, 12.0, 45).relative
        assert (found.value, found.low, found.high, found.p_value, found.note) == (None,) * 4 + ("BASE_NOT_POSITIVE",)


def test_no_variance_and_single_persons_are_said_not_guessed():
    flat = compare_means(3.0, 0.0, 10, 2.0, 0.0, 10)
    assert (flat.difference.value, flat.difference.low, flat.difference.p_value) == (1.0, None, None)
    assert flat.difference.note == flat.relative.note == "ZERO_VARIANCE"
    single = compare_means(3.0, None, 1, 2.0, 1.0, 10)
    assert (single.difference.value, single.difference.high, single.difference.note) == (1.0, None, "TOO_FEW_PERSONS")
    one_flat = compare_means(3.0, 0.0, 10, 2.0, 1.0, 10).difference
    assert one_flat.p_value == pytest.approx(2 * student.sf(math.sqrt(10), 9), rel=1e-10)


def test_strata_by_hand():
    mean, var, n = np.array([10.0, 20.0, 3.0]), np.array([9.0, 16.0, 1.0]), np.array([50, 40, 7])
    mean0, var0, n0 = np.array([9.0, 18.0, 3.5]), np.array([8.0, 20.0, 2.0]), np.array([20, 60, 9])
    w = (n + n0) / (n + n0).sum()
    found = compare_stratified_means(mean, var, n, mean0, var0, n0)
    assert found.difference.value == pytest.approx(float(w @ (mean - mean0)), rel=1e-13)
    parts = np.concatenate([w**2 * var / n, w**2 * var0 / n0])
    se = math.sqrt(parts.sum())
    df = parts.sum() ** 2 / np.sum(parts**2 / (np.concatenate([n, n0]) - 1))
    assert found.difference.standard_error == pytest.approx(se, rel=1e-13)
    assert found.difference.low == pytest.approx(found.difference.value - student.isf(0.025, df) * se, rel=1e-10)
    assert found.relative.value == pytest.approx(float(w @ mean / (w @ mean0)) - 1, rel=1e-12)
    given = compare_stratified_means(mean, var, n, mean0, var0, n0, weights=w * 7)
    assert given.difference.low == pytest.approx(found.difference.low, rel=1e-13)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_one_stratum_is_the_plain_comparison(side):
    plain = compare_means(12.0, 9.0, 60, 8.0, 12.0, 45, side=side)
    single = compare_stratified_means([12.0], [81.0], [60], [8.0], [144.0], [45], side=side)
    for reading in ("difference", "relative"):
        a, b = getattr(plain, reading), getattr(single, reading)
        assert (a.value, a.low, a.high, a.p_value, a.method) == (b.value, b.low, b.high, b.p_value, b.method)


def test_scale_of_money_does_not_matter():
    small = compare_means(1.2e-150, 1e-150, 60, 1e-150, 1e-150, 45).relative
    large = compare_means(1.2e150, 1e150, 60, 1e150, 1e150, 45).relative
    plain = compare_means(1.2, 1, 60, 1, 1, 45).relative
    for found in (small, large):
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"std": -1.0}, "std must be finite and 0 or more"),
        ({"mean": math.nan}, "mean must be finite"),
        ({"n": 2.5}, "n must be whole numbers of 1 or more"),
        ({"control_n": 0}, "control_n must be whole numbers"),
        ({"control_std": math.inf}, "control_std must be finite"),
        ({"mean": "ten"}, "mean must be a number"),
        ({"n": [3, 4]}, "one entry per stratum"),
        ({"n": 0, "control_n": 0}, "2 problems"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"mean": 12.0, "std": 9.0, "n": 60, "control_mean": 8.0, "control_std": 12.0, "control_n": 45} | change
    with pytest.raises(InputError, match=message):
        compare_means(**arguments)


def test_bad_strata_are_refused():
    with pytest.raises(InputError, match="same strata"):
        compare_stratified_means([1, 2], [1, 1], [5, 5], [1], [1], [5])
    with pytest.raises(InputError, match="weights must be"):
        compare_stratified_means([1, 2], [1, 1], [5, 5], [1, 2], [1, 1], [5, 5], weights=[0, 0])
