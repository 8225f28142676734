"""The standard deviation per person that plans a ratio, a count or a quantile as a mean; ranks on their own scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.core.estimates import check_level, check_side
from experiments.design.planning.crossing import check_power, planned_test
from experiments.design.planning.options import PlanOptions, variance_factor
from experiments.design.planning.size import Planned, SampleSize, whole_size
from experiments.design.planning.solving import check_allocation_ratio, check_persons
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.crossing import PlannedTest

__all__ = ["count_std", "power_ranks", "quantile_std", "ratio_std", "sample_size_ranks"]

_PLAIN = PlanOptions()


def ratio_std(
    ratio: float, denominator_mean: float, *, numerator_std: float, denominator_std: float, correlation: float = 0.0
) -> float:
    """The standard deviation per person of a ratio of sums (delta method), for `sample_size_means`.

    Args:
        ratio: Sum of the numerator / sum of the denominator.
        denominator_mean: Mean of the denominator per person, above 0.
        numerator_std: Standard deviation of the numerator over persons.
        denominator_std: Standard deviation of the denominator over persons.
        correlation: Correlation of the two over persons.

    Returns:
        ``sqrt(sn^2 - 2 R r sn sd + R^2 sd^2) / denominator_mean``, in the unit of the ratio.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        Cochran (1977), Sampling Techniques, section 2.11.

    Verified against: the standard deviation of simulated ratios.

    Example:
        >>> round(ratio_std(0.05, 4.0, numerator_std=0.5, denominator_std=3.0, correlation=0.4), 4)
        0.1152
    """
    problems: list[str] = []
    r = checked_number("ratio", ratio, problems)
    base = checked_number("denominator_mean", denominator_mean, problems)
    top = checked_number("numerator_std", numerator_std, problems, positive=True)
    bottom = checked_number("denominator_std", denominator_std, problems, positive=True)
    joint = checked_number("correlation", correlation, problems)
    if base <= 0.0:
        problems.append(f"denominator_mean must lie above 0, got {denominator_mean!r}.")
    if not -1.0 <= joint <= 1.0 and not math.isnan(joint):
        problems.append(f"correlation must lie between -1 and 1, got {correlation!r}.")
    raise_problems(problems)
    return math.sqrt(max(0.0, top * top - 2.0 * r * joint * top * bottom + r * r * bottom * bottom)) / base


def count_std(mean: float, *, dispersion: float = 0.0) -> float:
    """The standard deviation of a count per person, for `sample_size_means`: ``sqrt(mean + dispersion * mean ** 2)``.

    Args:
        mean: Mean number of events per person.
        dispersion: 0 for a Poisson count; the negative binomial's k when the variance is mean + k mean^2.

    Returns:
        The standard deviation, in events.

    Raises:
        InputError: A mean or dispersion below 0.

    References:
        Zhu and Lakkis (2014), Statistics in Medicine 33:376.

    Verified against: SciPy's variance of the negative binomial distribution.

    Example:
        >>> round(count_std(0.4, dispersion=2.0), 4)
        0.8485
    """
    problems: list[str] = []
    m = checked_number("mean", mean, problems, positive=True)
    k = checked_number("dispersion", dispersion, problems, positive=True)
    raise_problems(problems)
    return math.sqrt(m + k * m * m)


def quantile_std(q: float, density: float) -> float:
    """The standard deviation per person of a quantile, for `sample_size_means`: ``sqrt(q (1 - q)) / density``.

    Args:
        q: The quantile's share.
        density: Density of the outcome at the quantile, per unit; in a mass point there is none, and the quantile of
            such an outcome cannot be planned.

    Returns:
        The standard deviation, in the unit of the outcome.

    Raises:
        InputError: q not strictly between 0 and 1, or a density that is not above 0.

    References:
        Mosteller (1946), Annals of Mathematical Statistics 17:377.

    Verified against: the standard deviation of simulated medians.

    Example:
        >>> round(quantile_std(0.5, 0.3989), 4)
        1.2534
    """
    problems: list[str] = []
    share = checked_number("q", q, problems)
    height = checked_number("density", density, problems)
    if not 0.0 < share < 1.0:
        problems.append(f"q must lie strictly between 0 and 1, got {q!r}.")
    if not height > 0.0:
        problems.append(f"density must lie above 0, got {density!r}.")
    raise_problems(problems)
    return math.sqrt(share * (1.0 - share)) / height


def sample_size_ranks(  # noqa: PLR0913 - keyword-only options of a public function
    superiority: float,
    *,
    tied: float = 0.0,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    options: PlanOptions = _PLAIN,
) -> SampleSize:
    """How many persons a rank test (Mann-Whitney) needs, by Noether's formula.

    Args:
        superiority: P(treated > control) + P(equal) / 2 in truth; 0.5 is no effect.
        tied: Sum of the cubed shares of each set of equal values among all persons: 98 % zeros give 0.98 ** 3.
        power: Chance of a significant result in the direction of the effect.
        level: Confidence level of the test.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        allocation: Treated per control person.
        options: Arms, looks, clusters, covariates; a reach moves the superiority towards 0.5.

    Returns:
        Persons per arm.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        Noether (1987), Journal of the American Statistical Association 82:645.

    Verified against: simulated power.

    Example:
        >>> import experiments as ex
        >>> ex.sample_size_ranks(0.7, side="greater", power=0.9).total
        72
    """
    error, distance, test = _rank_terms(superiority, tied, level, side, allocation, options)
    power = check_power(power, test.tail)
    if not distance > 0.0:
        raise_problems([f"superiority {superiority!r} is no effect in the direction of side={side!r}."])
    n = (test.drift(power) * error / distance) ** 2
    return whole_size(n, allocation, options, f"noether{options.words}")


def power_ranks(  # noqa: PLR0913 - keyword-only options of a public function
    superiority: float,
    n: float,
    *,
    tied: float = 0.0,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    options: PlanOptions = _PLAIN,
) -> Planned:
    """The power of a rank test (Mann-Whitney), by Noether's formula.

    Args:
        superiority: As for `sample_size_ranks`.
        n: Persons in the control arm.
        tied: As for `sample_size_ranks`.
        level: As for `sample_size_ranks`.
        side: As for `sample_size_ranks`.
        allocation: As for `sample_size_ranks`.
        options: As for `sample_size_ranks`.

    Returns:
        The power, with the formula's name in ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_ranks`.

    Verified against: `sample_size_ranks`, which it inverts.

    Example:
        >>> import experiments as ex
        >>> round(ex.power_ranks(0.7, 36, side="greater"), 3)
        0.902
    """
    error, distance, test = _rank_terms(superiority, tied, level, side, allocation, options)
    return Planned(test.chance(distance * math.sqrt(check_persons(n)) / error), f"noether{options.words}")


def _rank_terms(
    superiority: float, tied: float, level: float, side: Side, allocation: float, options: PlanOptions
) -> tuple[float, float, PlannedTest]:
    level, side = check_level(level), check_side(side)
    problems: list[str] = []
    chance = checked_number("superiority", superiority, problems)
    equal = checked_number("tied", tied, problems)
    if not 0.0 < chance < 1.0:
        problems.append(f"superiority must lie strictly between 0 and 1, got {superiority!r}.")
    if not 0.0 <= equal < 1.0:
        problems.append(f"tied must lie between 0 and below 1, got {tied!r}.")
    raise_problems(problems)
    r = check_allocation_ratio(allocation)
    error = math.sqrt((1.0 + r) / r * (1.0 - equal) / 12.0 * variance_factor(options))
    gap = options.reach * (chance - 0.5)
    distance = abs(gap) if side == "two" else gap if side == "greater" else -gap
    return error, distance, planned_test(options, level=level, side=side, allocation=r)
