"""Slots, contact pressure and durability: coverage of rates, ranks, a ratio of two effects, changes and mean times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from experiments.design.pull_forward import late_reading, rise
from experiments.design.pull_forward_curve import Counted, curves
from experiments.inference.proportions import bundled_share
from experiments.roi.arms import ArmCosts
from experiments.roi.undecided import cost_per_incremental
from experiments.wakeup.durability_return import read_returns
from experiments.wakeup.slots_counts import by_person, covariance, ranked
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

LEVEL = 0.95


# --- slots -----------------------------------------------------------------------------------------------------------


def click_rate(replications: int, random: Generator) -> Tally:
    """400 persons, 1 to 60 impressions each, click rates that differ between persons (mean 4 %)."""
    low = high = 0
    for _ in range(replications):
        shown = random.geometric(0.08, 400).astype(float)
        rate = random.beta(0.8, 19.2, 400)
        found = bundled_share(random.binomial(shown.astype(int), rate).astype(float), shown, level=LEVEL)
        low, high = low + (found.low > 0.04), high + (found.high < 0.04)
    return Tally(replications, low, high)


def equal_slots(replications: int, random: Generator) -> Tally:
    """Six slots of one rate, seen by the same 500 persons: no set may leave out a rank."""
    missed = 0
    persons, slots = 500, 6
    person, slot = np.repeat(np.arange(persons), slots), np.tile(np.arange(slots), persons)
    for _ in range(replications):
        shown = 1.0 + random.poisson(3.0, persons * slots)
        rate = np.repeat(random.beta(2.0, 18.0, persons), slots)
        clicks = random.binomial(shown.astype(int), rate).astype(float)
        pairs = by_person(person, slot, shown, clicks, slots)
        share = pairs.total(pairs.clicks) / pairs.total(pairs.impressions)
        ranks = ranked(share, covariance(pairs, share), LEVEL, random)
        missed += bool((ranks[1] > 1).any() or (ranks[2] < slots).any())
    return Tally(replications, missed, 0)


# --- contact pressure ------------------------------------------------------------------------------------------------


def pressure_set(lift: float) -> Callable[[int, Generator], Tally]:
    """5,000 persons of whom a fifth is held out; the treated get about 6 weighted contacts, fewer once they return."""

    def arm(random: Generator, n: int, rate: float, contacts: float) -> ArmCosts:
        woken = random.random(n) < rate
        weighted = np.where(woken, random.poisson(0.5 * contacts, n), random.poisson(contacts, n)).astype(float)
        yes, no = weighted[woken], weighted[~woken]
        return ArmCosts(
            n=n, woken=len(yes), cost_mean_woken=yes.mean(), cost_mean_other=no.mean(),
            cost_variance_woken=yes.var(ddof=1), cost_variance_other=no.var(ddof=1),
        )  # fmt: skip

    def run(replications: int, random: Generator) -> Tally:
        base, missed = 0.06, 0
        truth = 6.0 * (1.0 - 0.5 * (base + lift)) / lift
        for _ in range(replications):
            treated, control = arm(random, 4_000, base + lift, 6.0), arm(random, 1_000, base, 0.0)
            found = cost_per_incremental([treated], [control], level=LEVEL, variance="plugin")
            missed += not found.undecided.contains(truth)
        return Tally(replications, missed, 0)

    return run


# --- durability ------------------------------------------------------------------------------------------------------


def campaign(random: Generator, follow: np.ndarray) -> Counted:
    """Persons of two arms in two strata with different shares and returns; a treated person returns sooner."""
    n = len(follow)
    stratum = random.integers(0, 2, n)
    arm = (random.random(n) < np.where(stratum == 0, 0.5, 0.8)).astype(np.int64)
    mean = np.where(stratum == 0, 120.0, 60.0) * np.where(arm == 1, 0.8, 1.0)
    wait = random.exponential(mean)
    back = wait < follow
    step = (wait[back] * MICROSECONDS_PER_DAY).astype(np.int64)
    return Counted(
        arm=arm, arms=("holdout", "sms"), stratum=stratum, start=-(follow * MICROSECONDS_PER_DAY).astype(np.int64),
        person=np.flatnonzero(back), step=step, amount=np.ones(len(step)), steps=1, findings=(),
    )  # fmt: skip


def change_of(counted: Counted) -> dict[str, object]:
    """What `read_days` says of the change in the share woken from day 28 to day 90, without the days themselves."""
    steps = np.searchsorted(np.array([28, 90]) * MICROSECONDS_PER_DAY, counted.step, side="right")
    known = steps < 2
    woken = replace(counted, person=counted.person[known], step=steps[known], amount=np.ones(int(known.sum())), steps=2)
    found, _ = curves(woken, control="holdout")
    return late_reading(rise(found["sms"], found["holdout"]), 0, LEVEL)


def change(replications: int, random: Generator) -> Tally:
    """The change of the difference in the share woken from day 28 to day 90, 1,500 persons in two strata."""
    low = high = 0
    for _ in range(replications):
        counted = campaign(random, np.full(1_500, 91.0))
        truth = 0.0
        for size, mean in zip(np.bincount(counted.stratum, minlength=2) / 1_500, (120.0, 60.0), strict=True):
            early, late = (np.exp(-day / mean) - np.exp(-day / (0.8 * mean)) for day in (28.0, 90.0))
            truth += size * (late - early)
        row = change_of(counted)
        low, high = low + (row["late_change_low"] > truth), high + (row["late_change_high"] < truth)
    return Tally(replications, low, high)


def days_silent(replications: int, random: Generator) -> Tally:
    """The difference of the mean days without a return up to day 60, a third of 900 persons followed for less."""
    low = high = 0
    for _ in range(replications):
        follow = np.where(random.random(900) < 1 / 3, random.uniform(5.0, 60.0, 900), 61.0)
        counted = campaign(random, follow)
        size = np.bincount(counted.stratum, minlength=2) / 900
        truth = sum(
            size[s] * (0.8 * mean * (1.0 - np.exp(-60.0 / (0.8 * mean))) - mean * (1.0 - np.exp(-60.0 / mean)))
            for s, mean in ((0, 120.0), (1, 60.0))
        )
        (row,) = read_returns(counted, (0, 1), 0, 60, control="holdout", level=LEVEL).means
        low, high = low + (row["low"] > truth), high + (row["high"] < truth)
    return Tally(replications, low, high)


DESIGNS = (
    Design("slots, 400 persons with uneven impressions, 4 %", "slots, ctr", "coverage", click_rate),
    Design("six slots of one rate, 500 persons", "slots, sets of ranks", "coverage", equal_slots, low=0.05, high=None),
    Design(
        "pressure, 4,000 against 1,000, 6 % and 4 pp more", "contact_pressure, set", "coverage", pressure_set(0.04),
        low=0.05, high=None,
    ),
    Design(
        "pressure, 4,000 against 1,000, 6 % and 0.5 pp more", "contact_pressure, set", "coverage", pressure_set(0.005),
        low=0.05, high=None,
    ),
    Design("durability, 1,500 persons in two strata", "durability, change", "coverage", change),
    Design("durability, 900 persons, a third censored", "durability, days without a return", "coverage", days_silent),
)  # fmt: skip
