"""Who of every cohort was there in which period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.tables import Problems
from attribution.core.values import labels as read_labels
from attribution.core.values import same_key_kind
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.retention_periods import NAMED, calendar_cohorts
from experiments.wakeup.states_customers import act_labels, read_registered, textual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.wakeup.acts import Acts
    from experiments.wakeup.retention_periods import Periods
    from experiments.wakeup.states_customers import Registered

__all__ = ["Cohorts", "cell_counts", "cohorts_of", "retained_pairs"]

Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cohorts:
    """The customers whose return is followed.

    Attributes:
        begin: When each begins: the first act, or the registration.
        cohort: Number of the cohort of each.
        names: Names of the cohorts, in order.
        place: Number in here of every acting person; -1 for those who take no part.
        own_act: Whether the beginning is an act of the customer, which is no return.
        findings: Who takes no part.
    """

    begin: NDArray[np.int64]
    cohort: NDArray[np.int64]
    names: tuple[object, ...]
    place: NDArray[np.int64]
    own_act: bool
    findings: tuple[Finding, ...]


def cohorts_of(acts: Acts, registered: object, cohort: str, columns: ColumnsLike, periods: Periods) -> Cohorts:
    """The customers, their beginnings and cohorts.

    Args:
        acts: The acts.
        registered: The registered customers with the time of registration, which then begins; None: the first act.
        cohort: "day", "week", "month", "quarter", "year" of the beginning, "all", or a column.
        columns: The user's names of the columns.
        periods: The periods, which tell what lies before a beginning.
    """
    if not isinstance(cohort, str):
        raise InputError(f'cohort must be one of {", ".join(NAMED)}, "all" or the name of a column, got {cohort!r}.')
    if registered is None:
        place = np.arange(len(acts.persons))
        codes, names = _coded(acts, acts.first, cohort, None, place)
        return Cohorts(begin=acts.first, cohort=codes, names=names, place=place, own_act=True, findings=())
    problems = Problems()
    found = read_registered(registered, columns, problems, timed=True)
    same_key_kind([(acts.table, acts.persons), (found.table, found.person)], "person")
    problems.raise_if_any()
    row = np.flatnonzero(found.since < acts.as_of)
    if not len(row):
        raise InputError("no registered customer was registered before as_of. Check as_of and the times.")
    (listed, acting), _ = number_keys(found.person.take(row), acts.persons)
    order = np.argsort(listed, kind="stable")
    row, listed = row[order], listed[order]
    at = np.minimum(np.searchsorted(listed, acting), len(listed) - 1)
    place = np.where(listed[at] == acting, at, -1)
    codes, names = _coded(acts, found.since[row], cohort, (found, row), place)
    return Cohorts(
        begin=found.since[row], cohort=codes, names=names, place=place, own_act=False,
        findings=_left_out(acts, found, (row, place), periods),
    )  # fmt: skip


def _left_out(
    acts: Acts, found: Registered, listed: tuple[NDArray[np.int64], NDArray[np.int64]], periods: Periods
) -> tuple[Finding, ...]:
    row, place = listed
    made = []
    if len(row) < len(found.since):
        values = {"later": len(found.since) - len(row), "n": len(found.since)}
        made.append(Finding(code="REGISTERED_LATER", status="note", values=values))
    strangers = int((place < 0).sum())
    if strangers:
        values = {"persons": strangers, "n": len(place)}
        made.append(Finding(code="RETENTION_UNREGISTERED", status="warn", values=values))
    known = place[acts.person] >= 0
    begin = found.since[row][place[acts.person[known]]]
    early = int((periods.number(begin, acts.time[known]) < 0).sum())
    if early:
        values = {"acts": early, "n": len(acts.time)}
        made.append(Finding(code="ACTS_BEFORE_COHORT", status="note", values=values))
    return tuple(made)


def _coded(
    acts: Acts,
    begin: NDArray[np.int64],
    cohort: str,
    listed: tuple[Registered, NDArray[np.int64]] | None,
    place: NDArray[np.int64],
) -> tuple[NDArray[np.int64], tuple[object, ...]]:
    """Number of each customer's cohort, and the names."""
    if cohort == "all":
        return np.zeros(len(begin), np.int64), ("all",)
    if cohort in NAMED:
        codes, names = calendar_cohorts(begin, cohort, acts.zone)
        return codes, tuple(names)
    if listed is not None and cohort in listed[0].table.names:
        table = listed[0].table
        named = read_labels(table, cohort)
        table.problems.raise_if_any()
        if named is None:  # pragma: no cover - a problem was noted, so the line above has raised
            raise InputError(f"the column {cohort!r} cannot be read.")
        return _packed(named.codes[listed[1]], named.names)
    if cohort not in acts.table.names:
        known = [*NAMED, "all", *acts.table.names, *(() if listed is None else listed[0].table.names)]
        raise InputError(
            f"cohort={cohort!r} is neither a calendar step nor a column. {closest(cohort, known)} Calendar steps are "
            f"{', '.join(NAMED)}; a column holds one value per customer."
        )
    own = act_labels(acts, cohort)
    if len(own.codes) == len(begin) and (place >= 0).all():
        return _packed(own.codes[np.argsort(place)], own.names)
    with_none = np.append(textual(own.names), "")  # registered customers who never acted have no value
    codes = np.full(len(begin), len(own.names), np.int64)
    codes[place[place >= 0]] = own.codes[place >= 0]
    return _packed(codes, with_none)


def _packed(codes: NDArray[np.int64], names: NDArray[np.object_]) -> tuple[NDArray[np.int64], tuple[object, ...]]:
    """Codes without gaps, and the names that occur."""
    distinct, packed = np.unique(codes, return_inverse=True)
    return packed.reshape(-1).astype(np.int64), tuple(names[distinct].tolist())


def retained_pairs(acts: Acts, people: Cohorts, periods: Periods, count: int) -> Pairs:
    """Customer and period of every period in which a customer acted, each once, by customer and period.

    The act that begins is left out; another act at the same instant counts.
    """
    taking = people.place[acts.person] >= 0
    if people.own_act:
        taking[acts.start[:-1]] = False
    customer = people.place[acts.person[taking]]
    number = periods.number(people.begin[customer], acts.time[taking])
    inside = (number >= 0) & (number < count)
    customer, number = customer[inside], number[inside]
    fresh = np.ones(len(customer), bool)
    fresh[1:] = (customer[1:] != customer[:-1]) | (number[1:] != number[:-1])
    customer, number = customer[fresh], number[fresh]
    # Acts are in the order of their keys; a table of registered customers keeps that order.
    return customer, number


def cell_counts(pairs: Pairs, people: Cohorts, count: int, kind: str) -> NDArray[np.int64]:
    """Customers retained, cohorts by periods.

    Args:
        pairs: Customer and period, each pair once, by customer and period.
        people: The customers.
        count: Number of periods.
        kind: "period": in it; "cumulative": in it or before; "rolling": in it or later.
    """
    customer, number = pairs
    if kind != "period" and len(customer):
        edge = np.ones(len(customer), bool)
        changes = customer[1:] != customer[:-1]
        if kind == "cumulative":
            edge[1:] = changes
        else:
            edge[:-1] = changes
        customer, number = customer[edge], number[edge]
    cells = np.bincount(people.cohort[customer] * count + number, minlength=len(people.names) * count)
    table = cells.reshape(-1, count)
    if kind == "cumulative":
        return np.cumsum(table, axis=1)
    return table if kind == "period" else np.cumsum(table[:, ::-1], axis=1)[:, ::-1]
