"""Persons, power and smallest detectable effect of two means, and of whatever behaves like one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from experiments.design.planning.crossing import check_power, planned_test
from experiments.design.planning.options import PlanOptions, variance_factor
from experiments.design.planning.rates import cluster_freedom
from experiments.design.planning.size import Planned, SampleSize, whole_size
from experiments.design.planning.solving import check_allocation_ratio, check_persons, solve_effect, solve_persons
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.crossing import PlannedTest

__all__ = ["MeanCase", "Spread", "detectable_means", "mean_case", "power_means", "sample_size_means"]

Spread = float | tuple[float, float]
_PLAIN = PlanOptions()


def sample_size_means(  # noqa: PLR0913 - the options of the public contract, keyword-only
    effect: float,
    std: Spread,
    *,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    null: float = 0.0,
    equal_variances: bool = False,
    options: PlanOptions = _PLAIN,
) -> SampleSize:
    """How many persons a comparison of two means needs.

    Welch's t with the noncentral t distribution at Satterthwaite's degrees of freedom; with looks the normal
    distribution. Ratios of sums, counts and quantiles are planned the same way, with the standard deviation that
    `ratio_std`, `count_std` or `quantile_std` gives.

    Args:
        effect: Difference of the means, treated minus control, in the unit of the outcome; among those reached when
            ``options.reach`` is below 1.
        std: Standard deviation of a person's outcome in both arms, or of (control, treated).
        power: Chance of a significant result in the direction of the effect.
        level: Confidence level of the test (of the family, with several arms).
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        allocation: Treated per control person.
        null: The difference that the test takes as null: a margin of non-inferiority is a negative one, with
            ``side="greater"``.
        equal_variances: Student's t with pooled variance instead of Welch's.
        options: Arms, looks, clusters, covariates, reach.

    Returns:
        Persons per arm, with the formula's own number for the control arm and its name.

    Raises:
        InputError: Numbers that cannot be used (all are listed), or an effect on the wrong side of the null.

    References:
        Welch (1947), Biometrika 34:28. Lachin (1981), Controlled Clinical Trials 2:93. Donner and Klar (2000).

    Verified against: R's power.t.test and pwr, rpact (unequal arms, margins, looks), statsmodels; claimed against
    simulated power. See docs/methods/sample-size.md.

    Example:
        >>> import experiments as ex
        >>> size = ex.sample_size_means(1.0, 1.0, power=0.9)
        >>> size.control, round(size.exact, 4), size.method
        (23, 22.0211, 'welch t')
    """
    case = mean_case(
        std, level=level, side=side, allocation=allocation, null=null, equal_variances=equal_variances, options=options
    )
    effect = _number("effect", effect)
    power = check_power(power, case.test.tail)
    case.check_direction(effect)
    start = case.normal_persons(effect, power)
    if case.normal:
        return whole_size(start, case.allocation, options, case.name)
    n = solve_persons(lambda n: case.power(effect, n), power, least=case.least, start=start)
    return whole_size(n, case.allocation, options, case.name)


def power_means(  # noqa: PLR0913 - the options of the public contract, keyword-only
    effect: float,
    std: Spread,
    n: float,
    *,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    null: float = 0.0,
    equal_variances: bool = False,
    options: PlanOptions = _PLAIN,
) -> Planned:
    """The power of a comparison of two means.

    Args:
        effect: As for `sample_size_means`.
        std: As for `sample_size_means`.
        n: Persons in the control arm; need not be whole.
        level: As for `sample_size_means`.
        side: As for `sample_size_means`.
        allocation: As for `sample_size_means`.
        null: As for `sample_size_means`.
        equal_variances: As for `sample_size_means`.
        options: As for `sample_size_means`.

    Returns:
        The chance of a significant result in the direction of the effect: a float with the formula's name in
        ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_means`.

    Verified against: as `sample_size_means`.

    Example:
        >>> import experiments as ex
        >>> ex.power_means(1.0, 1.0, 20)
        0.868953 (welch t)
    """
    case = mean_case(
        std, level=level, side=side, allocation=allocation, null=null, equal_variances=equal_variances, options=options
    )
    effect, n = _number("effect", effect), check_persons(n)
    _check_enough(case, n)
    return Planned(case.power(effect, n), case.name)


def detectable_means(  # noqa: PLR0913 - the options of the public contract, keyword-only
    std: Spread,
    n: float,
    *,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    null: float = 0.0,
    equal_variances: bool = False,
    options: PlanOptions = _PLAIN,
) -> Planned:
    """The smallest difference of two means that a test can tell from none.

    Args:
        std: As for `sample_size_means`.
        n: Persons in the control arm.
        power: Chance wished for.
        level: As for `sample_size_means`.
        side: As for `sample_size_means`; ``"less"`` gives a negative effect.
        allocation: As for `sample_size_means`.
        null: As for `sample_size_means`.
        equal_variances: As for `sample_size_means`.
        options: As for `sample_size_means`; with a reach below 1 the effect is that among those reached.

    Returns:
        The effect, in the unit of the outcome: a float with the formula's name in ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_means`.

    Verified against: `sample_size_means` and `power_means`, which it inverts to 1e-8; R's power.t.test.

    Example:
        >>> import experiments as ex
        >>> ex.detectable_means(30.0, 1000, allocation=9)
        2.80377 (welch t)
    """
    case = mean_case(
        std, level=level, side=side, allocation=allocation, null=null, equal_variances=equal_variances, options=options
    )
    n = check_persons(n)
    power = check_power(power, case.test.tail)
    _check_enough(case, n)
    start = null / case.options.reach
    end = -math.inf if side == "less" else math.inf
    told = f"{n:g} control persons"
    error = case.error / math.sqrt(n) / case.options.reach  # effects in standard errors: any unit will do
    drift = solve_effect(lambda one: case.power(start + one * error, n), power, null=0.0, end=end, what=told)
    return Planned(start + drift * error, case.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanCase:
    """A checked plan of two means, all but the effect and the persons.

    Attributes:
        std: Standard deviations of a person in the control and in the treated arm.
        allocation: Treated per control person.
        side: Side of the test.
        null: The null difference.
        equal_variances: Whether the test pools the variances.
        options: The design.
        test: The rejection rule.
    """

    std: tuple[float, float]
    allocation: float
    side: Side
    null: float
    equal_variances: bool
    options: PlanOptions
    test: PlannedTest

    @property
    def normal(self) -> bool:
        """Whether the statistic is planned as normal."""
        return len(self.options.fractions) > 1

    @property
    def name(self) -> str:
        """The formula by name."""
        kind = "normal" if self.normal else "student t" if self.equal_variances else "welch t"
        return kind + ("" if self.null == 0.0 else f", null {self.null:+g}") + self.options.words

    @property
    def least(self) -> float:
        """The fewest control persons at which both arms have a variance."""
        return 2.0 * self.options.cluster_size / min(1.0, self.allocation)

    @property
    def error(self) -> float:
        """Standard error of the difference for one control person's worth of data."""
        v0, v1 = self.std[0] ** 2, self.std[1] ** 2
        if self.equal_variances:
            v0 = v1 = (v0 + self.allocation * v1) / (1.0 + self.allocation)
        return math.sqrt((v0 + v1 / self.allocation) * variance_factor(self.options))

    def check_direction(self, effect: float) -> None:
        """Raise when there is no effect, or one that the side never finds."""
        distance = self.options.reach * effect - self.null
        if distance == 0.0:
            raise InputError(
                f"effect must differ from what the null says ({self.null:g}), got {effect!r}: without an effect no "
                "number of persons finds one."
            )
        if (distance < 0.0 and self.side == "greater") or (distance > 0.0 and self.side == "less"):
            raise InputError(
                f"side={self.side!r} never finds an effect in the other direction: {effect!r} against {self.null:g} "
                'under the null. Turn the side, or use "two".'
            )

    def power(self, effect: float, n: float) -> float:
        """The chance of a rejection in the direction of the effect."""
        distance = self.options.reach * effect - self.null
        distance = abs(distance) if self.side == "two" else -distance if self.side == "less" else distance
        return self.test.chance(distance * math.sqrt(n) / self.error, df=self._df(n))

    def normal_persons(self, effect: float, power: float) -> float:
        """Control persons by the normal formula."""
        distance = self.options.reach * effect - self.null
        return (self.test.drift(power) * self.error / distance) ** 2

    def _df(self, n: float) -> float:
        units = n / self.options.cluster_size, n * self.allocation / self.options.cluster_size
        if self.equal_variances:
            return max(units[0] + units[1] - 2.0, 1e-3)
        return cluster_freedom((self.std[0] ** 2, self.std[1] ** 2 / self.allocation), units)


def mean_case(  # noqa: PLR0913 - what the public functions pass on
    std: Spread, *, level: float, side: Side, allocation: float, null: float, equal_variances: bool,
    options: PlanOptions,
) -> MeanCase:  # fmt: skip
    """Check what plans of two means have in common."""
    level, side = check_level(level), check_side(side)
    problems: list[str] = []
    shift = checked_number("null", null, problems)
    both = tuple(std) if isinstance(std, (tuple, list)) else (std, std)
    if len(both) != 2:
        problems.append(f"std must be one number, or a pair (control, treated), got {std!r}.")
    spread = [checked_number("std", one, problems) for one in both]
    if not problems and not min(spread) > 0.0:
        problems.append(f"std must lie above 0, got {std!r}: where nothing varies one person per arm is enough.")
    raise_problems(problems)
    allocation = check_allocation_ratio(allocation)
    test = planned_test(options, level=level, side=side, allocation=allocation)
    return MeanCase(
        std=(spread[0], spread[1]), allocation=allocation, side=side, null=shift, equal_variances=equal_variances,
        options=options, test=test,
    )  # fmt: skip


def _check_enough(case: MeanCase, n: float) -> None:
    if n < case.least and not case.normal:
        raise InputError(
            f"n must give both arms two persons (or clusters) at least, here {case.least:g} control persons, got {n:g}."
        )


def _number(name: str, value: float) -> float:
    problems: list[str] = []
    number = checked_number(name, value, problems)
    raise_problems(problems)
    return number
