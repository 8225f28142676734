"""Bounds with even tails: their exact error by sums over binomial counts, and what they are where nothing leans."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from experiments.inference.score import Tables
from experiments.inference.skewed_score import skewed_difference_statistic
from experiments.roi.arms import ArmCosts, prepare
from experiments.roi.contrasts import ContrastCosts
from experiments.roi.even_tails import even_bounds, even_net
from experiments.roi.statistic import at_threshold

THRESHOLD, COUPON = 85.0, 20.0


def contrast(hits: tuple[int, int], n: tuple[int, int], *, coupon: float = COUPON, touch: float = 0.0) -> ContrastCosts:
    arms = [
        ArmCosts(
            n=count, woken=woken, cost_mean_woken=more + paid, cost_mean_other=more, cost_variance_woken=0.0,
            cost_variance_other=0.0,
        )
        for woken, count, more, paid in ((hits[0], n[0], touch, coupon), (hits[1], n[1], 0.0, 0.0))
    ]  # fmt: skip
    return ContrastCosts(
        arm="sms", control="holdout", segment=None, treated=(arms[0],), untreated=(arms[1],), weights=(1.0,)
    )


def test_both_tails_have_their_part_of_the_error_where_the_plain_score_leans() -> None:
    n, rates, level = (1_600, 400), (0.11, 0.08), 0.9875  # a fifth held out; the level of one of four waves
    touch = (THRESHOLD - COUPON) * rates[0] - THRESHOLD * rates[1]  # a true net benefit of exactly 0
    z = stats.norm.isf((1 - level) / 2)
    hits = [
        np.arange(*stats.binom(count, rate).ppf([1e-5, 1 - 1e-5]), 1, dtype=int)
        for count, rate in zip(n, rates, strict=True)
    ]
    even, plain = np.zeros(2), np.zeros(2)
    for one in hits[0]:
        for two in hits[1]:
            chance = stats.binom.pmf(one, n[0], rates[0]) * stats.binom.pmf(two, n[1], rates[1])
            if chance < 1e-7:
                continue
            made = contrast((int(one), int(two)), n, touch=touch)
            strata, _ = prepare(made.treated, made.untreated, None)
            score = at_threshold(strata, THRESHOLD).statistic(0.0)
            up, down = even_bounds(strata, THRESHOLD, level=level)
            even += chance * np.array([score >= up, -score >= down])
            plain += chance * np.array([score >= z, -score >= z])
    part = (1 - level) / 2
    assert plain[1] > 1.15 * part
    assert plain[0] < 0.85 * part
    assert even == pytest.approx(part, rel=0.05)


def test_equal_costs_give_the_skewness_of_the_rate_score() -> None:
    made = contrast((150, 20), (1_600, 400), coupon=0.0)
    strata, _ = prepare(made.treated, made.untreated, None)
    tables = Tables(
        hits=np.array([150.0]), n=np.array([1600.0]), control_hits=np.array([20.0]), control_n=np.array([400.0]),
        weights=np.array([1.0]),
    )  # fmt: skip
    corrected = skewed_difference_statistic(tables, 0.0)
    level = 1 - 2 * stats.norm.sf(corrected)  # at the level of its own p-value the statistic stands on the bound
    score = at_threshold(strata, THRESHOLD).statistic(0.0)
    assert even_bounds(strata, THRESHOLD, level=level)[0] == pytest.approx(score, rel=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.9999])
def test_the_interval_excludes_nothing_gained_exactly_beyond_the_bounds(level: float) -> None:
    for woken in range(20, 90, 3):
        made = contrast((200, woken), (1_600, 400))
        strata, _ = prepare(made.treated, made.untreated, None)
        score = at_threshold(strata, THRESHOLD).statistic(0.0)
        up, down = even_bounds(strata, THRESHOLD, level=level)
        net = even_net(made, THRESHOLD, level=level)
        assert (net.low > 0.0, net.high < 0.0) == (score > up, -score > down)
        assert (net.level, net.side, net.p_value) == (level, "two", None)


def test_equal_arms_lean_to_no_side_and_arms_turned_lean_to_the_other() -> None:
    def bounds(hits: tuple[int, int], n: tuple[int, int]) -> tuple[float, float]:
        made = contrast(hits, n, coupon=0.0)
        return even_bounds(prepare(made.treated, made.untreated, None)[0], THRESHOLD, level=0.95)

    assert bounds((40, 40), (500, 500)) == pytest.approx((1.959963984540054,) * 2, rel=1e-12)
    up, down = bounds((80, 20), (1_600, 400))
    assert up < 1.96 < down
    assert bounds((20, 80), (400, 1_600)) == pytest.approx((down, up), rel=1e-9)


def test_what_one_term_cannot_say_is_cut_off() -> None:
    made = contrast((1, 0), (5_000, 40), coupon=0.0)
    up, down = even_bounds(prepare(made.treated, made.untreated, None)[0], THRESHOLD, level=0.999999)
    assert math.isclose(up + down, 2 * stats.norm.isf(5e-7), rel_tol=1e-9)
    assert min(up, down) >= 0.49 * max(up, down) / 1.5
