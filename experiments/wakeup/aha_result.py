"""A threshold of early actions, as a result that cannot be shown without its warning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import ends

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.plots.plot import Plot
    from experiments.wakeup.aha_curve import AhaCurve, AhaPoint

__all__ = ["AhaThreshold"]

_FIELDS = (
    Field("k", "count"), Field("n_reached", "count"), Field("n_below", "count"), Field("rate_reached", "rate"),
    Field("rate_reached_low", "rate"), Field("rate_reached_high", "rate"), Field("rate_below", "rate"),
    Field("rate_below_low", "rate"), Field("rate_below_high", "rate"), Field("association", "pp"),
    Field("association_low", "pp"), Field("association_high", "pp"), Field("youden", "ratio"), Field("phi", "ratio"),
    Field("chosen_share", "rate"), Field("chosen", "text"), Field("note", "text"),
)  # fmt: skip
_SHOWN = ("k", "n_reached", "rate_reached", "rate_below", "association", "youden", "phi", "chosen_share", "chosen")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class AhaThreshold(TabularResult):
    """How retention goes with the number of early actions; an association, not an effect.

    Columns: k, n_reached, n_below, rate_reached, rate_below and association (their difference) with _low and _high,
    youden, phi, chosen_share, chosen ("youden", "phi", "youden; phi" or empty), note.

    Attributes:
        curve: All k and the choice.
        findings: What must be known.
        recipe: How it was made.
    """

    curve: AhaCurve
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def threshold(self) -> Estimate:
        """The chosen k (Youden), with the interval of the choice."""
        return self.curve.threshold

    @property
    def threshold_phi(self) -> Estimate:
        """The k of the largest phi, with the interval of the choice."""
        return self.curve.threshold_phi

    @property
    def separation(self) -> Estimate:
        """Youden's index at the chosen k, minus what choosing it adds."""
        return self.curve.separation

    @property
    def p_value(self) -> float | None:
        """How often re-labelling who was retained separates as well, at the best k."""
        return self.curve.p_value

    def plot(self) -> Plot:
        """Youden's index over k, with the interval of the chosen one."""
        from experiments.plots.quality import plot_aha

        return plot_aha(self)

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [self._row(point) for point in self.curve.points])

    def _row(self, point: AhaPoint) -> dict[str, object]:
        by = [
            name for name, found in (("youden", self.threshold), ("phi", self.threshold_phi)) if found.value == point.k
        ]
        return {
            "k": point.k, "n_reached": point.reached.n, "n_below": point.below.n,
            **ends("rate_reached", point.reached), **ends("rate_below", point.below),
            **ends("association", point.difference), "youden": point.youden, "phi": point.phi,
            "chosen_share": point.chosen_share, "chosen": "; ".join(by), "note": point.difference.note,
        }  # fmt: skip

    def _display(self) -> Display:
        values: dict[str, object] = {"n": self.recipe.n["persons"], "level": self.recipe.settings["level"]}
        title = messages.text("AHA.title", values)
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        if self.curve.note:
            return Display(title, notes)
        found = {
            "k": self.threshold.value, "low": self.threshold.low, "high": self.threshold.high,
            "k_phi": self.threshold_phi.value, "apparent": self.curve.apparent, "separation": self.separation.value,
            "separation_low": self.separation.low, "separation_high": self.separation.high, "p": self.p_value,
        }  # fmt: skip
        table = records_table(self._records(), _SHOWN, decisive="association")
        return Display(title, (table, messages.text("AHA.chosen", found), *notes))
