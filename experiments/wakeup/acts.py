"""The acts of customers: one checked log of person and time, sorted by person and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from attribution.core.columns import ColumnsLike, columns_for
from attribution.core.durations import microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import instants, keys, numbers
from attribution.core.values import labels as read_labels
from attribution.kernels.ordering import person_time_order
from attribution.touches import touch_ids
from experiments.outcomes.events import in_order_of_size
from experiments.outcomes.instant import as_of_microseconds
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.values import Labels

__all__ = ["Acts", "Wanted", "read_acts", "span"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Wanted:
    """What is read of a log beside person and time.

    Attributes:
        required: Roles that must be there.
        optional: Roles that are brought in when they are there; an id of touches may not occur twice.
        asked: Columns that the caller names, which must be there.
    """

    required: Sequence[str] = ()
    optional: Sequence[str] = ()
    asked: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Acts:
    """What customers did, sorted by person, time and nothing else; acts at one instant are several acts.

    Persons are numbered by their sorted keys; person i owns the acts ``start[i]:start[i + 1]``, at least one.

    Attributes:
        persons: The keys, sorted, each once.
        person: Number of the person of each act, ascending.
        time: Microseconds since 1970-01-01 UTC of each act, ascending inside a person. With day precision it is the
            beginning of the day.
        start: Position of each person's first act, and the number of acts at the end.
        row: Row of the caller's table of each act.
        as_of: Until when the log is complete, microseconds; acts at or after it are set aside.
        zone: Time zone of calendar days and months.
        table: The opened table, for columns by their own name.
        findings: What was set aside.
    """

    persons: pa.Array
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    start: NDArray[np.int64]
    row: NDArray[np.int64]
    as_of: int
    zone: ZoneInfo
    table: Table
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Acts of each person."""
        return np.diff(self.start)

    @property
    def first(self) -> NDArray[np.int64]:
        """Time of each person's first act."""
        return self.time[self.start[:-1]]

    @property
    def last(self) -> NDArray[np.int64]:
        """Time of each person's last act."""
        return self.time[self.start[1:] - 1]

    def next_time(self, missing: int) -> NDArray[np.int64]:
        """Time of the same person's next act, for each act; ``missing`` after the last."""
        following = np.full(len(self.time), missing, np.int64)
        following[:-1] = np.where(self.person[1:] == self.person[:-1], self.time[1:], missing)
        return following

    def totals(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of each person's amounts, one per act.

        They are added in order of size: acts of one instant stand in the order of the table, which must change no byte.
        """
        _, ordered = in_order_of_size(self.person, amounts)
        summed: NDArray[np.float64] = np.add.reduceat(ordered, self.start[:-1])
        return summed

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A numeric column of the acts, in their order.

        Raises:
            TableError: When it is missing, empty in places or no number.
        """
        self.table.require_names(name)
        found = numbers(self.table, name) if name in self.table.names else None
        self.table.problems.raise_if_any()
        return np.empty(0) if found is None else found[self.row]

    def labels(self, name: str) -> Labels:
        """A grouping column of the acts, in their order; an empty cell becomes "".

        Raises:
            TableError: When it is missing or nested.
        """
        self.table.require_names(name)
        found = read_labels(self.table, name, narrow=True) if name in self.table.names else None
        self.table.problems.raise_if_any()
        if found is None:  # pragma: no cover - a problem was noted, so the line above has raised
            raise InputError(f"the column {name!r} cannot be read.")
        return type(found)(found.codes[self.row].astype(np.int64), found.names)


def read_acts(
    events: object,
    *,
    as_of: object,
    columns: ColumnsLike = None,
    table: str = "events",
    wanted: Wanted | None = None,
    given: object = None,
) -> Acts:
    """Open and sort a log of acts.

    Args:
        events: A table with a person and a time per act; further columns keep their own names.
        as_of: Until when the log is complete: a date (its end), an aware datetime, or ISO 8601 text.
        columns: Names of the columns, for the table ``"events"``; ``timezone`` serves naive times and calendar days.
        table: Name of the table in ``columns`` and in messages.
        wanted: Further columns.
        given: The date as the user gave it, for messages, where `as_of` was made out of it.

    Raises:
        TableError: For empty or unusable persons and times, missing columns, and ids of touches that repeat.
        InputError: When no act lies before `as_of`.

    Example:
        >>> import pandas as pd
        >>> log = pd.DataFrame({"person_id": ["b", "a", "b"], "time": pd.to_datetime(["2026-03-02", "2026-01-05",
        ...                     "2026-01-09"], utc=True)})
        >>> acts = read_acts(log, as_of="2026-06-30")
        >>> acts.persons.to_pylist(), acts.counts.tolist()
        (['a', 'b'], [1, 2])
    """
    problems, wanted = Problems(), wanted or Wanted()
    roles = columns_for(columns, table)
    end = as_of_microseconds(as_of, roles.timezone)
    required = ("person", "time", *wanted.required)
    opened = open_table(events, table, roles, problems=problems, required=required, optional=tuple(wanted.optional))
    opened.require_names(*wanted.asked)
    person, time = keys(opened, "person"), instants(opened, "time")
    if "touch" in wanted.optional:
        touch_ids(opened)
    if problems.issues and "cost" in wanted.optional:
        numbers(opened, roles.cost)  # read later, but all problems are told at once
    problems.raise_if_any()
    if person is None or time is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the events need a person and a time in every row.")
    known = time < end
    if not known.any():
        raise InputError(_none_known(table, time, given if given is not None else as_of))
    row = None if known.all() else np.flatnonzero(known)
    who, when = (person, time) if row is None else (person.take(row), time[row])
    (codes,), persons = number_keys(who)
    # Rows of one person and instant are told apart by nothing: what is computed must not depend on their order.
    order = person_time_order(codes, when, [lambda tied: tied])
    row, when = order if row is None else row[order], when[order]
    counts = np.bincount(codes, minlength=persons)
    codes = np.repeat(np.arange(persons), counts)
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    later = len(time) - len(row)
    values = {"rows": len(time), "later": later, "as_of": str(given if given is not None else as_of)}
    findings = (Finding(code="ACTS_AFTER_AS_OF", status="note", values=values),) if later else ()
    return Acts(
        persons=person.take(row[start[:-1]]),
        person=codes,
        time=when,
        start=start,
        row=row,
        as_of=end,
        zone=ZoneInfo(roles.timezone or "UTC"),
        table=opened,
        findings=findings,
    )


def _none_known(table: str, time: NDArray[np.int64], given: object) -> str:
    """Why a log says nothing at a date."""
    if not len(time):
        return f"the {table} hold no row, so there is nothing to read. Check how the table was made."
    first = np.datetime_as_string(np.datetime64(int(time.min()), "us"), unit="s", timezone="UTC")
    return (
        f"rows of the {table}: {len(time)}, none of them before {given} (a date stands for its end); the first is of "
        f"{first}. Check the date."
    )


def span(value: str | timedelta, name: str) -> int:
    """A positive duration such as "180d" in microseconds.

    Raises:
        InputError: For a bare number, unknown units, or a duration that is not above 0.
    """
    found = microseconds(parse_duration(value, name=name))
    if found <= 0:
        raise InputError(f'{name} must be longer than 0, for example "180d", got {value!r}.')
    return found
