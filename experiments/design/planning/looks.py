"""Looks at the data: critical values that spend the level, and the chance to cross them under an effect."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from experiments.inference.sequential.boundaries import spending_z
from experiments.inference.sequential.walk import Paths

if TYPE_CHECKING:
    from experiments.inference.sequential.spending import Spending

__all__ = ["crossing_chance", "spending_limits"]


@lru_cache(maxsize=256)
def spending_limits(tail: float, fractions: tuple[float, ...], spending: Spending, *, both: bool) -> tuple[float, ...]:
    """The critical value of z at each look, as `spending_bounds` gives it.

    Args:
        tail: Level of one side.
        fractions: Information at each look; the last is 1.
        spending: The spending function.
        both: Whether the test may also stop on the other side.
    """
    lower = None if both else (-math.inf,) * len(fractions)
    return spending_z(fractions, tail, spending, lower=lower, final=True)[0]


def crossing_chance(drift: float, limits: tuple[float, ...], fractions: tuple[float, ...], *, both: bool) -> float:
    """The chance that z exceeds its limit at any look, before it has crossed the other side's.

    Args:
        drift: Mean of z at full information.
        limits: Limit at each look.
        fractions: Information at each look.
        both: Whether the test may also stop on the other side.
    """
    return math.fsum(_paths(limits, fractions, both=both).crossing(drift).upper)


@lru_cache(maxsize=256)
def _paths(limits: tuple[float, ...], fractions: tuple[float, ...], *, both: bool) -> Paths:
    lower = [-limit for limit in limits] if both else [-math.inf] * len(limits)
    return Paths.follow(fractions, lower, limits)
