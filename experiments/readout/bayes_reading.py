"""A readout's effects read by Bayes, beside the readout and never inside its verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from experiments.inference.bayes.means import effect_rows
from experiments.inference.bayes.normals import NormalPair
from experiments.inference.bayes.rates import BETA_PRIORS, arm_prior, decision_settings, rate_rows
from experiments.inference.bayes.reading import checked_decision, read_posterior
from experiments.inference.bayes.result import BayesReading

if TYPE_CHECKING:
    from experiments.inference.bayes.reading import Decision, PosteriorRow
    from experiments.readout.fit import Fit
    from experiments.readout.result import Readout

__all__ = ["bayes_reading"]


def bayes_reading(  # noqa: PLR0913 - options, keyword-only
    readout: Readout,
    *,
    metric: str | None = None,
    prior: str | tuple[float, float] = "flat",
    relevant: float | None = None,
    value: float | None = None,
    cost: float | Mapping[str, float] | None = None,
    rope: float | tuple[float, float] | None = None,
    level: float | None = None,
) -> BayesReading:
    """Read one metric of a readout by Bayes: every arm against the control, a second reading that no verdict uses.

    Same persons, strata and weights as the readout. A rate without covariates, clusters and strata has beta posteriors;
    a rate in strata has one beta posterior per stratum and arm, weighted like the readout and taken as normal (note
    STRATA_NORMAL; the prior's persons are shared out over the strata by their weights); every other metric has a normal
    posterior of its effect from the readout's estimate and standard error.

    Args:
        readout: What `Experiment.analyze` gave.
        metric: Name of the metric; the primary one by default.
        prior: Prior as in `bayes_rates` (rates read by their counts) or as in `bayes_means` (everything else).
        relevant: Smallest effect that matters, for the sceptical and enthusiastic priors of `bayes_means`.
        value: What one unit of the metric is worth, in money.
        cost: What an arm costs more than the control per assigned person: one number, or one per arm.
        rope: Differences that do not matter.
        level: Level of the credible intervals; that of the experiment by default.

    Returns:
        Rows per arm and prior, the declared prior first; the findings that failed in the readout are carried over.

    Raises:
        InputError: Unknown metric, arms without a cost, or options that cannot be used.

    Verified against `bayes_rates` and `bayes_means` on the same counts; see docs/methods/bayes.md.

    Example:
        >>> import experiments as ex
        >>> frame = {"person_id": range(400), "arm": ["sms"] * 300 + ["holdout"] * 100}
        >>> frame["woken"] = [1] * 30 + [0] * 270 + [1] * 5 + [0] * 95
        >>> import pandas as pd
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(pd.DataFrame(frame))
        >>> for row in bayes_reading(readout, value=85, cost=0.3).to_dicts():
        ...     print(row["arm"], row["prior"], f"{row['p_better']:.3f} {row['p_pays']:.3f}")
        sms flat: Beta(1, 1) 0.929 0.913
        sms jeffreys: Beta(0.5, 0.5) 0.943 0.930
    """
    fit = readout.fit(readout.experiment.primary if metric is None else metric)
    chosen = fit.level if level is None else check_level(level)
    costs = _costs(cost, [str(arm) for arm in readout.arms])
    rows: list[PosteriorRow] = []
    counted = fit.figures is None
    for arm in readout.arms:
        decision = checked_decision(fit.metric.direction or "up", value, costs[str(arm)], rope)
        if not counted:
            pair = (arm, readout.experiment.control)
            made = _by_effect(fit, pair, decision, prior=prior, relevant=relevant, level=chosen)
        elif len(fit.weights) == 1:
            made = rate_rows(_counts(fit, readout, arm), decision, prior=prior, sensitivity=None, level=chosen)
        else:
            made = _by_strata(fit, readout, arm, decision, prior=prior, level=chosen)
        names = {"metric": fit.name, "arm": str(arm), "control": str(readout.experiment.control)}
        rows += [replace(row, **names) for row in made]  # type: ignore[arg-type]
    settings = decision_settings(decision, level=chosen, prior=rows[0].prior) | {"metric": fit.name}
    settings["cost"] = ", ".join(f"{name}: {one:g}" for name, one in costs.items() if one is not None) or None
    return BayesReading(
        rows=tuple(rows),
        rates=counted,
        findings=tuple(finding for finding in readout.findings if finding.status == "fail"),
        recipe=Recipe(
            method="bayes_reading",
            definitions=("BAYES_READOUT",),
            settings=settings,
            n=dict(readout.recipe.n),
            fingerprint=readout.recipe.fingerprint,
        ),
    )


def _costs(cost: float | Mapping[str, float] | None, arms: list[str]) -> dict[str, float | None]:
    if not isinstance(cost, Mapping):
        return dict.fromkeys(arms, cost)
    for name in cost:
        if name not in arms:
            raise InputError(f"cost names {name!r}, which is no arm against the control. {closest(str(name), arms)}")
    missing = [name for name in arms if name not in cost]
    if missing:
        raise InputError(f"cost must name every arm (0 where nothing more was spent); missing: {', '.join(missing)}.")
    return {name: cost[name] for name in arms}


def _counts(fit: Fit, readout: Readout, arm: object) -> tuple[float, ...]:
    i, j = fit.position(arm), fit.position(readout.experiment.control)
    hits, n = fit.hits[0], fit.n[0]
    return float(hits[i]), float(n[i]), float(hits[j]), float(n[j])


def _by_effect(
    fit: Fit,
    pair: tuple[object, object],
    decision: Decision,
    *,
    prior: str | tuple[float, float],
    relevant: float | None,
    level: float,
) -> tuple[PosteriorRow, ...]:
    """From the readout's estimate of the effect and its standard error; the pair is an arm and the control."""
    arm, control = pair
    found = fit.compare(arm, control)
    if fit.figures is None or found.difference.value is None:
        nothing = (0.0, 0.0, None, 0.0, None)
        made = effect_rows(
            nothing, decision, prior=prior, sensitivity={}, relevant=relevant, level=level, note=found.difference.note
        )
        return tuple(replace(row, value=None) for row in made)
    i, j = fit.position(arm), fit.position(control)
    base_variance = fit.figures.variance(j)
    joint = float(fit.figures.covariance[i, j]) - base_variance
    return effect_rows(
        (found.difference.value, found.control or 0.0, found.difference.standard_error, base_variance, joint),
        decision,
        prior=prior,
        sensitivity=None,
        relevant=relevant,
        level=level,
        note=found.difference.note,
    )


def _by_strata(
    fit: Fit, readout: Readout, arm: object, decision: Decision, *, prior: str | tuple[float, float], level: float
) -> tuple[PosteriorRow, ...]:
    """Beta posteriors inside strata, their weighted difference taken as normal."""
    declared = arm_prior(prior)
    named = {f"{name}: Beta({a:g}, {b:g})": (a, b) for name, (a, b) in BETA_PRIORS.items()}
    words = next((name for name, pair in named.items() if pair == declared), f"Beta({declared[0]:g}, {declared[1]:g})")
    rows = []
    for name, pair in {words: declared, **named}.items():
        posterior = _weighted(fit, fit.position(arm), fit.position(readout.experiment.control), pair)
        heavy = sum(pair) > min(fit.n[:, fit.position(one)].sum() for one in (arm, readout.experiment.control))
        notes = ["STRATA_NORMAL"]
        notes += [] if posterior.base_positive else ["BASE_NOT_POSITIVE"]
        notes += ["PRIOR_OUTWEIGHS"] if heavy else []
        rows.append(
            read_posterior(
                posterior, decision, prior=name, level=level, lift=posterior.base_positive, shortest=name == words,
                note="; ".join(notes),
            )
        )  # fmt: skip
    return tuple(rows)


def _weighted(fit: Fit, i: int, j: int, prior: tuple[float, float]) -> NormalPair:
    figures = []
    for arm in (i, j):
        a = prior[0] * fit.weights + fit.hits[:, arm]
        total = sum(prior) * fit.weights + fit.n[:, arm]
        mean = a / total
        variance = mean * (1.0 - mean) / (total + 1.0)
        figures.append((float(np.sum(fit.weights * mean)), float(np.sum(fit.weights**2 * variance))))
    (top, v1), (base, v0) = figures
    return NormalPair(
        mean=top - base, deviation=math.sqrt(v1 + v0), base=base, base_deviation=math.sqrt(v0), covariance=-v0
    )
