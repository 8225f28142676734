"""Plans that want to show that two arms are alike, or that the new one is not worse than a margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from experiments.design.planning.crossing import planned_test
from experiments.design.planning.means import mean_case
from experiments.design.planning.options import PlanOptions, variance_factor
from experiments.design.planning.rate_terms import margin_terms
from experiments.design.planning.size import Planned, SampleSize, whole_size
from experiments.design.planning.solving import check_allocation_ratio, check_persons, solve_persons
from experiments.inference.counts import checked_number, one_number, raise_problems
from experiments.inference.tails import one_sided_tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.design.planning.means import Spread

__all__ = [
    "power_equivalence_means",
    "power_equivalence_rates",
    "sample_size_equivalence_means",
    "sample_size_equivalence_rates",
]

_PLAIN = PlanOptions()


def sample_size_equivalence_rates(  # noqa: PLR0913 - keyword-only options of a public function
    control: float, treatment: float, margin: float, *, power: float = 0.8, level: float = 0.95,
    allocation: float = 1.0, options: PlanOptions = _PLAIN,
) -> SampleSize:  # fmt: skip
    """How many persons it takes to show that two rates differ by less than a margin (two one-sided tests).

    Each of the two tests has all of ``1 - level``: at 0.95 the interval of level 0.90 must lie inside the margins. For
    one margin only (non-inferiority) use `sample_size_rates` with ``null`` and a side.

    Args:
        control: Rate of the control arm.
        treatment: True rate of the treated arm, inside the margins; usually the control's own.
        margin: Largest difference that counts as alike, above 0.
        power: Chance to show it.
        level: Confidence level of each one-sided test.
        allocation: Treated per control person.
        options: Clusters, covariates; one treated arm and one look.

    Returns:
        Persons per arm.

    Raises:
        InputError: Numbers that cannot be used, or a true difference outside the margins.

    References:
        Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657. Farrington and Manning (1990).

    Verified against: simulated power.

    Example:
        >>> import experiments as ex
        >>> ex.sample_size_equivalence_rates(0.05, 0.05, 0.01).control
        8174
    """
    power_of = _rates(control, treatment, margin, level, allocation, options)
    return _size(power_of, power, allocation, options, "two one-sided score tests")


def power_equivalence_rates(  # noqa: PLR0913 - keyword-only options of a public function
    control: float, treatment: float, margin: float, n: float, *, level: float = 0.95, allocation: float = 1.0,
    options: PlanOptions = _PLAIN,
) -> Planned:  # fmt: skip
    """The chance to show that two rates differ by less than a margin (two one-sided tests).

    Args:
        control: As for `sample_size_equivalence_rates`.
        treatment: As for `sample_size_equivalence_rates`.
        margin: As for `sample_size_equivalence_rates`.
        n: Persons in the control arm.
        level: As for `sample_size_equivalence_rates`.
        allocation: As for `sample_size_equivalence_rates`.
        options: As for `sample_size_equivalence_rates`.

    Returns:
        The chance, with the formula's name in ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_equivalence_rates`.

    Verified against: `sample_size_equivalence_rates`, which it inverts.

    Example:
        >>> import experiments as ex
        >>> round(ex.power_equivalence_rates(0.05, 0.05, 0.01, 8174), 4)
        0.8
    """
    power_of = _rates(control, treatment, margin, level, allocation, options)
    return Planned(power_of(check_persons(n)), "two one-sided score tests" + options.words)


def sample_size_equivalence_means(  # noqa: PLR0913 - keyword-only options of a public function
    effect: float, std: Spread, margin: float, *, power: float = 0.8, level: float = 0.95, allocation: float = 1.0,
    options: PlanOptions = _PLAIN,
) -> SampleSize:  # fmt: skip
    """How many persons it takes to show that two means differ by less than a margin (two one-sided Welch tests).

    Args:
        effect: True difference, inside the margins; usually 0.
        std: Standard deviation of a person's outcome, or of (control, treated).
        margin: Largest difference that counts as alike, above 0, in the unit of the outcome.
        power: Chance to show it.
        level: Confidence level of each one-sided test.
        allocation: Treated per control person.
        options: Clusters, covariates; one treated arm and one look.

    Returns:
        Persons per arm.

    Raises:
        InputError: Numbers that cannot be used, or a true difference outside the margins.

    References:
        Schuirmann (1987). Julious (2004), Statistics in Medicine 23:1921.

    Verified against: the exact power by numerical integration in R; simulated power.

    Example:
        >>> import experiments as ex
        >>> ex.sample_size_equivalence_means(0.0, 10.0, 2.0, power=0.9, level=0.975).control
        651
    """
    power_of = _means(effect, std, margin, level, allocation, options)
    return _size(power_of, power, allocation, options, "two one-sided welch tests")


def power_equivalence_means(  # noqa: PLR0913 - keyword-only options of a public function
    effect: float, std: Spread, margin: float, n: float, *, level: float = 0.95, allocation: float = 1.0,
    options: PlanOptions = _PLAIN,
) -> Planned:  # fmt: skip
    """The chance to show that two means differ by less than a margin (two one-sided Welch tests).

    Args:
        effect: As for `sample_size_equivalence_means`.
        std: As for `sample_size_equivalence_means`.
        margin: As for `sample_size_equivalence_means`.
        n: Persons in the control arm.
        level: As for `sample_size_equivalence_means`.
        allocation: As for `sample_size_equivalence_means`.
        options: As for `sample_size_equivalence_means`.

    Returns:
        The chance, with the formula's name in ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_equivalence_means`.

    Verified against: `sample_size_equivalence_means`, which it inverts.

    Example:
        >>> import experiments as ex
        >>> round(ex.power_equivalence_means(0.0, 10.0, 2.0, 651, level=0.975), 3)
        0.9
    """
    power_of = _means(effect, std, margin, level, allocation, options)
    return Planned(power_of(check_persons(n)), "two one-sided welch tests" + options.words)


def _both(upper: float, lower: float) -> float:
    """The chance that both tests reject: by Bonferroni's bound, exact but for tails far beyond both margins."""
    return max(0.0, upper + lower - 1.0)


def _rates(
    control: float, treatment: float, margin: float, level: float, allocation: float, options: PlanOptions
) -> Callable[[float], float]:
    _check_plain(options)
    for name, rate in (("control", control), ("treatment", treatment)):
        if not 0.0 < one_number(name, rate) < 1.0:
            raise InputError(f"{name} is a rate strictly between 0 and 1, got {rate!r}.")
    _inside("treatment - control", treatment - control, margin)
    r = check_allocation_ratio(allocation)
    limit = planned_test(PlanOptions(), level=check_level(level), side="greater", allocation=r).limits[0]
    factor = math.sqrt(variance_factor(options))
    ends = [
        margin_terms(control, treatment, r, difference=end, ratio=None, pooled=True).widened(factor)
        for end in (-margin, margin)
    ]

    def power_of(n: float) -> float:
        chances = [
            one_sided_tail((limit * term.null_error - abs(term.distance) * math.sqrt(n)) / term.true_error)
            for term in ends
        ]
        return _both(*chances)

    return power_of


def _means(
    effect: float, std: Spread, margin: float, level: float, allocation: float, options: PlanOptions
) -> Callable[[float], float]:
    _check_plain(options)
    _inside("effect", effect, margin)
    above = mean_case(
        std, level=level, side="greater", allocation=allocation, null=-margin, equal_variances=False, options=options
    )
    below = mean_case(
        std, level=level, side="less", allocation=allocation, null=margin, equal_variances=False, options=options
    )
    return lambda n: _both(above.power(effect, max(n, above.least)), below.power(effect, max(n, below.least)))


def _size(
    power_of: Callable[[float], float], power: float, allocation: float, options: PlanOptions, method: str
) -> SampleSize:
    if isinstance(power, bool) or not isinstance(power, (int, float)) or not 0.0 < power < 1.0:
        raise InputError(f"power must lie strictly between 0 and 1, got {power!r}.")
    n = solve_persons(power_of, power, least=2.0 * options.cluster_size / min(1.0, allocation), start=50.0)
    return whole_size(n, allocation, options, method + options.words)


def _inside(name: str, difference: float, margin: float) -> None:
    problems: list[str] = []
    width = checked_number("margin", margin, problems)
    gap = checked_number(name, difference, problems)
    if width <= 0.0:
        problems.append(f"margin is the largest difference that counts as alike, above 0, got {margin!r}.")
    elif not problems and abs(gap) >= width:
        problems.append(f"{name} = {difference:g} does not lie inside the margin {margin:g}: the arms are not alike.")
    raise_problems(problems)


def _check_plain(options: PlanOptions) -> None:
    if options.arms != 1 or len(options.fractions) > 1 or options.reach != 1.0:
        raise InputError(
            "equivalence is planned for one treated arm, one look and full reach: persons who were not reached make "
            "arms alike by themselves."
        )
