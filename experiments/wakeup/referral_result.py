"""A referral campaign, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import ALL, ends, in_words
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["FIELDS", "Referral", "ReferralGroup", "ReferralStage"]

FIELDS = (
    Field("stage", "text"), Field("persons", "count"), Field("share_step", "rate"), Field("share_step_low", "rate"),
    Field("share_step_high", "rate"), Field("per_participant", "ratio"), Field("per_participant_low", "ratio"),
    Field("per_participant_high", "ratio"), Field("cost_per", "money"), Field("cost_per_low", "money"),
    Field("cost_per_high", "money"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReferralStage:
    """One stage of one group.

    Attributes:
        name: "participants", "sharers", "invited", "arrived" or "effective".
        n: How many came that far.
        step: Share of the stage before; None where the stage is no part of it.
        mean: Number per participant.
        cost_per: Money per one of them; None without money.
    """

    name: str
    n: int
    step: Estimate
    mean: Estimate
    cost_per: Estimate | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReferralGroup:
    """The stages of one group of participants.

    Attributes:
        key: Values of the grouping columns; None for everybody.
        stages: The stages.
        cost: Money of the group; None without.
        invitations_per_sharer: Invitations to others per participant who shared.
        k_factor: New customers per participant, of one generation: an inference about growth, not a fact.
    """

    key: tuple[str, ...] | None
    stages: tuple[ReferralStage, ...]
    cost: float | None
    invitations_per_sharer: Estimate
    k_factor: Estimate


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Referral(TabularResult):
    """From participants to effective new customers.

    Columns: the grouping columns, stage, persons, share_step, per_participant, cost_per with _low and _high, note.

    Attributes:
        names: The grouping columns.
        groups: The groups, and everybody.
        findings: What was set aside.
        recipe: How it was made.
    """

    names: tuple[str, ...]
    groups: tuple[ReferralGroup, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def k_factor(self) -> Estimate:
        """New customers per participant, everybody together: one generation, an inference about growth."""
        return self.groups[-1].k_factor

    @property
    def invitations_per_sharer(self) -> Estimate:
        """Invitations to others per participant who shared, everybody together."""
        return self.groups[-1].invitations_per_sharer

    def _records(self) -> Records:
        fields = (*(Field(name, "text") for name in self.names), *FIELDS)
        return Records.from_rows(fields, [self._row(group, stage) for group in self.groups for stage in group.stages])

    def _row(self, group: ReferralGroup, stage: ReferralStage) -> dict[str, object]:
        key = (ALL,) * len(self.names) if group.key is None else group.key
        parts = (stage.step.note, stage.mean.note, "" if stage.cost_per is None else stage.cost_per.note)
        return {
            **dict(zip(self.names, key, strict=True)), "stage": stage.name, "persons": stage.n,
            **ends("share_step", stage.step), **ends("per_participant", stage.mean), **ends("cost_per", stage.cost_per),
            "note": "; ".join(dict.fromkeys(part for part in parts if part)),
        }  # fmt: skip

    def _display(self) -> Display:
        records = in_words(self._records(), "stage")
        shown = [*self.names, "stage", "persons", "share_step", "per_participant"]
        shown += [name for name in ("cost_per", "note") if any(records.column(name))]
        values: dict[str, object] = {**self.recipe.n, "level": self.recipe.settings["level"]}
        means = (_told("REFERRAL.per_sharer", self.invitations_per_sharer), _told("REFERRAL.k_factor", self.k_factor))
        why = reasons(records.column("note"))
        notes = (*self.recipe.sentences(), *why, *(finding.text() for finding in self.findings))
        table = records_table(records, shown)
        return Display(messages.text("REFERRAL.title", values), (table, *means, *notes))


def _told(code: str, found: Estimate) -> str:
    """A mean with its interval; without persons there is neither, with one of them no interval."""
    if found.value is None:
        return messages.text(f"{code}_unknown")
    if found.low is None:
        return messages.text(f"{code}_alone", {"value": found.value})
    return messages.text(code, {"value": found.value, "low": found.low, "high": found.high})
