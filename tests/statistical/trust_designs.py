"""Assignment and trust checks: false alarms of each check and of their family, power, coverage of what lies beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from scipy.special import chdtri
from scipy.stats import chi2, ncx2, norm
from scipy.stats import t as student

from experiments.design.allocation import Allocation
from experiments.design.assignment_hash import checked_shares, cut, unit_numbers
from experiments.design.balance_test import contrast_columns, omnibus
from experiments.design.homogeneity import homogeneous
from experiments.design.pull_forward import band_width, rise
from experiments.design.pull_forward_curve import Curve
from experiments.design.spillover import slope_within
from experiments.design.split import check_split
from experiments.design.split_over_time import split_by_slice
from experiments.inference.figures import compare_figures
from experiments.inference.means import mean_figures
from experiments.inference.multiplicity import adjust_pvalues
from statistical.designs import Design, Tally

if TYPE_CHECKING:
    from numpy.random import Generator

ALPHA = 0.05
Column = np.ndarray


def rejections(draw: Callable[[Generator], float | None]) -> Callable[[int, Generator], Tally]:
    """How often a drawn p-value lies below 5 %."""

    def run(replications: int, random: Generator) -> Tally:
        found = [draw(random) for _ in range(replications)]
        return Tally(replications, sum(p is not None and p < ALPHA for p in found), 0)

    return run


# --- balance ---------------------------------------------------------------------------------------------------------


def joint_p(values: Column, arm: Column, stratum: Column | None = None, cluster: Column | None = None) -> float | None:
    """P-value of the joint test."""
    n = len(values)
    zero, own = np.zeros(n, np.int64), np.arange(n)
    part = contrast_columns(values, arm, zero if stratum is None else stratum, own if cluster is None else cluster)
    return None if part is None else omnibus(part.difference, part.covariance, part.freedom).p_value


def few_columns(random: Generator) -> float | None:
    """Three correlated columns, 100 persons held out of 1,000."""
    values = random.normal(size=(1_000, 3)) @ np.array([[1.0, 0.5, 0.2], [0.0, 1.0, 0.4], [0.0, 0.0, 1.0]])
    return joint_p(values, random.permutation(1_000) >= 100)


def many_columns(random: Generator) -> float | None:
    """Twenty columns, normal, skewed and rare, 100 against 200 persons."""
    parts = [random.normal(size=(300, 8)), random.exponential(size=(300, 6)), random.random((300, 6)) < 0.1]
    return joint_p(np.hstack(parts).astype(float), random.permutation(300) >= 100)


def strata_columns(random: Generator) -> float | None:
    """Four columns that differ between two waves with different shares."""
    wave = np.repeat([0, 1], [600, 400])
    arm = random.random(1_000) < np.where(wave == 0, 0.5, 0.9)
    return joint_p(random.normal(size=(1_000, 4)) + wave[:, None], arm, stratum=wave)


def clusters_columns(random: Generator) -> float | None:
    """Three columns that branches share, 60 branches of 5 to 30 persons."""
    size = random.integers(5, 31, 60)
    home = np.repeat(np.arange(60), size)
    arm = (random.permutation(60) < 20)[home]
    values = random.normal(size=(60, 3))[home] + random.normal(size=(len(home), 3))
    return joint_p(values, arm, cluster=home)


def lost_best(random: Generator) -> float | None:
    """Three columns; 5 % of the treated with the highest first column are gone."""
    values = random.normal(size=(2_000, 3))
    arm = np.arange(2_000) >= 400
    kept = ~(arm & (values[:, 0] > norm.isf(0.05)))
    return joint_p(values[kept], arm[kept])


def lost_power() -> float:
    """The power of `lost_best` to first order: the shift of a truncated normal mean, one column of three."""
    cut_at = norm.isf(0.05)
    shift = -norm.pdf(cut_at) / 0.95
    variance = 1.0 - cut_at * norm.pdf(cut_at) / 0.95 - shift**2
    pooled = (400 + 1_520 * variance + 400 * 1_520 / 1_920 * shift**2) / 1_920
    strength = shift**2 * 400 * 1_520 / 1_920 / pooled
    return float(ncx2.sf(chdtri(3, ALPHA), 3, strength))


# --- split over time -------------------------------------------------------------------------------------------------

SHARES = np.array([0.2, 0.8])
ALLOCATION = Allocation(
    arms=("holdout", "sms"), layers=(), counts={(): {"holdout": 1, "sms": 1}}, shares={(): {"holdout": 0.2, "sms": 0.8}}
)


def over_days(random: Generator, *, lost: float = 0.0, days: int = 14, persons: int = 500) -> tuple[float, float]:
    """P-values of the drift and of the worst day; a share of the holdout is lost on the last two days."""
    held = random.binomial(persons, 0.2, days)
    kept = held.copy()
    kept[-2:] = random.binomial(held[-2:], 1.0 - lost)
    day = np.concatenate([np.repeat(np.arange(days), kept), np.repeat(np.arange(days), persons - held)])
    arm = np.repeat([0, 1], [kept.sum(), (persons - held).sum()])
    made = split_by_slice(day, arm, np.zeros(len(day), np.int64), ALLOCATION)
    gap = (made.observed - made.expected)[:, 0]
    distance = gap**2 / made.covariance[:, 0, 0]
    return float(chi2.sf(distance.sum(), days)), min(1.0, days * float(chi2.sf(distance.max(), 1)))


def drift_power(lost: float, days: int = 14, persons: int = 500) -> float:
    """Power of the sum over the days at 5 %."""
    seen = persons * (1.0 - 0.2 * lost)
    share = 0.2 * (1.0 - lost) / (1.0 - 0.2 * lost)
    strength = 2 * seen * (share - 0.2) ** 2 / (0.2 * 0.8)
    return float(ncx2.sf(chdtri(days, ALPHA), days, strength))


# --- assignment, exclusions, the family ------------------------------------------------------------------------------


def hashed(random: Generator) -> float | None:
    """The split of 2,000 consecutive keys under a new salt."""
    cuts = cut(checked_shares({"holdout": 0.1, "digital": 0.3, "sms": 0.6}))
    first = int(random.integers(0, 10**9))
    arm = cuts.arm_of(unit_numbers(pa.array(np.arange(first, first + 2_000)), str(random.integers(0, 2**62))))
    counts = dict(zip(cuts.arms, np.bincount(arm, minlength=3).tolist(), strict=True))
    return float(check_split(counts, {"holdout": 0.1, "digital": 0.3, "sms": 0.6}).values["p_value"])


def losses(random: Generator) -> float | None:
    """3 % of the persons of two waves are lost, alike in three arms."""
    totals = np.array([[500, 2_000, 2_500], [300, 300, 400]])
    return homogeneous(random.binomial(totals, [[0.03], [0.06]]), totals)[0]


def family(random: Generator) -> float | None:
    """Smallest Holm-adjusted p-value of split, days, balance and exclusions of one honest experiment."""
    day = random.integers(0, 14, 2_000)
    arm = (random.random(2_000) < 0.8).astype(int)
    made = split_by_slice(day, arm, np.zeros(2_000, np.int64), ALLOCATION)
    gap = (made.observed - made.expected)[:, 0]
    distance = gap**2 / made.covariance[:, 0, 0]
    together = float(chi2.sf(distance.sum(), len(distance)))
    worst = min(1.0, len(distance) * float(chi2.sf(distance.max(), 1)))
    totals = np.bincount(arm, minlength=2)
    split = check_split({"holdout": int(totals[0]), "sms": int(totals[1])}, {"holdout": 0.2, "sms": 0.8})
    lost = homogeneous(random.binomial(totals, 0.02)[None, :], totals[None, :])[0]
    known = [
        float(split.values["p_value"]), min(1.0, 2.0 * min(together, worst)),
        joint_p(random.exponential(size=(2_000, 4)), arm == 1), lost,
    ]  # fmt: skip
    return min(p for p in adjust_pvalues(known, method="holm") if p is not None)


# --- beyond ----------------------------------------------------------------------------------------------------------


def spillover_coverage(replications: int, random: Generator, homes: int = 600) -> Tally:
    """Households of 2 to 4; outcomes move by 0.3 with all neighbours treated, and by household."""
    low = high = 0
    for _ in range(replications):
        home = np.repeat(np.arange(homes), random.integers(2, 5, homes))
        treated = random.random(len(home)) < 0.7
        others = np.bincount(home)[home] - 1
        share = (np.bincount(home, weights=treated)[home] - treated) / others
        y = 0.3 * share + 0.2 * others + random.normal(size=homes)[home] + random.normal(size=len(home))
        found = slope_within(y[~treated], share[~treated], others[~treated], home[~treated])
        statistic = (found.slope - 0.3) / found.variance**0.5
        limit = student.isf(0.025, found.freedom)
        low, high = low + (statistic > limit), high + (statistic < -limit)
    return Tally(replications, int(low), int(high))


def few_homes(replications: int, random: Generator) -> Tally:
    """The same with 150 households."""
    return spillover_coverage(replications, random, homes=150)


def transport_coverage(replications: int, random: Generator) -> Tally:
    """Normal outcomes in three strata with effects 1, 2 and 3, carried over to shares of 10, 30 and 60 %."""
    weights, effect = np.array([0.1, 0.3, 0.6]), np.array([1.0, 2.0, 3.0])
    n = np.array([[40, 160], [60, 240], [30, 120]])
    low = high = 0
    for _ in range(replications):
        mean = random.normal(np.column_stack([np.zeros(3), effect]), 2.0 / np.sqrt(n))
        variance = 4.0 * random.chisquare(n - 1) / (n - 1)
        found = compare_figures(mean_figures(mean, variance, n, weights=weights), 1, 0, level=0.95).difference
        low, high = low + (found.low > 2.5), high + (found.high < 2.5)
    return Tally(replications, int(low), int(high))


def returns(random: Generator, n: int, daily: Column) -> Curve:
    """The curve of n persons who return on each day with these chances, at most once."""
    count = np.cumsum(random.multinomial(n, [*daily, 1.0 - daily.sum()])[:-1])
    mean = count / n
    covariance = (np.minimum.outer(count, count) / n - np.outer(mean, mean)) / (n - 1.0)
    return Curve(n=n, mean=mean, covariance=covariance)


def curves_of(random: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A drawn rise over 30 days, its covariance and the truth."""
    treated, control = np.full(30, 0.004), np.full(30, 0.002)
    found = rise(returns(random, 4_000, treated), returns(random, 2_000, control))
    return found.difference, found.covariance, np.cumsum(treated - control)


def late_coverage(replications: int, random: Generator) -> Tally:
    """The change between day 14 and day 30."""
    low = high = 0
    for _ in range(replications):
        d, v, truth = curves_of(random)
        gap = (d[-1] - d[13]) - (truth[-1] - truth[13])
        statistic = gap / (v[-1, -1] + v[13, 13] - 2 * v[13, -1]) ** 0.5
        low, high = low + (statistic > 1.959964), high + (statistic < -1.959964)
    return Tally(replications, int(low), int(high))


def band_misses(replications: int, random: Generator) -> Tally:
    """Curves that leave the simultaneous band on any fifth day."""
    draws, days = random.standard_normal((10_000, 6)), np.arange(4, 30, 5)
    missed = 0
    for _ in range(replications):
        d, v, truth = curves_of(random)
        part = v[np.ix_(days, days)]
        width = band_width(part, 0.95, draws)
        missed += bool((np.abs(d - truth)[days] > width * np.sqrt(np.diag(part))).any())
    return Tally(replications, missed, 0)


def alarms(name: str, method: str, draw: Callable[[Generator], float | None], power: float | None = None) -> Design:
    """A design of false alarms at 5 %, or of power."""
    kind: Literal["size", "power"] = "size" if power is None else "power"
    return Design(name, method, kind, rejections(draw), low=ALPHA if power is None else power, high=None)


SUM, BOTH = "check_split_over_time, sum of days", "check_split_over_time, both tests"
DESIGNS: tuple[Design, ...] = (
    alarms("3 columns, 100 of 1,000 held out", "balance", few_columns),
    alarms("20 columns, normal, skewed and rare, 100 against 200", "balance", many_columns),
    alarms("4 columns, two waves with shares 50 % and 90 %", "balance", strata_columns),
    alarms("3 columns, 60 branches of 5 to 30 persons", "balance", clusters_columns),
    alarms("the 5 % of the treated that are highest are gone", "balance", lost_best, lost_power()),
    alarms("14 days of 500 persons", SUM, lambda random: over_days(random)[0]),
    alarms("14 days of 500 persons", BOTH, lambda random: min(1.0, 2.0 * min(over_days(random)))),
    alarms("30 % of the holdout lost on 2 of 14 days", SUM, lambda r: over_days(r, lost=0.3)[0], drift_power(0.3)),
    alarms("2,000 consecutive keys, a new salt each time", "assign, check_split", hashed),
    alarms("3 % and 6 % lost in two waves, three arms", "check_exclusions", losses),
    alarms("an honest experiment, four checks at 5 % together", "share_alarm", family),
    Design("600 households of 2 to 4, slope 0.3", "spillover_bound", "coverage", spillover_coverage),
    Design("150 households of 2 to 4, slope 0.3", "spillover_bound", "coverage", few_homes),
    Design("three strata, normal outcomes", "transport, mean", "coverage", transport_coverage),
    Design("returns over 30 days, change after day 14", "pull_forward, change", "coverage", late_coverage),
    Design("returns over 30 days, every fifth day at once", "pull_forward, band", "size", band_misses, 0.05, None),
)  # fmt: skip
