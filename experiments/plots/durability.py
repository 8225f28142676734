"""The share returned by arm, day by day."""

from __future__ import annotations

from itertools import groupby

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import MUTED, TINTS, tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import TITLE, drawing, shortened
from experiments.plots.frame import Axis, Frame, Series, dashes_of, frame
from experiments.wakeup.durability import Durability

__all__ = ["plot_durability"]


def plot_durability(durability: Durability) -> Plot:
    """Draw the cumulative share returned of every arm with its pointwise limits; the control is grey.

    Args:
        durability: The durability.

    Returns:
        The plot; its data are the points of the curves.

    Raises:
        InputError: For something else, more arms than colours, or conversions that reach no day.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=6_000, seed=7)
        >>> found = ex.durability(c.assignment, c.conversions, days=(14, 28), as_of=c.as_of)
        >>> ex.plot_durability(found).subtitle
        'Share of everybody assigned who have returned by that day (Kaplan-Meier), with limits at 95%'
    """
    if not isinstance(durability, Durability):
        raise InputError(
            f"plot_durability needs a durability, got {type(durability).__name__}. Pass ex.durability(...)."
        )
    rows = durability.curve.to_dicts()
    arms = [(name, list(held)) for name, held in groupby(rows, key=lambda row: str(row["arm"]))]
    if len(arms) > len(TINTS) + 1:
        raise InputError(f"a picture holds at most {len(TINTS)} arms and the control, got {len(arms) - 1}.")
    settings = durability.recipe.settings
    day = float(rows[-1]["day"])
    if not day:
        raise InputError(
            "no day of the curve is known: the conversions end before the first one. Complete them, or set as_of to "
            "the day up to which they are complete."
        )
    last = {name: float(held[-1]["share_returned"]) for name, held in arms}
    most = max((name for name in last if name != str(settings["control"])), key=lambda name: last[name])
    values = {
        "day": int(day), "arm": shortened(most, 160, TITLE), "share": brief(last[most], "rate"),
        "control": shortened(str(settings["control"]), 160, TITLE),
        "share_control": brief(last[str(settings["control"])], "rate"),
    }  # fmt: skip
    title = messages.text("DURABILITY_PLOT.title", values)
    subtitle = messages.text("DURABILITY_PLOT.subtitle", {"level": settings["level"]})
    with drawing():
        ends = [100.0 * float(row["high"]) for row in rows]
        across = Axis(name=messages.text("DURABILITY_PLOT.day"), values=[float(row["day"]) for row in rows])
        drawn = frame((title, subtitle), across, Axis(name=messages.text("DURABILITY_PLOT.share"), values=[0.0, *ends]))
        series = [_series(drawn, place, name, held) for place, (name, held) in enumerate(arms)]
        drawn.lines(series, steps=True)
    told = [(name, brief(share, "rate")) for name, share in last.items()]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=durability.curve,
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _series(drawn: Frame, place: int, name: str, rows: list[dict[str, float]]) -> Series:
    """The line of an arm, after its band has been drawn."""
    color = MUTED if place == 0 else tint(place - 1)  # the control comes first
    days = [row["day"] for row in rows]
    shares, low, high = ([100.0 * row[column] for row in rows] for column in ("share_returned", "low", "high"))
    # A band of steps, as the line: between two days nothing is interpolated.
    edges = [day for day in days for _ in range(2)][1:]
    drawn.band(edges, *([end for end in ends for _ in range(2)][:-1] for ends in (low, high)), color=color)
    return Series(label=name, x=days, y=shares, color=color, dashes=dashes_of(place))
