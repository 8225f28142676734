"""The effect so far at every look, with intervals that hold at all of them together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, MUTED
from attribution.plots.plot import Plot
from attribution.plots.sheet import TITLE, drawing, shortened
from experiments.design.looks import Looks
from experiments.plots.frame import Axis, Frame, frame

if TYPE_CHECKING:
    from attribution.core.formats import ValueKind

__all__ = ["plot_looks"]

_DECIDED = ("higher", "lower")


def plot_looks(looks: Looks, *, arm: str | None = None) -> Plot:
    """Draw the effect so far by matured persons, with the intervals of a log of looks.

    The intervals are those of the log: repeated intervals of a spending function, or always-valid ones. All of them
    together hold with the log's level, so the picture may be looked at at every moment. A look that does not count is a
    hollow mark without an interval.

    Args:
        looks: The log, with at least one look.
        arm: The arm; the first one of the log when None.

    Returns:
        The plot; its data are the arm's rows of the log.

    Raises:
        InputError: For something that is no log of looks, an empty one, an unknown arm, or an arm whose effect was
            undefined at every look.

    Example:
        >>> import experiments as ex
        >>> log = ex.Looks(planned=20_000, arms=["sms"], metric="woken")
        >>> matured, events = {"holdout": 1_200, "sms": 10_800}, {"holdout": 14, "sms": 190}
        >>> log = log.append("2026-10-12", matured=matured, events=events, readings={"sms": (0.0059, 0.0033)})
        >>> ex.plot_looks(log).title
        'woken, sms against holdout: not decided after 12,000 persons (20,000 planned)'
    """
    if not isinstance(looks, Looks):
        raise InputError(f"plot_looks needs a log of looks, got {type(looks).__name__}. See ex.Looks.")
    if not looks.looks:
        raise InputError("the log holds no look yet. Append one, then draw it.")
    chosen = looks.plan.arms[0] if arm is None else arm
    if str(chosen) not in looks.plan.arms:
        raise InputError(f"the log has no arm {arm!r}. {closest(str(arm), looks.plan.arms)}")
    rows = [row for row in looks.to_dicts() if row["arm"] == str(chosen)]
    seen = [row for row in rows if row["difference"] is not None]
    if not seen:
        raise InputError(f"no look at the arm {chosen!r} has a defined effect, so there is nothing to draw.")
    kind: ValueKind = "pp" if looks.plan.kind == "rate" else "number"
    title = _title(looks, str(chosen), rows)
    subtitle = messages.text("LOOKS_PLOT.subtitle", {"level": looks.plan.level})
    with drawing():
        drawn = _draw(seen, looks.plan.planned, (title, subtitle), kind)
    fields = [Field("look", "count"), Field("date", "date"), Field("arm", "text"), Field("matured", "count")]
    fields += [Field(name, kind) for name in ("difference", "low", "high")] + [Field("decision", "text")]
    told = [(str(row["matured"]), brief(row["difference"], kind)) for row in seen]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=Records.from_rows(fields, rows),
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _title(looks: Looks, arm: str, rows: list[dict[str, Any]]) -> str:
    decided = next((row for row in rows if row["decision"] in _DECIDED), None)
    values: dict[str, object] = {
        "metric": shortened(looks.plan.metric, 200, TITLE), "arm": shortened(arm, 150, TITLE),
        "control": shortened(looks.plan.control, 150, TITLE), "planned": looks.plan.planned,
        "matured": rows[-1]["matured"] if decided is None else decided["matured"],
    }  # fmt: skip
    return messages.text(f"LOOKS_PLOT.{'open' if decided is None else decided['decision']}", values)


def _draw(rows: list[dict[str, Any]], planned: int, texts: tuple[str, str], kind: ValueKind) -> Frame:
    factor = 100.0 if kind == "pp" else 1.0
    x = [float(row["matured"]) for row in rows]
    ends = [factor * row[end] for row in rows for end in ("low", "high") if row[end] is not None]
    y = [factor * row["difference"] for row in rows] + [end for end in ends if math.isfinite(end)]
    across = Axis(name=messages.text("LOOKS_PLOT.matured"), values=[*x, float(planned)], kind="count")
    drawn = frame(texts, across, Axis(name=messages.text(f"FOREST.axis_{kind}"), values=y), labelled=False)
    known = [row for row in rows if row["low"] is not None and row["high"] is not None]
    if len(known) > 1:
        places = [float(row["matured"]) for row in known]
        low, high = ([factor * row[end] for row in known] for end in ("low", "high"))
        drawn.band(places, low, high, color=ACCENT)
    at = drawn.x(float(planned))
    drawn.sheet.line([at, at], [drawn.y(drawn.y.low), drawn.y(drawn.y.high)], color=MUTED, width=1.2, dashes=(4, 3))
    drawn.sheet.line(
        [drawn.x(value) for value in x], [drawn.y(factor * row["difference"]) for row in rows], color=ACCENT
    )
    for row, place in zip(rows, x, strict=True):
        color, middle = CONTRAST if row["decision"] == "lower" else ACCENT, drawn.y(factor * row["difference"])
        if row["low"] is not None and row["high"] is not None:
            tops = [drawn.y(min(max(factor * row[end], drawn.y.low), drawn.y.high)) for end in ("low", "high")]
            drawn.sheet.line([drawn.x(place)] * 2, tops, color=color, width=1.6)
        shape = "D" if row["decision"] in _DECIDED else "o"
        drawn.sheet.mark(drawn.x(place), middle, shape, color=color, hollow=row["low"] is None, size=8.0)
    return drawn
