"""CR2 and its Satterthwaite degrees of freedom with the full matrices of an arm, as the papers write them."""

from __future__ import annotations

import numpy as np


def cluster_variance(frame, arm, *, covariates, stratum, y="y"):
    """Figure, variance and degrees of freedom of one arm; every matrix is as large as the arm."""
    strata = np.zeros(len(frame), int) if stratum is None else np.unique(frame[stratum], return_inverse=True)[1]
    count = strata.max() + 1
    centred = frame[covariates].to_numpy(dtype=float).copy()
    for i in range(count):
        centred[strata == i] -= centred[strata == i].mean(axis=0)
    mine = (frame["arm"] == arm).to_numpy()
    design = np.column_stack([*(strata[mine] == i for i in range(count)), centred[mine]]).astype(float)
    outcome = frame[y].to_numpy(dtype=float)[mine]
    cluster = frame["cluster"].to_numpy()[mine]
    aim = np.concatenate([np.bincount(strata) / len(frame), np.zeros(len(covariates))])
    bread = np.linalg.inv(design.T @ design)
    coefficients = bread @ design.T @ outcome
    hat = design @ bread @ design.T
    residual = outcome - design @ coefficients
    maker = np.eye(len(outcome)) - hat
    variance, parts = 0.0, []
    for name in np.unique(cluster):
        rows = cluster == name
        values, vectors = np.linalg.eigh(maker[np.ix_(rows, rows)])
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        pull = root @ design[rows] @ bread @ aim
        variance += (pull @ residual[rows]) ** 2
        parts.append(maker[:, rows] @ pull)
    products = np.array(parts) @ np.array(parts).T
    return aim @ coefficients, variance, np.trace(products) ** 2 / np.sum(products**2)
