"""The result of a bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from attribution.core.estimates import Comparison
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.inference.figures import Floats

__all__ = ["FIELDS", "Bootstrap"]

FIELDS = (
    Field("n", "count"), Field("n_control", "count"), Field("value"), Field("value_control"), Field("difference"),
    Field("low"), Field("high"), Field("relative", "rate"), Field("relative_low", "rate"),
    Field("relative_high", "rate"), Field("p_value", "p"), Field("monte_carlo_error", "p"),
    Field("replicates", "count"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Bootstrap(TabularResult):
    """A comparison by bootstrap, with its replicates.

    Attributes:
        comparison: Difference and lift; their intervals and p-value come from the same replicates.
        replicates: Replicates of the difference, in the order drawn; read-only.
        n: Treated persons.
        n_control: Control persons.
        interval: "percentile", "basic", "studentised" or "bca".
        grouped: Share of the variance that was drawn as a normal sum inside groups of neighbouring units; 0 when
            every distinct unit was drawn on its own.
        monte_carlo_error: Standard error of the p-value that comes from drawing only so many replicates; None where
            there is no p-value.
        findings: GROUPED_DRAWS where `grouped` is above 0.
        recipe: Statistic, interval, draw, seed and fingerprint of the data.
    """

    comparison: Comparison
    replicates: Floats
    n: int
    n_control: int
    interval: str
    grouped: float
    monte_carlo_error: float | None
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        difference, relative = self.comparison.difference, self.comparison.relative
        notes = [part for note in (difference.note, relative.note) for part in note.split("; ") if part]
        row: dict[str, object] = {
            "n": self.n,
            "n_control": self.n_control,
            "value": self.comparison.treatment,
            "value_control": self.comparison.control,
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "relative": relative.value,
            "relative_low": relative.low,
            "relative_high": relative.high,
            "p_value": difference.p_value,
            "monte_carlo_error": self.monte_carlo_error,
            "replicates": len(self.replicates),
            "method": difference.method,
            "note": "; ".join(dict.fromkeys(notes)),
        }
        return Records.from_rows(FIELDS, [row])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        told = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(messages.text("BOOTSTRAP.title"), (records_table(self._records()), *told))
