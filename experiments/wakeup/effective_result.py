"""Cost per effective customer and break-even, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["ALL", "FIELDS", "EffectiveCustomers", "EffectiveRow", "ends", "in_words"]

ALL = "(all)"
FIELDS = (
    Field("customers", "count"), Field("effective", "count"),
    Field("effective_share", "rate"), Field("effective_share_low", "rate"), Field("effective_share_high", "rate"),
    Field("cost", "money"), Field("cost_per_customer", "money"),
    Field("cost_per_effective", "money"), Field("cost_per_effective_low", "money"),
    Field("cost_per_effective_high", "money"),
    Field("value_per_effective", "money"), Field("value_per_effective_low", "money"),
    Field("value_per_effective_high", "money"),
    Field("break_even", "rate"), Field("break_even_low", "rate"), Field("break_even_high", "rate"),
    Field("margin_per_customer", "money"), Field("margin_per_customer_low", "money"),
    Field("margin_per_customer_high", "money"), Field("standing", "text"), Field("note", "text"),
)  # fmt: skip
_MONEY = ("cost", "cost_per_customer", "cost_per_effective")
_WORTH = ("value_per_effective", "break_even", "margin_per_customer", "standing")


def ends(name: str, estimate: Estimate | None) -> dict[str, object]:
    """A number with its interval as three columns."""
    if estimate is None:
        return {}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def in_words(records: Records, name: str) -> Records:
    """The records with the fixed words of one column in the current language, for displays only."""
    columns = tuple(
        [messages.text(f"SPOKEN.{value}") if messages.has(f"SPOKEN.{value}") else value for value in column]
        if field.name == name
        else column
        for field, column in zip(records.fields, records.columns, strict=True)
    )
    return Records(records.fields, columns)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EffectiveRow:
    """One group of customers.

    Attributes:
        key: Values of the grouping columns; None for everybody together.
        customers: Customers acquired.
        effective: Customers who fulfil the condition.
        share: Their share.
        cost: Money spent; None when unknown.
        cost_per_customer: Money per customer acquired.
        cost_per_effective: Money per effective customer.
        worth: Value of an effective customer; None when none was declared.
        break_even: Share at which the money is earned back.
        margin: Value minus money, per customer acquired.
        standing: "above", "below", "undecided": where the margin lies against 0.
        note: Reason codes.
    """

    key: tuple[str, ...] | None
    customers: int
    effective: int
    share: Estimate
    cost: float | None
    cost_per_customer: float | None
    cost_per_effective: Estimate
    worth: Estimate | None
    break_even: Estimate | None
    margin: Estimate | None
    standing: str | None
    note: str

    @property
    def label(self) -> str:
        """The group as text."""
        return ALL if not self.key else ", ".join(self.key)

    def values(self, names: tuple[str, ...]) -> dict[str, object]:
        """The row as columns."""
        key = (ALL,) * len(names) if self.key is None else self.key
        return {
            **dict(zip(names, key, strict=True)), "customers": self.customers, "effective": self.effective,
            **ends("effective_share", self.share), "cost": self.cost, "cost_per_customer": self.cost_per_customer,
            **ends("cost_per_effective", self.cost_per_effective), **ends("value_per_effective", self.worth),
            **ends("break_even", self.break_even), **ends("margin_per_customer", self.margin),
            "standing": self.standing, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class EffectiveCustomers(TabularResult):
    """What a customer costs who fulfils the declared condition, by group.

    Columns: the grouping columns, customers, effective, effective_share with _low and _high, cost, cost_per_customer,
    cost_per_effective with _low and _high, value_per_effective, break_even and margin_per_customer with _low and
    _high, standing, note.

    Attributes:
        names: The grouping columns.
        rows: The groups, and "(all)" when there are several.
        findings: What must be known.
        recipe: How it was made.
    """

    names: tuple[str, ...]
    rows: tuple[EffectiveRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        fields = (*(Field(name, "text") for name in self.names), *FIELDS)
        return Records.from_rows(fields, [row.values(self.names) for row in self.rows])

    def _display(self) -> Display:
        shown = [*self.names, "customers", "effective", "effective_share"]
        if any(row.cost is not None for row in self.rows):
            shown += _MONEY
        if any(row.note for row in self.rows):
            shown.append("note")
        records = in_words(self._records(), "standing")
        tables = [records_table(records, shown, decisive="cost_per_effective")]
        if any(row.worth is not None for row in self.rows):  # one table of all columns is too wide to be read
            tables.append(records_table(records, [*self.names, *_WORTH], decisive="margin_per_customer"))
        values = {"n": self.recipe.n["customers"], "level": self.recipe.settings["level"]}
        why = reasons(row.note for row in self.rows)
        notes = (*self.recipe.sentences(), *why, *(finding.text() for finding in self.findings))
        return Display(messages.text("EFFECTIVE.title", values), (*tables, *notes))
