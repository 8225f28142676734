"""Flows step by step as a picture: who came above the line, who left below it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.render.display import column_label
from attribution.plots.numbers import axis_mark, in_words
from attribution.plots.palette import GRID, INK, MUTED, TINTS
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, drawing, text_width, wrapped

if TYPE_CHECKING:
    from typing import Any

    from experiments.wakeup.flows_result import FlowSeries

__all__ = ["plot_series"]

_WIDTH, _HEIGHT = 760.0, 260.0
_MOST = 60
_PARTS = (("new", TINTS[0], 1), ("woken", TINTS[5], 1), ("to_dormant", TINTS[1], -1), ("to_churned", TINTS[6], -1))
_APART = 12.0


def plot_series(series: FlowSeries) -> Plot:
    """Draw the flows of all customers, a column per step.

    Raises:
        InputError: For more than 60 steps: nobody can read them.
    """
    rows = [row for row in series.to_dicts() if row["group"] is None]
    if len(rows) > _MOST:
        raise InputError(
            f"{len(rows)} steps cannot be read in one picture; at most {_MOST} are drawn. Take longer ones."
        )
    values = {
        "start": rows[0]["start"], "end": rows[-1]["end"], "active_start": rows[0]["active_start"],
        "active_end": rows[-1]["active_end"],
    }  # fmt: skip
    title, subtitle = messages.text("FLOWS.plot", values), messages.text("FLOWS.plot_subtitle")
    with drawing():
        sheet = _sheet(title, subtitle, rows)
    told = [(str(row["end"]), f"{_net(row):+d}") for row in rows]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=series._records(),  # noqa: SLF001 - the data of the picture
        figure=sheet.figure,
    )  # fmt: skip


def _net(row: dict[str, Any]) -> int:
    return int(row["active_end"] - row["active_start"])


def _sheet(title: str, subtitle: str, rows: list[dict[str, Any]]) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in ((title, TITLE), (subtitle, TEXT))]
    top = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 34
    bottom = top + _HEIGHT
    sheet = Sheet(_WIDTH, bottom + 24 + MARGIN)
    sheet.head(*head)
    y = Scale(
        [*(row["new"] + row["woken"] for row in rows), *(-row["to_dormant"] - row["to_churned"] for row in rows)],
        bottom,
        top,
    )
    marks = [axis_mark(mark, "count") for mark in y.marks]
    left = MARGIN + max(text_width(mark, SMALL) for mark in marks) + 10
    for mark, text in zip(y.marks, marks, strict=True):
        color = MUTED if mark == 0 else GRID
        sheet.line([left, _WIDTH - MARGIN], [y(mark), y(mark)], color=color, zorder=0.5)
        sheet.text(left - 8, y(mark), text, size=SMALL, color=MUTED, ha="right")
    _key(sheet, left, top - 16)
    wide = (_WIDTH - MARGIN - left) / len(rows)
    every = ceil((text_width(rows[0]["end"], SMALL) + _APART) / wide)
    for place, row in enumerate(rows):
        _column(sheet, y, (left + wide * (place + 0.15), wide * 0.7), row)
        if place % every == 0:
            sheet.text(left + wide * (place + 0.5), bottom + 16, row["end"], size=SMALL, color=MUTED, ha="center")
    return sheet


def _key(sheet: Sheet, left: float, y: float) -> None:
    at = left
    for name, color, _ in _PARTS:
        sheet.bar(at, y - 5, 12, 10, color=color)
        text = column_label(name)
        sheet.text(at + 18, y, text, size=SMALL, color=INK)
        at += 18 + text_width(text, SMALL) + 20


def _column(sheet: Sheet, y: Scale, box: tuple[float, float], row: dict[str, Any]) -> None:
    reached = {1: 0.0, -1: 0.0}
    for name, color, sign in _PARTS:
        begin, end = reached[sign], reached[sign] + sign * row[name]
        reached[sign] = end
        ends = sorted((y(begin), y(end)))
        if ends[1] > ends[0]:
            sheet.bar(box[0], ends[0], box[1], ends[1] - ends[0], color=color)
