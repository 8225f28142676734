"""A product-sale campaign, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import ALL, ends
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["FIELDS", "STAGES", "SalesCampaign", "SalesHandover", "SalesRow", "SalesStage"]

FIELDS = (
    Field("actual"), Field("target"), Field("completion", "rate"), Field("above_target"), Field("leads", "count"),
    Field("won", "count"), Field("conversion", "rate"), Field("conversion_low", "rate"),
    Field("conversion_high", "rate"), Field("note", "text"),
)  # fmt: skip
STAGES = (
    Field("stage", "text"), Field("reached", "count"), Field("share_step", "rate"), Field("share_step_low", "rate"),
    Field("share_step_high", "rate"), Field("share_total", "rate"), Field("share_total_low", "rate"),
    Field("share_total_high", "rate"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SalesStage:
    """One stage of the leads of a group.

    Attributes:
        name: The stage; empty for all leads.
        reached: Leads that came that far.
        step: Share of the stage before; None for all leads.
        total: Share of all leads; None for all leads.
    """

    name: str
    reached: int
    step: Estimate | None
    total: Estimate | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SalesRow:
    """One group.

    Attributes:
        key: Values of the grouping columns; None for all groups.
        actual: What was sold.
        target: The target; None when missing.
        completion: Actual / target; None where the target is missing or 0.
        handover: The stages of its leads; empty without leads.
        note: Reason code.
        counted: For all groups: what was sold in groups with a target above 0.
    """

    key: tuple[str, ...] | None
    actual: float
    target: float | None
    completion: float | None
    handover: tuple[SalesStage, ...]
    note: str
    counted: float | None = None

    @property
    def label(self) -> str:
        """The group as text."""
        return ALL if self.key is None else ", ".join(self.key)

    def named(self, names: tuple[str, ...]) -> dict[str, object]:
        """The grouping columns."""
        return dict(zip(names, (ALL,) * len(names) if self.key is None else self.key, strict=True))

    def values(self, names: tuple[str, ...]) -> dict[str, object]:
        """The row as columns."""
        compared = self.actual if self.counted is None else self.counted
        last = self.handover[-1] if self.handover else None
        reason = last.total.note if last is not None and last.total is not None else ""
        return {
            **self.named(names), "actual": self.actual, "target": self.target, "completion": self.completion,
            "above_target": None if self.target is None else compared - self.target,
            "leads": self.handover[0].reached if self.handover else None, "won": None if last is None else last.reached,
            **ends("conversion", None if last is None else last.total),
            "note": "; ".join(part for part in (self.note, reason) if part),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SalesHandover(TabularResult):
    """Leads from stage to stage.

    Columns: the grouping columns, stage ("leads" for all of them), reached, share_step and share_total with _low and
    _high.

    Attributes:
        names: The grouping columns.
        rows: The groups.
        recipe: How it was made.
    """

    names: tuple[str, ...]
    rows: tuple[SalesRow, ...]
    recipe: Recipe

    def _records(self) -> Records:
        listed = [
            {
                **row.named(self.names), "stage": stage.name or "leads", "reached": stage.reached,
                **ends("share_step", stage.step), **ends("share_total", stage.total),
            }
            for row in self.rows
            for stage in row.handover
        ]  # fmt: skip
        return Records.from_rows((*(Field(name, "text") for name in self.names), *STAGES), listed)

    def _display(self) -> Display:
        values = {"n": self.recipe.n["leads"], "level": self.recipe.settings["level"]}
        records = self._records()
        first = messages.text("SPOKEN.leads")  # only the stage of all leads has a name of ours; others are the user's
        place = [field.name for field in records.fields].index("stage")
        every = [stage.name for row in self.rows for stage in row.handover]
        columns = list(records.columns)
        columns[place] = [name or first for name in every]
        table = records_table(Records(records.fields, tuple(columns)))
        return Display(messages.text("SALES.handover", values), (table,))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SalesCampaign(TabularResult):
    """Completion against target, and what became of the leads.

    Columns: the grouping columns, actual, target, completion, above_target (actual - target; for all groups over
    those with a target), leads, won, conversion with _low and _high, note.

    Attributes:
        names: The grouping columns.
        rows: The groups, and all of them.
        findings: What must be known.
        recipe: How it was made.
    """

    names: tuple[str, ...]
    rows: tuple[SalesRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def handover(self) -> SalesHandover:
        """The leads from stage to stage, by group; no rows without leads."""
        return SalesHandover(names=self.names, rows=self.rows, recipe=self.recipe)

    def _records(self) -> Records:
        fields = (*(Field(name, "text") for name in self.names), *FIELDS)
        return Records.from_rows(fields, [row.values(self.names) for row in self.rows])

    def _display(self) -> Display:
        records = self._records()
        shown = [*self.names, "actual", "target", "completion", "above_target"]
        shown += ["leads", "won", "conversion"] if self.rows[-1].handover else []
        shown += ["note"] if any(records.column("note")) else []
        values: dict[str, object] = {**self.recipe.n, "level": self.recipe.settings["level"]}
        why = reasons(records.column("note") if self.rows[-1].handover else [row.note for row in self.rows])
        notes = (*self.recipe.sentences(), *why, *(finding.text() for finding in self.findings))
        table = records_table(records, shown, decisive="completion")
        title = "SALES.title" if self.rows[-1].handover else "SALES.title_alone"
        return Display(messages.text(title, values), (table, *notes))
