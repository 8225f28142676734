"""Comparisons of two rates against published tables, R, statsmodels, SciPy and a numeric oracle."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from attribution.core.errors import InputError
from experiments.inference.counts import checked_tables
from experiments.inference.rates import compare_rates, compare_stratified_rates
from experiments.inference.score import constrained_difference, constrained_ratio, difference_statistic, ratio_statistic
from experiments.inference.tails import critical_value
from oracles import score_intervals

REFERENCES = Path(__file__).parents[1] / "references" / "rates"
Z = critical_value(0.95, "two")


def reference(name):
    loaded = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
    return [(row, loaded["rtol"], loaded["atol"]) for row in loaded["expected"]]


def near(found, wanted, rtol, atol):
    return np.allclose(found, wanted, rtol=rtol, atol=atol)


def ends(estimate, shift=0.0):
    return [estimate.low + shift, estimate.high + shift]


@pytest.mark.parametrize(("row", "rtol", "atol"), reference("published"), ids=lambda value: str(value)[:40])
def test_newcombes_published_table(row, rtol, atol):
    for method in ("score", "newcombe"):
        assert near(ends(compare_rates(*row["table"], method=method).difference), row[method], rtol, atol)


@pytest.mark.parametrize(("row", "rtol", "atol"), reference("contingency_tables"), ids=lambda value: str(value)[:60])
def test_printed_examples_of_a_textbook_package(row, rtol, atol):
    found = compare_rates(*row["table"], method=row["method"])
    if "ratio" in row:
        assert near(ends(found.relative, 1.0), row["ratio"], rtol, atol)
    if "difference" in row:
        assert near(ends(found.difference), row["difference"], rtol, atol)
    if "p" in row:
        assert near(found.difference.p_value, row["p"], rtol, atol)


@pytest.mark.parametrize(("row", "rtol", "atol"), reference("zero_control"), ids=lambda value: str(value)[:40])
def test_no_events_in_the_control_group(row, rtol, atol):
    found = compare_rates(*row["table"])
    assert near(ends(found.difference), row["difference"], rtol, atol)
    assert found.relative.value is None
    assert found.relative.high == math.inf
    assert found.relative.note.startswith("CONTROL_ZERO" if row["table"][0] else "BOTH_ZERO")
    if "newcombe" in row:
        assert near(ends(compare_rates(*row["table"], method="newcombe").difference), row["newcombe"], 2e-3, 1e-6)
    if "ratio_low" in row:
        assert near(found.relative.low + 1, row["ratio_low"], 0, 5e-5)
    if "p" in row:
        greater = compare_rates(*row["table"], side="greater")
        assert near(greater.relative.low + 1, row["ratio_low_one_sided"], 0, 5e-5)
        assert near(found.difference.p_value, row["p"], 0, 5e-5)
        assert f"Boschloo p = {row['boschloo']}" in found.difference.note
        for method in ("boschloo", "fisher"):
            assert near(compare_rates(*row["table"], method=method).difference.p_value, row[method], 0, 5.1e-5)


def test_no_events_at_all_leaves_everything_open_and_says_so():
    found = compare_rates(0, 500, 0, 500)
    assert (found.difference.value, found.difference.p_value) == (0.0, 1.0)
    assert ends(found.relative) == [-1.0, math.inf]
    assert compare_rates(0, 500, 0, 500, side="greater").difference.p_value == 0.5


def test_all_events_in_both_groups_has_a_finite_ratio():
    found = compare_rates(10, 10, 10, 10)
    assert (found.difference.p_value, found.relative.value) == (1.0, 0.0)
    assert -0.3 < found.relative.low < 0 < found.relative.high < 0.5


@pytest.mark.parametrize(("row", "rtol", "atol"), reference("r_tests"), ids=lambda value: str(value)[:50])
def test_base_r(row, rtol, atol):
    assert near(
        compare_rates(*row["table"], side=row["side"], method="fisher").difference.p_value, row["fisher"], rtol, atol
    )
    if row["wald"] and all(0 < row["table"][i] < row["table"][i + 1] for i in (0, 2)):
        # R cuts the interval at -1 and 1.
        assert near(
            np.clip(ends(compare_rates(*row["table"], method="wald").difference), -1, 1), row["wald"], rtol, atol
        )
    # R's pooled z has no N / (N - 1): put it back before comparing.
    persons = row["table"][1] + row["table"][3]
    z = difference_statistic(checked_tables(*row["table"]), 0.0) * math.sqrt(persons / (persons - 1))
    p = {"two": math.erfc(abs(z) / math.sqrt(2)), "greater": math.erfc(z / math.sqrt(2)) / 2}
    p["less"] = 1 - p["greater"]
    assert near(p[row["side"]], row["pooled_z_p"], 1e-7, 1e-10)


@pytest.mark.parametrize(("row", "rtol", "atol"), reference("statsmodels_intervals"), ids=lambda value: str(value)[:70])
def test_statsmodels_where_it_is_right(row, rtol, atol):
    method = {"newcomb": "newcombe", "agresti-caffo": "agresti_caffo"}.get(row["method"], row["method"])
    found = compare_rates(*row["table"], method=method, level=row["level"])
    got = ends(found.difference) if row["reading"] == "difference" else ends(found.relative, 1.0)
    assert near(got, [row["low"], row["high"]], rtol, atol)


ORACLE_TABLES = [(56, 70, 48, 80), (3, 500, 0, 500), (20, 9000, 4, 1000), (7, 7, 3, 9), (2, 9_000_000, 1, 1_000_000)]


@pytest.mark.parametrize("table", ORACLE_TABLES)
def test_constrained_rates_maximise_the_likelihood(table):
    tables = checked_tables(*table)
    for null in (-0.4, -1e-3, 1e-6, 0.02, 0.7):
        wanted = [float(rate) for rate in score_intervals.constrained(*table, null, "difference")]
        found = [float(rate[0]) for rate in constrained_difference(tables, null)]
        assert near(found, wanted, 1e-9, 1e-15)
    for null in (0.01, 0.8, 3.0):
        wanted = [float(rate) for rate in score_intervals.constrained(*table, null, "ratio")]
        assert near([float(rate[0]) for rate in constrained_ratio(tables, null)], wanted, 1e-9, 1e-15)


@pytest.mark.parametrize("table", ORACLE_TABLES)
def test_limits_solve_the_oracles_equation(table):
    """The oracle's statistic, evaluated at our limit, is the quantile (cheaper than inverting the oracle)."""
    found = compare_rates(*table)
    for limit, z in zip(ends(found.difference), (Z, -Z), strict=True):
        assert float(score_intervals.statistic([table], limit, "difference")) == pytest.approx(z, rel=1e-8)
    for limit, z in zip(ends(found.relative, 1.0), (Z, -Z), strict=True):
        if 0 < limit < math.inf:
            assert float(score_intervals.statistic([table], limit, "ratio")) == pytest.approx(z, rel=1e-7)


def test_oracle_inverted_once():
    low = score_intervals.limit([(56, 70, 48, 80)], Z, "difference", -0.5, 0.2)
    assert compare_rates(56, 70, 48, 80).difference.low == pytest.approx(low, abs=1e-13)


STRATA = [(30, 1000, 4, 250), (12, 300, 9, 310), (0, 40, 1, 60)]


@pytest.mark.parametrize("weights", [None, (0.2, 0.5, 0.3)])
def test_strata_solve_the_oracles_equation(weights):
    columns = list(zip(*STRATA, strict=True))
    found = compare_stratified_rates(*columns, weights=weights)
    assert found.difference.method == "stratified score"
    for limit, z in zip(ends(found.difference), (Z, -Z), strict=True):
        assert float(score_intervals.statistic(STRATA, limit, "difference", weights)) == pytest.approx(z, rel=1e-8)
    for limit, z in zip(ends(found.relative, 1.0), (Z, -Z), strict=True):
        assert float(score_intervals.statistic(STRATA, limit, "ratio", weights)) == pytest.approx(z, rel=1e-8)
    share = np.array([1250, 610, 100]) / 1960 if weights is None else np.array(weights)
    rate = float(share @ (np.array(columns[0]) / np.array(columns[1])))
    assert found.treatment == pytest.approx(rate, rel=1e-14)
    assert found.relative.value == pytest.approx(found.treatment / found.control - 1, rel=1e-13)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_one_stratum_is_the_plain_comparison(side):
    plain = compare_rates(56, 70, 48, 80, side=side, null=0.05)
    single = compare_stratified_rates([56], [70], [48], [80], side=side, null=0.05)
    for reading in ("difference", "relative"):
        a, b = getattr(plain, reading), getattr(single, reading)
        assert (a.value, a.low, a.high, a.p_value, a.n) == (b.value, b.low, b.high, b.p_value, b.n)


def test_order_of_strata_does_not_matter():
    columns = [list(column) for column in zip(*STRATA, strict=True)]
    turned = [column[::-1] for column in columns]
    a, b = compare_stratified_rates(*columns).difference, compare_stratified_rates(*turned).difference
    assert ends(a) == pytest.approx(ends(b), rel=1e-13)


def test_null_other_than_zero_uses_the_constrained_estimate_at_that_null():
    found = compare_rates(56, 70, 48, 80, null=0.1, side="greater").difference
    z = float(score_intervals.statistic([(56, 70, 48, 80)], 0.1, "difference"))
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)) / 2, rel=1e-9)


def test_sides_keep_only_their_end():
    greater, less = (compare_rates(56, 70, 48, 80, side=side) for side in ("greater", "less"))
    assert greater.difference.high == greater.relative.high == math.inf
    assert less.difference.low == less.relative.low == -math.inf
    ninety = compare_rates(56, 70, 48, 80, level=0.9)
    assert greater.difference.low == pytest.approx(ninety.difference.low, rel=1e-12)
    assert less.relative.high == pytest.approx(ninety.relative.high, rel=1e-12)


def test_huge_counts_and_tiny_rates():
    found = compare_rates(29, 10**8, 10, 10**8)
    assert 7e-8 < found.difference.low < found.difference.value < found.difference.high < 3.3e-7
    extreme = compare_rates(60_000_000, 10**8, 40_000_000, 10**8)
    assert extreme.difference.p_value == 0.0
    assert extreme.difference.low < 0.2 < extreme.difference.high
    assert 0 < compare_rates(5400, 10**5, 4000, 10**5).difference.p_value < 1e-40


@pytest.mark.parametrize("method", ["wald", "agresti_caffo"])
def test_a_base_that_may_be_zero_leaves_no_relative_lift(method):
    found = compare_rates(5, 50, 1, 50, method=method).relative
    assert (found.value, found.low, found.high, found.note) == (None, None, None, "BASE_NOT_POSITIVE")


def test_wald_without_variance_gives_no_interval_and_says_why():
    found = compare_rates(0, 500, 0, 500, method="wald")
    for estimate in (found.difference, found.relative):
        assert (estimate.low, estimate.high, estimate.p_value, estimate.note) == (None, None, None, "ZERO_VARIANCE")


def test_exact_methods_have_no_interval_and_say_why():
    found = compare_rates(56, 70, 48, 80, method="fisher").difference
    assert found.low is None
    assert found.note.startswith("NO_INTERVAL")
    with pytest.raises(InputError, match="tests a difference of 0 only"):
        compare_rates(56, 70, 48, 80, method="boschloo", null=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hits": 71}, r"hits must not exceed n, got 71 of 70"),
        ({"n": 0, "hits": 0}, r"n must be at least 1"),
        ({"hits": 1.5}, r"hits must be whole numbers"),
        ({"control_hits": math.nan}, r"control_hits must be whole numbers"),
        ({"control_n": -3}, r"control_n must be whole numbers"),
        ({"hits": "many"}, r"hits must be a whole number"),
        ({"hits": True}, r"hits must be a whole number"),
        ({"method": "chi2"}, r"method must be one of score"),
        ({"level": 95}, r"For 95 % write level=0.95"),
        ({"side": "both"}, r"side must be"),
        ({"null": 1.0}, r"null must lie strictly between -1 and 1"),
        ({"hits": 99, "control_hits": 99}, r"2 problems: \(1\) hits.*\(2\) control_hits"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"hits": 56, "n": 70, "control_hits": 48, "control_n": 80} | change
    with pytest.raises(InputError, match=message):
        compare_rates(**arguments)


def test_bad_strata_are_refused():
    with pytest.raises(InputError, match="one entry per stratum each"):
        compare_stratified_rates([1, 2], [10, 10], [1], [10])
    with pytest.raises(InputError, match="weights must be one finite number"):
        compare_stratified_rates([1, 2], [10, 10], [1, 1], [10, 10], weights=[1, -1])
    with pytest.raises(InputError, match="Use compare_stratified_rates"):
        compare_rates([1, 2], [10, 10], [1, 1], [10, 10])


def test_statistics_fall_in_the_tested_value():
    """Inversion is one interval only because the statistic falls; also over strata of very different size."""
    for columns in (
        [[3], [500], [0], [500]],
        [[30, 12, 0], [1000, 300, 40], [4, 9, 1], [250, 310, 60]],
        [[1, 0], [9, 4], [0, 5], [4, 9]],
    ):
        tables = checked_tables(*columns)
        differences = [difference_statistic(tables, delta) for delta in np.linspace(-0.999, 0.999, 401)]
        assert all(np.diff(differences) < 0)
        if tables.control_hits.sum() > 0:
            ratios = [ratio_statistic(tables, ratio) for ratio in np.geomspace(1e-6, 1e6, 401)]
            assert all(np.diff(ratios) < 0)
