"""The drift that a power asks for."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_power", "drift_for"]

_FARTHEST = 60.0


def check_power(power: object) -> float:
    """Return the power as float.

    Raises:
        InputError: When it does not lie strictly between 0 and 1.
    """
    if isinstance(power, Real) and not isinstance(power, bool) and 0.0 < float(power) < 1.0:
        return float(power)
    raise InputError(f"power must lie strictly between 0 and 1, got {power!r}.")


def drift_for(power_at: Callable[[float], float], power: float, *, least: Sequence[float]) -> float:
    """The drift at which an increasing power function takes a value.

    Args:
        power_at: Power as a function of the drift.
        power: The wished power.
        least: Crossing probabilities without an effect: their sum is the least power that can be asked for.
    """
    from scipy.optimize import brentq

    wished, floor = check_power(power), math.fsum(least)
    if wished <= floor:
        raise InputError(
            f"power must lie above the error of that side, {floor:.6g}, which the design has without any effect; "
            f"got {power!r}."
        )
    high = 4.0
    while power_at(high) < wished:
        if high > _FARTHEST:
            raise InputError(f"power {power!r} is not reached by any effect: this design can stop at no look for it.")
        high *= 2.0
    return float(brentq(lambda drift: power_at(drift) - wished, 0.0, high, xtol=1e-12, rtol=1e-14))
