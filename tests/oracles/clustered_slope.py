"""CR2 variance of the first coefficient of a regression from the full matrices, with Satterthwaite's degrees."""

from __future__ import annotations

import numpy as np


def cr2(y, design, cluster):
    """Slope, variance and degrees of freedom of the first column."""
    inverse = np.linalg.inv(design.T @ design)
    hat = design @ inverse @ design.T
    slope = inverse @ design.T @ y
    residual = y - design @ slope
    variance, rows = 0.0, []
    for name in np.unique(cluster):
        own = cluster == name
        values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        adjust = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
        pull = adjust @ design[own] @ inverse[:, 0]
        variance += float(pull @ residual[own]) ** 2
        rows.append((np.eye(len(y)) - hat)[own].T @ pull)
    products = np.array(rows) @ np.array(rows).T
    return slope[0], variance, np.trace(products) ** 2 / np.sum(products**2)
