"""The flow of journeys: from touch to touch through the channels, and into conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from attribution.core.whole import check_whole
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import INK, MUTED, SOFT, tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import MARGIN, SMALL, TEXT, TITLE, Sheet, drawing, shortened, wrapped
from attribution.plots.timing import check_journeys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.path_counts import PathCounts
    from attribution.journeys.plan import Journeys

__all__ = ["plot_flow"]

_CONVERSION, _LOST, _MORE, _OTHERS = "(conversion)", "(no conversion)", "(more touches)", "(other channels)"
_ENDS = (_CONVERSION, _LOST, _MORE)
_PLOT = 400.0
_GAP = 10.0
_NODE = 12.0
_STEP = 178.0


def plot_flow(journeys: Journeys, *, steps: int = 4, top: int = 8, nulls: bool = False) -> Plot:
    """Draw how journeys flow from their first touch to the next, and where they end.

    A column per touch, counted from the first; the height of a node is the number of journeys there. A journey that is
    over goes into "conversion"; one with more touches than columns into "more touches".

    Args:
        journeys: The journeys.
        steps: Number of columns.
        top: How many channels have their own node, those with most touches in these columns; the others share one.
        nulls: Whether to draw the null journeys too, which end in "no conversion".

    Returns:
        The plot; its data are one row per step, from_channel and to_channel: journeys. The channels beyond `top` are
        there by name. Ends are "(conversion)", "(no conversion)" and "(more touches)".

    Raises:
        InputError: For something that is no journeys, or numbers out of range.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
        >>> at.plot_flow(at.build_journeys(touches, conversions)).to_dicts()[0]
        {'step': 1, 'from_channel': 'sms', 'to_channel': 'phone', 'journeys': 1.0}
    """
    steps, top = check_whole("steps", steps, least=2, most=8), check_whole("top", top, least=1, most=12)
    paths = check_journeys(journeys, "plot_flow").path_counts()
    rows = _rows(paths, steps, nulls=nulls)
    taken = sorted({row["from_channel"] for row in rows} & {*_ENDS, _OTHERS})
    if taken:
        raise InputError(f"a channel is called {taken[0]!r}, the name of an end of the flow. Rename it.")
    links = _pooled(rows, top)
    title = _title(rows)
    subtitle = messages.text("PLOT.FLOW_NULLS" if nulls else "PLOT.FLOW_SUBTITLE")
    with drawing():
        sheet = _draw(links, steps, (title, subtitle), _left_out(journeys) if nulls else [])
    fields = (
        Field("step", "count"),
        Field("from_channel", "text"),
        Field("to_channel", "text"),
        Field("journeys", "count"),
    )
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, [_told(row) for row in sorted(rows, key=lambda row: -row["journeys"])[:10]]),
        records=Records.from_rows(fields, rows),
        figure=sheet.figure,
    )


def _rows(paths: PathCounts, steps: int, *, nulls: bool) -> list[dict[str, Any]]:
    """Journeys from each channel at each step to the next channel or the end."""
    names = [str(name) for name in paths.channel_names]
    width = len(names) + len(_ENDS)
    begins, lengths = paths.offsets[:-1], paths.lengths
    conversion, lost, more = range(len(names), width)
    rows: list[dict[str, Any]] = []
    for step in range(steps):
        here = np.flatnonzero(lengths > step)
        left = paths.channel[begins[here] + step]
        on = lengths[here] > step + 1
        following = np.full(len(here), more)
        if step + 1 < steps:
            following[on] = paths.channel[begins[here[on]] + step + 1]
        whole = paths.conversions[here] + (paths.nulls[here] if nulls else 0.0)
        code, weight = [left[on] * width + following[on]], [whole[on]]
        for end, counts in ((conversion, paths.conversions), (lost, paths.nulls if nulls else None)):
            if counts is not None:
                code.append(left[~on] * width + end)
                weight.append(counts[here][~on])
        size = len(names) * width
        found = np.bincount(np.concatenate(code), weights=np.concatenate(weight), minlength=size).astype(np.float64)
        rows += _named(found, names, width, step)
    return rows


def _named(found: NDArray[np.float64], names: list[str], width: int, step: int) -> list[dict[str, Any]]:
    every = [*names, *_ENDS]
    rows = []
    for code in np.flatnonzero(found).tolist():
        left, right = divmod(code, width)
        rows.append(
            {"step": step + 1, "from_channel": names[left], "to_channel": every[right], "journeys": float(found[code])}
        )
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """What is drawn.

    Attributes:
        channels: The nodes of a column from top to bottom, before the ends.
        flows: Journeys by step, from and to.
    """

    channels: list[str]
    flows: dict[tuple[int, str, str], float]


def _pooled(rows: list[dict[str, Any]], top: int) -> _Links:
    """The rows with the smaller channels in one."""
    total: dict[str, float] = {}
    for row in rows:
        total[row["from_channel"]] = total.get(row["from_channel"], 0.0) + row["journeys"]
    ranked = sorted(total, key=lambda name: (-total[name], name))
    kept = ranked[:top] if len(ranked) > top + 1 else ranked
    flows: dict[tuple[int, str, str], float] = {}
    for row in rows:
        left = row["from_channel"] if row["from_channel"] in kept else _OTHERS
        right = row["to_channel"] if row["to_channel"] in kept or row["to_channel"] in _ENDS else _OTHERS
        key = (row["step"], left, right)
        flows[key] = flows.get(key, 0.0) + row["journeys"]
    return _Links([*kept, *([_OTHERS] if len(kept) < len(ranked) else [])], flows)


def _title(rows: list[dict[str, Any]]) -> str:
    opened: dict[str, float] = {}
    for row in rows:
        if row["step"] == 1:
            opened[row["from_channel"]] = opened.get(row["from_channel"], 0.0) + row["journeys"]
    whole = sum(opened.values())
    if not whole:
        return messages.text("PLOT.FLOW_NOTHING")
    first = min(opened, key=lambda name: (-opened[name], name))
    at_once = sum(row["journeys"] for row in rows if row["step"] == 1 and row["to_channel"] == _CONVERSION)
    values = {"name": shortened(first, 240, TITLE), "share": brief(opened[first] / whole, "rate")}
    values["once"] = brief(at_once / whole, "rate")
    return messages.text("PLOT.FLOW_TITLE", values)


def _told(row: dict[str, Any]) -> tuple[str, str]:
    step = messages.text("PLOT.FLOW_STEP", {"n": row["step"]})
    link = f"{_label(row['from_channel'])} → {_label(row['to_channel'])}"
    return messages.text("PLOT.COMMA").join((step, link)), format_value(row["journeys"], "count")


def _left_out(journeys: Journeys) -> list[str]:
    """What is said about null journeys below the picture."""
    found = journeys.person_paths()
    lines = [] if found.paths.nulls.sum() else [messages.text("PLOT.NO_NULLS_DRAWN")]
    return [*lines, *([messages.text("PLOT.OPEN_JOURNEYS", {"n": found.open})] if found.open else [])]


def _label(name: str) -> str:
    codes = {_CONVERSION: "CONVERSION", _LOST: "LOST", _MORE: "MORE", _OTHERS: "OTHERS"}
    return messages.text(f"PLOT.FLOW_{codes[name]}") if name in codes else name


def _color(name: str, channels: list[str]) -> str:
    if name == _CONVERSION:
        return INK
    if name in (_LOST, _MORE, _OTHERS):
        return MUTED if name == _OTHERS else SOFT
    return tint(channels.index(name))


def _columns(links: _Links, steps: int) -> list[dict[str, float]]:
    """The size of every node, column by column; the ends of step s stand in column s + 1."""
    columns: list[dict[str, float]] = [{} for _ in range(steps + 1)]
    for (step, left, right), count in links.flows.items():
        columns[step - 1][left] = columns[step - 1].get(left, 0.0) + count
        if right in _ENDS:
            columns[step][right] = columns[step].get(right, 0.0) + count
    order = [*links.channels, _MORE, _CONVERSION, _LOST]
    found = [{name: column[name] for name in order if column.get(name)} for column in columns]
    while len(found) > 1 and not found[-1]:
        found.pop()
    return found


def _draw(links: _Links, steps: int, texts: tuple[str, str], foot: list[str]) -> Sheet:
    columns = _columns(links, steps)
    width = max(2 * MARGIN + _STEP * len(columns), 640.0)
    head = [wrapped(text, width - 2 * MARGIN, size) for text, size in zip(texts, (TITLE, TEXT), strict=True)]
    begin = MARGIN + len(head[0]) * TITLE * 1.35 + len(head[1]) * TEXT * 1.45 + 40
    lines = [line for text in foot for line in wrapped(text, width - 2 * MARGIN, SMALL)]
    below = len(lines) * SMALL * 1.5 + 10 if lines else 0.0
    sheet = Sheet(width, begin + (_PLOT if links.flows else 0.0) + below + MARGIN)
    sheet.head(*head)
    sheet.foot(lines)
    most = max(len(column) for column in columns)
    whole = max((sum(column.values()) for column in columns), default=0.0)
    unit = (_PLOT - _GAP * most) / whole if whole else 0.0
    places: list[dict[str, tuple[float, float]]] = []
    for number, column in enumerate(columns):
        y, found = begin, {}
        for name, count in column.items():
            found[name] = (y, y + max(count * unit, 0.5))
            y += max(count * unit, 0.5) + _GAP
        places.append(found)
        if number < steps and any(name not in _ENDS for name in column):
            words = messages.text("PLOT.FLOW_STEP", {"n": number + 1})
            sheet.text(MARGIN + number * _STEP, begin - 18, words, size=SMALL, color=MUTED)
    _ribbons(sheet, links, places, unit)
    _nodes(sheet, links, columns, places)
    return sheet


def _ribbons(sheet: Sheet, links: _Links, places: list[dict[str, tuple[float, float]]], unit: float) -> None:
    order = {name: place for place, name in enumerate([*links.channels, _MORE, _CONVERSION, _LOST])}
    out = [{name: top for name, (top, _) in column.items()} for column in places]
    into = [dict(column) for column in out]
    for (step, left, right), count in sorted(
        links.flows.items(), key=lambda item: (item[0][0], order[item[0][1]], order[item[0][2]])
    ):
        if right not in into[step]:
            continue
        size = count * unit
        x = MARGIN + (step - 1) * _STEP + _NODE
        top, target = out[step - 1][left], into[step][right]
        color = _color(left, links.channels)
        sheet.ribbon((x, top, top + size), (MARGIN + step * _STEP, target, target + size), color=color)
        out[step - 1][left] += size
        into[step][right] += size


def _nodes(
    sheet: Sheet, links: _Links, columns: list[dict[str, float]], places: list[dict[str, tuple[float, float]]]
) -> None:
    for number, column in enumerate(columns):
        x = MARGIN + number * _STEP
        whole = sum(columns[0].values())
        named: list[float] = []
        # Where there is no room for every name, conversions and large nodes keep theirs; the table has all.
        for name, count in sorted(column.items(), key=lambda item: (item[0] != _CONVERSION, -item[1], item[0])):
            top, bottom = places[number][name]
            sheet.bar(x, top, _NODE, bottom - top, color=_color(name, links.channels))
            middle = (top + bottom) / 2
            if any(abs(middle - other) < SMALL * 1.2 for other in named):
                continue
            shown = f"{shortened(_label(name), _STEP - _NODE - 66, SMALL)} {brief(count / whole, 'rate')}"
            sheet.text(x + _NODE + 6, middle, shown, size=SMALL, weight="bold" if name == _CONVERSION else "normal")
            named.append(middle)
