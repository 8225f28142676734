"""Registered persons with the time to their first act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys, labels, same_key_kind
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.act_days import days_of
from experiments.wakeup.dormancy_spells import NEVER

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.values import Labels
    from experiments.wakeup.acts import Acts

__all__ = ["Waits", "first_acts"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Waits:
    """How long each registered person has waited.

    Attributes:
        persons: Their keys.
        days: Days to the first act, or to the date of the data.
        acted: Whether there was an act.
        groups: Their groups; None without.
        findings: Who was set aside.
    """

    persons: pa.Array
    days: NDArray[np.float64]
    acted: NDArray[np.bool_]
    groups: Labels | None
    findings: tuple[Finding, ...]


def first_acts(registrations: object, acts: Acts, *, as_of: object, by: str | None, columns: ColumnsLike) -> Waits:
    """Join registrations to first acts.

    With acts of day precision both times are days: an act on the day of the registration comes after 0 days.

    Raises:
        TableError: For unusable tables, or keys of two kinds.
        InputError: When nobody registered before the date of the data and none of their acts.
    """
    problems = Problems()
    roles = columns_for(columns, "customers")
    table = open_table(registrations, "customers", roles, problems=problems, required=("person", "time"))
    if by is not None:
        table.require_names(by)
    who, when = keys(table, "person"), instants(table, "time")
    grouped = labels(table, by) if by is not None and by in table.names else None
    if who is not None:
        same_key_kind([(replace(acts.table, problems=problems), acts.persons), (table, who)], "person")
    problems.raise_if_any()
    if who is None or when is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the registrations need a person and a time in every row.")
    when = days_of(when, acts)
    (own, other), size = number_keys(acts.persons, who)
    acted = np.full(size, NEVER)
    acted[own] = acts.first
    row = _first_rows(other, when, None if grouped is None else grouped.codes)
    person, start = other[row], when[row]
    early, late = acted[person] < start, start >= acts.as_of
    kept = ~early & ~late
    if not kept.any():
        raise InputError(
            f"none of {len(row)} registered persons can be followed: {int(late.sum())} registered at or after "
            f"as_of={as_of!r}, {int((early & ~late).sum())} acted before they registered. Check both times."
        )
    chosen, start, end = row[kept], start[kept], acted[person[kept]]
    strangers = len(own) - len(np.intersect1d(own, other))
    findings = _findings(len(other) - len(row), int(late.sum()), int((early & ~late).sum()), strangers, str(as_of))
    return Waits(
        persons=who.take(chosen),
        days=(np.minimum(end, acts.as_of - 1) - start) / MICROSECONDS_PER_DAY,
        acted=end < NEVER,
        groups=None if grouped is None else type(grouped)(grouped.codes[chosen], grouped.names),
        findings=findings,
    )


def _first_rows(
    person: NDArray[np.int64], when: NDArray[np.int64], group: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """The row of each person's first registration; of several at one instant that with the first group's name."""
    parts = (when, person) if group is None else (group, when, person)
    order = np.lexsort(parts)
    first = np.concatenate((np.ones(min(len(order), 1), bool), np.diff(person[order]) > 0))
    return np.asarray(order[first], dtype=np.int64)


def _findings(twice: int, late: int, early: int, strangers: int, as_of: str) -> tuple[Finding, ...]:
    found = []
    if late:
        found.append(Finding(code="REGISTRATIONS_AFTER_AS_OF", status="note", values={"persons": late, "as_of": as_of}))
    if twice:
        found.append(Finding(code="REGISTERED_TWICE", status="note", values={"rows": twice}))
    if early:
        found.append(Finding(code="ACTS_BEFORE_REGISTRATION", status="warn", values={"persons": early}))
    if strangers:
        found.append(Finding(code="ACTS_WITHOUT_REGISTRATION", status="note", values={"persons": strangers}))
    return tuple(found)
