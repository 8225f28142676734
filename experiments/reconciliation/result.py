"""The reconciliation as a result: one row per step and model, and how it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import RatioSet
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.plots.plot import Plot
    from experiments.reconciliation.calibration import Calibration
    from experiments.reconciliation.shrinkage import Shrink

__all__ = [
    "FIELDS", "INTERVAL_CONTAINS_0", "TOTAL", "UNTESTED", "Factor", "Reconciliation", "step_label", "undefined",
]  # fmt: skip

INTERVAL_CONTAINS_0 = "INTERVAL_CONTAINS_0"
UNTESTED = "untested"
TOTAL = "total"
_WIDE = 5
FIELDS = (
    Field("step", "text"),
    Field("arm", "text"),
    Field("control", "text"),
    Field("channels", "text"),
    Field("model", "text"),
    Field("persons", "count"),
    Field("touched", "count"),
    Field("attributed", "number"),
    Field("persons_holdout", "count"),
    Field("placebo", "number"),
    Field("placebo_scaled", "number"),
    Field("incremental", "number"),
    Field("incremental_low", "number"),
    Field("incremental_high", "number"),
    Field("ratio", "ratio"),
    Field("note", "text"),
    Field("attributed_compared", "number"),
    Field("gap", "number"),
    Field("gap_low", "number"),
    Field("gap_high", "number"),
    Field("gap_per_1000", "number"),
    Field("gap_per_1000_low", "number"),
    Field("gap_per_1000_high", "number"),
    Field("ratio_low", "ratio"),
    Field("ratio_high", "ratio"),
    Field("ratio_kind", "text"),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Factor:
    """Incremental / attributed of one row.

    Attributes:
        found: The factor with its set; None where it is undefined.
        error: Standard error of incremental - factor x attributed, in units of attributed; None with it.
        note: Why it is undefined.
    """

    found: RatioSet | None = None
    error: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Reconciliation(TabularResult):
    """What was touched, what was credited, what was caused: one row per step and model.

    Attributes:
        records: The rows, in customers (each person's first conversion in the window). ``touched``: with a touch of
            the step's channels; ``attributed``: their credit; ``placebo``: the same credit among the holdout's
            persons; ``placebo_scaled``: as if the holdout had as many persons as the arm; ``incremental``: persons in
            the arm times the difference to the arm before; ``ratio``: attributed / incremental, undefined when the
            interval holds 0, with its set in ``ratio_low``, ``ratio_high``, ``ratio_kind`` all the same;
            ``attributed_compared``: the credit with the strata's weights and the covariates of the effect, which is
            ``attributed`` without either; ``gap``: attributed_compared - incremental, with its interval, also per
            1,000 persons.
        factors: The calibration factor of each row; None for untested channels.
        findings: Trust checks that failed, channels that no step tests, differences of basis.
        recipe: Metric, steps and definitions.
    """

    records: Records
    factors: tuple[Factor | None, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def calibration(self, *, shrink: Shrink | None = None) -> Calibration:
        """Incremental / attributed of every tested step and model; see `calibrate`."""
        from experiments.reconciliation.calibration import calibrate

        return calibrate(self, shrink=shrink)

    def plot(self, *, model: str | None = None) -> Plot:
        """Attributed and incremental share of every step, side by side; see `plot_reconciliation`."""
        from experiments.plots.reconciliation import plot_reconciliation

        return plot_reconciliation(self, model=model)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = self.records.to_dicts()
        models = list(dict.fromkeys(str(row["model"]) for row in rows))
        groups = _grouped(rows)
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        first = _wide(groups, models) if len(models) <= _WIDE else _tall(groups, models)
        tested = [group for group in groups if group[0]["step"] != UNTESTED]
        return Display(messages.text("RECONCILE.TITLE"), (first, _gaps(tested, models), *notes))


def _wide(groups: Sequence[Sequence[dict[str, Any]]], models: Sequence[str]) -> DisplayTable:
    """One row per step, one column per model."""
    columns = [
        DisplayColumn(column_label("step")),
        *(DisplayColumn(column_label(name), "count") for name in ("persons", "touched", *models)),
        DisplayColumn(column_label("placebo_scaled"), "text"),
        DisplayColumn(column_label("incremental"), "count", decisive=True),
    ]
    return DisplayTable(tuple(columns), tuple(_shown(group, models) for group in groups))


def _tall(groups: Sequence[Sequence[dict[str, Any]]], models: Sequence[str]) -> DisplayTable:
    """One row per figure, one column per step: many models stay readable."""
    shown = [_shown(group, models) for group in groups]
    names = ["persons", "touched", *models, "placebo_scaled", "incremental"]
    columns = (DisplayColumn(""), *(DisplayColumn(str(row[0]), "count") for row in shown))
    body = [(column_label(name), *(_as_cell(row[place]) for row in shown)) for place, name in enumerate(names, start=1)]
    return DisplayTable(columns, tuple(body))


def _as_cell(value: object) -> object:
    return Cell(None, note=value) if isinstance(value, str) else value


def _gaps(groups: Sequence[Sequence[dict[str, Any]]], models: Sequence[str]) -> DisplayTable:
    """One row per model, one column per step: how much more is credited than caused."""
    columns = (
        DisplayColumn(column_label("model")),
        *(DisplayColumn(step_label(str(group[0]["step"]), str(group[0]["channels"])), "count") for group in groups),
    )
    cells = {(place, row["model"]): row for place, group in enumerate(groups) for row in group}
    body = [(column_label(model), *(_gap(cells[place, model]) for place in range(len(groups)))) for model in models]
    return DisplayTable(columns, tuple(body), title=messages.text("RECONCILE.GAPS"))


def _gap(row: dict[str, Any]) -> Cell:
    if row["gap"] is None:
        return undefined(row["note"])
    return Cell(_whole(row["gap"]), _whole(row["gap_low"]), _whole(row["gap_high"]))


def _grouped(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["step"], row["channels"]), []).append(row)
    return list(groups.values())


def _shown(group: Sequence[dict[str, Any]], models: Sequence[str]) -> tuple[object, ...]:
    from attribution.core.formats import format_interval, format_value

    first = group[0]
    attributed = {row["model"]: round(row["attributed"], 1) for row in group}
    placebo = [round(row["placebo_scaled"] or 0.0, 1) for row in group]
    spread = format_interval(min(placebo), max(placebo), "count")
    if min(placebo) == max(placebo):
        spread = format_value(placebo[0], "count")
    effect = Cell(None, note=messages.text("RECONCILE.UNTESTED_WORD"))
    if first["incremental"] is not None:
        low, high = _whole(first["incremental_low"]), _whole(first["incremental_high"])
        effect = Cell(_whole(first["incremental"]), low, high)
    label = step_label(str(first["step"]), str(first["channels"]))
    return (label, first["persons"], first["touched"], *(attributed.get(model) for model in models), spread, effect)


def step_label(step: str, channels: str) -> str:
    """The step with its channels; a step that bears its channel's name is named once."""
    if step == channels:
        return step
    known = {TOTAL: "RECONCILE.TOTAL_WORD", UNTESTED: "RECONCILE.UNTESTED_WORD"}
    name = messages.text(known[step]) if step in known else step
    return messages.text("RECONCILE.STEP", {"step": name, "channels": channels})


def undefined(note: str) -> Cell:
    """A number that is not there, with the code of the reason."""
    reasons = [code for code in note.split("; ") if code not in ("", INTERVAL_CONTAINS_0)]
    told = messages.text("RECONCILE.NO_GAP_WHY", {"code": reasons[0]}) if reasons else messages.text("RECONCILE.NO_GAP")
    return Cell(None, note=told)


def _whole(value: float | None) -> float | None:
    """Customers are whole; but what lies next to 0 keeps a digit that says on which side, a tenth at least."""
    if value is None or not np.isfinite(value):
        return None
    return round(value) or round(value, 1) or (math.copysign(0.1, value) if value else 0)
