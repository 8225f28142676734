"""Credit by channel and model: bars for one model, points for several, whiskers when a level is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from attribution.plots.measures import axis_mark, check_top, drawn_credit, measure_of, model_label, more_line, none_line
from attribution.plots.palette import ACCENT, INK, MUTED, SOFT, shape, tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, drawing, shortened, text_width, wrapped

if TYPE_CHECKING:
    from attribution.credit.credit import Credit
    from attribution.plots.measures import Drawn, Measure

__all__ = ["plot_credit"]

_WIDTH = 760.0
_LABEL = 150.0
_MODEL = 120.0
_NUMBER = 190.0
_AXIS = 62.0


def plot_credit(
    credit: Credit,
    *,
    measure: Literal["conversions", "value", "share"] = "conversions",
    level: float | None = None,
    top: int = 15,
) -> Plot:
    """Draw credit by channel (or whatever it is keyed by) and model.

    One model is drawn as bars; several as points on one line per channel, so that the gap between the models is what
    meets the eye. With a level every model has its own line with its interval. The channels stand by their mean
    credit; conversions without an eligible touch are told below.

    Args:
        credit: The credit.
        measure: "conversions", "value", or "share" (of the attributed conversions).
        level: Draws confidence intervals at this level, as in `Credit.table`.
        top: How many channels to draw; the table has all.

    Returns:
        The plot, with the rows of the credit table as its data.

    Raises:
        InputError: For something that is no credit, an unknown measure, a level outside (0, 1), a value that the
            conversions do not have.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> at.plot_credit(at.attribute(touches, conversions), measure="share").to_dicts()[1]
        {'model': 'first_touch', 'channel': 'sms', 'share_of_attributed': 1.0}
    """
    asked = measure_of(credit, measure, "plot_credit")
    top = check_top(top)
    drawn = drawn_credit(credit, asked, level)
    title = _title(drawn, asked, credit.sums.touched)
    subtitle = messages.text(f"PLOT.CREDIT_{measure.upper()}")
    if level is not None:
        subtitle += messages.text("PLOT.LEVEL", {"level": level})
    shown = drawn.labels[:top]
    lines = [none_line(drawn, asked), more_line(len(drawn.labels) - len(shown)), messages.text("PLOT.NOT_CAUSE")]
    with drawing():
        sheet = _draw(
            drawn, asked, shown, (title, subtitle), [line for line in lines if line], whiskers=level is not None
        )
    fields = [Field("model", "text"), *(Field(key, "text") for key in drawn.keys), Field(asked.column, asked.kind)]
    if level is not None:
        fields += [Field(f"{asked.ends}_{end}", asked.kind) for end in ("low", "high")]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=" ".join([f"{title}.", _told(drawn, asked, shown)]),
        records=Records.from_rows(fields, drawn.rows),
        figure=sheet.figure,
    )


def _title(drawn: Drawn, measure: Measure, touched: int) -> str:
    """Who leads, and whether the models agree on it."""
    best = {
        model: max((drawn.values[model, label][0] for label in drawn.labels), default=0.0) for model in drawn.models
    }
    if not drawn.labels or max(best.values()) <= 0:
        return messages.text("PLOT.CREDIT_NOTHING")
    leaders = {
        model: next(label for label in drawn.labels if drawn.values[model, label][0] >= value - 1e-9 * abs(value))
        for model, value in best.items()
    }
    names = sorted(set(leaders.values()), key=lambda name: (-list(leaders.values()).count(name), name))
    low, high = min(best.values()), max(best.values())
    values = {"name": shortened(names[0], 240, TITLE), "n": len(drawn.models), "total": touched}
    if len(names) == 1 and len(drawn.models) == 1:
        values["amount"] = format_value(high, measure.kind)
        return messages.text(f"PLOT.CREDIT_ONE_{measure.name.upper()}", values)
    if len(names) == 1:
        values["amounts"] = _ends(low, high, measure)
        return messages.text("PLOT.CREDIT_AGREED", values)
    counts = [list(leaders.values()).count(name) for name in names]
    parts = [
        messages.text("PLOT.CREDIT_LEADER", {"name": shortened(name, 160, TITLE), "n": count})
        for name, count in list(zip(names, counts, strict=True))[:3]
    ]
    return messages.text("PLOT.CREDIT_DEPENDS", {"leaders": messages.text("PLOT.COMMA").join(parts)})


def _ends(low: float, high: float, measure: Measure) -> str:
    ends = [format_value(end, measure.kind) for end in (low, high)]
    return ends[0] if ends[0] == ends[1] else format_interval(low, high, measure.kind)


def _told(drawn: Drawn, measure: Measure, shown: list[str]) -> str:
    """The numbers of the picture in words."""
    parts = []
    for label in shown:
        points = [drawn.values[model, label][0] for model in drawn.models]
        parts.append(f"{label}: {_ends(min(points), max(points), measure)}")
    return "; ".join(parts)


def _draw(
    drawn: Drawn,
    measure: Measure,
    shown: list[str],
    texts: tuple[str, str],
    foot: list[str],
    *,
    whiskers: bool,
) -> Sheet:
    models = drawn.models
    lane = 18.0 if whiskers else 5.0
    bars = len(models) == 1 and not whiskers
    row = 30.0 if bars else max(32.0, lane * len(models) + (14.0 if whiskers and len(models) > 1 else 12.0))
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    keyed = not bars and not whiskers
    key = _key_lines(models) if keyed else []
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + len(key) * 22 + 14
    bottom = begin + row * max(len(shown), 1)
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 10)
    y = sheet.head(*head)
    for line in key:
        for x, place, name in line:
            sheet.mark(x, y + 6, shape(place), color=tint(place))
            sheet.text(x + 10, y + 6, name, color=INK, size=SMALL)
        y += 22
    left = MARGIN + _LABEL + (_MODEL if whiskers and len(models) > 1 else 0.0) + 16
    ends = [end for label in shown for model in models for end in drawn.values[model, label] if end is not None]
    scale = Scale(ends, left, _WIDTH - MARGIN - _NUMBER)
    sheet.bottom_axis(scale, begin, bottom, messages.text(f"PLOT.AXIS_{measure.name.upper()}"), axis_mark(measure))
    for place, label in enumerate(shown):
        top = begin + place * row
        sheet.text(MARGIN, top + row / 2, shortened(label, _LABEL), weight=700 if whiskers else 400)
        if place:
            sheet.line([MARGIN, _WIDTH - MARGIN], [top, top], color="#eef1f4", zorder=0.4)
        one = _row_with_intervals if whiskers else _row
        one(sheet, scale, drawn, measure, (label, top + row / 2, lane))
    sheet.foot(foot)
    return sheet


def _key_lines(models: tuple[str, ...]) -> list[list[tuple[float, int, str]]]:
    """Marker and name of every model, in as many lines as they need."""
    lines: list[list[tuple[float, int, str]]] = [[]]
    x = MARGIN + 6
    for place, model in enumerate(models):
        name = shortened(model_label(model), 200, SMALL)
        width = 10 + text_width(name, SMALL) + 24
        if x + width > _WIDTH - MARGIN and lines[-1]:
            lines.append([])
            x = MARGIN + 6
        lines[-1].append((x, place, name))
        x += width
    return lines


def _row(sheet: Sheet, scale: Scale, drawn: Drawn, measure: Measure, where: tuple[str, float, float]) -> None:
    """Points of all models close together, joined by a bar from the smallest to the largest."""
    label, middle, lane = where
    values = [drawn.values[model, label][0] for model in drawn.models]
    low, high = min(values), max(values)
    if len(values) == 1:
        zero, end = scale(0.0), scale(values[0])
        sheet.bar(min(zero, end), middle - 8, abs(end - zero), 16, color=ACCENT)
    else:
        sheet.bar(scale(low), middle - 2, scale(high) - scale(low), 4, color=SOFT)
        for place, value in enumerate(values):
            y = middle + lane * (place - (len(values) - 1) / 2)
            sheet.mark(scale(value), y, shape(place), color=tint(place))
    sheet.text(_WIDTH - MARGIN - _NUMBER + 20, middle, _ends(low, high, measure))


def _row_with_intervals(
    sheet: Sheet, scale: Scale, drawn: Drawn, measure: Measure, where: tuple[str, float, float]
) -> None:
    """A line per model: its name, its interval with the point, its numbers."""
    label, middle, lane = where
    for place, model in enumerate(drawn.models):
        y = middle + lane * (place - (len(drawn.models) - 1) / 2)
        value, low, high = drawn.values[model, label]
        if len(drawn.models) > 1:
            sheet.text(MARGIN + _LABEL + 8, y, shortened(model_label(model), _MODEL, SMALL), size=SMALL, color=MUTED)
        shown = format_value(value, measure.kind)
        if low is not None and high is not None:
            sheet.line([scale(low), scale(high)], [y, y], color=tint(place), width=2.5)
            shown += f" ({format_interval(low, high, measure.kind)})"
        sheet.mark(scale(value), y, shape(place), color=tint(place))
        sheet.text(_WIDTH - MARGIN - _NUMBER + 20, y, shown, size=SMALL)
