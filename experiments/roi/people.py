"""How many persons would decide an undecided verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from experiments.inference.tails import critical_value

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate

__all__ = ["ENOUGH_PERSONS", "NOT_REACHABLE", "OTHER_DIRECTION", "UNKNOWN", "PeopleNeeded", "people_needed"]

ENOUGH_PERSONS = "ENOUGH_PERSONS"
NOT_REACHABLE = "NOT_REACHABLE"
OTHER_DIRECTION = "OTHER_DIRECTION"
UNKNOWN = "UNKNOWN"
_FARTHEST = 100


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PeopleNeeded:
    """The persons that would decide, in all arms of the contrast, split as now.

    Attributes:
        number: Whole persons; None when `reason` is set.
        label: ``"declared"``: for the declared smallest net benefit that matters; ``"if_true"``: if the estimate were
            the truth.
        n: Persons now.
        power: The chance of a decision that the number buys.
        reason: ``""``; ``"ENOUGH_PERSONS"`` when the present persons are as many already, so that more of them are not
            what lacks; ``"NOT_REACHABLE"`` above 100 times the present persons; ``"OTHER_DIRECTION"`` when a one-sided
            test can never decide in the direction of the estimate; ``"UNKNOWN"`` without a standard error.
        net: The net benefit per person that the number is for; None when it is not known.
    """

    number: int | None
    label: Literal["declared", "if_true"]
    n: int
    power: float
    reason: str = ""
    net: float | None = None


def people_needed(estimate: Estimate, n: int, *, relevant_net: float | None = None, power: float = 0.8) -> PeopleNeeded:
    """``n * ((z_level + z_power) * se / |relevant_net|) ** 2``: the persons at which the net benefit would be decided.

    Assumes the same shares of the arms and the same variance per person.

    Args:
        estimate: The net benefit; its level and side say what "decided" means.
        n: Persons that it rests on.
        relevant_net: The smallest net benefit per person that matters, declared; its size counts, in the direction that
            ``side`` asks for. None takes the estimate itself, in its own direction.
        power: Chance of a decision when the truth is that net benefit.

    Returns:
        The number, with the label that says what it presumes; no number but a reason where more persons would not
        decide, or the present ones were enough already.

    Raises:
        InputError: When n is below 1, relevant_net is 0 or not finite, or power is not between 0 and 1.

    References:
        Lachin (1981), Controlled Clinical Trials 2:93.

    Example:
        >>> from attribution.core.estimates import Estimate
        >>> net = Estimate(value=0.1, low=-0.1, high=0.3, standard_error=0.1, n=10000)
        >>> people_needed(net, 10000, relevant_net=0.2).number
        19623
        >>> people_needed(net, 10000).label, people_needed(net, 10000).number
        ('if_true', 78489)
    """
    if n < 1:
        raise InputError(f"n must be the number of persons that the estimate rests on, at least 1, got {n!r}.")
    real = isinstance(relevant_net, Real) and not isinstance(relevant_net, bool)
    if relevant_net is not None and not (real and math.isfinite(relevant_net) and relevant_net != 0.0):
        raise InputError(
            f"relevant_net is the smallest net benefit per person that matters; it must be finite and not 0, got "
            f"{relevant_net!r}. Leave it out when nothing is declared."
        )
    power = _check_power(power)
    label: Literal["declared", "if_true"] = "if_true" if relevant_net is None else "declared"
    goal = estimate.value if relevant_net is None else _in_direction(relevant_net, estimate)
    number, reason = _number(estimate, n, goal, power)
    return PeopleNeeded(number=number, label=label, n=n, power=power, reason=reason, net=goal)


def _in_direction(relevant_net: float, estimate: Estimate) -> float:
    """A declared size in the direction that a one-sided test asks for."""
    if estimate.side == "two":
        return relevant_net
    return abs(relevant_net) if estimate.side == "greater" else -abs(relevant_net)


def _number(estimate: Estimate, n: int, goal: float | None, power: float) -> tuple[int | None, str]:
    """The persons for a net benefit, or None with the reason why there is no number."""
    error = estimate.standard_error
    if error is None or error <= 0.0 or goal is None:
        return None, UNKNOWN
    if goal < 0.0 if estimate.side == "greater" else goal > 0.0 and estimate.side == "less":
        return None, OTHER_DIRECTION
    quantiles = critical_value(estimate.level, estimate.side) + critical_value(power, "greater")
    number = n * (quantiles * error / abs(goal)) ** 2 if goal != 0.0 else math.inf
    if number > _FARTHEST * n:
        return None, NOT_REACHABLE
    return (math.ceil(number), "") if number > n else (None, ENOUGH_PERSONS)


def _check_power(power: float) -> float:
    try:
        return check_level(power)
    except InputError as error:
        raise InputError(f"power must lie strictly between 0 and 1, got {power!r}.") from error
