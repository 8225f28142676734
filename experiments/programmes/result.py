"""A programme of campaigns as a result: each campaign, the running total, shared audiences, verdicts that stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from experiments.design.shown_words import in_words

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display

__all__ = ["AUDIENCES", "CAMPAIGNS", "CONTACTS", "VERDICTS", "Programme"]

messages.register("experiments")

CAMPAIGNS = (
    Field("campaign", "text"), Field("as_of", "text"), Field("treated", "count"), Field("held_out", "count"),
    Field("rate_effect", "per1000"), Field("rate_effect_low", "per1000"), Field("rate_effect_high", "per1000"),
    Field("effect_shrunken", "per1000"), Field("effect_shrunken_low", "per1000"),
    Field("effect_shrunken_high", "per1000"), Field("own_share", "rate"),
    Field("net_per_1000", "money"), Field("net_per_1000_low", "money"), Field("net_per_1000_high", "money"),
    Field("profit", "money"), Field("profit_low", "money"), Field("profit_high", "money"),
    Field("profit_to_date", "money"), Field("profit_to_date_low", "money"), Field("profit_to_date_high", "money"),
    Field("note", "text"),
)  # fmt: skip
AUDIENCES = (
    Field("campaign", "text"), Field("with_campaign", "text"), Field("in_both", "count"),
    Field("share_of_smaller", "rate"), Field("both_treated", "count"), Field("both_held_out", "count"),
    Field("first_only", "count"), Field("second_only", "count"), Field("correlation", "number"),
)  # fmt: skip
CONTACTS = (Field("times_treated", "count"), Field("persons", "count"), Field("share", "rate"))
VERDICTS = (
    Field("campaign", "text"), Field("arm", "text"), Field("control", "text"), Field("segment", "text"),
    Field("threshold", "money"), Field("verdict", "text"), Field("as_of", "text"), Field("days_old", "count"),
    Field("verdict_standing", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Programme(TabularResult):
    """What several campaigns brought together.

    Attributes:
        records: One row per campaign, in the order of their dates: persons treated and held out; ``rate_effect``, the
            difference of the rates of the event (``effect_shrunken``: drawn towards the common mean, ``own_share`` the
            weight of its own estimate); ``net_per_1000`` yuan per 1,000 treated persons; ``profit`` of all treated
            persons; ``profit_to_date``, the running total. Each with ends.
        total: Incremental profit of the whole programme.
        independent_error: Standard error that the total would have if no person were in two campaigns.
        mean_effect: The common mean of the effects; None below three campaigns.
        spread: Median of the standard deviation of the true effects around it; None below three campaigns.
        heterogeneity_p: p-value of the hypothesis that all campaigns have the same effect; None for a single one.
        audiences: Persons that each pair of campaigns shares, and the correlation of their profits' errors.
        contacts: Persons by how many campaigns treated them.
        verdicts: Verdicts of the campaigns with age and standing.
        findings: Held-out persons contacted elsewhere, few events, expired verdicts, strata left out.
        recipe: How it was made.
    """

    records: Records
    total: Estimate
    independent_error: float
    mean_effect: Estimate | None
    spread: float | None
    heterogeneity_p: float | None
    audiences: Records
    contacts: Records
    verdicts: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def sentence(self, lang: str | None = None) -> str:
        """What the programme brought, in one sentence."""
        clear = self.total.low is not None and self.total.high is not None
        code = "open"
        if clear and self.total.low > 0.0:  # type: ignore[operator]
            code = "gain"
        elif clear and self.total.high < 0.0:  # type: ignore[operator]
            code = "loss"
        values = {
            "n": len(self.records), "value": self.total.value, "low": self.total.low, "high": self.total.high,
            "level": self.total.level,
        }  # fmt: skip
        return messages.text(f"PROGRAMME.{code}", values, lang=lang)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        shown = [
            "campaign", "treated", "held_out", "rate_effect",
            *(("effect_shrunken",) if self.spread is not None else ()), "net_per_1000", "profit", "profit_to_date",
        ]  # fmt: skip
        parts: list[object] = [records_table(self.records, shown)]
        if len(self.audiences):
            parts.append(records_table(self.audiences, title=messages.text("PROGRAMME.audiences")))
        parts.append(records_table(self.contacts, title=messages.text("PROGRAMME.contacts")))
        if len(self.verdicts):
            parts.append(
                records_table(in_words(self.verdicts, "verdict_standing"), title=messages.text("PROGRAMME.verdicts"))
            )
        notes = [finding.text() for finding in self.findings]
        return Display(self.sentence(), (*parts, *self.recipe.sentences(), *notes))  # type: ignore[arg-type]
