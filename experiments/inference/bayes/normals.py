"""Posterior of two means: the sampling distribution is normal, the prior of the effect flat or normal."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["NormalPair", "normal_pair"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NormalPair:
    """The joint posterior of the effect and of the control's mean, both normal.

    Attributes:
        mean: Mean of the effect.
        deviation: Standard deviation of the effect.
        base: Mean of the control's mean.
        base_deviation: Its standard deviation.
        covariance: Covariance of effect and control's mean.
    """

    mean: float
    deviation: float
    base: float
    base_deviation: float
    covariance: float

    def below(self, difference: float) -> float:
        """Probability that the effect is at most a number."""
        return _lower((difference - self.mean) / self.deviation)

    def above(self, difference: float) -> float:
        """Probability that the effect is larger than a number."""
        return _lower((self.mean - difference) / self.deviation)

    def shortfall(self, bar: float) -> float:
        """Mean of max(bar - effect, 0)."""
        return self.deviation * _loss((self.mean - bar) / self.deviation)

    def excess(self, bar: float) -> float:
        """Mean of max(effect - bar, 0)."""
        return self.deviation * _loss((bar - self.mean) / self.deviation)

    def quantile(self, p: float) -> float:
        """The effect below which the share p of the posterior lies."""
        from scipy.special import ndtri

        return self.mean + float(ndtri(p)) * self.deviation

    def highest_density(self, level: float) -> tuple[float, float]:
        """The shortest interval that holds the level; of a normal posterior the equal-tailed one."""
        return self.quantile(0.5 - level / 2.0), self.quantile(0.5 + level / 2.0)

    @property
    def base_positive(self) -> bool:
        """Whether the control's mean is above 0 but for one part in a million."""
        return self.base > 4.75 * self.base_deviation

    def lift_quantile(self, p: float) -> float:
        """The lift below which the share p lies; the control's mean counts as above 0.

        The lift is at most r where effect - r x base is at most 0, which is normal: the quantile solves a quadratic.
        """
        from scipy.special import ndtri

        z = float(ndtri(p))
        v, v0, joint = self.deviation**2, self.base_deviation**2, self.covariance
        # (mean - r base)^2 = z^2 (v - 2 r joint + r^2 v0), the root on the side of z.
        lead = self.base**2 - z * z * v0
        half = self.mean * self.base - z * z * joint
        inner = half * half - lead * (self.mean**2 - z * z * v)
        return (half + math.copysign(math.sqrt(max(0.0, inner)), z)) / lead


def normal_pair(
    difference: float,
    base: float,
    *,
    variance: float,
    base_variance: float,
    covariance: float | None = None,
    prior: tuple[float, float] | None = None,
) -> NormalPair:
    """Posterior from estimates with their variances and a prior of the effect.

    The control's mean has a flat prior.

    Args:
        difference: Estimated effect.
        base: Estimated mean of the control.
        variance: Squared standard error of the effect.
        base_variance: Squared standard error of the control's mean.
        covariance: Covariance of both estimates; with independent arms minus the control's variance.
        prior: Mean and standard deviation of the effect's prior; None for a flat one.
    """
    joint = -base_variance if covariance is None else covariance
    if prior is None:
        shrink = 1.0
        centre = difference
    else:
        shrink = prior[1] ** 2 / (prior[1] ** 2 + variance)
        centre = prior[0] + shrink * (difference - prior[0])
    # What the effect's estimate moves, the control's mean follows by its regression on it.
    slope = joint / variance
    spread = shrink * variance
    return NormalPair(
        mean=centre,
        deviation=math.sqrt(spread),
        base=base + slope * (centre - difference),
        base_deviation=math.sqrt(max(0.0, base_variance - slope * joint + slope * slope * spread)),
        covariance=slope * spread,
    )


def _lower(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _loss(z: float) -> float:
    """Mean of max(x - z, 0) of a standard normal x."""
    from scipy.special import erfcx

    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    if z <= 0.0:
        return density - z * 0.5 * math.erfc(z / math.sqrt(2.0))
    # Density and tail nearly cancel far out; their ratio does not, but for some z^2 units of rounding.
    return density * max(0.0, 1.0 - z * math.sqrt(0.5 * math.pi) * float(erfcx(z / math.sqrt(2.0))))
