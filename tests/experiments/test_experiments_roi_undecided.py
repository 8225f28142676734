"""Undecided thresholds: Fieller's set in plug-in mode, the same statistic as the net benefit in both modes, harm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attribution.core.randomness import generator
from experiments.roi.arms import ArmCosts
from experiments.roi.net_benefit import net_benefit
from experiments.roi.undecided import cost_per_incremental, undecided_thresholds
from oracles import net_benefit as oracle

Z = 1.959963984540054


def arm(n, woken, cw=0.0, co=0.0, vw=0.0, vo=0.0):
    return ArmCosts(
        n=n, woken=woken, cost_mean_woken=cw, cost_mean_other=co, cost_variance_woken=vw, cost_variance_other=vo
    )


def campaign(rng):
    """A random contrast: any sign of effect and cost, cheap or dear touches, coupons, free riders."""
    n1, n0 = int(rng.integers(200, 20_000)), int(rng.integers(100, 5_000))
    p0 = rng.uniform(0.005, 0.1)
    p1 = p0 * rng.uniform(0.6, 2.0)
    coupon, touch = rng.choice([0.0, 20.0, 60.0]), rng.uniform(-0.3, 3.0)
    return (
        arm(n1, max(2, int(rng.binomial(n1, p1))), coupon + touch, touch, rng.uniform(0, 60), rng.uniform(0, 4)),
        arm(n0, max(2, int(rng.binomial(n0, p0))), coupon * rng.random(), 0.0, rng.uniform(0, 60), rng.uniform(0, 0.5)),
    )


def sample_moments(one, two):
    """Rows are rebuilt from the statistics, so that the oracle sees data and not our sums."""
    rows = []
    for a in (one, two):
        parts = []
        for y, size, mean, variance in (
            (1, a.woken, a.cost_mean_woken, a.cost_variance_woken),
            (0, a.other, a.cost_mean_other, a.cost_variance_other),
        ):
            shape = np.linspace(-1.0, 1.0, size)
            cost = mean + shape * math.sqrt(variance / shape.var(ddof=1))
            parts.append(np.column_stack([np.full(size, float(y)), cost]))
        rows.append(np.concatenate(parts))
    return oracle.moments(*rows)


def test_plugin_is_fiellers_set_on_a_thousand_campaigns():
    rng = generator(0, "fieller campaigns")
    kinds = {}
    for _ in range(1000):
        one, two = campaign(rng)
        found = undecided_thresholds([one], [two], variance="plugin")
        pieces = oracle.fieller(*sample_moments(one, two), Z)
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
        if not pieces:
            assert (found.kind, found.low, found.high) == ("complement", -math.inf, math.inf)
        elif len(pieces) == 2:
            assert found.kind == "complement"
            assert (found.low, found.high) == pytest.approx((pieces[0][1], pieces[1][0]), rel=1e-9)
        else:
            assert found.kind == ("all" if pieces == [(0.0, math.inf)] else "interval")
            assert (found.low, found.high) == pytest.approx(pieces[0], rel=1e-9)
    assert set(kinds) == {"interval", "complement", "all"}
    assert min(kinds.values()) >= 10


@pytest.mark.parametrize("variance", ["score", "plugin"])
@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_membership_is_the_verdict_at_that_threshold(variance, side):
    rng = generator(1, "membership")
    for _ in range(40):
        one, two = campaign(rng)
        found = undecided_thresholds([one], [two], variance=variance, side=side)
        for threshold in (0.0, 5.0, 30.0, 85.0, 400.0, 5000.0):
            net = net_benefit([one], [two], threshold, variance=variance, side=side)
            assert found.contains(threshold) == (net.low <= 0.0 <= net.high), (found, threshold)


def test_membership_holds_with_strata():
    rng = generator(2, "membership with strata")
    for _ in range(15):
        treated, control = zip(*(campaign(rng) for _ in range(3)), strict=True)
        found = undecided_thresholds(treated, control)
        for threshold in (0.0, 30.0, 85.0, 400.0):
            net = net_benefit(treated, control, threshold)
            assert found.contains(threshold) == (net.low <= 0.0 <= net.high)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_membership_holds_where_one_arm_stands_next_to_its_cost_of_waking(side):
    rng = generator(3, "membership next to the cost of waking")
    kinds = set()
    for _ in range(12):
        one, two = campaign(rng)
        mark = 10 ** rng.uniform(0.5, 2)
        two = arm(two.n, two.woken, two.cost_mean_other + mark, two.cost_mean_other, 900.0, 0.01)
        found = undecided_thresholds([one], [two], side=side)
        kinds.add(found.kind)
        ends = [
            end * factor for end in (found.low, found.high) if 0 < end < math.inf for factor in (1 - 1e-6, 1 + 1e-6)
        ]
        for threshold in (mark - 0.01, mark, mark + 1e-6, mark + 0.1, mark + 5, *ends):
            net = net_benefit([one], [two], threshold, side=side)
            assert found.contains(threshold) == (net.low <= 0.0 <= net.high), (found, threshold)
            assert (net.low <= 0.0 <= net.high) == (net.p_value >= 0.05)
    assert "interval" in kinds


def test_at_the_ends_the_interval_touches_zero():
    one, two = arm(15000, 240, 30.1, 0.1, 40.0, 0.0), arm(3000, 24, 20.0, 0.0, 100.0, 0.0)
    found = undecided_thresholds([one], [two])
    assert found.kind == "interval"
    assert net_benefit([one], [two], found.low).high == pytest.approx(0.0, abs=1e-9)
    assert net_benefit([one], [two], found.high).low == pytest.approx(0.0, abs=1e-9)
    assert net_benefit([one], [two], found.value).value == pytest.approx(0.0, abs=1e-12)


def test_constant_costs_give_the_cost_over_the_ends_of_the_rate_difference():
    one, two = arm(15000, 240, 2.0, 2.0), arm(3000, 24, 0.5, 0.5)
    rate = net_benefit([arm(15000, 240)], [arm(3000, 24)], 1.0)
    found = undecided_thresholds([one], [two])
    assert (found.low, found.high) == pytest.approx((1.5 / rate.high, 1.5 / rate.low), rel=1e-9)


def test_an_effect_that_may_be_zero_has_no_upper_end():
    found = undecided_thresholds([arm(2000, 30, 1.0, 1.0)], [arm(1000, 12)])
    assert (found.kind, found.high) == ("interval", math.inf)
    assert 0.0 < found.low < found.value


def test_cheaper_and_better_leaves_nothing_undecided():
    found = undecided_thresholds([arm(9000, 300, 0.0, 0.0)], [arm(9000, 100, 2.0, 2.0)])
    assert (found.kind, found.low, found.high) == ("complement", -math.inf, math.inf)
    assert not any(found.contains(t) for t in (0.0, 1.0, 1e6))
    price = cost_per_incremental([arm(9000, 300)], [arm(9000, 100, 2.0, 2.0)])
    assert (price.value, price.reason) == (None, "COST_SAVING")


def test_next_to_the_cost_of_waking_no_threshold_turns_undecided():
    """Coupons of varying size: at T near 25 the slope is near 0, and rates of 90 % must not lend their variance."""
    one, two = arm(15000, 240, 25.1, 0.1, 225.0, 0.0), arm(15000, 150, 25.0, 0.0, 225.0, 0.0)
    found = undecided_thresholds([one], [two])
    assert found.kind == "interval"
    assert found.low == pytest.approx(undecided_thresholds([one], [two], variance="plugin").low, rel=0.01)
    for threshold in (24.0, 24.9, 24.99, 25.0, 25.01, 25.2, 26.0):
        at, next_to = (net_benefit([one], [two], t) for t in (threshold, threshold + 1e-6))
        assert at.high < 0.0
        assert next_to.high == pytest.approx(at.high, rel=1e-5)


def test_no_cost_and_no_effect_leaves_everything_undecided():
    found = undecided_thresholds([arm(900, 10)], [arm(900, 10)])
    assert (found.kind, found.low, found.high, found.value) == ("all", 0.0, math.inf, None)


def test_harm_has_no_price():
    price = cost_per_incremental([arm(9000, 60, 2.0, 2.0)], [arm(9000, 120)])
    assert (price.value, price.reason) == (None, "HARM")
    assert price.woken.high < 0.0
    mild = cost_per_incremental([arm(900, 11, 2.0, 2.0)], [arm(900, 12)])
    assert (mild.value, mild.reason) == (None, "NO_INCREMENT")


def test_an_ordinary_price():
    price = cost_per_incremental([arm(15000, 240, 2.0, 2.0)], [arm(3000, 24)])
    assert price.value == pytest.approx(2.0 / 0.008, rel=1e-12)
    assert price.reason == ""
    assert price.woken.value == pytest.approx(0.008, rel=1e-12)


def test_money_in_another_unit_scales_the_set():
    one, two = campaign(generator(7, "unit"))
    cents = [
        arm(
            a.n,
            a.woken,
            100 * a.cost_mean_woken,
            100 * a.cost_mean_other,
            1e4 * a.cost_variance_woken,
            1e4 * a.cost_variance_other,
        )
        for a in (one, two)
    ]
    yuan, cent = undecided_thresholds([one], [two]), undecided_thresholds(cents[:1], cents[1:])
    assert cent.kind == yuan.kind
    assert (cent.low, cent.high) == pytest.approx((100 * yuan.low, 100 * yuan.high), rel=1e-9)
