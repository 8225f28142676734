"""Uplift and profit curves with their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, MUTED
from attribution.plots.plot import Plot
from attribution.plots.sheet import TITLE, drawing, shortened
from experiments.plots.frame import Axis, Series, frame
from experiments.uplift.curve_result import UpliftCurve

if TYPE_CHECKING:
    from attribution.core.formats import ValueKind

__all__ = ["plot_uplift"]


def plot_uplift(curve: UpliftCurve) -> Plot:
    """Draw an uplift or profit curve: the gain of treating the top share, its band, and the line of a random order.

    Args:
        curve: The curve.

    Returns:
        The plot; its data are the rows of the curve.

    Raises:
        InputError: For something that is no curve, or a curve without any gain.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> ex.plot_uplift(ex.uplift_curve(c.outcomes, "n_invest", arm="full")).title
        'Uplift curve of n_invest: full against holdout (95%)'
    """
    if not isinstance(curve, UpliftCurve):
        raise InputError(f"plot_uplift needs a curve by uplift_curve or profit_curve, got {type(curve).__name__}.")
    rows = [row for row in curve.to_dicts() if row["gain_per_1000"] is not None]
    if len(rows) < 2:
        raise InputError("an arm has fewer than two persons, so the curve has no gain to draw.")
    banded = [row for row in rows if row["band_low"] is not None]
    kind: ValueKind = "money" if curve.kind == "profit" else "number"
    settings = curve.recipe.settings
    values = {
        "name": shortened(curve.title, 300, TITLE), "level": curve.numbers.level,
        "arm": shortened(str(settings["arm"]), 150, TITLE), "control": shortened(str(settings["control"]), 150, TITLE),
    }  # fmt: skip
    title = messages.text(f"UPLIFT.TITLE.{curve.kind}", values)
    subtitle = messages.text("UPLIFT.SUBTITLE", values)
    share = [float(row["share"]) for row in rows]
    gain = [float(row["gain_per_1000"]) for row in rows]
    low, high = ([float(row[end]) for row in banded] for end in ("band_low", "band_high"))
    straight = [float(row["random_per_1000"]) for row in rows]
    with drawing():
        up = Axis(name=messages.text(f"UPLIFT.GAIN.{curve.kind}"), values=[*gain, *low, *high, 0.0], kind=kind)
        across = Axis(name=messages.text("UPLIFT.SHARE"), values=[0.0, 1.0], kind="rate")
        lines = [
            Series(label=messages.text("UPLIFT.RANDOM"), x=share, y=straight, color=MUTED, dashes=(4.0, 3.0)),
            Series(label=curve.title, x=share, y=gain, color=ACCENT),
        ]
        drawn = frame((title, subtitle), across, up)
        drawn.band([float(row["share"]) for row in banded], low, high, color=ACCENT)
        drawn.lines(lines)
    told = [
        (brief(row["share"], "rate"), brief(row["gain_per_1000"], kind)) for row in rows[:: max(len(rows) // 10, 1)]
    ]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told),
        records=curve.records, figure=drawn.sheet.figure,
    )  # fmt: skip
