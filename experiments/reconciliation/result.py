"""The reconciliation as a result: one row per step and model, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe

__all__ = ["FIELDS", "TOTAL", "UNTESTED", "Reconciliation"]

UNTESTED = "untested"
TOTAL = "total"
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
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Reconciliation(TabularResult):
    """What was touched, what was credited, what was caused: one row per step and model.

    Attributes:
        records: The rows, in customers (each person's first conversion in the window). ``touched``: with a touch of
            the step's channels; ``attributed``: their credit; ``placebo``: the same credit among the holdout's
            persons; ``placebo_scaled``: as if the holdout had as many persons as the arm; ``incremental``: persons in
            the arm times the difference to the arm before; ``ratio``: attributed / incremental, undefined when the
            interval holds 0.
        findings: Channels that no step tests, differences of basis.
        recipe: Metric, steps and definitions.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = self.records.to_dicts()
        models = list(dict.fromkeys(str(row["model"]) for row in rows))
        heads = [("step", "text"), ("persons", "count"), ("touched", "count")]
        columns = [DisplayColumn(column_label(name), kind) for name, kind in heads]  # type: ignore[arg-type]
        columns += [DisplayColumn(column_label(model), "count") for model in models]
        columns += [
            DisplayColumn(column_label("placebo_scaled"), "text"),
            DisplayColumn(column_label("incremental"), "count", decisive=True),
        ]
        body = [_shown(group, models) for group in _grouped(rows)]
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        table = DisplayTable(tuple(columns), tuple(body), notes=notes)
        return Display(messages.text("RECONCILE.TITLE"), (table,))


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
    label = _step_label(str(first["step"]), str(first["channels"]))
    return (label, first["persons"], first["touched"], *(attributed.get(model) for model in models), spread, effect)


def _step_label(step: str, channels: str) -> str:
    """The step with its channels; a step that bears its channel's name is named once."""
    if step == channels:
        return step
    known = {TOTAL: "RECONCILE.TOTAL_WORD", UNTESTED: "RECONCILE.UNTESTED_WORD"}
    return f"{messages.text(known[step]) if step in known else step}: {channels}"


def _whole(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value)
