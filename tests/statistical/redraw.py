"""Many campaigns from one simulated population: the truth stays, assignment and outcomes are drawn anew.

Kept from `experiments.simulate`: the persons, each person's return probability in every arm (``p_<arm>``), the part of
the cost that is certain once the arm is known (touches and lump sums per person), deal hunter or not, expected margin.
Drawn anew in every replicate, independently by person: the arm (with the declared shares), whether the person returns
(``p_<arm>``), the brand-search click (its chance depends on the return), the redeemed coupon, the margin (lognormal)
and a second order (without the window's cut). The estimand is the average over the persons of the campaign, so its
truth is a plain mean of the columns of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from attribution.core.randomness import generator
from experiments import simulate
from experiments.roi.arms import ArmCosts
from experiments.simulation.constants import ARMS, constants_of


@dataclass(frozen=True, eq=False)
class Arm:
    """What the analysis may see of one arm."""

    n: int
    woken: int
    costs: ArmCosts
    value_mean: float
    value_sd: float


class Redrawn:
    """A population with its truth, and campaigns drawn from it."""

    def __init__(self, scenario, persons, seed):
        campaign = simulate(scenario, persons=persons, seed=seed)
        truth, self.constants = campaign.truth, constants_of(scenario)
        c = self.constants
        self.probability = truth[[f"p_{arm}" for arm in ARMS]].to_numpy().T
        cost = truth[[f"c_{arm}" for arm in ARMS]].to_numpy().T
        hunter = truth["hunter"].to_numpy()
        self.margin = truth["value_mean"].to_numpy()
        self.coupon = np.where(hunter, c.coupon_hunter, c.coupon)
        self.redeemed = np.where(hunter, c.redeemed_hunter, c.redeemed)
        clicks = c.search_if_silent + (c.search_if_woken - c.search_if_silent) * self.probability
        treated = np.array([0.0, 1.0, 1.0, 1.0])[:, np.newaxis]
        self.certain = cost - c.search_price * clicks - treated * self.coupon * self.redeemed * self.probability
        self.rate = dict(zip(ARMS, self.probability.mean(axis=1), strict=True))
        self.cost = dict(zip(ARMS, cost.mean(axis=1), strict=True))
        value = self.probability * self.margin * (1 + c.second_order)
        self.value = dict(zip(ARMS, value.mean(axis=1), strict=True))

    def difference(self, arm, control):
        """The true difference in return rate."""
        return self.rate[arm] - self.rate[control]

    def net(self, arm, control, threshold):
        """The true net benefit per person."""
        return threshold * self.difference(arm, control) - (self.cost[arm] - self.cost[control])

    def draw(self, shares, seed, replicate):
        """One campaign: a dict of `Arm` by name."""
        c, persons = self.constants, len(self.margin)
        rng = generator(seed, f"redraw.{replicate}")
        arm = np.searchsorted(np.cumsum(shares)[:-1], rng.random(persons), side="right")
        # Costs of woken persons are drawn for them alone; the others' search clicks are few.
        woken = np.flatnonzero(rng.random(persons) < self.probability[arm, np.arange(persons)])
        is_woken = np.zeros(persons, dtype=bool)
        is_woken[woken] = True
        clicked = rng.random(persons) < np.where(is_woken, c.search_if_woken, c.search_if_silent)
        cost = self.certain[arm, np.arange(persons)] + c.search_price * clicked
        redeems = (arm[woken] > 0) & (rng.random(len(woken)) < self.redeemed[woken])
        cost[woken] += self.coupon[woken] * redeems
        value = np.zeros(persons)
        sigma = c.value_sigma

        def margins(who):
            return self.margin[who] * np.exp(sigma * rng.standard_normal(len(who)) - sigma**2 / 2)

        value[woken] = margins(woken) + margins(woken) * (rng.random(len(woken)) < c.second_order)
        return {name: _arm(cost[arm == i], is_woken[arm == i], value[arm == i]) for i, name in enumerate(ARMS)}


def _arm(cost, woken, value):
    hits = int(woken.sum())
    yes, no = cost[woken], cost[~woken]
    return Arm(
        n=len(cost),
        woken=hits,
        costs=ArmCosts(
            n=len(cost),
            woken=hits,
            cost_mean_woken=yes.mean() if hits else np.nan,
            cost_mean_other=no.mean(),
            cost_variance_woken=yes.var(ddof=1) if hits > 1 else np.nan,
            cost_variance_other=no.var(ddof=1),
        ),
        value_mean=value.mean(),
        value_sd=value.std(ddof=1),
    )


def band(draws, share, cells, *, family=0.01):
    """Counts that a cell of the table may show when its true share is ``share``.

    Exact binomial, two-sided, ``family / cells`` each: over the whole table one cell in a hundred tables is outside.
    """
    alpha = family / cells / 2
    low, high = int(binom.ppf(alpha, draws, share)), int(binom.isf(alpha, draws, share))
    return low, high


@dataclass
class Tally:
    """How often an interval missed the truth on each side."""

    draws: int = 0
    above: int = 0  # the whole interval lies above the truth
    below: int = 0
    undefined: int = 0

    def add(self, estimate, truth):
        """Count one interval; rounding of the inverted ends is no miss."""
        self.draws += 1
        if estimate.low is None or estimate.high is None or estimate.kind != "interval":
            self.undefined += 1
            return
        self.above += estimate.low > truth + 1e-12
        self.below += estimate.high < truth - 1e-12

    @property
    def covered(self):
        """Intervals that hold the truth (an undefined one, which excludes nothing, is told apart)."""
        return self.draws - self.above - self.below


def tally(
    population, shares, contrasts, *, campaigns, seed, thresholds=(60, 85, 125), value=True, rates=True, net=True
):
    """Tallies by (quantity, arm, control) over campaigns, from the library's own intervals."""
    from experiments.inference.means import compare_means
    from experiments.inference.rates import compare_rates
    from experiments.roi.net_benefit import net_benefit

    cells = {}
    for replicate in range(campaigns):
        arms = population.draw(shares, seed, replicate)
        for name, base in contrasts:
            a, b = arms[name], arms[base]
            if rates:
                found = compare_rates(a.woken, a.n, b.woken, b.n)
                true = population.difference(name, base)
                cells.setdefault(("woken", name, base), Tally()).add(found.difference, true)
                ratio = population.rate[name] / population.rate[base] - 1
                cells.setdefault(("lift", name, base), Tally()).add(found.relative, ratio)
            if value:
                means = compare_means(a.value_mean, a.value_sd, a.n, b.value_mean, b.value_sd, b.n)
                true = population.value[name] - population.value[base]
                cells.setdefault(("value", name, base), Tally()).add(means.difference, true)
            for threshold in thresholds if net else ():
                estimate = net_benefit([a.costs], [b.costs], threshold)
                true = population.net(name, base, threshold)
                cells.setdefault((f"net at {threshold}", name, base), Tally()).add(estimate, true)
    return cells
