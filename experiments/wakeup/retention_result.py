"""Retention by cohort and period as a result: rows, the triangle, the test for a rise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.records import Field, Records, TabularResult
from experiments.wakeup.retention_periods import NAMED
from experiments.wakeup.retention_trend import FEWEST_MOVED
from experiments.wakeup.shown_rows import last_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.plots.plot import Plot
    from experiments.wakeup.retention_trend import Trend

__all__ = ["Retained", "Retention", "cohort_name", "retention_title"]

messages.register("experiments")

_MOST_SHOWN = 24

_FIELDS = (
    Field("cohort", "text"), Field("period", "count"), Field("size", "count"), Field("retained", "count"),
    Field("rate", "rate"), Field("low", "rate"), Field("high", "rate"),
)  # fmt: skip
_TRENDS = (
    Field("cohort", "text"), Field("periods", "count"), Field("size", "count"), Field("moved", "count"),
    Field("slope", "pp"), Field("p_value", "p"), Field("p_adjusted", "p"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Retained:
    """One cell of the triangle.

    Attributes:
        cohort: Number of the cohort.
        period: The period, from 0.
        size: Customers of the cohort.
        retained: Customers retained.
        share: Their share with its interval.
    """

    cohort: int
    period: int
    size: int
    retained: int
    share: Estimate


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Retention(TabularResult):
    """Retention by cohort and period.

    Columns: cohort, period (from 0), size, retained, rate, low, high. A period is shown when it is over for the whole
    cohort.

    Attributes:
        rows: The cells, by cohort and period.
        names: Names of the cohorts.
        tested: The test for a rise of every cohort; empty for other kinds than "period".
        findings: Cohorts too young, rising retention, what was set aside.
        recipe: How it was made.
    """

    rows: tuple[Retained, ...]
    names: tuple[object, ...]
    tested: tuple[Trend, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def triangle(self) -> Records:
        """One row per cohort: cohort, size, the rate of each period (``period_0`` ...), None while it is not over."""
        count = int(str(self.recipe.settings["periods"]))
        rows: dict[int, dict[str, object]] = {}
        for row in self.rows:
            held = rows.setdefault(row.cohort, {"cohort": self.names[row.cohort], "size": row.size})
            held[f"period_{row.period}"] = row.share.value
        fields = [Field("cohort", "text"), Field("size", "count")]
        fields += [Field(f"period_{number}", "rate") for number in range(count)]
        return Records.from_rows(fields, rows.values())

    def trends(self) -> Records:
        """The test for rising retention: cohort, periods, size, moved, slope, p_value (one-sided), p_adjusted, note.

        ``slope`` is the change of the rate per period; ``moved`` counts persons whose own periods have a slope. The
        note says why a cohort is not tested: TOO_FEW_MOVED, TOO_FEW_PERIODS.
        """
        return Records.from_rows(
            _TRENDS,
            [
                {
                    "cohort": self.names[one.cohort], "periods": one.periods, "size": one.size, "moved": one.moved,
                    "slope": one.slope, "p_value": one.p_value, "p_adjusted": one.p_adjusted, "note": _why(one),
                }
                for one in self.tested
            ],
        )  # fmt: skip

    def plot(self) -> Plot:
        """Draw the triangle: a row per cohort, a column per period, darker where more are retained."""
        from experiments.wakeup.retention_plot import plot_triangle

        return plot_triangle(self)

    def _records(self) -> Records:
        return Records.from_rows(
            _FIELDS,
            [
                {
                    "cohort": self.names[row.cohort], "period": row.period, "size": row.size,
                    "retained": row.retained, "rate": row.share.value, "low": row.share.low, "high": row.share.high,
                }
                for row in self.rows
            ],
        )  # fmt: skip

    def _display(self) -> Display:
        from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label

        triangle, cut = last_rows(self.triangle(), _MOST_SHOWN)
        heads = [column_label("cohort"), column_label("size")]
        heads += [messages.text("RETENTION.column", {"number": number}) for number in range(len(triangle.fields) - 2)]
        columns = tuple(DisplayColumn(head, field.kind) for head, field in zip(heads, triangle.fields, strict=True))
        names = [cohort_name(name, self.recipe.settings) for name in triangle.columns[0]]
        table = DisplayTable(columns, tuple(zip(names, *triangle.columns[1:], strict=True)))
        notes = [finding.text() for finding in self.findings]
        return Display(retention_title(self.recipe.settings), (table, *cut, *self.recipe.sentences(), *notes))


def retention_title(settings: Mapping[str, object]) -> str:
    """The heading: which retention, in periods of what."""
    period = str(settings["period"])
    step = messages.text(f"RETENTION.step.{period}") if period in NAMED else format_value(period, "duration")
    return messages.text(f"RETENTION.title.{settings['kind']}", {"step": step})


def cohort_name(name: object, settings: Mapping[str, object]) -> object:
    """The name of a cohort as shown; that of all customers together in words."""
    return messages.text("RETENTION.all") if settings["cohort"] == "all" else name


def _why(one: Trend) -> str:
    if one.slope is None:
        return "TOO_FEW_PERIODS"
    return "TOO_FEW_MOVED" if one.moved < FEWEST_MOVED else ""
