"""Two rates read by Bayes: independent beta priors, exact posteriors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from experiments.inference.bayes.betas import BetaPair, beta
from experiments.inference.bayes.reading import checked_decision, read_posterior
from experiments.inference.bayes.result import BayesReading
from experiments.inference.counts import checked_tables

if TYPE_CHECKING:
    from experiments.inference.bayes.reading import Decision, PosteriorRow

    RatePrior = str | tuple[float, float] | Mapping[str, tuple[float, float]]

__all__ = ["BETA_PRIORS", "arm_prior", "bayes_rates", "decision_settings", "prior_words", "rate_rows"]

_LEAST = 0.1  # far below it a posterior without events lies at rates that no double can tell from 0
BETA_PRIORS = {"flat": (1.0, 1.0), "jeffreys": (0.5, 0.5)}


def bayes_rates(  # noqa: PLR0913 - the counts by position as in compare_rates, then options
    hits: int,
    n: int,
    control_hits: int,
    control_n: int,
    *,
    prior: RatePrior = "flat",
    sensitivity: Mapping[str, RatePrior] | None = None,
    value: float | None = None,
    cost: float | None = None,
    rope: float | tuple[float, float] | None = None,
    direction: Literal["up", "down"] = "up",
    level: float = 0.95,
) -> BayesReading:
    """Read two rates by Bayes: a second reading, which no verdict uses.

    Estimand: the difference of the two rates and their lift, given the data and the stated prior. The arms have
    independent beta priors, so their posteriors are beta; difference and ratio are integrated numerically to about 12
    digits, without simulation. Assumptions: persons are independent, the sample size was not chosen by the result or
    the reader accepts the likelihood principle, and the prior was stated before the data were seen.

    Args:
        hits: Treated persons with the event.
        n: Treated persons.
        control_hits: Control persons with the event.
        control_n: Control persons.
        prior: "flat" (Beta(1, 1)), "jeffreys" (Beta(1/2, 1/2)), a pair (a, b), 0.1 or more, as if a events and b
            non-events had been seen in each arm before, or {"treatment": (a, b), "control": (a, b)}.
        sensitivity: Further priors by name, read side by side; flat and Jeffreys by default.
        value: What one event is worth, in money.
        cost: What the treatment costs more per assigned person, in the same money.
        rope: Differences that do not matter: a number for both sides, or (low, high).
        direction: Whether the event is wanted ("up") or not ("down").
        level: Level of the credible intervals.

    Returns:
        One row per prior, the declared one first: posterior mean and credible intervals of the difference (equal-
        tailed; the shortest for the declared prior), median and interval of the lift, probability that the treatment is
        better and that it pays, expected loss of either choice, share of differences that do not matter. Note
        PRIOR_OUTWEIGHS: the prior stands for more persons than an arm has.

    Raises:
        InputError: Counts, prior, level, direction, value, cost or rope that cannot be used.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., ch. 2. Stucchio (2015), Bayesian A/B Testing at VWO
        (expected loss). Kruschke (2018), Advances in Methods and Practices in Psychological Science 1:270 (rope).

    Verified against Miller's closed form, R integrate with dbeta and pbeta, published examples, and simulated
    calibration; see docs/methods/bayes.md.

    Example:
        >>> reading = bayes_rates(120, 1000, 100, 1000, value=85, cost=0.5)
        >>> first = reading.to_dicts()[0]
        >>> f"{first['p_better']:.4f} {first['p_pays']:.4f} {first['low']:.4f} {first['high']:.4f}"
        '0.9232 0.8429 -0.0075 0.0475'
    """
    level = check_level(level)
    decision = checked_decision(direction, value, cost, rope)
    tables = checked_tables(hits, n, control_hits, control_n)
    if tables.n.size > 1:
        raise InputError("bayes_rates reads two groups, one count each; got several strata. Read one at a time.")
    counts = tuple(float(part[0]) for part in (tables.hits, tables.n, tables.control_hits, tables.control_n))
    rows = rate_rows(counts, decision, prior=prior, sensitivity=sensitivity, level=level)
    return BayesReading(
        rows=rows,
        rates=True,
        findings=(),
        recipe=Recipe(
            method="bayes_rates",
            definitions=("BAYES_RATES",),
            settings=decision_settings(decision, level=level, prior=rows[0].prior),
            n={"persons": tables.total},
        ),
    )


def decision_settings(decision: Decision, *, level: float, prior: str) -> dict[str, object]:
    """The settings of a recipe."""
    return {
        "level": level, "prior": prior, "direction": decision.direction, "value": decision.value,
        "cost": decision.cost, "rope": decision.rope,
    }  # fmt: skip


def rate_rows(
    counts: tuple[float, ...],
    decision: Decision,
    *,
    prior: RatePrior,
    sensitivity: Mapping[str, RatePrior] | None,
    level: float,
) -> tuple[PosteriorRow, ...]:
    """One row per prior, the declared one first.

    Args:
        counts: Hits, persons, control hits, control persons.
        decision: What the effect is judged by.
        prior: The declared prior.
        sensitivity: Priors beside it; flat and Jeffreys when None.
        level: Level of the intervals.
    """
    declared = _arms(prior, "prior")
    others = {name: _arms(one, f"sensitivity[{name!r}]") for name, one in (sensitivity or dict(BETA_PRIORS)).items()}
    rows = [_row(counts, decision, declared, _words(declared, prior), level, shortest=True)]
    for name, arms in others.items():
        if arms != declared:
            rows.append(_row(counts, decision, arms, _words(arms, name), level, shortest=False))
    return tuple(rows)


def _row(
    counts: tuple[float, ...],
    decision: Decision,
    arms: tuple[tuple[float, float], tuple[float, float]],
    words: str,
    level: float,
    *,
    shortest: bool,
) -> PosteriorRow:
    hits, n, control_hits, control_n = counts
    pair = BetaPair(
        treatment=beta(arms[0][0] + hits, arms[0][1] + n - hits),
        control=beta(arms[1][0] + control_hits, arms[1][1] + control_n - control_hits),
    )
    heavy = sum(arms[0]) > n or sum(arms[1]) > control_n
    note = "PRIOR_OUTWEIGHS" if heavy else ""
    return read_posterior(pair, decision, prior=words, level=level, shortest=shortest, note=note)


def arm_prior(prior: str | tuple[float, float]) -> tuple[float, float]:
    """A prior that is the same for every arm, as a pair."""
    if isinstance(prior, Mapping):
        raise InputError(f"prior must be one for all arms here, a name or a pair (a, b); got {prior!r}.")
    return _arms(prior, "prior")[0]


def prior_words(prior: str | tuple[float, float]) -> str:
    """That prior in words, with its numbers."""
    return _words((arm_prior(prior), arm_prior(prior)), prior)


def _arms(prior: RatePrior, what: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The prior of the treated and of the control arm."""
    if isinstance(prior, str):
        if prior not in BETA_PRIORS:
            raise InputError(
                f"{what} must be {' or '.join(map(repr, BETA_PRIORS))}, a pair (a, b), or a pair for each of "
                f'"treatment" and "control", got {prior!r}. {closest(prior, BETA_PRIORS)}'
            )
        return BETA_PRIORS[prior], BETA_PRIORS[prior]
    if isinstance(prior, Mapping):
        if set(prior) != {"treatment", "control"}:
            raise InputError(f'{what} must name "treatment" and "control" and nothing else, got {sorted(prior)!r}.')
        return _pair(prior["treatment"], what), _pair(prior["control"], what)
    return _pair(prior, what), _pair(prior, what)


def _pair(given: object, what: str) -> tuple[float, float]:
    if isinstance(given, (tuple, list)) and len(given) == 2:
        a, b = given
        numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) for x in given)
        if numbers and min(a, b) >= _LEAST:
            return float(a), float(b)
    raise InputError(
        f"{what} must be a pair (a, b), events and non-events, of numbers of {_LEAST:g} or more; got {given!r}."
    )


def _words(arms: tuple[tuple[float, float], tuple[float, float]], given: object) -> str:
    """The prior with its numbers, so that a name cannot hide them."""
    told = [f"Beta({a:g}, {b:g})" for a, b in arms]
    numbers = told[0] if told[0] == told[1] else f"{told[0]} / {told[1]}"
    return f"{given}: {numbers}" if isinstance(given, str) else numbers
