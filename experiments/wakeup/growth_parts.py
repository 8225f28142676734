"""A product of factors in two periods: the exact parts of its change, by logarithmic means or by Shapley's values."""

from __future__ import annotations

import math
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from attribution.core.errors import ConservationError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Numbers", "chain_levels", "check_parts", "lmdi_parts", "log_mean", "shapley_parts"]

Numbers = "Sequence[float] | Sequence[complex]"
_NEAR = 1e-3


def chain_levels(totals: Sequence[complex]) -> list[complex | None]:
    """The first total, and each total over the one before; None after the first 0: nothing is observed there."""
    levels: list[complex | None] = [totals[0]]
    for before, after in pairwise(totals):
        levels.append(after / before if before else None)
    return levels


def log_mean(a: complex, b: complex) -> complex:
    """(a - b) / ln(a / b), its limit a where both are equal, and 0 where one is 0.

    Near each other the quotient loses its digits; there the series of x / artanh(x) is used.
    """
    if not a or not b:
        return 0.0
    if a == b:
        return a
    x = (a - b) / (a + b)
    if abs(x) < _NEAR:
        # ln(a / b) = 2 artanh(x), so the mean is (a + b) / 2 * x / artanh(x).
        square = x * x
        return (a + b) / 2.0 / (1.0 + square / 3.0 + square**2 / 5.0 + square**3 / 7.0)
    return (a - b) / _log(a / b)


def _log(value: complex) -> complex:
    import cmath

    return cmath.log(value) if isinstance(value, complex) else math.log(value)


def lmdi_parts(before: Sequence[complex], after: Sequence[complex]) -> list[complex]:
    """The additive LMDI-I parts of the change of the last total.

    Part of a factor: L(V1, V0) ln(x1 / x0). Where a chain breaks off at a 0 (in one period), the limit holds: the whole
    change belongs to the factor that is 0 there, as every other logarithm is finite and L(V, 0) = 0.

    Args:
        before: Totals of the first period, each a stage of the chain; 0 only together with all later ones.
        after: Totals of the second period.
    """
    parts: list[complex] = [0.0] * len(before)
    if not before[-1] and not after[-1]:
        return parts
    if not before[-1] or not after[-1]:
        broken = before if not before[-1] else after
        parts[_first_zero(broken)] = after[-1] - before[-1]
        return parts
    mean = log_mean(after[-1], before[-1])
    old, new = chain_levels(before), chain_levels(after)
    for place, (low, high) in enumerate(zip(old, new, strict=True)):
        if low is not None and high is not None:  # no 0 anywhere, so always
            parts[place] = mean * _log(high / low)
    return parts


def shapley_parts(before: Sequence[complex], after: Sequence[complex]) -> list[complex]:
    """Shapley's values of the factors: the mean over all orders of moving the factors one by one.

    A factor that is not observed in one period (behind a 0) keeps its level of the other; in neither, it has no part.
    """
    old, new = _filled(chain_levels(before), chain_levels(after)), _filled(chain_levels(after), chain_levels(before))
    n = len(old)
    weights = [math.factorial(k) * math.factorial(n - 1 - k) / math.factorial(n) for k in range(n)]
    parts: list[complex] = []
    for place in range(n):
        others = [other for other in range(n) if other != place]
        total: complex = 0.0
        for count in range(n):
            for moved in combinations(others, count):
                rest = math.prod((new if other in moved else old)[other] for other in others)
                total += weights[count] * rest * (new[place] - old[place])
        parts.append(total)
    return parts


def _filled(own: Sequence[complex | None], other: Sequence[complex | None]) -> list[complex]:
    return [1.0 if a is None and b is None else (b if a is None else a) for a, b in zip(own, other, strict=True)]  # type: ignore[misc]


def _first_zero(totals: Sequence[complex]) -> int:
    return next(place for place, total in enumerate(totals) if not total)


def check_parts(parts: Sequence[float], change: float, size: float) -> None:
    """Raise unless the parts make the change, to 1e-9 of the largest of them and of the values themselves.

    Between periods of very unlike size parts can be far larger than the values; their digits end sooner then.

    Raises:
        ConservationError: When they do not (an error of the library).
    """
    total = math.fsum(parts)
    largest = max(size, *map(abs, parts))
    if not math.isclose(total, change, rel_tol=1e-9, abs_tol=1e-9 * max(largest, 1e-300)):
        raise ConservationError(
            f"the parts make {total!r}, the change is {change!r}. This is an error of ours, please report it."
        )
