"""Cumulative outcomes by day since the assignment: means and covariances per arm, from the events alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.errors import DesignError, InputError
from experiments.design.common_grid import check_control
from experiments.design.log_end import log_end
from experiments.outcomes.events import Windows, match_events
from experiments.outcomes.persons import settle_persons
from experiments.outcomes.refunds import settle_refunds
from experiments.outcomes.sources import read_sources

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from experiments.design.log_end import LogEnd

__all__ = ["Counted", "Curve", "Measure", "curves", "daily_events"]

_FEWEST = 2
Measure = Literal["woken", "orders", "value"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counted:
    """The events of the mature persons, by step since the assignment.

    Attributes:
        arm: Index of the arm of every person.
        arms: Names of the arms, sorted.
        stratum: Index of the stratum of every person; 0 without strata.
        start: When every person was assigned, microseconds.
        person: Person of each event, as an index.
        step: Step in which each event falls.
        amount: What it adds.
        steps: Number of steps.
        findings: Persons in two arms, events left out.
        log: Where the conversions end, those of everybody; None where too few say it.
    """

    arm: NDArray[np.int64]
    arms: tuple[object, ...]
    stratum: NDArray[np.int64]
    start: NDArray[np.int64]
    person: NDArray[np.int64]
    step: NDArray[np.int64]
    amount: NDArray[np.float64]
    steps: int
    findings: tuple[Finding, ...]
    log: LogEnd | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """The cumulative mean of one arm, over the strata by their persons.

    Attributes:
        n: Persons.
        mean: Mean per person up to and with each step.
        covariance: Covariance of the mean over the steps.
    """

    n: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def daily_events(  # noqa: PLR0913 - what both tables and the clock say
    assignment: object,
    conversions: object,
    *,
    horizon: timedelta,
    step: int,
    last: int,
    column: Measure,
    columns: ColumnsLike,
) -> Counted:
    """Read the tables, keep the persons whose horizon is over, and place their events.

    Args:
        assignment: The assignment.
        conversions: The conversions.
        horizon: How long everybody is followed.
        step: Length of a step, microseconds.
        last: Latest assignment whose horizon is over, microseconds.
        column: "woken": the first conversion; "orders": all of them; "value": their value.
        columns: The user's names of the columns.

    Raises:
        TableError: With every problem of both tables.
        DesignError: NONE_MATURE when nobody's horizon is over.
    """
    sources = read_sources(assignment, conversions, (None, None), None, window=horizon, columns=columns)
    code = sources.codes["assignment"]
    settled, findings = settle_persons(sources.table, sources.assigned, code, two_arms="first")
    sources.table.problems.raise_if_any()
    rows = settled[sources.assigned.assigned_at[settled] <= last]
    rows = rows[np.argsort(code[rows])]  # persons in the order of their keys, whatever the order of the rows
    if not len(rows):
        raise DesignError(
            "NONE_MATURE", "no person has been followed for the whole horizon at as_of (less lag). Choose a shorter "
            "horizon=, or wait.",
        )  # fmt: skip
    row = np.full(sources.persons, -1, dtype=np.int64)
    row[code[rows]] = np.arange(len(rows))
    length = int(horizon.total_seconds() * 1e6)
    nobody = np.zeros(sources.persons, bool)
    start = sources.assigned.assigned_at[rows]
    windows = Windows(row=row, immature=nobody, excluded=nobody, start=start, length=length)
    booked = sources.conversions
    refunds = settle_refunds(booked, None, sources.codes["conversions"], windows)
    counted = ~(booked.refund | refunds.refunded)
    stratum = sources.assigned.stratum
    matched = match_events(windows, sources.codes["conversions"], booked.time, counted, name="CONVERSIONS")
    if column == "value" and not booked.has_value:
        raise InputError('column="value" needs a value in the conversions. Name it with columns=, or read "woken".')
    since = booked.time[matched.inside] - start[matched.row]
    amount = refunds.value[matched.inside] if column == "value" else np.ones(len(since))
    person, at = matched.row, since // step
    order = np.lexsort((amount, at, person))
    person, at, amount = person[order], at[order], amount[order]
    if column == "woken":
        first = np.ones(len(person), bool)
        first[1:] = person[1:] != person[:-1]
        person, at, amount = person[first], at[first], amount[first]
    return Counted(
        arm=sources.assigned.arm.codes[rows], arms=tuple(sources.assigned.arm.names.tolist()),
        stratum=np.zeros(len(rows), np.int64) if stratum is None else stratum.codes[rows],
        start=start, person=person, step=at, amount=amount, steps=-(-length // step), findings=tuple(findings),
        log=log_end(booked.time),
    )  # fmt: skip


def curves(counted: Counted, *, control: str) -> tuple[dict[object, Curve], int]:
    """Cumulative means of every arm that holds persons, and the number of persons in strata that take no part.

    Every stratum is weighted by its persons of all arms, as the readout does; one with fewer than two persons of an arm
    takes no part.

    Raises:
        DesignError: NO_HOLDOUT without control persons, NO_COMMON_STRATUM when no stratum is left.
    """
    wide = len(counted.arms)
    persons = np.bincount(counted.stratum * wide + counted.arm, minlength=(int(counted.stratum.max()) + 1) * wide)
    persons = persons.reshape(-1, wide)
    there = np.flatnonzero(persons.sum(axis=0))
    check_control([counted.arms[int(code)] for code in there], control)
    used = np.flatnonzero((persons[:, there] >= _FEWEST).all(axis=1))
    if not len(used):
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds at least {_FEWEST} persons of every arm who were followed for the whole horizon. Use "
            "coarser strata, or an assignment without the column of the stratum.",
        )
    everyone = persons[used].sum()
    cell = (counted.stratum * wide + counted.arm)[counted.person]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(persons.size + 1))
    made: dict[object, Curve] = {}
    for code in there.tolist():
        mean, covariance = np.zeros(counted.steps), np.zeros((counted.steps, counted.steps))
        for stratum in used.tolist():
            place, n = stratum * wide + code, int(persons[stratum, code])
            own_mean, own = _cell_curve(counted, order[starts[place] : starts[place + 1]], n)
            weight = persons[stratum].sum() / everyone
            mean, covariance = mean + weight * own_mean, covariance + weight**2 / n * own
        made[counted.arms[code]] = Curve(n=int(persons[used, code].sum()), mean=mean, covariance=covariance)
    return made, int(persons.sum() - everyone)


def _cell_curve(counted: Counted, events: NDArray[np.int64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cumulative mean and sample covariance (n - 1) of the n persons of one stratum and arm."""
    from scipy.sparse import csr_matrix

    # Persons without an event are rows of zeros; they count in n and need no row.
    _, row = np.unique(counted.person[events], return_inverse=True)
    shape = (int(row.max(initial=-1)) + 1, counted.steps)
    made = csr_matrix((counted.amount[events], (row.reshape(-1), counted.step[events])), shape=shape)
    mean = np.cumsum(np.asarray(made.sum(axis=0)).ravel()) / n
    products = np.cumsum(np.cumsum((made.T @ made).toarray(), axis=0), axis=1)
    return mean, (products - n * np.outer(mean, mean)) / (n - 1.0)
