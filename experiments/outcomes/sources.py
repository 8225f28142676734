"""Reading the tables that outcomes are built from; every problem of every table is told before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.conversions import read_conversions
from attribution.core.columns import columns_for
from attribution.core.durations import microseconds
from attribution.core.errors import WakeLiftError
from attribution.core.tables import Problems, open_table
from attribution.core.values import same_key_kind
from attribution.costs.prices import ALWAYS, FOREVER
from experiments.outcomes.history import read_history
from experiments.outcomes.numbering import number_keys
from experiments.outcomes.persons import ASSIGNMENT_ROLES, read_assignment
from experiments.outcomes.refunds import read_incentives
from experiments.outcomes.spend import read_spend

if TYPE_CHECKING:
    from datetime import timedelta

    import numpy as np
    from numpy.typing import NDArray

    from attribution.conversions import Conversions
    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.outcomes.history import History
    from experiments.outcomes.persons import Assigned
    from experiments.outcomes.spend import Spend

__all__ = ["Sources", "read_sources"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sources:
    """Everything that was read, and joint codes of the persons of all tables.

    Attributes:
        table: The assignment as opened, for its names and problems.
        assigned: The assignment.
        conversions: The conversions, net of refunds.
        incentive: Incentive per row of the conversions, when the table has it; below 0 where a refund took it back.
        spend: Priced touches and fixed sums, when touches were given.
        history: The history, when it was given.
        codes: Person codes by table name; equal persons, equal codes.
        persons: Number of different persons in all tables.
    """

    table: Table
    assigned: Assigned
    conversions: Conversions
    incentive: NDArray[np.float64] | None
    spend: Spend | None
    history: History | None
    codes: dict[str, NDArray[np.int64]]
    persons: int


def read_sources(
    assignment: object,
    conversions: object,
    spent: tuple[object, object],
    history: object,
    *,
    window: timedelta,
    columns: ColumnsLike,
) -> Sources:
    """Open and check all tables; raise one error with everything that is wrong.

    Args:
        assignment: The assignment.
        conversions: The conversions.
        spent: Touches and prices, each None where it was not given.
        history: The history, or None.
        window: Length of a person's window.
        columns: The user's names of the columns.
    """
    touches, prices = spent
    problems = Problems()
    people = open_table(
        assignment, "assignment", columns_for(columns, "assignment"), problems=problems,
        required=("person", "arm", "assigned_at"), optional=ASSIGNMENT_ROLES,
    )  # fmt: skip
    assigned = read_assignment(people)
    booked = read_conversions(conversions, columns_for(columns, "conversions"), problems=problems)
    incentive = None if booked is None else read_incentives(booked)
    spend = None
    if touches is not None:
        spend = read_spend(touches, prices, columns, span=_span(assigned, microseconds(window)), problems=problems)
    past = None if history is None else read_history(history, columns_for(columns, "history"), problems=problems)
    parts = [(people, assigned), *((part.table, part) for part in (booked, spend, past) if part is not None)]
    keyed = [(table, part.person) for table, part in parts if part is not None]
    same_key_kind([pair for pair in keyed if pair[1] is not None and len(pair[1])], "person")
    problems.raise_if_any()
    if assigned is None or booked is None:
        raise WakeLiftError(
            "a table was unusable and nothing was noted; this is an error of the library, please report it."
        )
    coded, size = number_keys(*(array for _, array in keyed if array is not None))
    codes = dict(zip([table.name for table, _ in keyed], coded, strict=True))
    return Sources(
        table=people, assigned=assigned, conversions=booked, incentive=incentive, spend=spend, history=past,
        codes=codes, persons=size,
    )  # fmt: skip


def _span(assigned: Assigned | None, length: int) -> tuple[int, int]:
    """From the first assignment to the end of the last person's window; all of time where nobody is assigned."""
    if assigned is None or not len(assigned.assigned_at):
        return ALWAYS, FOREVER
    return int(assigned.assigned_at.min()), int(assigned.assigned_at.max()) + length
