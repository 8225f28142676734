"""Silence: coverage of the dormancy curve over persons, of its cut, of Kaplan-Meier's limits, of the step by order.

The logs are stationary: every person acts at a constant rate of their own, so that spells of silence of one person are
alike. Of spells longer than d, the share that ends within h is known: persons of rate r bring spells in proportion to
r exp(-r d), of which 1 - exp(-r h) end in time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

import experiments as ex
from experiments.inference.survival import product_limit
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

DAY = 86_400_000_000
LENGTH, HORIZON = 720, 90
RATES = np.array([1 / 15, 1 / 60, 1 / 200])  # acts per day
SHARES = np.array([0.2, 0.4, 0.4])
GRID = (30.0, 60.0, 90.0, 120.0, 150.0)

FEW_VALUES = (
    "an interval of a whole order ends on one of few values, so it holds more often than it must; the order itself is "
    "found nearly always"
)


def log_of(stream: Generator, persons: int) -> pa.Table:
    """Acts of persons, each at a constant rate of their own."""
    rate = stream.choice(RATES, persons, p=SHARES)
    counts = stream.poisson(rate * LENGTH)
    when = stream.integers(0, LENGTH * DAY, counts.sum())
    return pa.table(
        {"person_id": np.repeat(np.arange(persons), counts), "time": pa.array(when, pa.timestamp("us", "UTC"))}
    )


def truth(day: float) -> float:
    """The share of spells longer than `day` that ends within the horizon."""
    weight = SHARES * RATES * np.exp(-RATES * day)
    return float(weight @ -np.expm1(-RATES * HORIZON) / weight.sum())


def curve_of(stream: Generator, persons: int) -> ex.DormancyCurve:
    end = np.datetime64("1970-01-01") + np.timedelta64(LENGTH, "D")
    return ex.dormancy_curve(log_of(stream, persons), horizon=f"{HORIZON}d", as_of=f"{end}T00:00:00+00:00", days=GRID)


def count(replications: int, draw: Callable[[], tuple[float | None, float | None]], true: float) -> Tally:
    low = high = 0
    for _ in range(replications):
        begin, end = draw()
        low += begin is not None and begin > true
        high += end is not None and end < true
    return Tally(replications, low, high)


def reading(day: float, persons: int, *, second: bool):
    """Coverage of one reading of the curve."""
    place = GRID.index(day)

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            row = curve_of(stream, persons).rows[place]
            found = row.second if second else row.rate
            return found.low, found.high

        return count(replications, draw, truth(day))

    return run


def campaign(stream: Generator, persons: int, held: float) -> tuple[pa.Table, pa.Table]:
    """A stationary log in which all silent for 60 days on day 400 are assigned, and those treated act at once."""
    log, day = log_of(stream, persons), 400 * DAY
    who, when = np.asarray(log["person_id"]), np.asarray(log["time"].cast(pa.int64()))
    last = np.full(persons, -1)
    np.maximum.at(last, who[when < day], when[when < day])
    chosen = np.flatnonzero((last >= 0) & (last < day - 60 * DAY))
    control = stream.random(len(chosen)) < held
    woken = chosen[~control]
    fresh = pa.array(day + stream.integers(0, 3 * DAY, len(woken)), pa.timestamp("us", "UTC"))
    assignment = pa.table({
        "person_id": chosen, "arm": np.where(control, "holdout", "sms"),
        "assigned_at": pa.array(np.full(len(chosen), day), pa.timestamp("us", "UTC")),
    })  # fmt: skip
    return pa.concat_tables((log, pa.table({"person_id": woken, "time": fresh}))), assignment


def left_out(day: float, persons: int, held: float, *, second: bool):
    """Coverage of the natural curve when treated spells are left out and the holdout stands for them."""
    place, end = GRID.index(day), np.datetime64("1970-01-01") + np.timedelta64(LENGTH, "D")

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            log, assignment = campaign(stream, persons, held)
            row = ex.dormancy_curve(
                log, horizon=f"{HORIZON}d", as_of=f"{end}T00:00:00+00:00", days=GRID, assignment=assignment
            ).rows[place]  # fmt: skip
            found = row.second if second else row.rate
            return found.low, found.high

        return count(replications, draw, truth(day))

    return run


def cut(eps: float, persons: int):
    """Coverage of the cut's interval; the true cut is the first day of the grid with a share of at most eps."""
    true = next(day for day in GRID if truth(day) <= eps)

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            found = curve_of(stream, persons).cut(eps, replicates=400, seed=int(stream.integers(1 << 31))).days
            return found.low, found.high

        return count(replications, draw, true)

    return run


def drift(persons: int):
    """False NON_STATIONARY over the whole grid of a stationary log."""

    def run(replications: int, stream: Generator) -> Tally:
        codes = [[one.code for one in curve_of(stream, persons).findings] for _ in range(replications)]
        return Tally(replications, sum("NON_STATIONARY" in each for each in codes), 0)

    return run


def survival(n: int, at: float, *, persons: int | None = None, limits: str = "log-log"):
    """Limits of S(at) for exponential spells with censoring; with persons, spells of a person share a rate."""

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            who = None if persons is None else stream.integers(0, persons, n)
            rate = 1.0 if who is None else stream.choice([0.5, 2.0], persons)[who]
            life, follow = stream.exponential(1.0 / np.asarray(rate), n), stream.uniform(0.2, 3.0, n)
            codes = None if who is None else np.unique(who, return_inverse=True)[1].astype(np.int64)
            curve = product_limit(np.minimum(life, follow), life <= follow, codes)
            found = curve.value(at, level=0.95, limits=limits)
            return found.low, found.high

        true = math.exp(-at) if persons is None else 0.5 * (math.exp(-0.5 * at) + math.exp(-2.0 * at))
        return count(replications, draw, true)

    return run


def median(n: int):
    """Brookmeyer and Crowley's interval of the median of exponential spells."""

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            life, follow = stream.exponential(1.0, n), stream.uniform(0.2, 3.0, n)
            found = product_limit(np.minimum(life, follow), life <= follow).quantile(0.5, level=0.95)
            return found.low, found.high

        return count(replications, draw, math.log(2.0))

    return run


def mean(n: int, horizon: float = 1.5):
    """The restricted mean of exponential spells."""

    def run(replications: int, stream: Generator) -> Tally:
        def draw() -> tuple[float | None, float | None]:
            life, follow = stream.exponential(1.0, n), stream.uniform(0.2, 3.0, n)
            found = product_limit(np.minimum(life, follow), life <= follow).restricted_mean(horizon, level=0.95)
            return found.low, found.high

        return count(replications, draw, -math.expm1(-horizon))

    return run


def ordered(before: float, after: float, step: int, persons: int) -> Callable[[Generator], ex.NthPurchase]:
    """Customers whose share that stops steps once."""
    stop = np.where(np.arange(1, 31) < step, before, after)

    def draw(stream: Generator) -> ex.NthPurchase:
        ends = np.append(stream.random((persons, 30)) < stop, np.ones((persons, 1), bool), axis=1)
        counts = 1 + np.argmax(ends, axis=1)
        day = np.concatenate([np.arange(one) for one in counts]) * DAY
        log = pa.table(
            {"person_id": np.repeat(np.arange(persons), counts), "time": pa.array(day, pa.timestamp("us", "UTC"))}
        )
        return ex.nth_purchase(
            log, as_of="1970-12-31", silent_after="30d", replicates=200, seed=int(stream.integers(1 << 31))
        )  # fmt: skip

    return draw


def step_found(before: float, after: float, step: int, persons: int):
    """Coverage of the step's interval."""
    draw = ordered(before, after, step, persons)

    def run(replications: int, stream: Generator) -> Tally:
        def ends() -> tuple[float | None, float | None]:
            found = draw(stream).step.nth
            return found.low, found.high

        return count(replications, ends, float(step))

    return run


def step_false(share: float, persons: int):
    """A step where the share is constant."""
    draw = ordered(share, share, 5, persons)

    def run(replications: int, stream: Generator) -> Tally:
        found = sum(draw(stream).step.nth.value is not None for _ in range(replications))
        return Tally(replications, found, 0)

    return run


BIC = "BIC is no test of a level: its price of a step, 2 log(trials), grows with the data, so false steps become rarer"
APART = "the two intervals must not overlap, which is far rarer than 5 % by chance"

FEW_ENDS = "with some 20 ends Greenwood's error is rough and the upper limits are a little short, as survfit's are"

DESIGNS = [
    Design(
        name=f"returns after {day:g} days, {persons} persons of three rates", method=f"dormancy_curve, {name}",
        kind="coverage", run=reading(day, persons, second=second),
    )
    for day, persons in ((30.0, 300), (150.0, 300), (90.0, 60))
    for name, second in (("rate", False), ("km_rate", True))
] + [
    Design(
        name=f"silent persons treated, {100 * held:g} % held out, returns after {day:g} days, {persons} persons",
        method=f"dormancy_curve, {name}, left out", kind="coverage", run=left_out(day, persons, held, second=second),
    )
    for day, persons, held in ((60.0, 600, 0.2), (120.0, 1500, 0.1))
    for name, second in (("rate", False), ("km_rate", True))
] + [
    Design(
        name="eps at the share of the cut itself, 300 persons", method="dormancy_curve, cut", kind="coverage",
        run=cut(truth(90.0), 300), high=None,
    ),
    Design(
        name="eps just below the share before the cut, 300 persons", method="dormancy_curve, cut", kind="coverage",
        run=cut(truth(60.0) - 1e-9, 300), low=0.025, high=0.025,
        miss="the lower tail is not at its edge: the day after the cut lies well below eps",
    ),
    Design(
        name="stationary log, five days, 300 persons", method="dormancy_curve, NON_STATIONARY", kind="size",
        run=drift(300), low=0.05, high=None, miss=APART,
    ),
    Design(
        name="S(0.7), 50 spells", method="kaplan_meier, log-log", kind="coverage", run=survival(50, 0.7), miss=FEW_ENDS
    ),
    Design(name="S(0.7), 400 spells", method="kaplan_meier, log-log", kind="coverage", run=survival(400, 0.7)),
    Design(
        name="S(1), 600 spells of 150 persons", method="kaplan_meier, persons", kind="coverage",
        run=survival(600, 1.0, persons=150),
    ),
    Design(name="median, 300 spells", method="kaplan_meier, quantile", kind="coverage", run=median(300)),
    Design(name="mean up to 1.5, 300 spells", method="kaplan_meier, restricted_mean", kind="coverage", run=mean(300)),
    Design(
        name="stopping 45 % until the 4th, 25 % from it, 400 customers", method="nth_purchase, step", kind="coverage",
        run=step_found(0.45, 0.25, 4, 400), miss=FEW_VALUES,
    ),
    Design(
        name="stopping 30 % after every act, 1,000 customers", method="nth_purchase, step", kind="size",
        run=step_false(0.3, 1000), low=0.05, high=None, miss=BIC,
    ),
]  # fmt: skip
