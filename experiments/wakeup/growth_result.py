"""The growth chain in two periods as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display

__all__ = ["GrowthChain", "GrowthFactor", "GrowthPeriod"]

messages.register("experiments")

_FIELDS = (
    Field("link", "text"), Field("level_before"), Field("level_after"), Field("contribution", "money"),
    Field("contribution_low", "money"), Field("contribution_high", "money"), Field("share_of_change", "rate"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GrowthFactor:
    """One factor of the chain.

    Attributes:
        link: Its name: a stage over the one before it.
        level_before: Its level in the first period; None behind a 0.
        level_after: Its level in the second period.
        contribution: Its part of the change of the last total.
        contribution_low: Lower end of the interval; None without rows of persons.
        contribution_high: Upper end.
        share_of_change: The part over the change; None when nothing changed.
        note: Reason codes.
    """

    link: str
    level_before: float | None
    level_after: float | None
    contribution: float
    contribution_low: float | None
    contribution_high: float | None
    share_of_change: float | None
    note: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class GrowthChain(TabularResult):
    """Which link of the chain moved, and how much of the change of value it makes up.

    Columns: link, level_before, level_after, contribution, contribution_low, contribution_high, share_of_change,
    note. The contributions sum to the change exactly (checked to 1e-9). They describe how the numbers moved together; a
    larger contribution is no effect of anything that was done.

    Attributes:
        factors: The rows, in the order of the chain.
        totals: The totals of both periods: stage, before, after.
        change: Change of the last total.
        repurchase: Repeat buyers over buyers in both periods, when the repeat buyers are known; None where nobody buys.
        findings: What must be known to read it.
        recipe: How it was made.
    """

    factors: tuple[GrowthFactor, ...]
    totals: Records
    change: float
    repurchase: tuple[float | None, float | None] | None
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        names = [field.name for field in _FIELDS]
        return Records.from_rows(_FIELDS, [{name: getattr(one, name) for name in names} for one in self.factors])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        rows = self._records()
        words = [_named(name) for name in rows.column("link")]
        shown = Records(rows.fields, (words, *rows.columns[1:]))
        stages = [_named(f"total_{name}", str(name)) for name in self.totals.column("stage")]
        totals = Records(self.totals.fields, (stages, *self.totals.columns[1:]))
        values = {"change": self.change, "named": messages.text(f"GROWTH.method.{self.recipe.settings['method']}")}
        notes = [*reasons(rows.column("note")), *(finding.text() for finding in self.findings)]
        if self.repurchase is not None:
            pair = {"before": self.repurchase[0], "after": self.repurchase[1]}
            notes.insert(0, messages.text("GROWTH.repurchase_told", pair))
        title = messages.text("GROWTH.title", values)
        links = records_table(shown, [field.name for field in _FIELDS if field.name != "note"])
        return Display(title, (records_table(totals), links, *self.recipe.sentences(), *notes))


def _named(name: str, otherwise: str | None = None) -> str:
    code = f"GROWTH.{name}"
    return messages.text(code) if messages.has(code) else otherwise or name


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class GrowthPeriod(TabularResult):
    """What every customer did in one period, for `growth_chain`.

    Columns: person_id, base, reached, buyers, repeat_buyers, orders, value; one row per customer.

    Attributes:
        records: The rows.
        totals: Their sums.
        findings: Orders that count for nobody.
        recipe: How it was made.
    """

    records: Records
    totals: Mapping[str, float]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        fields = (Field("stage", "text"), Field("stage_total"))
        stages = [_named(f"total_{name}", name) for name in self.totals]
        title = messages.text("GROWTH.period", dict(self.recipe.settings))
        notes = [finding.text() for finding in self.findings]
        table = records_table(Records(fields, (stages, list(self.totals.values()))))
        return Display(title, (table, *self.recipe.sentences(), *notes))
