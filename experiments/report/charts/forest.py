"""Forest: one row per contrast, its interval against a named zero line, the numbers written beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from experiments.report.charts.palette import ACCENT, GRID, INK, MUTED
from experiments.report.charts.svg import new_canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw", "finite_span"]

_WIDTH = 720
_ROW = 44
_TOP = 26
_BOTTOM = 52


def finite_span(ends: list[float], *, include: float = 0.0) -> tuple[float, float]:
    """Axis limits that hold every finite end and a reference, with a margin."""
    finite = [end for end in ends if math.isfinite(end)] + [include]
    low, high = min(finite), max(finite)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def draw(chart: Chart) -> Canvas:
    """Rows ``label, value, low, high`` with the kind of ``value`` deciding the format."""
    rows = chart.records.to_dicts()
    kind = next(field.kind for field in chart.records.fields if field.name == "value")
    height = _TOP + _ROW * len(rows) + _BOTTOM
    canvas = new_canvas(_WIDTH, height)
    axes = canvas.add_axes((190 / _WIDTH, _BOTTOM / height, 320 / _WIDTH, (height - _TOP - _BOTTOM) / height))
    low, high = finite_span([row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None])
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _frame(axes, chart, kind)
    for position, row in enumerate(rows):
        _row(axes, position, row, kind, (low, high))
    return canvas


def _frame(axes: Any, chart: Chart, kind: str) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.set_yticks([])
    axes.tick_params(axis="x", colors=MUTED, labelsize=12, length=4)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda x, _: format_value(x, kind))
    axes.set_xlabel(chart.words.get("x", ""), color=MUTED, fontsize=12, labelpad=6)
    axes.patch.set_alpha(0)
    axes.axvline(0, color=INK, linewidth=1.0)
    axes.annotate(
        chart.words.get("zero", "0"), (0, 1), xycoords=("data", "axes fraction"), xytext=(0, 6), textcoords="offset points",
        ha="center", va="bottom", color=MUTED, fontsize=12,
    )  # fmt: skip


def _row(axes: Any, position: int, row: dict[str, Any], kind: str, span: tuple[float, float]) -> None:
    label = format_value(row["label"], "text")
    axes.annotate(
        label, (0, position), xycoords=("axes fraction", "data"), xytext=(-12, 0), textcoords="offset points", ha="right",
        va="center", color=INK, fontsize=13,
    )  # fmt: skip
    if row["value"] is None:
        return
    if row["low"] is not None and row["high"] is not None:
        ends = [max(row["low"], span[0]), min(row["high"], span[1])]
        axes.plot(ends, [position, position], color=ACCENT, linewidth=3, solid_capstyle="butt")
    axes.plot([row["value"]], [position], marker="o", markersize=8, color=ACCENT, linestyle="none")
    shown = f"{format_value(row['value'], kind)} ({format_interval(row['low'], row['high'], kind)})"
    axes.annotate(
        shown, (1, position), xycoords=("axes fraction", "data"), xytext=(16, 0), textcoords="offset points", ha="left",
        va="center", color=INK, fontsize=13,
    )  # fmt: skip
