"""Two means by Welch, pooled or over strata; the relative lift by Fieller with the same statistic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.estimates import Side, check_level, check_side
from experiments.inference.counts import checked_weights, raise_problems
from experiments.inference.figures import ArmFigures, compare_figures, stratified_figures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from attribution.core.estimates import Comparison

__all__ = ["compare_means", "compare_stratified_means", "mean_figures"]

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
            wrong = (
                np.asarray(item).dtype.kind in "bSU"
            )  # True is no count, and a text no number, even where NumPy reads it
        except (TypeError, ValueError):
            wrong = True
        if wrong:
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
    figures = mean_figures(
        np.column_stack([treated.mean, control.mean])[used],
        np.column_stack([treated.variance, control.variance])[used],
        np.column_stack([treated.n, control.n])[used].astype(np.int64),
        weights=shares[used],
    )
    return compare_figures(figures, 0, 1, level=level, side=side)


def mean_figures(
    mean: Floats, variance: Floats, n: NDArray[np.int64], *, weights: Floats, equal_variances: bool = False
) -> ArmFigures:
    """The means of all arms with Neyman's variance, or with one variance pooled over all arms and strata.

    Args:
        mean: Means, strata by arms.
        variance: Sample variances (n - 1), strata by arms; nan where n is 1.
        n: Persons, strata by arms.
        weights: Weight of each stratum; they sum to 1.
        equal_variances: Whether every arm and stratum has the same variance (Student).
    """
    freedom: Floats = np.asarray(n - 1.0, dtype=np.float64)
    if not equal_variances:
        return stratified_figures(mean, variance / n, freedom, n, weights=weights, method="welch")
    total = float(freedom.sum())
    pool = float(np.sum(np.where(freedom > 0, freedom * variance, 0.0))) / total if total > 0 else math.nan
    made = stratified_figures(mean, pool / n, np.full(n.shape, max(total, 0.0)), n, weights=weights, method="student")
    return replace(made, freedom=np.full(n.shape[1], total), pooled=True)
