"""The series of thresholds as pictures: net benefit over the value of a woken customer, and how sure its sign is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import MUTED, tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import SMALL, drawing, text_width
from experiments.plots.frame import Axis, Series, dashes_of, frame
from experiments.roi.acceptability import AcceptabilityCurve, default_grid
from experiments.roi.result import CostThresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.records import Records
    from experiments.plots.frame import Frame

__all__ = ["plot_acceptability", "plot_net_benefit"]

_MOST = 8  # lines that can still be told apart


def plot_net_benefit(pays: CostThresholds, *, thresholds: Sequence[float] | None = None) -> Plot:
    """Draw each contrast's net benefit per 1,000 persons over the value of a woken customer, with its interval.

    Where a band lies wholly above 0 the contrast passes, where it lies wholly below it fails; the declared thresholds
    are vertical lines. The bands are those of the single rows, before the adjustment for many verdicts.

    Args:
        pays: The result of `cost_thresholds`.
        thresholds: Values of a woken customer; None: 61 from 0 to twice the largest amount of interest.

    Returns:
        The plot; its data are `CostThresholds.curve`.

    Raises:
        InputError: For something else than such a result, fewer than two thresholds, or more than eight contrasts.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> rows = [("sms", 1, 20.2)] * 160 + [("sms", 0, 0.2)] * 3840
        >>> rows += [("holdout", 1, 0.0)] * 80 + [("holdout", 0, 0.0)] * 3920
        >>> table = pd.DataFrame(rows, columns=["arm", "woken", "cost"]).assign(person_id=range(8_000))
        >>> ex.plot_net_benefit(ex.cost_thresholds(table, thresholds=[60, 85])).title
        'Net benefit over the value of a woken customer: sms vs holdout'
    """
    if not isinstance(pays, CostThresholds):
        raise InputError(f"plot_net_benefit needs the result of cost_thresholds, got {type(pays).__name__}.")
    grid = _grid(default_grid(pays.judged) if thresholds is None else thresholds)
    curve = pays.curve(grid)
    groups = _groups(curve)
    names = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")
    values = [row[name] for rows in groups.values() for row in rows for name in names]
    known = [value for value in values if value is not None and math.isfinite(value)]
    marks = sorted({row.threshold for row in pays.judged})
    title = messages.text("NET_BENEFIT_PLOT.title", {"contrasts": messages.text("NET_BENEFIT_PLOT.join").join(groups)})
    subtitle = messages.text("NET_BENEFIT_PLOT.subtitle", {"level": pays.level})
    series = _series(groups, "net_benefit_per_1000")
    with drawing():
        drawn = frame(
            (title, subtitle),
            Axis(name=messages.text("NET_BENEFIT_PLOT.x"), values=grid, kind="money"),
            Axis(name=messages.text("NET_BENEFIT_PLOT.y"), values=[*known, 0.0], kind="money"),
            keyed=series,
        )
        for line, rows in zip(series, groups.values(), strict=True):
            low, high = ([_finite(row[name], drawn) for row in rows] for name in names[1:])
            drawn.band(line.x, low, high, color=line.color)
        _marks(drawn, marks)
        drawn.lines(series, named=False)
        drawn.key(series)
    told = [(f"{name}, {brief(at, 'money')}", brief(value, "money"))
            for name, rows in groups.items() for at in marks
            if (value := _at(rows, at, names[0])) is not None]  # fmt: skip
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=curve, figure=drawn.sheet.figure
    )


def plot_acceptability(curve: AcceptabilityCurve | CostThresholds) -> Plot:
    """Draw one minus the one-sided p-value of "it does not pay" over the value of a woken customer.

    A confidence curve, not a probability that the contrast pays: no prior enters it. The dashed lines across are where
    the two-sided 95 % interval begins to exclude 0; the declared thresholds are vertical lines.

    Args:
        curve: The result of `CostThresholds.acceptability`, or of `cost_thresholds`.

    Returns:
        The plot; its data are the curve's.

    Raises:
        InputError: For something else, a curve of fewer than two thresholds, or more than eight contrasts.

    Example:
        >>> import pandas as pd, experiments as ex
        >>> rows = [("sms", 1, 20.2)] * 160 + [("sms", 0, 0.2)] * 3840
        >>> rows += [("holdout", 1, 0.0)] * 80 + [("holdout", 0, 0.0)] * 3920
        >>> table = pd.DataFrame(rows, columns=["arm", "woken", "cost"]).assign(person_id=range(8_000))
        >>> ex.plot_acceptability(ex.cost_thresholds(table, thresholds=[60, 85])).title
        'How strongly the data speak for a positive net benefit: sms vs holdout'
    """
    found = curve.acceptability() if isinstance(curve, CostThresholds) else curve
    if not isinstance(found, AcceptabilityCurve):
        raise InputError(f"plot_acceptability needs an acceptability curve, got {type(curve).__name__}.")
    groups = _groups(found.records)
    grid = _grid([row["threshold"] for row in next(iter(groups.values()))])
    title = messages.text(
        "ACCEPTABILITY_PLOT.title", {"contrasts": messages.text("NET_BENEFIT_PLOT.join").join(groups)}
    )
    subtitle = messages.text("ACCEPTABILITY_PLOT.subtitle")
    series = _series(groups, "confidence", factor=100.0)
    with drawing():
        drawn = frame(
            (title, subtitle),
            Axis(name=messages.text("NET_BENEFIT_PLOT.x"), values=grid, kind="money"),
            Axis(name=messages.text("ACCEPTABILITY_PLOT.y"), values=[0.0, 100.0]),
            keyed=series,
        )
        for share in (2.5, 97.5):
            drawn.level(share, f"{share:g} %")
        _marks(drawn, found.thresholds, above=2.5)
        drawn.lines(series, named=False)
        drawn.key(series)
    told = [(f"{name}, {brief(at, 'money')}", brief(100.0 * value, "number"))
            for name, rows in groups.items() for at in found.thresholds
            if (value := _at(rows, at, "confidence")) is not None]  # fmt: skip
    return Plot(
        title=title, subtitle=subtitle, description=in_words(title, told), records=found.records,
        figure=drawn.sheet.figure,
    )  # fmt: skip


def _grid(thresholds: Sequence[float]) -> list[float]:
    grid = sorted({float(threshold) for threshold in thresholds})
    if len(grid) < 2:
        raise InputError(f"a curve needs two thresholds or more, got {thresholds!r}.")
    return grid


def _groups(records: Records) -> dict[str, list[dict[str, Any]]]:
    """The rows of each contrast, by its name."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in records.to_dicts():
        label = messages.text("THRESHOLDS.CONTRAST", {"arm": row["arm"], "control": row["control"]})
        segment = row.get("segment")
        groups.setdefault(label if segment is None else f"{label} · {segment}", []).append(row)
    if not 0 < len(groups) <= _MOST:
        raise InputError(f"a picture holds one to {_MOST} contrasts, got {len(groups)}. Draw the segments one by one.")
    return groups


def _series(groups: dict[str, list[dict[str, Any]]], name: str, *, factor: float = 1.0) -> list[Series]:
    return [
        Series(
            label=label,
            x=[row["threshold"] for row in rows if row[name] is not None],
            y=[factor * row[name] for row in rows if row[name] is not None],
            color=tint(place),
            dashes=dashes_of(place),
        )
        for place, (label, rows) in enumerate(groups.items())
    ]


def _finite(value: float | None, drawn: Frame) -> float:
    """An end of an interval inside the picture."""
    if value is None:
        return 0.0
    return min(max(value, drawn.y.low), drawn.y.high)


def _marks(drawn: Frame, thresholds: Sequence[float], *, above: float | None = None) -> None:
    """The declared thresholds as vertical lines with their amounts, which stand above a level that is drawn across."""
    foot = drawn.y(drawn.y.low if above is None else above) - 8
    ends: list[float] = []  # where the last amount of each row of amounts ends
    for threshold in sorted(thresholds):
        if drawn.x.low <= threshold <= drawn.x.high:
            at, name = drawn.x(threshold), brief(threshold, "money")
            drawn.sheet.line([at, at], [drawn.y(drawn.y.low), drawn.y(drawn.y.high)], color=MUTED, dashes=(2, 3))
            # An amount that would run into the one before stands in the first row where there is room.
            row = next((row for row, end in enumerate(ends) if at + 3 >= end), len(ends))
            ends[row:] = [at + 3 + text_width(name, SMALL) + 4, *ends[row + 1 :]]
            drawn.sheet.text(at + 3, foot - 14 * row, name, size=SMALL, color=MUTED)


def _at(rows: Sequence[dict[str, Any]], threshold: float, name: str) -> float | None:
    return next((row[name] for row in rows if row["threshold"] == threshold), None)
