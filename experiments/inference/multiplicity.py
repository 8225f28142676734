"""Adjusted p-values for a family of tests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from attribution.core.errors import InputError
from experiments.inference.counts import raise_problems

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CORRECTIONS", "Correction", "Family", "adjust_pvalues"]

Correction = Literal["bonferroni", "holm", "hochberg", "hommel", "bh", "by"]
Family = Correction | Literal["dunnett"]
CORRECTIONS: tuple[str, ...] = get_args(Correction)
Floats = NDArray[np.float64]


def adjust_pvalues(p: Iterable[float | None], *, method: Correction = "holm") -> tuple[float | None, ...]:
    """Adjust the p-values of one family of tests; the order given is kept.

    An adjusted p-value of at most alpha rejects at alpha. ``"bonferroni"`` and ``"holm"`` control the probability
    of any false rejection under every dependence; ``"hochberg"`` and ``"hommel"`` for independent or positively
    dependent tests; ``"bh"`` (Benjamini-Hochberg) controls the expected share of false rejections for those, ``"by"``
    (Benjamini-Yekutieli) under every dependence.

    Args:
        p: P-values between 0 and 1. None or nan marks a test that could not be done: it stays None and does not count.
        method: One of bonferroni, holm, hochberg, hommel, bh, by.

    Returns:
        The adjusted p-values, each at most 1 and never below the given one.

    Raises:
        InputError: A p-value is outside [0, 1], no list of them is given, or the method is unknown; every bad p-value
            is listed.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65. Hochberg (1988), Biometrika 75:800. Hommel (1988),
        Biometrika 75:383. Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289. Benjamini
        and Yekutieli (2001), Annals of Statistics 29:1165. Wright (1992), Biometrics 48:1005 (adjusted p-values).

    Verified against R's p.adjust and statsmodels' multipletests; see docs/methods/multiplicity.md.

    Example:
        >>> [round(q, 3) for q in adjust_pvalues([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
        >>> adjust_pvalues([0.01, None, 0.04], method="bonferroni")
        (0.02, None, 0.08)
    """
    if not isinstance(method, str) or method not in _METHODS:
        raise InputError(f"method must be one of {', '.join(_METHODS)}, got {method!r}.")
    if not isinstance(p, Iterable) or isinstance(p, (str, bytes, Mapping)):
        raise InputError(f"p must be a list of p-values, one per test of the family, got {p!r}.")
    given = list(p)
    problems: list[str] = []
    values = np.array([_checked(index, item, problems) for index, item in enumerate(given)], dtype=np.float64)
    raise_problems(problems)
    known = np.flatnonzero(~np.isnan(values))
    adjusted: list[float | None] = [None] * len(given)
    if known.size:
        order = known[np.argsort(values[known], kind="stable")]
        ascending = values[order]
        results = np.clip(_METHODS[method](ascending), ascending, 1.0)
        for index, value in zip(order.tolist(), results.tolist(), strict=True):
            adjusted[index] = value
    return tuple(adjusted)


def _checked(index: int, item: object, problems: list[str]) -> float:
    if item is None:
        return math.nan
    if isinstance(item, (int, float, np.integer, np.floating)) and not isinstance(item, bool):
        number = float(item)
        if math.isnan(number) or 0.0 <= number <= 1.0:
            return number
    problems.append(f"p-values must lie between 0 and 1 (None for a test that was not done), got {item!r} at {index}.")
    return math.nan


def _bonferroni(p: Floats) -> Floats:
    return p.size * p


def _holm(p: Floats) -> Floats:
    adjusted: Floats = np.maximum.accumulate((p.size - np.arange(p.size)) * p)
    return adjusted


def _hochberg(p: Floats) -> Floats:
    return _step_up((p.size - np.arange(p.size)) * p)


def _bh(p: Floats) -> Floats:
    return _step_up(p.size / np.arange(1.0, p.size + 1.0) * p)


def _by(p: Floats) -> Floats:
    ranks = np.arange(1.0, p.size + 1.0)
    return _step_up(float(np.sum(1.0 / ranks)) * p.size / ranks * p)


def _step_up(p: Floats) -> Floats:
    """Running minimum from the largest p-value down."""
    return np.minimum.accumulate(p[::-1])[::-1]


def _hommel(p: Floats) -> Floats:
    """Closed testing with Simes' test, by Wright's (1992) algorithm."""
    m = p.size
    best = np.full(m, np.min(m * p / np.arange(1.0, m + 1.0)))
    result = best.copy()
    for size in range(m - 1, 1, -1):
        split = m - size + 1
        tail = p[split:]
        smallest = float(np.min(size * tail / np.arange(2.0, size + 1.0))) if tail.size else math.inf
        best[:split] = np.minimum(size * p[:split], smallest)
        best[split:] = best[split - 1]
        result = np.maximum(result, best)
    return result


_METHODS: dict[str, Callable[[Floats], Floats]] = {
    "bonferroni": _bonferroni,
    "holm": _holm,
    "hochberg": _hochberg,
    "hommel": _hommel,
    "bh": _bh,
    "by": _by,
}
