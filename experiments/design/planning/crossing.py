"""The chance that a planned test rejects in the direction of the effect, read once or at several looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from experiments.design.planning.arms import arm_tail
from experiments.design.planning.looks import crossing_chance, spending_limits
from experiments.design.planning.noncentral import noncentral_tail
from experiments.inference.tails import one_sided_tail

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.options import PlanOptions

__all__ = ["PlannedTest", "check_power", "planned_test"]

_MANY = 1e9  # degrees of freedom from which Student's t is the normal distribution to all digits shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTest:
    """The rejection rule of a planned test, in the direction of the effect.

    Attributes:
        tail: Level of one contrast at the one look, one-sided.
        limits: The critical value at each look, in standard errors under the null.
        fractions: Information at each look; the last is 1.
        both: Whether the test has two sides, and looks may stop it on either.
    """

    tail: float
    limits: tuple[float, ...]
    fractions: tuple[float, ...]
    both: bool

    def chance(self, drift: float, *, scale: float = 1.0, df: float = math.inf) -> float:
        """The chance of a rejection.

        Args:
            drift: Distance from the null at full information, in standard errors under the truth.
            scale: Standard error under the null divided by that under the truth.
            df: Degrees of freedom; with looks the statistic is taken as normal.
        """
        if len(self.limits) > 1:
            return crossing_chance(drift, tuple(scale * limit for limit in self.limits), self.fractions, both=self.both)
        if df >= _MANY:
            return one_sided_tail(scale * self.limits[0] - drift)
        from scipy.special import stdtrit

        return noncentral_tail(df, drift, -float(stdtrit(df, self.tail)) * scale)

    def drift(self, power: float, *, scale: float = 1.0) -> float:
        """The distance from the null, in standard errors under the truth, at which a normal test has this power."""
        from scipy.special import ndtri

        if len(self.limits) == 1:
            return scale * self.limits[0] + float(ndtri(power))
        from scipy.optimize import brentq

        start = scale * self.limits[-1] + float(ndtri(power))
        found: float = brentq(
            lambda drift: self.chance(drift, scale=scale) - power, start - 5.0, start + 5.0, xtol=1e-13, rtol=1e-14
        )
        return found


def planned_test(options: PlanOptions, *, level: float, side: Side, allocation: float) -> PlannedTest:
    """The rejection rule that level, side, arms and looks make."""
    from scipy.special import ndtri

    tail = arm_tail(options.arms, options.correction, level=level, side=side, allocation=allocation)
    fractions, both = options.fractions, side == "two"
    limits = (
        (-float(ndtri(tail)),) if len(fractions) == 1 else spending_limits(tail, fractions, options.spending, both=both)
    )
    return PlannedTest(tail=tail, limits=limits, fractions=fractions, both=both)


def check_power(power: float, tail: float) -> float:
    """Return a power that a test of this level can be planned for."""
    number = isinstance(power, (int, float)) and not isinstance(power, bool)
    if not number or not tail < power < 1.0:
        raise InputError(
            f"power must lie above the one-sided level {tail:.4g} and below 1, got {power!r}; 0.8 and 0.9 are usual."
        )
    return float(power)
