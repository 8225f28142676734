"""The distribution of an outcome by arm, as the share of persons above each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.plots.numbers import brief, in_words
from attribution.plots.palette import tint
from attribution.plots.plot import Plot
from attribution.plots.sheet import TITLE, drawing, shortened
from experiments.moments import value_counts
from experiments.moments.one_row_each import note_repeated_persons
from experiments.plots.frame import Axis, Series, dashes_of, frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.moments import ValueCounts

__all__ = ["plot_distribution"]

_POINTS = 240


def plot_distribution(outcomes: object, column: str, *, arm: str = "arm", share: float = 0.99) -> Plot:
    """Draw the share of persons above each value, one line per arm.

    For the outcomes of dormant customers, of whom nearly all are 0, the line's height at 0 is the rate, and its tail
    shows where the money is. The values above a pooled quantile are not drawn; the foot says how far they reach.

    Args:
        outcomes: The outcomes, one row per person.
        column: The numeric column.
        arm: Column of the arm.
        share: Share of the persons with a value other than 0 whose values are drawn.

    Returns:
        The plot; its data are arm, value and share_above at the points drawn.

    Raises:
        InputError: For a share outside (0, 1], or a column without any value.
        TableError: For a missing column, one that holds no numbers, or a `person_id` that repeats; without that column
            each row is taken for a person.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> plot = ex.plot_distribution(c.outcomes, "value")
        >>> sorted(plot.table())
        ['arm', 'share_above', 'value']
    """
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 < share <= 1:
        raise InputError(f"share must lie above 0 and be at most 1, got {share!r}.")
    table = open_table(outcomes, "outcomes", Columns(arm=arm), problems=Problems())
    note_repeated_persons(table)
    counts = value_counts(table, keys=(arm,), columns=(column,))
    table.problems.raise_if_any()
    if counts is None or not (~np.isnan(counts.values[0])).any():
        raise InputError(f"the column {column!r} has no values to draw.")
    points, end, ratios = _points(counts, share)
    arms = [str(cell[0]) for cell in counts.cells]
    above = [_share_above(counts, place, points) for place in range(len(arms))]
    series = [
        Series(label=name, x=points.tolist(), y=line.tolist(), color=tint(i), dashes=dashes_of(i))
        for i, (name, line) in enumerate(zip(arms, above, strict=True))
    ]
    title = messages.text("DISTRIBUTION.title", {"column": shortened(column, 300, TITLE)})
    subtitle = messages.text("DISTRIBUTION.subtitle")
    largest = float(np.nanmax(counts.values[0]))
    foot = [messages.text("DISTRIBUTION.beyond", {"end": end, "largest": largest})] if largest > end else []
    with drawing():
        heights = [0.0, float(max(line.max() for line in above))]
        across = Axis(name=shortened(column, 300), values=points.tolist(), logarithmic=ratios)
        up = Axis(name=messages.text("DISTRIBUTION.axis"), values=heights, kind="rate")
        drawn = frame((title, subtitle), across, up, foot=foot, keyed=series)
        drawn.key(series)
        drawn.lines(series, steps=True, named=False)
    rows = [
        {"arm": name, "value": value, "share_above": height}
        for name, line in zip(arms, above, strict=True)
        for value, height in zip(points.tolist(), line.tolist(), strict=True)
    ]
    told = [(name, brief(float(line[0]), "rate")) for name, line in zip(arms, above, strict=True)]
    return Plot(
        title=title,
        subtitle=subtitle,
        description=in_words(title, told),
        records=Records.from_rows([Field("arm", "text"), Field("value"), Field("share_above", "rate")], rows),
        figure=drawn.sheet.figure,
    )


def _points(counts: ValueCounts, share: float) -> tuple[NDArray[np.float64], float, bool]:
    """Where the lines are drawn, the last of these places, and whether the places are equal ratios apart."""
    values = counts.values[0]
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    x, weight = values[known][order], counts.count[known][order].astype(np.float64)
    busy = x != 0.0
    if not busy.any():
        return np.array([0.0, 1.0]), 1.0, False
    reached = np.cumsum(weight[busy]) / weight[busy].sum()
    first, end = (float(x[busy][np.searchsorted(reached, part)]) for part in (1.0 - share, share))
    if x[0] >= 0.0 and end > 20.0 * first > 0.0:  # amounts of several sizes
        return np.geomspace(first, end, _POINTS), end, True
    start = min(0.0, float(x[0]))
    return np.linspace(start, max(end, start + 1e-12), _POINTS), end, False


def _share_above(counts: ValueCounts, place: int, points: NDArray[np.float64]) -> NDArray[np.float64]:
    values = counts.values[0]
    chosen = (counts.cell == place) & ~np.isnan(values)
    order = np.argsort(values[chosen], kind="stable")
    x, weight = values[chosen][order], counts.count[chosen][order].astype(np.float64)
    total = weight.sum()
    if total == 0.0:
        return np.zeros(len(points))
    below = np.concatenate([[0.0], np.cumsum(weight)])[np.searchsorted(x, points, side="right")]
    return np.asarray(1.0 - below / total, dtype=np.float64)
