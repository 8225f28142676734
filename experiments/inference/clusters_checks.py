"""Are the clusters what was assigned, are there enough of them, and how alike are their persons?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding

if TYPE_CHECKING:
    from experiments.moments import Moments

__all__ = ["ClusterCorrelation", "cluster_findings", "intra_cluster_correlation"]

_FEW = 5
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterCorrelation:
    """How alike the persons of one cluster are.

    Attributes:
        correlation: Intra-cluster correlation: the share of the variance that lies between clusters; can be slightly
            negative by chance. None where clusters of one person, or no variance, leave it undefined.
        design_effect: Variance of a mean per person over that of as many independent persons. None with it.
        clusters: Clusters with persons that count.
        persons: Persons.
        mean_size: Persons per cluster.
        size_variation: Coefficient of variation of the clusters' sizes.
    """

    correlation: float | None
    design_effect: float | None
    clusters: int
    persons: int
    mean_size: float
    size_variation: float


def intra_cluster_correlation(clusters: Moments) -> ClusterCorrelation:
    """Intra-cluster correlation of the first coordinate inside strata and arms, and the design effect for planning.

    Estimand: the correlation of two persons of one cluster, by analysis of variance over all cells (an effect of the
    arms is no correlation). Design effect: 1 + ((1 + cv^2) m - 1) correlation, with m the mean size of the clusters and
    cv the coefficient of variation of their sizes; never below 1 / m by a correlation of chance.

    Args:
        clusters: Moments by (stratum, ..., arm, cluster).

    References:
        Donner and Klar (2000), Design and Analysis of Cluster Randomization Trials, chapter 1. Eldridge, Ashby and
        Kerry (2006), International Journal of Epidemiology 35:1292 (unequal sizes).

    Verified against: R's aov and ICC by hand from its mean squares; see docs/methods/clusters.md.

    Example:
        >>> import numpy as np
        >>> from experiments.moments import single_moments
        >>> cells = tuple(("sms", branch) for branch in "abc")
        >>> values = np.array([1.0, 2.0, 5.0, 6.0, 9.0, 10.0])
        >>> found = intra_cluster_correlation(
        ...     single_moments(("arm", "branch"), cells, np.repeat([0, 1, 2], 2), values, np.ones(6, dtype=int))
        ... )
        >>> round(found.correlation, 3), round(found.design_effect, 3)
        (0.969, 1.969)
    """
    kept = clusters.n > 0
    n = clusters.n[kept].astype(np.float64)
    names = [name[:-1] for name, used in zip(clusters.cells, kept, strict=True) if used]
    place: dict[tuple[object, ...], int] = {}
    cell = np.array([place.setdefault(name, len(place)) for name in names], dtype=np.int64)
    groups, persons = len(n), float(n.sum())
    size = persons / groups if groups else float("nan")
    variation = float(np.sqrt(np.mean((n / size - 1.0) ** 2))) if groups else float("nan")
    none = ClusterCorrelation(
        correlation=None, design_effect=None, clusters=groups, persons=int(persons), mean_size=size,
        size_variation=variation,
    )  # fmt: skip
    if groups <= len(place) or persons <= groups:
        return none
    total = np.bincount(cell, weights=n)
    shifted = clusters.mean[kept] - np.average(clusters.mean[kept], weights=n)
    gap = shifted - (np.bincount(cell, weights=n * shifted) / total)[cell]
    between = float(np.sum(n * gap**2)) / (groups - len(place))
    within = float(clusters.squares[kept].sum()) / (persons - groups)
    usual = (persons - float(np.sum(np.bincount(cell, weights=n**2) / total))) / (groups - len(place))
    spread = between + (usual - 1.0) * within
    if not spread > 0.0:
        return none
    correlation = (between - within) / spread
    effect = max(1.0 + ((1.0 + variation**2) * size - 1.0) * correlation, 1.0 / size)
    return ClusterCorrelation(
        correlation=correlation, design_effect=effect, clusters=groups, persons=int(persons), mean_size=size,
        size_variation=variation,
    )  # fmt: skip


def cluster_findings(clusters: Moments, *, column: str = "cluster") -> tuple[Finding, ...]:
    """Whether the clusters can have been what was assigned.

    Args:
        clusters: Moments by (stratum, ..., arm, cluster).
        column: Name of the cluster's column, for the sentence.

    Returns:
        CLUSTER_SPLIT (fail) when a cluster has persons in several arms; TOO_FEW_CLUSTERS (warn) below 5 clusters in an
        arm. Nothing when all is well.
    """
    arms: dict[object, set[object]] = {}
    members: dict[object, set[object]] = {}
    for name in (cell for cell, persons in zip(clusters.cells, clusters.persons, strict=True) if persons > 0):
        arms.setdefault(name[-1], set()).add(name[-2])
        members.setdefault(name[-2], set()).add(name[-1])
    found = []
    split = sorted((str(name) for name, held in arms.items() if len(held) > 1), key=lambda text: (len(text), text))
    if split:
        values: dict[str, object] = {
            "column": column, "split": len(split), "clusters": len(arms), "names": ", ".join(split[:_SHOWN]),
        }  # fmt: skip
        found.append(Finding(code="CLUSTER_SPLIT", status="fail", values=values))
    fewest = sorted(members, key=lambda arm: (len(members[arm]), str(arm)))[:1]
    if fewest and len(members[fewest[0]]) < _FEW:
        values = {"column": column, "arm": fewest[0], "clusters": len(members[fewest[0]])}
        found.append(Finding(code="TOO_FEW_CLUSTERS", status="warn", values=values))
    return tuple(found)
