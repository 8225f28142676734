"""Ratios of sums per arm by the delta method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.figures import ArmFigures, satterthwaite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.inference.figures import Floats

__all__ = ["ratio_figures", "ratio_spread"]


def ratio_spread(means: Floats, *, weights: Floats) -> Floats:
    """How far each stratum's linearised ratio lies from the arm's ratio; strata by arms."""
    top, bottom = (np.sum(weights[:, None] * means[:, :, i], axis=0) for i in (0, 1))
    bottom = np.where(bottom > 0.0, bottom, np.nan)  # undefined, as the ratio itself
    spread: Floats = (means[:, :, 0] - top / bottom * means[:, :, 1]) / bottom
    return spread


def ratio_figures(means: Floats, covariance: Floats, n: NDArray[np.int64], *, weights: Floats) -> ArmFigures:
    """The ratio of the weighted means of two coordinates in every arm.

    The variance is that of the linearised ratio, (numerator - R denominator) / mean of the denominator, with the
    covariance of the two columns over persons.

    Args:
        means: Means of numerator and denominator; strata by arms by 2 (further coordinates are not read).
        covariance: Sample covariances; strata by arms by 2 by 2.
        n: Persons; strata by arms.
        weights: Weight of each stratum; they sum to 1.

    Returns:
        One figure per arm; nan where the weighted mean of the denominator is not above 0.

    References:
        Deng, Knoblich and Lu (2018), KDD: Applying the delta method in metric analytics.
    """
    top, bottom = (np.sum(weights[:, None] * means[:, :, i], axis=0) for i in (0, 1))
    defined = bottom > 0.0
    ratio = np.divide(top, bottom, out=np.full(len(top), np.nan), where=defined)
    spread = covariance[..., 0, 0] - 2.0 * ratio * covariance[..., 0, 1] + ratio**2 * covariance[..., 1, 1]
    linear = np.maximum(spread, 0.0) / np.where(defined, bottom, np.nan) ** 2
    terms: Floats = np.asarray(weights[:, None] ** 2 * linear / n, dtype=np.float64)
    freedom: Floats = np.asarray(n - 1.0, dtype=np.float64)
    parts = np.array([satterthwaite(terms[:, i], freedom[:, i]) for i in range(len(top))])
    return ArmFigures(
        value=ratio,
        covariance=np.diag(terms.sum(axis=0)),
        freedom=np.where(np.isnan(parts), freedom.min(axis=0), parts),
        n=n.sum(axis=0),
        method="delta" if len(weights) == 1 else "stratified delta",
        note="" if defined.all() else "DENOMINATOR_NOT_POSITIVE",
    )
