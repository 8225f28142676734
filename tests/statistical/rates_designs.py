"""Rates by score, means by Welch and ratios by delta: small holdouts, rare events, skewed money, unequal strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import experiments as ex
from experiments.inference.figures import compare_figures
from experiments.inference.means import mean_figures
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.sum_ratios import ratio_figures
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from attribution.core.estimates import Estimate

SKEWED = (
    "Welch's interval is symmetric, and the mean of few skewed values is not: with a small holdout one tail of the "
    "difference misses too often. The finding HEAVY_TAIL tells it; cap the values or plan a larger holdout"
)
UNEQUAL = (
    "the score statistic is discrete and, with a tenth held out and rare events, skewed: it keeps its level in both "
    "tails together, not in each (limits with few events are not equal-tailed)"
)


DISCRETE = "so few events in the holdout that the data take only a handful of values"


def count(estimates: list[Estimate], truth: float) -> Tally:
    """Where the truth lies."""
    low = sum(estimate.low is not None and estimate.low > truth for estimate in estimates)
    high = sum(estimate.high is not None and estimate.high < truth for estimate in estimates)
    return Tally(len(estimates), low, high)


def rates(treated: float, control: float, n: int, control_n: int, *, relative: bool = False, method="score"):
    """Two binomial arms."""

    def run(replications: int, stream: Generator) -> Tally:
        hits = stream.binomial(n, treated, replications)
        base = stream.binomial(control_n, control, replications)
        found: dict[tuple[int, int], Estimate] = {}  # equal tables have equal intervals
        for pair in set(zip(hits.tolist(), base.tolist(), strict=True)):
            made = ex.compare_rates(pair[0], n, pair[1], control_n, method=method)
            found[pair] = made.relative if relative else made.difference
        estimates = [found[pair] for pair in zip(hits.tolist(), base.tolist(), strict=True)]
        return count(estimates, treated / control - 1.0 if relative else treated - control)

    return run


def stratified(method: str):
    """Three waves whose holdout shares and natural returns differ; the truth is the average over all persons."""
    persons, shares = np.array([6_000, 3_000, 1_000]), np.array([0.1, 0.3, 0.5])
    base, lift = np.array([0.01, 0.03, 0.08]), np.array([0.01, 0.005, 0.02])
    weights = persons / persons.sum()
    truth = float(np.sum(weights * lift))

    def run(replications: int, stream: Generator) -> Tally:
        estimates = []
        for _ in range(replications):
            held = stream.binomial(persons, shares)
            sent = persons - held
            hits, control_hits = stream.binomial(sent, base + lift), stream.binomial(held, base)
            if method == "score":
                made = compare_stratified_rates(hits, sent, control_hits, held, weights=weights)
            else:
                n = np.column_stack([sent, held])
                mean = np.column_stack([hits, control_hits]) / n
                variance = mean * (1 - mean) * n / (n - 1)
                made = compare_figures(mean_figures(mean, variance, n, weights=weights), 0, 1, level=0.95)
            estimates.append(made.difference)
        return count(estimates, truth)

    return run


def means(draw: Callable[[Generator, int], np.ndarray], truth: float, n: int, control_n: int):
    """Two arms of the same skewed values; the treated ones are larger by a constant ``truth``."""

    def run(replications: int, stream: Generator) -> Tally:
        estimates = []
        for _ in range(replications):
            top, base = draw(stream, n) + truth, draw(stream, control_n)
            made = ex.compare_means(top.mean(), top.std(ddof=1), n, base.mean(), base.std(ddof=1), control_n)
            estimates.append(made.difference)
        return count(estimates, truth)

    return run


def money(stream: Generator, n: int) -> np.ndarray:
    """Nine of ten buy nothing; the others' orders are lognormal."""
    return np.where(stream.random(n) < 0.1, stream.lognormal(4.0, 1.0, n), 0.0)


def ratio(*, relative: bool, n: int, control_n: int):
    """Money per order: both arms have the same ticket, the treated arm has more orders."""

    def arm(stream: Generator, size: int, orders: float) -> tuple[np.ndarray, np.ndarray]:
        bought = stream.poisson(orders, size).astype(float)
        spent = stream.gamma(np.maximum(2.0 * bought, 1e-12), 25.0)
        z = np.column_stack([np.where(bought > 0, spent, 0.0), bought])
        return z.mean(axis=0), np.cov(z.T)

    def run(replications: int, stream: Generator) -> Tally:
        estimates = []
        for _ in range(replications):
            (m1, c1), (m0, c0) = arm(stream, n, 0.12), arm(stream, control_n, 0.08)
            figures = ratio_figures(
                np.array([[m1, m0]]), np.array([[c1, c0]]), np.array([[n, control_n]]), weights=np.ones(1)
            )
            made = compare_figures(figures, 0, 1, level=0.95)
            estimates.append(made.relative if relative else made.difference)
        return count(estimates, 0.0)

    return run


def _rates() -> list[Design]:
    made = []
    for p in (0.001, 0.01, 0.05):
        for n, control_n in ((9_000, 1_000), (45_000, 5_000)):
            for lift in (1.0, 1.5):
                where = f"rates of {p:.1%} against {p * lift:.2%}, {control_n:,} held out of {n + control_n:,}"
                few = control_n * p < 60
                made += [
                    Design(
                        where,
                        f"score, {reading}",
                        "coverage",
                        rates(p * lift, p, n, control_n, relative=reading == "relative"),
                        miss=UNEQUAL if few else "",
                    )
                    for reading in ("difference", "relative")
                ]
                made.append(
                    Design(where, "skewed_score, difference", "coverage",
                           rates(p * lift, p, n, control_n, method="skewed_score"), miss=DISCRETE if few else "")
                )  # fmt: skip
    return made


DESIGNS: tuple[Design, ...] = (
    *_rates(),
    Design("three waves with shares 10 %, 30 %, 50 %", "stratified score", "coverage", stratified("score")),
    Design("three waves with shares 10 %, 30 %, 50 %", "stratified Welch", "coverage", stratified("welch"),
           miss="few events in the holdout of a wave, and a standard error that grows with the rate: the score of the "
           "line above is the method for rates"),
    Design("normal values, equal arms", "Welch", "coverage", means(lambda s, n: s.normal(5, 2, n), 0.3, 200, 200)),
    Design("zero-inflated money, 9,000 against 1,000", "Welch", "coverage",
           means(money, 0.0, 9_000, 1_000), miss=SKEWED),
    Design("zero-inflated money, 5,000 against 5,000", "Welch", "coverage", means(money, 0.0, 5_000, 5_000)),
    Design("zero-inflated money, 900 against 100", "Welch", "coverage", means(money, 0.0, 900, 100), miss=SKEWED),
    Design("money per order, 9,000 against 1,000", "delta, difference", "coverage",
           ratio(relative=False, n=9_000, control_n=1_000), miss="few orders in the holdout: the noise of the "
           "linearised variance goes with the ratio"),
    Design("money per order, 10,000 against 10,000", "delta, difference", "coverage",
           ratio(relative=False, n=10_000, control_n=10_000)),
    Design("money per order, 10,000 against 10,000", "delta, relative by Fieller", "coverage",
           ratio(relative=True, n=10_000, control_n=10_000)),
)  # fmt: skip
