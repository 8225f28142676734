"""Campaigns of known truth: how often each tail of the net benefit's interval misses, score against plug-in."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from attribution.core.randomness import generator
from experiments.roi.arms import ArmCosts
from experiments.roi.net_benefit import net_benefit

THRESHOLD = 85.0
TOUCH, COUPON, REDEEMED = 0.2, 25.0, 0.6  # a woken customer redeems the coupon with this chance


def draw(rng, n, rate, touch, touch_sd):
    """One arm's statistics, drawn without drawing persons: costs of the others are nearly normal in the mean."""
    woken = int(rng.binomial(n, rate))
    redeemed = int(rng.binomial(woken, REDEEMED)) if woken else 0
    share = redeemed / woken if woken else 0.0
    return ArmCosts(
        n=n,
        woken=woken,
        cost_mean_woken=touch + COUPON * share,
        cost_mean_other=touch + rng.normal(0.0, touch_sd / (n - woken) ** 0.5),
        cost_variance_woken=COUPON**2 * share * (1 - share) * woken / max(woken - 1, 1),
        cost_variance_other=touch_sd**2,
    )


def misses(campaigns, n, n0, rates, variance, seed=0):
    """Share of campaigns whose interval lies above (false PASS) and below (false FAIL) the true net benefit, 0."""
    p1, p0 = rates
    # The touch cost that makes the net benefit exactly 0 at the threshold.
    touch = (THRESHOLD - COUPON * REDEEMED) * (p1 - p0)
    rng = generator(seed, "net benefit coverage")
    passes = fails = 0
    for _ in range(campaigns):
        treated, control = draw(rng, n, p1, touch, TOUCH), draw(rng, n0, p0, 0.0, 0.0)
        p = net_benefit([treated], [control], THRESHOLD, variance=variance)
        passes += p.low > 0.0
        fails += p.high < 0.0
    return passes, fails


def band(campaigns, low, high):
    """Counts that a true share between low and high yields, but for one run in 10,000 on each side."""
    return binom.ppf(1e-4, campaigns, low), binom.isf(1e-4, campaigns, high)


def test_score_tails_are_near_nominal_and_plugin_passes_twice_as_often():
    campaigns = 1200
    score = misses(campaigns, 36_000, 4_000, (0.012, 0.005), "score")
    low, high = band(campaigns, 0.018, 0.033)
    assert low <= score[0] <= high
    assert low <= score[1] <= high
    plugin = misses(campaigns, 36_000, 4_000, (0.012, 0.005), "plugin")
    low, high = band(campaigns, 0.04, 0.055)
    assert low <= plugin[0] <= high
    assert plugin[0] > 1.4 * score[0]


@pytest.mark.statistical
@pytest.mark.parametrize("rates", [(0.005, 0.005), (0.0075, 0.005), (0.012, 0.005), (0.02, 0.012)])
def test_tails_over_4000_campaigns(rates):
    campaigns = 4000
    score = misses(campaigns, 36_000, 4_000, rates, "score", seed=1)
    low, high = band(campaigns, 0.018, 0.033)
    assert low <= score[0] <= high
    assert low <= score[1] <= high
