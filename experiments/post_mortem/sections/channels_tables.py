"""The tables of the channels section: what the steps caused, who gets the credit, and how far the two are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.post_mortem.words import contrast_words, head, model_words, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "credit_table", "customers", "disagreement_table", "gap_table", "grouped", "inbound_table", "reconciliation_table",
    "step_named", "step_words", "steps_table", "without_small",
]  # fmt: skip

_NONE = "(none)"
_STEP = ("difference", "low", "high")


def steps_table(
    steps: Sequence[dict[str, Any]], channels: Mapping[str, Sequence[str]], *, stepped: bool
) -> DisplayTable:
    """What each step caused, with the channels that it adds."""
    columns = (
        DisplayColumn(head("step")),
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("effect.per1000"), "per1000", decisive=True),
        DisplayColumn(word("channels.customers"), "count"),
    )
    body = tuple(
        (
            step_words(row["arm"], row["arm"], ", ".join(channels[row["arm"]]))
            if row["arm"] in channels
            else row["arm"],
            contrast_words(row["arm"], row["control"]),
            row["n"],
            Cell(row["difference"], row["low"], row["high"]),
            _interval({end: _of_persons(row["n"], row[end]) for end in _STEP}, _STEP),
        )
        for row in steps
    )
    title = word("channels.steps" if stepped else "channels.steps_control")
    return DisplayTable(columns, body, title=title, notes=(word("channels.steps_note"),))


def _of_persons(persons: int, difference: float | None) -> float | None:
    """As the reconciliation counts: persons of the arm times the difference."""
    return None if difference is None else customers(persons * difference)


def credit_table(
    rows: Sequence[dict[str, Any]], title: str, notes: Sequence[str] = (), *, limit: int = 1
) -> DisplayTable:
    """Channels by models, conversions with their interval where there is one; a sum that holds every channel.

    Args:
        rows: The rows of the credit.
        title: The title.
        notes: Notes of the credit itself.
        limit: Channels with fewer conversions under every model are counted and not named.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    credit = {(row["channel"], row["model"]): row for row in rows}
    small = [name for name in channels if name != _NONE and _most(rows, name) < limit]
    columns = (
        DisplayColumn(head("channel")),
        *(DisplayColumn(model_words(model), "count") for model in models),
    )
    body = [
        (_channel(channel), *(_credited(credit.get((channel, model))) for model in models))
        for channel in channels
        if channel not in small
    ]
    sums = [sum(row["conversions"] for row in rows if row["model"] == model) for model in models]
    total = (word("channels.total"), *map(_tenth, sums))
    told = (word("channels.small", channels=len(small), limit=limit),) if small else ()
    return DisplayTable(columns, (*body, total), title=title, notes=(*notes, *told))


def _interval(figures: Mapping[str, float | None], names: tuple[str, str, str]) -> Cell:
    """A figure with its ends, by their names."""
    value, low, high = (figures[name] for name in names)
    return Cell(value, low, high)


def _channel(name: str) -> str:
    return word("channels.none") if name == _NONE else name


def _most(rows: Sequence[dict[str, Any]], channel: str) -> float:
    return max(abs(float(row["conversions"])) for row in rows if row["channel"] == channel)


def _credited(row: dict[str, Any] | None) -> object:
    if row is None:
        return None
    if row.get("conversions_low") is None:
        return _tenth(row["conversions"])
    names = ("conversions", "conversions_low", "conversions_high")
    return _interval({name: _tenth(row[name]) for name in names}, names)


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
    body = tuple(_reconciled(group, models) for group in grouped(rows))
    return DisplayTable(columns, body, title=word("channels.reconcile"))


def without_small(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The rows without untested channels that touched fewer woken customers than may be shown."""
    return [row for row in rows if row["step"] != "untested" or row["touched"] >= limit]


def grouped(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows of every step, and of every untested channel."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["step"], row["channels"]), []).append(row)
    return list(groups.values())


def step_words(step: str, arm: str | None, channels: str) -> str:
    """A step with the channels that it adds."""
    if step == "untested":
        return word("channels.untested", channels=channels)
    if arm == channels:  # a step that bears its channel's name is named once
        return channels
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
        names = ("incremental", "incremental_low", "incremental_high")
        effect = _interval({name: customers(first[name]) for name in names}, names)
    label = step_words(first["step"], first["arm"], first["channels"])
    shown = (credited.get(model) for model in models)
    return (label, first["persons"], first["touched"], *shown, Cell(None, note=spread), effect)


def customers(value: float | None) -> float | None:
    """Customers are whole; but what lies next to 0 keeps a digit that says on which side."""
    if value is None or not math.isfinite(value):
        return value
    return round(value) or round(value, 1) or (math.copysign(0.1, value) if value else 0)


def step_named(row: Mapping[str, Any]) -> str:
    """A step inside a sentence."""
    if row["arm"] == row["channels"]:
        return str(row["channels"])
    return word("channels.step_named", arm=row["arm"], channels=row["channels"])


def gap_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """One row per model, one column per tested step: how many more customers are credited than caused."""
    tested = [group for group in grouped(rows) if group[0]["step"] != "untested"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    columns = (
        DisplayColumn(column_label("model")),
        *(
            DisplayColumn(
                step_words(first["step"], first["arm"], first["channels"]), "count", decisive=first["step"] == "total"
            )
            for first in (group[0] for group in tested)
        ),
    )
    cells = {(place, row["model"]): row for place, group in enumerate(tested) for row in group}
    body = tuple(
        (model_words(model), *(_gap(cells.get((place, model))) for place in range(len(tested)))) for model in models
    )
    return DisplayTable(columns, body, title=word("channels.gaps"))


def _gap(row: dict[str, Any] | None) -> Cell | None:
    if row is None or row["gap"] is None:
        return None
    names = ("gap", "gap_low", "gap_high")
    return _interval({name: customers(row[name]) for name in names}, names)


def disagreement_table(rows: Sequence[dict[str, Any]], said: str, *, hidden: Sequence[str] = ()) -> DisplayTable:
    """The smallest and the largest share of every channel, its ranks, and the models at the ends."""
    columns = (
        DisplayColumn(head("channel")),
        DisplayColumn(word("channels.share_range")),
        DisplayColumn(word("channels.rank_range")),
        DisplayColumn(word("channels.lowest")),
        DisplayColumn(word("channels.highest")),
    )
    body = tuple(
        (
            row["channel"],
            _spread(row["share_min"], row["share_max"], "rate"),
            _spread(row["rank_min"], row["rank_max"], "count"),
            model_words(row["lowest_model"]),
            model_words(row["highest_model"]),
        )
        for row in rows
        if row["channel"] not in hidden
    )
    return DisplayTable(columns, body, title=word("channels.disagreement"), notes=(said,) if said else ())


def _spread(low: float, high: float, kind: str) -> str:
    one, two = format_value(low, kind), format_value(high, kind)
    return one if one == two else format_interval(low, high, kind)


def inbound_table(rows: Sequence[dict[str, Any]], *, hidden: Sequence[str] = ()) -> DisplayTable:
    """Credit of outbound touches alone, channels by models, with the change against all touches."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    channels = [name for name in dict.fromkeys(row["channel"] for row in rows) if name not in hidden]
    credit = {(row["channel"], row["model"]): row for row in rows}
    columns = (
        DisplayColumn(head("channel")),
        *(DisplayColumn(model_words(model), "count") for model in models),
    )
    body = tuple((_channel(channel), *(_changed(credit[channel, model]) for model in models)) for channel in channels)
    return DisplayTable(columns, body, title=word("channels.inbound"))


def _changed(row: dict[str, Any]) -> Cell:
    change = _tenth(row["conversions_difference"]) or 0.0
    sign = "+" if change > 0 else ""
    return Cell(_tenth(row["conversions_outbound"]), note=f"({sign}{format_value(change, 'count')})")
