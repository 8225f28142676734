"""Families of tests: family-wise error, simultaneous coverage, gates, interaction tests, equivalence at the margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

import experiments as ex
from experiments.inference.heterogeneity import interaction_of_estimates, interaction_of_rates
from experiments.inference.joint_t import joint_critical, joint_p
from experiments.inference.score import Tables, difference_statistic
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

ALPHA = 0.05
TENTH = (100, 300, 300, 300)  # a tenth held out, three arms

HOLM = "Holm makes no use of the shared control: with correlated arms it errs less often than it may"
RARE = (
    "about one event in the holdout of a segment: the chi-square of the score test is rough there and errs less often "
    "than it may; the note SMALL_EXPECTED says so"
)


def summaries(replications, stream, n, sd):
    """Means and variances of normal arms."""
    sizes = np.array(n, dtype=float)
    means = stream.normal(0.0, np.array(sd) / np.sqrt(sizes), (replications, len(n)))
    variances = np.array(sd) ** 2 * stream.chisquare(sizes - 1, (replications, len(n))) / (sizes - 1)
    return means, variances


def dunnett_means(n=TENTH, sd=(1.0,) * 4, *, shift=0.0, kind="size"):
    """Dunnett's original test with one variance: any rejection, or any interval that misses the truth."""

    def run(replications: int, stream: Generator) -> Tally:
        means, variances = summaries(replications, stream, n, sd)
        sizes = np.array(n, dtype=float)
        df = sizes.sum() - len(n)
        pooled = variances @ (sizes - 1) / df
        truth = shift * np.arange(1, len(n))
        t = (means[:, 1:] - means[:, :1]) / np.sqrt(pooled[:, None] * (1 / sizes[1:] + 1 / sizes[0]))
        loadings = np.sqrt(sizes[1:] / (sizes[1:] + sizes[0]))
        tail = joint_critical(1 - ALPHA, loadings, len(truth), df, "two")
        # The truth moves the means and the hypothesis alike: coverage of the shift is the error at the shift.
        missed = (np.abs(t) > stats.t.isf(tail / 2, df)).any(axis=1)
        return Tally(replications, int(missed.sum()), 0)

    return run


def dunnett_welch(n, sd):
    """Dunnett with Welch's variances: each statistic has its own degrees of freedom, all correlations are estimated."""

    def run(replications: int, stream: Generator) -> Tally:
        means, variances = summaries(replications, stream, n, sd)
        errors = 0
        for mean, variance in zip(means, variances / np.array(n), strict=True):
            spread = variance[1:] + variance[0]
            t = (mean[1:] - mean[0]) / np.sqrt(spread)
            df = spread**2 / (variance[1:] ** 2 / (np.array(n[1:]) - 1) + variance[0] ** 2 / (n[0] - 1))
            p = 2 * stats.t.sf(np.abs(t), df)
            loadings = np.sqrt(variance[0] / spread)
            smallest = np.flatnonzero(p * len(p) <= ALPHA * len(p))  # the others cannot be rejected
            errors += any(joint_p(float(p[i]), loadings, len(p), float(df[i]), "two") < ALPHA for i in smallest)
        return Tally(replications, errors, 0)

    return run


def scores(hits, n):
    """Score statistics of each arm against the first."""
    one = np.ones(1)

    def z(row):
        return [
            difference_statistic(
                Tables(hits=row[i] * one, n=n[i] * one, control_hits=row[0] * one, control_n=n[0] * one, weights=one),
                0.0,
            )
            for i in range(1, len(n))
        ]

    return np.array([z(row) for row in hits])


def dunnett_rates(rate, n=tuple(10 * size for size in TENTH)):
    """Dunnett over the score statistics of rates without any effect."""

    def run(replications: int, stream: Generator) -> Tally:
        hits = stream.binomial(n, rate, (replications, len(n)))
        sizes = np.array(n, dtype=float)
        loadings = np.sqrt(sizes[1:] / (sizes[1:] + sizes[0]))
        tail = joint_critical(1 - ALPHA, loadings, len(n) - 1, math.inf, "two")
        missed = (np.abs(scores(hits, n)) > stats.norm.isf(tail / 2)).any(axis=1)
        return Tally(replications, int(missed.sum()), 0)

    return run


def normal_p(replications, stream, effects, n):
    """P-values of several metrics by arms, all against one control of each metric; metrics are independent."""
    sizes = np.array(n, dtype=float)
    noise = stream.normal(size=(replications, len(effects), len(n))) / np.sqrt(sizes)
    z = (noise[:, :, 1:] - noise[:, :, :1]) / np.sqrt(1 / sizes[1:] + 1 / sizes[0]) + np.array(effects)[None]
    return 2 * stats.norm.sf(np.abs(z))


def gated(effects, gate, n=TENTH[:3]):
    """Any rejection of a true null; effects are z shifts, metrics (the primary one first) by arms."""
    true = np.array(effects) == 0.0

    def run(replications: int, stream: Generator) -> Tally:
        errors = 0
        for p in normal_p(replications, stream, effects, n):
            if gate is None:
                first, second = ex.adjust_pvalues(p[0]), [ex.adjust_pvalues(row) for row in p[1:]]
            else:
                first, second = ex.gatekeeping(p[0], p[1:], gate=gate)
            rejected = np.array([first, *second]) <= ALPHA
            errors += bool((rejected & true).any())
        return Tally(replications, errors, 0)

    return run


def interaction_rates(control, lift, n, control_n):
    """The score interaction test over segments."""

    def run(replications: int, stream: Generator) -> Tally:
        base, treated = np.array(control), np.array(control) + np.array(lift)
        one, found = np.ones(1), {}
        errors = 0
        hits = stream.binomial(n, treated, (replications, len(base)))
        control_hits = stream.binomial(control_n, base, (replications, len(base)))
        for x, y in zip(hits.tolist(), control_hits.tolist(), strict=True):
            key = (*x, *y)
            if key not in found:
                tables = [
                    Tables(hits=a * one, n=n * one, control_hits=b * one, control_n=control_n * one, weights=one)
                    for a, b in zip(x, y, strict=True)
                ]
                p = interaction_of_rates(tables).p_value
                found[key] = p is not None and p < ALPHA
            errors += found[key]
        return Tally(replications, errors, 0)

    return run


def interaction_means(n, sd):
    """Welch's form of Cochran's Q over segments with few persons and unequal variances."""

    def run(replications: int, stream: Generator) -> Tally:
        means, variances = summaries(replications, stream, n, sd)
        freedom = np.array(n, dtype=float) - 1
        errors = sum(
            (interaction_of_estimates(mean, variance, freedom).p_value or 1.0) < ALPHA
            for mean, variance in zip(means, variances / np.array(n), strict=True)
        )
        return Tally(replications, int(errors), 0)

    return run


def tost_means(difference, margin, n, sd):
    """Equivalence of two means at a true difference."""

    def run(replications: int, stream: Generator) -> Tally:
        means, variances = summaries(replications, stream, n, sd)
        shown = 0
        for mean, variance in zip(means, variances, strict=True):
            spread = np.sqrt(variance)
            found = ex.equivalence_means(
                mean[1] + difference, spread[1], n[1], mean[0], spread[0], n[0], margin=margin, level=1 - ALPHA
            )
            shown += found.decision == "equivalent"
        return Tally(replications, shown, 0)

    return run


def tost_rates(control, difference, margin, n, *, side="two", relative=False):
    """Equivalence or non-inferiority of two rates at a true difference."""

    def run(replications: int, stream: Generator) -> Tally:
        found: dict[tuple[int, int], bool] = {}
        shown = 0
        base = stream.binomial(n[0], control, replications)
        hits = stream.binomial(n[1], control + difference, replications)
        for pair in zip(hits.tolist(), base.tolist(), strict=True):
            if pair not in found:
                made = ex.equivalence_rates(
                    pair[0], n[1], pair[1], n[0], margin=margin, level=1 - ALPHA, side=side, relative=relative
                )
                found[pair] = made.decision in ("equivalent", "non_inferior")
            shown += found[pair]
        return Tally(replications, shown, 0)

    return run


def _design(
    name: str,
    method: str,
    run: Callable[[int, Generator], Tally],
    *,
    low: float = ALPHA,
    kind: str = "size",
    miss: str = "",
) -> Design:
    return Design(name=name, method=method, kind=kind, run=run, low=low, high=None, miss=miss)


SPREAD = math.sqrt(4.0 / 100 + 9.0 / 400)
FREEDOM = SPREAD**4 / ((4.0 / 100) ** 2 / 99 + (9.0 / 400) ** 2 / 399)
POWER_EQUIVALENT = float(1 - 2 * stats.t.sf(0.9 / SPREAD - stats.t.isf(ALPHA, FREEDOM), FREEDOM))
NOISE = np.array([p * (1 - p) / 9_000 + 0.05 * 0.95 / 3_000 for p in (0.05, 0.05, 0.07)])
WEIGHT = 1 / NOISE / np.sum(1 / NOISE)
SHIFT = np.array([0.0, 0.0, 0.02])
POWER_INTERACTION = float(
    stats.ncx2.sf(stats.chi2.isf(ALPHA, 2), 2, np.sum((SHIFT - np.sum(WEIGHT * SHIFT)) ** 2 / NOISE))
)

DESIGNS: tuple[Design, ...] = (
    _design("no effect in 3 arms, a tenth held out: any rejection", "dunnett, one variance", dunnett_means()),
    _design("3 arms, 12 to 40 persons: any rejection", "dunnett, one variance", dunnett_means((12, 40, 25, 16))),
    _design(
        "3 arms, a tenth held out: all intervals hold",
        "dunnett, simultaneous intervals",
        dunnett_means(shift=0.3),
        kind="coverage",
    ),
    _design(
        "no effect in 3 arms, a tenth held out, deviations 3, 1, 2, 4: any rejection",
        "dunnett welch",
        dunnett_welch(TENTH, (3.0, 1.0, 2.0, 4.0)),
    ),
    _design(
        "no effect, rates of 5 % in 1,000 and 3 times 3,000: any rejection",
        "dunnett over score tests",
        dunnett_rates(0.05),
    ),
    _design(
        "no effect, rates of 1 % in 1,000 and 3 times 3,000: any rejection",
        "dunnett over score tests",
        dunnett_rates(0.01),
    ),
    _design(
        "no effect in 3 arms, a tenth held out: any rejection",
        "holm",
        gated([[0.0] * 3], None, n=TENTH),
        miss=HOLM,
    ),
    _design(
        "primary null in 1 of 2 arms, both secondary null: any false rejection",
        "gatekeeping serial",
        gated([[9.0, 0.0], [0.0, 0.0]], "serial"),
    ),
    _design(
        "both primary shown, 1 secondary null: any false rejection",
        "gatekeeping serial",
        gated([[9.0, 9.0], [0.0, 9.0]], "serial"),
    ),
    _design(
        "both primary shown, 1 secondary null: any false rejection",
        "gatekeeping parallel",
        gated([[9.0, 9.0], [0.0, 9.0]], "parallel"),
    ),
    _design(
        "one arm all shown, the other's secondary null: any false rejection",
        "gatekeeping by arm",
        gated([[9.0, 9.0], [0.0, 9.0]], "arm"),
    ),
    _design(
        "4 segments of 1 to 4 %, same difference, 900 against 100",
        "score interaction",
        interaction_rates((0.01, 0.02, 0.03, 0.04), 0.01, 900, 100),
    ),
    _design(
        "4 segments of 1 to 4 %, same difference, 9,000 against 1,000",
        "score interaction",
        interaction_rates((0.01, 0.02, 0.03, 0.04), 0.01, 9_000, 1_000),
    ),
    _design(
        "4 segments of 0.1 %, no effect, 9,000 against 1,000",
        "score interaction",
        interaction_rates((0.001,) * 4, 0.0, 9_000, 1_000),
        miss=RARE,
    ),
    _design(
        "6 segments of 8 to 60 persons, deviations 1 to 3",
        "welch interaction",
        interaction_means((8, 60, 20, 12, 30, 15), (1.0, 2.0, 1.0, 3.0, 2.0, 1.5)),
    ),
    _design(
        "true difference at the upper margin, 400 against 100",
        "equivalence_means",
        tost_means(1.0, 1.0, (100, 400), (2.0, 3.0)),
    ),
    _design(
        "true difference at the lower margin, 400 against 100",
        "equivalence_means",
        tost_means(-1.0, 1.0, (100, 400), (2.0, 3.0)),
    ),
    _design(
        "10 % against 4 %, margin 6 points, 900 against 300",
        "equivalence_rates",
        tost_rates(0.10, -0.06, 0.06, (300, 900)),
    ),
    _design(
        "10 % against 16 %, margin 6 points, 900 against 300",
        "equivalence_rates",
        tost_rates(0.10, 0.06, 0.06, (300, 900)),
    ),
    _design(
        "20 % against 10 %, margin a half, 500 each",
        "equivalence_rates, relative non-inferiority",
        tost_rates(0.20, -0.10, 0.5, (500, 500), side="greater", relative=True),
    ),
    _design(
        "no difference, margin of 3.6 standard errors, 400 against 100",
        "equivalence_means",
        tost_means(0.0, 0.9, (100, 400), (2.0, 3.0)),
        low=POWER_EQUIVALENT,
        kind="power",
    ),
    _design(
        "2 of 3 segments at 5 %, one at 7 %, 9,000 against 3,000",
        "score interaction",
        interaction_rates((0.05, 0.05, 0.05), (0.0, 0.0, 0.02), 9_000, 3_000),
        low=POWER_INTERACTION,
        kind="power",
    ),
)
