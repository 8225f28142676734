"""A whole customer base whose silences are known: what they end in is the same for every customer and date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.randomness import check_seed, generator
from experiments.simulation.constants import AS_OF, ASSIGNED_AT
from experiments.simulation.past import ACTS
from experiments.simulation.tables import frame, instants
from experiments.simulation.text import codes, names

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SimulatedActs", "simulate_acts"]

LEAVES = 0.10  # after every act, for good
GAPS = ((0.75, 25.0), (0.25, 150.0))  # share and mean (days) of the exponential gaps otherwise
YEARS_OF_ARRIVAL = 4
_MOST = 100_000_000  # the log is made in memory
_DAY = 86_400
_MEDIAN, _SIGMA = 4_000.0, 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SimulatedActs:
    """The acts of a customer base, and what is true of them.

    Attributes:
        events: person_id, time, kind (registration, or investment), value: yuan invested, 0 for registrations.
        as_of: Date of the data: acts are known until its end, in UTC.
        seed: Seed of all streams.
    """

    events: pd.DataFrame
    as_of: date
    seed: int

    def silent(self, days: float) -> float:
        """The probability that an act is followed by none for this many days.

        Raises:
            InputError: For a negative or infinite number of days.
        """
        if isinstance(days, bool) or not isinstance(days, Real) or not 0 <= days < math.inf:
            raise InputError(f"days must be a number of days from 0 on, got {days!r}.")
        return LEAVES + (1 - LEAVES) * sum(share * math.exp(-days / mean) for share, mean in GAPS)

    def returning(self, days: float, *, horizon: float) -> float:
        """R(d): the probability that a silence of this many days ends within the horizon (days) that follows.

        Raises:
            InputError: For a negative or infinite number of days.

        Example:
            >>> base = simulate_acts(persons=100)
            >>> round(base.returning(0, horizon=25), 3)
            0.461
        """
        now = self.silent(days)
        self.silent(horizon)  # a horizon must be a number of days, too
        return 1.0 - self.silent(float(days) + float(horizon)) / now

    def cut(self, share: float, *, horizon: float) -> int:
        """The smallest whole number of days at which R(d) is at most this share; it never rises again.

        Raises:
            InputError: For a share outside (0, 1).

        Example:
            >>> simulate_acts(persons=100).cut(0.05, horizon=180)
            507
        """
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share < 1:
            raise InputError(f"share must lie between 0 and 1, got {share!r}.")
        low, high = -1, 1
        while self.returning(high, horizon=horizon) > share:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.returning(middle, horizon=horizon) > share else (low, middle)
        return high


def simulate_acts(*, persons: int = 20_000, seed: int = 0) -> SimulatedActs:
    """The event log of a customer base with known silences: registrations and investments over four years.

    Customers arrive evenly; the first investment comes with the registration, minutes later. After every investment a
    customer leaves for good with probability 0.10; otherwise the next follows after a gap drawn from a mixture of two
    exponentials (means 25 and 150 days, three to one). Gaps do not depend on customer, number or date, so the
    probability that a silence of d days ends within H more is R(d) = 1 - S(d + H) / S(d), and `returning` tells it.

    Args:
        persons: Number of customers, at least 1.
        seed: Seed of all streams; the same seed gives the same log.

    Raises:
        InputError: For fewer than one person or a negative seed.

    Verified against: the shares of silences that end, counted in the log, in exact binomial bands.

    Example:
        >>> base = simulate_acts(persons=1_000, seed=7)
        >>> base.events["kind"].value_counts()["registration"]
        np.int64(1000)
    """
    if isinstance(persons, bool) or not isinstance(persons, Integral) or not 1 <= persons <= _MOST:
        raise InputError(f"persons must be a whole number of at least 1, got {persons!r}. At most {_MOST:,} are made.")
    count, seed = int(persons), check_seed(seed)
    end = (datetime.combine(AS_OF, time.max, UTC) - ASSIGNED_AT).total_seconds()
    arrived = end - generator(seed, "acts.arrival").random(count) * YEARS_OF_ARRIVAL * 365 * _DAY
    person, seconds = _investments(arrived, end, seed)
    registered = arrived - 60 - generator(seed, "acts.registration").random(count) * 1_800
    amount = _MEDIAN * np.exp(_SIGMA * generator(seed, "acts.amount").standard_normal(len(person)))
    who = np.concatenate([np.arange(count), person])
    when = np.concatenate([registered, seconds]).astype(np.int64)
    kind = np.repeat([ACTS.index("registration"), ACTS.index("investment")], [count, len(person)])
    value = np.concatenate([np.zeros(count), np.maximum(np.round(amount, 2), 0.01)])
    order = np.lexsort((kind, who, when))
    label = codes("B", np.arange(1, count + 1), width=max(7, len(str(count)))).astype(object)
    events = frame(
        {
            "person_id": lambda: label[who[order]],
            "time": lambda: instants(when[order]),
            "kind": lambda: names(ACTS, kind[order]),
            "value": lambda: value[order],
        }
    )
    return SimulatedActs(events=events, as_of=AS_OF, seed=seed)


def _investments(arrived: NDArray[np.float64], end: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Person and time of every investment before the end; one round of draws per number of investments."""
    stream = generator(seed, "acts.gaps")
    shares, means = (np.array(each) for each in zip(*GAPS, strict=True))
    person, seconds = np.arange(len(arrived)), arrived
    persons, times = [person], [seconds]
    while len(person):
        drawn = stream.random((2, len(person)))
        stays = drawn[0] >= LEAVES
        mean = means[np.searchsorted(np.cumsum(shares)[:-1], drawn[1], side="right")]
        seconds = seconds + stream.standard_exponential(len(person)) * mean * _DAY
        going = stays & (seconds < end)
        person, seconds = person[going], seconds[going]
        persons.append(person)
        times.append(seconds)
    return np.concatenate(persons), np.concatenate(times)
