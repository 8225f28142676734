"""Two means by Welch, pooled or over strata; the relative lift by Fieller with the same statistic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.estimates import Comparison, Estimate, Side, check_level, check_side
from experiments.inference.counts import checked_weights, raise_problems
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["compare_means", "compare_stratified_means"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Arm:
    """Means, variances and persons of one arm, one entry per stratum."""

    mean: Floats
    variance: Floats
    n: Floats


def compare_means(  # noqa: PLR0913 - six numbers of data by position, as the contract says
    mean: float,
    std: float | None,
    n: int,
    control_mean: float,
    control_std: float | None,
    control_n: int,
    *,
    level: float = 0.95,
    side: Side = "two",
) -> Comparison:
    """Compare the means of two independent groups by Welch's t.

    Estimand: the difference of the two means, and the relative lift (ratio of the means - 1). The relative lift is
    Fieller's set with Welch's degrees of freedom, so it excludes 0 exactly when the difference does.

    Args:
        mean: Mean of the treated group.
        std: Standard deviation of the treated group, with n - 1; None or nan where n is 1.
        n: Treated persons.
        control_mean: Mean of the control group.
        control_std: Standard deviation of the control group, with n - 1.
        control_n: Control persons.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).

    Returns:
        The comparison. Notes: BASE_NOT_POSITIVE (the control mean is not wholly above 0 at this level: no relative
        lift), ZERO_VARIANCE (neither group varies: no interval and no p-value), TOO_FEW_PERSONS (a group of one has no
        variance).

    Raises:
        InputError: A number is not allowed; all problems are listed at once.

    References:
        Welch (1947), Biometrika 34:28. Fieller (1954), Journal of the Royal Statistical Society B 16:175.

    Verified against scipy.stats.ttest_ind_from_stats and R's t.test; see docs/methods/means.md.

    Example:
        >>> result = compare_means(12.1, 30.0, 4000, 10.4, 28.0, 1000)
        >>> f"{result.difference.value:.2f} ({result.difference.low:.2f} to {result.difference.high:.2f})"
        '1.70 (-0.27 to 3.67)'
        >>> f"{result.relative.low:.3f} {result.relative.high:.3f} p={result.difference.p_value:.3f}"
        '-0.023 0.416 p=0.091'
    """
    level, side = check_level(level), check_side(side)
    problems: list[str] = []
    treated = _arm(("mean", "std", "n"), (mean, std, n), problems, deviation=True)
    names = ("control_mean", "control_std", "control_n")
    control = _arm(names, (control_mean, control_std, control_n), problems, deviation=True)
    if treated.n.size > 1 or control.n.size > 1:
        problems.append("compare_means takes one number per argument; for strata use compare_stratified_means.")
    raise_problems(problems)
    return _welch(treated, control, np.ones(1), level=level, side=side)


def compare_stratified_means(  # noqa: PLR0913 - six columns of data by position
    mean: ArrayLike,
    variance: ArrayLike,
    n: ArrayLike,
    control_mean: ArrayLike,
    control_variance: ArrayLike,
    control_n: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    side: Side = "two",
) -> Comparison:
    """Compare means inside strata and weight the strata by their share of persons.

    Estimand: the weighted difference of means, and the ratio of the weighted means - 1. Variance: Neyman's,
    ``sum W_s^2 (s1_s^2 / n1_s + s0_s^2 / n0_s)``; degrees of freedom by Satterthwaite over all terms. One stratum gives
    `compare_means`.

    Args:
        mean: Means of the treated group, per stratum.
        variance: Variances of the treated group (n - 1), per stratum; nan where n is 1.
        n: Treated persons, per stratum.
        control_mean: Means of the control group, per stratum.
        control_variance: Variances of the control group, per stratum.
        control_n: Control persons, per stratum.
        weights: Weights of the strata, scaled to sum 1; the stratum's share of both groups when None.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).

    Returns:
        The comparison, with the notes of `compare_means`.

    Raises:
        InputError: A number is not allowed; all problems are listed at once.

    References:
        Miratrix, Sekhon and Yu (2013), Journal of the Royal Statistical Society B 75:369.

    Example:
        >>> result = compare_stratified_means([10, 20], [9, 16], [50, 50], [9, 18], [9, 16], [50, 50])
        >>> round(result.difference.value, 3), round(result.difference.standard_error, 3)
        (1.5, 0.5)
    """
    level, side = check_level(level), check_side(side)
    problems: list[str] = []
    treated = _arm(("mean", "variance", "n"), (mean, variance, n), problems)
    names = ("control_mean", "control_variance", "control_n")
    control = _arm(names, (control_mean, control_variance, control_n), problems)
    if treated.n.shape != control.n.shape:
        problems.append(f"both arms must have the same strata, got {treated.n.size} and {control.n.size} entries.")
    raise_problems(problems)
    shares = checked_weights(weights, treated.n + control.n, problems)
    raise_problems(problems)
    return _welch(treated, control, shares, level=level, side=side)


def _arm(
    names: tuple[str, str, str], given: tuple[object, object, object], problems: list[str], *, deviation: bool = False
) -> _Arm:
    """Check one arm; its second column holds variances, or standard deviations when `deviation` is set."""
    columns = []
    for name, item in zip(names, given, strict=True):
        try:
            column = np.atleast_1d(np.asarray(item, dtype=np.float64))
        except (TypeError, ValueError):
            problems.append(f"{name} must be a number (or one per stratum), got {item!r}.")
            column = np.zeros(1)
        columns.append(column)
    mean, spread, n = columns
    # A negative standard deviation stays negative when squared, so that the check below still sees it.
    variance = np.copysign(np.square(spread), spread) if deviation else spread
    if not mean.shape == variance.shape == n.shape or mean.ndim != 1 or mean.size == 0:
        problems.append(f"{', '.join(names)} must have one entry per stratum each, got {[c.size for c in columns]}.")
        return _Arm(mean=np.zeros(1), variance=np.zeros(1), n=np.ones(1))
    if not np.all(np.isfinite(mean)):
        problems.append(f"{names[0]} must be finite, got {given[0]!r}.")
    if not np.all(np.isfinite(n)) or np.any(n < 1) or np.any(n != np.floor(n)):
        problems.append(f"{names[2]} must be whole numbers of 1 or more, got {given[2]!r}.")
    known = n != 1
    if not np.all(np.isfinite(variance[known])) or np.any(variance[known] < 0):
        problems.append(f"{names[1]} must be finite and 0 or more wherever there are two persons or more.")
    return _Arm(mean=mean, variance=np.where(known, variance, np.nan), n=n)


def _welch(treated: _Arm, control: _Arm, shares: Floats, *, level: float, side: Side) -> Comparison:
    used = shares > 0
    weights = shares[used]
    top, base = float(np.sum(weights * treated.mean[used])), float(np.sum(weights * control.mean[used]))
    terms = [weights**2 * arm.variance[used] / arm.n[used] for arm in (treated, control)]
    freedom = [arm.n[used] - 1.0 for arm in (treated, control)]
    blank = Estimate(
        value=None,
        level=level,
        side=side,
        method="welch" if weights.size == 1 else "stratified welch",
        n=int(treated.n[used].sum() + control.n[used].sum()),
    )
    v1, v0 = (float(np.sum(part)) for part in terms)
    alone = any(bool(np.any(df < 1)) for df in freedom)
    if alone or v1 + v0 == 0.0:
        reason = "TOO_FEW_PERSONS" if alone else "ZERO_VARIANCE"
        lift = top / base - 1.0 if base > 0.0 else None
        difference = replace(blank, value=top - base, note=reason)
        relative = replace(blank, value=lift, note=reason if lift is not None else f"BASE_NOT_POSITIVE; {reason}")
        return Comparison(treatment=top, control=base, difference=difference, relative=relative)
    df = _satterthwaite(np.concatenate(terms), np.concatenate(freedom))
    t, se = critical_value(level, side, df), math.sqrt(v1 + v0)
    p = p_value((top - base) / se, side, df)
    low, high = _ends(top - base - t * se, top - base + t * se, side)
    difference = replace(blank, value=top - base, low=low, high=high, p_value=p, standard_error=se)
    relative = replace(blank, note="BASE_NOT_POSITIVE")
    if base - abs(t) * math.sqrt(v0) > 0.0:
        found = fieller(top, base, v1, v0, t=abs(t), level=level)
        first, last = (found.low, found.high) if t >= 0.0 else (found.high, found.low)
        low, high = _ends(first - 1.0, last - 1.0, side)
        relative = replace(blank, value=top / base - 1.0, low=low, high=high, p_value=p)
    return Comparison(treatment=top, control=base, difference=difference, relative=relative)


def _satterthwaite(terms: Floats, freedom: Floats) -> float:
    """Degrees of freedom of a sum of scaled variances; the scale is taken out so that squares cannot underflow."""
    parts = terms / terms.sum()
    return float(1.0 / np.sum(parts**2 / freedom))


def _ends(low: float, high: float, side: Side) -> tuple[float, float]:
    return (-math.inf if side == "less" else low), (math.inf if side == "greater" else high)
