"""Persons who were assigned in clusters: variances from the clusters, right with few of them.

CR2 of Bell and McCaffrey with Satterthwaite's degrees of freedom, for means, rates, ratios of sums and
covariate-adjusted figures, computed from the moments of the clusters; no row of a person is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from attribution.core.errors import DesignError
from experiments.inference.adjusted import linear_figure
from experiments.inference.adjusted_slopes import CellMoments, fit_slopes, require_persons
from experiments.inference.figures import ArmFigures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experiments.inference.adjusted_slopes import Slopes
    from experiments.moments import Moments
    from experiments.moments.grid import Grid

__all__ = ["ClusterBatch", "clustered_figures", "robust_variance"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Target = Literal["sample", "population"]

_FEW_CLUSTERS = 5
_CLUSTERS_PER_COEFFICIENT = 4
_FITTED_EXACTLY = 1e-10  # 1 - eigenvalue below this: the cluster alone settles that direction of the regression


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Parts:
    """The persons of one cluster in one stratum and arm, one entry per part; shifted, scaled, centred at their cell.

    Attributes:
        stratum: Index of the stratum.
        arm: Index of the arm.
        cluster: Index of the cluster; the same cluster in two strata of an arm is one, in two arms it is two.
        n: Persons.
        means: Means of all coordinates around those of the stratum and arm.
        products: Centred sums of products.
    """

    stratum: Counts
    arm: Counts
    cluster: Counts
    n: Floats
    means: Floats
    products: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterBatch:
    """Clusters of one arm that have persons in the same number of strata.

    Attributes:
        strata: Indices of these strata; clusters by strata.
        products: Z'Z of each cluster's design: intercepts of its strata, then the covariates.
        scores: Z'e of each cluster, its design times its residuals.
    """

    strata: Counts
    products: Floats
    scores: Floats


def clustered_figures(
    clusters: Moments, grid: Grid, *, weights: Floats, ratio: bool = False, target: Target = "sample"
) -> ArmFigures:
    """Figures per arm with cluster-robust variances.

    Estimand: as without clusters, the mean (rate; ratio of sums) per person, not per cluster: large clusters weigh by
    their persons. The figures are the unclustered ones; only their variances count clusters.

    Args:
        clusters: Moments by (stratum, ..., arm, cluster). A cluster may have persons in several strata.
        grid: The moments of the strata kept; clusters' persons in other strata are not read.
        weights: Weight of each kept stratum; they sum to 1.
        ratio: Whether the first two coordinates are numerator and denominator.
        target: ``"sample"`` or ``"population"``, as for `adjusted_figures`; the population is one of clusters.

    Returns:
        One figure per arm with the CR2 variance and its degrees of freedom. Notes: TOO_FEW_CLUSTERS (an arm has fewer
        than 5; with one in an arm, or one in a stratum of an arm that no other cluster covers, there is no variance),
        COVARIATE_CONSTANT, COVARIATE_DROPPED.

    Raises:
        DesignError: TOO_FEW_FOR_ADJUSTMENT with covariates below 20 persons or 4 clusters per coefficient in an arm.

    References:
        Bell and McCaffrey (2002), Survey Methodology 28:169. Pustejovsky and Tipton (2018), Journal of Business and
        Economic Statistics 36:672. Imbens and Kolesar (2016), Review of Economics and Statistics 98:701.

    Verified against: clubSandwich::vcovCR (CR2) with its Satterthwaite test, and estimatr in R; see
    docs/methods/clusters.md.
    """
    parts, cells = _parts(clusters, grid, measured=2 if ratio else 1)
    slopes = fit_slopes(cells, weights)
    require_persons(cells, slopes, grid.arms)
    figure = linear_figure(slopes)
    found, sizes = [], []
    for i in range(len(grid.arms)):
        batches = list(_batches(parts, slopes, figure.direction[i], cells.measured, i))
        sizes.append(sum(len(batch.strata) for batch in batches))
        _require_clusters(sizes[-1], len(slopes.columns), grid.arms[i])
        lonely = np.bincount(parts.stratum[parts.arm == i], minlength=len(weights)).min() < 2
        pull = -slopes.gap[i]
        found.append(
            (np.nan, np.nan) if lonely else robust_variance(batches, cells.n[:, i], slopes.inverse[i], weights, pull)
        )
    few = "TOO_FEW_CLUSTERS" if min(sizes) < _FEW_CLUSTERS or any(np.isnan(part[0]) for part in found) else ""
    covariance = np.diag([variance for variance, _ in found])
    if target == "population":
        covariance = covariance + _population(parts, cells, slopes, figure.direction, weights)
    name = "adjusted cluster" if len(slopes.columns) else "cluster"
    return ArmFigures(
        value=figure.value,
        covariance=covariance,
        freedom=np.array([freedom for _, freedom in found]),
        n=grid.n.sum(axis=0),
        method=name if len(weights) == 1 else f"stratified {name}",
        note="; ".join(part for part in (figure.note, few, slopes.note) if part),
    )


def _require_clusters(clusters: int, coefficients: int, arm: object) -> None:
    least = _CLUSTERS_PER_COEFFICIENT * coefficients
    if coefficients and clusters < least:
        raise DesignError(
            "TOO_FEW_FOR_ADJUSTMENT",
            f"the arm {str(arm)!r} has {clusters} cluster(s) for {coefficients} coefficient(s) of covariates; at least "
            f"{_CLUSTERS_PER_COEFFICIENT} clusters per coefficient in every arm ({least}) are needed. Declare fewer "
            "covariates or none.",
        )


def _parts(clusters: Moments, grid: Grid, measured: int) -> tuple[_Parts, CellMoments]:
    """The clusters in the strata kept, and the moments of strata by arms made from them."""
    arms, wide = len(grid.arms), len(grid.labels)
    place = {(*stratum, arm): i * arms + j for i, stratum in enumerate(grid.strata) for j, arm in enumerate(grid.arms)}
    where = np.array([place.get(cell[:-1], -1) for cell in clusters.cells], dtype=np.int64)
    kept = (where >= 0) & (clusters.n > 0)
    cell, n = where[kept], clusters.n[kept].astype(np.float64)
    number: dict[tuple[object, ...], int] = {}
    cluster = np.array(
        [number.setdefault(name[-2:], len(number)) for name, used in zip(clusters.cells, kept, strict=True) if used],
        dtype=np.int64,
    )
    shift = np.average(clusters.means[kept], axis=0, weights=n)
    means = clusters.means[kept] - shift
    total = np.bincount(cell, weights=n, minlength=grid.n.size).astype(np.float64)
    middle = np.zeros((grid.n.size, wide))
    np.add.at(middle, cell, n[:, None] * means)
    middle /= np.where(total > 0, total, np.nan)[:, None]
    around = means - middle[cell]
    products = np.zeros((grid.n.size, wide, wide))
    np.add.at(products, cell, clusters.products[kept] + n[:, None, None] * around[:, :, None] * around[:, None, :])
    cells = CellMoments(
        labels=grid.labels,
        measured=measured,
        n=total.reshape(-1, arms),
        shift=shift,
        means=middle.reshape(-1, arms, wide),
        products=products.reshape(-1, arms, wide, wide),
    )
    parts = _Parts(
        stratum=cell // arms, arm=cell % arms, cluster=cluster, n=n, means=around, products=clusters.products[kept]
    )
    return parts, cells


def _batches(parts: _Parts, slopes: Slopes, direction: Floats, measured: int, arm: int) -> Iterator[ClusterBatch]:
    """The clusters of one arm, by the number of strata they have persons in."""
    mine = np.flatnonzero(parts.arm == arm)
    mine = mine[np.lexsort((parts.stratum[mine], parts.cluster[mine]))]
    columns, scale = slopes.columns, slopes.scale
    n = parts.n[mine]
    x, y = parts.means[mine][:, columns] / scale, np.einsum("im,m->i", parts.means[mine][:, :measured], direction)
    xx = parts.products[mine][:, columns[:, None], columns] / (scale[:, None] * scale)
    xx = xx + n[:, None, None] * x[:, :, None] * x[:, None, :]
    xy = np.einsum("m,imp->ip", direction, parts.products[mine][:, :measured, columns]) / scale
    xy = xy + (n * y)[:, None] * x
    line = direction @ slopes.slopes[arm]
    starts = np.flatnonzero(np.diff(parts.cluster[mine], prepend=-1))
    lengths = np.diff(starts, append=len(mine))
    for wide in np.unique(lengths):
        where = starts[lengths == wide][:, None] + np.arange(wide)
        size = wide + len(columns)
        products = np.zeros((len(where), size, size))
        products[:, np.arange(wide), np.arange(wide)] = n[where]
        products[:, :wide, wide:] = n[where][:, :, None] * x[where]
        products[:, wide:, :wide] = np.swapaxes(products[:, :wide, wide:], 1, 2)
        products[:, wide:, wide:] = xx[where].sum(axis=1)
        scores = np.concatenate([(n * y)[where], xy[where].sum(axis=1)], axis=1)
        scores -= products[:, :, wide:] @ line
        yield ClusterBatch(strata=parts.stratum[mine][where], products=products, scores=scores)


def robust_variance(
    batches: Sequence[ClusterBatch], n: Floats, inverse: Floats, weights: Floats, pull: Floats
) -> tuple[float, float]:
    """CR2 variance of one arm's figure, and its Satterthwaite degrees of freedom under independent equal noise.

    With L L' = (Z'Z)^-1 and W_g = L' Z_g'Z_g L every quantity of Z_g'(I - H_gg)^(-1/2) is a function of the small
    symmetric matrix W_g: its eigenvalues are those of the cluster's block H_gg of the hat matrix that are not 0.
    """
    wide, covariates = len(n), len(pull)
    root = np.linalg.cholesky(inverse) if covariates else np.zeros((0, 0))
    gram = np.zeros((wide + covariates, wide + covariates))
    variance = expected = own = cross = 0.0
    for batch in batches:
        strata = batch.strata
        size = strata.shape[1]
        lower = np.zeros((len(strata), size + covariates, size + covariates))
        lower[:, np.arange(size), np.arange(size)] = 1.0 / np.sqrt(n[strata])
        lower[:, size:, size:] = root
        aim = np.concatenate([weights[strata] / np.sqrt(n[strata]), np.tile(root.T @ pull, (len(strata), 1))], axis=1)
        upper = np.swapaxes(lower, 1, 2)
        share, turn = np.linalg.eigh(upper @ batch.products @ lower)
        share = np.clip(share, 0.0, 1.0)
        rest = 1.0 - share
        inflate = np.divide(1.0, rest, out=np.zeros_like(rest), where=rest > _FITTED_EXACTLY)
        turned_aim = np.einsum("gij,gi->gj", turn, aim)
        turned_score = np.einsum("gij,gi->gj", turn, np.einsum("gij,gj->gi", upper, batch.scores))
        variance += float(np.sum(np.sum(turned_aim * np.sqrt(inflate) * turned_score, axis=1) ** 2))
        squared = np.sum(turned_aim**2 * inflate * share, axis=1)
        reach = np.einsum("gij,gj->gi", turn, np.sqrt(inflate) * share * turned_aim)
        length = np.sum(reach**2, axis=1)
        expected += float(np.sum(squared - length))
        own += float(np.sum(squared**2))
        cross += float(np.sum(squared * length))
        places = np.concatenate([strata, np.tile(wide + np.arange(covariates), (len(strata), 1))], axis=1)
        np.add.at(gram, (places[:, :, None], places[:, None, :]), reach[:, :, None] * reach[:, None, :])
    spread = own - 2.0 * cross + float(np.sum(gram**2))
    return variance, max(1.0, expected**2 / spread) if spread > 0.0 else 1.0


def _population(parts: _Parts, cells: CellMoments, slopes: Slopes, direction: Floats, weights: Floats) -> Floats:
    """What the covariates' means and the strata's shares add, when whole clusters are drawn from the population."""
    columns, scale = slopes.columns, slopes.scale
    n_all = cells.n.sum(axis=1)
    covariates = cells.means[:, :, columns] / scale
    middle = np.sum(cells.n[:, :, None] * covariates, axis=1) / n_all[:, None]
    lines = np.einsum("am,amp->ap", direction, slopes.slopes)
    levels = np.einsum("am,sam->sa", direction, slopes.inside)
    levels = levels - weights @ levels
    away = parts.means[:, columns] / scale + covariates[parts.stratum, parts.arm] - middle[parts.stratum]
    pull = (parts.n * weights[parts.stratum] / n_all[parts.stratum])[:, None] * np.einsum("ip,ap->ia", away, lines)
    pull += parts.n[:, None] * levels[parts.stratum] / n_all.sum()
    size = int(parts.cluster.max()) + 1
    summed = np.zeros((size, len(lines)))
    np.add.at(summed, parts.cluster, pull)
    return np.asarray(np.einsum("ga,gb->ab", summed, summed) * (size / max(size - 1.0, 1.0)), dtype=np.float64)
