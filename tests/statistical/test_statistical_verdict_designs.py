"""False PASS and FAIL on the line between paying and not, sets at weak effects, and what a second variance is for."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from attribution.core.randomness import generator
from statistical.verdict_designs import DESIGNS, family, money, on_the_line, price_set, value_set

ERROR = 1e-4  # of each judged count


def most(draws, share):
    return binom.isf(ERROR, draws, share)


@pytest.mark.parametrize(("share", "size"), [(0.5, 20_000), (0.1, 20_000)])
def test_a_true_net_benefit_of_0_passes_and_fails_at_the_nominal_rate(share, size):
    control = round(size * share)
    tally = on_the_line(400, generator(1, f"line {share}"), n=(size - control, control), rates=(0.075, 0.05))
    assert max(tally.low, tally.high) <= most(400, 0.025)
    assert tally.low + tally.high >= binom.ppf(ERROR, 400, 0.04)


def test_a_family_of_nine_rows_errs_at_most_at_the_level():
    tally = family(60, generator(2, "family"), holdout=0.25)
    assert max(tally.low, tally.high) <= most(60, 0.025)


@pytest.mark.parametrize("p1", [0.0105, 0.015])
def test_the_set_of_the_price_holds_the_truth_also_when_the_effect_is_weak(p1):
    tally = price_set(100, generator(3, f"price {p1}"), n=(54_000, 6_000), rates=(p1, 0.01), touch=0.2)
    assert max(tally.low, tally.high) <= most(100, 0.03)


def test_the_set_of_the_value_holds_the_truth_with_few_skewed_orders():
    tally = value_set(25, generator(4, "value"), n=(54_000, 6_000), rates=(0.015, 0.01), sigma=1.5)
    assert tally.low + tally.high <= most(25, 0.05)


def test_welch_alone_passes_too_often_and_the_second_variance_does_not():
    place = {"n": (54_000, 6_000), "rates": (0.01, 0.01), "sigma": 1.5}
    alone = money(600, generator(5, "money"), **place, alone=True)
    both = money(600, generator(5, "money"), **place)
    assert alone.low >= binom.ppf(ERROR, 600, 0.07)
    assert max(both.low, both.high) <= most(600, 0.025)


def test_every_design_that_misses_says_why():
    assert len({(design.name, design.method) for design in DESIGNS}) == len(DESIGNS)
    assert all(design.miss for design in DESIGNS if design.method in ("welch alone", "money_test, pooled"))
