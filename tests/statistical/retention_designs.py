"""Rising retention: size where it is flat whatever the dependence of a person's periods, power where it rises; parts
of the growth chain: coverage by persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import experiments as ex
from experiments.wakeup.retention_trend import rising
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

ALPHA = 0.05


def periods_of_persons(stream: Generator, shape: tuple[int, int], rates: list[float], spread: float) -> np.ndarray:
    """Who was there when: each person has an own inclination (Beta), so a person's periods go together.

    Args:
        stream: The generator.
        shape: Persons and periods.
        rates: Rate of each period.
        spread: Standard deviation of the inclination over its mean; 0 makes the periods independent.
    """
    persons, periods = shape
    own = np.ones(persons)
    if spread > 0.0:
        own = stream.gamma(1.0 / spread**2, spread**2, persons)
    chance = np.minimum(own[:, None] * np.array(rates), 1.0)
    return stream.random((persons, periods)) < chance


def trend_p(there: np.ndarray, cohorts: np.ndarray) -> list[float | None]:
    """Holm-adjusted p-values of all cohorts."""
    person, period = np.nonzero(there)
    observed = np.full(int(cohorts.max()) + 1, there.shape[1])
    return [trend.p_adjusted for trend in rising((person, period), cohorts, observed, first=0)]


def trends(rates: list[float], *, persons: int = 2_000, cohorts: int = 1, spread: float = 1.0, carry: float = 0.0):
    """Any rejection over the cohorts; `carry`: the chance that a person repeats the period before."""

    def run(replications: int, stream: Generator) -> Tally:
        hits = 0
        for _ in range(replications):
            there = periods_of_persons(stream, (persons, len(rates)), rates, spread)
            for k in range(1, len(rates)):
                repeated = stream.random(persons) < carry
                there[repeated, k] = there[repeated, k - 1]
            adjusted = trend_p(there, np.arange(persons) % cohorts)
            hits += any(p is not None and p < ALPHA for p in adjusted)
        return Tally(replications, hits, 0)

    return run


def growth(method: str):
    """Coverage of the part of the ticket, persons drawn anew in both periods, half of them in both."""

    def drawn(stream: Generator, persons: np.ndarray, worth: float) -> pd.DataFrame:
        n = len(persons)
        reached = stream.random(n) < 0.5
        orders = np.where(reached & (stream.random(n) < 0.4), 1 + stream.poisson(0.8, n), 0)
        value = orders * worth * stream.lognormal(0.0, 0.8, n)
        return pd.DataFrame(
            {"person_id": persons, "reached": reached, "buyers": orders > 0, "orders": orders, "value": value}
        )

    def totals(n: float, worth: float) -> dict[str, float]:
        buyers = n * 0.5 * 0.4
        orders = buyers * 1.8
        return {
            "base": n,
            "reached": n * 0.5,
            "buyers": buyers,
            "orders": orders,
            "value": orders * worth * np.exp(0.32),
        }

    def run(replications: int, stream: Generator) -> Tally:
        exact = ex.growth_chain(totals(1_500, 20.0), totals(1_800, 22.0), method=method).factors[-1].contribution
        low = high = 0
        for _ in range(replications):
            n = stream.poisson(1_500), stream.poisson(1_800)
            periods = drawn(stream, np.arange(n[0]), 20.0), drawn(stream, np.arange(n[1]) + 700, 22.0)
            found = ex.growth_chain(*periods, method=method).factors[-1]
            low += exact < found.contribution_low
            high += exact > found.contribution_high
        return Tally(replications, low, high)

    return run


FLAT = [0.06] * 5
DESIGNS = [
    Design("flat at 6 %, five periods, persons differ", "retention, REVERSE_TREND", "size", trends(FLAT), ALPHA, None),
    Design(
        "flat at 6 %, five periods, a person repeats the period before half of the time",
        "retention, REVERSE_TREND", "size", trends(FLAT, carry=0.5), ALPHA, None,
    ),
    Design(
        "flat at 50 %, two periods, independent", "retention, REVERSE_TREND", "size",
        trends([0.5, 0.5], persons=500, spread=0.0), ALPHA, None,
    ),
    Design(
        "flat at 6 %, six cohorts of 500, any of them", "retention, REVERSE_TREND", "size",
        trends(FLAT, persons=3_000, cohorts=6), ALPHA, None,
    ),
    Design(
        "4 % rising to 7 % over five periods, 800 persons", "retention, REVERSE_TREND", "power",
        trends([0.04, 0.0475, 0.055, 0.0625, 0.07], persons=800), 0.915, None,
        "the power is that of a normal statistic with the variance worked out for this design",
    ),
    Design("ticket, half of the persons in both periods", "growth_chain, lmdi", "coverage", growth("lmdi")),
    Design("ticket, half of the persons in both periods", "growth_chain, shapley", "coverage", growth("shapley")),
]  # fmt: skip
