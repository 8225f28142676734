"""Histograms: a panel for each group on the same scales, bars from start to end, named caps and cuts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.frame import WIDTH, grid_axes, named_places, write, write_places
from experiments.report.charts.numbers import mark_of
from experiments.report.charts.palette import INK, MUTED, PAPER, SOFT, TEXT
from experiments.report.charts.svg import new_canvas, room_of, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure as Canvas

    from experiments.report.document import Chart

__all__ = ["draw"]

_RIGHT = 24
_PANEL = 110
_ONLY = 200  # height of the plot where there is one panel
_HEAD = 30
_TOP = 30
_LINE = 20
_BOTTOM = 54
_GAP = 1.0


def draw(chart: Chart) -> Canvas:
    """Rows ``group, start, end, value``; a bar without a finite end is drawn open to the edge of the picture."""
    rows = [row for row in chart.records.to_dicts() if row["start"] is not None and row["end"] is not None]
    kinds = {field.name: field.kind for field in chart.records.fields}
    groups = list(dict.fromkeys(row["group"] for row in rows)) or [""]
    ends = _ends(rows, [place for place, _ in chart.marks])
    values = [float(row["value"]) for row in rows if row["value"] is not None and math.isfinite(row["value"])]
    most = max(values, default=1.0) or 1.0
    left = 16 + 1.1 * max(room_of(mark_of(at, kinds["value"]), TEXT) for at in (most, most / 2, most / 3))
    width = WIDTH - left - _RIGHT
    places = named_places(chart.marks, ends, width)
    plot = _ONLY if len(groups) == 1 else _PANEL
    top = _TOP + _LINE * (1 + max((line for _, _, line in places), default=-1))
    head = _HEAD if any(groups) else 6
    height = top + (head + plot) * len(groups) + _BOTTOM
    canvas = new_canvas(WIDTH, height)
    for position, group in enumerate(groups):
        up = height - top - (head + plot) * (position + 1)
        axes = canvas.add_axes((left / WIDTH, up / height, width / WIDTH, plot / height))
        axes.set_xlim(*ends)
        axes.set_ylim(0, (1.14 if _closed(rows) else 1.34) * most)
        last = position == len(groups) - 1
        here = [row for row in rows if row["group"] == group]
        _frame(axes, chart.words.get("x", "") if last else "", kinds, rows, last=last)
        _bars(axes, here, kinds, width)
        first = position == 0
        write_places(axes, places if first else [(place, "", line) for place, _, line in places])
        # The names of the places stand between the first heading and its bars.
        above = top - _TOP if first else 0
        style: dict[str, Any] = {"within": "axes fraction", "va": "bottom", "fontweight": "bold"}
        write(axes, shortened(group, WIDTH - 20, TEXT), (0, 1), gap=(-left, 6 + above), **style)
        if first:
            gap = (-left, top + head - 16)
            write(axes, chart.words.get("y", ""), (0, 1), within="axes fraction", gap=gap, color=MUTED)
    return canvas


def _closed(rows: Sequence[dict[str, Any]]) -> bool:
    return all(math.isfinite(row[end]) for row in rows for end in ("start", "end"))


def _ends(rows: Sequence[dict[str, Any]], places: Sequence[float]) -> tuple[float, float]:
    """The horizontal scale: every finite end and place; an open bar gets the room of the middle of the others."""
    finite = [float(end) for row in rows for end in (row["start"], row["end"]) if math.isfinite(end)]
    finite += [place for place in places if math.isfinite(place)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    sizes = sorted(row["end"] - row["start"] for row in rows if math.isfinite(row["end"] - row["start"]))
    room = sizes[len(sizes) // 2] if sizes else (high - low or 1.0)
    low -= room if any(row["start"] == -math.inf for row in rows) else 0.0
    high += room if any(row["end"] == math.inf for row in rows) else 0.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _frame(axes: Any, label: str, kinds: Mapping[str, str], rows: Sequence[dict[str, Any]], *, last: bool) -> None:
    grid_axes(axes, label, mark=lambda y: mark_of(y, kinds["value"]), most=4)
    edges = [float(row[end]) for row in rows for end in ("start", "end") if math.isfinite(row[end])]
    whole = all(edge == round(edge) for edge in edges)
    axes.locator_params(axis="x", nbins=8, integer=whole)
    low, high = min(edges, default=0.0), max(edges, default=1.0)
    # Where the last bar has no end, the scale has none either.
    axes.xaxis.set_major_formatter(lambda x, _: mark_of(x, kinds["start"]) if last and low <= x <= high else "")
    axes.axhline(0, color=INK, linewidth=1.2)


def _bars(axes: Any, rows: Sequence[dict[str, Any]], kinds: Mapping[str, str], width: float) -> None:
    low, high = axes.get_xlim()
    for row in rows:
        start, end, value = max(row["start"], low), min(row["end"], high), row["value"]
        if value is None or not math.isfinite(value):
            continue
        # A bar without end is hatched: its width is not the width of its bin.
        style: dict[str, Any] = {"facecolor": SOFT, "edgecolor": PAPER, "linewidth": _GAP}
        if not _closed([row]):
            style = {"facecolor": "none", "edgecolor": MUTED, "linewidth": 1.2, "hatch": "////"}
        middle = (start + end) / 2
        axes.bar(middle, value, width=end - start, **style)
        above: dict[str, Any] = {"within": "data", "ha": "center", "va": "bottom"}
        told = format_value(value, kinds["value"])
        fits = room_of(told, TEXT) + 4 <= (end - start) / (high - low) * width
        if fits:
            write(axes, told, (middle, value), gap=(0, 3), **above)
        if not _closed([row]):
            write(axes, _bound(row, kinds["start"]), (middle, value), gap=(0, 20 if fits else 3), color=MUTED, **above)


def _bound(row: dict[str, Any], kind: str) -> str:
    return f"≥ {mark_of(row['start'], kind)}" if row["end"] == math.inf else f"< {mark_of(row['end'], kind)}"
