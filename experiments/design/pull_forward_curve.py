"""Cumulative outcomes by day since the assignment: means and covariances per arm, from the events alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.errors import DesignError, InputError
from experiments.outcomes.events import Windows, match_events
from experiments.outcomes.persons import settle_persons
from experiments.outcomes.refunds import settle_refunds
from experiments.outcomes.sources import read_sources

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding

__all__ = ["Counted", "Curve", "Measure", "curves", "daily_events"]

Measure = Literal["woken", "orders", "value"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Counted:
    """The events of the mature persons, by step since the assignment.

    Attributes:
        arm: Index of the arm of every person.
        arms: Names of the arms, sorted.
        person: Person of each event, as an index.
        step: Step in which each event falls.
        amount: What it adds.
        steps: Number of steps.
        findings: Persons in two arms, events left out.
    """

    arm: NDArray[np.int64]
    arms: tuple[object, ...]
    person: NDArray[np.int64]
    step: NDArray[np.int64]
    amount: NDArray[np.float64]
    steps: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """The cumulative mean of one arm.

    Attributes:
        n: Persons.
        mean: Mean per person up to and with each step.
        covariance: Sample covariance (n - 1) of the cumulative outcomes of a person.
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
        arm=sources.assigned.arm.codes[rows], arms=tuple(sources.assigned.arm.names.tolist()), person=person, step=at,
        amount=amount, steps=-(-length // step), findings=tuple(findings),
    )  # fmt: skip


def curves(counted: Counted) -> dict[object, Curve]:
    """Cumulative means and covariances of every arm that holds persons."""
    from scipy.sparse import csr_matrix

    made: dict[object, Curve] = {}
    for code, name in enumerate(counted.arms):
        n = int((counted.arm == code).sum())
        if not n:
            continue
        own = counted.arm[counted.person] == code
        # Persons without an event are rows of zeros; they count in n and need no row.
        _, row = np.unique(counted.person[own], return_inverse=True)
        shape = (int(row.max(initial=-1)) + 1, counted.steps)
        events = csr_matrix((counted.amount[own], (row.reshape(-1), counted.step[own])), shape=shape)
        mean = np.cumsum(np.asarray(events.sum(axis=0)).ravel()) / n
        products = np.cumsum(np.cumsum((events.T @ events).toarray(), axis=0), axis=1)
        covariance = (products - n * np.outer(mean, mean)) / (n - 1.0) if n > 1 else np.full_like(products, np.nan)
        made[name] = Curve(n=n, mean=mean, covariance=covariance)
    return made
