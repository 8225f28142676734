"""How long journeys are: touches per journey, and days to the conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.whole import check_whole
from attribution.journeys.plan import Journeys
from attribution.plots.numbers import axis_mark, brief, days_text, in_words
from attribution.plots.palette import ACCENT, CONTRAST, GRID, INK, MUTED, PAPER, SOFT
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Scale, Sheet, drawing, wrapped

if TYPE_CHECKING:
    from datetime import timedelta

    from attribution.journeys.timing import PathLengths, TimeToConversion

__all__ = ["check_journeys", "plot_path_lengths", "plot_time_to_conversion"]

_WIDTH = 760.0
_PLOT = 220.0
_PANEL = 150.0
_GAP = 62.0
_MOST_BARS = 60
_HOURS = {"1h": 1.0, "6h": 6.0, "1d": 24.0, "7d": 168.0, "30d": 720.0, "365d": 8760.0}


def check_journeys(journeys: object, where: str) -> Journeys:
    """The journeys, or `InputError`."""
    if not isinstance(journeys, Journeys):
        raise InputError(f"{where} needs Journeys, got {type(journeys).__name__}. Pass at.build_journeys(...).")
    return journeys


def plot_path_lengths(journeys: Journeys, *, longest: int = 12) -> Plot:
    """Draw how many touches the journeys have.

    Shares are of the conversions with an eligible touch; those without one are told below.

    Args:
        journeys: The journeys.
        longest: Longer journeys share one bar; the table has every length.

    Returns:
        The plot; its data are those of `Journeys.lengths`.

    Raises:
        InputError: For something that is no journeys, or ``longest`` below 2.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> at.plot_path_lengths(at.build_journeys(touches, conversions)).title
        'Half of the journeys have at most 2 touches; 0% have only one'
    """
    longest = check_whole("longest", longest, least=2)
    found = check_journeys(journeys, "plot_path_lengths").lengths()
    bars = _length_bars(found, longest)
    alone = next((share for label, share, _ in bars if label == "1"), 0.0)
    title = messages.text("PLOT.LENGTHS_NOTHING")
    if found.median is not None:
        code = "PLOT.LENGTHS_ONE" if found.median == 1 else "PLOT.LENGTHS_TITLE"
        title = messages.text(code, {"median": found.median, "alone": brief(alone, "rate")})
    subtitle = messages.text("PLOT.LENGTHS_SUBTITLE")
    none = int(found.records.column("conversions")[0])
    foot = [messages.text("PLOT.NONE_CONVERSIONS", {"n": none})] if none else []
    with drawing():
        middle = "" if found.median is None else str(found.median) if found.median <= longest else f"{longest + 1}+"
        sheet = _draw_lengths(bars, (title, subtitle), foot, middle)
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, [(label, brief(share, "rate")) for label, share, _ in bars]),
        records=found.records,
        figure=sheet.figure,
    )


def _length_bars(found: PathLengths, longest: int) -> list[tuple[str, float, int]]:
    """Label, share and number of each length; the last bar holds all that are longer."""
    counts = {row["length"]: int(row["conversions"]) for row in found.records.to_dicts() if row["length"]}
    total = sum(counts.values())
    if not total:
        return []
    end = min(max(counts), longest)
    bars = [(str(length), counts.get(length, 0)) for length in range(1, end + 1)]
    more = sum(count for length, count in counts.items() if length > longest)
    if more:
        bars.append((f"{longest + 1}+", more))
    return [(label, count / total, count) for label, count in bars]


def _draw_lengths(bars: list[tuple[str, float, int]], texts: tuple[str, str], foot: list[str], median: str) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 34
    if not bars:
        return _empty(head, foot, begin)
    bottom = begin + _PLOT
    sheet = Sheet(_WIDTH, bottom + 52 + len(foot) * SMALL * 1.5 + MARGIN - 10)
    sheet.head(*head)
    sheet.line([MARGIN, _WIDTH - MARGIN], [bottom, bottom], color=MUTED)
    step = min((_WIDTH - 2 * MARGIN) / max(len(bars), 1), 96.0)
    highest = max((share for _, share, _ in bars), default=1.0)
    for place, (label, share, count) in enumerate(bars):
        middle = MARGIN + (place + 0.5) * step
        height = _PLOT * share / highest
        here = label == median
        sheet.bar(middle - step * 0.36, bottom - height, step * 0.72, height, color=ACCENT if here else SOFT)
        shown = brief(share, "rate") if count else "0"
        sheet.text(middle, bottom - height - 10, shown, size=SMALL, ha="center", color=INK)
        if here:
            sheet.text(
                middle, bottom - height - 26, messages.text("PLOT.MEDIAN"), size=SMALL, ha="center", color=ACCENT
            )
        sheet.text(middle, bottom + 14, label, size=SMALL, ha="center", color=MUTED)
    sheet.text(MARGIN, bottom + 34, messages.text("PLOT.AXIS_LENGTHS"), size=SMALL, color=MUTED)
    sheet.foot(foot)
    return sheet


def plot_time_to_conversion(journeys: Journeys, *, bin: str | timedelta | None = None) -> Plot:
    """Draw how long after the first and after the last eligible touch conversions come.

    Two histograms on one scale, each with its median.

    Args:
        journeys: The journeys.
        bin: Width of a bar, an exact duration; None takes the first of 1h, 6h, 1d, 7d, 30d, 365d that gives at most 60
            bars.

    Returns:
        The plot; its data are those of `Journeys.time_to_conversion`.

    Raises:
        InputError: For something that is no journeys, or a width that gives more than 400 bars.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> at.plot_time_to_conversion(at.build_journeys(touches, conversions)).title
        'Half of the conversions come within 0 minutes of the last touch, and 2 days of the first'
    """
    found = _binned(check_journeys(journeys, "plot_time_to_conversion"), bin)
    last, first = found.median("last_touch"), found.median("first_touch")
    title = messages.text("PLOT.TIMING_NOTHING")
    if last is not None:
        title = messages.text("PLOT.TIMING_TITLE", {"last": days_text(last), "first": days_text(first or 0.0)})
    subtitle = messages.text("PLOT.TIMING_SUBTITLE", {"bin": found.bin})
    with drawing():
        sheet = _draw_timing(found, (title, subtitle))
    told = [
        (f"{messages.text('TIMING.' + row['since'])} p{row['quantile'] * 100:g}", days_text(row["days"]))
        for row in found.quantiles.to_dicts()
    ]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, told),
        records=found.records,
        figure=sheet.figure,
    )


def _binned(journeys: Journeys, width: str | timedelta | None) -> TimeToConversion:
    if width is not None:
        found = journeys.time_to_conversion(bin=width)
        most = _bars(found)
        if most > 400:
            raise InputError(f"bin={width!r} gives {most:,} bars, of which none could be seen. Write a wider one.")
        return found
    daily = journeys.time_to_conversion(bin="1d")
    days = max((float(end) for end in daily.records.column("to_days")), default=1.0)
    chosen = next((name for name, hours in _HOURS.items() if days * 24 / hours <= _MOST_BARS), "365d")
    return daily if chosen == "1d" else journeys.time_to_conversion(bin=chosen)


def _bars(found: TimeToConversion) -> int:
    since = list(found.records.column("since"))
    return max((since.count(name) for name in set(since)), default=0)


def _draw_timing(found: TimeToConversion, texts: tuple[str, str]) -> Sheet:
    head = [wrapped(text, _WIDTH - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 10
    rows = found.records.to_dicts()
    if not rows:
        return _empty(head, [], begin)
    sheet = Sheet(_WIDTH, begin + 2 * (_PANEL + _GAP) + 50)
    sheet.head(*head)
    unit = 24.0 if max(row["to_days"] for row in rows) <= 2.0 else 1.0
    scale = Scale([row["to_days"] * unit for row in rows], MARGIN + 44, _WIDTH - MARGIN, marks=8)
    heights = Scale([row["share"] for row in rows], 0.0, _PANEL, marks=3)
    for place, since in enumerate(("first_touch", "last_touch")):
        top = begin + place * (_PANEL + _GAP) + 46
        bottom = top + _PANEL
        sheet.text(MARGIN, top - 34, messages.text(f"TIMING.{since}"), weight="bold")
        for mark in heights.marks:
            y = bottom - heights(mark)
            sheet.line([scale(scale.low), scale(scale.high)], [y, y], color=GRID if mark else MUTED, zorder=0.5)
            sheet.text(MARGIN + 36, y, axis_mark(mark, "rate"), size=SMALL, color=MUTED, ha="right")
        bars = [
            (row["from_days"] * unit, row["to_days"] * unit, row["share"])
            for row in rows
            if row["since"] == since and row["conversions"]
        ]
        for begins, ends, share in bars:
            left, right, height = scale(begins), scale(ends), heights(share)
            gap = min(1.0, 0.12 * (right - left))
            sheet.bar(left + gap, bottom - height, right - left - 2 * gap, height, color=ACCENT)
        _median(sheet, scale(unit * (found.median(since) or 0.0)), found.median(since) or 0.0, (top, bottom))
    bottom = begin + 2 * (_PANEL + _GAP) - _GAP + 46
    for mark in scale.marks:
        sheet.text(scale(mark), bottom + 14, axis_mark(mark, "number"), size=SMALL, color=MUTED, ha="center")
    axis = messages.text("PLOT.AXIS_HOURS" if unit == 24.0 else "PLOT.AXIS_DAYS")
    sheet.text(MARGIN + 44, bottom + 34, axis, size=SMALL, color=MUTED)
    return sheet


def _median(sheet: Sheet, x: float, days: float, ends: tuple[float, float]) -> None:
    top, bottom = ends
    sheet.line([x, x], [top - 18, bottom], color=PAPER, width=4.0)
    sheet.line([x, x], [top - 18, bottom], color=CONTRAST, width=1.5)
    shown = messages.text("PLOT.MEDIAN_DAYS", {"span": days_text(days)})
    right = x > _WIDTH * 0.75
    sheet.text(x - 6 if right else x + 6, top - 12, shown, size=SMALL, color=CONTRAST, ha="right" if right else "left")


def _empty(head: list[list[str]], foot: list[str], begin: float) -> Sheet:
    """Title and subtitle only: there is nothing to draw."""
    sheet = Sheet(_WIDTH, begin + len(foot) * SMALL * 1.5 + MARGIN)
    sheet.head(*head)
    sheet.foot(foot)
    return sheet
