"""The second reading as a result; it says of itself that no verdict uses it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.inference.bayes.reading import PosteriorRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe

__all__ = ["BayesReading", "declared"]

_KINDS: dict[str, ValueKind] = {
    "metric": "text", "arm": "text", "control": "text", "prior": "text", "note": "text", "relative": "rate",
    "relative_low": "rate", "relative_high": "rate", "p_better": "rate", "p_pays": "rate", "p_negligible": "rate",
}  # fmt: skip
_GROUP = ("metric", "arm", "control")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class BayesReading(TabularResult):
    """Posteriors of one or several contrasts, each under its prior and under others beside it.

    Columns: metric, arm, control (in a readout), prior, value, low, high (equal-tailed), hdi_low, hdi_high (shortest),
    relative, relative_low, relative_high, p_better, p_pays, loss_treatment, loss_control, p_negligible, note.

    Attributes:
        rows: The rows; of every contrast the first has the declared prior, the others say how much the prior matters.
        rates: Whether the effects are differences of rates, for the display.
        findings: Remarks.
        recipe: How it was made.
    """

    rows: tuple[PosteriorRow, ...]
    rates: bool
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _names(self) -> list[str]:
        named = any(row.arm is not None for row in self.rows)
        return [one.name for one in fields(PosteriorRow) if named or one.name not in _GROUP]

    def _records(self) -> Records:
        names = self._names()
        listed = [{name: getattr(row, name) for name in names} for row in self.rows]
        return Records.from_rows([Field(name, _KINDS.get(name, "number")) for name in names], listed)

    def _display(self) -> Display:
        money = any(row.p_pays is not None for row in self.rows)
        change: ValueKind = "pp" if self.rates else "number"
        kinds: dict[str, ValueKind] = {
            **(dict.fromkeys(_GROUP, "text") if any(row.arm is not None for row in self.rows) else {}),
            "prior": "text", "value": change, "relative": "rate", "p_better": "rate",
            **({"p_pays": "rate"} if money else {}),
            "loss_treatment": "money" if money else change, "loss_control": "money" if money else change,
            **({"p_negligible": "rate"} if any(row.p_negligible is not None for row in self.rows) else {}),
            "note": "text",
        }  # fmt: skip
        labels = {name: column_label(name) for name in kinds} | {"value": messages.text("BAYES.difference")}
        columns = tuple(DisplayColumn(labels[name], kind) for name, kind in kinds.items())
        rows = tuple(tuple(_cell(row, name) for name in kinds) for row in self.rows)
        title = messages.text("BAYES.title", {"level": self.recipe.settings["level"]})
        told = (*self.recipe.sentences(), *declared(self.recipe.settings))
        notes = (*told, *(finding.text() for finding in self.findings))
        return Display(title, (messages.text("BAYES.second"), DisplayTable(columns, rows), *notes))


def declared(settings: Mapping[str, object]) -> tuple[str, ...]:
    """What was declared of money and of differences that do not matter, in words."""
    cost, rope = settings.get("cost"), settings.get("rope")
    parts = []
    if settings.get("value") is not None:
        told = cost if isinstance(cost, str) else f"{cost:g}"
        parts.append(messages.text("BAYES.money", {"value": settings["value"], "cost": told}))
    if isinstance(rope, tuple):
        parts.append(messages.text("BAYES.rope", {"low": rope[0], "high": rope[1]}))
    return tuple(parts)


def _cell(row: PosteriorRow, name: str) -> object:
    if name == "value":
        return Cell(row.value, row.low, row.high)
    if name == "relative":
        return Cell(row.relative, row.relative_low, row.relative_high)
    return getattr(row, name)
