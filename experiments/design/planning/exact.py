"""The true power of the score test of two rates, by summing the tables that it rejects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.design.planning.rates import RateCase

__all__ = ["exact_persons", "exact_power", "rejection_chances"]

_LARGEST = 4_000_000  # tables that one power may sum
_LEFT_OUT = 1e-12
_STAYS = 10  # the power saws up and down; it must stay above the goal for this many more persons


def exact_power(case: RateCase, treatment: float, n: float) -> float:
    """The chance of a rejection in the direction of the effect, for whole persons."""
    if n != int(n):
        raise InputError(f'n must be a whole number of persons for method="exact", got {n!r}.')
    size = int(n), max(1, math.ceil(n * case.allocation * (1.0 - 1e-9)))
    rate = case.assigned(treatment)
    up, down = rejection_chances(case.control, rate, *size, limit=case.test.limits[0])
    if case.side == "two":
        return up if rate >= case.control else down
    return up if case.side == "greater" else down


def rejection_chances(control: float, treatment: float, control_n: int, n: int, *, limit: float) -> tuple[float, float]:
    """The chances that the score statistic exceeds a limit upwards, and downwards.

    Args:
        control: Rate of the control arm.
        treatment: Rate of the treated arm.
        control_n: Control persons.
        n: Treated persons.
        limit: The critical value, above 0.

    Raises:
        InputError: When there are too many tables to sum.
    """
    hits, chance = _likely(n, treatment)
    control_hits, control_chance = _likely(control_n, control)
    if len(hits) * len(control_hits) > _LARGEST:
        raise InputError(
            f"the exact power would sum {len(hits) * len(control_hits):,} tables, more than {_LARGEST:,}. With this "
            'many events method="pooled" is close; use it.'
        )
    total = n + control_n
    events = hits[:, None] + control_hits[None, :]
    variance = events * (total - events) / total / (total - 1.0) * (1.0 / n + 1.0 / control_n)
    gap = hits[:, None] / n - control_hits[None, :] / control_n
    weight = chance[:, None] * control_chance[None, :]
    beyond = gap * gap >= limit * limit * variance * (1.0 - 1e-12)
    up = float(np.sum(weight, where=beyond & (gap > 0.0)))
    return up, float(np.sum(weight, where=beyond & (gap < 0.0)))


def exact_persons(case: RateCase, treatment: float, power: float) -> float:
    """The smallest whole number of control persons whose power is reached and stays so for the next few."""
    low, high = 1, max(4, math.ceil(case.normal_persons(treatment, power)))
    while exact_power(case, treatment, high) < power:
        low, high = high, math.ceil(high * 1.2) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if exact_power(case, treatment, middle) < power:
            low = middle
        else:
            high = middle
    kept = 0
    found = high
    while kept < _STAYS:
        following = found + kept + 1
        if exact_power(case, treatment, following) < power:
            found, kept = following + 1, 0
        else:
            kept += 1
    return float(found)


def _likely(n: int, rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The counts that are not negligible, and their chances."""
    from scipy.special import gammaln, xlog1py, xlogy

    middle, width = n * rate, 9.0 * math.sqrt(n * rate * (1.0 - rate)) + 30.0
    hits = np.arange(max(0, math.floor(middle - width)), min(n, math.ceil(middle + width)) + 1, dtype=np.float64)
    logs = (
        gammaln(n + 1.0) - gammaln(hits + 1.0) - gammaln(n - hits + 1.0) + xlogy(hits, rate) + xlog1py(n - hits, -rate)
    )
    chance = np.exp(logs)
    kept = chance > _LEFT_OUT * 1e-4
    return hits[kept], chance[kept]
