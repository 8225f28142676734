"""One set behind the interval and the p-value of a net benefit, on tables of every kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attribution.core.randomness import generator
from experiments.roi.arms import ArmCosts, prepare
from experiments.roi.net_benefit import net_benefit
from experiments.roi.statistic import at_threshold

Z = 1.959963984540054


def arm(n, woken, cw=0.0, co=0.0, vw=0.0, vo=0.0):
    return ArmCosts(
        n=n, woken=woken, cost_mean_woken=cw, cost_mean_other=co, cost_variance_woken=vw, cost_variance_other=vo
    )


@pytest.mark.parametrize("threshold", [29.0, 29.9, 30.0, 30.5, 32.0, 40.0])
def test_one_arm_next_to_its_cost_of_waking_lends_no_variance_from_rates_of_one(threshold):
    """The control's cost of waking is 29.9: a null of 0 could be met by its rate going to 1, where the costs vary."""
    pair = [arm(3000, 60, 5.0, 0.0, 1.0, 0.01)], [arm(3000, 25, 30.0, 0.1, 900.0, 0.01)]
    score, plugin = (net_benefit(*pair, threshold, variance=kind) for kind in ("score", "plugin"))
    width = plugin.high - plugin.low
    assert score.low == pytest.approx(plugin.low, abs=0.1 * width)
    assert score.high == pytest.approx(plugin.high, abs=0.1 * width)
    assert score.p_value < 1e-15


def wild_arm(rng, threshold, large):
    """Any size, rate and costs; four in ten stand at, or next to, their cost of waking."""
    n = int(10 ** rng.uniform(0.3, large))
    means = [float(rng.choice([0.0, rng.uniform(0, 60), 10 ** rng.uniform(-6, 4)])) for _ in range(2)]
    variances = [float(rng.choice([0.0, 10 ** rng.uniform(-6, 6), 10 ** rng.uniform(-1, 3)])) for _ in range(2)]
    if rng.random() < 0.4:
        means[0] = means[1] + threshold + float(rng.choice([0.0, rng.normal() * 10 ** rng.uniform(-9, 1)]))
    return arm(n, int(rng.binomial(n, 10 ** rng.uniform(-3.5, 0))), *means, *variances)


def wild(rng, large=5.0):
    """A random contrast of one to three strata with its threshold."""
    threshold = float(rng.choice([0.0, rng.uniform(0, 100), 10 ** rng.uniform(-4, 5)]))
    strata = int(rng.choice([1, 1, 1, 2, 3]))
    return *([wild_arm(rng, threshold, large) for _ in range(strata)] for _ in range(2)), threshold


def disagreements(tables, seed):
    """Tables whose p-value and interval say different things about 0, and how many intervals exclude it."""
    rng = generator(seed, "wild tables")
    wrong, excluded = [], 0
    for index in range(tables):
        treated, control, threshold = wild(rng)
        side, level = ("two", "greater", "less")[index % 3], float(rng.choice([0.5, 0.8, 0.95, 0.99, 0.999999]))
        found = net_benefit(treated, control, threshold, side=side, level=level)
        outside = found.low > 0.0 or found.high < 0.0
        excluded += outside
        if outside != (found.p_value < 1.0 - level) or not found.low <= found.value <= found.high:
            wrong.append((index, found))
    return wrong, excluded


def test_p_and_interval_agree_on_2000_wild_tables():
    wrong, excluded = disagreements(2000, 0)
    assert wrong == []
    assert 400 < excluded < 1600


@pytest.mark.statistical
def test_p_and_interval_agree_on_20000_wild_tables():
    wrong, excluded = disagreements(20_000, 1)
    assert wrong == []
    assert excluded > 4000


@given(st.integers(0, 2**40), st.sampled_from(["two", "greater", "less"]), st.floats(0.5, 0.9999))
def test_p_and_interval_agree_on_any_table(seed, side, level):
    found = net_benefit(*wild(generator(seed, "any table")), side=side, level=level)
    assume(abs(found.p_value - (1 - level)) > 1e-12)
    assert (found.low > 0.0 or found.high < 0.0) == (found.p_value < 1 - level)


def test_the_limits_are_where_the_statistic_changes_sides():
    """Without being told about 0: just inside a limit nothing is rejected, outside everything, however far."""
    rng = generator(2, "limits of wild tables")
    for _ in range(150):
        treated, control, threshold = wild(rng)
        contrast = at_threshold(prepare(treated, control, None)[0], threshold)
        before = None
        for z in (0.5, Z, 4.0):
            limits = contrast.limit(z), contrast.limit(-z)
            for end in limits:
                if end == contrast.value:
                    continue
                for factor, outside in ((0.5, False), (0.999, False), (1.001, True), (3.0, True)):
                    null = contrast.value + (end - contrast.value) * factor
                    assert (abs(contrast.statistic(null)) > z * (1 + 1e-9)) is outside, (z, factor)
            slack = 1e-9 * (limits[1] - limits[0])
            assert before is None or (limits[0] <= before[0] + slack and limits[1] >= before[1] - slack)
            before = limits


def test_the_statistic_is_the_smallest_ratio_further_out():
    """Against a scan of 4,000 distances, on tables where the plain ratio of distance and standard error turns back."""
    rng = generator(5, "ratios that turn back")
    turned = 0
    for _ in range(60):
        treated, control, threshold = wild(rng, large=2.0)
        contrast = at_threshold(prepare(treated, control, None)[0], threshold)
        scale = math.sqrt(contrast.variance(0.0))
        if scale == 0.0:
            continue
        distances = scale * np.geomspace(0.05, 500.0, 1000)
        ratios = np.array([d / math.sqrt(v) if (v := contrast.variance(d)) > 0 else math.inf for d in distances])
        smallest = np.minimum.accumulate(ratios[::-1])[::-1]
        turned += bool(np.any(smallest < ratios * (1 - 1e-6)))
        for index in range(0, 600, 60):
            found = -contrast.statistic(contrast.value + distances[index])
            if math.isfinite(smallest[index]):
                assert found <= smallest[index] * (1 + 1e-9)
                assert found >= smallest[index] * (1 - 0.02)
    assert turned >= 5
