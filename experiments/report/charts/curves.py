"""Curves over one scale: a line for each series with its band, named at its end; zero line and named places."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.plots.names import told_apart
from experiments.report.charts.frame import WIDTH, grid_axes, named_places, write, write_places
from experiments.report.charts.lines import spread, styles_of
from experiments.report.charts.numbers import mark_of
from experiments.report.charts.palette import INK, MUTED, TEXT
from experiments.report.charts.svg import new_canvas, room_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw"]

_PLOT = 240
_TOP = 30
_LINE = 20
_BOTTOM = 54
_NAMES = 260  # at most so much of the width for the names of the lines
_BOLD = 1.15
_LEADER = 14
_FEW_BANDS = 3
_FAR = 0.5  # an axis whose lowest figure is above this share of the highest does not start at zero


def draw(chart: Chart) -> Canvas:
    """Rows ``series, role, x, value, low, high``, one line a series; ``steps`` among the words draws steps."""
    rows = [row for row in chart.records.to_dicts() if row["x"] is not None]
    kinds = {field.name: field.kind for field in chart.records.fields}
    names = list(dict.fromkeys(row["series"] for row in rows))
    series = [sorted((row for row in rows if row["series"] == name), key=lambda row: _at(row["x"])) for name in names]
    low, high = _span(rows)
    shown = told_apart(names, _NAMES - _LEADER - 10, TEXT)
    right = min(_NAMES, _LEADER + 14 + _BOLD * max((room_of(name, TEXT) for name in shown), default=0.0))
    left = 16 + 1.1 * max(room_of(mark_of(end, kinds["value"]), TEXT) for end in (low, high, (low + high) / 2))
    plot, width = max(_PLOT, 1.15 * _LINE * len(series)), WIDTH - left - right
    marks = [(float(_at(place)), name) for place, name in chart.marks]
    first, last = _ends([float(_at(row["x"])) for row in rows] + [place for place, _ in marks])
    lines = named_places(marks, (first, last), width)
    top = _TOP + _LINE * (1 + max((line for _, _, line in lines), default=-1))
    height = top + plot + _BOTTOM
    canvas = new_canvas(WIDTH, height)
    axes = canvas.add_axes((left / WIDTH, _BOTTOM / height, width / WIDTH, plot / height))
    axes.set_xlim(first, last)
    axes.set_ylim(low, high)
    grid_axes(axes, chart.words.get("x", ""), mark=lambda y: mark_of(y, kinds["value"]))
    _across(axes, kinds["x"], only=first + 0.5 if last - first == 1 and len({row["x"] for row in rows}) == 1 else None)
    if low <= 0 <= high:
        axes.axhline(0, color=INK, linewidth=1.2, zorder=1.5)
    write(axes, chart.words.get("y", ""), (0, 1), within="axes fraction", gap=(-left, top - 16), color=MUTED)
    write_places(axes, lines)
    _lines(axes, series, shown, steps=bool(chart.words.get("steps")))
    return canvas


def _ends(held: Sequence[float]) -> tuple[float, float]:
    """The horizontal scale."""
    finite = [end for end in held if math.isfinite(end)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _at(value: Any) -> Any:
    """A place on the horizontal scale: dates as days."""
    if isinstance(value, datetime):
        return value.toordinal() + (value.hour * 60 + value.minute) / 1440
    return value.toordinal() if isinstance(value, date) else value


def _span(rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The vertical scale: every finite figure, and zero unless all lie far from it."""
    held = [row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None]
    finite = [float(end) for end in held if math.isfinite(end)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if low > 0 and low <= _FAR * high:
        low = 0.0
    elif high < 0 and high >= _FAR * low:
        high = 0.0
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return low if low == 0 else low - margin, high if high == 0 and low < 0 else high + margin


def _across(axes: Any, kind: str, *, only: float | None) -> None:
    axes.locator_params(axis="x", nbins=6)
    if only is not None:
        axes.set_xticks([only])
    if kind == "date":
        if only is None:
            axes.locator_params(axis="x", nbins=4, integer=True)
        axes.xaxis.set_major_formatter(
            lambda x, _: format_value(date.fromordinal(max(1, round(x))), "date") if x == round(x) else ""
        )
    else:
        axes.xaxis.set_major_formatter(lambda x, _: mark_of(x, kind))


def _lines(axes: Any, series: Sequence[Sequence[dict[str, Any]]], names: Sequence[str], *, steps: bool) -> None:
    """Bands below, lines above, and each name where its line ends, kept apart and led to its place."""
    styles = styles_of([rows[0]["role"] for rows in series])
    banded = sum(any(row["low"] is not None for row in rows) for rows in series)
    for rows, style in zip(series, styles, strict=True):
        _band(axes, rows, style["color"], alpha=0.16 if banded <= _FEW_BANDS else 0.08, steps=steps)
    ends: list[tuple[float, float] | None] = []
    for rows, style in zip(series, styles, strict=True):
        x = [_at(row["x"]) for row in rows]
        y = [math.nan if row["value"] is None or not math.isfinite(row["value"]) else row["value"] for row in rows]
        lone = {"marker": "o", "markersize": 7} if sum(map(math.isfinite, y)) == 1 else {}
        axes.plot(x, y, drawstyle="steps-post" if steps else "default", solid_capstyle="butt", **style, **lone)
        drawn = [(at, value) for at, value in zip(x, y, strict=True) if math.isfinite(value)]
        ends.append(drawn[-1] if drawn else None)
    _names(axes, ends, names, styles)


def _names(
    axes: Any, ends: Sequence[tuple[float, float] | None], names: Sequence[str], styles: Sequence[dict[str, Any]]
) -> None:
    """Each name beside the place where its line ends; a hair line leads there where it had to move."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    box, paper = axes.get_position(), axes.figure
    width, plot = box.width * paper.get_figwidth() * 72, box.height * paper.get_figheight() * 72
    found = [(place, end) for place, end in enumerate(ends) if end is not None]
    wanted = [(end[1] - low) / (high - low) * plot for _, end in found]
    outside = right + (right - left) * (_LEADER - 4) / width
    for (place, end), at, y in zip(found, spread(wanted, _LINE, 4.0, plot - 4.0), wanted, strict=True):
        color = styles[place]["color"]
        if abs(at - y) > 1 or end[0] < right:
            to = low + (high - low) * at / plot
            axes.plot([end[0], outside], [end[1], to], color=color, linewidth=0.8, clip_on=False)
        write(
            axes, names[place], (1, at / plot), within="axes fraction", gap=(_LEADER, 0), color=color, fontweight="bold"
        )


def _band(axes: Any, rows: Sequence[dict[str, Any]], color: str, *, alpha: float, steps: bool) -> None:
    """The interval; an unbounded end reaches the edge of the picture, a missing one leaves a gap."""
    if all(row["low"] is None or row["high"] is None for row in rows):
        return
    bottom, top = axes.get_ylim()
    low = [math.nan if row["low"] is None else max(row["low"], bottom) for row in rows]
    high = [math.nan if row["high"] is None else min(row["high"], top) for row in rows]
    x = [_at(row["x"]) for row in rows]
    step = "post" if steps else None
    axes.fill_between(x, low, high, color=color, alpha=alpha, linewidth=0, step=step, zorder=1)
    if len(rows) == 1:
        axes.plot([x[0], x[0]], [low[0], high[0]], color=color, linewidth=3, solid_capstyle="butt")
