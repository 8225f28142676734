"""Slopes of the covariates per arm, centred at the mean over all arms: what every adjusted figure is built from.

One regression per arm with an intercept per stratum and slopes common to the strata (Lin 2013 in strata). Everything is
computed from centred moments of covariates that were first shifted to their common mean and scaled to unit spread, so
neither an offset of 1e9 nor the unit of a column matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.errors import DesignError

if TYPE_CHECKING:
    from experiments.moments.grid import Grid

__all__ = ["CellMoments", "Slopes", "fit_slopes", "grid_cells", "kept_covariates", "require_persons"]

Floats = NDArray[np.float64]

_PERSONS_PER_COEFFICIENT = 20
_CONSTANT = 1e-12  # spread relative to the size of the values: below it a column is constant up to rounding
_CONSTANT_IN_ARM = 1e-10  # spread inside an arm relative to the spread over all arms
_COLLINEAR = 1e-9  # share of a covariate's variance that the covariates before it leave


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CellMoments:
    """Centred moments of strata by arms, every coordinate shifted to its mean over all persons.

    Attributes:
        labels: Names of the coordinates.
        measured: How many of them are measured; the others are covariates.
        n: Persons that count; strata by arms.
        shift: What was subtracted from each coordinate.
        means: Means after the shift; strata by arms by coordinates.
        products: Centred sums of products; strata by arms by coordinates by coordinates.
    """

    labels: tuple[str, ...]
    measured: int
    n: Floats
    shift: Floats
    means: Floats
    products: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Slopes:
    """The regression of every arm.

    Attributes:
        columns: Positions of the covariates that are used, among all coordinates.
        scale: Spread that each used covariate was divided by.
        dropped: Label and reason (COVARIATE_CONSTANT, COVARIATE_DROPPED) of the covariates that are not used.
        slopes: Slopes of the scaled covariates; arms by measured coordinates by covariates.
        inverse: Inverse of the centred products of the scaled covariates inside the arm's strata, per arm.
        gap: Weighted mean of the arm's covariates minus that of all arms, scaled; arms by covariates.
        inside: Adjusted mean of each stratum, after the shift; strata by arms by measured coordinates.
        value: Adjusted mean of each arm, without the shift; arms by measured coordinates.
    """

    columns: NDArray[np.int64]
    scale: Floats
    dropped: tuple[tuple[str, str], ...]
    slopes: Floats
    inverse: Floats
    gap: Floats
    inside: Floats
    value: Floats

    @property
    def note(self) -> str:
        """Reason codes of the covariates that were left out."""
        return "; ".join(sorted({reason for _, reason in self.dropped}))


def grid_cells(grid: Grid, measured: int) -> CellMoments:
    """The moments of a grid, shifted."""
    n = grid.n.astype(np.float64)
    known = np.where(grid.n[:, :, None] > 0, grid.means, 0.0)
    shift = np.sum(n[:, :, None] * known, axis=(0, 1)) / max(float(n.sum()), 1.0)
    return CellMoments(
        labels=grid.labels, measured=measured, n=n, shift=shift, means=grid.means - shift, products=grid.products
    )


def kept_covariates(grid: Grid, *, measured: int = 1) -> tuple[str, ...]:
    """Labels of the covariates of a grid that can be used: not constant in an arm and not collinear there."""
    cells = grid_cells(grid, measured)
    columns, _, _ = _usable(cells)
    return tuple(cells.labels[column] for column in columns)


def fit_slopes(cells: CellMoments, weights: Floats) -> Slopes:
    """Fit the regression of every arm.

    Args:
        cells: Moments of strata by arms.
        weights: Weight of each stratum; they sum to 1.
    """
    columns, scale, dropped = _usable(cells)
    wide = cells.measured
    n_all = cells.n.sum(axis=1)
    covariates = cells.means[:, :, columns] / scale
    middle = np.sum(cells.n[:, :, None] * covariates, axis=1) / n_all[:, None]
    away = covariates - middle[:, None, :]
    xx = cells.products[:, :, columns[:, None], columns].sum(axis=0) / (scale[:, None] * scale)
    yx = cells.products[:, :, :wide, columns].sum(axis=0) / scale
    inverse = np.linalg.inv(xx)
    slopes = np.asarray(np.matmul(yx, inverse), dtype=np.float64)
    inside = cells.means[:, :, :wide] - np.einsum("amp,sap->sam", slopes, away)
    return Slopes(
        columns=columns,
        scale=scale,
        dropped=dropped,
        slopes=slopes,
        inverse=inverse,
        gap=np.einsum("s,sap->ap", weights, away),
        inside=inside,
        value=np.einsum("s,sam->am", weights, inside) + cells.shift[:wide],
    )


def require_persons(cells: CellMoments, slopes: Slopes, arms: tuple[object, ...]) -> None:
    """Raise DesignError TOO_FEW_FOR_ADJUSTMENT below 20 persons per coefficient in the smallest arm."""
    coefficients = len(slopes.columns)
    persons = cells.n.sum(axis=0)
    least = _PERSONS_PER_COEFFICIENT * coefficients
    if coefficients and persons.min() < least:
        smallest = int(np.argmin(persons))
        names = ", ".join(cells.labels[column] for column in slopes.columns)
        raise DesignError(
            "TOO_FEW_FOR_ADJUSTMENT",
            f"the arm {str(arms[smallest])!r} has {int(persons[smallest])} persons for {coefficients} coefficient(s) "
            f"of covariates ({names}); at least {_PERSONS_PER_COEFFICIENT} persons per coefficient in the smallest "
            f"arm ({least}) are needed. Declare fewer covariates or none.",
        )


def _usable(cells: CellMoments) -> tuple[NDArray[np.int64], Floats, tuple[tuple[str, str], ...]]:
    """Positions and spreads of the covariates that every arm can use, and why the others cannot be used."""
    kept: list[int] = []
    scales: list[float] = []
    dropped = []
    for column in range(cells.measured, len(cells.labels)):
        scale = _spread(cells, column)
        limit = _CONSTANT * abs(float(cells.shift[column]))
        if not scale > limit or _constant_in_an_arm(cells, column, scale):
            dropped.append((cells.labels[column], "COVARIATE_CONSTANT"))
        elif _collinear(cells, [*kept, column]):
            dropped.append((cells.labels[column], "COVARIATE_DROPPED"))
        else:
            kept.append(column)
            scales.append(scale)
    return np.array(kept, dtype=np.int64), np.array(scales, dtype=np.float64), tuple(dropped)


def _spread(cells: CellMoments, column: int) -> float:
    """Standard deviation over all persons."""
    inside = float(cells.products[:, :, column, column].sum())
    between = float(np.sum(cells.n * cells.means[:, :, column] ** 2))
    return float(np.sqrt((inside + between) / max(float(cells.n.sum()), 1.0)))


def _constant_in_an_arm(cells: CellMoments, column: int, scale: float) -> bool:
    inside = cells.products[:, :, column, column].sum(axis=0)
    return bool(np.any(inside <= cells.n.sum(axis=0) * (_CONSTANT_IN_ARM * scale) ** 2))


def _collinear(cells: CellMoments, columns: list[int]) -> bool:
    """Whether the last of some covariates is a combination of the others in some arm."""
    if len(columns) == 1:
        return False
    xx = cells.products[:, :, np.array(columns)[:, None], columns].sum(axis=0)
    root = np.sqrt(np.diagonal(xx, axis1=1, axis2=2))
    correlation = xx / (root[:, :, None] * root[:, None, :])
    before, last = correlation[:, :-1, :-1], correlation[:, :-1, -1]
    explained = np.einsum("ap,ap->a", last, np.linalg.solve(before, last[:, :, None])[:, :, 0])
    return bool(np.any(1.0 - explained <= _COLLINEAR))
