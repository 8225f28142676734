"""Looks, simulated: error, power and coverage of bounds, always-valid intervals and the split read daily."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

import experiments as ex
from experiments.design.sequential_split import mean_log_evidence
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["DESIGNS"]

UNEVEN = (0.12, 0.3, 0.38, 0.71, 1.0)
NO_END = "never above the nominal error, and below it because the looks end; the guarantee is for any number of looks"


def score_z(hits, n, control_hits, control_n):
    """The score statistic of two rates."""
    total = n + control_n
    rate = (hits + control_hits) / total
    variance = rate * (1 - rate) * (1 / n + 1 / control_n) * total / (total - 1)
    difference = hits / n - control_hits / control_n
    return np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0)


def steps_of(persons, fractions):
    """Persons who mature between neighbouring looks."""
    so_far = np.rint(np.array(fractions) * persons).astype(int)
    return np.diff(so_far, prepend=0), so_far


def draw_rates(replications, rng, rates, persons, fractions):
    """Hits so far per look for two arms: replications by looks."""
    found = []
    for rate, count in zip(rates, persons, strict=True):
        more, so_far = steps_of(count, fractions)
        found.append((np.cumsum(rng.binomial(more, rate, (replications, len(more))), axis=1), so_far))
    return found


def draw_money(replications, rng, persons, fractions, share=0.05, sigma=1.2):
    """Sums and sums of squares so far of money that is 0 for most: replications by looks."""
    more, so_far = steps_of(persons, fractions)
    sums = np.zeros((2, replications, len(more)))
    for k, count in enumerate(more):
        buyers = rng.binomial(count, share, replications)
        values = rng.lognormal(4.0, sigma, buyers.sum())
        place = np.repeat(np.arange(replications), buyers)
        sums[0, :, k] = np.bincount(place, values, replications)
        sums[1, :, k] = np.bincount(place, values**2, replications)
    total, squares = np.cumsum(sums, axis=2)
    mean = total / so_far
    return mean, (squares / so_far - mean**2) * so_far / (so_far - 1), so_far


def first_crossings(z, bounds):
    """How many replications cross the upper and the lower bound first."""
    looks = z.shape[1]
    up, down = z >= bounds, -z >= bounds
    first_up = np.where(up.any(axis=1), up.argmax(axis=1), looks)
    first_down = np.where(down.any(axis=1), down.argmax(axis=1), looks)
    return int(np.sum(first_up < first_down)), int(np.sum(first_down < first_up))


@cache
def spending(fractions, kind, level=0.95):
    return np.array(ex.spending_bounds(len(fractions), spending=kind, fractions=fractions, level=level))


def rates_size(replications: int, rng: Generator, *, rate, persons, kind, fractions=UNEVEN, least=10) -> Tally:
    """Rates without an effect; looks with fewer than 10 events in an arm do not count and spend nothing."""
    (control, control_n), (hits, n) = draw_rates(replications, rng, (rate, rate), persons, fractions)
    z = score_z(hits, n, control, control_n)
    counts = np.minimum(hits, control) >= least
    first = np.where(counts.any(axis=1), counts.argmax(axis=1), len(fractions))
    low = high = 0
    for start in range(len(fractions)):
        chosen = z[first == start, start:]
        up, down = first_crossings(chosen, spending(fractions[start:], kind)) if len(chosen) else (0, 0)
        low, high = low + up, high + down
    return Tally(replications, low, high)


def rates_power(replications: int, rng: Generator, *, rate, persons, kind) -> Tally:
    """A lift for which the design has power 0.8."""
    drift = ex.spending_bounds(len(UNEVEN), spending=kind, fractions=UNEVEN).drift_for(0.8)
    error = math.sqrt(sum(rate * (1 - rate) / count for count in persons))
    rates = (rate - drift * error / 2, rate + drift * error / 2)
    (control, control_n), (hits, n) = draw_rates(replications, rng, rates, persons, UNEVEN)
    return Tally(replications, *first_crossings(score_z(hits, n, control, control_n), spending(UNEVEN, kind)))


def money_size(replications: int, rng: Generator, *, persons, kind) -> Tally:
    """Skewed money without an effect, Welch's statistic."""
    (m0, v0, n0), (m1, v1, n1) = (draw_money(replications, rng, count, UNEVEN) for count in persons)
    z = (m1 - m0) / np.sqrt(v1 / n1 + v0 / n0)
    return Tally(replications, *first_crossings(z, spending(UNEVEN, kind)))


def repeated_coverage(replications: int, rng: Generator, *, persons, kind, effect=0.008) -> Tally:
    """The true effect lies in the repeated intervals of all looks together; nobody stops."""
    (control, control_n), (hits, n) = draw_rates(replications, rng, (0.05, 0.05 + effect), persons, UNEVEN)
    p0, p1 = control / control_n, hits / n
    error = np.sqrt(p0 * (1 - p0) / control_n + p1 * (1 - p1) / n)
    return Tally(replications, *first_crossings((p1 - p0 - effect) / error, spending(UNEVEN, kind)))


def stopped(replications, rng, drift, kind, fractions=(0.3, 0.6, 1.0)):
    """Estimates after stopping of normal outcomes with standard error 1 at full information."""
    bounds = ex.spending_bounds(len(fractions), spending=kind, fractions=fractions)
    times = np.array(fractions)
    steps = rng.normal(
        drift * np.diff(times, prepend=0.0), np.sqrt(np.diff(times, prepend=0.0)), (replications, len(times))
    )
    score = np.cumsum(steps, axis=1)
    over = np.abs(score / np.sqrt(times)) >= np.array(bounds)
    over[:, -1] = True
    for row, look in enumerate(over.argmax(axis=1)):
        estimate, error = score[row, look] / times[look], 1 / math.sqrt(times[look])
        yield ex.estimate_after_stopping(bounds, look=int(look) + 1, estimate=estimate, standard_error=error)


def adjusted_coverage(replications: int, rng: Generator, *, drift, kind) -> Tally:
    """Coverage of the adjusted interval after stopping."""
    found = [one.adjusted for one in stopped(replications, rng, drift, kind)]
    return Tally(replications, sum(one.low > drift for one in found), sum(one.high < drift for one in found))


def median_bias(replications: int, rng: Generator, *, drift, kind) -> Tally:
    """Half of the adjusted estimates lie above the truth, half below."""
    found = [one.adjusted.value for one in stopped(replications, rng, drift, kind)]
    return Tally(replications, sum(value > drift for value in found), sum(value < drift for value in found))


def always_valid_size(replications: int, rng: Generator, *, rate, persons) -> Tally:
    """Rates without an effect, read 50 times."""
    fractions = tuple(k / 50 for k in range(1, 51))
    (control, control_n), (hits, n) = draw_rates(replications, rng, (rate, rate), persons, fractions)
    z = score_z(hits, n, control, control_n)
    counts = np.minimum(hits, control) >= 10
    total = (n + control_n).astype(float)
    unit = ex.always_valid_sequence(np.zeros(50), np.ones(50), total, planned_n=float(sum(persons)))
    return Tally(replications, *first_crossings(np.where(counts, z, 0.0), unit.high))


def daily_split(replications: int, rng: Generator, *, shares, alarm=0.05, days=100) -> Tally:
    """False alarms of the split read on 100 days, at an alarm of 5 % so that they can be counted."""
    shares = np.array(shares)
    alarms = 0
    for _ in range(replications):
        so_far = np.cumsum(rng.multinomial(300, shares, days), axis=0).astype(float)
        alarms += mean_log_evidence(so_far, shares, (100.0, 10_000.0)).max() > -math.log(alarm)
    return Tally(replications, alarms, 0)


OBF, POCOCK, STOPPED = "spending_bounds, obrien_fleming", "spending_bounds, pocock", "estimate_after_stopping, pocock"


def _size(name, method, run, *, miss=""):
    return Design(name=name, method=method, kind="size", run=run, miss=miss)


def _coverage(name, method, run, **shares):
    return Design(name=name, method=method, kind="coverage", run=run, **shares)


DESIGNS: tuple[Design, ...] = (
    _size(
        "5 uneven looks, rates of 5 %, 4,000 in the holdout against 36,000",
        OBF,
        partial(rates_size, rate=0.05, persons=(4_000, 36_000), kind="obrien_fleming"),
    ),
    _size(
        "5 uneven looks, rates of 1 %, 40,000 against 40,000",
        POCOCK,
        partial(rates_size, rate=0.01, persons=(40_000, 40_000), kind="pocock"),
    ),
    _size(
        "5 uneven looks, rates of 0.1 %, 100,000 against 100,000, looks below 10 events left out",
        OBF,
        partial(rates_size, rate=0.001, persons=(100_000, 100_000), kind="obrien_fleming"),
    ),
    _size(
        "5 uneven looks, skewed money (5 % buy), 20,000 against 20,000",
        OBF,
        partial(money_size, persons=(20_000, 20_000), kind="obrien_fleming"),
    ),
    _size(
        "5 uneven looks, skewed money (5 % buy), 20,000 against 20,000",
        "spending_bounds, power 3",
        partial(money_size, persons=(20_000, 20_000), kind=("power", 3.0)),
    ),
    Design(
        name="5 uneven looks, rates near 5 %, 10,000 against 10,000, planned for power 0.8",
        method="spending_bounds, hsd -4",
        kind="power",
        run=partial(rates_power, rate=0.05, persons=(10_000, 10_000), kind=("hsd", -4.0)),
        low=0.8,
        high=None,
    ),
    _coverage(
        "5 uneven looks, rates of 5 % and 5.8 %, all looks together, nobody stops",
        "repeated interval, obrien_fleming",
        partial(repeated_coverage, persons=(15_000, 15_000), kind="obrien_fleming"),
    ),
    _coverage("stopped at one of 3 looks, no effect", STOPPED, partial(adjusted_coverage, drift=0.0, kind="pocock")),
    _coverage(
        "stopped at one of 3 looks, power near 0.8", STOPPED, partial(adjusted_coverage, drift=3.0, kind="pocock")
    ),
    _coverage(
        "stopped at one of 3 looks, power near 0.8: adjusted estimates above and below the truth",
        STOPPED,
        partial(median_bias, drift=3.0, kind="pocock"),
        low=0.5,
        high=0.5,
    ),
    _size(
        "50 looks, rates of 2 %, 20,000 against 20,000",
        "always_valid",
        partial(always_valid_size, rate=0.02, persons=(20_000, 20_000)),
        miss=NO_END,
    ),
    Design(
        name="the split of 30,000 persons read on 100 days, alarm at 5 %",
        method="watch_split",
        kind="size",
        run=partial(daily_split, shares=(0.1, 0.45, 0.45)),
        low=0.05,
        high=None,
        miss=NO_END,
    ),
)
