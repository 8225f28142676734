"""What rules of whom to treat are worth, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.readout.show import finding_sentences
from experiments.uplift.curve_result import note_sentences

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe

__all__ = ["PolicyReading", "PolicyValue"]

messages.register("experiments")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PolicyReading:
    """One rule.

    Attributes:
        name: Its name.
        share: Share of the audience that it treats.
        value: Value per person of the audience against treating nobody.
        difference: Value less that of the rule it is compared with; None for that rule itself.
        p_adjusted: P-value of the difference, adjusted by Holm over the rules.
    """

    name: str
    share: float
    value: Estimate
    difference: Estimate | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PolicyValue(TabularResult):
    """What each rule is worth, per 1,000 persons of the audience.

    ``.table()``: policy, share_treated, value_per_1000 (against treating nobody), low, high, against,
    difference_per_1000, difference_low, difference_high, p_value, p_adjusted, note (of the value; of the difference
    where that has another).

    Attributes:
        readings: One entry per rule.
        against: Name of the rule that the others are compared with.
        kind: Kind of the values: "number" of outcomes, or "money".
        findings: Checks of the experiment.
        recipe: How the values were made.
    """

    readings: tuple[PolicyReading, ...]
    against: str
    kind: ValueKind
    findings: tuple[Finding, ...]
    recipe: Recipe

    def value(self, policy: str) -> Estimate:
        """Value of a rule per person of the audience, against treating nobody."""
        return self._find(policy).value

    def difference(self, policy: str) -> Estimate:
        """Value of a rule per person less that of the rule it is compared with: does it beat the rule used today?"""
        found = self._find(policy).difference
        if found is None:
            raise InputError(f"{policy!r} is the rule that the others are compared with.")
        return found

    def _find(self, policy: str) -> PolicyReading:
        for reading in self.readings:
            if reading.name == policy:
                return reading
        raise InputError(f"there is no policy {policy!r}. {closest(policy, [r.name for r in self.readings])}")

    def _records(self) -> Records:
        kind = self.kind
        fields = [Field("policy", "text"), Field("share_treated", "rate")]
        fields += [Field(name, kind) for name in ("value_per_1000", "low", "high")]
        fields += [Field("against", "text")]
        fields += [Field(name, kind) for name in ("difference_per_1000", "difference_low", "difference_high")]
        fields += [Field("p_value", "p"), Field("p_adjusted", "p"), Field("note", "text")]
        return Records.from_rows(fields, [self._row(reading) for reading in self.readings])

    def _row(self, reading: PolicyReading) -> dict[str, object]:
        row: dict[str, object] = {"policy": reading.name, "share_treated": reading.share}
        row |= dict(zip(("value_per_1000", "low", "high"), _per_1000(reading.value), strict=True))
        notes = (reading.value.note, "" if reading.difference is None else reading.difference.note)
        row["note"] = "; ".join(dict.fromkeys(filter(None, notes)))
        if reading.difference is not None:
            names = ("difference_per_1000", "difference_low", "difference_high")
            row |= {"against": self.against, "p_value": reading.difference.p_value, "p_adjusted": reading.p_adjusted}
            row |= dict(zip(names, _per_1000(reading.difference), strict=True))
        return row

    def _display(self) -> Display:
        columns = (
            DisplayColumn(column_label("policy")),
            DisplayColumn(column_label("share_treated"), "rate"),
            DisplayColumn(column_label("value_per_1000"), self.kind, decisive=True),
            DisplayColumn(messages.text("POLICY.AGAINST", {"policy": self.against}), self.kind),
            DisplayColumn(column_label("p_adjusted"), "p"),
        )
        rows = []
        for reading in self.readings:
            less = None if reading.difference is None else _cell(reading.difference)
            rows.append((reading.name, reading.share, _cell(reading.value), less, reading.p_adjusted))
        settings = self.recipe.settings
        values = {name: settings[name] for name in ("arm", "control", "measured", "level")}
        loud = finding_sentences(self.findings)
        noted = note_sentences(row["note"] for row in self.to_dicts())
        table = DisplayTable(columns, tuple(rows), notes=(*noted, *self.recipe.sentences(), *loud))
        return Display(messages.text("POLICY.TITLE", values), (table,))


def _cell(found: Estimate) -> Cell:
    """A value with its interval and its note."""
    return Cell(*_per_1000(found), note=found.note)


def _per_1000(found: Estimate) -> tuple[float | None, float | None, float | None]:
    value, low, high = (None if end is None else 1000.0 * end for end in (found.value, found.low, found.high))
    return value, low, high
