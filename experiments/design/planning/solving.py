"""The numbers that a power function is turned around for: persons, or the effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_allocation_ratio", "check_persons", "solve_effect", "solve_persons"]

_MOST = 1e13


def solve_persons(power_of: Callable[[float], float], power: float, *, least: float, start: float) -> float:
    """The smallest number of control persons with a power that rises with them.

    Args:
        power_of: Power at a number of control persons.
        power: The power wished for.
        least: The smallest number at which the power is defined.
        start: A first guess.
    """
    from scipy.optimize import brentq

    if power_of(least) >= power:
        return least
    low, high = least, max(start, least * 1.5)
    while power_of(high) < power:
        low, high = high, high * 2.0
        if high > _MOST:
            raise InputError(
                f"no number of persons up to {_MOST:g} gives power {power:g}: the effect is too near to the null. "
                "Name the smallest effect that would matter."
            )
    found: float = brentq(lambda n: power_of(n) - power, low, high, xtol=1e-12 * high, rtol=1e-14, maxiter=500)
    return found


def solve_effect(power_of: Callable[[float], float], power: float, *, null: float, end: float, what: str) -> float:
    """The effect nearest to the null with the power wished for.

    Args:
        power_of: Power at an effect.
        power: The power wished for.
        null: Where the power is the level.
        end: The farthest effect there is; infinite when there is none.
        what: What there are too few of, for the error.
    """
    from scipy.optimize import brentq

    step = end
    if math.isinf(end):
        step = math.copysign(1.0, end)
        while power_of(null + step) < power:
            step *= 2.0
            if abs(step) > 1e300:
                raise InputError(f"no effect reaches power {power:g} with {what}.")
        end = null + step
    elif power_of(end) < power:
        raise InputError(
            f"with {what} not even the largest possible effect reaches power {power:g} (it has "
            f"{power_of(end):.3g}). Plan more persons, or a lower level or power."
        )
    scale = abs(end - null)
    found: float = brentq(
        lambda share: power_of(null + share * (end - null)) - power, 0.0, 1.0, xtol=1e-15, rtol=1e-14, maxiter=500
    )
    return null + found * (end - null) if scale else null


def check_persons(n: float) -> float:
    """Return a number of control persons that can be planned with; it need not be whole."""
    problems: list[str] = []
    number = checked_number("n", n, problems, positive=True)
    if not problems and number < 1.0:
        problems.append(f"n is the number of persons in the control arm, at least 1, got {n!r}.")
    raise_problems(problems)
    return number


def check_allocation_ratio(allocation: float) -> float:
    """Return treated per control person, above 0."""
    problems: list[str] = []
    number = checked_number("allocation", allocation, problems)
    if not problems and not number > 0.0:
        problems.append(
            f"allocation is treated per control person, above 0, got {allocation!r}; a 10 % holdout has allocation=9."
        )
    raise_problems(problems)
    return number
