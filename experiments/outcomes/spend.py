"""What the touches cost, and the sums that no touch costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError, closest
from attribution.core.tables import open_table
from attribution.core.values import numbers
from attribution.costs import fixed_costs, read_prices, refuse_incentives, touch_costs
from attribution.touches import read_touches

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Problems, Table
    from attribution.touches import Touches

__all__ = ["Spend", "fixed_by_row", "read_spend"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spend:
    """The checked touches with their cost, and the fixed sums.

    Attributes:
        table: The touches as opened.
        person: The key.
        time: Microseconds since 1970, UTC.
        cost: Cost of each touch.
        fixed: Fixed sums as (channel, sum, arms).
        priced: Whether the costs come from a price list.
    """

    table: Table
    person: pa.Array
    time: NDArray[np.int64]
    cost: NDArray[np.float64]
    fixed: tuple[tuple[str, float, tuple[str, ...]], ...]
    priced: bool


def read_spend(
    touches: object, prices: object, columns: ColumnsLike, *, span: tuple[int, int], problems: Problems
) -> Spend | None:
    """Read touches and their costs; None when a problem was noted.

    Args:
        touches: The touches.
        prices: The price list, or None.
        columns: The user's names of the columns.
        span: From the first assignment to the end of the last person's window: a fixed cost of another period is none
            of this campaign.
        problems: Where problems are noted.
    """
    roles = columns_for(columns, "touches")
    read = read_touches(touches, roles, problems=problems)
    if prices is None:
        return None if read is None else _own_costs(read)
    if read is not None and read.table.has("cost"):
        raise InputError(
            f"the touches already have a column {roles.cost!r}, so prices= would price them twice. Leave prices out "
            "to use these costs, or drop the column."
        )
    list_ = open_table(
        prices, "prices", columns_for(columns, "prices"), problems=problems,
        required=("channel", "basis", "unit_cost"), optional=("arms", "valid_from", "valid_to"),
    )  # fmt: skip
    known = read_prices(list_)
    if known is None:
        return None
    refuse_incentives(known)
    fixed = tuple(fixed_costs(known, span))
    if read is None:
        return None
    cost = touch_costs(read.table, known)
    return Spend(table=read.table, person=read.person, time=read.time, cost=cost, fixed=fixed, priced=True)


def _own_costs(read: Touches) -> Spend | None:
    table = read.table
    if not table.has("cost"):
        table.problems.add(
            "MISSING_COLUMN", table.name, table.roles.cost, 1,
            message="touches without prices= need a cost of their own. Pass the price list as prices=, or name the "
            f"column with columns=Columns(cost=...). {closest(table.roles.cost, table.names)}",
        )  # fmt: skip
        return None
    cost = numbers(table, table.roles.cost, minimum=0.0)
    if cost is None:
        return None
    return Spend(table=table, person=read.person, time=read.time, cost=cost, fixed=(), priced=False)


def fixed_by_row(
    spend: Spend, arm: NDArray[np.int64], names: NDArray[np.object_], *, problems: Problems
) -> NDArray[np.float64]:
    """The share of the fixed sums of one person of each arm.

    Every sum is spread equally over all assigned persons of its arms.
    """
    persons = np.bincount(arm, minlength=len(names))
    place = {str(name): position for position, name in enumerate(names)}
    share = np.zeros(len(names))
    for channel, amount, arms in spend.fixed:
        unknown = [name for name in arms if name not in place]
        if unknown:
            problems.add(
                "UNKNOWN_ARM", "prices", "arms", len(unknown),
                message=f"the fixed cost of {channel!r} names arms that the assignment does not have. "
                f"{closest(unknown[0], place)}",
                examples=unknown,
            )  # fmt: skip
            continue
        rows = [place[name] for name in arms]
        total = int(persons[rows].sum())
        if total:
            share[rows] += amount / total
    return share
