"""Returns by days of silence, and customers by the order of their acts, as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import ACCENT, CONTRAST, MUTED, SOFT
from attribution.plots.plot import Plot
from attribution.plots.sheet import SMALL, drawing
from experiments.plots.frame import Axis, Frame, Series, frame
from experiments.wakeup.dormancy_result import DormancyCurve, DormancyCut
from experiments.wakeup.nth_purchase_result import NthPurchase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["plot_dormancy", "plot_nth_purchase"]


def plot_dormancy(curve: DormancyCurve, cut: DormancyCut | None = None) -> Plot:
    """Draw the share that returns by days of silence with its band, the second reading, and the cut.

    Args:
        curve: The dormancy curve.
        cut: Its cut, drawn with its interval; None draws none.

    Returns:
        The plot; its data are the rows of the curve.

    Raises:
        InputError: For something else, or a curve without anybody at risk.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=3_000, seed=7)
        >>> curve = ex.dormancy_curve(c.conversions, horizon="7d", as_of=c.as_of, days=[0, 3, 7])
        >>> ex.plot_dormancy(curve).subtitle
        'Share of spells longer than that whose next act falls within 7d, limits at 95%'
    """
    if not isinstance(curve, DormancyCurve):
        raise InputError(f"plot_dormancy needs a dormancy curve, got {type(curve).__name__}. See ex.dormancy_curve.")
    if cut is not None and not isinstance(cut, DormancyCut):
        raise InputError(f"cut must be the cut of the curve, got {type(cut).__name__}. Pass curve.cut(eps).")
    rows = curve.to_dicts()
    seen = [row for row in rows if row["rate"] is not None]
    if not seen:
        raise InputError("nobody is at risk at any of the days, so there is no curve to draw.")
    settings = dict(curve.recipe.settings)
    values = {
        "first": seen[0]["silent_days"], "share": brief(seen[0]["rate"], "rate"), "last": seen[-1]["silent_days"],
        "share_last": brief(seen[-1]["rate"], "rate"),
    }  # fmt: skip
    title = messages.text("DORMANCY_PLOT.title" if len(seen) > 1 else "DORMANCY_PLOT.title_one", values)
    subtitle = messages.text("DORMANCY_PLOT.subtitle", settings)
    with drawing():
        across = Axis(name=messages.text("DORMANCY_PLOT.days"), values=[row["silent_days"] for row in rows])
        tops = [row[name] for row in rows for name in ("high", "km_high") if row[name] is not None]
        up = Axis(name=messages.text("DORMANCY_PLOT.share"), values=[0.0, *tops], kind="rate")
        series = _readings(rows)
        drawn = frame((title, subtitle), across, up, keyed=series, foot=_foot(curve, cut))
        drawn.key(series)
        if len(seen) > 1:
            days = [row["silent_days"] for row in seen]
            drawn.band(days, [row["low"] for row in seen], [row["high"] for row in seen], color=ACCENT)
        if cut is not None:
            _mark_cut(drawn, cut)
        drawn.lines(series, named=False)
        for row in seen:
            drawn.sheet.mark(drawn.x(row["silent_days"]), drawn.y(row["rate"]), "o", color=ACCENT, size=5.0)
    told = [(f"{row['silent_days']:g}", brief(row["rate"], "rate")) for row in seen]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=curve._records(),  # noqa: SLF001 - its own rows
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _readings(rows: list[dict[str, Any]]) -> list[Series]:
    found = []
    for column, label, color, dashes in (
        ("rate", "DORMANCY_PLOT.first", ACCENT, None),
        ("km_rate", "DORMANCY_PLOT.second", CONTRAST, (6.0, 2.5)),
    ):
        known = [row for row in rows if row[column] is not None]
        found.append(Series(
            label=messages.text(label), x=[row["silent_days"] for row in known], y=[row[column] for row in known],
            color=color, dashes=dashes,
        ))  # fmt: skip
    return found


def _foot(curve: DormancyCurve, cut: DormancyCut | None) -> Sequence[str]:
    told = [messages.text("RATE_WEIGHTED")] if curve.weighted else []
    return told if cut is None else [cut.sentence(), *told]


def _mark_cut(drawn: Frame, cut: DormancyCut) -> None:
    """The tolerated share as a level, the cut as a line down, its interval as a bar on the axis."""
    drawn.level(cut.eps, messages.text("DORMANCY_PLOT.eps", {"eps": cut.eps}))
    first, last = drawn.x.low, drawn.x.high
    bottom = drawn.y(drawn.y.low)
    low, high = (
        min(max(float(end if end is not None else last), first), last) for end in (cut.days.low, cut.days.high)
    )
    drawn.sheet.line([drawn.x(low), drawn.x(high)], [bottom, bottom], color=MUTED, width=5.0)
    if cut.days.value is not None:
        at = drawn.x(cut.days.value)
        drawn.sheet.line([at, at], [bottom, drawn.y(cut.eps)], color=MUTED, width=1.2, dashes=(4, 3))


def plot_nth_purchase(found: NthPurchase) -> Plot:
    """Draw customers by their number of acts, cumulated (Pareto), and the share that stops after each act.

    Args:
        found: Customers by the order of their acts.

    Returns:
        The plot; its data are the rows.

    Raises:
        InputError: For something else.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> day = pd.Timestamp("2026-01-01", tz="UTC")
        >>> log = pd.DataFrame({"person_id": ["a", "a", "b", "c"], "time": [day, day + pd.Timedelta("9D"), day, day]})
        >>> ex.plot_nth_purchase(ex.nth_purchase(log, as_of="2026-06-30", silent_after="30d")).title
        '67% of customers have one act only; no step in the share that stops'
    """
    if not isinstance(found, NthPurchase):
        raise InputError(f"plot_nth_purchase needs the result of ex.nth_purchase, got {type(found).__name__}.")
    rows = found.to_dicts()
    step = found.step.nth.value
    values = {"share": brief(rows[0]["share"], "rate"), "nth": 0 if step is None else int(step)}
    falls = (found.step.after or 0.0) < (found.step.before or 0.0)
    title = messages.text(f"PURCHASES_PLOT.{'none' if step is None else 'step' if falls else 'rises'}", values)
    subtitle = messages.text("PURCHASES_PLOT.subtitle", dict(found.recipe.settings))
    judged = [row for row in rows if row["hazard"] is not None]
    series = [
        Series(label=messages.text("PURCHASES_PLOT.hazard"), x=[row["nth"] for row in judged],
               y=[row["hazard"] for row in judged], color=CONTRAST),
        Series(label=messages.text("PURCHASES_PLOT.cumulative"), x=[row["nth"] for row in rows],
               y=[row["cumulative"] for row in rows], color=ACCENT, dashes=(6.0, 2.5)),
    ]  # fmt: skip
    with drawing():
        across = Axis(name=messages.text("PURCHASES_PLOT.nth"), values=[0.0, max(len(rows), 3) + 0.5], kind="count")
        up = Axis(name=messages.text("PURCHASES_PLOT.share"), values=[0.0, 1.0], kind="rate")
        drawn = frame((title, subtitle), across, up, keyed=series)
        drawn.key(series)
        _bars(drawn, rows)
        if len(judged) > 1:
            places = [float(row["nth"]) for row in judged]
            drawn.band(places, [row["low"] for row in judged], [row["high"] for row in judged], color=CONTRAST)
        if step is not None:
            at = drawn.x(step - 0.5)
            drawn.sheet.line([at, at], [drawn.y(0.0), drawn.y(1.0)], color=MUTED, width=1.2, dashes=(4, 3))
            text = messages.text("PURCHASES_PLOT.from", values)
            drawn.sheet.text(at + 6, drawn.y(1.0) + 8, text, size=SMALL, color=MUTED)
        drawn.lines(series, named=False)
        for each in series:
            for across_at, up_at in zip(each.x, each.y, strict=True):
                drawn.sheet.mark(drawn.x(across_at), drawn.y(up_at), "o", color=each.color, size=5.0)
    told = [(f"{row['nth']}", brief(row["hazard"], "rate")) for row in judged]
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=found._records(),  # noqa: SLF001 - its own rows
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _bars(drawn: Frame, rows: list[dict[str, Any]]) -> None:
    """Customers with exactly that many acts, as bars behind the lines."""
    for row in rows:
        left, right = drawn.x(row["nth"] - 0.35), drawn.x(row["nth"] + 0.35)
        top = drawn.y(row["share"])
        drawn.sheet.bar(left, top, right - left, drawn.y(0.0) - top, color=SOFT)
