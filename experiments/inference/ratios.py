"""Fieller's confidence set of a ratio of two normal estimates."""

from __future__ import annotations

import math

from attribution.core.errors import InputError
from attribution.core.estimates import Kind, RatioSet, check_level
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.tails import critical_value

__all__ = ["fieller", "ratio_interval"]


def ratio_interval(  # noqa: PLR0913 - the options of the public contract, keyword-only
    numerator: float,
    denominator: float,
    numerator_variance: float,
    denominator_variance: float,
    *,
    covariance: float = 0.0,
    level: float = 0.95,
    df: float | None = None,
) -> RatioSet:
    """Fieller's two-sided confidence set of ``numerator / denominator``.

    The set holds every ratio phi with ``|numerator - phi denominator| <= t sqrt(variance of that)``. It is an interval
    when the denominator differs from 0 at this level (an end may then still be reached exactly at the edge), everything
    outside an interval, or every number.

    Args:
        numerator: Estimate of the numerator.
        denominator: Estimate of the denominator, in any unit.
        numerator_variance: Squared standard error of the numerator.
        denominator_variance: Squared standard error of the denominator.
        covariance: Covariance of the two estimates.
        level: Confidence level.
        df: Degrees of freedom of Student's t; None for the normal distribution.

    Returns:
        The set: kind "interval", "complement" (everything outside the open interval from low to high) or "all".

    Raises:
        InputError: A number is not finite, a variance is negative, the covariance exceeds what the variances allow, or
            the denominator is exactly 0 without variance.

    References:
        Fieller (1954), Journal of the Royal Statistical Society B 16:175.

    Verified against a grid inversion in mpmath and the published potency example; see docs/methods/relative-lift.md.

    Example:
        >>> found = ratio_interval(12.0, 10.0, 1.0, 1.0)
        >>> found.kind, round(found.low, 4), round(found.high, 4)
        ('interval', 0.9321, 1.5638)
        >>> ratio_interval(5.0, 0.5, 1.0, 1.0).kind
        'complement'
    """
    level = check_level(level)
    problems: list[str] = []
    top = checked_number("numerator", numerator, problems)
    bottom = checked_number("denominator", denominator, problems)
    v1 = checked_number("numerator_variance", numerator_variance, problems, positive=True)
    v0 = checked_number("denominator_variance", denominator_variance, problems, positive=True)
    joint = checked_number("covariance", covariance, problems)
    if df is not None and not (isinstance(df, (int, float)) and df > 0):
        problems.append(f"df must be a positive number or None, got {df!r}.")
    if joint * joint > v1 * v0 * (1.0 + 1e-9):
        problems.append(
            f"covariance must not exceed sqrt(numerator_variance * denominator_variance) = {math.sqrt(v1 * v0):g} in "
            f"size, got {covariance!r}."
        )
    if bottom == 0.0 and v0 == 0.0:
        problems.append("denominator must not be exactly 0 with variance 0: the ratio has no meaning then.")
    raise_problems(problems)
    return fieller(top, bottom, v1, v0, t=critical_value(level, "two", df), level=level, joint=joint)


def fieller(  # noqa: PLR0913 - the numbers of the formula
    top: float, bottom: float, v1: float, v0: float, *, t: float, level: float, joint: float = 0.0
) -> RatioSet:
    """Fieller's set for a given quantile ``t`` >= 0, on checked numbers.

    Raises:
        InputError: The denominator is exactly 0 and has no variance.
    """
    if bottom == 0.0 and v0 == 0.0:
        raise InputError("the denominator is exactly 0 and has no variance, so the ratio has no meaning.")
    # Both estimates are taken in units of their own size: the fourth powers below then neither overflow nor vanish.
    unit, base_unit = max(abs(top), math.sqrt(v1)) or 1.0, max(abs(bottom), math.sqrt(v0))
    low, high, kind = _standard_set(
        top / unit,
        bottom / base_unit,
        math.sqrt(v1) / unit,
        math.sqrt(v0) / base_unit,
        joint / unit / base_unit,
        t,
    )
    value = top / bottom if bottom != 0.0 else None
    return RatioSet(value=value, low=low / base_unit * unit, high=high / base_unit * unit, kind=kind, level=level)


def _standard_set(
    top: float, bottom: float, se: float, base_se: float, joint: float, t: float
) -> tuple[float, float, Kind]:
    """The set of all phi with ``lead phi^2 - 2 half phi + rest <= 0``."""
    lead = (bottom - t * base_se) * (bottom + t * base_se)
    rest = (top - t * se) * (top + t * se)
    half = top * bottom - t * t * joint
    # (half^2 - lead rest) / t^2, written without its cancelling fourth powers.
    inner = (
        (top * base_se) ** 2
        - 2.0 * top * bottom * joint
        + (bottom * se) ** 2
        - t * t * (se * base_se - joint) * (se * base_se + joint)
    )
    if lead == 0.0:
        return _half_line(half, rest)
    if lead < 0.0 and inner <= 0.0:
        return -math.inf, math.inf, "all"
    low, high = _roots(lead, half, rest, t * math.sqrt(max(0.0, inner)))
    return low, high, "interval" if lead > 0.0 else "complement"


def _roots(lead: float, half: float, rest: float, root: float) -> tuple[float, float]:
    """Both roots of ``lead x^2 - 2 half x + rest``, each without cancellation, in rising order."""
    far = half + math.copysign(root, half)
    if far == 0.0:
        return 0.0, 0.0
    first, second = far / lead, rest / far
    return min(first, second), max(first, second)


def _half_line(half: float, rest: float) -> tuple[float, float, Kind]:
    """The set when the denominator lies exactly on the edge: one end is infinite."""
    if half > 0.0:
        return rest / (2.0 * half), math.inf, "interval"
    if half < 0.0:
        return -math.inf, rest / (2.0 * half), "interval"
    return -math.inf, math.inf, "all"
