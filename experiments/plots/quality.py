"""Shares lost by source of acquisition, and the association of retention with early actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, MUTED
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, drawing, shortened, widest, wrapped
from experiments.plots.frame import Axis, Frame, frame
from experiments.plots.names import told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.wakeup.aha_result import AhaThreshold
    from experiments.wakeup.channel_quality_result import ChannelQuality

__all__ = ["plot_aha", "plot_quality"]

_WIDTH = 760.0
_LABEL = 210.0
_ROW = 34.0
_AXIS = 62.0
_MOST = 40
_RATE = ("lost", "lost_low", "lost_high")


def plot_quality(result: ChannelQuality) -> Plot:
    """Draw the share lost of every source with its interval; flagged sources are filled, others hollow.

    Args:
        result: What `channel_quality` gave.

    Raises:
        InputError: When nobody could be observed in any source.
    """
    rows = [row for row in result.to_dicts() if row["lost"] is not None]
    if not rows:
        raise InputError("no source has an observed customer, so there is nothing to draw.")
    lost_by = result.recipe.settings["lost_by"]
    title = messages.text("QUALITY.plot_title", {"lost_by": lost_by, "source": shortened(result.source, 200, TITLE)})
    subtitle = messages.text("QUALITY.plot_subtitle", {"level": result.recipe.settings["level"]})
    with drawing():
        sheet = _lines(rows[:_MOST], result.source, (title, subtitle), len(rows))
    fields = [Field(result.source, "text"), *(Field(name, "rate") for name in _RATE), Field("deal_hunters", "text")]
    told = [(str(row[result.source]), brief(row["lost"], "rate")) for row in rows]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=Records.from_rows(fields, rows),
        figure=sheet.figure,
    )  # fmt: skip


def _lines(rows: Sequence[dict[str, Any]], source: str, texts: tuple[str, str], total: int) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 14
    bottom = begin + _ROW * len(rows)
    foot = [messages.text("PLOT.MORE_ROWS", {"n": total - len(rows)})] if total > len(rows) else []
    sheet = Sheet(_WIDTH, bottom + _AXIS + len(foot) * SMALL * 1.5 + MARGIN - 14)
    sheet.head(*head)
    names = told_apart([str(row[source]) for row in rows], _LABEL)
    shown = [brief(row["lost"], "rate") for row in rows]
    start = MARGIN + widest(names, TEXT) + 22
    number = _WIDTH - MARGIN - max(widest(shown, SMALL), 60.0)
    scale = Scale([0.0, *(100.0 * row[end] for row in rows for end in _RATE)], start, number - 22)
    sheet.bottom_axis(scale, (begin, bottom), messages.text("QUALITY.plot_axis"), "number")
    for place, (row, name, text) in enumerate(zip(rows, names, shown, strict=True)):
        middle = begin + (place + 0.5) * _ROW
        if place:
            sheet.rule(middle - _ROW / 2)
        sheet.text(MARGIN, middle, name)
        sheet.text(number, middle, text, size=SMALL)
        flagged = row["deal_hunters"] == "flagged"
        color = CONTRAST if flagged else ACCENT
        value, low, high = (scale(100.0 * row[end]) for end in _RATE)
        sheet.line([low, high], [middle, middle], color=color, width=2.2)
        sheet.mark(value, middle, "D" if flagged else "o", color=color, hollow=not flagged, size=8.0)
    sheet.foot(foot)
    return sheet


def plot_aha(result: AhaThreshold) -> Plot:
    """Draw Youden's index over k, the k that resampling chooses shaded.

    Args:
        result: What `aha_threshold` gave.

    Raises:
        InputError: When no threshold parts the customers.
    """
    rows = result.to_dicts()
    chosen = result.threshold
    if not rows or chosen.value is None or chosen.low is None or chosen.high is None:
        raise InputError(f"no threshold parts the customers ({chosen.note}), so there is nothing to draw.")
    title = messages.text("AHA.plot_title", {"k": chosen.value})
    subtitle = messages.text("AHA.plot_subtitle", {"low": chosen.low, "high": chosen.high, "p": result.p_value})
    with drawing():
        drawn = _curve(rows, (chosen.low, chosen.value, chosen.high), (title, subtitle), result)
    fields = [Field("k", "count"), Field("youden", "ratio"), Field("phi", "ratio"), Field("chosen_share", "rate")]
    told = [(str(row["k"]), brief(row["youden"], "ratio")) for row in rows]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=Records.from_rows(fields, rows),
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _curve(
    rows: Sequence[dict[str, Any]], chosen: tuple[float, float, float], texts: tuple[str, str], result: AhaThreshold
) -> Frame:
    x = [float(row["k"]) for row in rows]
    y = [float(row["youden"]) for row in rows]
    across = Axis(
        name=messages.text("AHA.plot_x", {"within": result.recipe.settings["within"]}), values=[0.0, *x], kind="count"
    )
    drawn = frame(texts, across, Axis(name=messages.text("AHA.plot_y"), values=[0.0, *y]), labelled=False)
    low, best, high = chosen
    if high > low:
        drawn.band([low, high], [drawn.y.low] * 2, [drawn.y.high] * 2, color=ACCENT)
    at = drawn.x(best)
    drawn.sheet.line([at, at], [drawn.y(drawn.y.low), drawn.y(drawn.y.high)], color=MUTED, width=1.2, dashes=(4, 3))
    drawn.sheet.line([drawn.x(value) for value in x], [drawn.y(value) for value in y], color=ACCENT, width=2.2)
    for place, value in zip(x, y, strict=True):
        drawn.sheet.mark(drawn.x(place), drawn.y(value), "o", color=ACCENT, hollow=place != best, size=7.0)
    return drawn
