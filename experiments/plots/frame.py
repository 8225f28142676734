"""A picture of lines over two axes: marks, names, direct labels at the lines' ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.plots.numbers import axis_mark
from attribution.plots.palette import GRID, INK, MUTED, TINTS
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, text_width, wrapped
from experiments.plots.names import told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.formats import ValueKind

__all__ = ["Axis", "Frame", "Series", "dashes_of", "frame"]

WIDTH = 760.0
_PLOT = 300.0
_LABELS = 150.0
_APART = 16.0
_KEY = 18.0
_KEY_INDENT = 150.0
_DASHES: tuple[tuple[float, ...] | None, ...] = (None, (6.0, 2.5), (2.0, 2.0), (8.0, 2.5, 2.0, 2.5))


def dashes_of(place: int) -> tuple[float, ...] | None:
    """The pattern of a line: where colours repeat, the pattern is another one."""
    return _DASHES[(place + place // len(TINTS)) % len(_DASHES)]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Series:
    """A line of the picture.

    Attributes:
        label: What stands at its end.
        x: Positions, rising.
        y: Values.
        color: Its colour.
        dashes: Pattern of the line; None draws it through. Lines differ in more than colour.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    color: str
    dashes: tuple[float, ...] | None = None


class LogScale:
    """From positive values to pixels, equal ratios equally far apart."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        every = [factor * 10.0**power for power in decades for factor in (1.0, 2.0, 5.0)]
        self.marks = [mark for mark in every if low <= mark <= high]
        self.low, self.high = low, high
        self._begin, self._size = begin, end - begin

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self._begin + self._size * math.log(value / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frame:
    """A sheet with its axes.

    Attributes:
        sheet: The sheet.
        x: From values to pixels, across.
        y: From values to pixels, down.
    """

    sheet: Sheet
    x: Scale | LogScale
    y: Scale

    def key(self, series: Sequence[Series]) -> None:
        """The names of the lines with a sample of each, in rows above the picture."""
        rows = _key_rows(series)
        for row, held in enumerate(rows):
            y = self.y(self.y.high) - 16 - _KEY * (len(rows) - 1 - row)
            for at, line, text in held:
                dashes = {} if line.dashes is None else {"dashes": line.dashes}
                self.sheet.line([at, at + 26], [y, y], color=line.color, width=2.2, **dashes)
                self.sheet.text(at + 32, y, text, size=SMALL)

    def lines(self, series: Sequence[Series], *, steps: bool = False, named: bool = True) -> None:
        """Draw lines, and unless a key names them their names at their ends, kept apart."""
        for line in series:
            xs, ys = [self.x(x) for x in line.x], [self.y(y) for y in line.y]
            style = {"drawstyle": "steps-post"} if steps else {}
            dashes = {} if line.dashes is None else {"dashes": line.dashes}
            self.sheet.line(xs, ys, color=line.color, width=2.2, **style, **dashes)
        if not named:
            return
        ends = sorted((self.y(line.y[-1]), place) for place, line in enumerate(series) if len(line.y))
        names = told_apart([line.label for line in series], _LABELS - 12, SMALL)
        at = -1e9
        for y, place in ends:
            at = max(y, at + _APART)
            text = names[place]
            self.sheet.text(self.x(self.x.high) + 8, at, text, size=SMALL, color=series[place].color)

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], *, color: str) -> None:
        """A shaded band between two lines, cut at the edges of the picture."""
        xs = [self.x(value) for value in x]
        tops, bottoms = ([self.y(min(max(value, self.y.low), self.y.high)) for value in ends] for ends in (high, low))
        self.sheet.area([*xs, *reversed(xs)], [*tops, *reversed(bottoms)], color=color)

    def level(self, y: float, label: str, *, color: str = MUTED) -> None:
        """A dashed line across with its name."""
        if self.y.low <= y <= self.y.high:
            at = self.y(y)
            ends = [self.x(self.x.low), self.x(self.x.high)]
            self.sheet.line(ends, [at, at], color=color, width=1.2, dashes=(4, 3))
            self.sheet.text(ends[0] + 6, at - 9, label, size=SMALL, color=color)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        name: Its name.
        values: Values that it must hold.
        kind: Kind of its values.
        logarithmic: Whether equal ratios are equally far apart; all values are above 0 then.
    """

    name: str
    values: Sequence[float]
    kind: ValueKind = "number"
    logarithmic: bool = False


def _key_rows(series: Sequence[Series]) -> list[list[tuple[float, Series, str]]]:
    """Where each name of a key stands, in as many rows as it takes."""
    begin = MARGIN + _KEY_INDENT
    rows: list[list[tuple[float, Series, str]]] = [[]]
    at = begin
    for line, text in zip(series, told_apart([line.label for line in series], 150, SMALL), strict=True):
        size = 32 + text_width(text, SMALL)
        if rows[-1] and at + size > WIDTH - MARGIN:
            rows.append([])
            at = begin
        rows[-1].append((at, line, text))
        at += size + 18
    return rows


def frame(
    texts: tuple[str, str],
    across: Axis,
    up: Axis,
    *,
    foot: Sequence[str] = (),
    labelled: bool = True,
    keyed: Sequence[Series] = (),
) -> Frame:
    """An empty picture with title, axes and remarks.

    Args:
        texts: Title and subtitle.
        across: The axis below.
        up: The axis on the left.
        foot: Remarks below.
        labelled: Whether the lines' names stand at their ends and need room there.
        keyed: Lines whose names stand in a key above instead.
    """
    head = [wrapped(text, WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    top = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 30
    top += _KEY * (len(_key_rows(keyed)) - 1)
    bottom = top + _PLOT
    lines = [line for remark in foot for line in wrapped(remark, WIDTH - 2 * MARGIN, SMALL)]
    sheet = Sheet(WIDTH, bottom + 58 + len(lines) * SMALL * 1.5 + MARGIN - 14)
    sheet.head(*head)
    y = Scale(up.values, bottom, top)
    marks = [axis_mark(mark, up.kind) for mark in y.marks]
    right = WIDTH - MARGIN - (_LABELS if labelled and not keyed else 0.0)
    left = MARGIN + max(text_width(mark, SMALL) for mark in marks) + 10
    x = _scale(across, left, right)
    for mark, text in zip(y.marks, marks, strict=True):
        sheet.line([x(x.low), x(x.high)], [y(mark), y(mark)], color=MUTED if mark == 0 else GRID, zorder=0.5)
        sheet.text(left - 8, y(mark), text, size=SMALL, color=MUTED, ha="right")
    sheet.text(MARGIN, top - 16, up.name, size=SMALL, color=MUTED)
    for mark in x.marks:
        sheet.line([x(mark)] * 2, [bottom, bottom + 4], color=INK if mark == 0 else MUTED, zorder=0.5)
        sheet.text(x(mark), bottom + 15, axis_mark(mark, across.kind), size=SMALL, color=MUTED, ha="center")
    sheet.text(left, bottom + 35, across.name, size=SMALL, color=MUTED)
    sheet.foot(lines)
    return Frame(sheet=sheet, x=x, y=y)


def _scale(axis: Axis, begin: float, end: float) -> Scale | LogScale:
    if axis.logarithmic:
        return LogScale(min(axis.values), max(axis.values), begin, end)
    return Scale(axis.values, begin, end)
