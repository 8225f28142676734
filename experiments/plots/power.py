"""Power by the number of persons, one line per effect."""

from __future__ import annotations

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import drawing
from experiments.design.planning.curve import PowerCurve
from experiments.plots.frame import Axis, Series, dashes_of, frame

__all__ = ["plot_power"]


def plot_power(curve: PowerCurve, *, wanted: float = 0.8) -> Plot:
    """Draw the power of a plan by the persons in the control arm, one line per effect.

    Args:
        curve: What `power_curve` gives; at least two sizes.
        wanted: The power that is marked by a dashed line.

    Returns:
        The plot; its data are the rows of the curve.

    Raises:
        InputError: For something that is no power curve, one with a single size, or a wanted power outside (0, 1).

    Example:
        >>> import experiments as ex
        >>> curve = ex.power_curve([0.002, 0.004], [2_000, 5_000, 20_000], control=0.01, allocation=9)
        >>> ex.plot_power(curve).title
        'A power of 80% needs 20,000 persons in the control arm for an effect of 0.4 pp'
    """
    if not isinstance(curve, PowerCurve):
        raise InputError(f"plot_power needs a power curve, got {type(curve).__name__}. Pass ex.power_curve(...).")
    if len(set(curve.sizes)) < 2:
        raise InputError("the power curve has one size only; a line needs at least two.")
    if not isinstance(wanted, float) or not 0.0 < wanted < 1.0:
        raise InputError(f"wanted must lie strictly between 0 and 1, got {wanted!r}.")
    kind = "pp" if curve.rate else "number"
    places = sorted(range(len(curve.sizes)), key=lambda place: curve.sizes[place])
    sizes = [curve.sizes[place] for place in places]
    series = [
        Series(
            label=brief(effect, kind), x=sizes, y=[line[place] for place in places], color=tint(i),
            dashes=dashes_of(i),
        )
        for i, (effect, line) in enumerate(zip(curve.effects, curve.power, strict=True))
    ]  # fmt: skip
    title = _title(series, wanted)
    subtitle = messages.text("POWER_PLOT.subtitle", {"method": curve.method, "allocation": curve.allocation})
    with drawing():
        across = Axis(name=messages.text("POWER_PLOT.persons"), values=sizes, kind="count")
        up = Axis(name=messages.text("POWER_PLOT.power"), values=[0.0, 1.0], kind="rate")
        drawn = frame((title, subtitle), across, up)
        drawn.level(wanted, brief(wanted, "rate"))
        drawn.lines(series)
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, [(line.label, brief(line.y[-1], "rate")) for line in series]),
        records=curve._records(),  # noqa: SLF001 - the data of the plot are the rows of the curve
        figure=drawn.sheet.figure,
    )


def _title(series: list[Series], wanted: float) -> str:
    """The first size of the grid at which the smallest effect that reaches the wanted power does so."""
    for line in sorted(series, key=lambda one: max(one.y)):
        reached = [size for size, power in zip(line.x, line.y, strict=True) if power >= wanted]
        if reached:
            values = {"power": brief(wanted, "rate"), "n": reached[0], "effect": line.label}
            return messages.text("POWER_PLOT.title", values)
    return messages.text("POWER_PLOT.never", {"power": brief(wanted, "rate"), "n": max(series[0].x)})
