"""The tables that a bank would hand over, made of the simulator's arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.by_number import addressed
from experiments.simulation.constants import (
    ARMS,
    ASSIGNED_AT,
    COUNT_CLASSES,
    RECENCY_CLASSES,
    SOURCES,
    TYPES,
)
from experiments.simulation.harms import HARMS
from experiments.simulation.past import ACTS, span_of_history
from experiments.simulation.text import codes, hashes, names
from experiments.simulation.touchlog import CAMPAIGNS, CHANNELS, KINDS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.harms import Harms
    from experiments.simulation.hazards import Returns
    from experiments.simulation.outcomes import Realised
    from experiments.simulation.past import PastActs
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population
    from experiments.simulation.returns import Events
    from experiments.simulation.touchlog import TouchLog

__all__ = ["Booked", "Identifiers", "Tables", "frame", "instants"]

Columns = dict[str, Any]
_DAY = 86_400
_DIGITS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Who stands in the table of the assignment.

    Attributes:
        unit: Index of the unit.
        person: Index of its person.
    """

    unit: NDArray[np.int64]
    person: NDArray[np.int64]


class Identifiers:
    """Customer numbers and person ids as text, and the customer number under which an event was booked."""

    def __init__(self, population: Population, seed: int) -> None:
        total = len(population.owner)
        width = max(_DIGITS, len(str(total)))
        # Objects, so that every table points to the same text instead of holding it again.
        self.customer: NDArray[Any] = codes("C", np.arange(1, total + 1), width=width).astype(object)
        self.person = self.customer[population.smallest]
        self._of_person = np.argsort(population.owner, kind="stable")
        self._begin = np.cumsum(population.numbers) - population.numbers
        self._numbers = population.numbers
        self._seed = seed

    def booked(self, person: NDArray[np.int64], purpose: str) -> NDArray[np.int64]:
        """One of the person's customer numbers for each event, at random."""
        uniform = generator(self._seed, f"simulate.{purpose}").random(len(person))
        place = self._begin[person] + (uniform * self._numbers[person]).astype(np.int64)
        booked: NDArray[np.int64] = self._of_person[place]
        return booked


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Booked:
    """The conversions, in the order of time.

    Attributes:
        person: Index of the person.
        number: Index of the customer number.
        seconds: Time after the first assignment.
        value: Margin.
        incentive: Coupon paid.
    """

    person: NDArray[np.int64]
    number: NDArray[np.int64]
    seconds: NDArray[np.int64]
    value: NDArray[np.float64]
    incentive: NDArray[np.float64]


class Tables:
    """Makes each table once; holds what several tables need."""

    def __init__(self, constants: Constants, population: Population, *, placing: Placing, seed: int) -> None:
        self._constants = constants
        self._population = population
        self._placing = placing
        self._start = placing.start
        self._seed = seed
        self._ids = Identifiers(population, seed)

    def customers(self) -> pd.DataFrame:
        """One row per customer number; the history of the person is repeated on each."""
        p, owner = self._population, self._population.owner
        links = self._links()
        last, first_day = span_of_history(p, self._start, self._seed)
        first = np.datetime64(ASSIGNED_AT.date().isoformat(), "D") - first_day.astype("timedelta64[D]")
        return frame(
            {
                "customer_id": links["customer_id"],
                "person_id": self._ids.person[owner],
                "phone": links["phone"],
                "device": links["device"],
                "source": names(SOURCES, p.source[owner]),
                "first_date": first[owner].astype("datetime64[s]"),
                "last_active_at": instants(last[owner]),
                "n_invest": p.investments[owner],
                "amount_total": p.amount_total[owner],
                "amount_max": p.amount_max[owner],
                "recency_days": p.recency_days[owner],
                "opt_out_sms": p.no_sms[owner],
                "opt_out_phone": p.no_phone[owner],
                "opt_out_push": p.no_push[owner],
                "is_test": np.zeros(len(owner), dtype=bool),
            }
        )

    def links(self) -> pd.DataFrame:
        """What connects customer numbers: the phone is shared within a person, the device never across persons."""
        return frame(self._links())

    def _links(self) -> Columns:
        p, owner = self._population, self._population.owner
        device = hashes("d", np.arange(len(p.kind)), seed=2 * self._seed + 1)[owner].astype(object)
        device[~p.installed[owner]] = None
        return {
            "customer_id": self._ids.customer,
            "phone": hashes("p", owner, seed=2 * self._seed),
            "device": device,
        }

    def assignment(self) -> pd.DataFrame:
        """One row per assigned unit: a person, or a customer number where those were assigned."""
        placing, who = self._placing, self._units()
        return frame(
            {
                **self._keys(who),
                "arm": names(ARMS, placing.arm[who.unit]),
                "p_assign": placing.probability[who.unit],
                "assigned_at": instants(self._start[who.person]),
                **self._strata(who),
            }
        )

    def _units(self) -> Units:
        """The units in the table of the assignment, and their persons."""
        if self._constants.design.by_number:
            return Units(np.arange(len(self._population.owner)), self._population.owner)
        kept = np.flatnonzero(self._placing.kept)
        return Units(kept, kept)

    def _keys(self, who: Units) -> Columns:
        number = {"customer_id": self._ids.customer[who.unit]} if self._constants.design.by_number else {}
        return {**number, "person_id": self._ids.person[who.person]}

    def _strata(self, who: Units) -> Columns:
        waves = self._constants.design.waves
        if not waves:
            return {"stratum": names(RECENCY_CLASSES, self._population.recency_class[who.person])}
        wave = names([each.name for each in waves], self._placing.wave[who.person])
        return {"stratum": wave, "wave": wave}

    def touches(self, log: TouchLog) -> pd.DataFrame:
        """One row per touch, in the order of time."""
        total = len(log.person)
        width = max(_DIGITS, len(str(total)))
        inbound = (log.channel == CHANNELS.index("search")).astype(np.int8)
        return frame(
            {
                "touch_id": lambda: codes("T", np.arange(1, total + 1), width=width),
                "person_id": lambda: self._ids.person[log.person],
                "customer_id": lambda: self._ids.customer[self.touched(log)],
                "time": lambda: instants(log.seconds),
                "channel": lambda: names(CHANNELS, log.channel),
                "kind": lambda: names(KINDS, log.kind),
                "origin": lambda: names(("outbound", "inbound"), inbound),
                "campaign": lambda: names(CAMPAIGNS, log.campaign),
                "segments": lambda: _nullable(log.segments, log.segments > 0),
            }
        )

    def touched(self, log: TouchLog) -> NDArray[np.int64]:
        """The customer number that was touched: any of the person's, or the one on whose list the touch was."""
        drawn = self._ids.booked(log.person, "touch_customer")
        if not self._constants.design.by_number:
            return drawn
        listed = addressed(self._population.owner, self._placing.arm)[log.person]
        return np.where(log.channel == CHANNELS.index("search"), drawn, listed)

    def booked(self, events: Events) -> Booked:
        """First and second conversions, in the order of time, each on one of the person's numbers."""
        first, again = np.flatnonzero(events.returned_at >= 0), np.flatnonzero(events.again_at >= 0)
        person = np.concatenate([first, again])
        seconds = np.concatenate([events.returned_at[first], events.again_at[again]]) + self._start[person]
        order = np.lexsort((person, seconds))
        return Booked(
            person=person[order],
            number=self._ids.booked(person[order], "conversion_customer"),
            seconds=seconds[order],
            value=np.concatenate([events.value[first], events.again_value[again]])[order],
            incentive=np.concatenate([events.redeemed[first], np.zeros(len(again))])[order],
        )

    def conversions(self, booked: Booked) -> pd.DataFrame:
        """One row per conversion, in the order of time."""
        total = len(booked.person)
        return frame(
            {
                "conversion_id": codes("V", np.arange(1, total + 1), width=max(_DIGITS, len(str(total)))),
                "person_id": self._ids.person[booked.person],
                "customer_id": self._ids.customer[booked.number],
                "time": instants(booked.seconds),
                "value": booked.value,
                "incentive_cost": booked.incentive,
            }
        )

    def prices(self, fixed: dict[str, float]) -> pd.DataFrame:
        """The price list: a touch costs the sum over the rows of its channel whose basis applies to it."""
        c = self._constants
        rows: list[tuple[str, str, float, str | None]] = [
            ("push", "delivered", c.push_price, None),
            ("banner", "impression", c.banner_price, None),
            ("banner", "fixed", fixed["banner"], ";".join(ARMS[1:])),
            ("search", "click", c.search_price, None),
            ("sms", "segment", c.sms_price, None),
            ("phone", "attempt", c.attempt_price, None),
            ("phone", "answered", c.answered_price, None),
            ("phone", "fixed", fixed["phone"], ARMS[-1]),
        ]
        channel, basis, unit_cost, arms = zip(*rows, strict=True)
        return frame(
            {
                "channel": np.array(channel, dtype=object),
                "basis": np.array(basis, dtype=object),
                "unit_cost": np.array(unit_cost),
                "arms": np.array(arms, dtype=object),
            }
        )

    def touch_costs(self, log: TouchLog) -> NDArray[np.float64]:
        """Cost of each touch by itself."""
        c = self._constants
        attempts = c.attempt_price * (log.kind >= KINDS.index("attempt"))
        answered = c.answered_price * (log.kind == KINDS.index("answered"))
        unit = np.array([c.push_price, c.banner_price, c.search_price, c.sms_price, 0.0])
        times = np.where(log.channel == CHANNELS.index("sms"), log.segments, 1)
        costs: NDArray[np.float64] = unit[log.channel] * times + attempts + answered
        return costs

    def spend(self, log: TouchLog, fixed: dict[str, float]) -> pd.DataFrame:
        """Realised cost of each channel over everybody, with its lump sum."""
        cost = np.bincount(log.channel, self.touch_costs(log), minlength=len(CHANNELS))
        lump = np.array([fixed.get(channel, 0.0) for channel in CHANNELS])
        return frame({"channel": np.array(CHANNELS, dtype=object), "cost": cost + lump})

    def history(self, realised: Realised, events: Events, harms: Harms) -> pd.DataFrame:
        """What the bank knows of each person, and the closing of the account."""
        return frame({"person_id": self._ids.person, **self._history(realised, events, harms)})

    def acts(self, past: PastActs) -> pd.DataFrame:
        """One row per act before the assignment."""
        return frame(
            {
                "person_id": self._ids.person[past.person],
                "time": instants(past.seconds),
                "kind": names(ACTS, past.kind),
                "value": past.value,
            }
        )

    def harms(self, harms: Harms) -> pd.DataFrame:
        """Opt-outs and complaints of each person."""
        return frame({"person_id": self._ids.person, **self._harms(harms)})

    def _harms(self, harms: Harms) -> Columns:
        columns: Columns = {}
        for name in HARMS:
            at = harms.seconds[name]
            columns |= {f"{name}_at": instants(at + self._start, at >= 0), name: (at >= 0).astype(np.int64)}
        return columns

    def _history(self, realised: Realised, events: Events, harms: Harms) -> Columns:
        p = self._population
        told = self._harms(harms) if self._constants.design.harms else {}
        return {
            "source": names(SOURCES, p.source),
            "n_invest": p.investments,
            "count_class": names(COUNT_CLASSES, p.count_class),
            "recency_days": p.recency_days,
            "recency_class": names(RECENCY_CLASSES, p.recency_class),
            "amount_total": p.amount_total,
            "closed_at": instants(events.closed_at + self._start, events.closed_at >= 0),
            "closed": realised.closed,
            **told,
        }

    def outcomes(
        self, realised: Realised, events: Events, harms: Harms, *, by_number: Realised | None = None
    ) -> pd.DataFrame:
        """One row per assigned unit.

        Args:
            realised: Outcomes of persons.
            events: What happened to them.
            harms: Opt-outs and complaints.
            by_number: Outcomes of customer numbers, where those were assigned.
        """
        placing, who, seen = self._placing, self._units(), by_number or realised
        history = {name: column[who.person] for name, column in self._history(realised, events, harms).items()}
        return frame(
            {
                **self._keys(who),
                "arm": names(ARMS, placing.arm[who.unit]),
                "p_assign": placing.probability[who.unit],
                **self._strata(who),
                "woken": seen.woken[who.unit],
                "value": seen.value[who.unit],
                "orders": seen.orders[who.unit],
                "touch_cost": seen.touch_cost[who.unit],
                "incentive_cost": seen.incentive_cost[who.unit],
                "fixed_cost": seen.fixed_cost[who.unit],
                "cost": (seen.touch_cost + seen.incentive_cost + seen.fixed_cost)[who.unit],
                **history,
            }
        )

    def truth(
        self,
        returns: Returns,
        *,
        cost: NDArray[np.float64],
        closing: NDArray[np.float64],
        value_mean: NDArray[np.float64],
        harms: Harms,
    ) -> pd.DataFrame:
        """What no bank can know: each person's probabilities and expected cost under every arm."""
        p = self._population
        columns: Columns = {"person_id": self._ids.person}
        for prefix, array in (("p", returns.probability), ("c", cost), ("closed", closing)):
            columns |= {f"{prefix}_{arm}": array[index] for index, arm in enumerate((*ARMS, "leaked")[: len(array)])}
        columns |= {"value_mean": value_mean, "hunter": p.hunter, "type": names(TYPES, p.kind)}
        for day, array in returns.later.items():
            columns |= {f"p{day}_{arm}": array[index] for index, arm in enumerate(ARMS)}
        for name, array in harms.probability.items() if self._constants.design.harms else ():
            columns |= {f"{name}_{arm}": array[index] for index, arm in enumerate((*ARMS, "leaked")[: len(array)])}
        return frame({**columns, **self._treated()})

    def _treated(self) -> Columns:
        """What went otherwise than assigned, in the scenarios in which something did."""
        design, placing = self._constants.design, self._placing
        given = names((*ARMS, "leaked"), placing.given)
        wave = [each.name for each in design.waves]
        chosen: Columns = {"wave": names(wave, placing.wave)} if design.waves else {}
        if design.contamination > 0 or design.dropped > 0 or design.by_number:
            chosen["given"] = given
        if design.dropped > 0:
            chosen["dropped"] = ~placing.kept
        return chosen


def frame(columns: Columns) -> pd.DataFrame:
    """A table of arrays, or of functions that make one, so that wide text is not held for all columns at once."""
    import pandas as pd

    return pd.DataFrame({name: _column(made() if callable(made) else made) for name, made in columns.items()})


def _column(array: Any) -> Any:
    """Rows numbered from 0; text made of objects, so that every pandas release chooses its own dtype for text."""
    import pandas as pd

    if isinstance(array, pd.Series):
        return array.reset_index(drop=True)  # the rows of a table are numbered from 0, whoever is left out
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "UO":
        return array
    return pd.Series(array.astype(object, copy=False))


def instants(seconds: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> pd.Series[pd.Timestamp]:
    """Seconds after assignment as instants in UTC; null where not known."""
    import pandas as pd

    start = np.datetime64(int(ASSIGNED_AT.timestamp()), "s").astype("datetime64[us]")
    times = start + (seconds * 1_000_000).astype("timedelta64[us]")
    if known is not None:
        times = np.where(known, times, np.datetime64("NaT", "us"))
    return pd.Series(times).dt.tz_localize("UTC")


def _nullable(values: NDArray[np.integer[Any]], known: NDArray[np.bool_]) -> Any:
    """Whole numbers with nulls."""
    import pandas as pd

    return pd.arrays.IntegerArray(values.astype(np.int64), ~known)
