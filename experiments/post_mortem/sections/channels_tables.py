"""The tables of the channels section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.words import head, model_words, word

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["credit_table", "reconciliation_table", "step_words"]

_NONE = "(none)"


def credit_table(rows: Sequence[dict[str, Any]], title: str, notes: Sequence[str] = ()) -> DisplayTable:
    """Channels by models, conversions; the share of all in the model's own column would hide the sums."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    credit = {(row["channel"], row["model"]): row["conversions"] for row in rows}
    columns = (
        DisplayColumn(head("channel")),
        *(DisplayColumn(model_words(model), "count") for model in models),
    )
    body = [
        (
            word("channels.none") if channel == _NONE else channel,
            *(_tenth(credit.get((channel, model))) for model in models),
        )
        for channel in channels
    ]
    total = (word("channels.total"), *(_tenth(sum(credit.get((c, m), 0.0) for c in channels)) for m in models))
    return DisplayTable(columns, (*body, total), title=title, notes=tuple(notes))


def _tenth(value: float | None) -> float | None:
    # Four digits are enough for a credit: tenths below 1,000, whole conversions above.
    return None if value is None else round(value, 1) if abs(value) < 1000 else round(value)


def reconciliation_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """Touched, attributed by each model and incremental of every step, on the same persons."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    columns = (
        DisplayColumn(head("step")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(head("touched"), "count"),
        *(DisplayColumn(model_words(model), "count") for model in models),
        DisplayColumn(head("placebo_scaled"), "count"),
        DisplayColumn(head("incremental"), "count", decisive=True),
    )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["step"], row["channels"]), []).append(row)
    body = tuple(_reconciled(group, models) for group in groups.values())
    return DisplayTable(columns, body, title=word("channels.reconcile"))


def step_words(step: str, arm: str | None, channels: str) -> str:
    """A step with the channels that it adds."""
    if step == "untested":
        return word("channels.untested", channels=channels)
    name = word("chart.reconcile.total") if step == "total" else arm
    return word("channels.step", arm=name, channels=channels)


def _reconciled(group: Sequence[dict[str, Any]], models: Sequence[str]) -> tuple[object, ...]:
    first = group[0]
    credited = {row["model"]: _tenth(row["attributed"]) for row in group}
    placebo = sorted(round(row["placebo_scaled"], 1) for row in group)
    spread = format_value(placebo[0], "count")
    if placebo[0] != placebo[-1]:
        spread = format_interval(placebo[0], placebo[-1], "count")
    effect = Cell(None, note=word("chart.reconcile.untested_word"))
    if first["incremental"] is not None:
        ends = (_whole(first["incremental_low"]), _whole(first["incremental_high"]))
        effect = Cell(_whole(first["incremental"]), *ends)
    label = step_words(first["step"], first["arm"], first["channels"])
    shown = (credited.get(model) for model in models)
    return (label, first["persons"], first["touched"], *shown, Cell(None, note=spread), effect)


def _whole(value: float | None) -> float | None:
    return value if value is None or abs(value) == float("inf") else round(value)
