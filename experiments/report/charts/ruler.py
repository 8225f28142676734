"""The signature: touched, attributed and incremental under the same ruler; and the small range bar of a card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from experiments.report.charts.forest import finite_span
from experiments.report.charts.palette import ACCENT, CONTRAST, GRID, INK, MUTED, SOFT
from experiments.report.charts.svg import new_canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart, Figure

__all__ = ["draw", "draw_figures", "draw_range"]

_WIDTH = 720
_ROW = 30
_GAP = 22
_BOTTOM = 50
_COLORS = {"touched": SOFT, "attributed": MUTED, "incremental": ACCENT}


def draw(chart: Chart) -> Canvas:
    """Rows ``group, label, role, value, low, high``: role "touched", "attributed" (range over models) or "incremental"."""
    rows = chart.records.to_dicts()
    groups = list(dict.fromkeys(row["group"] for row in rows))
    height = 14 + _ROW * len(rows) + _GAP * len(groups) + _BOTTOM
    canvas = new_canvas(_WIDTH, height)
    axes = canvas.add_axes((170 / _WIDTH, _BOTTOM / height, 350 / _WIDTH, (height - _BOTTOM - 8) / height))
    low, high = finite_span([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None])
    axes.set_xlim(min(low, 0), high)
    axes.set_ylim(_ROW * len(rows) + _GAP * len(groups), 0)
    _frame(axes, chart.words.get("x", ""))
    y = 0.0
    for group in groups:
        y += _GAP
        axes.annotate(
            format_value(group, "text"), (0, y), xycoords=("axes fraction", "data"), xytext=(-160, 0), textcoords="offset points",
            ha="left", va="bottom", color=INK, fontsize=13, fontweight="bold",
        )  # fmt: skip
        for row in rows:
            if row["group"] == group:
                _bar(axes, y + _ROW / 2, row, chart.words)
                y += _ROW
    return canvas


def draw_figures(figures: Sequence[Figure]) -> Canvas:
    """The three figures of the first screen, one row each."""
    height = 64 * len(figures) + 34
    canvas = new_canvas(_WIDTH, height)
    axes = canvas.add_axes((10 / _WIDTH, 34 / height, 560 / _WIDTH, (height - 38) / height))
    low, high = finite_span([end for figure in figures for end in (figure.value, figure.low, figure.high)])
    axes.set_xlim(low if min(figure.low for figure in figures) < 0 else 0, high)
    axes.set_ylim(len(figures), 0)
    _frame(axes, "")
    colors = (SOFT, MUTED, ACCENT)
    for position, figure in enumerate(figures):
        y = position + 0.66
        axes.annotate(
            format_value(figure.label, "text"), (0, position + 0.36), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", ha="left", va="bottom", color=INK, fontsize=14, fontweight="bold",
        )  # fmt: skip
        color = colors[position % len(colors)]
        ends = [max(figure.low, axes.get_xlim()[0]), min(figure.high, axes.get_xlim()[1])]
        axes.plot(ends, [y, y], color=color, linewidth=9, solid_capstyle="butt", alpha=0.55 if ends[0] != ends[1] else 0)
        axes.plot([figure.value], [y], marker="|", markersize=20, markeredgewidth=4, color=color, linestyle="none")
        shown = format_value(figure.value, "count" if figure.value == round(figure.value) else "number")
        extent = "" if figure.low == figure.high else f" ({format_interval(round(figure.low), round(figure.high), 'count')})"
        axes.annotate(
            shown if not extent else format_value(round(figure.value), "count") + extent, (1, y),
            xycoords=("axes fraction", "data"), xytext=(10, 0), textcoords="offset points", ha="left", va="center",
            color=INK, fontsize=14,
        )  # fmt: skip
    return canvas


def draw_range(value: float, low: float, high: float) -> Canvas:
    """An interval against 0, 240 by 26 pixels."""
    canvas = new_canvas(240, 26)
    axes = canvas.add_axes((0.02, 0.0, 0.96, 1.0))
    left, right = finite_span([value, low, high])
    axes.set_xlim(left, right)
    axes.set_ylim(0, 1)
    axes.axis("off")
    axes.plot([left, right], [0.5, 0.5], color=GRID, linewidth=2)
    color = ACCENT if low > 0 else CONTRAST if high < 0 else MUTED
    axes.plot([max(low, left), min(high, right)], [0.5, 0.5], color=color, linewidth=7, solid_capstyle="butt")
    axes.plot([value], [0.5], marker="o", markersize=9, color=color, linestyle="none")
    axes.plot([0, 0], [0.0, 1.0], color=INK, linewidth=1.5)
    return canvas


def _frame(axes: Any, label: str) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.set_yticks([])
    axes.patch.set_alpha(0)
    axes.tick_params(axis="x", colors=MUTED, labelsize=12, length=4)
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter(lambda x, _: format_value(x, "count" if x == round(x) else "number"))
    axes.set_xlabel(label, color=MUTED, fontsize=12, labelpad=5)
    axes.axvline(0, color=INK, linewidth=1.0)


def _bar(axes: Any, y: float, row: dict[str, Any], words: Any) -> None:
    color = _COLORS.get(row["role"], MUTED)
    axes.annotate(
        format_value(row["label"], "text"), (0, y), xycoords=("axes fraction", "data"), xytext=(-10, 0),
        textcoords="offset points", ha="right", va="center", color=MUTED, fontsize=12.5,
    )  # fmt: skip
    if row["value"] is None:
        axes.annotate(
            words.get("untested", ""), (0, y), xytext=(8, 0), textcoords="offset points", ha="left", va="center", color=MUTED,
            fontsize=12.5, style="italic",
        )  # fmt: skip
        return
    low, high = axes.get_xlim()
    ends = [row["low"], row["high"]]
    if None not in ends and all(map(math.isfinite, ends)):
        axes.plot([max(ends[0], low), min(ends[1], high)], [y, y], color=color, linewidth=8, solid_capstyle="butt", alpha=0.55)
    axes.plot([row["value"]], [y], marker="|", markersize=15, markeredgewidth=4, color=color, linestyle="none")
    shown = format_value(round(row["value"]), "count")
    if None not in ends and ends[0] != ends[1]:
        shown += f" ({format_interval(round(ends[0]), round(ends[1]), 'count')})"
    axes.annotate(
        shown, (1, y), xycoords=("axes fraction", "data"), xytext=(12, 0), textcoords="offset points", ha="left", va="center",
        color=INK, fontsize=12.5,
    )  # fmt: skip
