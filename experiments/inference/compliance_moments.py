"""Weighted means of several coordinates by arm, with their joint covariance: over persons, or over clusters (CR2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.inference.figures import satterthwaite

if TYPE_CHECKING:
    from experiments.inference.compliance_columns import CompliancePersons

__all__ = ["ArmContrast", "Direction", "cluster_contrast", "person_contrast", "summary_contrast"]

Floats = NDArray[np.float64]

_FEW_CLUSTERS = 5
_ROUNDING = 16.0 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Direction:
    """A linear combination of the coordinates: its value, squared standard error and degrees of freedom."""

    value: float
    variance: float
    freedom: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArmContrast:
    """Means of several coordinates in the assigned and in the control arm.

    Attributes:
        means: Weighted means, control first; 2 by coordinates.
        parts: Independent parts of the covariance of both means; parts by coordinates by coordinates.
        arm: Arm (0 or 1) of each part.
        freedom: Degrees of freedom of each part; nan where the part has no variance of its own.
        n: Persons of the control and of the assigned arm.
        method: Name of the method.
        note: Reason code that goes with every estimate.
        units: Independent units of the control and of the assigned arm: persons, or clusters.
    """

    means: Floats
    parts: Floats
    arm: NDArray[np.int64]
    freedom: Floats
    n: tuple[int, int]
    method: str
    units: tuple[int, int]
    note: str = ""

    @property
    def estimable(self) -> bool:
        """Whether every part has a variance."""
        return bool(np.all(self.freedom > 0.0))

    def direction(self, along: Floats) -> Direction:
        """Assigned minus control, along a combination of the coordinates."""
        value = float(along @ (self.means[1] - self.means[0]))
        size = float(np.abs(along) @ np.abs(self.means).max(axis=0))
        # 2 of 5 and 4 of 10 are the same share: what rounding leaves of their difference is no difference.
        settled = 0.0 if abs(value) <= _ROUNDING * size else value
        return self._read(settled, along, np.ones(len(self.arm), bool))

    def mean(self, arm: int, along: Floats) -> Direction:
        """The mean of one arm, along a combination of the coordinates."""
        return self._read(float(along @ self.means[arm]), along, self.arm == arm)

    def covariance(self, one: Floats, other: Floats) -> float:
        """Covariance of the contrasts along two combinations."""
        return float(np.einsum("i,pij,j->", one, self.parts, other))

    def _read(self, value: float, along: Floats, rows: NDArray[np.bool_]) -> Direction:
        terms = np.maximum(np.einsum("i,pij,j->p", along, self.parts[rows], along), 0.0)
        return Direction(value=value, variance=float(terms.sum()), freedom=satterthwaite(terms, self.freedom[rows]))


def summary_contrast(means: Floats, covariances: Floats, n: Floats, *, weights: Floats, method: str) -> ArmContrast:
    """From means and sample covariances by stratum and arm.

    Args:
        means: Strata by arms (control first) by coordinates.
        covariances: Sample covariances with n - 1; strata by arms by coordinates by coordinates.
        n: Persons, strata by arms.
        weights: Weight of each stratum; they sum to 1.
        method: Name of the method without strata.
    """
    strata, _, width = means.shape
    scale = weights[:, None] ** 2 / n
    return ArmContrast(
        means=np.einsum("s,sak->ak", weights, means),
        parts=(scale[:, :, None, None] * covariances).reshape(2 * strata, width, width),
        arm=np.tile(np.array([0, 1]), strata),
        freedom=np.where(n > 1.0, n - 1.0, np.nan).ravel(),
        n=(int(n[:, 0].sum()), int(n[:, 1].sum())),
        method=method if strata == 1 else f"stratified {method}",
        units=(int(n[:, 0].sum()), int(n[:, 1].sum())),
        note="" if (n > 1.0).all() else "TOO_FEW_PERSONS",
    )


def person_contrast(persons: CompliancePersons, rows: Floats) -> ArmContrast:
    """Persons are independent: Neyman's variance inside strata (the HC2 variance of the saturated regression).

    Args:
        persons: The persons; every stratum holds both arms.
        rows: Persons by coordinates.
    """
    cell, n, weights = _cells(persons)
    means = _means(rows, cell, n)
    centred = rows - means.reshape(-1, rows.shape[1])[cell]
    products = np.einsum("pi,pj->pij", centred, centred).reshape(len(rows), -1)
    summed = _sums(products, cell, n.size).reshape(*n.shape, rows.shape[1], rows.shape[1])
    return summary_contrast(
        means, summed / np.maximum(n - 1.0, 1.0)[..., None, None], n, weights=weights, method="welch"
    )


def cluster_contrast(persons: CompliancePersons, rows: Floats) -> ArmContrast:
    """Clusters are independent, and each lies in one arm: CR2 with Bell and McCaffrey's degrees of freedom by arm.

    For a mean the CR2 correction of a cluster that holds the share f of its arm is the factor 1 / (1 - f), and the
    degrees of freedom under independent errors are 1 / (sum f^2 + (sum w)^2 - sum w^2) with w = f^2 / (1 - f): the
    number of clusters - 1 for clusters of equal size, fewer otherwise. With strata every stratum takes one of them; a
    cluster that spans strata adds up over them, with the strata's weights.
    """
    if persons.cluster is None:  # pragma: no cover - for its type: callers ask first
        raise ValueError("clusters are needed")
    cell, n, weights = _cells(persons)
    means = _means(rows, cell, n)
    centred = rows - means.reshape(-1, rows.shape[1])[cell]
    pair, inverse = np.unique(np.column_stack((persons.cluster, cell)), axis=0, return_inverse=True)
    inverse = np.asarray(inverse).ravel()
    size = np.bincount(inverse).astype(np.float64)
    share = size / n.ravel()[pair[:, 1]]
    alone = bool((share >= 1.0).any())
    stratum, arm = pair[:, 1] // 2, pair[:, 1] % 2
    factor = weights[stratum] / n.ravel()[pair[:, 1]] / np.sqrt(np.maximum(1.0 - share, np.finfo(np.float64).tiny))
    scores = _sums(centred, inverse, len(pair)) * np.where(share < 1.0, factor, 0.0)[:, None]
    group, place = np.unique(pair[:, 0], return_inverse=True)
    total = _sums(scores, np.asarray(place).ravel(), len(group))
    side = np.zeros(len(group), np.int64)
    side[np.asarray(place).ravel()] = arm
    parts = np.stack([total[side == a].T @ total[side == a] for a in (0, 1)])
    spread = weights[stratum] ** 2 / n.ravel()[pair[:, 1]]
    freedom = [
        np.nan if alone else _bell_mccaffrey(share[arm == a], spread[arm == a], pair[arm == a, 0], stratum[arm == a])
        for a in (0, 1)
    ]
    return ArmContrast(
        means=np.einsum("s,sak->ak", weights, means),
        parts=parts,
        arm=np.array([0, 1]),
        freedom=np.array(freedom),
        n=(int(n[:, 0].sum()), int(n[:, 1].sum())),
        method="cluster" if len(weights) == 1 else "stratified cluster",
        units=(int((side == 0).sum()), int((side == 1).sum())),
        note="TOO_FEW_CLUSTERS" if np.bincount(side, minlength=2).min() < _FEW_CLUSTERS or alone else "",
    )


def _bell_mccaffrey(share: Floats, spread: Floats, cluster: NDArray[np.int64], stratum: NDArray[np.int64]) -> float:
    """Degrees of freedom of the CR2 variance of a weighted mean of strata under independent errors.

    The clusters' scores then have the covariances G: k f on the diagonal and - k q q' beside it, summed over strata,
    with k = weight^2 / persons and q = f / sqrt(1 - f). The answer is (trace G)^2 / trace G^2, without writing G down.

    Args:
        share: Share f of its stratum and arm that each part holds; a part is a cluster in a stratum.
        spread: Weight of the stratum squared over the persons of the stratum and arm.
        cluster: Cluster of each part.
        stratum: Stratum of each part.
    """
    from scipy.sparse import csr_array

    _, row = np.unique(cluster, return_inverse=True)
    _, column = np.unique(stratum, return_inverse=True)
    row, column = np.asarray(row).ravel(), np.asarray(column).ravel()
    scale = spread / spread.max()
    pulled = np.sqrt(scale / (1.0 - share)) * share
    own = np.bincount(row, weights=scale * share)
    crossed = csr_array((pulled, (row, column)))
    square = float(((crossed.T @ crossed).data ** 2).sum())
    return float(own.sum() ** 2 / (np.sum(own**2) + square - np.sum(np.bincount(row, weights=pulled**2) ** 2)))


def _cells(persons: CompliancePersons) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Cell of each person (stratum times 2 plus arm), persons by stratum and arm, weights of the strata."""
    used, stratum = np.unique(persons.stratum, return_inverse=True)
    cell = np.asarray(stratum).ravel() * 2 + persons.assigned
    n = np.bincount(cell, minlength=2 * len(used)).reshape(-1, 2).astype(np.float64)
    return cell, n, n.sum(axis=1) / n.sum()


def _means(rows: Floats, cell: NDArray[np.int64], n: Floats) -> Floats:
    """Means by cell, corrected once for what rounding left."""
    rough = _sums(rows, cell, n.size) / n.reshape(-1, 1)
    rest = _sums(rows - rough[cell], cell, n.size) / n.reshape(-1, 1)
    return (rough + rest).reshape(*n.shape, rows.shape[1])


def _sums(rows: Floats, group: NDArray[np.int64], groups: int) -> Floats:
    return np.column_stack([np.bincount(group, weights=column, minlength=groups) for column in rows.T])
