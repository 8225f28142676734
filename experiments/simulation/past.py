"""What the customers of a campaign did before it: an event log that agrees with the columns of their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.population import Population

__all__ = ["ACTS", "PastActs", "draw_past_acts", "span_of_history"]

ACTS = ("registration", "login", "investment")
_DAY = 86_400
_LOGINS = 1.5  # log-ins without an investment, per investment after the first


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PastActs:
    """Columns of the log, in the order of time, then person, then kind.

    Attributes:
        person: Index of the person.
        seconds: Time after the first assignment, below 0 but for later waves.
        kind: Index into `ACTS`.
        value: Yuan invested, 0 for other acts.
    """

    person: NDArray[np.int64]
    seconds: NDArray[np.int64]
    kind: NDArray[np.int64]
    value: NDArray[np.float64]


def span_of_history(
    population: Population, start: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The last act, in seconds after the first assignment, and the first day, in days before it."""
    p, persons = population, len(population.kind)
    clock = (generator(seed, "simulate.last_active").random(persons) * _DAY).astype(np.int64)
    last = clock - p.recency_days * _DAY + start
    tenure = 30 + generator(seed, "simulate.tenure").random(persons) * 1_500 + 20 * p.investments
    first_day = np.where(p.investments == 1, p.recency_days, p.recency_days + tenure.astype(np.int64))
    return last, first_day - start // _DAY


def draw_past_acts(population: Population, start: NDArray[np.int64], seed: int) -> PastActs:
    """Registration, investments and log-ins; the last act is an investment, at the time of the history."""
    last, first_day = span_of_history(population, start, seed)
    persons, count = len(last), population.investments
    opened = -first_day * _DAY
    clock = generator(seed, "simulate.first_clock").random(persons) * 12 + 9
    first = np.where(count == 1, last, opened + (clock * 3_600).astype(np.int64))
    registered = opened + (generator(seed, "simulate.registered").random(persons) * (first - opened)).astype(np.int64)
    invested, invested_at = _investments(count, first, last, seed)
    visits = generator(seed, "simulate.logins").poisson(_LOGINS * (count - 1))
    visitor = np.repeat(np.arange(persons), visits)
    share = generator(seed, "simulate.login_time").random(len(visitor))
    visited = first[visitor] + (share * (last - first)[visitor]).astype(np.int64)
    person = np.concatenate([np.arange(persons), visitor, invested])
    seconds = np.concatenate([registered, visited, invested_at])
    kind = np.repeat(np.arange(len(ACTS)), [persons, len(visitor), len(invested)])
    value = np.concatenate([np.zeros(persons + len(visitor)), _amounts(population, invested, seed)])
    order = np.lexsort((kind, person, seconds))
    return PastActs(person=person[order], seconds=seconds[order], kind=kind[order], value=value[order])


def _investments(
    count: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Person and time of every investment: the first, the last, and the others uniformly in between."""
    person = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    share = generator(seed, "simulate.invested_time").random(len(person))
    share[place == 0] = 0.0
    share[place == count[person] - 1] = 1.0
    seconds = first[person] + (share * (last - first)[person]).astype(np.int64)
    seconds = np.where(place == count[person] - 1, last[person], seconds)
    return person, seconds


def _amounts(population: Population, person: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Amounts in whole cents that sum to the total, the largest as in the history; which one it is is drawn."""
    p, count = population, population.investments
    total = np.round(p.amount_total * 100).astype(np.int64)
    largest = np.where(count == 1, total, np.minimum(np.round(p.amount_max * 100).astype(np.int64), total))
    begin = np.cumsum(count) - count
    place = np.arange(len(person)) - begin[person]
    drawn = generator(seed, "simulate.largest_place").random(len(count))
    is_largest = place == (drawn * count).astype(np.int64)[person]
    others, rest = np.maximum(count - 1, 1), total - largest
    even = rest / others
    # Around the even split, each at least 0 and at most the largest.
    noise = generator(seed, "simulate.amounts").random(len(person)) - 0.5
    noise[is_largest] = 0.0
    centred = noise - (np.bincount(person, noise, minlength=len(count)) / others)[person]
    room = np.minimum(even, np.maximum(largest - even, 0.0))
    cents = np.floor(even[person] + centred * room[person]).astype(np.int64)
    cents[is_largest] = largest
    short = total - np.bincount(person, cents, minlength=len(count)).astype(np.int64)
    rank = place - (place > (drawn * count).astype(np.int64)[person])
    cents += (~is_largest) & (rank < short[person])  # a cent each, until the sum is right
    return cents / 100
