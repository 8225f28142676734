"""The skewness-corrected score: outside numbers, coherence, both tails by exact enumeration."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import attribution as at
import experiments as ex
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.score import Tables, difference_statistic
from experiments.inference.skewed_score import skewed_difference_statistic

REFERENCE = json.loads((Path(__file__).parents[1] / "references/rates/skewed_score.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFERENCE["expected"], ids=str)
def test_ratesci(case):
    made = ex.compare_rates(*case["table"], method="skewed_score", level=case["level"])
    found, shift = (made.difference, 0.0) if case["contrast"] == "difference" else (made.relative, 1.0)
    close = {"rel": REFERENCE["rtol"], "abs": REFERENCE["atol"]}
    assert found.low + shift == pytest.approx(case["low"], **close)
    assert found.high + shift == (math.inf if case["high"] is None else pytest.approx(case["high"], **close))
    assert found.p_value == pytest.approx(case["p"], rel=1e-6)


@pytest.mark.parametrize("level", [0.85, 0.95, 0.999])
@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_the_interval_excludes_no_effect_exactly_when_p_is_small(level, side):
    stream = np.random.default_rng(5)
    for _ in range(60):
        n, m = int(stream.integers(2_001, 9_000)), int(stream.integers(2, 300))
        made = ex.compare_rates(
            int(stream.binomial(n, 0.01)), n, int(stream.binomial(m, 0.01)), m, method="skewed_score", level=level,
            side=side,
        )  # fmt: skip
        small = made.difference.p_value < 1 - level
        assert (not made.difference.contains(0.0)) == small
        assert (not made.relative.contains(0.0)) == small


def likely(size, p):
    """The counts that hold all but a ten-millionth of each tail."""
    low, high = stats.binom.ppf([1e-7, 1 - 1e-7], size, p).astype(int)
    return np.arange(max(0, low - 1), min(size, high + 1) + 1)


def table(x, n, y, m):
    """One stratum as the statistics take it."""
    columns = {"hits": x, "n": n, "control_hits": y, "control_n": m, "weights": 1.0}
    return Tables(**{name: np.array([float(value)]) for name, value in columns.items()})


def test_swapping_the_arms_turns_the_difference():
    one = ex.compare_rates(12, 900, 1, 100, method="skewed_score").difference
    other = ex.compare_rates(1, 100, 12, 900, method="skewed_score").difference
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-12)


def test_equal_arms_need_no_correction_at_no_effect():
    plain = ex.compare_rates(30, 500, 18, 500)
    corrected = ex.compare_rates(30, 500, 18, 500, method="skewed_score")
    assert corrected.difference.p_value == pytest.approx(plain.difference.p_value, rel=1e-12)


@pytest.mark.parametrize(("n", "m", "p"), [(1_800, 200, 0.05), (4_500, 500, 0.02)])
def test_each_tail_is_nearer_to_its_level_than_without_correction(n, m, p):
    """All tables that matter, with their probabilities: false rejections upwards and downwards at 2.5 % each."""
    hits, base = (likely(size, p) for size in (n, m))
    weight = np.outer(stats.binom.pmf(hits, n, p), stats.binom.pmf(base, m, p))
    tails = {}
    for name, statistic in (("score", difference_statistic), ("skewed_score", skewed_difference_statistic)):
        z = np.array([[statistic(table(x, n, y, m), 0.0) for y in base] for x in hits])
        tails[name] = (weight[z > 1.959964].sum(), weight[z < -1.959964].sum())
    worst = {method: max(abs(tail - 0.025) for tail in pair) for method, pair in tails.items()}
    assert worst["skewed_score"] < worst["score"]
    assert worst["skewed_score"] < 0.006


def test_strata_of_weight_one_are_the_plain_comparison():
    one = compare_stratified_rates([60], [9_000], [3], [1_000], method="skewed_score")
    assert one.difference.low == ex.compare_rates(60, 9_000, 3, 1_000, method="skewed_score").difference.low
    two = compare_stratified_rates([60, 5], [9_000, 90], [3, 1], [1_000, 30], method="skewed_score")
    assert two.difference.method == "stratified skewed_score"
    assert (not two.difference.contains(0.0)) == (two.difference.p_value < 0.05)


def test_the_middle_is_refused():
    with pytest.raises(at.InputError, match="tails of at most 15 %"):
        ex.compare_rates(12, 900, 1, 100, method="skewed_score", level=0.5)
    assert ex.compare_rates(12, 900, 1, 100, method="skewed_score", level=0.85, side="less").difference.p_value > 0


def test_other_methods_have_no_strata():
    with pytest.raises(at.InputError, match="over strata"):
        compare_stratified_rates([1, 1], [9, 9], [1, 1], [9, 9], method="wald")


def test_the_readout_takes_it():
    metric = ex.Rate("woken", method="skewed_score")
    arms, woken = [*["sms"] * 900, *["holdout"] * 100], [*[1] * 31, *[0] * 969]
    rows = {"person_id": range(1_000), "arm": arms, "woken": woken}
    readout = ex.Experiment({"woken": metric}).analyze(pd.DataFrame(rows))
    row = readout.table().iloc[0]
    assert row["method"] == "skewed_score"
    assert row["low"] == ex.compare_rates(31, 900, 0, 100, method="skewed_score").difference.low
    with pytest.raises(at.InputError, match="method must be"):
        ex.Rate("woken", method="wald")
