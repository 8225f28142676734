"""How strongly the data speak for "it pays", over the whole range of values that a woken customer may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.roi.net_benefit import net_benefit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate, Side
    from attribution.plots import Plot
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.net_benefit import Variance
    from experiments.roi.result import Judged

__all__ = ["AcceptabilityCurve", "acceptability", "default_grid", "net_of"]

_POINTS = 60
_REACH = 2.0  # how far beyond the largest amount of interest a curve goes


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class AcceptabilityCurve(TabularResult):
    """One minus the one-sided p-value of "it does not pay", by threshold.

    Attributes:
        records: One row per contrast and threshold. ``confidence``: 1 - p; ``p_pass``: p of "the net benefit is 0 or
            less"; ``p_fail``: p of "it is 0 or more".
        thresholds: The declared thresholds, for the picture.
        recipe: Definitions.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> curve = ex.cost_thresholds(c.outcomes, thresholds=[85], order=c.order).acceptability()
        >>> bool(curve.table()["confidence"].between(0, 1).all())
        True
    """

    records: Records
    thresholds: tuple[float, ...]
    recipe: Recipe

    def plot(self) -> Plot:
        """Draw the curve of every contrast with the declared thresholds."""
        from experiments.plots.thresholds import plot_acceptability

        return plot_acceptability(self)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        kept = [i for i, at in enumerate(self.records.column("threshold")) if at in self.thresholds]
        shown = Records(self.records.fields, tuple([column[i] for i in kept] for column in self.records.columns))
        table = records_table(shown if kept else self.records, decisive="confidence")
        return Display(messages.text("ACCEPTABILITY.title"), (table, *self.recipe.sentences()))


def net_of(contrast: ContrastCosts, threshold: float, *, level: float, side: Side, variance: Variance) -> Estimate:
    """The net benefit of a contrast, persons or clusters."""
    if contrast.clustered is not None:
        return contrast.clustered.net(threshold, level=level, side=side)
    return net_benefit(
        contrast.treated,
        contrast.untreated,
        threshold,
        weights=contrast.weights,
        level=level,
        side=side,
        variance=variance,
    )


def default_grid(judged: Sequence[Judged]) -> list[float]:
    """Thresholds from 0 to twice the largest amount of interest, the declared ones among them."""
    declared = sorted({row.threshold for row in judged})
    ends = [end for row in judged for end in (row.cost.value, row.cost.undecided.low, row.cost.undecided.high)]
    most = max(declared[-1], 1e-9)
    # An end of a set that lies very far out would press everything of interest into a corner.
    known = [end for end in ends if end is not None and 0.0 < end <= 2.0 * most]
    top = _REACH * max([most, *known])
    return sorted({*(top * step / _POINTS for step in range(_POINTS + 1)), *declared})


def acceptability(
    judged: Sequence[Judged], thresholds: Sequence[float], *, level: float, variance: Variance
) -> AcceptabilityCurve:
    """The curve of every contrast; see `CostThresholds.acceptability`."""
    contrasts = list({id(row.contrast): row.contrast for row in judged}.values())
    rows = []
    for contrast in contrasts:
        for threshold in thresholds:
            up, down = (
                net_of(contrast, threshold, level=level, side=side, variance=variance).p_value
                for side in ("greater", "less")
            )
            names = {"arm": contrast.arm, "control": contrast.control, "segment": contrast.segment}
            # Both sides read one statistic, so the other side's p is 1 - p with its digits kept.
            rows.append({**names, "threshold": threshold, "confidence": down, "p_pass": up, "p_fail": down})
    segmented = any(contrast.segment is not None for contrast in contrasts)
    fields = (
        Field("arm", "text"),
        Field("control", "text"),
        *((Field("segment", "text"),) if segmented else ()),
        Field("threshold", "money"),
        Field("confidence", "rate"),
        Field("p_pass", "p"),
        Field("p_fail", "p"),
    )
    return AcceptabilityCurve(
        records=Records.from_rows(fields, rows),
        thresholds=tuple(sorted({row.threshold for row in judged})),
        recipe=Recipe(method="acceptability", definitions=("ACCEPTABILITY",), settings={"variance": variance}),
    )
