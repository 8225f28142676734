"""Offers outside the segment, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import ALL, ends
from experiments.wakeup.offers_eligible import REASONS

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["FIELDS", "OffSegmentOffers", "OfferRow"]

FIELDS = (
    Field("offers", "count"), Field("persons", "count"), Field("off_segment", "count"), Field("off_share", "rate"),
    Field("off_share_low", "rate"), Field("off_share_high", "rate"), *(Field(name, "count") for name in REASONS),
    Field("cost", "money"), Field("cost_off", "money"), Field("cost_off_share", "rate"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OfferRow:
    """One group of offers.

    Attributes:
        key: Values of the grouping columns; None for all offers.
        offers: Offers made.
        persons: Persons who got one.
        share: Share of offers outside the segment.
        reasons: Offers outside by reason.
        cost: Money of all offers; None without a cost.
        cost_off: Money of those outside.
    """

    key: tuple[str, ...] | None
    offers: int
    persons: int
    share: Estimate
    reasons: tuple[int, ...]
    cost: float | None
    cost_off: float | None

    @property
    def off_segment(self) -> int:
        """Offers outside the segment."""
        return sum(self.reasons)

    def values(self, names: tuple[str, ...]) -> dict[str, object]:
        """The row as columns."""
        key = (ALL,) * len(names) if self.key is None else self.key
        part = self.cost_off / self.cost if self.cost and self.cost_off is not None else None
        return {
            **dict(zip(names, key, strict=True)), "offers": self.offers, "persons": self.persons,
            "off_segment": self.off_segment, **ends("off_share", self.share),
            **dict(zip(REASONS, self.reasons, strict=True)), "cost": self.cost, "cost_off": self.cost_off,
            "cost_off_share": part,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class OffSegmentOffers(TabularResult):
    """Offers outside the eligible segment and their cost.

    Columns: the grouping columns, offers, persons, off_segment, off_share with _low and _high, never_listed,
    other_offer, too_early, too_late, cost, cost_off, cost_off_share.

    Attributes:
        names: The grouping columns.
        rows: The groups, and all offers.
        findings: What must be known.
        recipe: How it was made.
    """

    names: tuple[str, ...]
    rows: tuple[OfferRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        fields = (*(Field(name, "text") for name in self.names), *FIELDS)
        return Records.from_rows(fields, [row.values(self.names) for row in self.rows])

    def _display(self) -> Display:
        shown = [*self.names, "offers", "off_segment", "off_share", *REASONS]
        if self.rows[-1].cost is not None:
            shown += ["cost_off", "cost_off_share"]
        values = {**self.recipe.n, "level": self.recipe.settings["level"]}
        table = records_table(self._records(), shown, decisive="off_share")
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(messages.text("OFFERS.title", values), (table, *notes))
