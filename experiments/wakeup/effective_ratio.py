"""Cost per effective customer: known money over a random count, and the rate at which it breaks even."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from experiments.inference.proportions import share_estimate
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST_EFFECTIVE", "cost_per_count", "mean_estimate", "paid_per_count", "reciprocal"]

FEWEST_EFFECTIVE = 20  # below it the mean value of effective customers is no basis of a decision (judgement)


def cost_per_count(cost: float, hits: int, n: int, *, level: float) -> Estimate:
    """Money spent per customer who fulfils the condition.

    The money is known. Of n customers acquired a random number fulfils the condition; the interval is that of the
    share (Wilson), carried over: cost / (n p) falls with p. A share whose lower limit is 0 leaves the cost unbounded.

    Args:
        cost: Money spent on all n customers, at least 0.
        hits: Customers who fulfil the condition.
        n: Customers acquired.
        level: Confidence level.

    Returns:
        The cost per effective customer; NONE_EFFECTIVE without any (the lower end still holds), NOBODY_AT_RISK without
        customers.

    References:
        Wilson (1927), Journal of the American Statistical Association 22:209.

    Verified against a search over the binomial score test (tests/oracles/effective_costs.py).

    Example:
        >>> found = cost_per_count(200_000.0, 10, 200, level=0.95)
        >>> found.value, round(found.low), round(found.high)
        (20000.0, 11163, 36519)
    """
    share = share_estimate(hits, n, level=level)
    if share.low is None or share.high is None:
        return Estimate(value=None, level=level, method="wilson", n=0, note="NOBODY_AT_RISK")
    low = cost / (n * share.high)
    high = cost / (n * share.low) if share.low > 0.0 else math.inf
    note = "" if hits else "NONE_EFFECTIVE"
    value = cost / hits if hits else None
    return Estimate(value=value, low=low, high=high, level=level, method="wilson", n=n, note=note)


def mean_estimate(values: NDArray[np.float64], *, level: float) -> Estimate:
    """A mean of independent persons with Student's interval; one person gives no interval (ONE_PERSON)."""
    n = len(values)
    if n == 0:
        return Estimate(value=None, level=level, method="t", n=0, note="NOBODY_AT_RISK")
    mean = float(np.mean(values))
    if n == 1:
        return Estimate(value=mean, level=level, method="t", n=1, note="ONE_PERSON")
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = critical_value(level, "two", n - 1.0) * error
    return Estimate(value=mean, low=mean - half, high=mean + half, level=level, method="t", n=n, standard_error=error)


def reciprocal(top: float, below: Estimate) -> Estimate:
    """A known number over an estimate that should be positive, its interval carried over.

    VALUE_NOT_POSITIVE when the estimate is not above 0; an interval that reaches 0 leaves the ratio unbounded.
    """
    if below.value is None:
        return Estimate(value=None, level=below.level, method=below.method, n=below.n, note=below.note)
    if below.value <= 0.0:
        return Estimate(value=None, level=below.level, method=below.method, n=below.n, note="VALUE_NOT_POSITIVE")
    low = high = None
    if below.low is not None and below.high is not None:
        low, high = top / below.high, top / below.low if below.low > 0.0 else math.inf
    return Estimate(
        value=top / below.value, low=low, high=high, level=below.level, method=below.method, n=below.n, note=below.note
    )


def paid_per_count(
    paid: NDArray[np.float64], hits: NDArray[np.bool_] | NDArray[np.float64], *, level: float
) -> Estimate:
    """Money per customer who fulfils the condition, when the money differs from person to person.

    Money may depend on the condition (a bonus), so both means and their covariance enter: Fieller's set, cut at 0. A
    share that could be 0 leaves the ratio unbounded.

    Args:
        paid: Money paid for each unit (a customer; an inviter with everything that came from them), at least 0.
        hits: Whether, or how often, the unit fulfils the condition.
        level: Confidence level.
    """
    n = len(paid)
    if n == 0:
        return Estimate(value=None, level=level, method="fieller", n=0, note="NOBODY_AT_RISK")
    counts = np.asarray(hits, dtype=np.float64)
    top, bottom = float(np.mean(paid)), float(np.mean(counts))
    if bottom <= 0.0:
        return Estimate(value=None, level=level, method="fieller", n=n, note="NONE_EFFECTIVE")
    if n == 1:
        return Estimate(value=top / bottom, level=level, method="fieller", n=1, note="ONE_PERSON")
    covariance = np.cov(np.stack((paid, counts)), ddof=1) / n
    found = fieller(
        top, bottom, float(covariance[0, 0]), float(covariance[1, 1]), joint=float(covariance[0, 1]), level=level,
        t=critical_value(level, "two", n - 1.0),
    )  # fmt: skip
    low, high = max(0.0, found.low), found.high
    if found.kind == "complement":  # the piece below 0 is no price; what is left begins at the upper root
        low, high = (found.high if found.low <= 0.0 else 0.0), math.inf
    elif found.kind == "all":
        low, high = 0.0, math.inf
    return Estimate(value=found.value, low=low, high=high, level=level, method="fieller", n=n)
