"""Net benefit over thresholds: a panel per contrast on the same scales, band of the interval, zero line, thresholds."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.forest import finite_span
from experiments.report.charts.frame import write
from experiments.report.charts.palette import ACCENT, CONTRAST, GRID, INK, MUTED, PAPER, TEXT
from experiments.report.charts.svg import new_canvas, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw"]

_PANEL = 258
_PLOT = 220
_LEFT = 66
_LINE = 20
_BOTTOM = 56
_APART = 26
_MARKS = {"PASS": "^", "FAIL": "v", "INVALID": "X"}
_COLORS = {"PASS": ACCENT, "FAIL": CONTRAST, "INVALID": CONTRAST}


def draw(chart: Chart) -> Canvas:
    """Rows ``contrast, threshold, value, low, high, word``; ``word`` is empty except at declared thresholds."""
    rows = chart.records.to_dicts()
    panels = {
        name: [row for row in rows if row["contrast"] == name]
        for name in dict.fromkeys(row["contrast"] for row in rows)
    }
    panels = panels or {"": []}
    top = _LINE * (3 + max((len(_words(panel)) for panel in panels.values()), default=0))
    width, height = max(_LEFT + _PANEL * len(panels) + 8, 480), top + _PLOT + _BOTTOM
    canvas = new_canvas(width, height)
    low, high = finite_span([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None])
    thresholds = _ends([row["threshold"] for row in rows])
    for position, (contrast, panel) in enumerate(panels.items()):
        box = ((_LEFT + position * _PANEL) / width, _BOTTOM / height, (_PANEL - 20) / width, _PLOT / height)
        axes = canvas.add_axes(box)
        axes.set_xlim(*thresholds)
        axes.set_ylim(low, high)
        _frame(axes, chart, first=position == 0)
        _head(axes, contrast, panel)
        _panel(axes, panel)
    canvas.text(0, 1 - 16 / height, chart.words.get("y", ""), color=MUTED, fontsize=TEXT, ha="left", va="baseline")
    return canvas


def _ends(thresholds: Sequence[float]) -> tuple[float, float]:
    low, high = min(thresholds, default=0.0), max(thresholds, default=1.0)
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _words(panel: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """The thresholds of each word."""
    found: dict[str, list[float]] = {}
    for row in panel:
        if row["word"]:
            found.setdefault(row["word"], []).append(row["threshold"])
    return found


def _frame(axes: Any, chart: Chart, *, first: bool) -> None:
    for side in ("right", "top", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", colors=MUTED, labelsize=TEXT, length=0)
    axes.yaxis.set_major_formatter(lambda y, _: format_value(y, "count" if y == round(y) else "number"))
    axes.locator_params(axis="y", nbins=5)
    axes.axhline(0, color=INK, linewidth=1.2)
    axes.set_xlabel(chart.words.get("x", ""), color=MUTED, fontsize=TEXT, labelpad=5)
    if not first:
        axes.set_yticklabels([])


def _head(axes: Any, contrast: str, panel: Sequence[dict[str, Any]]) -> None:
    """The contrast, and under it each word with its thresholds: words inside the drawing would hide each other."""
    lines = [(shortened(contrast, _PANEL - 24, TEXT), INK)]
    for name, thresholds in _words(panel).items():
        said = ", ".join(format_value(value, "money") for value in thresholds)
        lines.append((shortened(f"{name} {said}", _PANEL - 20, TEXT), _COLORS.get(name, MUTED)))
    for position, (text, color) in enumerate(lines):
        write(
            axes,
            text,
            (0, 1),
            within="axes fraction",
            gap=(0, 8 + _LINE * (len(lines) - 1 - position)),
            va="bottom",
            color=color,
            fontweight="bold",
        )


def _panel(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    drawn = [row for row in rows if row["low"] is not None and row["high"] is not None]
    x = [row["threshold"] for row in drawn]
    bottom, top = axes.get_ylim()
    low, high = ([min(max(row[end], bottom), top) for row in drawn] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(x, [row["value"] for row in drawn], color=ACCENT, linewidth=2)
    declared = [row for row in rows if row["word"]]
    _ticks(axes, [row["threshold"] for row in declared])
    for row in declared:
        if row["value"] is None:
            continue
        axes.axvline(row["threshold"], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.plot(
            [row["threshold"]],
            [row["value"]],
            marker=_MARKS.get(row["word"], "o"),
            markersize=10,
            color=_COLORS.get(row["word"], MUTED),
            markeredgecolor=PAPER,
            linestyle="none",
        )


def _ticks(axes: Any, thresholds: Sequence[float]) -> None:
    """The declared thresholds are the marks of the axis, where they stand far enough apart to be read."""
    low, high = axes.get_xlim()
    marks = [low, *sorted(thresholds)]
    gaps = [(right - left) / (high - low) * (_PANEL - 20) for left, right in pairwise(marks)]
    if thresholds and min(gaps) >= _APART:
        axes.set_xticks(marks)
    else:
        axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda x, _: format_value(x, "money"))
