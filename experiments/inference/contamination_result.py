"""Bounds of the effect without contamination as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe

__all__ = ["Assumption", "ContaminationBounds", "ContaminationRow"]

Assumption = Literal["as_measured", "constant", "no_harm", "none"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ContaminationRow:
    """What the effect can be under one assumption.

    Attributes:
        assumption: "as_measured" (diluted), "constant" (the contaminated gain what the others gain), "no_harm" (they
            lose nothing), "none".
        lower: Smallest effect that the data allow; equal to `upper` where the assumption settles it.
        upper: Largest effect.
        low: Lower end of the interval of the effect.
        high: Upper end.
        note: Reason codes.
    """

    assumption: Assumption
    lower: float
    upper: float
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ContaminationBounds(TabularResult):
    """Bounds of the effect without contamination.

    Columns: assumption, lower, upper (estimated ends of what is possible), low, high (interval of the effect itself,
    wherever between the ends it lies), note.

    Attributes:
        share: Share of the holdout that was treated: lowest and highest value used for the point bounds.
        rows: One row per assumption, from the strongest to the weakest.
        findings: Remarks.
        recipe: How it was made.
    """

    share: tuple[float, float]
    rows: tuple[ContaminationRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def row(self, assumption: Assumption) -> ContaminationRow:
        """The row of an assumption."""
        for row in self.rows:
            if row.assumption == assumption:
                return row
        known = ", ".join(repr(row.assumption) for row in self.rows)
        raise InputError(f"assumption must be one of {known}, got {assumption!r}.")

    def estimates(self, assumption: Assumption) -> tuple[Estimate, Estimate]:
        """The two ends of an assumption as estimates that share one interval."""
        row, level = self.row(assumption), float(str(self.recipe.settings["level"]))
        n = self.recipe.n["persons"]
        made = [
            Estimate(value=end, low=row.low, high=row.high, level=level, method="imbens_manski", n=n, note=row.note)
            for end in (row.lower, row.upper)
        ]
        return made[0], made[1]

    def _records(self) -> Records:
        fields = (
            Field("assumption", "text"), Field("lower"), Field("upper"), Field("low"), Field("high"),
            Field("note", "text"),
        )  # fmt: skip
        return Records.from_rows(fields, [{f.name: getattr(row, f.name) for f in fields} for row in self.rows])

    def _display(self) -> Display:
        rates = bool(self.recipe.settings["rates"])
        kind: Literal["pp", "number"] = "pp" if rates else "number"
        labels = (column_label("assumption"), messages.text("CONTAMINATION.possible"), column_label("interval"))
        columns = (
            DisplayColumn(labels[0]), DisplayColumn(labels[1]), DisplayColumn(labels[2], decisive=True),
            DisplayColumn(column_label("note")),
        )  # fmt: skip
        rows = tuple(
            (
                messages.text(f"CONTAMINATION.{row.assumption}"),
                _told(row.lower, row.upper, kind),
                _told(row.low, row.high, kind),
                row.note,
            )
            for row in self.rows
        )
        values = {"low": self.share[0], "high": self.share[1], "level": self.recipe.settings["level"]}
        one = self.share[0] == self.share[1]
        title = messages.text("CONTAMINATION.title_one" if one else "CONTAMINATION.title", values)
        return Display(title, (DisplayTable(columns, rows), *self.recipe.sentences()))


def _told(low: float | None, high: float | None, kind: ValueKind) -> str:
    return format_value(low, kind) if low == high else format_interval(low, high, kind)
