"""Covariate adjustment: means, rates and ratios of sums per arm, with the noise that the past explains taken out.

Lin's estimator in its general form (CUPED with slopes per arm): per arm one regression with an intercept per stratum
and slopes common to the strata; covariates are centred at their stratum's mean over all arms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.inference.adjusted_slopes import CellMoments, fit_slopes, grid_cells, require_persons
from experiments.inference.figures import ArmFigures, satterthwaite
from experiments.inference.means import mean_figures
from experiments.inference.sum_ratios import ratio_figures
from experiments.moments.centred import centre

if TYPE_CHECKING:
    from experiments.inference.adjusted_slopes import Slopes
    from experiments.moments import MetricRows
    from experiments.moments.grid import Grid

__all__ = ["adjusted_figures", "adjusted_figures_from_moments", "linear_figure", "population_covariance", "unadjusted"]

Floats = NDArray[np.float64]
Target = Literal["sample", "population"]

_SINGLED_OUT = 1e-10  # 1 - leverage below this: the regression fits this person exactly


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Placed:
    """The rows of the strata kept, shifted: cell (stratum by arm), values, persons of each row."""

    cell: NDArray[np.int64]
    values: Floats
    count: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LinearFigure:
    """Each arm's figure, and the weights with which its measured coordinates enter it to first order."""

    value: Floats
    direction: Floats
    note: str


def adjusted_figures(rows: MetricRows, grid: Grid, *, weights: Floats, target: Target = "sample") -> ArmFigures:
    """Covariate-adjusted figures per arm with HC2 variances.

    Estimand: the mean (rate; ratio of means) of each arm over all persons of the kept strata. With one stratum the
    difference and its standard error are those of Lin's fully interacted regression.

    Args:
        rows: The counted rows by (stratum, ..., arm); the measured coordinates, then the covariates.
        grid: The moments of the strata kept; rows of other strata are not read.
        weights: Weight of each kept stratum; they sum to 1.
        target: ``"sample"``: the persons of this experiment; ``"population"``: adds what is unknown about the means of
            the covariates and the shares of the strata where the persons came from.

    Returns:
        One figure per arm, its degrees of freedom by Bell and McCaffrey (n - 1 without covariates). A covariate that
        is constant or a combination of others in some arm is left out of all arms, with the note COVARIATE_CONSTANT or
        COVARIATE_DROPPED; when none is left, the figures are the unadjusted ones.

    Raises:
        DesignError: TOO_FEW_FOR_ADJUSTMENT below 20 persons per coefficient in the smallest arm.

    References:
        Lin (2013), Annals of Applied Statistics 7:295. MacKinnon and White (1985), Journal of Econometrics 29:305
        (HC2). Bell and McCaffrey (2002), Survey Methodology 28:169. Negi and Wooldridge (2021), Econometric Reviews
        40:504 (population target).

    Verified against: estimatr::lm_lin and sandwich::vcovHC in R, clubSandwich's Satterthwaite degrees of freedom, and
    statsmodels; see docs/methods/adjustment.md.
    """
    placed, cells = _place(rows, grid)
    slopes = fit_slopes(cells, weights)
    if not len(slopes.columns):
        return unadjusted(grid, weights, measured=rows.measured, note=slopes.note)
    require_persons(cells, slopes, grid.arms)
    figure = linear_figure(slopes)
    found = [_robust(placed, cells, slopes, figure.direction[i], weights, i) for i in range(len(grid.arms))]
    return _assembled(figure, found, cells, slopes, weights, target)


def adjusted_figures_from_moments(
    grid: Grid, *, weights: Floats, target: Target = "sample", measured: int = 1
) -> ArmFigures:
    """Covariate-adjusted figures per arm from moments alone, for aggregated input.

    The figures are those of `adjusted_figures`. The variance is the classical one of each arm's regression, with the
    residual variance SSR / (n - k - 1) of each stratum: right when the noise does not depend on the covariates.

    Args:
        grid: The moments of the strata kept.
        weights: Weight of each kept stratum; they sum to 1.
        target: As for `adjusted_figures`.
        measured: How many coordinates are measured: 1, or 2 for a ratio of sums.

    Raises:
        DesignError: TOO_FEW_FOR_ADJUSTMENT, as for `adjusted_figures`.

    Verified against: statsmodels' OLS per arm; see docs/methods/adjustment.md.
    """
    cells = grid_cells(grid, measured)
    slopes = fit_slopes(cells, weights)
    if not len(slopes.columns):
        return unadjusted(grid, weights, measured=measured, note=slopes.note)
    require_persons(cells, slopes, grid.arms)
    figure = linear_figure(slopes)
    found = [_classical(cells, slopes, figure.direction[i], weights, i) for i in range(len(grid.arms))]
    made = _assembled(figure, found, cells, slopes, weights, target)
    return replace(made, method=f"{made.method} (moments)")


def _assembled(
    figure: LinearFigure,
    found: list[tuple[float, float]],
    cells: CellMoments,
    slopes: Slopes,
    weights: Floats,
    target: Target,
) -> ArmFigures:
    """The figures of all arms from the variance and the degrees of freedom of each."""
    covariance = np.diag([variance for variance, _ in found])
    if target == "population":
        covariance = covariance + population_covariance(cells, slopes, figure.direction, weights)
    return ArmFigures(
        value=figure.value,
        covariance=covariance,
        freedom=np.array([freedom for _, freedom in found]),
        n=cells.n.sum(axis=0),
        method="adjusted" if len(weights) == 1 else "stratified adjusted",
        note="; ".join(part for part in (figure.note, slopes.note) if part),
    )


def unadjusted(grid: Grid, weights: Floats, *, measured: int, note: str) -> ArmFigures:
    """The figures without covariates, with the reason why none is used."""
    if measured == 2:
        figures = ratio_figures(grid.means, grid.covariance, grid.n, weights=weights)
    else:
        figures = mean_figures(grid.means[:, :, 0], grid.covariance[:, :, 0, 0], grid.n, weights=weights)
    return replace(figures, note="; ".join(part for part in (figures.note, note) if part))


def linear_figure(slopes: Slopes) -> LinearFigure:
    """The adjusted mean of each arm, or the ratio of its two adjusted means by the delta method."""
    value = slopes.value
    if value.shape[1] == 1:
        return LinearFigure(value=value[:, 0], direction=np.ones_like(value), note="")
    top, bottom = value[:, 0], value[:, 1]
    defined = bottom > 0.0
    below = np.where(defined, bottom, np.nan)
    ratio = top / below
    note = "" if defined.all() else "DENOMINATOR_NOT_POSITIVE"
    return LinearFigure(value=ratio, direction=np.column_stack([1.0 / below, -ratio / below]), note=note)


def population_covariance(cells: CellMoments, slopes: Slopes, direction: Floats, weights: Floats) -> Floats:
    """What the covariates' means and the strata's shares in the population add to the arms' covariances.

    For one stratum the difference of two arms gets (b1 - b0)' S (b1 - b0) / n.
    """
    columns, scale = slopes.columns, slopes.scale
    n_all = cells.n.sum(axis=1)
    covariates = cells.means[:, :, columns] / scale
    middle = np.sum(cells.n[:, :, None] * covariates, axis=1) / n_all[:, None]
    away = covariates - middle[:, None, :]
    inside = cells.products[:, :, columns[:, None], columns].sum(axis=1) / (scale[:, None] * scale)
    total = inside + np.einsum("sa,sap,saq->spq", cells.n, away, away)
    means = np.einsum("s,spq->pq", weights**2 / (n_all * np.maximum(n_all - 1.0, 1.0)), total)
    lines = np.einsum("am,amp->ap", direction, slopes.slopes)
    levels = np.einsum("am,sam->sa", direction, slopes.inside)
    levels = levels - weights @ levels
    shares = np.einsum("s,sa,sb->ab", weights, levels, levels) / n_all.sum()
    return np.asarray(lines @ means @ lines.T + shares, dtype=np.float64)


def _place(rows: MetricRows, grid: Grid) -> tuple[_Placed, CellMoments]:
    """The rows of the strata kept, shifted to the common mean, and their moments."""
    arms, size = len(grid.arms), grid.n.size
    place = {(*stratum, arm): i * arms + j for i, stratum in enumerate(grid.strata) for j, arm in enumerate(grid.arms)}
    where = np.array([place.get(cell, -1) for cell in rows.cells], dtype=np.int64)
    cell = where[rows.cell]
    kept = cell >= 0
    cell, values, count = cell[kept], rows.values[kept], rows.count[kept]
    shift = np.average(values, axis=0, weights=count)
    values = values - shift
    n, means, products, _ = centre(cell, values, count, size)
    wide = values.shape[1]
    cells = CellMoments(
        labels=rows.labels,
        measured=rows.measured,
        n=n.astype(np.float64).reshape(-1, arms),
        shift=shift,
        means=means.reshape(-1, arms, wide),
        products=products.reshape(-1, arms, wide, wide),
    )
    return _Placed(cell=cell, values=values, count=count.astype(np.float64)), cells


def _robust(
    placed: _Placed, cells: CellMoments, slopes: Slopes, direction: Floats, weights: Floats, arm: int
) -> tuple[float, float]:
    """HC2 variance of one arm's figure, and Bell and McCaffrey's degrees of freedom."""
    strata, arms = cells.n.shape
    n = cells.n[:, arm]
    if n.min() < 2:
        return np.nan, np.nan
    mine = placed.cell % arms == arm
    stratum, count = placed.cell[mine] // arms, placed.count[mine]
    gap = placed.values[mine] - cells.means[stratum, arm]
    inverse = slopes.inverse[arm]
    x = gap[:, slopes.columns] / slopes.scale
    residual = _along(gap[:, : cells.measured], direction) - _along(x, direction @ slopes.slopes[arm])
    lever = 1.0 / n[stratum] + np.einsum("ip,pq,iq->i", x, inverse, x)
    pull = weights[stratum] / n[stratum] - _along(x, inverse @ slopes.gap[arm])
    rest = 1.0 - lever
    single = rest < _SINGLED_OUT
    divided = np.divide(pull**2, rest, out=np.zeros_like(rest), where=~single)
    variance = float(np.sum(count * divided * residual**2))
    if single.any():  # a person whom a covariate singles out has no residual; the others' variance stands in
        freedom = n.sum() - strata - len(slopes.columns)
        spare = float(np.sum(count * residual**2)) / max(freedom, 1.0)
        variance += spare * float(np.sum((count * pull**2)[single]))
    flat = np.bincount(stratum, weights=count * divided, minlength=strata)
    mixed = np.stack(
        [np.bincount(stratum, weights=count * divided * column, minlength=strata) for column in x.T], axis=1
    )
    steep = inverse @ np.einsum("i,ip,iq->pq", count * divided, x, x)
    spread = float(
        np.sum((count * pull**4)[~single]) - np.sum(count * (divided * lever) ** 2)
        + np.sum((flat / n) ** 2) + 2.0 * np.einsum("sp,pq,sq,s->", mixed, inverse, mixed, 1.0 / n)
        + np.trace(steep @ steep)
    )  # fmt: skip
    expected = float(np.sum((count * pull**2)[~single]))
    return variance, max(1.0, expected**2 / spread) if spread > 0.0 else float(n.sum() - strata - x.shape[1])


def _along(rows: Floats, line: Floats) -> Floats:
    """Rows times a line; not by BLAS, whose last bits may depend on the number of threads."""
    return np.asarray(np.einsum("ip,p->i", rows, line), dtype=np.float64)


def _classical(cells: CellMoments, slopes: Slopes, direction: Floats, weights: Floats, arm: int) -> tuple[float, float]:
    """Variance of one arm's figure from each stratum's residual variance, and its degrees of freedom."""
    n, wide = cells.n[:, arm], cells.measured
    if n.min() < 2:
        return np.nan, np.nan
    columns, scale, inverse = slopes.columns, slopes.scale, slopes.inverse[arm]
    products = cells.products[:, arm]
    line = direction @ slopes.slopes[arm]
    xx = products[:, columns[:, None], columns] / (scale[:, None] * scale)
    yx = np.einsum("m,smp->sp", direction, products[:, :wide, columns]) / scale
    yy = np.einsum("m,smk,k->s", direction, products[:, :wide, :wide], direction)
    squares = np.maximum(yy - 2.0 * yx @ line + np.einsum("p,spq,q->s", line, xx, line), 0.0)
    spent = (n.sum() - len(n)) / (n.sum() - len(n) - len(columns))  # the slopes' degrees of freedom, shared by strata
    freedom = (n - 1.0) / spent
    pull = inverse @ slopes.gap[arm]
    terms = squares / freedom * (weights**2 / n + np.einsum("p,spq,q->s", pull, xx, pull))
    found = satterthwaite(terms, freedom)
    return float(terms.sum()), float(freedom.min()) if np.isnan(found) else found
