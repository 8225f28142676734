"""A sheet to draw on: one matplotlib figure measured in CSS pixels, with y downwards, outside of pyplot's state."""

from __future__ import annotations

import unicodedata
import warnings
from contextlib import contextmanager
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.plots.numbers import axis_mark
from attribution.plots.palette import GRID, HAIR, INK, MUTED, PAPER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

__all__ = [
    "MARGIN",
    "SMALL",
    "TEXT",
    "TITLE",
    "Scale",
    "Sheet",
    "drawing",
    "families",
    "shortened",
    "text_width",
    "wrapped",
]

TITLE = 18.0
TEXT = 14.0
SMALL = 12.0
MARGIN = 24.0
_WIDE = 1.0  # width of a letter in units of the font size: East Asian letters, capitals and others
_CAPITAL = 0.72
_NARROW = 0.58
_BOLD = 1.12  # titles are bold
_APART = 10.0  # at least between two marks of an axis
_BASE = 0.36  # from the middle of letters down to their base line, in units of the font size
_HARMLESS = {"svg.fonttype": "none", "svg.hashsalt": "wakelift", "path.simplify": False, "text.usetex": False}
_CHINESE = (
    "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Hiragino Sans GB",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


@cache
def families() -> tuple[str, ...]:
    """DejaVu Sans, which comes with matplotlib, and behind it the Chinese fonts of this machine."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _CHINESE if name in installed))


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib's settings while a plot is drawn or written, whatever the user's own are."""
    import matplotlib as mpl

    settings: Any = {**_HARMLESS, "text.parse_math": False, "axes.unicode_minus": True, "text.color": INK}
    settings |= {"font.family": list(families()), "font.size": TEXT, "axes.formatter.use_locale": False}
    settings |= {"savefig.bbox": None, "savefig.pad_inches": 0.0, "figure.dpi": 72.0, "savefig.dpi": "figure"}
    settings |= {"path.sketch": None, "path.effects": [], "svg.id": None, "lines.antialiased": True}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # In SVG the viewer has the fonts; `Plot.to_png` warns in words of its own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield


def text_width(text: str, size: float) -> float:
    """About how wide text is in CSS pixels, whichever font the reader has."""
    used = 0.0
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        used += 0.0 if unicodedata.combining(letter) else _WIDE if wide else _CAPITAL if letter.isupper() else _NARROW
    return size * used


def widest(texts: Sequence[str], size: float) -> float:
    """The width of the widest of some texts; 0 for none."""
    return max((text_width(text, size) for text in texts), default=0.0)


def shortened(text: object, width: float, size: float = TEXT) -> str:
    """Text on one line that fits a width, cut with an ellipsis; the table holds it all."""
    line = format_value(text, "text")
    if text_width(line, size) <= width:
        return line
    end = 0
    while end < len(line) and text_width(line[: end + 1] + "…", size) <= width:
        end += 1
    return line[: max(end, 1)].rstrip() + "…"


def wrapped(text: str, width: float, size: float, *, lines: int = 3) -> list[str]:
    """Text in at most some lines that fit a width, broken at blanks or between Chinese letters."""
    width /= _BOLD if size == TITLE else 1.0
    found: list[str] = []
    rest = format_value(text, "text")
    while rest and len(found) < lines - 1 and text_width(rest, size) > width:
        end = 1
        while end < len(rest) and text_width(rest[: end + 1], size) <= width:
            end += 1
        breaks = [place for place in range(1, end + 1) if _may_break(rest, place)]
        cut = breaks[-1] if breaks else end
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, *([shortened(rest, width, size)] if rest else [])]


def _may_break(text: str, place: int) -> bool:
    if place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    wide = unicodedata.east_asian_width(before) in "WF" or unicodedata.east_asian_width(after) in "WF"
    closing = unicodedata.category(after) in ("Pe", "Pf", "Po")  # no line begins with a closing mark
    opening = unicodedata.category(before) in ("Ps", "Pi")
    return before == " " or (wide and not closing and not opening)


class Scale:
    """From values to pixels, over round marks."""

    def __init__(self, values: Sequence[float], begin: float, end: float, *, marks: int = 5) -> None:
        from matplotlib.ticker import MaxNLocator

        low, high = min([0.0, *values]), max([0.0, *values])
        if high <= low:
            high = low + 1.0
        ticks = [float(tick) for tick in MaxNLocator(nbins=marks, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
        self.marks = [0.0 if abs(tick) < 1e-12 * (high - low) else tick for tick in ticks]
        self.low, self.high = self.marks[0], self.marks[-1]
        self._begin, self._size = begin, end - begin

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self._begin + self._size * (value - self.low) / (self.high - self.low)


class Sheet:
    """The figure, with what a plot draws on it: text, lines, bars, markers, ribbons."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure: Figure = Figure(figsize=(width / 72.0, height / 72.0), dpi=72, facecolor=PAPER)
        self._axes: Any = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_autoscale_on(False)

    def text(
        self, x: float, y: float, text: str, *, size: float = TEXT, color: str = INK, ha: str = "left", **style: Any
    ) -> None:
        """Live text; its middle stands at y."""
        clean = format_value(text, "text")
        # Set by its base line: every other alignment would measure the fonts of this machine.
        style = {"va": "baseline", "clip_on": False, "parse_math": False, **style}
        self._axes.text(x, y + _BASE * size, clean, fontsize=size, color=color, ha=ha, **style)

    def head(self, title: Sequence[str], subtitle: Sequence[str]) -> float:
        """Title and subtitle at the top; the height that they take."""
        y = MARGIN + TITLE / 2
        for line in title:
            self.text(MARGIN, y, line, size=TITLE, weight="bold")
            y += TITLE * 1.35
        for line in subtitle:
            self.text(MARGIN, y, line, color=MUTED)
            y += TEXT * 1.45
        return y

    def foot(self, lines: Sequence[str]) -> None:
        """Small lines at the bottom."""
        y = self.height - MARGIN + SMALL / 2 - (len(lines) - 1) * SMALL * 1.5
        for line in lines:
            self.text(MARGIN, y, line, size=SMALL, color=MUTED)
            y += SMALL * 1.5

    def line(
        self, xs: Sequence[float], ys: Sequence[float], *, color: str = INK, width: float = 1.0, **style: Any
    ) -> None:
        """A line through points."""
        style = {"solid_capstyle": "butt", "clip_on": False, **style}
        self._axes.plot(list(xs), list(ys), color=color, linewidth=width, **style)

    def bar(self, x: float, y: float, width: float, height: float, *, color: str) -> None:
        """A filled rectangle from its upper left corner."""
        from matplotlib.patches import Rectangle

        self._axes.add_patch(Rectangle((x, y), width, height, facecolor=color, edgecolor="none", clip_on=False))

    def area(self, xs: Sequence[float], ys: Sequence[float], *, color: str) -> None:
        """A shaded area inside a line of points."""
        from matplotlib.patches import Polygon

        points = list(zip(xs, ys, strict=True))
        patch = Polygon(points, closed=True, facecolor=color, edgecolor="none", alpha=0.18, clip_on=False, zorder=0.6)
        self._axes.add_patch(patch)

    def mark(self, x: float, y: float, shape: str, *, color: str, size: float = 9.0, hollow: bool = False) -> None:
        """A marker, hollow or filled, with a rim of paper that keeps neighbours apart."""
        size *= 1.2 if shape in ("^", "v", "P", "X", "p") else 1.0  # these look smaller than they measure
        face, edge, rim = (PAPER, color, 2.0) if hollow else (color, PAPER, 0.8)
        self._axes.plot(
            [x], [y], marker=shape, markersize=size, markerfacecolor=face, markeredgecolor=edge, markeredgewidth=rim,
            linestyle="none", clip_on=False,
        )  # fmt: skip

    def ribbon(self, left: tuple[float, float, float], right: tuple[float, float, float], *, color: str) -> None:
        """A band from (x, top, bottom) to (x, top, bottom), level at both ends."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        (x0, top0, bottom0), (x1, top1, bottom1) = left, right
        middle = (x0 + x1) / 2
        points = [(x0, top0), (middle, top0), (middle, top1), (x1, top1)]
        points += [(x1, bottom1), (middle, bottom1), (middle, bottom0), (x0, bottom0), (x0, top0)]
        codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO]
        codes += [Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
        patch = PathPatch(Path(points, codes), facecolor=color, edgecolor="none", alpha=0.32, clip_on=False)
        self._axes.add_patch(patch)

    def bottom_axis(self, scale: Scale, ends: tuple[float, float], label: str, kind: str) -> None:
        """Vertical grid lines at the marks from top to bottom, their values below, and the name of the axis."""
        top, bottom = ends
        texts = [axis_mark(mark, kind) for mark in scale.marks]
        between = scale(scale.marks[1]) - scale(scale.marks[0])
        every = max(1, ceil((widest(texts, SMALL) + _APART) / between))  # only so many have room
        zero = scale.marks.index(0.0)
        for place, (mark, text) in enumerate(zip(scale.marks, texts, strict=True)):
            color = MUTED if mark == 0 else GRID
            self.line([scale(mark)] * 2, [top, bottom], color=color, width=1.0, zorder=0.5)
            if (place - zero) % every == 0:
                self.text(scale(mark), bottom + 14, text, size=SMALL, color=MUTED, ha="center")
        self.text(scale(scale.low), bottom + 34, label, size=SMALL, color=MUTED)

    def rule(self, y: float) -> None:
        """A hair line between two rows."""
        self.line([MARGIN, self.width - MARGIN], [y, y], color=HAIR, zorder=0.4)
