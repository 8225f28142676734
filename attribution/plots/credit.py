"""Credit by channel and model: bars for one model, points for several, whiskers when a level is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.records import Field, Records
from attribution.plots.measures import check_top, drawn_credit, measure_of, model_label, more_line, none_line
from attribution.plots.numbers import brief, brief_range, in_words
from attribution.plots.palette import ACCENT, MUTED, SOFT, shape, tint
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
    from attribution.plots.measures import Drawn, Measure

__all__ = ["plot_credit"]

_WIDTH = 760.0
_LABEL = 190.0
_MODEL = 150.0
_AXIS = 62.0


def plot_credit(
    credit: Credit | PathCredit,
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
        credit: The credit, also that of `at.attribute_paths` (which has no intervals).
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
    title = _title(drawn, asked)
    subtitle = messages.text(f"PLOT.CREDIT_{measure.upper()}")
    if level is not None:
        subtitle += messages.text("PLOT.LEVEL", {"level": level})
    shown = drawn.labels[:top]
    lines = [none_line(drawn, asked), more_line(len(drawn.labels) - len(shown)), messages.text("PLOT.NOT_CAUSE")]
    with drawing():
        rows = _Rows.of(drawn, asked.kind, shown, whiskers=level is not None)
        axis = messages.text(f"PLOT.AXIS_{measure.upper()}")
        sheet = _draw(rows, axis, (title, subtitle), [line for line in lines if line])
    fields = [Field("model", "text"), *(Field(key, "text") for key in drawn.keys), Field(asked.column, asked.kind)]
    if level is not None:
        fields += [Field(f"{asked.ends}_{end}", asked.kind) for end in ("low", "high")]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, _told(drawn, asked, shown)),
        records=Records.from_rows(fields, drawn.rows),
        figure=sheet.figure,
    )


def _title(drawn: Drawn, measure: Measure) -> str:
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
    values = {"name": shortened(names[0], 240, TITLE), "n": len(drawn.models), "total": brief(drawn.touched, "count")}
    if len(names) == 1 and len(drawn.models) == 1:
        values["amount"] = brief(high, measure.kind)
        return messages.text(f"PLOT.CREDIT_ONE_{measure.name.upper()}", values)
    if len(names) == 1:
        values["amounts"] = brief_range(low, high, measure.kind)
        return messages.text("PLOT.CREDIT_BOTH" if len(drawn.models) == 2 else "PLOT.CREDIT_AGREED", values)
    counts = [list(leaders.values()).count(name) for name in names]
    parts = [
        messages.text("PLOT.CREDIT_LEADER", {"name": shortened(name, 160, TITLE), "n": count, "total": len(best)})
        for name, count in list(zip(names, counts, strict=True))[:3]
    ]
    return messages.text("PLOT.CREDIT_DEPENDS", {"leaders": messages.text("PLOT.COMMA").join(parts)})


def _told(drawn: Drawn, measure: Measure, shown: list[str]) -> list[tuple[str, str]]:
    """The rows of the picture with their numbers."""
    parts = []
    for label in shown:
        points = [drawn.values[model, label][0] for model in drawn.models]
        parts.append((label, brief_range(min(points), max(points), measure.kind)))
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of the picture and where their parts stand.

    Attributes:
        drawn: The credit.
        kind: How numbers are written.
        shown: Labels of the rows.
        numbers: What stands at the right: per row one text, or one per model.
        whiskers: Whether intervals are drawn.
        lane: Distance of two models of one row.
        height: Height of a row.
        names: Where the names of models begin, if they stand in the rows.
        right: Where the numbers begin.
        scale: The axis.
    """

    drawn: Drawn
    kind: str
    shown: list[str]
    numbers: list[list[str]]
    whiskers: bool
    lane: float
    height: float
    names: float
    right: float
    scale: Scale

    @classmethod
    def of(cls, drawn: Drawn, kind: str, shown: list[str], *, whiskers: bool) -> _Rows:
        """Measure the texts and give the rest of the width to the axis."""
        models = len(drawn.models)
        numbers = [_numbers(drawn, kind, label, whiskers=whiskers) for label in shown]
        weight = 1.1 if whiskers else 1.0  # bold letters are wider
        names = MARGIN + weight * widest([shortened(label, _LABEL) for label in shown], TEXT) + 16
        left = names
        if whiskers and models > 1:
            left += widest([shortened(model_label(model), _MODEL, SMALL) for model in drawn.models], SMALL) + 18
        right = _WIDTH - MARGIN - max(widest([text for texts in numbers for text in texts], SMALL), 60.0)
        values = [
            end for label in shown for model in drawn.models for end in drawn.values[model, label] if end is not None
        ]
        lane = 18.0 if whiskers else 5.0
        height = max(32.0, lane * models + (14.0 if whiskers and models > 1 else 12.0))
        return cls(drawn, kind, shown, numbers, whiskers, lane, height, names, right, Scale(values, left, right - 22))

    def bars(self) -> bool:
        """Whether there is one model without intervals."""
        return len(self.drawn.models) == 1 and not self.whiskers


def _numbers(drawn: Drawn, kind: str, label: str, *, whiskers: bool) -> list[str]:
    points = [drawn.values[model, label] for model in drawn.models]
    if not whiskers:
        return [brief_range(min(point[0] for point in points), max(point[0] for point in points), kind)]
    return [
        brief(value, kind) if low is None or high is None else f"{brief(value, kind)} ({brief_range(low, high, kind)})"
        for value, low, high in points
    ]


def _draw(rows: _Rows, axis: str, texts: tuple[str, str], foot: list[str]) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    key = [] if rows.bars() or rows.whiskers else _key_lines(rows.drawn.models)
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + len(key) * 22 + 14
    bottom = begin + rows.height * max(len(rows.shown), 1)
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 10)
    y = sheet.head(*head)
    for line in key:
        for x, place, name in line:
            sheet.mark(x, y + 6, shape(place), color=tint(place))
            sheet.text(x + 10, y + 6, name, size=SMALL)
        y += 22
    sheet.bottom_axis(rows.scale, (begin, bottom), axis, rows.kind)
    for place, label in enumerate(rows.shown):
        top = begin + place * rows.height
        weight = "bold" if rows.whiskers else "normal"
        sheet.text(MARGIN, top + rows.height / 2, shortened(label, _LABEL), weight=weight)
        if place:
            sheet.rule(top)
        (_row_with_intervals if rows.whiskers else _row)(sheet, rows, place, top + rows.height / 2)
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


def _row(sheet: Sheet, rows: _Rows, row: int, middle: float) -> None:
    """Points of all models close together, joined by a bar from the smallest to the largest; one model is a bar."""
    values = [rows.drawn.values[model, rows.shown[row]][0] for model in rows.drawn.models]
    scale = rows.scale
    if rows.bars():
        zero, end = scale(0.0), scale(values[0])
        sheet.bar(min(zero, end), middle - 8, abs(end - zero), 16, color=ACCENT)
    else:
        sheet.bar(scale(min(values)), middle - 2, scale(max(values)) - scale(min(values)), 4, color=SOFT)
        for place, value in enumerate(values):
            y = middle + rows.lane * (place - (len(values) - 1) / 2)
            sheet.mark(scale(value), y, shape(place), color=tint(place))
    sheet.text(rows.right, middle, rows.numbers[row][0], size=SMALL)


def _row_with_intervals(sheet: Sheet, rows: _Rows, row: int, middle: float) -> None:
    """A line per model: its name, its interval with the point, its numbers."""
    models = rows.drawn.models
    for place, model in enumerate(models):
        y = middle + rows.lane * (place - (len(models) - 1) / 2)
        value, low, high = rows.drawn.values[model, rows.shown[row]]
        if len(models) > 1:
            sheet.text(rows.names, y, shortened(model_label(model), _MODEL, SMALL), size=SMALL, color=MUTED)
        if low is not None and high is not None:
            sheet.line([rows.scale(low), rows.scale(high)], [y, y], color=tint(place), width=2.5)
        sheet.mark(rows.scale(value), y, shape(place), color=tint(place), size=7.5)
        sheet.text(rows.right, y, rows.numbers[row][place], size=SMALL)
