"""What every customer did before the moment at which the scenes are read, and nothing later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.core.values import instants, same_key_kind
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.acts import read_acts
from experiments.wakeup.states_kernel import local_day
from experiments.wakeup.states_moments import instant_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["Listed", "Log", "read_log"]

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Listed:
    """The checked customers.

    Attributes:
        table: The table as opened.
        persons: The keys, sorted.
        order: Row of the table of each.
    """

    table: Table
    persons: pa.Array
    order: NDArray[np.int64]

    def times(self, column: str, *, allow_null: bool) -> NDArray[np.int64]:
        """A column of times, in the order of the keys.

        Raises:
            TableError: When it cannot be read as times.
        """
        table = self.table
        before, table.roles = table.roles, replace(table.roles, time=column)
        found = instants(table, "time", allow_null=allow_null)
        table.roles = before
        table.problems.raise_if_any()
        if found is None:  # pragma: no cover - a problem was noted, so the line above has raised
            raise InputError(f"the column {column!r} cannot be read as times.")
        ordered: NDArray[np.int64] = found[self.order]
        return ordered


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Log:
    """The events before each customer's moment, sorted by customer and time, and dates out of the customers' table.

    Attributes:
        at: The moment of each customer, microseconds; with day precision the beginning of its day, and all times are
            those of the calendar, whose days have 24 hours.
        customer: Customer of each event, in the order of the customers' table.
        time: When, microseconds.
        event: Code of the event.
        codes: Code of every name that occurs.
        dates: For names that stand for a column: when each customer did it; the smallest int64 for not yet.
        strangers: Persons with events who are not in the customers' table.
    """

    at: NDArray[np.int64]
    customer: NDArray[np.int64]
    time: NDArray[np.int64]
    event: NDArray[np.int64]
    codes: Mapping[str, int]
    dates: Mapping[str, NDArray[np.int64]]
    strangers: int

    def _rows(self, event: str) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.event == self.codes.get(event, -1)
        return found

    def counts(self, event: str) -> NDArray[np.int64]:
        """How often every customer did it."""
        counted: NDArray[np.int64] = np.bincount(self.customer[self._rows(event)], minlength=len(self.at))
        if event in self.dates:
            counted = (self.dates[event] != _NEVER).astype(np.int64)
        return counted

    def last(self, event: str) -> NDArray[np.int64]:
        """When every customer did it last; the smallest int64 for never."""
        if event in self.dates:
            return self.dates[event]
        rows = self._rows(event)
        customer, time = self.customer[rows], self.time[rows]
        found = np.full(len(self.at), _NEVER, np.int64)
        if len(customer):
            ends = np.append(np.flatnonzero(np.diff(customer)), len(customer) - 1)
            found[customer[ends]] = time[ends]
        return found

    def happened(self, event: str, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether every customer did it from `low` to `high`, both included."""
        if event in self.dates:
            when = self.dates[event]
            told: NDArray[np.bool_] = (when != _NEVER) & (when >= low) & (when <= high)
            return told
        rows = self._rows(event)
        customer, time = self.customer[rows], self.time[rows]
        inside = (time >= low[customer]) & (time <= high[customer])
        found = np.zeros(len(self.at), bool)
        found[customer[inside]] = True
        return found

    def known(self, event: str) -> bool:
        """Whether anybody did it before the moment."""
        if event in self.dates:
            return bool((self.dates[event] != _NEVER).any())
        return event in self.codes


def read_log(
    events: object, listed: Listed, at: NDArray[np.int64], *, dates: Mapping[str, str], columns: ColumnsLike
) -> Log:
    """Read the events before each customer's moment.

    Args:
        events: The log: a person, a time, and the name of the event (role ``event``).
        listed: The customers.
        at: The moment of each.
        dates: Names of events that are columns of the customers.
        columns: The user's names of the columns.

    Raises:
        TableError: With every problem of the tables.
    """
    acts = read_acts(events, as_of=instant_of(int(at.max())), columns=columns)
    same_key_kind([(listed.table, listed.persons), (acts.table, acts.persons)], "person")
    acts.table.problems.raise_if_any()
    (own, acting), _ = number_keys(listed.persons, acts.persons)
    position = np.full(int(max(own.max(), acting.max())) + 1, -1, np.int64)
    position[own] = np.arange(len(own))
    place = position[acting]
    named = acts.labels(acts.table.roles.event)
    customer = place[acts.person]
    time, told = acts.time, {name: _dates(listed, column) for name, column in dates.items()}
    if acts.table.roles.precision == "day":  # an event of the moment's own day may have come after the moment
        at, time = local_day(at, acts.zone), local_day(time, acts.zone)
        told = {name: np.where(when == _NEVER, when, local_day(when, acts.zone)) for name, when in told.items()}
    kept = (customer >= 0) & (time < at[np.maximum(customer, 0)])
    seen = np.unique(named.codes[kept])
    return Log(
        at=at, customer=customer[kept], time=time[kept], event=named.codes[kept],
        codes={str(named.names[code]): int(code) for code in seen.tolist()},
        dates={name: np.where(when < at, when, _NEVER) for name, when in told.items()},
        strangers=int((place < 0).sum()),
    )  # fmt: skip


def _dates(listed: Listed, column: str) -> NDArray[np.int64]:
    """When each customer did what a column tells; the smallest int64 where it is empty."""
    names = listed.table.names
    if column not in names:
        raise InputError(f"dates= names the column {column!r}, which the customers lack. {closest(column, names)}")
    return listed.times(column, allow_null=True)
