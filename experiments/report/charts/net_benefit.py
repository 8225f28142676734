"""Net benefit over thresholds: one panel per contrast on the same scales, band of the interval, zero line, declared thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.forest import finite_span
from experiments.report.charts.palette import ACCENT, CONTRAST, GRID, INK, MUTED, PAPER
from experiments.report.charts.svg import new_canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw"]

_PANEL = 232
_HEIGHT = 330
_LEFT = 66
_TOP = 50
_BOTTOM = 62
_MARKS = {"PASS": "^", "FAIL": "v"}


def draw(chart: Chart) -> Canvas:
    """Rows ``contrast, threshold, value, low, high, word``; ``word`` is empty except at declared thresholds."""
    rows = chart.records.to_dicts()
    contrasts = list(dict.fromkeys(row["contrast"] for row in rows))
    width = max(_LEFT + _PANEL * len(contrasts) + 8, 480)
    canvas = new_canvas(width, _HEIGHT)
    low, high = finite_span([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None])
    thresholds = [row["threshold"] for row in rows]
    for position, contrast in enumerate(contrasts):
        box = ((_LEFT + position * _PANEL) / width, _BOTTOM / _HEIGHT, (_PANEL - 16) / width, (_HEIGHT - _TOP - _BOTTOM) / _HEIGHT)
        axes = canvas.add_axes(box)
        axes.set_xlim(min(thresholds), max(thresholds))
        axes.set_ylim(low, high)
        _frame(axes, chart, contrast, first=position == 0)
        _panel(axes, [row for row in rows if row["contrast"] == contrast])
    return canvas


def _frame(axes: Any, chart: Chart, contrast: str, *, first: bool) -> None:
    for side in ("right", "top", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", colors=MUTED, labelsize=12, length=0)
    axes.yaxis.set_major_formatter(lambda y, _: format_value(y, "count" if y == round(y) else "number"))
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=5)
    axes.xaxis.set_major_formatter(lambda x, _: format_value(x, "count" if x == round(x) else "number"))
    axes.axhline(0, color=INK, linewidth=1.2)
    axes.set_xlabel(chart.words.get("x", ""), color=MUTED, fontsize=12, labelpad=5)
    axes.set_title(format_value(contrast, "text"), color=INK, fontsize=13, fontweight="bold", loc="left", pad=9)
    if first:
        axes.annotate(
            chart.words.get("y", ""), (0, 1), xycoords="axes fraction", xytext=(-_LEFT + 4, 30), textcoords="offset points",
            ha="left", va="bottom", color=MUTED, fontsize=12,
        )  # fmt: skip
    else:
        axes.set_yticklabels([])


def _panel(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    drawn = [row for row in rows if row["low"] is not None and row["high"] is not None]
    x = [row["threshold"] for row in drawn]
    axes.fill_between(x, [row["low"] for row in drawn], [row["high"] for row in drawn], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(x, [row["value"] for row in drawn], color=ACCENT, linewidth=2)
    declared = [row for row in rows if row["word"]]
    for position, row in enumerate(declared):
        axes.axvline(row["threshold"], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        color = ACCENT if row["word"] == "PASS" else CONTRAST if row["word"] == "FAIL" else MUTED
        marker = _MARKS.get(row["word"], "o")
        axes.plot(
            [row["threshold"]], [row["value"]], marker=marker, markersize=9, color=color, markeredgecolor=PAPER, linestyle="none"
        )
        # Words of neighbouring thresholds take turns above and below the frame's top, so they never overlap.
        axes.annotate(
            row["word"], (row["threshold"], 0), xycoords=("data", "axes fraction"), xytext=(0, 3 + 13 * (position % 3)),
            textcoords="offset points", ha="center", va="bottom", color=color, fontsize=10.5, fontweight="bold",
        )  # fmt: skip
