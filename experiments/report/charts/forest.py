"""Forest: one row per contrast, its interval against a named zero line, the numbers written beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import format_estimate, format_value
from attribution.plots.numbers import axis_mark
from experiments.plots.names import told_apart
from experiments.report.charts.frame import WIDTH, bottom_axis, named_places, room_for, write, write_places
from experiments.report.charts.palette import ACCENT, INK, MUTED, TEXT
from experiments.report.charts.svg import new_canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw", "finite_span"]

_MOST_LABEL = 300
_LINE = 20
_GAP = 16
_ROW = 40
_WHOLE = 1e-6
_OPEN = {
    (False, True): "REPORT.page.no_upper",
    (True, False): "REPORT.page.no_lower",
    (True, True): "REPORT.page.no_bound",
}
_TOP = 26
_BOTTOM = 52


def finite_span(ends: list[float], *, include: float = 0.0) -> tuple[float, float]:
    """Axis limits that hold every finite end and a reference, with a margin."""
    finite = [end for end in ends if math.isfinite(end)] + [include]
    low, high = min(finite), max(finite)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def draw(chart: Chart) -> Canvas:
    """Rows ``label, value, low, high`` with the kind of ``value`` deciding the format; marks stand above the rows."""
    rows = chart.records.to_dicts()
    kind = next(field.kind for field in chart.records.fields if field.name == "value")
    credit = chart.words.get("role") == "credit"
    told = ["" if row["value"] is None else _shown(row, kind, whole=credit) for row in rows]
    labels = told_apart([row["label"] for row in rows], _MOST_LABEL, TEXT)
    left, plot = room_for(labels, told)
    low, high = finite_span(
        [row[end] for row in rows for end in ("value", "low", "high") if row[end] is not None]
        + [place for place, _ in chart.marks]
    )
    zero = (0.0, chart.words.get("zero", "0"))
    places = named_places([zero, *chart.marks], (low, high), plot) if chart.marks else []
    top = _TOP + _LINE * max((line for _, _, line in places), default=0)
    height = top + _ROW * max(len(rows), 1) + _BOTTOM
    canvas = new_canvas(WIDTH, height)
    axes = canvas.add_axes((left / WIDTH, _BOTTOM / height, plot / WIDTH, (height - top - _BOTTOM) / height))
    axes.set_xlim(low, high)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    bottom_axis(axes, chart.words.get("x", ""), marks=lambda x: _tick(x, kind), most=5 if kind == "per1000" else 4)
    axes.axvline(0, color=INK, linewidth=1.0)
    write_places(axes, places)
    if not places:
        place: dict[str, Any] = {"within": ("data", "axes fraction"), "gap": (0, 6), "ha": "center", "va": "bottom"}
        write(axes, zero[1], (0, 1), color=MUTED, **place)
    for position, (row, label) in enumerate(zip(rows, labels, strict=True)):
        write(axes, label, (0, position), gap=(-left, 0))
        _row(axes, position, row, told[position], color=MUTED if credit else ACCENT)
    return canvas


def _tick(x: float, kind: str) -> str:
    """A mark of the axis, without the zeros that an estimate's digits would carry."""
    at = 1000 * x if kind == "per1000" else x
    whole = abs(at - round(at)) < _WHOLE
    return format_value(round(at), "count") if whole else axis_mark(at, "number")


def _row(axes: Any, position: int, row: dict[str, Any], told: str, *, color: str) -> None:
    if row["value"] is None:
        write(axes, "–", (1, position), gap=(_GAP, 0), color=MUTED)
        return
    span = axes.get_xlim()
    if row["low"] is not None and row["high"] is not None:
        ends = [max(row["low"], span[0]), min(row["high"], span[1])]
        axes.plot(ends, [position, position], color=color, linewidth=3, solid_capstyle="butt")
        for end, edge, marker in ((row["low"], span[0], "<"), (row["high"], span[1], ">")):
            if math.isinf(end):
                # An arrow: the interval has no end on this side.
                axes.plot([edge], [position], marker=marker, markersize=9, color=color, clip_on=False)
    if math.isfinite(row["value"]):
        axes.plot([row["value"]], [position], marker="o", markersize=8, color=color, linestyle="none")
    write(axes, told, (1, position), gap=(_GAP, 0))


def _shown(row: dict[str, Any], kind: str, *, whole: bool) -> str:
    """As in "8.21 (5.21 to 11.3)"; credits in whole conversions."""
    value, ends = row["value"], (row["low"], row["high"])
    if whole:
        value, kind = round(value), "count"
        ends = (_whole(ends[0]), _whole(ends[1]))
    if ends[0] == ends[1]:
        return format_value(value, kind)
    low, high = ends
    open_ends = (low is not None and math.isinf(low), high is not None and math.isinf(high))
    if any(open_ends):
        return messages.text(_OPEN[open_ends], {"value": format_value(value, kind), **_named(ends, kind)})
    return format_estimate(value, *ends, kind)


def _named(ends: tuple[float | None, float | None], kind: str) -> dict[str, str]:
    return {"low": format_value(ends[0], kind), "high": format_value(ends[1], kind)}


def _whole(end: float | None) -> float | None:
    return end if end is None or not math.isfinite(end) else round(end)
