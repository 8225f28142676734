"""Units that are drawn again: persons or clusters, as distinct rows with counts, and what a statistic needs of them.

A mean, a ratio of sums and their variances depend on a sample through a few sums alone. Drawing units again is then
drawing how often each distinct unit occurs, and a replicate is one product of counts with a small table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.inference.figures import Floats

__all__ = ["Layout", "Units", "arm_values", "column_units", "features", "gather", "gather_marked", "person_means"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Units:
    """The units of one arm in one stratum.

    Attributes:
        totals: Sum over the persons of a unit of (value - centre), distinct units by measured columns.
        persons: Persons of each distinct unit.
        count: How many units are alike.
    """

    totals: Floats
    persons: Floats
    count: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of units."""
        return int(self.count.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which sums of the units are kept.

    Attributes:
        measured: Measured columns: 1 for a mean, 2 for a ratio.
        persons: Whether units hold different numbers of persons (clusters, or a random number of draws).
        squares: Whether products of the sums are kept too, for a variance.
    """

    measured: int
    persons: bool
    squares: bool

    @property
    def wide(self) -> int:
        """Number of coordinates before the products."""
        return self.measured + self.persons

    @property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The coordinates of each product."""
        first, second = np.triu_indices(self.wide)
        return first.astype(np.int64), second.astype(np.int64)


def person_means(values: Sequence[Floats], counts: Sequence[NDArray[np.int64]]) -> Floats:
    """Mean of each measured column over all persons; taken off before anything is squared."""
    stacked, weight = np.concatenate(values), np.concatenate(counts).astype(np.float64)
    total = float(weight.sum())
    centre = (weight @ stacked) / total
    return np.asarray(centre + (weight @ (stacked - centre)) / total, dtype=np.float64)


def column_units(values: Sequence[Floats]) -> Floats:
    """A power of two near the largest value of each column: values in these units can be squared without overflow.

    Dividing by a power of two changes no digit.
    """
    largest = np.max([np.abs(part).max(axis=0) for part in values], axis=0)
    exponent = np.frexp(np.where(largest > 0.0, largest, 1.0))[1]
    return np.asarray(np.ldexp(1.0, np.clip(exponent, -1000, 1000)), dtype=np.float64)


def gather(values: Floats, count: NDArray[np.int64], cluster: NDArray[np.int64] | None, *, centre: Floats) -> Units:
    """The distinct units of one arm in one stratum, in an order that does not depend on the rows' order.

    Args:
        values: Values of the persons, rows by measured columns.
        count: Persons of each row.
        cluster: Cluster of each row; None where persons are the units.
        centre: What is taken off each measured column.
    """
    return gather_marked(values, count, cluster, np.zeros(len(values), bool), centre=centre)[0]


def gather_marked(
    values: Floats,
    count: NDArray[np.int64],
    cluster: NDArray[np.int64] | None,
    marked: NDArray[np.bool_],
    *,
    centre: Floats,
) -> tuple[Units, NDArray[np.int64]]:
    """As `gather`, with how many of each distinct unit are marked; a mark is the same all over a cluster."""
    keys = [values[:, i] for i in reversed(range(values.shape[1]))]
    order = np.lexsort(keys if cluster is None else [*keys, cluster])
    values, count, marked = values[order] - centre, count[order], marked[order]
    persons: Floats = np.ones(len(values))
    if cluster is not None:
        home = cluster[order]
        starts = np.flatnonzero(np.concatenate([[True], home[1:] != home[:-1]]))
        values = np.add.reduceat(values * count[:, None], starts, axis=0)
        persons = np.add.reduceat(count, starts).astype(np.float64)
        count, marked = np.ones(len(starts), np.int64), marked[starts]
        order = np.lexsort([persons, *(values[:, i] for i in reversed(range(values.shape[1])))])
        values, persons, marked = values[order], persons[order], marked[order]
    changed = np.any(values[1:] != values[:-1], axis=1) | (persons[1:] != persons[:-1])
    starts = np.flatnonzero(np.concatenate([[True], changed]))
    units = Units(totals=values[starts], persons=persons[starts], count=np.add.reduceat(count, starts))
    return units, np.add.reduceat(count * marked, starts)


def features(units: Units, layout: Layout) -> Floats:
    """The table that counts are multiplied with: totals, persons, and their products."""
    coordinates = np.column_stack([units.totals, units.persons]) if layout.persons else units.totals
    if not layout.squares:
        return np.ascontiguousarray(coordinates)
    first, second = layout.pairs
    return np.column_stack([coordinates, coordinates[:, first] * coordinates[:, second]])


def arm_values(
    sums: Floats, layout: Layout, *, size: NDArray[np.int64], weights: Floats, centre: Floats
) -> tuple[Floats, Floats, Floats]:
    """The statistic of an arm in every replicate, out of its sums.

    A mean is the weighted mean of the strata's means per person; a ratio is the ratio of two such means.

    Args:
        sums: Sums of the `features`, replicates by strata by features.
        layout: What the features are.
        size: Units of each stratum.
        weights: Weight of each stratum; they sum to 1.
        centre: What was taken off the measured columns.

    Returns:
        The statistic (of a mean: minus the centre), its squared standard error (nan without squares, or where a
        stratum has fewer than two units) and the denominator of a ratio (1 for a mean).
    """
    wide, measured = layout.wide, layout.measured
    persons = sums[..., measured] if layout.persons else np.broadcast_to(size, sums.shape[:2]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums[..., :measured] / persons[..., None]
        middle = np.einsum("s,bsm->bm", weights, means)
        bottom = np.ones(len(sums)) if measured == 1 else centre[1] + middle[:, 1]
        value = middle[:, 0] if measured == 1 else (centre[0] + middle[:, 0]) / bottom
        if not layout.squares:
            return value, np.full(len(sums), np.nan), bottom
        form = np.ones((len(sums), 1)) if measured == 1 else np.column_stack([np.ones(len(sums)), -value])
        level = np.einsum("bm,bsm->bs", form, means)
        first, second = layout.pairs
        vector = np.broadcast_to(form[:, None, :], (*sums.shape[:2], measured))
        if layout.persons:
            vector = np.concatenate([vector, -level[..., None]], axis=2)
        double = np.where(first == second, 1.0, 2.0)
        squares = np.sum(sums[..., wide:] * double * vector[..., first] * vector[..., second], axis=2)
        if not layout.persons:
            squares = squares - size * level**2
        units = np.where(size > 1, size / (size - 1.0), np.nan)
        parts = weights**2 * units * np.maximum(squares, 0.0) / persons**2
        return value, np.sum(parts, axis=1) / bottom**2, bottom
