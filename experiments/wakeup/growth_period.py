"""One period of the growth chain, customer by customer, out of a list of customers and their orders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.core.values import numbers, same_key_kind
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.growth_result import GrowthPeriod
from experiments.wakeup.states import acts_until, ended_early, fingerprint_of
from experiments.wakeup.states_customers import persons_once
from experiments.wakeup.states_moments import check_order, moment_of

if TYPE_CHECKING:
    from datetime import date, datetime

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["growth_period"]

messages.register("experiments")

_FIELDS = (
    Field("person_id", "text"), Field("base", "count"), Field("reached", "count"), Field("buyers", "count"),
    Field("repeat_buyers", "count"), Field("orders", "count"), Field("value", "money"),
)  # fmt: skip


def growth_period(  # noqa: PLR0913 - two tables, the period and two columns
    customers: object,
    orders: object,
    *,
    start: str | date | datetime,
    end: str | date | datetime,
    reached: str,
    base: str | None = None,
    columns: ColumnsLike = None,
) -> GrowthPeriod:
    """Count one period of the growth chain, customer by customer.

    Args:
        customers: One row per customer: the person, and a column that says whether the channel had the customer in this
            period (`reached`: a fan of the private domain, say).
        orders: The orders: a person, a time and a value per order; later and earlier ones are set aside.
        start: The period is (start, end] in days, as for `customer_flows`.
        end: Its end.
        reached: The Boolean (or 0/1) column of the customers reached.
        base: A Boolean (or 0/1) column of the customers who belong to the base (active on the platform); None: all.
        columns: The user's names of the columns, for ``"customers"`` and ``"events"`` (the orders).

    Returns:
        One row per customer of the base: base (1), reached (0/1), buyers (reached, with an order), repeat_buyers (with
        two or more), orders and value (of those reached). Two of them go into `growth_chain`. Orders of others are
        counted in the finding GROWTH_ORDERS_ELSEWHERE: the chain speaks of the value that the channel's customers
        brought, not of value that the channel caused.

    Raises:
        TableError: With every problem of the tables.
        InputError: For dates out of order, columns that are not 0 or 1, or a period before every order.

    Verified against: sums in plain Python, in tests/experiments.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> people = pd.DataFrame({"person_id": ["a", "b", "c"], "fan": [True, True, False]})
        >>> log = pd.DataFrame({"person_id": ["a", "a", "c"], "value": [10.0, 20.0, 5.0],
        ...                     "time": pd.to_datetime(["2026-06-03", "2026-06-09", "2026-06-04"], utc=True)})
        >>> ex.growth_period(people, log, start="2026-05-31", end="2026-06-30", reached="fan").totals
        {'base': 3.0, 'reached': 2.0, 'buyers': 1.0, 'repeat_buyers': 1.0, 'orders': 2.0, 'value': 30.0}
    """
    roles = columns_for(columns, "events")
    ends = moment_of(start, roles), moment_of(end, roles)
    check_order(*ends, (start, end))
    table, persons, belongs, had = _customers(customers, (reached, base), columns)
    acts, _ = acts_until(orders, ends[1], end, columns)
    same_key_kind([(table, persons), (acts.table, acts.persons)], "person")
    acts.table.problems.raise_if_any()
    value = acts.numbers(acts.table.roles.value)
    (own, acting), _ = number_keys(persons, acts.persons)
    position = np.full(int(max(own.max(), acting.max())) + 1, -1, np.int64)
    position[own] = np.arange(len(own))
    inside = acts.time >= ends[0].cut
    row = position[acting][acts.person]
    counted = inside & (row >= 0) & (had & belongs)[np.maximum(row, 0)]
    count = np.bincount(row[counted], minlength=len(persons))
    # Orders of one instant stand in the order of the caller's rows; added by size, their sum is the same in any order.
    ordered = np.flatnonzero(counted)[np.lexsort((value[counted], row[counted]))]
    worth = np.bincount(row[ordered], weights=value[ordered], minlength=len(persons))
    order = np.argsort(own, kind="stable")
    order = order[belongs[order]]
    some = [np.ones(len(order), np.int64), had[order].astype(np.int64), (count[order] > 0).astype(np.int64)]
    held: list[NDArray[Any]] = [*some, (count[order] > 1).astype(np.int64), count[order], worth[order]]
    elsewhere = inside & ~counted
    found: tuple[Finding, ...] = ()
    if elsewhere.any():
        values = {"orders": int(elsewhere.sum()), "n": int(inside.sum()), "value": math.fsum(value[elsewhere].tolist())}
        found = (Finding(code="GROWTH_ORDERS_ELSEWHERE", status="note", values=values),)
    held_columns: list[Any] = [persons.take(order), *held]
    settings = {"start": ends[0].label, "end": ends[1].label, "reached": reached, "base": base or "-"}
    return GrowthPeriod(
        records=Records(_FIELDS, tuple(held_columns)),
        totals={field.name: math.fsum(column.tolist()) for field, column in zip(_FIELDS[1:], held, strict=True)},
        findings=(*found, *ended_early(acts, end)),
        recipe=Recipe(
            method="growth_period", definitions=("GROWTH_PERIOD",), settings=settings,
            n={"customers": len(order), "orders": int(counted.sum())}, fingerprint=fingerprint_of(acts),
        ),
    )  # fmt: skip


def _customers(
    customers: object, named: tuple[str, str | None], columns: ColumnsLike
) -> tuple[Table, pa.Array, NDArray[np.bool_], NDArray[np.bool_]]:
    """The customers, whether each belongs to the base, and whether each was reached."""
    problems = Problems()
    roles = columns_for(columns, "customers")
    table = open_table(customers, "customers", roles, problems=problems, required=("person",))
    persons = persons_once(table)
    table.require_names(*(name for name in named if name is not None))
    flags = [numbers(table, name) if name is not None and name in table.names else None for name in named]
    problems.raise_if_any()
    for name, flag in zip(named, flags, strict=True):
        other = np.empty(0) if flag is None else flag[~np.isin(flag, (0.0, 1.0))]
        if len(other):
            shown = ", ".join(f"{value:g}" for value in np.unique(other)[:5])
            raise InputError(
                f"the column {name!r} must hold 0 and 1 (or Booleans) alone; rows with something else: {len(other)}, "
                f"for example {shown}. Recode it."
            )
    if persons is None or flags[0] is None or not len(persons):
        raise InputError("the customers hold no row, so there is nothing to count.")
    belongs = np.ones(len(persons), bool) if flags[1] is None else flags[1] == 1.0
    return table, persons, belongs, flags[0] == 1.0
