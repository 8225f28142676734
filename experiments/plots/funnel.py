"""Funnels as pictures: a bar per stage, or a line per group."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.formats import format_value
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, INK, MUTED, SOFT, TINTS, tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Sheet, drawing, shortened, wrapped
from experiments.plots.frame import WIDTH, Axis, Frame, Series, dashes_of, frame
from experiments.plots.names import told_apart
from experiments.wakeup.funnel import Funnel

if TYPE_CHECKING:
    from typing import Any

__all__ = ["plot_funnel"]

_NAMES = 170.0
_NUMBERS = 270.0
_STEP = 34.0
_BAR = 20.0


def plot_funnel(funnel: Funnel) -> Plot:
    """Draw the persons left at each stage: bars, or with groups one line each.

    Args:
        funnel: The funnel.

    Returns:
        The plot; its data are the rows of the funnel.

    Raises:
        InputError: For something that is no funnel, or more groups than colours.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> when = pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-01"], utc=True)
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b"], "event": ["open", "invest", "open"], "time": when})
        >>> ex.plot_funnel(ex.funnel(log, stages=["open", "invest"], as_of="2026-04-01")).title
        '50% of 2 persons get from open to invest'
    """
    if not isinstance(funnel, Funnel):
        raise InputError(f"plot_funnel needs a funnel, got {type(funnel).__name__}. Pass ex.funnel(...).")
    rows = funnel.to_dicts()
    groups = _groups(funnel, rows)
    if len(groups) > len(TINTS):
        raise InputError(f"a picture holds at most {len(TINTS)} lines, got {len(groups)} values of {funnel.by!r}.")
    settings = dict(funnel.recipe.settings)
    subtitle = messages.text("FUNNEL_PLOT.subtitle", settings)
    title = _title(groups, funnel.by)
    with drawing():
        if funnel.by is None:
            figure = _bars(rows, (title, subtitle)).figure
        else:
            figure = _lines(groups, (title, subtitle)).sheet.figure
    told = [(_name(row, funnel.by), brief(row["rate_total"], "rate")) for row in rows if row["rate_total"] is not None]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=funnel.records, figure=figure
    )  # fmt: skip


def _groups(funnel: Funnel, rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    if funnel.by is None:
        return [("", rows)]
    by = funnel.by
    return [(str(value), list(held)) for value, held in groupby(rows, key=lambda row: row[by])]


def _name(row: dict[str, Any], by: str | None) -> str:
    return str(row["stage"]) if by is None else f"{row[by]} {row['stage']}"


def _title(groups: list[tuple[str, list[dict[str, Any]]]], by: str | None) -> str:
    first, last = groups[0][1][0], groups[0][1][-1]
    ends = {"first": shortened(first["stage"], 160, TITLE), "last": shortened(last["stage"], 160, TITLE)}
    if by is not None:
        return messages.text("FUNNEL_PLOT.title_by", {**ends, "by": shortened(by, 160, TITLE)})
    return messages.text(
        "FUNNEL_PLOT.title", {**ends, "n": first["reached"], "share": brief(last["rate_total"], "rate")}
    )


def _bars(rows: list[dict[str, Any]], texts: tuple[str, str]) -> Sheet:
    head = [wrapped(text, WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 20
    sheet = Sheet(WIDTH, begin + len(rows) * _STEP + MARGIN)
    sheet.head(*head)
    left, room = MARGIN + _NAMES, WIDTH - 2 * MARGIN - _NAMES - _NUMBERS
    names = told_apart([str(row["stage"]) for row in rows], _NAMES - 12, TEXT)
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        middle = begin + (place + 0.5) * _STEP
        sheet.text(left - 10, middle, name, ha="right")
        sheet.bar(left, middle - _BAR / 2, room, _BAR, color=SOFT)
        sheet.bar(left, middle - _BAR / 2, room * (row["rate_total"] or 0.0), _BAR, color=ACCENT)
        shown = format_value(row["reached"], "count")
        sheet.text(left + room + 10, middle, f"{shown} ({brief(row['rate_total'] or 0.0, 'rate')})", color=INK)
        if row["rate_step"] is not None:
            step = messages.text("FUNNEL_PLOT.step", {"share": brief(row["rate_step"], "rate")})
            sheet.text(WIDTH - MARGIN, middle, step, size=SMALL, color=MUTED, ha="right")
    return sheet


def _lines(groups: list[tuple[str, list[dict[str, Any]]]], texts: tuple[str, str]) -> Frame:
    numbers = [float(place) for place in range(1, len(groups[0][1]) + 1)]
    series = [
        Series(
            label=name, x=numbers, y=[100.0 * (row["rate_total"] or 0.0) for row in held], color=tint(place),
            dashes=dashes_of(place),
        )
        for place, (name, held) in enumerate(groups)
    ]  # fmt: skip
    stages = "; ".join(f"{place}: {row['stage']}" for place, row in enumerate(groups[0][1], start=1))
    across = Axis(name=messages.text("FUNNEL_PLOT.stage"), values=numbers)
    up = Axis(name=messages.text("FUNNEL_PLOT.share"), values=[0.0, 100.0])
    drawn = frame(texts, across, up, foot=[stages])
    drawn.lines(series)
    for line in series:
        for x, y in zip(line.x, line.y, strict=True):
            drawn.sheet.mark(drawn.x(x), drawn.y(y), "o", color=line.color, size=6.0)
    return drawn
