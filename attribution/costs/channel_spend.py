"""What a channel cost in a campaign's window, over everybody touched: touches, lump sums and incentives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.conversions import read_conversions
from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import instants, labels, numbers
from attribution.costs.moments import window_of
from attribution.costs.prices import PriceList, fixed_prices, read_prices, refuse_incentives
from attribution.costs.rates import touch_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.formats import ValueKind
    from attribution.core.values import Labels
    from attribution.costs.moments import Moment

__all__ = ["INCENTIVES", "ChannelSpend", "channel_spend"]

INCENTIVES = "(incentives)"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ChannelSpend(TabularResult):
    """Total cost by channel: touches, touch_cost, fixed_cost, cost; goes straight into `Credit.with_costs`.

    Attributes:
        rows: One row per channel, sorted; incentives last, in the row "(incentives)".
        findings: COST_WAIVED, SPEND_OUTSIDE_WINDOW.
        recipe: How the costs were made.
    """

    rows: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.rows

    def _display(self) -> Display:
        said = [finding.text() for finding in self.findings]
        title = messages.text("CHANNEL_SPEND_TITLE")
        return Display(title, (records_table(self.rows), *said, *self.recipe.sentences()))


def channel_spend(
    touches: object,
    prices: object,
    *,
    window: tuple[Moment, Moment] | None = None,
    conversions: object = None,
    waive: str | Sequence[str] = (),
    columns: ColumnsLike = None,
) -> ChannelSpend:
    """What each channel cost in all, over everybody touched in the campaign's window, lump sums included.

    The cost of a channel is the cost of its touches (see `price_touches`) plus its fixed prices. A fixed price without
    a period is the lump sum of this campaign and counts in full; one with a period counts when its period lies inside
    the window, and is an error when it crosses an edge: how much of it belongs to the campaign is not ours to guess.

    Args:
        touches: As for `price_touches`, of everybody, converters or not; with `time` when there is a window.
        prices: Price list, as for `price_touches`. Incentives are refused here: what was paid per conversion is booked
            with the conversions.
        window: (from, to): touches and conversions at or after the first and before the second count. Aware datetimes,
            ISO 8601 text with an offset, or dates and naive times with ``columns=Columns(timezone=...)``. Everything
            counts by default.
        conversions: With a column `incentive_cost`: their sum becomes the row "(incentives)", which is of no channel.
        waive: Channels whose price is not known; their cost is then undefined, never 0.
        columns: Names of columns that play a role.

    Returns:
        channel, touches, touch_cost, fixed_cost, cost: money as in the price list. A waived channel with a touch
        without a price has no touch_cost and no cost.

    Raises:
        TableError: Every problem of the tables; besides those of `price_touches` FIXED_ACROSS_WINDOW, INCENTIVE_PRICE.
        InputError: For a window that is none, or touches that have a cost of their own.

    References:
        The docs page "Costs". Verified against the simulator's own spend, and a plain loop over rows with a window.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"time": when, "channel": ["sms", "phone"], "kind": ["sent", "answered"]})
        >>> prices = pd.DataFrame({
        ...     "channel": ["sms", "phone", "phone"],
        ...     "basis": ["sent", "answered", "fixed"],
        ...     "unit_cost": [0.05, 4.0, 300.0],
        ... })
        >>> at.channel_spend(touches, prices).table()["cost"].tolist()
        [304.0, 0.05]
    """
    problems = Problems()
    roles = columns_for(columns, "touches")
    waived = (waive,) if isinstance(waive, str) else tuple(waive)
    span = window_of(window, roles.timezone)
    table = open_table(touches, "touches", roles, problems=problems, required=("channel",))
    if table.has("cost"):
        raise InputError(
            f"the touches already have a column {roles.cost!r}, so prices would price them twice. Drop the column, or "
            "sum it by channel yourself."
        )
    list_ = open_table(
        prices, "prices", columns_for(columns, "prices"), problems=problems, required=("channel", "basis", "unit_cost")
    )
    known = read_prices(list_)
    every = table.rows
    if window is not None:
        table = _inside(touches, table, span)
    _note_reserved(table, list_, known)
    priced = None if known is None else _priced(table, known, waived)
    fixed = {} if known is None else _fixed(known, span)
    paid = None
    if conversions is not None:
        paid = _incentives(conversions, columns, span, problems=problems)
    problems.raise_if_any()
    if priced is None:
        raise InputError("the touches cannot be read.")
    rows = [_row(name, priced, fixed.get(name, 0.0)) for name in sorted({*priced.names(), *fixed})]
    if paid is not None:
        rows.append({"channel": INCENTIVES, "fixed_cost": 0.0, "cost": paid})
    return ChannelSpend(
        rows=Records.from_rows([Field(name, kind) for name, kind in _FIELDS.items()], rows),
        findings=_findings(rows, priced, outside=every - table.rows),
        recipe=_recipe(table, window, waived),
    )


def _note_reserved(touches: Table, prices: Table, known: PriceList | None) -> None:
    """Note channels that are named as the row of the incentives, which no channel may share."""
    column = touches.arrow(touches.roles.channel).to_pylist() if touches.readable(touches.roles.channel) else []
    listed = [] if known is None else [price.channel for price in known.rows]
    for table, count in ((touches, column.count(INCENTIVES)), (prices, listed.count(INCENTIVES))):
        if count:
            message = f"{INCENTIVES!r} is the name of the row of what was paid per conversion; rename the channel"
            table.problems.add("RESERVED_NAME", table.name, table.roles.channel, count, message=message)


@dataclass(frozen=True, slots=True, eq=False)
class _Priced:
    """The touches inside the window with their cost."""

    channel: Labels
    cost: NDArray[np.float64]

    def names(self) -> list[str]:
        return [str(name) for name in self.channel.names]

    def of(self, name: str) -> NDArray[np.float64]:
        """The costs of a channel; nan where there is no price."""
        names = self.names()
        if name not in names:
            return np.empty(0)
        found: NDArray[np.float64] = self.cost[self.channel.codes == names.index(name)]
        return found


def _priced(table: Table, prices: PriceList, waived: tuple[str, ...]) -> _Priced | None:
    channel = labels(table, table.roles.channel, missing=None)
    cost = touch_costs(table, prices, waive=waived)
    return None if channel is None else _Priced(channel, cost)


def _inside(touches: object, table: Table, span: tuple[int, int]) -> Table:
    """The touches inside the window: those outside need no price. All of them when their times are unusable (noted)."""
    native: Any = nw.from_native(touches, pass_through=True)
    frame = native if isinstance(native, (nw.DataFrame, nw.LazyFrame)) else nw.from_native(native.to_arrow())
    if isinstance(frame, nw.LazyFrame):  # run once: a second run may give another order of rows
        frame = frame.collect("pyarrow")
        table = open_table(frame.to_native(), table.name, table.roles, problems=table.problems)
    when = instants(table, "time") if table.require("time") else None
    if when is None:
        return table
    inside = (when >= span[0]) & (when < span[1])
    kept = (frame if inside.all() else frame.filter(inside.tolist())).to_native()  # an empty filter is refused
    return open_table(kept, table.name, table.roles, problems=table.problems)


_FIELDS: dict[str, ValueKind] = {
    "channel": "text",
    "touches": "count",
    "touch_cost": "money",
    "fixed_cost": "money",
    "cost": "money",
}


def _row(channel: str, priced: _Priced, fixed: float) -> dict[str, object]:
    mine = priced.of(channel)
    spent = None if np.isnan(mine).any() else _sum(mine)
    total = None if spent is None else spent + fixed
    return {"channel": channel, "touches": len(mine), "touch_cost": spent, "fixed_cost": fixed, "cost": total}


def _sum(amounts: NDArray[np.float64]) -> float:
    """Added in the order of size, so that the order of the rows changes no bit."""
    return float(np.sort(amounts).sum())


def _fixed(prices: PriceList, span: tuple[int, int]) -> dict[str, float]:
    """Lump sums by channel; those whose period crosses an edge of the window are noted."""
    found = dict[str, list[float]]()
    refuse_incentives(prices)
    for price in fixed_prices(prices, span):
        found.setdefault(price.channel, []).append(price.unit_cost)
    return {channel: _sum(np.array(sums)) for channel, sums in found.items()}


def _incentives(
    conversions: object, columns: ColumnsLike, span: tuple[int, int], *, problems: Problems
) -> float | None:
    """What was paid for the conversions inside the window; a refund that took an incentive back carries it negative."""
    booked = read_conversions(conversions, columns_for(columns, "conversions"), problems=problems)
    if booked is None or not booked.table.require("incentive"):
        return None
    table = booked.table
    paid = numbers(table, table.roles.incentive)
    if paid is None:
        return None
    negative = (paid < 0) & ~booked.refund
    if negative.any():
        table.problems.add(
            "NEGATIVE_VALUE", table.name, table.roles.incentive, int(negative.sum()),
            message="an incentive below 0 is allowed on a refund alone, and says that it was taken back",
            examples=[f"row {row}" for row in np.flatnonzero(negative)[:5]],
        )  # fmt: skip
    inside = (booked.time >= span[0]) & (booked.time < span[1])
    return _sum(paid[inside])


def _findings(rows: Sequence[dict[str, object]], priced: _Priced, *, outside: int) -> tuple[Finding, ...]:
    found = []
    total, unknown = len(priced.cost), int(np.isnan(priced.cost).sum())
    if unknown:
        keys = ", ".join(str(row["channel"]) for row in rows if row["cost"] is None)
        found.append(Finding(code="COST_WAIVED", status="warn", values={"n": unknown, "rows": total, "keys": keys}))
    if outside:
        values = {"n": outside, "rows": total + outside}
        found.append(Finding(code="SPEND_OUTSIDE_WINDOW", status="note", values=values))
    return tuple(found)


def _recipe(table: Table, window: object, waived: tuple[str, ...]) -> Recipe:
    roles = table.roles
    used = (roles.channel, roles.kind, roles.origin, roles.segments, roles.time)
    columns = {name: table.arrow(name) for name in used if name in table.names}
    settings = {"window": "" if window is None else str(window), "waive": waived}
    return Recipe(
        method="channel_spend",
        definitions=("TOUCH_COST", "CHANNEL_SPEND"),
        settings=settings,
        n={"touches": table.rows},
        fingerprint=fingerprint(columns),
    )
