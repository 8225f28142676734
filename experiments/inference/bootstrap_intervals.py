"""From replicates to an interval and the p-value that belongs to it.

Every interval here is made of two order statistics of some replicates, and its p-value counts the same replicates on
either side of the null: the interval excludes the null exactly when p < 1 - level, for every level and every draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats

__all__ = ["Arms", "Interval", "Kind", "Warp", "interval_of", "pivots", "relative_of"]

Kind = Literal["percentile", "basic", "studentised", "bca"]

_HALVINGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """Bias correction z0 and acceleration a of Efron's BCa interval; both 0 leave the ranks as they are."""

    bias: float = 0.0
    acceleration: float = 0.0

    def tail(self, ranks: Floats, *, upper: bool) -> Floats:
        """The one-sided alpha at which the rank (as a share, from its own end) becomes the end of the interval."""
        from scipy.special import ndtr, ndtri

        if self.bias == 0.0 and self.acceleration == 0.0:
            return ranks
        sign = -1.0 if upper else 1.0
        inner = ranks < 1.0  # beyond the last replicate lies everything: alpha is 1, not inf / inf
        far = sign * ndtri(ranks[inner]) - self.bias
        stretch = 1.0 + self.acceleration * far
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(stretch > 0.0, far / stretch, np.sign(far) * math.inf)
        found = np.ones(len(ranks))
        found[inner] = ndtr(sign * (z - self.bias))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval with its p-value and the standard error that a finite number of replicates leaves in the latter."""

    low: float
    high: float
    p_value: float
    error: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Arms:
    """Both arms: the observed statistic and its replicates.

    Attributes:
        top: Observed statistic of the treated arm, without the offset.
        base: Observed statistic of the control arm, without the offset.
        tops: Replicates of the treated arm.
        bases: Replicates of the control arm.
        offset: What was taken off both.
        variances: Squared standard errors: observed (top, base), and replicates of both; None without.
    """

    top: float
    base: float
    tops: Floats
    bases: Floats
    offset: float = 0.0
    variances: tuple[float, float, Floats, Floats] | None = None


def interval_of(replicates: Floats, *, null: float, level: float, side: Side, warp: Warp | None = None) -> Interval:
    """Interval and p-value from replicates whose order statistics are the interval's ends.

    Args:
        replicates: The replicates.
        null: The null value.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        warp: Correction of the ranks; None for none.

    Raises:
        InputError: Too few replicates for the level.
    """
    warp = warp or Warp()
    size, sides = len(replicates), 2.0 if side == "two" else 1.0
    alpha = 1.0 - level
    if sides / (size + 1.0) >= alpha:
        needed = math.floor(sides / alpha)
        raise InputError(f"replicates must be at least {needed:,} for level={level:g}, got {size:,}.")
    ranks = np.arange(1, size + 2) / (size + 1.0)
    ordered = np.sort(replicates)
    below = int(np.searchsorted(ordered, null, side="right"))
    above = size - int(np.searchsorted(ordered, null, side="left"))
    lower, upper = (sides * warp.tail(ranks, upper=end) for end in (False, True))
    # The number of ranks whose alpha is still below 1 - level: the end is the last of them.
    k, m = (min(int(np.searchsorted(tail, alpha, side="left")), size) for tail in (lower, upper))
    low = float(ordered[k - 1]) if k and side != "less" else -math.inf
    high = float(ordered[size - m]) if m and side != "greater" else math.inf
    tails = {"greater": [(lower, below)], "less": [(upper, above)]}.get(side, [(lower, below), (upper, above)])
    found = [(float(tail[count]), count) for tail, count in tails]
    p, count = min(found)
    share = (count + 1.0) / (size + 1.0)
    error = sides * math.sqrt(max(share * (1.0 - share), 0.0) / size)
    return Interval(low=low, high=high, p_value=min(1.0, p), error=error)


def pivots(arms: Arms, kind: Kind, *, ratio: float = 1.0) -> Floats:
    """Replicates of ``top - ratio * base`` (at ratio 1: the difference) whose order statistics are the interval's ends.

    Percentile and BCa: the replicates themselves; basic: reflected at the estimate; studentised: the estimate minus
    the replicates' t times the standard error.
    """
    shift = (1.0 - ratio) * arms.offset
    value = arms.top - ratio * arms.base + shift
    drawn = arms.tops - ratio * arms.bases + shift
    if kind in ("percentile", "bca"):
        return drawn
    if kind == "basic":
        return 2.0 * value - drawn
    if arms.variances is None:
        raise InputError("a studentised interval needs the variance of every replicate.")
    v1, v0, tops, bases = arms.variances
    error, errors = math.sqrt(v1 + ratio**2 * v0), np.sqrt(tops + ratio**2 * bases)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn - value) / errors
    return value - np.where(np.isnan(t), 0.0, t) * error


def relative_of(
    arms: Arms, kind: Kind, *, level: float, side: Side, warp_at: Callable[[float], Warp]
) -> tuple[float, float]:
    """Ends of the lift: the ratios that the same test does not reject, minus 1.

    Args:
        arms: Both arms; the control's statistic and all its replicates lie above 0.
        kind: Kind of the interval.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        warp_at: The correction of the ranks for a ratio.
    """
    top, base = arms.top + arms.offset, arms.base + arms.offset
    if kind in ("percentile", "basic"):
        twice = kind == "basic"
        gap = pivots(arms, kind)
        bottom = 2.0 * base - (arms.bases + arms.offset) if twice else arms.bases + arms.offset
        found = interval_of(gap / bottom, null=0.0, level=level, side=side)
        return found.low, found.high

    def excluded(lift: float, *, upper: bool) -> bool:
        ratio = 1.0 + lift
        warp = warp_at(ratio)
        made = interval_of(pivots(arms, kind, ratio=ratio), null=0.0, level=level, side=side, warp=warp)
        return made.high < 0.0 if upper else made.low > 0.0

    middle = top / base - 1.0
    low = -math.inf if side == "less" else _end(lambda x: excluded(x, upper=False), middle, -1.0)
    high = math.inf if side == "greater" else _end(lambda x: excluded(x, upper=True), middle, 1.0)
    return low, high


def _end(excluded: Callable[[float], bool], middle: float, direction: float) -> float:
    """The end of the lift on one side of the estimate; a lift of 0 is asked first, so it agrees with the difference."""
    outer, inner = None, middle
    if (0.0 - middle) * direction > 0.0:
        if excluded(0.0):
            outer = 0.0
        else:
            inner = 0.0
    step = max(abs(inner), 1e-3)
    while outer is None:
        trial = inner + direction * step
        if excluded(trial):
            outer = trial
        else:
            inner, step = trial, 2.0 * step
            if step > 1e9:
                return direction * math.inf
    for _ in range(_HALVINGS):
        half = inner + (outer - inner) / 2.0
        if half in (inner, outer) or abs(outer - inner) <= 1e-12 * max(abs(inner), abs(outer)):
            break
        if excluded(half):
            outer = half
        else:
            inner = half
    return inner
