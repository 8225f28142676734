"""Net benefit watched daily and wave by wave, simulated: the error of always-valid verdicts, and what they cost."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.tails import critical_value
from experiments.roi.arms import ArmCosts, prepare
from experiments.roi.contrasts import ContrastCosts
from experiments.roi.even_tails import even_bounds
from experiments.roi.marginal import wave_level
from experiments.roi.monitor_plan import MonitorPlan, Seen, say
from experiments.roi.statistic import at_threshold
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["DESIGNS"]

THRESHOLD, COUPON = 85.0, 20.0
NO_END = "never above the nominal error, and below it because the looks end; the guarantee is for any number of looks"
PRICE = "the price of looking whenever one likes: one reading at the planned end has power 0.8"
UNSEEN = "the errors are spent over waves without end, of which these are the first"


def touch_cost(rate: float, lift: float, net: float = 0.0) -> float:
    """The cost per treated person at which the true net benefit is ``net``."""
    return THRESHOLD * lift - COUPON * (rate + lift) - net


def contrast(hits: tuple[int, int], n: tuple[int, int], cost: float) -> ContrastCosts:
    """Two arms with a coupon per treated woken person and a touch cost per treated person."""
    arms = [
        ArmCosts(
            n=count, woken=woken, cost_mean_woken=touch + coupon, cost_mean_other=touch, cost_variance_woken=0.0,
            cost_variance_other=0.0,
        )
        for woken, count, touch, coupon in ((hits[0], n[0], cost, COUPON), (hits[1], n[1], 0.0, 0.0))
    ]  # fmt: skip
    return ContrastCosts(
        arm="sms", control="holdout", segment=None, treated=(arms[0],), untreated=(arms[1],), weights=(1.0,)
    )


def statistic(made: ContrastCosts) -> float:
    """The score statistic of a net benefit of 0, the one that `net_benefit` makes its p-value of."""
    return at_threshold(prepare(made.treated, made.untreated, made.weights)[0], THRESHOLD).statistic(0.0)


def watched(
    replications: int, rng: Generator, *, persons: int, held: float, rate: float, lift: float, looks: int,
    net: float = 0.0,
) -> Tally:  # fmt: skip
    """Campaigns watched daily until the planned end: how many ever say PASS (low), how many ever FAIL (high)."""
    n = (round(persons * (1 - held)), round(persons * held))
    plan = MonitorPlan(
        planned=persons, pairs=(("sms", "holdout"),), thresholds=(THRESHOLD,), level=0.95, side="two", least=10
    )
    cost = touch_cost(rate, lift, net)
    so_far = [np.rint(np.arange(1, looks + 1) / looks * count).astype(int) for count in n]
    passed = failed = 0
    for _ in range(replications):
        hits = [
            np.cumsum(rng.binomial(np.diff(count, prepend=0), share))
            for count, share in zip(so_far, (rate + lift, rate), strict=True)
        ]
        for k in range(looks):
            woken = (int(hits[0][k]), int(hits[1][k]))
            counted = (int(so_far[0][k]), int(so_far[1][k]))
            if min(woken) < plan.least:
                continue
            z = statistic(contrast(woken, counted, cost))
            word, _ = say(plan, Seen(net=0.0, z=z, low=None, high=None), plan.bound(sum(counted)), woken)
            if word in ("PASS", "FAIL"):
                passed, failed = passed + (word == "PASS"), failed + (word == "FAIL")
                break
    return Tally(replications, passed, failed)


def power(replications: int, rng: Generator, *, persons: int, held: float, rate: float, lift: float) -> Tally:
    """A net benefit that one ordinary reading at the planned end finds with power 0.8, watched daily."""
    n = (persons * (1 - held), persons * held)
    slopes = (THRESHOLD - COUPON, THRESHOLD)
    variance = sum(
        slope**2 * share * (1 - share) / count
        for slope, share, count in zip(slopes, (rate + lift, rate), n, strict=True)
    )
    net = (critical_value(0.95, "two") + critical_value(0.8, "greater")) * math.sqrt(variance)
    return watched(replications, rng, persons=persons, held=held, rate=rate, lift=lift, looks=28, net=net)


def waves(
    replications: int, rng: Generator, *, persons: int, held: float, rate: float, lift: float, count: int,
    planned: int | None,
) -> Tally:  # fmt: skip
    """Waves whose own net benefit is 0, each read once at its own level: ever "pays" (low), ever "stop" (high)."""
    n = (round(persons * (1 - held)), round(persons * held))
    cost = touch_cost(rate, lift)
    levels = [wave_level(k, level=0.95, planned=planned) for k in range(1, count + 1)]
    pays = stop = 0
    for _ in range(replications):
        said = set()
        for level in levels:
            made = contrast((int(rng.binomial(n[0], rate + lift)), int(rng.binomial(n[1], rate))), n, cost)
            strata = prepare(made.treated, made.untreated, made.weights)[0]
            score = at_threshold(strata, THRESHOLD).statistic(0.0)
            up, down = even_bounds(strata, THRESHOLD, level=level)
            said |= {"pays"} if score >= up else {"stop"} if -score >= down else set()
        pays, stop = pays + ("pays" in said), stop + ("stop" in said)
    return Tally(replications, pays, stop)


def _watched(held, rate, lift, persons, looks):
    return Design(
        name=f"true net benefit 0, {held:.0%} held out, {rate:.1%} return, {persons:,} persons, {looks} looks",
        method="monitor_thresholds",
        kind="size",
        run=partial(watched, persons=persons, held=held, rate=rate, lift=lift, looks=looks),
        miss=NO_END,
    )


DESIGNS = (
    _watched(0.5, 0.05, 0.02, 10_000, 28),
    _watched(0.2, 0.01, 0.01, 30_000, 28),
    _watched(0.2, 0.01, 0.01, 30_000, 90),
    _watched(0.1, 0.01, 0.01, 60_000, 28),
    _watched(0.1, 0.005, 0.003, 60_000, 28),
    Design(
        name="a net benefit for which one reading at the end has power 0.8, 28 looks, 50% held out, 5.0% return",
        method="monitor_thresholds",
        kind="power",
        run=partial(power, persons=10_000, held=0.5, rate=0.05, lift=0.02),
        low=0.8,
        high=None,
        miss=PRICE,
    ),
    Design(
        name="12 waves of 10,000, each with a true net benefit of 0, any number planned",
        method="marginal_costs",
        kind="size",
        run=partial(waves, persons=10_000, held=0.2, rate=0.02, lift=0.01, count=12, planned=None),
        miss=UNSEEN,
    ),
    Design(
        name="4 waves of 10,000, each with a true net benefit of 0, 4 planned, 20% held out, 2.0% return",
        method="marginal_costs",
        kind="size",
        run=partial(waves, persons=10_000, held=0.2, rate=0.02, lift=0.01, count=4, planned=4),
    ),
    Design(
        name="4 waves of 10,000, each with a true net benefit of 0, 4 planned, 50% held out, 5.0% return",
        method="marginal_costs",
        kind="size",
        run=partial(waves, persons=10_000, held=0.5, rate=0.05, lift=0.02, count=4, planned=4),
    ),
)
