"""What charts with one horizontal scale share: the axis at the bottom and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.report.charts.palette import GRID, INK, MUTED, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bottom_axis", "write"]


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
