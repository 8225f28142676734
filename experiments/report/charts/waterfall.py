"""Bars in groups on one scale: what 1,000 persons of each arm cost, part by part; touches by channel and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.forest import finite_span
from experiments.report.charts.frame import WIDTH, bottom_axis, room_for, write
from experiments.report.charts.palette import CONTRAST, INK, MUTED, SOFT, TEXT
from experiments.report.charts.svg import new_canvas, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw"]

_MOST_LABEL = 260
_ROW = 25
_HEAD = 28
_BOTTOM = 50


def draw(chart: Chart) -> Canvas:
    """Rows ``group, label, role, start, end``: role "part", "leak" (paid without effect) or "total"."""
    rows = chart.records.to_dicts()
    kind = next(field.kind for field in chart.records.fields if field.name == "end")
    groups = list(dict.fromkeys(row["group"] for row in rows))
    height = _HEAD * max(len(groups), 1) + _ROW * len(rows) + _BOTTOM + 8
    canvas = new_canvas(WIDTH, height)
    told = [format_value(row["end"] - row["start"], kind) for row in rows]
    labels = [shortened(row["label"], _MOST_LABEL, TEXT) for row in rows]
    left, plot = room_for(labels, told, bold=True)
    axes = canvas.add_axes((left / WIDTH, _BOTTOM / height, plot / WIDTH, (height - _BOTTOM - 6) / height))
    low, high = finite_span([row[end] for row in rows for end in ("start", "end")])
    axes.set_xlim(min(low, 0), high)
    axes.set_ylim(_HEAD * max(len(groups), 1) + _ROW * len(rows), 0)
    bottom_axis(axes, chart.words.get("x", ""))
    y = 0.0
    for group in groups:
        y += _HEAD
        write(axes, shortened(group, WIDTH - 20, TEXT), (0, y - 3), gap=(-left, 0), va="bottom", fontweight="bold")
        here = [row for row in rows if row["group"] == group]
        # The zero line of each group stands beside its bars, not through its heading.
        axes.plot([0, 0], [y, y + _ROW * len(here)], color=INK, linewidth=1.0)
        for row in here:
            _bar(axes, y + _ROW / 2, row, kind, left)
            y += _ROW
    return canvas


def _bar(axes: Any, y: float, row: dict[str, Any], kind: str, left: float) -> None:
    style: dict[str, Any] = {"color": CONTRAST if row["role"] == "leak" else SOFT}
    if row["role"] == "total":
        # An outline: in grey print a total and a leak would look alike.
        style = {"facecolor": "none", "edgecolor": INK, "linewidth": 1.5}
    axes.barh(y, row["end"] - row["start"], left=row["start"], height=15, **style)
    write(
        axes,
        shortened(row["label"], _MOST_LABEL, TEXT),
        (0, y),
        gap=(-left, 0),
        color=MUTED,
        fontweight="bold" if row["role"] == "total" else "normal",
    )
    write(
        axes,
        format_value(row["end"] - row["start"], kind),
        (max(row["end"], row["start"]), y),
        within="data",
        gap=(8, 0),
    )
