"""Two means read by Bayes: a normal likelihood of the effect with flat, sceptical or declared prior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from experiments.inference.bayes.normals import normal_pair
from experiments.inference.bayes.rates import decision_settings
from experiments.inference.bayes.reading import PosteriorRow, checked_decision, read_posterior
from experiments.inference.bayes.result import BayesReading
from experiments.inference.means import compare_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.inference.bayes.reading import Decision

    EffectPrior = str | tuple[float, float]

__all__ = ["bayes_means", "effect_rows"]

_NAMED = ("flat", "skeptical", "enthusiastic")
_DOUBT = 1.6448536269514722  # the sceptic gives 5 % to effects beyond the relevant one


def bayes_means(  # noqa: PLR0913 - six numbers of data by position as in compare_means, then options
    mean: float,
    std: float | None,
    n: int,
    control_mean: float,
    control_std: float | None,
    control_n: int,
    *,
    prior: EffectPrior = "flat",
    sensitivity: Mapping[str, EffectPrior] | None = None,
    relevant: float | None = None,
    value: float | None = None,
    cost: float | None = None,
    rope: float | tuple[float, float] | None = None,
    direction: Literal["up", "down"] = "up",
    level: float = 0.95,
) -> BayesReading:
    """Read two means by Bayes: a second reading, which no verdict uses.

    Estimand: the difference of the two means and their lift, given the data and the stated prior. The observed
    difference is taken as normal with its estimated variance (Welch's), the prior of the effect is flat or normal, the
    control's mean has a flat prior. Assumptions: arms large enough for that normal approximation (with a few dozen
    persons or heavy tails the intervals are too short; read Welch's), and a prior stated before the data were seen.

    Args:
        mean: Mean of the treated group.
        std: Standard deviation of the treated group, with n - 1.
        n: Treated persons.
        control_mean: Mean of the control group.
        control_std: Standard deviation of the control group.
        control_n: Control persons.
        prior: "flat"; "skeptical" (normal around 0, 5 % beyond `relevant`); "enthusiastic" (the same around
            `relevant`); or a pair (mean, standard deviation) of a normal prior of the effect.
        sensitivity: Further priors by name, read side by side; by default those of the three names that can be made.
        relevant: Smallest effect that matters; the priors by name but "flat" need it. Below 0 when less is better.
        value: What one unit of the metric is worth, in money (1 for a metric in money).
        cost: What the treatment costs more per assigned person.
        rope: Differences that do not matter: a number for both sides, or (low, high).
        direction: Whether more is better ("up") or less ("down").
        level: Level of the credible intervals.

    Returns:
        The same columns as `bayes_rates`. Notes: ZERO_VARIANCE and TOO_FEW_PERSONS (no posterior),
        BASE_NOT_POSITIVE (no lift: the control's mean is not above 0 but for one part in a million), PRIOR_OUTWEIGHS
        (the prior is narrower than the data).

    Raises:
        InputError: Numbers, prior, level, direction, value, cost or rope that cannot be used.

    References:
        Spiegelhalter, Freedman and Parmar (1994), Journal of the Royal Statistical Society A 157:357 (sceptical and
        enthusiastic priors). Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 2.5.

    Verified against R integrate with dnorm, published examples, and simulated calibration; see docs/methods/bayes.md.

    Example:
        >>> reading = bayes_means(4.10, 38.0, 9000, 2.60, 29.0, 1000, relevant=1.0)
        >>> [f"{row['prior'].split(':')[0]} {row['p_better']:.3f}" for row in reading.to_dicts()]
        ['flat 0.933', 'skeptical 0.782', 'enthusiastic 0.986']
    """
    level = check_level(level)
    decision = checked_decision(direction, value, cost, rope)
    welch = compare_means(mean, std, n, control_mean, control_std, control_n, level=level)
    effect = welch.difference
    base_variance = math.nan if control_std is None else float(control_std) ** 2 / float(control_n)
    rows = effect_rows(
        (effect.value or 0.0, float(control_mean), effect.standard_error, base_variance, None),
        decision,
        prior=prior,
        sensitivity=sensitivity,
        relevant=relevant,
        level=level,
        note=effect.note,
    )
    settings = decision_settings(decision, level=level, prior=rows[0].prior) | {"relevant": relevant}
    return BayesReading(
        rows=rows,
        rates=False,
        findings=(),
        recipe=Recipe(
            method="bayes_means", definitions=("BAYES_MEANS",), settings=settings, n={"persons": int(n + control_n)}
        ),
    )


def effect_rows(  # noqa: PLR0913 - what the rows are made of
    estimates: tuple[float, float, float | None, float, float | None],
    decision: Decision,
    *,
    prior: EffectPrior,
    sensitivity: Mapping[str, EffectPrior] | None,
    relevant: float | None,
    level: float,
    note: str = "",
) -> tuple[PosteriorRow, ...]:
    """One row per prior, the declared one first.

    Args:
        estimates: Difference, control's figure, standard error of the difference (None: unknown), variance of the
            control's figure, covariance of difference and control's figure (None: independent arms).
        decision: What the effect is judged by.
        prior: The declared prior.
        sensitivity: Priors beside it; the names that can be made when None.
        relevant: Smallest effect that matters.
        level: Level of the intervals.
        note: Reason codes of the estimates.
    """
    relevant = _checked_relevant(relevant)
    declared = _effect_prior(prior, relevant, "prior")
    if sensitivity is None:
        sensitivity = {name: name for name in _NAMED if name == "flat" or relevant is not None}
    others = {name: _effect_prior(one, relevant, f"sensitivity[{name!r}]") for name, one in sensitivity.items()}
    rows = [_row(estimates, decision, declared, _words(declared, prior), level, note)]
    rows += [
        _row(estimates, decision, one, _words(one, name), level, note)
        for name, one in others.items()
        if one != declared
    ]
    return tuple(rows)


def _row(
    estimates: tuple[float, float, float | None, float, float | None],
    decision: Decision,
    prior: tuple[float, float] | None,
    words: str,
    level: float,
    note: str,
) -> PosteriorRow:
    difference, base, error, base_variance, covariance = estimates
    if error is None:
        return _nothing(difference, words, note)
    pair = normal_pair(
        difference, base, variance=error**2, base_variance=base_variance, covariance=covariance, prior=prior
    )
    notes = [note] if note else []
    if not pair.base_positive:
        notes.append("BASE_NOT_POSITIVE")
    if prior is not None and prior[1] < error:
        notes.append("PRIOR_OUTWEIGHS")
    return read_posterior(pair, decision, prior=words, level=level, lift=pair.base_positive, note="; ".join(notes))


def _nothing(difference: float, words: str, note: str) -> PosteriorRow:
    return PosteriorRow(
        metric=None, arm=None, control=None, prior=words, value=difference, low=None, high=None, hdi_low=None,
        hdi_high=None, relative=None, relative_low=None, relative_high=None, p_better=None, p_pays=None,
        loss_treatment=None, loss_control=None, p_negligible=None, note=note or "UNDEFINED",
    )  # fmt: skip


def _checked_relevant(relevant: float | None) -> float | None:
    if relevant is None:
        return None
    if not isinstance(relevant, (int, float)) or not math.isfinite(relevant) or relevant == 0:
        raise InputError(f"relevant must be the smallest effect that matters, a number other than 0, got {relevant!r}.")
    return float(relevant)


def _effect_prior(prior: EffectPrior, relevant: float | None, what: str) -> tuple[float, float] | None:
    """Mean and standard deviation of the prior; None for a flat one."""
    if isinstance(prior, str):
        if prior not in _NAMED:
            raise InputError(
                f"{what} must be one of {', '.join(map(repr, _NAMED))}, or a pair (mean, standard deviation), got "
                f"{prior!r}. {closest(prior, _NAMED)}"
            )
        if prior == "flat":
            return None
        if relevant is None:
            raise InputError(f"the {prior} prior needs relevant=, the smallest effect that matters.")
        return (0.0 if prior == "skeptical" else relevant), abs(relevant) / _DOUBT
    if isinstance(prior, (tuple, list)) and len(prior) == 2:
        centre, spread = prior
        if all(isinstance(x, (int, float)) and math.isfinite(x) for x in prior) and spread > 0:
            return float(centre), float(spread)
    raise InputError(f"{what} must be a name or a pair (mean, standard deviation above 0), got {prior!r}.")


def _words(prior: tuple[float, float] | None, given: object) -> str:
    if prior is None:
        return "flat"
    numbers = f"Normal({prior[0]:g}, {prior[1]:g})"
    return f"{given}: {numbers}" if isinstance(given, str) else numbers
