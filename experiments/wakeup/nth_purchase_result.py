"""Customers by the order of their acts, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.plots.plot import Plot
    from experiments.wakeup.nth_purchase_step import HazardStep

__all__ = ["NthPurchase", "NthRow"]

_FIELDS = (
    Field("nth", "count"), Field("reached", "count"), Field("stopped", "count"), Field("hazard", "rate"),
    Field("low", "rate"), Field("high", "rate"), Field("late", "count"), Field("customers", "count"),
    Field("share", "rate"), Field("cumulative", "rate"), Field("next_days"), Field("next_days_low"),
    Field("next_days_high"), Field("note", "text"),
)  # fmt: skip
_VALUE = (Field("value", "money"), Field("value_share", "rate"), Field("value_cumulative", "rate"))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NthRow:
    """One order of acts.

    Attributes:
        nth: The order, from 1.
        reached: Customers with an nth act that can be judged: the silence after it is over.
        stopped: Those without a next act inside that silence.
        hazard: Their share.
        late: Those of the stopped who acted again later.
        customers: Customers with exactly that many acts so far, judged or not.
        share: Their share of all customers.
        cumulative: Share of customers with at most that many acts.
        next_days: Median days from the nth act to the next, by Kaplan-Meier.
        value: Value of all acts of the customers with exactly that many; None without a value.
        value_share: Its share of all value; None where the total is not above 0.
        value_cumulative: Share of the value of customers with at most that many acts.
    """

    nth: int
    reached: int
    stopped: int
    hazard: Estimate
    late: int
    customers: int
    share: float
    cumulative: float
    next_days: Estimate
    value: float | None
    value_share: float | None
    value_cumulative: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class NthPurchase(TabularResult):
    """Who stops after the nth act.

    Columns: nth, reached, stopped, hazard, low, high, late, customers, share, cumulative, next_days, next_days_low,
    next_days_high, note, and with a value column value, value_share, value_cumulative.

    Attributes:
        rows: One row per order.
        step: The most likely single step of the hazard.
        with_value: Whether a value column was named.
        findings: What was set aside, and the step.
        recipe: How it was made.
    """

    rows: tuple[NthRow, ...]
    step: HazardStep
    with_value: bool
    findings: tuple[Finding, ...]
    recipe: Recipe

    def plot(self) -> Plot:
        """Customers by their number of acts, and the share that stops after each."""
        from experiments.plots.dormancy import plot_nth_purchase

        return plot_nth_purchase(self)

    def _records(self) -> Records:
        fields = _FIELDS + _VALUE if self.with_value else _FIELDS
        return Records.from_rows(fields, [_row(row) for row in self.rows])

    def _display(self) -> Display:
        from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

        kinds = {
            "nth": "count", "reached": "count", "stopped": "count", "hazard": "rate", "share": "rate",
            "cumulative": "rate", "next_days": "number",
        }  # fmt: skip
        kinds |= {"value_cumulative": "rate"} if self.with_value else {}
        columns = tuple(DisplayColumn(column_label(name), kind) for name, kind in kinds.items())  # type: ignore[arg-type]
        rows = tuple(
            (
                row.nth, row.reached, row.stopped, Cell(row.hazard.value, row.hazard.low, row.hazard.high), row.share,
                row.cumulative, Cell(row.next_days.value, row.next_days.low, row.next_days.high),
                *((row.value_cumulative,) if self.with_value else ()),
            )
            for row in self.rows
        )  # fmt: skip
        title = messages.text("PURCHASES.title", dict(self.recipe.settings))
        told = tuple(finding.text() for finding in self.findings)
        return Display(title, (DisplayTable(columns, rows), *self.recipe.sentences(), *told))


def _row(row: NthRow) -> dict[str, object]:
    notes = dict.fromkeys(filter(None, (row.hazard.note, row.next_days.note)))
    return {
        "nth": row.nth, "reached": row.reached, "stopped": row.stopped, "hazard": row.hazard.value,
        "low": row.hazard.low, "high": row.hazard.high, "late": row.late, "customers": row.customers,
        "share": row.share, "cumulative": row.cumulative, "next_days": row.next_days.value,
        "next_days_low": row.next_days.low, "next_days_high": row.next_days.high, "note": "; ".join(notes),
        "value": row.value, "value_share": row.value_share, "value_cumulative": row.value_cumulative,
    }  # fmt: skip
