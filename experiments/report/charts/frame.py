"""What charts share: the axis at the bottom, grid lines of a vertical scale, named places, text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.palette import GRID, INK, MUTED, TEXT
from experiments.report.charts.svg import room_of, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["WIDTH", "bottom_axis", "grid_axes", "named_places", "room_for", "write", "write_places"]

WIDTH = 840  # of every chart, in CSS pixels: the column of the page

_LINE = 20
_SAFETY = 1.15  # the reader's font may be wider than reckoned
_INDENT = 24
_LEAST = 200
_TURN = 0.6  # names of places past this share of the scale stand left of them


def room_for(labels: Sequence[str], told: Sequence[str], *, bold: bool = False) -> tuple[float, float]:
    """Room for labels at the left edge, and for the picture between them and the numbers at the right edge.

    Long labels and numbers take their room from the picture, down to a least width.
    """
    safety = _SAFETY * (1.08 if bold else 1.0)
    left = max(110.0, _INDENT + safety * max((room_of(text, TEXT) for text in labels), default=0.0))
    right = _INDENT + _SAFETY * max((room_of(text, TEXT) for text in told), default=0.0)
    return left, max(_LEAST, WIDTH - left - right)


def bottom_axis(axes: Any, label: str, *, marks: Callable[[float], str] | None = None, most: int = 6) -> None:
    """Leave only the bottom axis, with its name and at most ``most`` marks, whole unless ``marks`` says else."""
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.set_yticks([])
    axes.patch.set_alpha(0)
    axes.tick_params(axis="x", colors=MUTED, labelsize=TEXT, length=4)
    axes.locator_params(axis="x", nbins=most)
    shown = marks or _whole
    axes.xaxis.set_major_formatter(lambda x, _: shown(x))
    axes.set_xlabel(label, color=MUTED, fontsize=TEXT, labelpad=5)


def grid_axes(axes: Any, label: str, *, mark: Callable[[float], str], most: int = 5) -> None:
    """Hair lines at the marks of the vertical scale, a bottom axis with its name, and no other frame."""
    for side in ("right", "top", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", colors=MUTED, labelsize=TEXT, length=0)
    axes.yaxis.set_major_formatter(lambda y, _: mark(y))
    axes.locator_params(axis="y", nbins=most)
    axes.set_xlabel(label, color=MUTED, fontsize=TEXT, labelpad=5)


def named_places(
    marks: Sequence[tuple[float, str]], ends: tuple[float, float], width: float
) -> list[tuple[float, str, int]]:
    """Places inside a scale with their names and the line above the picture in which each name is free to stand."""
    taken: list[float] = []
    found: list[tuple[float, str, int]] = []
    for place, name in sorted(marks):
        if not ends[0] <= place <= ends[1]:
            continue
        at = (place - ends[0]) / (ends[1] - ends[0]) * width
        text = shortened(name, 0.6 * width, TEXT)
        size = 1.1 * room_of(text, TEXT) + 12
        start = at - size if at > _TURN * width else at
        line = next((line for line, end in enumerate(taken) if end <= start), len(taken))
        taken[line : line + 1] = [start + size]
        found.append((place, text, line))
    return found


def write_places(axes: Any, places: Sequence[tuple[float, str, int]]) -> None:
    """A dotted line at each named place, its name above the picture."""
    low, high = axes.get_xlim()
    for place, name, line in places:
        axes.axvline(place, color=MUTED, linewidth=1.0, linestyle=(0, (2, 3)))
        side = "right" if place > low + _TURN * (high - low) else "left"
        gap = (0, 6 + _LINE * line)
        write(axes, name, (place, 1), within=("data", "axes fraction"), gap=gap, ha=side, va="bottom", color=MUTED)


def write(
    axes: Any,
    text: str,
    place: tuple[float, float],
    *,
    gap: tuple[float, float] = (0, 0),
    within: str | tuple[str, str] = ("axes fraction", "data"),
    **style: Any,
) -> None:
    """Live text in the charts' one size, ``gap`` points away from a place; at the left middle of it unless told."""
    style = {"ha": "left", "va": "center", "color": INK, "fontsize": TEXT, **style}
    axes.annotate(text, place, xycoords=within, xytext=gap, textcoords="offset points", **style)


def _whole(x: float) -> str:
    return format_value(x, "count" if x == round(x) else "number")
