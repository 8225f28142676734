"""Attributed against incremental: where each step's share of the credit lies beside its share of what was caused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records
from attribution.plots.measures import model_label
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, MUTED, SOFT
from attribution.plots.plot import Plot
from attribution.plots.sheet import (
    MARGIN,
    SMALL,
    TEXT,
    TITLE,
    Scale,
    Sheet,
    drawing,
    shortened,
    text_width,
    widest,
    wrapped,
)
from experiments.reconciliation.result import TOTAL, UNTESTED, Reconciliation

__all__ = ["plot_reconciliation"]

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 760.0
_LABEL = 190.0
_ROW = 34.0
_AXIS = 62.0
_FIELDS = (
    Field("step", "text"), Field("channels", "text"), Field("model", "text"),
    Field("attributed", "number"), Field("incremental", "number"), Field("incremental_low", "number"),
    Field("incremental_high", "number"), Field("attributed_per_1000", "number"),
    Field("incremental_per_1000", "number"), Field("incremental_per_1000_low", "number"),
    Field("incremental_per_1000_high", "number"), Field("attributed_share", "rate"), Field("incremental_share", "rate"),
)  # fmt: skip


def plot_reconciliation(result: Reconciliation, *, model: str | None = None) -> Plot:
    """Draw customers credited and customers caused by each step, per 1,000 persons of its arm.

    A hollow circle is what the model credits to the step, a full one what the step caused, with its interval as a thin
    line: blue where the model credits more, rust where it credits less, grey where the gap's interval holds 0. The
    credit is weighted over strata as the effect is. Per 1,000 persons, so that steps whose arms differ in size can
    stand on one axis.

    Args:
        result: What `reconcile` gave.
        model: Name of the model; the first one when None.

    Returns:
        The plot; its data are one row per tested step: attributed and incremental in customers and per 1,000 persons,
        and each step's share of the sum over the steps. A share of the caused is None when the sum is not above 0.

    Raises:
        InputError: For something that is no reconciliation, or a model that it does not have.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> plot = ex.reconcile(credit, readout, steps=c.steps).plot()
        >>> [row["step"] for row in plot.to_dicts()]
        ['digital', 'sms', 'full']
    """
    if not isinstance(result, Reconciliation):
        raise InputError(f"plot_reconciliation needs what ex.reconcile gives, got {type(result).__name__}.")
    every = result.to_dicts()
    models = list(dict.fromkeys(str(row["model"]) for row in every))
    chosen = models[0] if model is None else model
    if chosen not in models:
        raise InputError(f"the reconciliation has no model {model!r}. {closest(str(model), models)}")
    kept = [row for row in every if row["model"] == chosen and row["step"] not in (TOTAL, UNTESTED)]
    rows = _with_shares([_data(row) for row in kept])
    title = _title(rows, model_label(chosen))
    subtitle = messages.text("RECONCILE_PLOT.subtitle", {"level": result.recipe.settings["level"]})
    with drawing():
        sheet = _draw(rows, model_label(chosen), (title, subtitle), [_color(row) for row in kept])
    told = [(str(row["step"]), _change(row)) for row in rows]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=Records.from_rows(_FIELDS, rows),
        figure=sheet.figure,
    )  # fmt: skip


def _data(row: dict[str, Any]) -> dict[str, Any]:
    scale = 1000.0 / row["persons"]
    made = {field.name: row.get(field.name) for field in _FIELDS[:7]}
    if row["attributed_compared"] is not None:  # weighted as the effect, so that the line between the two is the gap
        made["attributed"] = row["attributed_compared"]
    for name in ("attributed", "incremental"):
        made[f"{name}_per_1000"] = None if made[name] is None else scale * made[name]
    for end in ("low", "high"):
        value = row[f"incremental_{end}"]
        made[f"incremental_per_1000_{end}"] = None if value is None else scale * value
    return made


def _with_shares(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each step's share, per person: arms of other sizes would weigh otherwise."""
    for name in ("attributed", "incremental"):
        values = [row[f"{name}_per_1000"] for row in rows]
        whole = sum(value for value in values if value is not None)
        for row, value in zip(rows, values, strict=True):
            row[f"{name}_share"] = value / whole if value is not None and whole > 0 else None
    return rows


def _title(rows: Sequence[dict[str, Any]], model: str) -> str:
    """Shares of the steps; of one step alone, which has all of both, its own numbers."""
    if len(rows) == 1:
        values = {"model": model, "step": shortened(str(rows[0]["step"]), 240, TITLE), "change": _change(rows[0])}
        return messages.text("RECONCILE_PLOT.title_one", values)
    return messages.text("RECONCILE_PLOT.title", {"model": model, "steps": _steps(rows)})


def _steps(rows: Sequence[dict[str, Any]]) -> str:
    """As in "digital 26 % → 17 %"."""
    parts = []
    for row in rows:
        ends = (row["attributed_share"], row["incremental_share"])
        if None not in ends:
            name = shortened(str(row["step"]), 120, TITLE)
            parts.append(f"{name} {brief(ends[0], 'rate')} → {brief(ends[1], 'rate')}")
    return messages.text("RECONCILE_PLOT.join").join(parts) or "–"


def _color(row: dict[str, Any]) -> str:
    if row["gap"] is None or row["gap_low"] <= 0.0 <= row["gap_high"]:
        return MUTED
    return ACCENT if row["gap"] > 0.0 else CONTRAST


def _change(row: dict[str, Any]) -> str:
    ends = [row["attributed_per_1000"], row["incremental_per_1000"]]
    return " → ".join("–" if end is None else brief(end, "number") for end in ends)


def _draw(rows: Sequence[dict[str, Any]], model: str, texts: tuple[str, str], colors: Sequence[str]) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 42
    bottom = begin + _ROW * max(len(rows), 1)
    foot = wrapped(messages.text("PLOT.NOT_CAUSE"), _WIDTH - 2 * MARGIN, SMALL)
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 10)
    y, x = sheet.head(*head) + 8, MARGIN + 6.0
    keys = ((messages.text("RECONCILE_PLOT.attributed", {"model": model}), True),)
    for name, hollow in (*keys, (messages.text("RECONCILE_PLOT.incremental"), False)):
        sheet.mark(x, y, "o", color=MUTED, hollow=hollow)
        shown = shortened(name, 300, SMALL)
        sheet.text(x + 10, y, shown, size=SMALL)
        x += 10 + text_width(shown, SMALL) + 24
    changes = [_change(row) for row in rows]
    start = MARGIN + widest([shortened(str(row["step"]), _LABEL) for row in rows], TEXT) + 22
    number = _WIDTH - MARGIN - max(widest(changes, SMALL), 60.0)
    scale = Scale(_values(rows), start, number - 22)
    sheet.bottom_axis(scale, (begin, bottom), messages.text("RECONCILE_PLOT.axis"), "number")
    for place, (row, color) in enumerate(zip(rows, colors, strict=True)):
        middle = begin + (place + 0.5) * _ROW
        if place:
            sheet.rule(middle - _ROW / 2)
        sheet.text(MARGIN, middle, shortened(str(row["step"]), _LABEL))
        _mark(sheet, scale, row, middle, color)
        sheet.text(number, middle, changes[place], size=SMALL)
    sheet.foot(foot)
    return sheet


def _values(rows: Sequence[dict[str, Any]]) -> list[float]:
    names = ("attributed_per_1000", "incremental_per_1000", "incremental_per_1000_low", "incremental_per_1000_high")
    found = [row[name] for row in rows for name in names if row[name] is not None and math.isfinite(row[name])]
    return [0.0, *found]


def _mark(sheet: Sheet, scale: Scale, row: dict[str, Any], middle: float, color: str) -> None:
    left, right = row["attributed_per_1000"], row["incremental_per_1000"]
    if right is None:
        sheet.mark(scale(left), middle, "o", color=color, hollow=True)
        return
    ends = [row["incremental_per_1000_low"], row["incremental_per_1000_high"]]
    if all(end is not None and math.isfinite(end) for end in ends):
        sheet.line([scale(end) for end in ends], [middle + 7, middle + 7], color=color, width=1.2)
    sheet.line([scale(left), scale(right)], [middle, middle], color=SOFT if color == MUTED else color, width=3.0)
    sheet.mark(scale(left), middle, "o", color=color, hollow=True)
    sheet.mark(scale(right), middle, "o", color=color)
