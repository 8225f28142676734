"""The customers whose states are read: everybody who acted, and those who are registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from attribution.core.values import Labels, duplicates, instants, keys, same_key_kind
from attribution.core.values import labels as read_labels
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.wakeup.acts import Acts

__all__ = [
    "EMPTY",
    "NEVER",
    "Customers",
    "act_labels",
    "gather_customers",
    "persons_once",
    "read_registered",
    "textual",
]

NEVER = np.iinfo(np.int64).max
EMPTY = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Registered:
    """The checked list of registered customers, one entry per row.

    Attributes:
        person: The key.
        since: When each was registered, microseconds; the smallest int64 without a time.
        closed: When each account was closed; the largest int64 while it is open.
        table: The opened table.
    """

    person: pa.Array
    since: NDArray[np.int64]
    closed: NDArray[np.int64]
    table: Table


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Customers:
    """Everybody who has a state, sorted by key.

    Attributes:
        persons: The keys, sorted, each once.
        acting: Number of the person in the acts; -1 for those who never acted.
        since: When each was registered; the smallest int64 when that is unknown.
        closed: When each account was closed; the largest int64 while it is open.
        group: A label of each, when one was asked for.
        findings: What does not fit.
    """

    persons: pa.Array
    acting: NDArray[np.int64]
    since: NDArray[np.int64]
    closed: NDArray[np.int64]
    group: Labels | None
    findings: tuple[Finding, ...]


def persons_once(table: Table) -> pa.Array | None:
    """The key of every row of a list of customers; one that is listed twice is noted (REPEATED_PERSON)."""
    person = keys(table, "person")
    if person is not None:
        count, examples = duplicates(person)
        if count:
            message = "a customer is listed more than once; keep one row per customer"
            table.problems.add(
                "REPEATED_PERSON", table.name, table.roles.person, count, message=message, examples=examples
            )
    return person


def read_registered(registered: object, columns: ColumnsLike, problems: Problems, *, timed: bool = False) -> Registered:
    """Read the list of registered customers.

    Args:
        registered: One row per customer: the person, and optionally when it was registered (role ``time``) and when
            the account was closed (role ``closed``).
        columns: Names of the columns, for the table ``"customers"``.
        problems: Where problems are noted.
        timed: Whether every customer needs the time of registration.

    Raises:
        TableError: With every problem of the table: empty keys, customers listed twice (REPEATED_PERSON).
    """
    roles = columns_for(columns, "customers")
    required = ("person", "time") if timed else ("person",)
    table = open_table(registered, "customers", roles, problems=problems, required=required, optional=("closed",))
    person = persons_once(table)
    since = instants(table, "time", allow_null=not timed) if table.has("time") else None
    # Where customers have days alone, an account is open on the day of its closing: acts of that day came before.
    ends = roles.precision == "day"
    closed = instants(table, "closed", end_of_day=ends, allow_null=True) if table.has("closed") else None
    problems.raise_if_any()
    if person is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the list of registered customers needs a person in every row.")
    return Registered(
        person=person,
        since=np.full(len(person), EMPTY, np.int64) if since is None else since,
        closed=np.full(len(person), NEVER, np.int64) if closed is None else np.where(closed == EMPTY, NEVER, closed),
        table=table,
    )


def act_labels(acts: Acts, name: str) -> Labels:
    """One label per acting person out of a column of the acts.

    Raises:
        InputError: When a person has several values: a group belongs to a customer, not to an act.
    """
    found = acts.labels(name)
    first = found.codes[acts.start[:-1]]
    mixed = np.flatnonzero(found.codes != first[acts.person])
    if len(mixed):
        persons = np.unique(acts.person[mixed])
        shown = [repr(key) for key in acts.persons.take(persons[:5]).to_pylist()]
        raise InputError(
            f"the column {name!r} changes within {len(persons)} persons, for example {', '.join(shown)}. A group "
            "belongs to a customer: give it in registered=, or write one value per customer."
        )
    return Labels(first, found.names)


def gather_customers(
    acts: Acts, registered: object, *, columns: ColumnsLike, by: str | None = None, group_default: str = ""
) -> Customers:
    """Everybody who acted, with those registered before the end of the data, and their group.

    Args:
        acts: The acts.
        registered: The list of registered customers; None when there is none.
        columns: The user's names of the columns.
        by: A column of the list, or of the acts when the list has none of that name.
        group_default: The group of customers who are not on the list.
    """
    if registered is None:
        n = len(acts.persons)
        group = None if by is None else act_labels(acts, by)
        return Customers(
            persons=acts.persons, acting=np.arange(n), since=np.full(n, EMPTY, np.int64),
            closed=np.full(n, NEVER, np.int64), group=group, findings=(),
        )  # fmt: skip
    problems = Problems()
    found = read_registered(registered, columns, problems)
    same_key_kind([(acts.table, acts.persons), (found.table, found.person)], "person")
    from_list = by is not None and by in found.table.names
    named = read_labels(found.table, by) if by is not None and from_list else None
    problems.raise_if_any()
    acts.table.problems.raise_if_any()
    known = np.flatnonzero(found.since < acts.as_of)
    (acting, listed), _ = number_keys(acts.persons, found.person.take(known))
    total = int(max(acting.max(initial=-1), listed.max(initial=-1))) + 1
    position = np.full(total, -1, np.int64)
    position[acting] = np.arange(len(acting))
    row = np.full(total, -1, np.int64)
    row[listed] = known
    on_list = row >= 0
    since, closed = np.full(total, EMPTY, np.int64), np.full(total, NEVER, np.int64)
    since[on_list], closed[on_list] = found.since[row[on_list]], found.closed[row[on_list]]
    if by is None:
        group = None
    elif named is None:
        group = _spread(act_labels(acts, by), position, group_default)
    else:
        group = _spread(named, row, group_default)
    return Customers(
        persons=_keys(acts, found, position, row), acting=position, since=since, closed=closed, group=group,
        findings=_misfits(acts, found, known, int((~on_list).sum())),
    )  # fmt: skip


def _keys(acts: Acts, found: Registered, position: NDArray[np.int64], row: NDArray[np.int64]) -> pa.Array:
    """The key of everybody, from whichever table holds it."""
    import pyarrow as pa

    both = pa.concat_arrays([acts.persons, found.person])
    return both.take(np.where(position >= 0, position, len(acts.persons) + row))


def textual(names: NDArray[np.object_]) -> NDArray[np.object_]:
    """Names as text, to stand beside "" in one column."""
    found = np.empty(len(names), dtype=object)
    found[:] = [str(name) for name in names.tolist()]
    return found


def _spread(named: Labels, place: NDArray[np.int64], default: str) -> Labels:
    """Labels of everybody; those without a place get the default, which sorts first."""
    if (place >= 0).all():
        return named.take(place)
    known = textual(named.names)
    names = np.empty(len(known) + 1, dtype=object)
    names[0], names[1:] = default, known
    codes = np.where(place >= 0, named.codes[np.maximum(place, 0)] + 1, 0) if len(named) else np.zeros(len(place), int)
    if default in known.tolist():
        merged = known.tolist().index(default)
        return Labels(np.where(codes == 0, merged, codes - 1), known)
    return Labels(codes, names)


def _misfits(acts: Acts, found: Registered, known: NDArray[np.int64], strangers: int) -> tuple[Finding, ...]:
    made = []
    later = len(found.since) - len(known)
    if later:
        made.append(Finding(code="REGISTERED_LATER", status="note", values={"later": later, "n": len(found.since)}))
    if strangers:
        values = {"persons": strangers, "n": len(acts.persons)}
        made.append(Finding(code="ACTED_UNREGISTERED", status="warn", values=values))
    return tuple(made)
