"""Quality of the sources of acquisition, as a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.estimates import Estimate
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import ALL, ends, in_words
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from attribution.plots.plot import Plot

__all__ = ["DISTRIBUTION", "FIELDS", "ChannelQuality", "Distribution", "QualityRow"]


def _interval(name: str, kind: ValueKind) -> tuple[Field, ...]:
    return tuple(Field(name + end, kind) for end in ("", "_low", "_high"))


FIELDS = (
    Field("customers", "count"), Field("bought", "count"), Field("observed", "count"), *_interval("lost", "rate"),
    Field("rest_lost", "rate"), *_interval("lost_difference", "pp"), Field("p_value", "p"), Field("p_adjusted", "p"),
    Field("deal_hunters", "text"), *_interval("purchases", "number"), *_interval("value", "money"),
    *_interval("share_new", "rate"), Field("cost", "money"), Field("cost_per_customer", "money"),
    *_interval("effective_share", "rate"), *_interval("cost_per_effective", "money"), Field("note", "text"),
)  # fmt: skip
DISTRIBUTION = (Field("purchases", "text"), Field("customers", "count"), *_interval("share", "rate"))


def _unknown() -> Estimate:
    return Estimate(value=None)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QualityRow:
    """One source of acquisition.

    Attributes:
        key: The source; None for everybody.
        customers: Customers it brought.
        bought: Those with a purchase.
        observed: Those whose loss can be seen.
        lost: Share lost, of those observed.
        purchases: Mean number of purchases in the time of observation.
        value: Mean value of these purchases; None without a value.
        share_new: Share of customers who were new; None when unknown.
        effective: Share who fulfil the condition; None without one.
        cost: Money spent; None when unknown.
        cost_per_customer: Money per customer.
        cost_per_effective: Money per effective customer.
        unpaid: Whether spend was given, but none for this source.
        distribution: Customers with 1, 2, 3, 4, and 5 or more purchases, and their shares.
        rest: Share lost of all other sources together; None for "(all)".
        difference: Share lost minus that of the others.
        p_value: One-sided p-value of "lost at most the margin more".
        p_adjusted: The same, by Holm over the sources.
        deal_hunters: "flagged", "no", "undecided".
        reason: Why there is no comparison.
    """

    key: str | None
    customers: int
    bought: int
    observed: int
    lost: Estimate
    purchases: Estimate
    value: Estimate | None
    share_new: Estimate | None
    effective: Estimate | None
    cost: float | None
    cost_per_customer: float | None
    cost_per_effective: Estimate | None
    unpaid: bool
    distribution: tuple[tuple[int, Estimate], ...]
    rest: Estimate | None = None
    difference: Estimate = field(default_factory=_unknown)
    p_value: float | None = None
    p_adjusted: float | None = None
    deal_hunters: str | None = None
    reason: str = ""

    @property
    def note(self) -> str:
        """Reason codes of everything undefined."""
        parts = [self.lost.note, self.reason, self.purchases.note, self.difference.note]
        parts += ["NO_SPEND" if self.unpaid else ""]
        parts += [part.note for part in (self.value, self.share_new, self.cost_per_effective) if part is not None]
        return "; ".join(dict.fromkeys(part for text in parts for part in text.split("; ") if part))

    @property
    def rest_lost(self) -> float | None:
        """Share lost of all other sources."""
        return None if self.rest is None else self.rest.value

    def values(self, source: str) -> dict[str, object]:
        """The row as columns."""
        return {
            source: ALL if self.key is None else self.key, "customers": self.customers, "bought": self.bought,
            "observed": self.observed, **ends("lost", self.lost), "rest_lost": self.rest_lost,
            **ends("lost_difference", self.difference), "p_value": self.p_value, "p_adjusted": self.p_adjusted,
            "deal_hunters": self.deal_hunters, **ends("purchases", self.purchases), **ends("value", self.value),
            **ends("share_new", self.share_new), "cost": self.cost, "cost_per_customer": self.cost_per_customer,
            **ends("effective_share", self.effective), **ends("cost_per_effective", self.cost_per_effective),
            "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Distribution(TabularResult):
    """How many purchases the customers of each source made in the time of observation.

    Columns: the source, purchases ("1" to "4", "5+"), customers, share with share_low and share_high.

    Attributes:
        source: Name of the source column.
        rows: Rows as plain values.
        recipe: How it was made.
    """

    source: str
    rows: tuple[dict[str, object], ...]
    recipe: Recipe

    def _records(self) -> Records:
        return Records.from_rows((Field(self.source, "text"), *DISTRIBUTION), self.rows)

    def _display(self) -> Display:
        values = {"n": self.recipe.n["observed"], "level": self.recipe.settings["level"]}
        table = records_table(self._records())
        return Display(messages.text("QUALITY.distribution", values), (table, *self.recipe.sentences()))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ChannelQuality(TabularResult):
    """Sources of acquisition side by side.

    Columns: the source, customers, bought, observed, lost, rest_lost, lost_difference, p_value, p_adjusted,
    deal_hunters, purchases, value, share_new, cost, cost_per_customer, effective_share, cost_per_effective, note;
    random figures with _low and _high.

    Attributes:
        source: Name of the source column.
        rows: The sources, and "(all)".
        findings: What must be known.
        recipe: How it was made.
    """

    source: str
    rows: tuple[QualityRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def purchases(self) -> Distribution:
        """How many purchases the customers of each source made, over the same time for everybody."""
        listed = []
        for row in self.rows:
            for number, (count, share) in enumerate(row.distribution, start=1):
                text = f"{number}+" if number == len(row.distribution) else str(number)
                named = {self.source: ALL if row.key is None else row.key, "purchases": text, "customers": count}
                listed.append({**named, **ends("share", share)})
        return Distribution(source=self.source, rows=tuple(listed), recipe=self.recipe)

    def plot(self) -> Plot:
        """The shares lost by source, with their intervals, flagged sources marked."""
        from experiments.plots.quality import plot_quality

        return plot_quality(self)

    def _records(self) -> Records:
        fields = (Field(self.source, "text"), *FIELDS)
        return Records.from_rows(fields, [row.values(self.source) for row in self.rows])

    def _display(self) -> Display:
        records = in_words(self._records(), "deal_hunters")
        judged = ["customers", "observed", "lost", "lost_difference", "p_adjusted", "deal_hunters", "note"]
        worth = ["purchases", "value", "share_new", "cost_per_customer", "effective_share", "cost_per_effective"]
        tables = [  # one table of all columns is too wide to be read
            records_table(records, [self.source, *_filled(records, judged)], decisive="lost"),
            records_table(records, [self.source, *_filled(records, worth)], decisive="purchases"),
        ]
        values = {"n": self.recipe.n["customers"], "level": self.recipe.settings["level"]}
        why = reasons(row.note for row in self.rows)
        notes = (*self.recipe.sentences(), *why, *(finding.text() for finding in self.findings))
        return Display(messages.text("QUALITY.title", values), (*tables, *notes))


_OPTIONAL = frozenset({"value", "share_new", "cost_per_customer", "effective_share", "cost_per_effective", "note"})


def _filled(records: Records, names: Sequence[str]) -> list[str]:
    """The columns without those that may be empty and are."""
    return [
        name for name in names if name not in _OPTIONAL or any(item not in (None, "") for item in records.column(name))
    ]
