"""Moments arranged as strata by arms, and clusters collapsed into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.moments.centred import Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.moments.counted import Counts, Floats

__all__ = ["Grid", "arrange", "collapse"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """The moments of one metric as strata by arms.

    Attributes:
        strata: The strata, as key values.
        arms: The arms, sorted.
        labels: Names of the coordinates.
        persons: Persons, with or without a value; strata by arms.
        n: Persons that count; strata by arms.
        means: Means; strata by arms by coordinates, nan where nobody counts.
        products: Centred sums of products; strata by arms by coordinates by coordinates.
        cubes: Sums of cubed deviations of the first coordinate; strata by arms.
        smallest: Smallest value of the first coordinate; strata by arms.
        largest: Largest value of the first coordinate; strata by arms.
    """

    strata: tuple[tuple[object, ...], ...]
    arms: tuple[object, ...]
    labels: tuple[str, ...]
    persons: Counts
    n: Counts
    means: Floats
    products: Floats
    cubes: Floats
    smallest: Floats
    largest: Floats

    @property
    def covariance(self) -> Floats:
        """Sample covariances (n - 1) of the coordinates; nan where fewer than two persons count."""
        freedom = np.where(self.n > 1, self.n - 1.0, np.nan)
        return self.products / freedom[:, :, None, None]

    def keep(self, rows: NDArray[np.bool_]) -> Grid:
        """The grid of some of the strata."""
        return Grid(
            strata=tuple(stratum for stratum, kept in zip(self.strata, rows, strict=True) if kept),
            arms=self.arms,
            labels=self.labels,
            **{name: getattr(self, name)[rows] for name in _ARRAYS},
        )


_ARRAYS = ("persons", "n", "means", "products", "cubes", "smallest", "largest")


def arrange(moments: Moments) -> Grid:
    """Arrange moments whose last key is the arm; a cell without persons has n = 0."""
    arms = tuple(sorted({cell[-1] for cell in moments.cells}, key=str))
    strata = tuple(dict.fromkeys(cell[:-1] for cell in moments.cells))
    row_of, column_of = ({value: i for i, value in enumerate(values)} for values in (strata, arms))
    rows = np.array([row_of[cell[:-1]] for cell in moments.cells], dtype=np.int64)
    columns = np.array([column_of[cell[-1]] for cell in moments.cells], dtype=np.int64)
    tables = {}
    for name in _ARRAYS:
        given = getattr(moments, name)
        empty = np.nan if name in ("means", "smallest", "largest") else 0
        tables[name] = np.full((len(strata), len(arms), *given.shape[1:]), empty, dtype=given.dtype)
        tables[name][rows, columns] = given
    return Grid(strata=strata, arms=arms, labels=moments.labels, **tables)


def collapse(moments: Moments, keys: int) -> Moments:
    """The moments by the first ``keys`` key columns only.

    Args:
        moments: Moments by more key columns, such as strata, arm and cluster.
        keys: How many of the first key columns stay.
    """
    cells = tuple(dict.fromkeys(cell[:keys] for cell in moments.cells))
    place = {cell: position for position, cell in enumerate(cells)}
    where = np.array([place[cell[:keys]] for cell in moments.cells], dtype=np.int64)
    size, weight = len(cells), moments.n.astype(np.float64)

    def total(part: NDArray[np.generic]) -> Floats:
        summed = np.zeros((size, *part.shape[1:]))
        np.add.at(summed, where, part)
        return summed

    n, known = total(weight), np.where(moments.n[:, None] > 0, moments.means, 0.0)
    divisor = np.where(n > 0, n, np.nan)[:, None]
    means = total(weight[:, None] * known) / divisor
    gap = np.where(moments.n[:, None] > 0, known - means[where], 0.0)
    means = means + total(weight[:, None] * gap) / divisor
    gap = np.where(moments.n[:, None] > 0, known - means[where], 0.0)
    first = gap[:, 0]
    smallest, largest = np.full(size, np.nan), np.full(size, np.nan)
    np.fmin.at(smallest, where, moments.smallest)
    np.fmax.at(largest, where, moments.largest)
    blind = where[(moments.n > 0) & np.isnan(moments.smallest)]  # extremes that were left out
    smallest[blind] = largest[blind] = np.nan
    return Moments(
        names=moments.names[:keys],
        cells=cells,
        labels=moments.labels,
        persons=total(moments.persons).astype(np.int64),
        observed=total(moments.observed).astype(np.int64),
        n=n.astype(np.int64),
        means=means,
        products=total(moments.products + weight[:, None, None] * gap[:, :, None] * gap[:, None, :]),
        cubes=total(moments.cubes + 3.0 * first * moments.squares + weight * first**3),
        smallest=smallest,
        largest=largest,
        strange=moments.strange,
    )
