"""Persons, power and smallest detectable effect of two rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from experiments.design.planning.crossing import check_power, planned_test
from experiments.design.planning.options import PlanOptions, variance_factor
from experiments.design.planning.rate_terms import RateTerms, margin_terms, plain_terms
from experiments.design.planning.size import Planned, SampleSize, whole_size
from experiments.design.planning.solving import check_allocation_ratio, check_persons, solve_effect, solve_persons
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.crossing import PlannedTest
    from experiments.design.planning.rate_terms import NullKind

__all__ = ["RateCase", "RateMethod", "detectable_rates", "power_rates", "rate_case", "sample_size_rates"]

RateMethod = Literal["pooled", "unpooled", "arcsine", "continuity", "baseline", "exact"]
Direction = Literal["up", "down"]
_PLAIN = PlanOptions()


def sample_size_rates(  # noqa: PLR0913 - the options of the public contract, keyword-only
    control: float,
    treatment: float,
    *,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    method: RateMethod = "pooled",
    null: float = 0.0,
    null_kind: NullKind = "difference",
    options: PlanOptions = _PLAIN,
) -> SampleSize:
    """How many persons a comparison of two rates needs.

    Power is the chance of a significant result in the direction of the effect. The default, "pooled", is the variance
    of the score test that `compare_rates` and the readout use.

    Args:
        control: Rate in the control arm, strictly between 0 and 1.
        treatment: Rate in the treated arm; among those reached when ``options.reach`` is below 1.
        power: Chance wished for.
        level: Confidence level of the test (of the family, with several arms).
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        allocation: Treated per control person: a 10 % holdout has 9.
        method: ``"pooled"`` (score; with a null other than 0 the constrained rates of Farrington and Manning),
            ``"unpooled"`` (Wald), ``"arcsine"`` (Cohen), ``"continuity"`` (pooled with the correction of Fleiss, Tytun
            and Ury), ``"baseline"`` (variance of the control's rate under the null, as some calculators on the web),
            ``"exact"`` (the score test's true power, by enumeration; up to some 20,000 persons). With clusters or
            covariates the readout runs no score test, and "pooled" is planned, and named, as "unpooled".
        null: The difference (or the lift) that the test takes as null: ``null=-0.01, side="greater"`` plans
            non-inferiority with a margin of one percentage point.
        null_kind: ``"difference"``, or ``"relative"``: ``null=-0.1`` is then a margin of 10 % of the control's rate.
        options: Arms, looks, clusters, covariates, reach.

    Returns:
        Persons per arm, with the formula's own number for the control arm and its name.

    Raises:
        InputError: Numbers that cannot be used (all are listed), or an effect on the wrong side of the null.

    References:
        Fleiss, Tytun and Ury (1980), Biometrics 36:343. Farrington and Manning (1990), Statistics in Medicine 9:1447.
        Cohen (1988), Statistical Power Analysis, chapter 6.

    Verified against: R's power.prop.test, pwr, rpact (also unequal arms, margins, looks), statsmodels, published
    numbers; claimed against simulated power. See docs/methods/sample-size.md.

    Example:
        >>> import experiments as ex
        >>> size = ex.sample_size_rates(0.20, 0.25)
        >>> size.control, size.total, round(size.exact, 1), size.method
        (1094, 2188, 1093.7, 'pooled')
        >>> ex.sample_size_rates(0.010, 0.013, allocation=9).control
        11443
    """
    case = rate_case(
        control,
        level=level,
        side=side,
        allocation=allocation,
        method=method,
        null=null,
        null_kind=null_kind,
        options=options,
    )
    treatment = _rate("treatment", treatment)
    power = check_power(power, case.test.tail)
    case.check_direction(treatment)
    name = case.name
    if method == "exact":
        from experiments.design.planning.exact import exact_persons

        return whole_size(exact_persons(case, treatment, power), case.allocation, options, name)
    if options.icc is not None:
        guess = case.normal_persons(treatment, power)
        least = 2.0 * options.cluster_size / min(1.0, case.allocation)
        n = solve_persons(lambda n: case.power(treatment, n), power, least=least, start=guess)
    else:
        n = case.normal_persons(treatment, power)
    return whole_size(n, case.allocation, options, name)


def power_rates(  # noqa: PLR0913 - the options of the public contract, keyword-only
    control: float,
    treatment: float,
    n: float,
    *,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    method: RateMethod = "pooled",
    null: float = 0.0,
    null_kind: NullKind = "difference",
    options: PlanOptions = _PLAIN,
) -> Planned:
    """The power of a comparison of two rates.

    Args:
        control: As for `sample_size_rates`.
        treatment: As for `sample_size_rates`.
        n: Persons in the control arm; need not be whole, but for ``method="exact"``.
        level: As for `sample_size_rates`.
        side: As for `sample_size_rates`.
        allocation: As for `sample_size_rates`.
        method: As for `sample_size_rates`.
        null: As for `sample_size_rates`.
        null_kind: As for `sample_size_rates`.
        options: As for `sample_size_rates`.

    Returns:
        The chance of a significant result in the direction of the effect: a float with the formula's name in
        ``.method``.

    Raises:
        InputError: Numbers that cannot be used.

    References:
        As for `sample_size_rates`.

    Verified against: as `sample_size_rates`; "exact" against simulation and against SciPy's binomial sums.

    Example:
        >>> import experiments as ex
        >>> ex.power_rates(0.20, 0.25, 1094)
        0.800094 (pooled)
        >>> round(ex.power_rates(0.01, 0.015, 1000, allocation=9), 4)
        0.2041
    """
    case = rate_case(
        control,
        level=level,
        side=side,
        allocation=allocation,
        method=method,
        null=null,
        null_kind=null_kind,
        options=options,
    )
    treatment, n = _rate("treatment", treatment), check_persons(n)
    case.check_direction(treatment, equal=True)
    if method == "exact":
        from experiments.design.planning.exact import exact_power

        return Planned(exact_power(case, treatment, n), case.name)
    return Planned(case.power(treatment, n), case.name)


def detectable_rates(  # noqa: PLR0913 - the options of the public contract, keyword-only
    control: float,
    n: float,
    *,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    allocation: float = 1.0,
    method: RateMethod = "pooled",
    direction: Direction | None = None,
    null: float = 0.0,
    null_kind: NullKind = "difference",
    options: PlanOptions = _PLAIN,
) -> Planned:
    """The treated rate nearest to the control's that a test can tell from it.

    It turns `power_rates` around: the result is what to pass there as ``treatment``. The smallest detectable
    difference is the result minus ``control``.

    Args:
        control: As for `sample_size_rates`.
        n: Persons in the control arm.
        power: Chance wished for.
        level: As for `sample_size_rates`.
        side: As for `sample_size_rates`.
        allocation: As for `sample_size_rates`.
        method: As for `sample_size_rates`, but for ``"exact"``, whose power rises in steps.
        direction: ``"up"`` or ``"down"``; None: down for ``side="less"``, else up.
        null: As for `sample_size_rates`.
        null_kind: As for `sample_size_rates`.
        options: As for `sample_size_rates`; with a reach below 1 the rate is that among those reached.

    Returns:
        The treated rate: a float with the formula's name in ``.method``.

    Raises:
        InputError: Numbers that cannot be used, or no rate at all that is far enough.

    References:
        As for `sample_size_rates`.

    Verified against: `sample_size_rates` and `power_rates`, which it inverts to 1e-8; R's power.prop.test.

    Example:
        >>> import experiments as ex
        >>> ex.detectable_rates(0.20, 1094)
        0.249994 (pooled)
        >>> round(ex.detectable_rates(0.01, 1000, allocation=9) - 0.01, 4)
        0.0123
    """
    case = rate_case(
        control,
        level=level,
        side=side,
        allocation=allocation,
        method=method,
        null=null,
        null_kind=null_kind,
        options=options,
    )
    n, power = check_persons(n), check_power(power, case.test.tail)
    if method == "exact":
        raise InputError('the exact power rises in steps, so it has no inverse; use method="pooled" and check its rate '
                         'with power_rates(..., method="exact").')  # fmt: skip
    up = _upwards(direction, side)
    start = case.null_rate
    end = 1.0 - 1e-12 if up else 1e-12
    told = f"{n:g} control persons"
    rate = solve_effect(lambda rate: case.power(rate, n), power, null=start, end=end, what=told)
    return Planned(rate, case.name)


def _upwards(direction: Direction | None, side: Side) -> bool:
    if direction not in (None, "up", "down"):
        raise InputError(f'direction must be "up", "down" or None, got {direction!r}.')
    wished = side != "less" if direction is None else direction == "up"
    if (wished and side == "less") or (not wished and side == "greater"):
        raise InputError(f'side={side!r} can never find an effect {direction}wards; use side="two" or the other side.')
    return wished


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCase:
    """A checked plan of two rates, all but the treated rate and the persons.

    Attributes:
        control: Rate of the control arm.
        allocation: Treated per control person.
        side: Side of the test.
        method: The formula.
        null: Null difference, or null lift.
        relative: Whether the null is a lift.
        options: The design.
        test: The rejection rule.
    """

    control: float
    allocation: float
    side: Side
    method: RateMethod
    null: float
    relative: bool
    options: PlanOptions
    test: PlannedTest

    @property
    def name(self) -> str:
        """The formula by name."""
        shift = "" if self.null == 0.0 else f", null {self.null:+g}" + (" of the control" if self.relative else "")
        return self.method + shift + self.options.words

    @property
    def null_rate(self) -> float:
        """The treated rate (of those reached) at which the null holds."""
        shift = self.control * self.null if self.relative else self.null
        return min(1.0 - 1e-12, max(1e-12, self.control + shift / self.options.reach))

    def assigned(self, treatment: float) -> float:
        """The rate of everybody assigned, when that among those reached is given."""
        return self.control + self.options.reach * (treatment - self.control)

    def terms(self, treatment: float) -> RateTerms:
        """Distance and standard errors of one control person's worth of data."""
        rate, factor = self.assigned(treatment), variance_factor(self.options)
        if self.null != 0.0:
            ratio = 1.0 + self.null if self.relative else None
            found = margin_terms(
                self.control, rate, self.allocation, difference=self.null, ratio=ratio, pooled=self.method == "pooled"
            )
        else:
            found = plain_terms(self.control, rate, self.allocation, self.method)
        return found.widened(math.sqrt(factor))

    def check_direction(self, treatment: float, *, equal: bool = False) -> None:
        """Raise when the side can never find this effect, or there is none."""
        distance = self.terms(treatment).distance
        if distance == 0.0 and not equal:
            raise InputError(
                f"treatment must differ from what the null says ({self.null_rate:g}), got {treatment!r}: without an "
                "effect no number of persons finds one."
            )
        if distance * (-1.0 if self.side == "less" else 1.0) < 0.0 and self.side != "two" and not equal:
            raise InputError(
                f"side={self.side!r} never finds an effect in the other direction: treatment {treatment!r} against "
                f'{self.null_rate:g} under the null. Turn the side, or use "two".'
            )

    def power(self, treatment: float, n: float) -> float:
        """The chance of a rejection in the direction of the effect."""
        terms = self.terms(treatment)
        distance = terms.distance * (-1.0 if self.side == "less" else 1.0)
        if self.side == "two":
            distance = abs(distance)
        effective = self._corrected(n, terms.distance) if self.method == "continuity" else n
        drift = distance * math.sqrt(effective) / terms.true_error
        return self.test.chance(drift, scale=terms.null_error / terms.true_error, df=self._df(treatment, n))

    def normal_persons(self, treatment: float, power: float) -> float:
        """Control persons by the normal formula; clusters would need Student's t."""
        terms = self.terms(treatment)
        drift = self.test.drift(power, scale=terms.null_error / terms.true_error)
        n = (drift * terms.true_error / terms.distance) ** 2
        if self.method != "continuity":
            return n
        per = (1.0 + 1.0 / self.allocation) / abs(terms.distance)
        return 0.25 * n * (1.0 + math.sqrt(1.0 + 2.0 * per / n)) ** 2

    def _corrected(self, n: float, distance: float) -> float:
        """The persons that the uncorrected formula would need for the same power."""
        if distance == 0.0:
            return 0.0
        per = (1.0 + 1.0 / self.allocation) / abs(distance)
        return n * max(0.0, 1.0 - 0.5 * per / n) ** 2

    def _df(self, treatment: float, n: float) -> float:
        """Degrees of freedom of clustered arms; rates of single persons are normal."""
        if self.options.icc is None:
            return math.inf
        rate = self.assigned(treatment)
        parts = (self.control * (1.0 - self.control), rate * (1.0 - rate) / self.allocation)
        clusters = n / self.options.cluster_size
        return cluster_freedom(parts, (clusters, clusters * self.allocation))


def cluster_freedom(parts: tuple[float, float], units: tuple[float, float]) -> float:
    """Satterthwaite's degrees of freedom of two arms, each with its number of units; a small number above 0 at least.

    Args:
        parts: Variances of the two arms' figures, up to a common factor.
        units: Persons, or clusters, of the two arms.
    """
    total = parts[0] + parts[1]
    freedom = [max(number - 1.0, 1e-3) for number in units]
    share = sum((part / total) ** 2 / free for part, free in zip(parts, freedom, strict=True))
    return 1.0 / share


def rate_case(  # noqa: PLR0913 - what the public functions pass on
    control: float, *, level: float, side: Side, allocation: float, method: str, null: float, null_kind: str,
    options: PlanOptions,
) -> RateCase:  # fmt: skip
    """Check what plans of two rates have in common."""
    level, side = check_level(level), check_side(side)
    if method not in get_args(RateMethod):
        raise InputError(f"method must be one of {', '.join(get_args(RateMethod))}, got {method!r}.")
    if null_kind not in ("difference", "relative"):
        raise InputError(f'null_kind must be "difference" or "relative", got {null_kind!r}.')
    problems: list[str] = []
    shift = checked_number("null", null, problems)
    raise_problems(problems)
    if not -1.0 < shift < (math.inf if null_kind == "relative" else 1.0):
        raise InputError(f"null must lie above -1 (and below 1 for a difference of rates), got {null!r}.")
    if shift != 0.0 and method not in ("pooled", "unpooled", "exact"):
        raise InputError(f'a null other than 0 needs method="pooled" or "unpooled", got {method!r}.')
    allocation = check_allocation_ratio(allocation)
    _check_exact(method, shift, options)
    if method == "pooled" and (options.icc is not None or options.covariates):
        method = "unpooled"  # what the readout then runs estimates both arms' variances; it is no score test
    test = planned_test(options, level=level, side=side, allocation=allocation)
    if method == "exact" and test.limits[0] < 0.0:
        raise InputError(f'method="exact" needs a one-sided level of 0.5 or more, got {level!r}.')
    return RateCase(
        control=_rate("control", control), allocation=allocation, side=side, method=method,  # type: ignore[arg-type]
        null=shift, relative=null_kind == "relative", options=options, test=test,
    )  # fmt: skip


def _check_exact(method: str, null: float, options: PlanOptions) -> None:
    if method != "exact":
        return
    if null != 0.0 or options.icc is not None or options.covariates or len(options.fractions) > 1:
        raise InputError(
            'method="exact" counts the tables of one look at two rates of single persons with null 0; for margins, '
            'clusters, covariates or looks use method="pooled".'
        )


def _rate(name: str, rate: float) -> float:
    problems: list[str] = []
    number = checked_number(name, rate, problems)
    if not problems and not 0.0 < number < 1.0:
        hint = f" For {number:g} % write {number / 100:g}." if 1.0 <= number < 100.0 else ""
        problems.append(f"{name} is a rate strictly between 0 and 1, got {rate!r}.{hint}")
    raise_problems(problems)
    return number
