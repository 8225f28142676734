"""Pricing touches: the public entrance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems, open_table, to_kind_of
from attribution.costs.lazy import cost_expression
from attribution.costs.rates import touch_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.columns import ColumnsLike

__all__ = ["price_touches"]


def price_touches(
    touches: object, prices: object, *, columns: ColumnsLike = None, waive: str | Sequence[str] = ()
) -> Any:
    """Give every touch its cost, from a price list.

    A touch costs the sum over the price rows of its channel whose basis applies to it:

    | basis | paid for |
    |---|---|
    | sent | every outbound touch |
    | segment | every outbound touch, times its `segments` |
    | delivered | kinds delivered, impression, click |
    | impression | kinds impression, click |
    | click | kind click |
    | attempt | kinds attempt, answered |
    | answered | kind answered |
    | minute | kind answered, times its `minutes` |
    | fixed, incentive | never per touch |

    Args:
        touches: Touches with `channel`; with `kind` where a basis depends on it, `origin` ("outbound", "inbound"; all
            are outbound without it), `segments` where a channel is paid by segment, and a column named ``minutes``
            where one is paid by minute. Never changed.
        prices: Price list with `channel`, `basis`, `unit_cost`. Every channel of the touches must have a row; a free
            channel says so with a price of 0. Optional columns `valid_from` and `valid_to` say when a price holds: from
            the first (included) to the second (excluded), an empty cell meaning always; a touch takes the price that
            holds at its `time`.
        columns: Names of columns that play a role.
        waive: Channels whose price is not known, by declaration: their touches without a price get an empty cost
            (null), never 0, and what is made of it says "unknown". `at.Credit.with_costs` accepts such rows; a verdict
            does not.

    Returns:
        The touches as the same kind of table, with the column `cost` (float, in the money of the price list). A lazy
        table stays lazy: the cost is computed by its own engine, except where prices hold for periods; then the table
        is run once and priced in memory.

    Raises:
        TableError: With every problem of both tables: UNPRICED_CHANNEL, UNPRICED_TOUCH, UNKNOWN_KIND, UNKNOWN_BASIS,
            UNKNOWN_ORIGIN, DUPLICATE_PRICE, OVERLAPPING_PRICE, BAD_PERIOD, MISSING_COLUMN,
            NULL_KEY, NULL_VALUE, NEGATIVE_VALUE, NOT_FINITE, WRONG_TYPE.
        InputError: If the touches already have a cost, or one argument is not a table.

    References:
        The docs page "Costs". Verified against a plain loop over touches and price rows, for every basis and kind, on
        every kind of table.

    Example:
        >>> import pandas as pd
        >>> import attribution as at
        >>> touches = pd.DataFrame({"channel": ["sms", "phone", "phone"], "kind": ["sent", "attempt", "answered"]})
        >>> prices = pd.DataFrame({
        ...     "channel": ["sms", "phone", "phone"],
        ...     "basis": ["sent", "attempt", "answered"],
        ...     "unit_cost": [0.05, 0.2, 1.5],
        ... })
        >>> at.price_touches(touches, prices)["cost"].tolist()
        [0.05, 0.2, 1.7]
    """
    problems = Problems()
    roles, price_roles = columns_for(columns, "touches"), columns_for(columns, "prices")
    waived = (waive,) if isinstance(waive, str) else tuple(waive)
    table = open_table(touches, "touches", roles, problems=problems, required=("channel",))
    if roles.cost in table.names:
        raise InputError(
            f"the touches already have a column {roles.cost!r}: pricing them would overwrite it. Use these costs as "
            f'they are, or drop or rename the column, or name the new one with columns=Columns(cost="...").'
        )
    given = _native(touches)
    frame = nw.from_native(given)  # type: ignore[call-overload]
    if isinstance(frame, nw.LazyFrame):
        expression = cost_expression(table, prices, price_roles, waive=waived)
        if expression is not None:
            return frame.with_columns(expression.alias(roles.cost)).to_native()
        # Run once: a second run may give the rows in another order.
        frame, problems = frame.collect("pyarrow"), Problems()
        table = open_table(frame.to_native(), "touches", roles, problems=problems, required=("channel",))
    list_ = open_table(prices, "prices", price_roles, problems=problems, required=("channel", "basis", "unit_cost"))
    cost = touch_costs(table, list_, waive=waived)
    problems.raise_if_any()
    gaps = np.isnan(cost)
    values: Any = [None if gap else amount for gap, amount in zip(gaps, cost, strict=True)] if gaps.any() else cost
    series = nw.new_series(roles.cost, values, nw.Float64(), backend=frame.implementation)
    priced = frame.with_columns(series)
    if isinstance(nw.from_native(given, pass_through=True), nw.LazyFrame):
        return to_kind_of({column: priced[column].to_arrow() for column in priced.columns}, given)
    return priced.to_native()


def _native(touches: object) -> object:
    """The native table behind an argument: a result of ours stands for its own table."""
    if isinstance(nw.from_native(touches, pass_through=True), (nw.DataFrame, nw.LazyFrame)):
        return touches
    to_arrow: Any = getattr(touches, "to_arrow", None)
    return to_arrow()
