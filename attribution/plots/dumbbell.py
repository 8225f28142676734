"""Two models side by side: one line per channel from one model's credit to the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records
from attribution.plots.measures import check_top, drawn_credit, measure_of, model_label, more_line, none_line
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

if TYPE_CHECKING:
    from attribution.credit.credit import Credit
    from attribution.credit.path_credit import PathCredit
    from attribution.plots.measures import Measure

__all__ = ["plot_dumbbell"]

_DIFFERENCE = "difference"
_WIDTH = 760.0
_LABEL = 190.0
_ROW = 32.0
_AXIS = 62.0


def plot_dumbbell(
    credit: Credit | PathCredit,
    model_a: str,
    model_b: str,
    *,
    measure: Literal["conversions", "value", "share"] = "conversions",
    top: int = 15,
) -> Plot:
    """Draw how far two models of one credit are apart, channel by channel.

    A hollow circle is the first model, a full one the second; blue where the second gives more, rust where it gives
    less. The channels stand by the difference.

    Args:
        credit: The credit, also that of `at.attribute_paths`.
        model_a: Name of the model to start from.
        model_b: Name of the model to go to.
        measure: "conversions", "value", or "share" (of the attributed conversions).
        top: How many channels to draw, those with the largest differences; the table has all.

    Returns:
        The plot; its data are one row per channel: the key columns, one column per model, and difference (second minus
        first).

    Raises:
        InputError: For something that is no credit, a model that it does not have or that bears the name of another
            column of the data, an unknown measure.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> plot = at.plot_dumbbell(at.attribute(touches, conversions), "first_touch", "linear")
        >>> plot.to_dicts()[0]
        {'channel': 'phone', 'first_touch': 0.0, 'linear': 0.5, 'difference': 0.5}
    """
    asked = measure_of(credit, measure, "plot_dumbbell")
    top = check_top(top)
    drawn = drawn_credit(credit, asked, None)
    for name in (model_a, model_b):
        if name not in drawn.models:
            raise InputError(f"the credit has no model {name!r}. {closest(str(name), drawn.models)}")
    if model_a == model_b:
        raise InputError(f"plot_dumbbell compares two models, got {model_a!r} twice.")
    for name in (model_a, model_b):
        if name in (*drawn.keys, _DIFFERENCE):
            raise InputError(f"a model is called {name!r}, as another column of the plot's data is. Rename it.")
    rows: list[dict[str, Any]] = []
    for parts in dict.fromkeys(tuple(row[key] for key in drawn.keys) for row in drawn.rows):
        left, right = (drawn.values[model, " / ".join(parts)][0] for model in (model_a, model_b))
        rows.append(
            {**dict(zip(drawn.keys, parts, strict=True)), model_a: left, model_b: right, "difference": right - left}
        )
    rows.sort(key=lambda row: (-round(row["difference"], 9), *(row[key] for key in drawn.keys)))
    moved = sum(row["difference"] for row in rows if row["difference"] > 0)
    whole = sum(abs(row[model_a]) for row in rows)
    title = _title(rows, drawn.keys, (model_a, model_b), moved / whole if whole > 0 else 0.0)
    subtitle = messages.text(f"PLOT.DUMBBELL_{measure.upper()}")
    largest = sorted(rows, key=lambda row: -abs(row["difference"]))[:top]
    shown = [row for row in rows if any(row is kept for kept in largest)]
    lines = [none_line(drawn, asked), more_line(len(rows) - len(shown)), messages.text("PLOT.NOT_CAUSE")]
    with drawing():
        labelled = [(" / ".join(row[key] for key in drawn.keys), row[model_a], row[model_b]) for row in shown]
        names = (model_label(model_a), model_label(model_b))
        sheet = _draw(labelled, names, asked, (title, subtitle), [line for line in lines if line])
    fields = [*(Field(key, "text") for key in drawn.keys), Field(model_a, asked.kind), Field(model_b, asked.kind)]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, [(name, _change(left, right, asked)) for name, left, right in labelled]),
        records=Records.from_rows([*fields, Field("difference", _signed(asked))], rows),
        figure=sheet.figure,
    )


def _signed(measure: Measure) -> Any:
    return "pp" if measure.kind == "rate" else measure.kind


def _title(rows: list[dict[str, Any]], keys: tuple[str, ...], models: tuple[str, str], moved: float) -> str:
    values: dict[str, object] = {"a": model_label(models[0]), "b": model_label(models[1])}
    values["share"] = brief(moved, "rate")
    if moved <= 1e-9:
        return messages.text("PLOT.DUMBBELL_SAME", values)
    for name, row in (("gains", rows[0]), ("loses", rows[-1])):
        values[name] = shortened(" / ".join(row[key] for key in keys), 150, TITLE)
    return messages.text("PLOT.DUMBBELL_TITLE", values)


def _change(left: float, right: float, measure: Measure) -> str:
    """As in "12 → 18 (+6)"."""
    change = brief(right - left, _signed(measure))
    sign = "+" if right > left else ""
    return f"{brief(left, measure.kind)} → {brief(right, measure.kind)} ({sign}{change})"


def _draw(
    rows: list[tuple[str, float, float]],
    models: tuple[str, str],
    measure: Measure,
    texts: tuple[str, str],
    foot: list[str],
) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 42
    bottom = begin + _ROW * max(len(rows), 1)
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 10)
    y = sheet.head(*head) + 8
    x = MARGIN + 6.0
    for name, hollow in ((models[0], True), (models[1], False)):
        sheet.mark(x, y, "o", color=MUTED, hollow=hollow)
        shown = shortened(name, 240, SMALL)
        sheet.text(x + 10, y, shown, size=SMALL)
        x += 10 + text_width(shown, SMALL) + 24
    changes = [_change(left, right, measure) for _, left, right in rows]
    start = MARGIN + widest([shortened(label, _LABEL) for label, _, _ in rows], TEXT) + 22
    number = _WIDTH - MARGIN - max(widest(changes, SMALL), 60.0)
    scale = Scale([end for _, left, right in rows for end in (left, right)], start, number - 22)
    sheet.bottom_axis(scale, (begin, bottom), messages.text(f"PLOT.AXIS_{measure.name.upper()}"), measure.kind)
    for place, (label, left, right) in enumerate(rows):
        middle = begin + (place + 0.5) * _ROW
        if place:
            sheet.rule(middle - _ROW / 2)
        same = abs(right - left) <= 1e-9 * max(abs(left), abs(right), 1.0)
        color = MUTED if same else ACCENT if right > left else CONTRAST
        sheet.text(MARGIN, middle, shortened(label, _LABEL))
        sheet.line([scale(left), scale(right)], [middle, middle], color=SOFT if same else color, width=3.0)
        sheet.mark(scale(left), middle, "o", color=color, hollow=True)
        sheet.mark(scale(right), middle, "o", color=color)
        sheet.text(number, middle, changes[place], size=SMALL)
    sheet.foot(foot)
    return sheet
