"""Two rates: difference and relative lift with one coherent p-value, pooled or over strata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Comparison, Estimate, RateComparison, Side, check_level, check_side
from experiments.inference.counts import checked_number, checked_tables, raise_problems
from experiments.inference.score import (
    Tables,
    difference_limit,
    difference_statistic,
    ratio_limit,
)
from experiments.inference.skewed_score import (
    skewed_difference_limit,
    skewed_difference_statistic,
    skewed_ratio_limit,
)
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

__all__ = ["RateMethod", "compare_rates", "compare_stratified_rates"]

RateMethod = Literal["score", "skewed_score", "newcombe", "wald", "agresti_caffo", "boschloo", "fisher"]
_METHODS: tuple[str, ...] = get_args(RateMethod)
_SMALL = 5.0
_TAIL = 1.0364  # 15 % beyond it; where no variance is left the corrected statistic tends to 1


def compare_rates(  # noqa: PLR0913 - the options of the public contract, keyword-only
    hits: int,
    n: int,
    control_hits: int,
    control_n: int,
    *,
    method: RateMethod = "score",
    level: float = 0.95,
    side: Side = "two",
    null: float = 0.0,
) -> Comparison:
    """Compare the rates of two independent groups.

    Estimand: the difference of the two rates, and the relative lift (ratio - 1). The p-value of every method inverts
    its own interval: the interval excludes the null exactly when p < 1 - level. The p-value of the relative lift is
    the p-value of "no effect" (difference 0), which the same statistic gives.

    Args:
        hits: Treated persons with the event.
        n: Treated persons.
        control_hits: Control persons with the event.
        control_n: Control persons.
        method: ``"score"`` (Miettinen-Nurminen with the factor N / (N - 1), no continuity correction),
            ``"skewed_score"`` (the same, corrected for skewness: each tail has its level, advised for one-sided
            decisions with small holdouts), ``"newcombe"``
            (hybrid of Wilson intervals), ``"wald"`` (unpooled), ``"agresti_caffo"`` (one event and one non-event added
            to each group), ``"boschloo"`` or ``"fisher"`` (exact tests: a p-value without an interval). The relative
            lift is the set of ratios phi that the same method does not reject for p1 - phi p0.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control); one side has all of 1 - level.
        null: Difference that the p-value of the difference tests, strictly between -1 and 1.

    Returns:
        The comparison. Without events in the control group the relative lift has a lower bound only (note
        CONTROL_ZERO); without events in either group it is undefined (note BOTH_ZERO). When the smallest expected count
        is below 5 the note says SMALL_EXPECTED, with Boschloo's exact p-value up to 2,000 persons.

    Raises:
        InputError: The counts, the method, the level, the side or the null are not allowed; all problems of the counts
            are listed at once.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213. Newcombe (1998), Statistics in Medicine 17:873.
        Agresti and Caffo (2000), The American Statistician 54:280. Donner and Zou (2012), Statistical Methods in
        Medical Research 21:347. Boschloo (1970), Statistica Neerlandica 24:1.

    Verified against mpmath inversions of the likelihood, statsmodels (ratio by score, Newcombe, Wald, Agresti-Caffo),
    SciPy and R (exact tests), and published tables; see docs/methods/rates.md.

    Example:
        >>> result = compare_rates(56, 70, 48, 80)
        >>> f"{result.difference.low:.4f} {result.difference.high:.4f} p={result.difference.p_value:.4f}"
        '0.0528 0.3382 p=0.0083'
        >>> f"{result.relative.low:.4f} {result.relative.high:.4f}"
        '0.0790 0.6721'
    """
    level, side = check_level(level), check_side(side)
    if method not in _METHODS:
        raise InputError(f"method must be one of {', '.join(_METHODS)}, got {method!r}.")
    tables = checked_tables(hits, n, control_hits, control_n)
    if tables.n.size > 1:
        raise InputError(
            "compare_rates compares two groups, one count each; got several strata. Use compare_stratified_rates."
        )
    null = _checked_null(null)
    if method in _SCORES:
        return _score_comparison(tables, level=level, side=side, null=null, method=method)
    if method in ("fisher", "boschloo"):
        from experiments.inference.exact import compare_exactly

        return compare_exactly(tables, method=method, level=level, side=side, null=null)
    from experiments.inference.closed_rates import compare_in_closed_form

    return compare_in_closed_form(tables, method=method, level=level, side=side, null=null)


def compare_stratified_rates(  # noqa: PLR0913 - the same options as compare_rates
    hits: ArrayLike,
    n: ArrayLike,
    control_hits: ArrayLike,
    control_n: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    side: Side = "two",
    null: float = 0.0,
    method: Literal["score", "skewed_score"] = "score",
) -> Comparison:
    """Compare rates inside strata and weight the strata by their share of persons.

    Estimand: the weighted difference of rates, and the ratio of the weighted rates - 1. The variance is the score
    variance under a difference (ratio) common to the strata, with the constrained estimate of each stratum and its
    factor N_s / (N_s - 1). One stratum gives `compare_rates` with method "score".

    Args:
        hits: Treated persons with the event, per stratum.
        n: Treated persons, per stratum; at least 1.
        control_hits: Control persons with the event, per stratum.
        control_n: Control persons, per stratum; at least 1.
        weights: Weights of the strata, scaled to sum 1; the stratum's share of both groups when None. Strata of weight
            0 do not enter.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        null: Difference that the p-value of the difference tests.
        method: ``"score"`` or ``"skewed_score"``, as for `compare_rates`.

    Returns:
        The comparison; `treatment` and `control` are the weighted rates.

    Raises:
        InputError: The counts or weights are not allowed; lists every problem.

    References:
        Miettinen and Nurminen (1985), section 5. Their weights are iterated; the weights here are fixed, so the
        estimand is the average effect over all persons.

    Verified against an mpmath oracle that maximises each stratum's likelihood numerically.

    Example:
        >>> result = compare_stratified_rates([30, 12], [1000, 300], [20, 8], [1000, 300])
        >>> round(result.difference.value, 6), round(result.difference.p_value, 4)
        (0.010769, 0.0899)
    """
    level, side = check_level(level), check_side(side)
    tables = checked_tables(hits, n, control_hits, control_n, weights=weights)
    null = _checked_null(null)
    if method not in _SCORES:
        raise InputError(f"method must be one of {', '.join(_SCORES)} over strata, got {method!r}.")
    name = method if tables.n.size == 1 else f"stratified {method}"
    return _score_comparison(tables, level=level, side=side, null=null, method=name)


def _checked_null(null: float) -> float:
    problems: list[str] = []
    number = checked_number("null", null, problems)
    if not problems and not -1.0 < number < 1.0:
        problems.append(f"null must lie strictly between -1 and 1 (a difference of rates), got {null!r}.")
    raise_problems(problems)
    return number


@dataclass(frozen=True, slots=True)
class _Score:
    """A score statistic of the difference, and the limits that invert it and its twin of the ratio."""

    statistic: Callable[[Tables, float], float]
    difference_limit: Callable[[Tables, float], float]
    ratio_limit: Callable[[Tables, float], float]


_SCORES = {
    "score": _Score(difference_statistic, difference_limit, ratio_limit),
    "skewed_score": _Score(skewed_difference_statistic, skewed_difference_limit, skewed_ratio_limit),
}


def _score_comparison(tables: Tables, *, level: float, side: Side, null: float, method: str) -> Comparison:
    chosen = method.removeprefix("stratified ")
    score, z = _SCORES[chosen], critical_value(level, side)
    if chosen == "skewed_score" and z < _TAIL:
        raise InputError(
            f"skewed_score corrects tails of at most 15 %, got level={level:g} with side={side!r}: near the middle the "
            'corrected statistic need not fall with the null. Use a higher level, or method="score".'
        )
    no_effect = p_value(score.statistic(tables, 0.0), side)
    note = _small_expected(tables, side=side)
    difference = Estimate(
        value=tables.rate - tables.control_rate,
        low=-math.inf if side == "less" else score.difference_limit(tables, z),
        high=math.inf if side == "greater" else score.difference_limit(tables, -z),
        p_value=no_effect if null == 0.0 else p_value(score.statistic(tables, null), side),
        level=level,
        side=side,
        method=method,
        n=tables.total,
        standard_error=_standard_error(tables),
        note=note,
    )
    value, reason = relative_value(tables)
    relative = Estimate(
        value=value,
        low=-math.inf if side == "less" else score.ratio_limit(tables, z) - 1.0,
        high=math.inf if side == "greater" else score.ratio_limit(tables, -z) - 1.0,
        p_value=no_effect,
        level=level,
        side=side,
        method=method,
        n=tables.total,
        note="; ".join(part for part in (reason, note) if part),
    )
    return RateComparison(treatment=tables.rate, control=tables.control_rate, difference=difference, relative=relative)


def relative_value(tables: Tables) -> tuple[float | None, str]:
    """The observed lift and, where it is undefined, the reason."""
    if tables.control_rate > 0.0:
        return tables.rate / tables.control_rate - 1.0, ""
    return None, "CONTROL_ZERO" if tables.rate > 0.0 else "BOTH_ZERO"


def _standard_error(tables: Tables) -> float:
    """The plain (unpooled) standard error of the difference."""
    rate, control = tables.hits / tables.n, tables.control_hits / tables.control_n
    variance = rate * (1.0 - rate) / tables.n + control * (1.0 - control) / tables.control_n
    return math.sqrt(float(np.sum(tables.weights**2 * variance)))


def _small_expected(tables: Tables, *, side: Side) -> str:
    """The note on a small expected count (summed over strata), with Boschloo's p-value where it is affordable."""
    events = tables.hits + tables.control_hits
    persons = tables.n + tables.control_n
    expected = [
        float(np.sum(group * part / persons))
        for group in (tables.n, tables.control_n)
        for part in (events, persons - events)
    ]
    if min(expected) >= _SMALL:
        return ""
    if tables.n.size > 1:
        return "SMALL_EXPECTED"
    from experiments.inference.exact import affordable, boschloo_p

    if not affordable(tables):
        return "SMALL_EXPECTED"
    return f"SMALL_EXPECTED (Boschloo p = {boschloo_p(tables, side=side):.4g})"
