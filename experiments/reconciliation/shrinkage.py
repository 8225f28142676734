"""Factors of several steps drawn towards 0 or towards their pooled value: a reading, never the estimate of a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Shrink", "Shrunken", "shrunken"]

Shrink = Literal["zero", "pooled"]


class Shrunken(NamedTuple):
    """Factors after shrinkage.

    Attributes:
        value: One factor per step.
        error: Its error when the spread between steps and the centre are taken as known.
        weight: Share of each step's own estimate in it.
        centre: What the factors are drawn to.
        spread: Standard deviation of the true factors around the centre, as estimated.
    """

    value: tuple[float, ...]
    error: tuple[float, ...]
    weight: tuple[float, ...]
    centre: float
    spread: float


def shrunken(factors: Sequence[float], errors: Sequence[float], target: Shrink) -> Shrunken:
    """Empirical Bayes with the moment estimate of the spread between steps (DerSimonian and Laird).

    With w = 1 / error^2: towards 0, spread^2 = max(0, (sum w f^2 - K) / sum w); towards the pooled factor
    m = sum w f / sum w, spread^2 = max(0, (sum w (f - m)^2 - (K - 1)) / (sum w - sum w^2 / sum w)), and the centre is
    the mean with the weights 1 / (error^2 + spread^2). The own estimate keeps spread^2 / (spread^2 + error^2).

    References:
        DerSimonian and Laird (1986), Controlled Clinical Trials 7:177; Morris (1983), JASA 78:47.

    Example:
        >>> found = shrunken([0.2, 0.9], [0.1, 0.2], "pooled")
        >>> round(found.centre, 3), [round(value, 3) for value in found.value]
        (0.529, [0.214, 0.843])
    """
    f, v = np.array(factors, float), np.array(errors, float) ** 2
    w = 1.0 / v
    if target == "zero":
        between = max(0.0, (float(w @ (f * f)) - len(f)) / float(w.sum()))
        centre = 0.0
    else:
        middle = float(w @ f / w.sum())
        base = float(w.sum() - (w @ w) / w.sum())
        between = max(0.0, (float(w @ (f - middle) ** 2) - (len(f) - 1)) / base) if base > 0.0 else 0.0
        total = 1.0 / (v + between)
        centre = float(total @ f / total.sum())
    kept = between / (between + v)
    return Shrunken(
        value=tuple((centre + kept * (f - centre)).tolist()),
        error=tuple(np.sqrt(kept * v).tolist()),
        weight=tuple(kept.tolist()),
        centre=centre,
        spread=math.sqrt(between),
    )
