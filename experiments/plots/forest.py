"""The forest: one line per comparison with its interval, and the line of no effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, MUTED
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, drawing, shortened, widest, wrapped
from experiments.plots.names import told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.formats import ValueKind

__all__ = ["plot_forest"]

_WIDTH = 760.0
_LABEL = 210.0
_ROW = 34.0
_AXIS = 62.0
_MOST = 60


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Line:
    """One comparison as it is drawn."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    note: str


def plot_forest(
    result: TabularResult, *, metric: str | None = None, reading: Literal["difference", "relative"] = "difference"
) -> Plot:
    """Draw every comparison of one metric with its interval.

    Blue where the interval lies above 0, rust where it lies below, grey where the data do not settle the sign. An end
    that is unbounded, or lies beyond the picture, is an arrow. A figure that is undefined shows its reason.

    Args:
        result: A readout, its steps, its segments, or any result whose table has the columns metric, arm, control,
            difference, low, high (relative, relative_low, relative_high for the lift), and segment where it has one.
        metric: Name of the metric; the first one of the table when None.
        reading: The difference in the metric's own unit, or the relative lift.

    Returns:
        The plot; its data are the rows drawn.

    Raises:
        InputError: For a result without these columns, or an unknown metric.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(c.outcomes)
        >>> ex.plot_forest(readout).title
        '2 of 3 comparisons settle the sign of the difference in woken'
    """
    rows = _rows(result, reading)
    names = list(dict.fromkeys(str(row["metric"]) for row in rows))
    chosen = names[0] if metric is None else metric
    if chosen not in names:
        raise InputError(f"the result has no metric {metric!r}. {closest(str(metric), names)}")
    kept = [row for row in rows if str(row["metric"]) == chosen]
    kind = _kind(result, chosen, reading)
    ends = ("low", "high") if reading == "difference" else ("relative_low", "relative_high")
    lines = [
        _Line(
            label=_label(row), value=row[reading], low=row[ends[0]], high=row[ends[1]], note=str(row.get("note") or "")
        )
        for row in kept
    ]
    settled = sum(_settled(line) != 0 for line in lines)
    values = {"n": len(lines), "k": settled, "metric": shortened(chosen, 300, TITLE)}
    title = messages.text("FOREST.title" if len(lines) > 1 else "FOREST.one" if settled else "FOREST.open", values)
    subtitle = messages.text(f"FOREST.{reading}")
    with drawing():
        sheet = _draw(lines[:_MOST], kind, (title, subtitle), len(lines))
    fields = [Field("metric", "text"), Field("arm", "text"), Field("control", "text")]
    fields += [Field("segment", "text")] if "segment" in kept[0] else []
    fields += [Field(reading, kind), Field(ends[0], kind), Field(ends[1], kind), Field("note", "text")]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, [(line.label, _told(line, kind)) for line in lines]),
        records=Records.from_rows(fields, kept),
        figure=sheet.figure,
    )


def _rows(result: object, reading: str) -> list[dict[str, Any]]:
    if reading not in ("difference", "relative"):
        raise InputError(f'reading must be "difference" or "relative", got {reading!r}.')
    if not isinstance(result, TabularResult):
        raise InputError(f"plot_forest needs a readout or another result, got {type(result).__name__}.")
    rows = result.to_dicts()
    ends = ("low", "high") if reading == "difference" else ("relative_low", "relative_high")
    needed = ("metric", "arm", "control", reading, *ends)
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing or not rows:
        raise InputError(f"plot_forest needs the columns {', '.join(needed)}; without {', '.join(missing) or 'rows'}.")
    return rows


def _kind(result: object, metric: str, reading: str) -> ValueKind:
    from experiments.metrics import Rate

    if reading == "relative":
        return "rate"
    experiment = getattr(result, "experiment", None)
    contrasts = getattr(result, "contrasts", ())
    declared = getattr(experiment, "metrics", {}).get(metric)
    if declared is None and contrasts:
        declared = next((one.fit.metric for one in contrasts if one.fit.name == metric), None)
    return "pp" if isinstance(declared, Rate) else "number"


def _label(row: dict[str, Any]) -> str:
    pair = messages.text("FOREST.pair", {"arm": row["arm"], "control": row["control"]})
    return pair if row.get("segment") is None else f"{row['segment']}: {pair}"


def _settled(line: _Line) -> int:
    """1 where the interval lies above 0, -1 below, 0 where it holds 0 or is not there."""
    if line.low is None or line.high is None:
        return 0
    return 1 if line.low > 0 else -1 if line.high < 0 else 0


def _told(line: _Line, kind: ValueKind) -> str:
    if line.low is None or line.high is None or line.value is None:
        return line.note or "–"
    ends = [_end(end, kind) for end in (line.low, line.high)]
    return messages.text("FOREST.told", {"value": brief(line.value, kind), "low": ends[0], "high": ends[1]})


def _end(end: float, kind: ValueKind) -> str:
    """An end of an interval; points are named once, behind the value."""
    if not math.isfinite(end):
        return "−∞" if end < 0 else "∞"
    return brief(100.0 * end, "number") if kind == "pp" else brief(end, kind)


def _range(lines: Sequence[_Line]) -> list[float]:
    """What the axis must hold: every value, and the finite ends as far as they do not squeeze the others together."""
    ends = [end for line in lines for end in (line.low, line.high) if end is not None and math.isfinite(end)]
    values = [line.value for line in lines if line.value is not None]
    widths = sorted(
        line.high - line.low
        for line in lines
        if line.low is not None and line.high is not None and math.isfinite(line.high - line.low)
    )
    if not widths:
        return values
    room = 4.0 * widths[len(widths) // 2]
    low, high = min(values, default=0.0) - room, max(values, default=0.0) + room
    return [*values, *(min(max(end, low), high) for end in ends)]


def _draw(lines: Sequence[_Line], kind: ValueKind, texts: tuple[str, str], total: int) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 14
    bottom = begin + _ROW * len(lines)
    foot = [messages.text("PLOT.MORE_ROWS", {"n": total - len(lines)})] if total > len(lines) else []
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 14)
    sheet.head(*head)
    told = [_told(line, kind) for line in lines]
    names = told_apart([line.label for line in lines], _LABEL)
    start = MARGIN + widest(names, TEXT) + 22
    number = _WIDTH - MARGIN - min(max(widest(told, SMALL), 60.0), 210.0)
    scale = Scale(_range(lines), start, number - 22)
    axis = "rate" if kind == "rate" else "number"
    factor = 100.0 if kind == "pp" else 1.0
    drawn = Scale([factor * value for value in _range(lines)], start, number - 22) if kind == "pp" else scale
    label = messages.text("FOREST.axis_relative" if kind == "rate" else f"FOREST.axis_{kind}")
    sheet.bottom_axis(drawn, (begin, bottom), label, axis)
    for place, (line, name, text) in enumerate(zip(lines, names, told, strict=True)):
        middle = begin + (place + 0.5) * _ROW
        if place:
            sheet.rule(middle - _ROW / 2)
        sheet.text(MARGIN, middle, name)
        sheet.text(number, middle, shortened(text, 210.0, SMALL), size=SMALL)
        if line.low is not None and line.high is not None:
            _interval(sheet, drawn, line, factor, middle)
    sheet.foot(foot)
    return sheet


def _interval(sheet: Sheet, scale: Scale, line: _Line, factor: float, middle: float) -> None:
    color = (MUTED, ACCENT, CONTRAST)[_settled(line)]
    ends = []
    for end, edge, arrow in ((line.low, scale.low, "<"), (line.high, scale.high, ">")):
        at = factor * (end if end is not None else 0.0)
        beyond = not math.isfinite(at) or (at < scale.low if arrow == "<" else at > scale.high)
        ends.append(scale(edge) if beyond else scale(at))
        if beyond:
            sheet.mark(scale(edge), middle, arrow, color=color, size=7.0)
    sheet.line(ends, [middle, middle], color=color, width=2.4)
    if line.value is not None:
        sheet.mark(scale(factor * line.value), middle, "o", color=color)
