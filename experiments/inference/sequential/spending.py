"""Spending functions: how much of the error may have been spent by a given share of the information."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from attribution.core.errors import InputError

__all__ = ["Spending", "check_spending", "spending_from_text", "spending_text", "spent"]

# One of the named functions, or a family with its number: see `check_spending`.
Spending = str | tuple[str, float]

_NAMED = ("obrien_fleming", "pocock")
_WITH_NUMBER = {"power": "rho", "hsd": "gamma"}
_STEEPEST = 50.0


def check_spending(spending: object, *, option: str = "spending") -> Spending:
    """Return the spending function as it is written in a plan.

    Args:
        spending: ``"obrien_fleming"``, ``"pocock"``, ``("power", rho)`` with rho above 0, ``("hsd", gamma)`` with any
            gamma.
        option: Name of the option, for the error.

    Raises:
        InputError: For anything else.

    Example:
        >>> check_spending(("power", 2))
        ('power', 2.0)
    """
    if isinstance(spending, str) and spending in _NAMED:
        return spending
    if isinstance(spending, Sequence) and not isinstance(spending, str) and len(spending) == 2:
        name, number = spending
        real = isinstance(number, Real) and not isinstance(number, bool) and math.isfinite(number)
        if name in _WITH_NUMBER and real and abs(number) <= _STEEPEST and (name == "hsd" or number > 0):
            return (str(name), float(number))
    raise InputError(
        f'{option} must be "obrien_fleming", "pocock", ("power", rho) with rho above 0 and at most {_STEEPEST:g}, or '
        f'("hsd", gamma) with gamma between -{_STEEPEST:g} and {_STEEPEST:g}, got {spending!r}.'
    )


def spending_text(spending: Spending) -> str:
    """The spending function as one word, for tables.

    Example:
        >>> spending_text(("hsd", -4.0))
        'hsd(-4)'
    """
    return spending if isinstance(spending, str) else f"{spending[0]}({spending[1]:.12g})"


def spent(fraction: float, alpha: float, spending: Spending) -> float:
    """Error spent by a share of the planned information; all of it from 1 on.

    Args:
        fraction: Information so far over the planned information.
        alpha: The whole error (of one side).
        spending: A spending function as `check_spending` gives it.

    References:
        Lan and DeMets (1983), Biometrika 70:659. Kim and DeMets (1987), Biometrika 74:149 (power family). Hwang, Shih
        and De Cani (1990), Statistics in Medicine 9:1439.

    Example:
        >>> round(spent(0.5, 0.025, "obrien_fleming"), 6), round(spent(0.5, 0.025, ("power", 2.0)), 5)
        (0.001525, 0.00625)
    """
    from scipy.special import ndtr, ndtri

    if fraction >= 1.0:
        return alpha
    if spending == "obrien_fleming":
        return min(alpha, 2.0 * float(ndtr(ndtri(0.5 * alpha) / math.sqrt(fraction))))
    if spending == "pocock":
        return alpha * math.log1p((math.e - 1.0) * fraction)
    name, number = str(spending[0]), float(spending[1])
    if name == "power":
        return float(alpha * fraction**number)
    return alpha * fraction if number == 0.0 else alpha * math.expm1(-number * fraction) / math.expm1(-number)


def spending_from_text(text: str) -> Spending:
    """The spending function that `spending_text` wrote.

    Example:
        >>> spending_from_text("hsd(-4)"), spending_from_text("pocock")
        (('hsd', -4.0), 'pocock')
    """
    name, bracket, rest = text.partition("(")
    if not bracket:
        return check_spending(text)
    try:
        number = float(rest.removesuffix(")"))
    except ValueError:
        return check_spending(text)
    return check_spending((name, number))
