"""Quantiles per arm and their comparison, with Woodruff's variance; undefined where many persons share the value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Comparison, check_level, check_side
from experiments.inference.figures import ArmFigures, compare_figures
from experiments.inference.values import checked_labels, checked_values, paired_strata

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats
    from experiments.moments.grid import Grid
    from experiments.moments.rows import MetricRows

__all__ = ["Spread", "arm_quantile", "compare_quantiles", "quantile_figures", "quantile_of"]

_Z = 1.959963984540054  # half-width of the window of ranks, in standard errors
_EXACT = 1e-12
_FEW_STRATA = 32  # strata up to which the persons of each are counted on their own
_ATOM = 0.5  # share of the window of ranks that one value may hold


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spread:
    """The values of one arm as a weighted distribution over strata.

    Attributes:
        value: Distinct rows, in rising order of value.
        count: Persons of each row.
        stratum: Index of the stratum of each row.
        cluster: Index of the cluster of each row, unique over the arm; None where persons were assigned one by one.
        weights: Weight of each stratum; they sum to 1.
    """

    value: Floats
    count: Floats
    stratum: NDArray[np.int64]
    cluster: NDArray[np.int64] | None
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Figure:
    value: float
    variance: float
    freedom: float
    note: str


def compare_quantiles(  # noqa: PLR0913 - the options of a public function, keyword-only
    values: ArrayLike,
    control_values: ArrayLike,
    *,
    q: float = 0.5,
    strata: ArrayLike | None = None,
    control_strata: ArrayLike | None = None,
    level: float = 0.95,
    side: Side = "two",
) -> Comparison:
    """Compare a quantile of two independent groups.

    Estimand: the q-quantile of the treated group's values minus that of the control group's, which is not the
    q-quantile of the persons' own effects. The quantile is the smallest value at or below which a share q of the
    persons lies, the midpoint to the next one where that share is met exactly (for q = 0.5 the usual median). With
    strata it is the quantile of the distribution in which every stratum weighs as its share of all persons.

    The variance is Woodruff's: the ranks q - z s and q + z s, z = 1.96 and s the standard error of the share at the
    quantile, are read back as values, and their distance is 2 z standard errors. Its degrees of freedom are half the
    persons between those ranks. The relative lift is Fieller's set with the same t, so both readings agree.

    Args:
        values: Values of the treated group, one per person.
        control_values: Values of the control group.
        q: Share, strictly between 0 and 1.
        strata: Stratum of every treated person, fixed before the assignment; None: no strata.
        control_strata: Stratum of every control person.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).

    Returns:
        The comparison. Notes: ATOM (in at least one group one value holds at least half of the window of ranks around
        the quantile: the quantile does not move with the treatment until it jumps), TOO_FEW_PERSONS (the window of
        ranks leaves the data: an interval needs about 4 persons beyond the quantile on each side), and those of
        `compare_means`.

    Raises:
        InputError: A value is no finite number, a group is empty, or q, level or side are not allowed.

    References:
        Woodruff (1952), Journal of the American Statistical Association 47:635. Francisco and Fuller (1991), Annals of
        Statistics 19:454. Hyndman and Fan (1996), The American Statistician 50:361 (definition 2).

    Verified against R's survey::svyquantile and quantile(type = 2), and by simulation; see docs/methods/quantiles.md.

    Example:
        >>> found = compare_quantiles(range(10, 210), range(200))
        >>> found.treatment, found.control, found.difference.value
        (109.5, 99.5, 10.0)
        >>> compare_quantiles([0] * 98 + [5, 9], [0] * 99 + [4]).difference.note
        'UNDEFINED; ATOM'
    """
    level, side, q = check_level(level), check_side(side), checked_share(q)
    groups = [checked_values("values", values), checked_values("control_values", control_values)]
    given = [
        checked_labels("strata", strata, len(groups[0])),
        checked_labels("control_strata", control_strata, len(groups[1])),
    ]
    codes, weights = paired_strata(given, [np.ones(len(group), np.int64) for group in groups])
    parts = [arm_quantile(_counted(group, code, weights), q) for group, code in zip(groups, codes, strict=True)]
    return compare_figures(
        _figures(parts, [len(group) for group in groups], len(weights)), 0, 1, level=level, side=side
    )


def checked_share(q: float) -> float:
    """The share of a quantile.

    Raises:
        InputError: It does not lie strictly between 0 and 1.
    """
    if isinstance(q, bool) or not isinstance(q, Real) or not 0.0 < q < 1.0:
        raise InputError(f"q must lie strictly between 0 and 1, got {q!r}. Write 0.5 for the median.")
    return float(q)


def _counted(values: Floats, code: NDArray[np.int64], weights: Floats) -> Spread:
    order = np.lexsort([code, values])
    return Spread(value=values[order], count=np.ones(len(values)), stratum=code[order], cluster=None, weights=weights)


def quantile_figures(rows: MetricRows, grid: Grid, q: float, *, weights: Floats, clustered: bool = False) -> ArmFigures:
    """The q-quantile of every arm, out of counted rows.

    Args:
        rows: The rows of the metric by strata and arm, and by cluster as the last key when `clustered`.
        grid: The strata that count and the arms; rows of other strata are not read.
        q: Share, strictly between 0 and 1.
        weights: Weight of each stratum of the grid; they sum to 1.
        clustered: Whether the last key of the rows is the cluster; the variance then counts clusters.

    Returns:
        One figure per arm; nan with the arm's note ATOM or TOO_FEW_PERSONS where it is undefined.
    """
    q = checked_share(q)
    last = -1 if clustered else None
    place = {stratum: i for i, stratum in enumerate(grid.strata)}
    column = {arm: i for i, arm in enumerate(grid.arms)}
    stratum = np.array([place.get(cell[:last][:-1], -1) for cell in rows.cells], dtype=np.int64)[rows.cell]
    arm = np.array([column.get(cell[:last][-1], -1) for cell in rows.cells], dtype=np.int64)[rows.cell]
    parts = []
    for i in range(len(grid.arms)):
        mine = np.flatnonzero((arm == i) & (stratum >= 0))
        mine = mine[np.argsort(rows.values[mine, 0], kind="stable")]
        cluster = np.unique(rows.cell[mine], return_inverse=True)[1] if clustered else None
        spread = Spread(
            value=rows.values[mine, 0],
            count=rows.count[mine].astype(np.float64),
            stratum=stratum[mine],
            cluster=cluster,
            weights=weights,
        )
        parts.append(arm_quantile(spread, q))
    return _figures(parts, grid.n.sum(axis=0).tolist(), len(weights))


def _figures(parts: list[_Figure], n: list[int], strata: int) -> ArmFigures:
    return ArmFigures(
        value=np.array([part.value for part in parts]),
        covariance=np.diag([part.variance for part in parts]),
        freedom=np.array([part.freedom for part in parts]),
        n=np.array(n, dtype=np.int64),
        method="woodruff" if strata == 1 else "stratified woodruff",
        arm_notes=tuple(part.note for part in parts),
    )


def arm_quantile(spread: Spread, q: float) -> _Figure:
    """A quantile of one arm with Woodruff's variance."""
    if not len(spread.value):
        return _Figure(value=math.nan, variance=math.nan, freedom=0.0, note="TOO_FEW_PERSONS")
    size = len(spread.weights)
    n: Floats = np.bincount(spread.stratum, weights=spread.count, minlength=size).astype(np.float64)
    upto = _upto(spread, n)
    value = quantile_of(spread.value, upto, q)
    error, clusters = _share_error(spread, n, value)
    if math.isnan(error):
        return _Figure(value=value, variance=math.nan, freedom=0.0, note="TOO_FEW_PERSONS")
    window = (max(q - _Z * error, 0.0), min(q + _Z * error, 1.0))
    if _heaviest(spread, upto, window) >= _ATOM * (window[1] - window[0]):
        return _Figure(value=math.nan, variance=math.nan, freedom=0.0, note="ATOM")
    if q - _Z * error <= 0.0 or q + _Z * error >= 1.0:
        return _Figure(value=value, variance=math.nan, freedom=0.0, note="TOO_FEW_PERSONS")
    ends = [quantile_of(spread.value, upto, rank) for rank in window]
    between = float(n.sum()) * (window[1] - window[0])
    return _Figure(
        value=value,
        variance=((ends[1] - ends[0]) / (2.0 * _Z)) ** 2,
        freedom=max(1.0, min(between / 2.0, clusters - 1.0)),
        note="",
    )


def _upto(spread: Spread, n: Floats) -> Floats:
    """Share of the persons up to each value; persons are counted before anything is divided, so rounding never adds."""
    if len(n) == 1:
        return np.asarray(np.cumsum(spread.count) / n[0], dtype=np.float64)
    if len(n) > _FEW_STRATA:  # one pass over all of them, in the longest numbers there are
        mass = spread.count * (spread.weights / np.where(n > 0, n, np.nan))[spread.stratum]
        return np.asarray(np.cumsum(mass, dtype=np.longdouble), dtype=np.float64)
    upto = np.zeros(len(spread.value))
    for k, weight in enumerate(spread.weights):
        upto += np.cumsum(np.where(spread.stratum == k, spread.count, 0.0)) * (weight / n[k] if n[k] > 0 else math.nan)
    return upto


def quantile_of(value: Floats, upto: Floats, q: float) -> float:
    """The q-quantile of sorted values with the shares up to each: the inverse, averaged where q is met exactly."""
    first = min(int(np.searchsorted(upto, q - _EXACT)), len(value) - 1)
    if abs(float(upto[first]) - q) > _EXACT:
        return float(value[first])
    following = min(int(np.searchsorted(upto, float(upto[first]) + _EXACT)), len(value) - 1)
    return float(value[first] + (value[following] - value[first]) / 2.0)


def _share_error(spread: Spread, n: Floats, value: float) -> tuple[float, float]:
    """Standard error of the share of persons below a value, ties half, and how many clusters it rests on."""
    size = len(n)
    low = (spread.value < value) + 0.5 * (spread.value == value)  # ties half: the mirror image has the same error
    share = np.bincount(spread.stratum, weights=spread.count * low, minlength=size) / n
    gap = low - share[spread.stratum]
    if spread.cluster is None:
        squares = np.bincount(spread.stratum, weights=spread.count * gap**2, minlength=size)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.where(n > 1, squares / n / (n - 1.0), np.nan)
        return math.sqrt(float(np.sum(spread.weights**2 * parts))), math.inf
    gap = spread.count * gap
    total = np.bincount(spread.cluster, weights=gap)
    home = np.zeros(len(total), np.int64)
    home[spread.cluster] = spread.stratum
    units = np.bincount(home, minlength=size)
    squares = np.bincount(home, weights=total**2, minlength=size)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(units > 1, units / (units - 1.0) * squares / n**2, np.nan)
    return math.sqrt(float(np.sum(spread.weights**2 * parts))), float(len(total) - size + 1)


def _heaviest(spread: Spread, upto: Floats, window: tuple[float, float]) -> float:
    """The largest share that one value of several persons has inside a window of ranks."""
    starts = np.flatnonzero(np.concatenate([[True], spread.value[1:] != spread.value[:-1]]))
    below = np.concatenate([[0.0], upto[starts[1:] - 1], [1.0]])
    inside = np.minimum(below[1:], window[1]) - np.maximum(below[:-1], window[0])
    return float(np.max(inside, where=np.add.reduceat(spread.count, starts) > 1, initial=0.0))
