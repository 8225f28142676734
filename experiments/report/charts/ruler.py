"""The signature: touched, attributed and incremental under the same ruler; and the small range bar of a card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from experiments.report.charts.forest import finite_span
from experiments.report.charts.frame import WIDTH, bottom_axis, room_for, write
from experiments.report.charts.palette import ACCENT, CONTRAST, GRID, INK, MUTED, PAPER, SOFT, TEXT
from experiments.report.charts.svg import new_canvas, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart, Figure

__all__ = ["draw", "draw_figures", "draw_range"]

_MOST_LABEL = 260
_ROW = 30
_GAP = 22
_BOTTOM = 50
_FIGURES = (SOFT, MUTED, ACCENT)
_COLORS = {"touched": SOFT, "attributed": MUTED, "incremental": ACCENT}


def draw(chart: Chart) -> Canvas:
    """Rows ``group, label, role, value, low, high``; roles: touched, attributed (range over models), incremental."""
    rows = chart.records.to_dicts()
    groups = list(dict.fromkeys(row["group"] for row in rows))
    height = 14 + _ROW * max(len(rows), 1) + _GAP * len(groups) + _BOTTOM
    canvas = new_canvas(WIDTH, height)
    labels = [shortened(row["label"], _MOST_LABEL, TEXT) for row in rows]
    told = ["" if row["value"] is None else _counted(row["value"], row["low"], row["high"]) for row in rows]
    left, plot = room_for(labels, told)
    axes = canvas.add_axes((left / WIDTH, _BOTTOM / height, plot / WIDTH, (height - _BOTTOM - 8) / height))
    low, high = finite_span([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None])
    axes.set_xlim(min(low, 0), high)
    axes.set_ylim(_ROW * max(len(rows), 1) + _GAP * len(groups), 0)
    bottom_axis(axes, chart.words.get("x", ""))
    y = 0.0
    for group in groups:
        y += _GAP
        write(axes, shortened(group, WIDTH - 20, TEXT), (0, y), gap=(-left, 0), va="bottom", fontweight="bold")
        here = [row for row in rows if row["group"] == group]
        # The zero line of each group stands beside its bars, not through its heading.
        axes.plot([0, 0], [y, y + _ROW * len(here)], color=INK, linewidth=1.0)
        for row in here:
            _bar(axes, y + _ROW / 2, row, chart.words, left)
            y += _ROW
    return canvas


def draw_figures(figures: Sequence[Figure], unit: str, *, narrow: bool) -> Canvas:
    """The three figures of the first screen, one row each: beside their labels, or under them on a phone."""
    told = [_counted(figure.value, figure.low, figure.high) for figure in figures]
    left, plot = (8.0, 200.0) if narrow else room_for([figure.label for figure in figures], told, bold=True)
    width, row = (350, 56) if narrow else (WIDTH, 40)
    height = row * len(figures) + _BOTTOM
    canvas = new_canvas(width, height)
    axes = canvas.add_axes((left / width, _BOTTOM / height, plot / width, (height - _BOTTOM - 4) / height))
    low, high = finite_span([end for figure in figures for end in (figure.value, figure.low, figure.high)])
    axes.set_xlim(low if min(figure.low for figure in figures) < 0 else 0, high)
    axes.set_ylim(len(figures), 0)
    bottom_axis(axes, unit)
    axes.locator_params(axis="x", nbins=4)
    axes.axvline(0, color=INK, linewidth=1.0)
    for position, figure in enumerate(figures):
        _figure(axes, position, figure, None if narrow else left)
    return canvas


def _figure(axes: Any, position: int, figure: Figure, left: float | None) -> None:
    """One row: its label at the left edge, or above its bar on a phone where ``left`` is None."""
    color, narrow = _FIGURES[position % len(_FIGURES)], left is None
    y = position + (0.7 if narrow else 0.5)
    place: dict[str, Any] = {"gap": (-(left or 0), 0), "va": "center"}
    at = y
    if narrow:
        place, at = {"gap": (4, 0), "ha": "left", "va": "bottom"}, position + 0.46
    write(axes, format_value(figure.label, "text"), (0, at), fontweight="bold", **place)
    span = axes.get_xlim()
    if figure.low != figure.high:
        ends = [max(figure.low, span[0]), min(figure.high, span[1])]
        axes.plot(ends, [y, y], color=color, linewidth=9, solid_capstyle="butt", alpha=0.55)
    axes.plot([figure.value], [y], marker="|", markersize=20, markeredgewidth=4, color=color, linestyle="none")
    write(axes, _counted(figure.value, figure.low, figure.high), (1, y), gap=(10, 0))


def draw_range(net: tuple[float, float, float], span: tuple[float, float], word: str) -> Canvas:
    """An interval against 0, 280 by 42 pixels, on a scale that the cards share."""
    value, low, high = net
    width, height = 280, 42
    canvas = new_canvas(width, height)
    axes = canvas.add_axes((0.0, 0.4, 1.0, 0.6))
    left, right = finite_span([*span])
    axes.set_xlim(left, right)
    axes.set_ylim(0, 1)
    axes.axis("off")
    axes.plot([left, right], [0.5, 0.5], color=GRID, linewidth=2)
    # The word decides, not the interval: a guardrail or the adjustment for many verdicts may overrule it.
    color = {"PASS": ACCENT, "FAIL": CONTRAST}.get(word, MUTED)
    axes.plot([max(low, left), min(high, right)], [0.5, 0.5], color=color, linewidth=8, solid_capstyle="butt")
    axes.plot([value], [0.5], marker="o", markersize=10, color=color, markeredgecolor=PAPER, linestyle="none")
    axes.plot([0, 0], [0.0, 1.0], color=INK, linewidth=1.5)
    write(axes, "0", (0, 0), within="data", gap=(0, -2), ha="center", va="top", color=MUTED, annotation_clip=False)
    return canvas


def _counted(value: float, low: float | None, high: float | None) -> str:
    """As in "475 (396 to 536)" in whole conversions."""
    shown = format_value(round(value), "count")
    if low is None or high is None or low == high:
        return shown
    ends = [round(end) if math.isfinite(end) else end for end in (low, high)]
    return f"{shown} ({format_interval(ends[0], ends[1], 'count')})"


def _bar(axes: Any, y: float, row: dict[str, Any], words: Any, left: float) -> None:
    color = _COLORS.get(row["role"], MUTED)
    write(axes, shortened(row["label"], _MOST_LABEL, TEXT), (0, y), gap=(-left, 0), color=MUTED)
    if row["value"] is None:
        write(axes, words.get("untested", ""), (0, y), within="data", gap=(8, 0), color=MUTED, style="italic")
        return
    low, high = axes.get_xlim()
    ends = [row["low"], row["high"]]
    if None not in ends and all(map(math.isfinite, ends)):
        axes.plot(
            [max(ends[0], low), min(ends[1], high)], [y, y], color=color, linewidth=8, solid_capstyle="butt", alpha=0.55
        )
    axes.plot([row["value"]], [y], marker="|", markersize=15, markeredgewidth=4, color=color, linestyle="none")
    write(axes, _counted(row["value"], *ends), (1, y), gap=(12, 0))
