"""The complier effect as a result: intention to treat first, then what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.estimates import Estimate, RatioSet
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from experiments.inference.compliance_types import Compliance

__all__ = ["ComplierEffect"]

_FIELDS = (
    Field("quantity", "text"), Field("value"), Field("low"), Field("high"), Field("set_kind", "text"),
    Field("p_value", "p"), Field("standard_error"), Field("n", "count"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ComplierEffect(TabularResult):
    """The effect among compliers, and what it rests on.

    Columns of the table: quantity, value, low, high, set_kind ("interval", "complement": everything outside low and
    high, "all"), p_value, standard_error, n, method, note.

    Attributes:
        assignment: Effect of the assignment over everybody assigned (intention to treat): the number for money.
        first_stage: Effect of the assignment on being treated; the share of compliers.
        effect: Wald's ratio of the two with its t interval; valid when the first stage is strong.
        robust: The Anderson-Rubin set of the same ratio; valid always.
        strength: The first stage's robust F; None without a variance, inf when everybody complied.
        compliance: Shares and means of the compliance types; None for a dose.
        findings: What must be known to read the numbers.
        recipe: How they were made.
    """

    assignment: Estimate
    first_stage: Estimate
    effect: Estimate
    robust: RatioSet
    strength: float | None
    compliance: Compliance | None
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def robust_p_value(self) -> float | None:
        """P-value of no effect among compliers: the assignment's; None without a ratio, if treatment never varies."""
        return None if self._nothing_varies else self.assignment.p_value

    @property
    def _nothing_varies(self) -> bool:
        return self.first_stage.value == 0.0 and "ZERO_VARIANCE" in self.first_stage.note

    def _robust_note(self) -> str:
        if self._nothing_varies:
            return "NO_FIRST_STAGE"
        return "" if self.robust.kind != "all" else self.assignment.note

    def _records(self) -> Records:
        rows = [
            _row("assignment", self.assignment),
            _row("first_stage", self.first_stage),
            self._robust(),
            _row("wald", self.effect),
        ]
        if self.compliance is not None:
            rows += [
                _row("relative_compliers", self.compliance.relative),
                _row("treated_mean", self.compliance.treated_mean),
                _row("untreated_mean", self.compliance.untreated_mean),
                _row("always_takers", self.compliance.always_takers),
                _row("never_takers", self.compliance.never_takers),
            ]
        return Records.from_rows(_FIELDS, rows)

    def _robust(self) -> Mapping[str, object]:
        """The Anderson-Rubin set; its p-value of 0 is that of the assignment."""
        return {
            "quantity": "anderson_rubin",
            "value": self.robust.value,
            "low": self.robust.low,
            "high": self.robust.high,
            "set_kind": self.robust.kind,
            "p_value": self.robust_p_value,
            "n": self.assignment.n,
            "method": "anderson_rubin",
            "note": self._robust_note(),
        }

    def _display(self) -> Display:
        head = messages.text("COMPLIER.title", {"n": self.recipe.n["persons"], "level": self.robust.level})
        heads: tuple[tuple[str, ValueKind, bool], ...] = (
            (column_label("quantity"), "text", False),
            (messages.text("COMPLIER.estimate"), "number", True),
            (column_label("p_value"), "p", False),
            (column_label("note"), "text", False),
        )
        columns = tuple(DisplayColumn(label, kind, decisive=decisive) for label, kind, decisive in heads)
        rows = tuple(_shown(row) for row in self._records().to_dicts())
        notes = [*self.recipe.sentences(), *(finding.text() for finding in self.findings)]
        if self.compliance is not None and self.compliance.kind == "two_sided":
            notes.insert(1, messages.text("COMPLIER.two_sided"))
        return Display(head, (DisplayTable(columns, rows), *notes))


def _row(quantity: str, estimate: Estimate) -> Mapping[str, object]:
    return {
        "quantity": quantity,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "set_kind": None if estimate.low is None else estimate.kind,
        "p_value": estimate.p_value,
        "standard_error": estimate.standard_error,
        "n": estimate.n,
        "method": estimate.method,
        "note": estimate.note,
    }


def _shown(row: Mapping[str, object]) -> tuple[object, ...]:
    """A row for people: a set that is no interval is told in words."""
    kind, note = row["set_kind"], str(row["note"] or "")
    cell = Cell(row["value"], row["low"], row["high"])
    if kind == "all":
        cell, note = Cell(row["value"]), "; ".join(filter(None, (messages.text("COMPLIER.set_all"), note)))
    elif kind == "complement":
        told = messages.text("COMPLIER.set_complement", {"low": row["low"], "high": row["high"]})
        cell, note = Cell(row["value"]), "; ".join(filter(None, (told, note)))
    return messages.text(f"COMPLIER.quantity.{row['quantity']}"), cell, row["p_value"], note
