"""Net benefit at a threshold: against multiple precision, against the rates' score interval, and its invariances."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attribution.core.errors import InputError
from attribution.core.randomness import generator
from experiments.inference.rates import compare_rates
from experiments.inference.score import Tables, difference_limit, difference_statistic
from experiments.inference.tails import p_value
from experiments.roi.arms import ArmCosts, few_events
from experiments.roi.constrained import constrained_pair
from experiments.roi.net_benefit import net_benefit
from oracles import net_benefit as oracle

Z = 1.959963984540054
REFERENCES = sorted((Path(__file__).parents[1] / "references" / "net_benefit").glob("*.json"))


def arm(n, woken, cw=0.0, co=0.0, vw=0.0, vo=0.0):
    return ArmCosts(
        n=n, woken=woken, cost_mean_woken=cw, cost_mean_other=co, cost_variance_woken=vw, cost_variance_other=vo
    )


def of_dict(values):
    return arm(values["n"], values["woken"], values["cw"], values["co"], values["vw"], values["vo"])


@st.composite
def arms(draw, largest=400):
    n = draw(st.integers(2, largest))
    amount = st.floats(0, 50).map(lambda x: round(x, 2))
    return arm(n, draw(st.integers(0, n)), draw(amount), draw(amount), draw(amount), draw(amount))


# --- against independent computation ----------------------------------------------------------------


def test_references_exist():
    assert len(REFERENCES) >= 5


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_interval_equals_multiple_precision(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    inputs, expected = case["inputs"], case["expected"]
    found = net_benefit(
        [of_dict(inputs["treated"])], [of_dict(inputs["control"])], inputs["threshold"], level=inputs["level"]
    )
    for name in ("value", "low", "high"):
        assert getattr(found, name) == pytest.approx(expected[name], rel=case["rtol"], abs=case["atol"])


@pytest.mark.parametrize("seed", range(6))
def test_constrained_rates_equal_a_ternary_search(seed):
    rng = generator(seed, "constrained rates")
    n1, n0 = (int(x) for x in rng.integers(5, 3000, 2))
    one = {"n": n1, "woken": int(rng.binomial(n1, rng.uniform(0, 0.2))), "cw": rng.uniform(0, 90), "co": 1.0}
    two = {"n": n0, "woken": int(rng.binomial(n0, rng.uniform(0, 0.2))), "cw": rng.uniform(0, 90), "co": 0.5}
    slopes = (50 - one["cw"] + one["co"], 50 - two["cw"] + two["co"])
    b = float(oracle.estimate(one, two, 50.0)) + rng.normal(0, 0.5)
    expected = oracle.constrained(one, two, 50.0, b)
    found = constrained_pair((one["woken"], n1), (two["woken"], n0), slopes, b + one["co"] - two["co"])
    assert found == pytest.approx([float(p) for p in expected], rel=1e-9, abs=1e-12)


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(30, 900),
    st.integers(30, 900),
    st.floats(1e-3, 1e3),
    st.floats(0, 100),
    st.floats(0, 100),
    st.sampled_from([0.8, 0.95, 0.999]),
)
def test_constant_costs_give_the_score_interval_of_the_rate_difference(  # noqa: PLR0917
    x1, x0, n1, n0, threshold, c1, c0, level
):
    z = {0.8: 1.2815515655446004, 0.95: Z, 0.999: 3.2905267314919255}[level]
    tables = Tables(
        hits=np.array([float(x1)]),
        n=np.array([float(n1)]),
        control_hits=np.array([float(x0)]),
        control_n=np.array([float(n0)]),
        weights=np.ones(1),
    )
    found = net_benefit([arm(n1, x1, c1, c1)], [arm(n0, x0, c0, c0)], threshold, level=level)
    size = threshold + c1 + c0
    assert found.low == pytest.approx(threshold * difference_limit(tables, z) - (c1 - c0), rel=0, abs=1e-11 * size)
    assert found.high == pytest.approx(threshold * difference_limit(tables, -z) - (c1 - c0), rel=0, abs=1e-11 * size)


def test_strata_of_constant_costs_give_the_stratified_score_interval():
    rows = [(240, 15000, 24, 3000), (30, 1500, 2, 300), (3, 1500, 1, 300)]
    columns = np.array(rows, dtype=float).T
    persons = columns[1] + columns[3]
    tables = Tables(
        hits=columns[0], n=columns[1], control_hits=columns[2], control_n=columns[3], weights=persons / persons.sum()
    )
    # 30 yuan for each woken person in both arms: T counts as 85 - 30, and each stratum has its own cost of touching.
    treated = [arm(n, x, 32.0 + i, 2.0 + i) for i, (x, n, _, _) in enumerate(rows)]
    control = [arm(n, x, 30.0, 0.0) for _, _, x, n in rows]
    found = net_benefit(treated, control, 85.0)
    cost = float(np.sum(tables.weights * np.array([2.0, 3.0, 4.0])))
    assert found.low == pytest.approx(55 * difference_limit(tables, Z) - cost, abs=1e-10)
    assert found.high == pytest.approx(55 * difference_limit(tables, -Z) - cost, abs=1e-10)
    free = net_benefit([arm(a.n, a.woken) for a in treated], [arm(a.n, a.woken) for a in control], 1.0)
    assert free.p_value == pytest.approx(p_value(difference_statistic(tables, 0.0), "two"), rel=1e-10)


def test_splitting_into_equal_strata_keeps_the_estimate():
    one, two = arm(3000, 60, 31, 1, 4, 1), arm(600, 6, 29, 0, 4, 0)
    whole = net_benefit([arm(6000, 120, 31, 1, 4, 1)], [arm(1200, 12, 29, 0, 4, 0)], 85.0)
    halves = net_benefit([one, one], [two, two], 85.0)
    assert halves.value == pytest.approx(whole.value, rel=1e-12)
    # Same rates everywhere: only the N / (N - 1) factors differ.
    assert halves.low == pytest.approx(whole.low, rel=1e-3)
    assert halves.high == pytest.approx(whole.high, rel=1e-3)


def test_plugin_is_the_normal_interval_of_the_sample():
    rng = generator(0, "plug-in rows")
    rows = []
    for n, rate in ((400, 0.2), (300, 0.1)):
        woken = rng.random(n) < rate
        rows.append(np.column_stack([woken, rng.gamma(2.0, 1.0, n) + 10.0 * woken]))
    found = net_benefit(*[[summary(part)] for part in rows], 40.0, variance="plugin")
    net = [40.0 * part[:, 0] - part[:, 1] for part in rows]
    error = math.sqrt(sum(x.var(ddof=1) / len(x) for x in net))
    value = net[0].mean() - net[1].mean()
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.standard_error == pytest.approx(error, rel=1e-12)
    assert found.low == pytest.approx(value - Z * error, rel=1e-12)


def summary(rows):
    woken = rows[:, 0] == 1
    parts = rows[woken, 1], rows[~woken, 1]
    return arm(len(rows), int(woken.sum()), *(x.mean() for x in parts), *(x.var(ddof=1) for x in parts))


# --- invariances ------------------------------------------------------------------------------------


def ends(estimate):
    return [estimate.value, estimate.low, estimate.high]


def changed(a, *, unit=1.0, plus=0.0):
    return arm(
        a.n,
        a.woken,
        a.cost_mean_woken * unit + plus,
        a.cost_mean_other * unit + plus,
        a.cost_variance_woken * unit**2,
        a.cost_variance_other * unit**2,
    )


@given(arms(), arms(), st.floats(0, 200), st.sampled_from([0.01, 7.0, 1000.0]))
def test_another_unit_of_money_scales_everything(one, two, threshold, unit):
    before = net_benefit([one], [two], threshold)
    after = net_benefit([changed(one, unit=unit)], [changed(two, unit=unit)], threshold * unit)
    assert ends(after) == pytest.approx([unit * x for x in ends(before)], rel=1e-7, abs=1e-9 * unit)


@given(arms(), arms(), st.integers(0, 200), st.sampled_from([1.0, 64.0]))
def test_the_same_cost_added_to_both_arms_changes_nothing(one, two, threshold, plus):
    before = net_benefit([one], [two], threshold)
    after = net_benefit([changed(one, plus=plus)], [changed(two, plus=plus)], threshold)
    assert ends(after) == pytest.approx(ends(before), rel=1e-7, abs=1e-8)


@given(arms(), arms(), st.floats(0, 200), st.sampled_from(["score", "plugin"]))
def test_swapping_the_arms_mirrors(one, two, threshold, variance):
    ahead = net_benefit([one], [two], threshold, variance=variance)
    back = net_benefit([two], [one], threshold, variance=variance)
    assert [back.value, back.high, back.low] == pytest.approx([-x for x in ends(ahead)], rel=1e-8, abs=1e-9)
    assert back.p_value == pytest.approx(ahead.p_value, rel=1e-6)


@given(
    st.lists(st.tuples(arms(), arms()), min_size=1, max_size=3),
    st.floats(0, 200),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
    st.sampled_from(["two", "greater", "less"]),
    st.sampled_from(["score", "plugin"]),
)
def test_the_interval_excludes_zero_exactly_when_p_is_small(pairs, threshold, level, side, variance):
    treated, control = zip(*pairs, strict=True)
    found = net_benefit(treated, control, threshold, level=level, side=side, variance=variance)
    assume(abs(found.p_value - (1 - level)) > 1e-6)
    assert (found.p_value < 1 - level) == (found.low > 0 or found.high < 0)
    # p is the smallest alpha whose interval excludes 0; a one-sided level below 0.5 bounds from the other side.
    assume(1e-6 < found.p_value < (1 if side == "two" else 0.5) - 1e-6)
    for factor, outside in ((1 - 1e-7, False), (1 + 1e-7, True)):
        edge = net_benefit(treated, control, threshold, level=1 - factor * found.p_value, side=side, variance=variance)
        assert (edge.low > 0 or edge.high < 0) is outside


@given(st.lists(st.tuples(arms(), arms()), min_size=1, max_size=3), st.floats(0, 200))
def test_intervals_are_nested_in_the_level(pairs, threshold):
    treated, control = zip(*pairs, strict=True)
    found = [net_benefit(treated, control, threshold, level=level) for level in (0.5, 0.8, 0.95, 0.999)]
    slack = 1e-9 * (found[-1].high - found[-1].low + 1)
    for inner, outer in pairwise(found):
        assert outer.low <= inner.low + slack
        assert inner.high <= outer.high + slack
        assert inner.low - slack <= inner.value <= inner.high + slack


@given(arms(), arms(), st.floats(0, 200))
def test_no_value_outside_the_interval_is_kept_and_none_inside_rejected(one, two, threshold):
    """The statistic at b is that of 0 after b has been added to the treated arm's costs."""
    found = net_benefit([one], [two], threshold)
    width = found.high - found.low
    assume(width > 1e-6)
    for share in (0.02, 0.3, 0.7, 0.98):
        b = found.low + share * width
        assert net_benefit([changed(one, plus=b)], [two], threshold).p_value > 0.05 - 1e-9
    for b in (found.low - 0.02 * width, found.high + 0.02 * width, found.high + width):
        assert net_benefit([changed(one, plus=b)], [two], threshold).p_value < 0.05 + 1e-9


def test_one_sided_bounds_are_the_two_sided_ends_of_the_matching_level():
    one, two = arm(5000, 90, 31, 1, 4, 1), arm(900, 9, 29, 0, 4, 0)
    both = net_benefit([one], [two], 85.0, level=0.9)
    low = net_benefit([one], [two], 85.0, level=0.95, side="greater")
    high = net_benefit([one], [two], 85.0, level=0.95, side="less")
    assert (low.low, low.high) == (pytest.approx(both.low, rel=1e-12), math.inf)
    assert (high.low, high.high) == (-math.inf, pytest.approx(both.high, rel=1e-12))


# --- edges ------------------------------------------------------------------------------------------


def test_a_p_value_is_never_zero():
    found = net_benefit([arm(10**6, 500_000, 1.0, 1.0)], [arm(10**6, 1000)], 85.0)
    assert found.low > 0.0
    assert 0.0 < 0.5 * found.p_value < 1e-300
    plugin = net_benefit([arm(10**6, 500_000, 1.0, 1.0)], [arm(10**6, 1000)], 85.0, variance="plugin")
    assert plugin.p_value == found.p_value
    assert net_benefit([arm(50, 0, 0.0, 2.0)], [arm(50, 0)], 0.0).p_value > 0.0


def test_no_woken_customer_anywhere_still_has_limits():
    found = net_benefit([arm(1500, 0, 0, 2.0, 0, 0.0)], [arm(300, 0)], 85.0)
    assert found.value == -2.0
    assert found.low < -2.0 < found.high
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
    assert found.note == "FEW_EVENTS; WOKEN_COST_ASSUMED"


def test_an_arm_without_woken_takes_the_cost_of_waking_from_the_other():
    treated, control = arm(2000, 40, 32.0, 2.0, 9.0, 0.0), arm(500, 0, math.nan, 0.5, math.nan, 0.0)
    found = net_benefit([treated], [control], 85.0)
    given = net_benefit([treated], [arm(500, 0, 99.0, 0.5, 99.0, 0.0)], 85.0)
    assert "WOKEN_COST_POOLED" in found.note
    assert ends(found) == ends(given)
    # Touch costs of the treated do not leak into the control: waking costs 30 more in both arms, so T counts as 55.
    assert found.value == pytest.approx(55.0 * 0.02 - 1.5, rel=1e-12)


def test_few_events_counts_over_strata():
    assert few_events([arm(100, 15), arm(100, 15)], [arm(100, 15), arm(100, 4)])
    assert not few_events([arm(100, 15), arm(100, 15)], [arm(100, 15), arm(100, 5)])
    assert net_benefit([arm(100, 20)], [arm(100, 20)], 5.0).note == ""


def test_a_threshold_equal_to_the_cost_of_waking_leaves_the_touch_costs():
    found = net_benefit([arm(2000, 40, 61.0, 1.0, 0.0, 4.0)], [arm(500, 6, 60.0, 0.0, 0.0, 1.0)], 60.0)
    assert found.value == pytest.approx(-1.0, rel=1e-12)
    error = math.sqrt((0.98 * 4.0 / 2000 + 0.988 * 1.0 / 500) * 2500 / 2499)
    assert found.low == pytest.approx(-1.0 - Z * error, rel=1e-9)
    assert found.high == pytest.approx(-1.0 + Z * error, rel=1e-9)


@pytest.mark.parametrize("offset", [1e-6, -1e-6, 1e-3, -1e-3])
def test_near_the_cost_of_waking_the_variance_within_groups_is_not_lost(offset):
    """A threshold next to the cost of waking must not decide with a variance that no rate near the estimate has."""
    pair = [arm(2000, 40, 61.0, 1.0, 0.0, 4.0)], [arm(500, 6, 60.0, 0.0, 0.0, 1.0)]
    at, near = net_benefit(*pair, 60.0), net_benefit(*pair, 60.0 + offset)
    assert near.high - near.low >= 0.98 * (at.high - at.low)


def test_every_arm_needs_a_stratum():
    with pytest.raises(InputError, match="same strata"):
        net_benefit([arm(10, 1)], [], 1.0)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"threshold": -1.0}, "threshold must be a finite amount"),
        ({"threshold": math.inf}, "undecided_thresholds"),
        ({"threshold": 1.0, "weights": [-1.0]}, "weights must be finite"),
        ({"threshold": 1.0, "weights": [1.0, 1.0]}, "one entry per stratum"),
        ({"threshold": 1.0, "level": 95}, "level must lie strictly"),
        ({"threshold": 1.0, "side": "both"}, "side must be"),
        ({"threshold": 1.0, "variance": "robust"}, "variance must be"),
    ],
)
def test_wrong_options_are_named(keywords, message):
    with pytest.raises(InputError, match=message):
        net_benefit([arm(10, 1)], [arm(10, 1)], **keywords)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 10, "woken": 11}, "0 <= woken <= n"),
        ({"n": 0, "woken": 0}, "n >= 1"),
        ({"n": 10.5, "woken": 1}, "n must be a whole number"),
        ({"n": 10, "woken": True}, "woken must be a whole number"),
        ({"n": 10, "woken": 3}, "cost_mean_woken must be a finite amount"),
        (
            {"n": 10, "woken": 3, "cost_mean_woken": 1.0, "cost_variance_woken": -1.0},
            "cost_variance_woken must be finite",
        ),
    ],
)
def test_wrong_statistics_are_named(values, message):
    with pytest.raises(InputError, match=message):
        ArmCosts(**values)


def test_plugin_needs_two_persons():
    with pytest.raises(InputError, match="at least 2 persons"):
        net_benefit([arm(1, 1)], [arm(10, 1)], 1.0, variance="plugin")


def test_given_weights_are_scaled():
    pairs = [arm(1000, 30), arm(2000, 20)], [arm(300, 5), arm(500, 3)]
    a, b = (net_benefit(*pairs, 10.0, weights=w) for w in ([1.0, 3.0], [0.25, 0.75]))
    assert ends(a) == ends(b)
    assert a.value == pytest.approx(10 * (0.25 * (0.03 - 5 / 300) + 0.75 * (0.01 - 0.006)), rel=1e-12)


@pytest.mark.parametrize(("x1", "n1", "x0", "n0"), [(240, 15000, 8, 1600), (0, 900, 3, 100), (12, 40, 5, 30)])
def test_agrees_with_the_public_score_test_of_rates(x1, n1, x0, n0):
    rates = compare_rates(x1, n1, x0, n0).difference
    found = net_benefit([arm(n1, x1, 4.0, 4.0)], [arm(n0, x0, 4.0, 4.0)], 85.0)
    assert ends(found) == pytest.approx([85.0 * end for end in ends(rates)], rel=1e-10, abs=1e-10)
    assert found.p_value == pytest.approx(rates.p_value, rel=1e-9)
