"""The gain of treating the top share of a ranking, for every share, with the covariance of all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from attribution.core.randomness import generator
from experiments.inference.tails import critical_value, p_value
from experiments.uplift.top_sums import Ranked, grouped

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from experiments.uplift.trial import Trial

    Floats = NDArray[np.float64]

__all__ = [
    "FEWEST_EVENTS", "FEW_EVENTS", "TOO_FEW_PERSONS", "ZERO_VARIANCE", "CurveNumbers", "Learned", "curve_of",
    "difference_in", "learned_area", "members",
]  # fmt: skip

_DRAWS = 4_000
_BEST_STEPS = 101
_STEADY = 4.0  # an area of so many standard errors is no noise, at any number of folds and features that was simulated
_HALVINGS = 60
_NOTHING = 1e-20
_ROUNDED = 1e-14  # of the largest value: less is rounding of values that are all the same
TOO_FEW_PERSONS = "TOO_FEW_PERSONS"
FEW_EVENTS = "FEW_EVENTS"
ZERO_VARIANCE = "ZERO_VARIANCE"
FEWEST_EVENTS = 20  # as for verdicts: below, normal limits of a rate are rough


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CurveNumbers:
    """A curve over shares of the persons, the top of the ranking first.

    Attributes:
        share: Shares, from 0 to 1.
        gain: Gain per person of the whole audience when the top share is treated and nobody else; nan where an arm has
            fewer than two persons in the top share.
        covariance: Covariance of the gains.
        treated: Treated persons in the top share; a person at the cut counts in part.
        control: Control persons in the top share.
        events: Smaller number of the two arms' persons with the event in the top share.
        level: Confidence level.
        critical: Critical value of the simultaneous band.
        draws: Draws from the curve's normal distribution, for tests about its top.
        learned: Whether the ranking was learned on these persons; then `between` is the part of the covariance that
            folds share, which `covariance` holds too.
        between: That part; zeros for a ranking that was fixed before.
    """

    share: Floats
    gain: Floats
    covariance: Floats
    treated: Floats
    control: Floats
    events: Floats
    level: float
    critical: float
    draws: Floats
    learned: bool
    between: Floats

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Shares whose gain is known."""
        known: NDArray[np.bool_] = np.isfinite(self.gain)
        return known

    @property
    def error(self) -> Floats:
        """Standard errors of the gains."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def area(self) -> Estimate:
        """Area between the curve and the straight line of a random order, per person; 0 for a useless ranking."""
        known = self.defined
        n = round(self.treated[-1] + self.control[-1])
        if not known[-1]:
            return Estimate(
                value=None, low=None, high=None, level=self.level, method="difference", n=n, note=TOO_FEW_PERSONS
            )
        share, gain = self.share[known], self.gain[known]
        steps = np.zeros(len(share))
        steps[1:] += 0.5 * np.diff(share)
        steps[:-1] += 0.5 * np.diff(share)
        linear = steps.copy()
        linear[-1] -= float(steps @ share)
        inside = np.ix_(known, known)
        whole, shared = (float(linear @ part[inside] @ linear) for part in (self.covariance, self.between))
        own, value = whole - shared, float(linear @ gain)
        if own <= _NOTHING * float(np.abs(linear) @ self.error[known]) ** 2:
            return _estimate(0.0, 0.0, level=self.level, n=n)
        if not self.learned:
            return _estimate(value, own, level=self.level, n=n)
        return learned_area(value, own, shared, level=self.level, n=n)

    def best(self) -> tuple[float, float, float] | None:
        """The share with the highest gain, and the lowest and highest share that may be the best one.

        None where an arm has too few persons for a gain.

        A share is given up when some other share's gain is higher beyond what chance does to the highest of all
        differences (multiple comparisons with the best, one test per share). At most about 100 shares are compared.
        """
        if not self.defined[-1]:
            return None
        step = -(-len(self.share) // _BEST_STEPS)
        known = np.flatnonzero(self.defined[::step]) * step
        gain, cov = self.gain[known], self.covariance[np.ix_(known, known)]
        top = int(np.argmax(gain))
        kept = []
        for place in range(len(known)):
            spread = np.sqrt(np.maximum(np.diag(cov) + cov[place, place] - 2.0 * cov[place], 0.0))
            differ = spread > 1e-9 * float(self.error.max())
            if not differ.any():
                kept.append(place)
                continue
            noise = (self.draws[:, known[differ]] - self.draws[:, [known[place]]]) / spread[differ]
            limit = float(np.quantile(noise.max(axis=1), self.level))
            if float(((gain[differ] - gain[place]) / spread[differ]).max()) <= limit:
                kept.append(place)
        share = self.share[known]
        return float(share[top]), float(share[min(kept)]), float(share[max(kept)])


def learned_area(value: float, own: float, shared: float, *, level: float, n: int) -> Estimate:
    """The area of a ranking that was learned on the same persons, every possible area with its own variance.

    Where a ranking hangs on noise, what folds share is about as large as the variance of their own, and its estimate
    comes out too small just where the area comes out large. So it is not taken as less than the own variance for an
    area of 0 or below; this floor falls on a straight line to nothing at an area of 4 standard errors, where a ranking
    can no longer be noise.

    Args:
        value: The area.
        own: Variance without what folds share.
        shared: What they share, as estimated.
        level: Confidence level.
        n: Persons.
    """
    root, z = math.sqrt(own), critical_value(level, "two")
    told, ratio = value / root, max(shared, 0.0) / own

    def error(true: float) -> float:
        return math.sqrt(1.0 + max(ratio, min(1.0, 1.0 - true / _STEADY)))

    return Estimate(
        value=value,
        low=root * _crossing(lambda true: told - true - z * error(true), told - 2.0 * z * error(told), told),
        high=root * _crossing(lambda true: told - true + z * error(true), told, told + 2.0 * z * error(told)),
        p_value=max(p_value(told / error(0.0), "two"), 5e-324),
        level=level,
        method="difference",
        n=n,
        standard_error=root * error(told),
    )


def _crossing(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is 0, between two values that hold it, by halving."""
    while falling(low) < 0.0:
        low -= high - low
    while falling(high) > 0.0:
        high += high - low
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)


def members(score: Floats, weight: Floats, share: float) -> Floats:
    """How much of each person belongs to the top share: persons of the score at the cut have an equal part each."""
    before, mass = _places(score, weight)
    return np.asarray(np.clip((share - before) / mass, 0.0, 1.0), dtype=np.float64)


def _places(score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Share of all weight that ranks before each person's score, and the share that has the same score."""
    groups = grouped(score, weight)
    return groups.before[groups.place], groups.mass[groups.place]


def curve_of(  # noqa: PLR0913 - a trial, what is ranked and how it is drawn
    trial: Trial,
    values: Floats,
    score: Floats,
    *,
    level: float,
    shares: int,
    seed: int,
    events: Floats | None = None,
    learned: Learned | None = None,
) -> CurveNumbers:
    """The curve of a ranking.

    In the top share of the persons the means of both arms are compared, each person with the inverse of the chance of
    the own arm; the difference times the share is the gain per person of the whole audience. Persons of one score enter
    together: a cut through them takes an equal part of each. The variance is that of the two means (the persons at hand
    are ranked as they are), with clusters as units.

    Args:
        trial: The persons.
        values: Outcome of each.
        score: What they are ranked by, the highest first.
        level: Confidence level.
        shares: Number of steps from 0 to 1.
        seed: Seed of the draws of the simultaneous band.
        events: Column of the event, not 0 where it happened; the values themselves by default.
        learned: How the score was learned, where it was learned on these persons: folds share in each other's rankings,
            which adds to the covariance.
    """
    grid = np.linspace(0.0, 1.0, shares + 1)
    ranked = Ranked(trial=trial, values=values, groups=grouped(score, trial.weight), grid=grid)
    weights, totals, persons, happened = ranked.sums(values if events is None else events)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = totals / weights
        gain = np.where((persons >= 2.0 - 1e-9).all(axis=0), grid * (means[0] - means[1]), np.nan)
    gain[0] = 0.0
    between = np.zeros((len(grid), len(grid)))
    if learned is not None:
        between = _between_folds(trial, values, learned, grid, means[:, -1])
    covariance = ranked.covariance(weights, means) + between
    rounding = np.diag(covariance) <= (_ROUNDED * float(np.abs(values).max())) ** 2
    covariance[rounding] = covariance[:, rounding] = 0.0
    draws = _draws(covariance, seed)
    error = np.sqrt(np.diag(covariance))
    moving = (error > 1e-9 * max(float(error.max()), 1e-300)) & np.isfinite(gain)
    highest = np.abs(draws[:, moving] / error[moving]).max(axis=1) if moving.any() else np.zeros(1)
    return CurveNumbers(
        share=grid,
        gain=gain,
        covariance=covariance,
        treated=persons[0],
        control=persons[1],
        events=happened.min(axis=0),
        level=level,
        critical=max(float(np.quantile(highest, level)), critical_value(level, "two")),
        draws=draws,
        learned=learned is not None,
        between=between,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Learned:
    """How a cross-fitted ranking was learned.

    Attributes:
        fold: Fold of each person.
        apart: Rank of each person by models that saw neither the own fold nor one other; persons by folds, the rank
            itself in the own column.
    """

    fold: NDArray[np.int64]
    apart: Floats


def _between_folds(trial: Trial, values: Floats, learned: Learned, grid: Floats, means: Floats) -> Floats:
    """Covariance of the gains that comes from folds having learned on each other.

    What a fold gains at every share because its ranking has seen another fold, times the same the other way round, over
    all pairs of folds; its part that is no covariance (negative directions) is left out.
    """
    seen = np.where(trial.treated, (values - means[0]) / trial.chance, -(values - means[1]) / (1.0 - trial.chance)) + (
        means[0] - means[1]
    )
    worth = trial.weight * seen / trial.weight.sum()
    folds = learned.apart.shape[1]
    moved = np.zeros((folds, folds, len(grid)))
    for part in range(folds):
        mine = np.flatnonzero(learned.fold == part)
        whole = _summed(learned.apart[mine, part], trial.weight[mine], worth[mine], grid)
        for other in range(folds):
            if other != part and len(mine):
                moved[part, other] = whole - _summed(learned.apart[mine, other], trial.weight[mine], worth[mine], grid)
    made = np.zeros((len(grid), len(grid)))
    for one in range(folds):
        for two in range(one):
            pair = np.outer(moved[one, two], moved[two, one])
            made += pair + pair.T
    found, vectors = np.linalg.eigh(made)
    kept: Floats = (vectors * np.maximum(found, 0.0)) @ vectors.T
    return kept


def _summed(rank: Floats, weight: Floats, worth: Floats, grid: Floats) -> Floats:
    """The worth of the top shares of a fold; persons of one rank enter in proportion."""
    values, place = np.unique(rank, return_inverse=True)
    mass = np.bincount(place, weights=weight, minlength=len(values))
    total = np.bincount(place, weights=worth, minlength=len(values))
    at = np.concatenate(([0.0], np.cumsum(mass) / mass.sum()))
    return np.interp(grid, at, np.concatenate(([0.0], np.cumsum(total))))


def difference_in(trial: Trial, values: Floats, member: Floats, *, level: float) -> Estimate:
    """The difference between treated and control among some persons, each with a part from 0 to 1."""
    sides = (trial.treated, ~trial.treated)
    weights = [
        trial.weight * member * side / chance
        for side, chance in zip(sides, (trial.chance, 1.0 - trial.chance), strict=True)
    ]
    if any(np.count_nonzero(weight) < 2 for weight in weights):
        return Estimate(value=None, low=None, high=None, level=level, method="difference", note=TOO_FEW_PERSONS)
    means = [float(weight @ values / weight.sum()) for weight in weights]
    influence = np.zeros(len(values))
    for sign, weight, mean, side in zip((1.0, -1.0), weights, means, sides, strict=True):
        units = len(np.unique(trial.cluster[side & (member > 0)]))
        factor = math.sqrt(units / max(units - 1.0, 1.0))
        influence += sign * factor * weight * (values - mean) / weight.sum()
    variance = float(np.sum(np.bincount(trial.cluster, weights=influence) ** 2))
    return _estimate(means[0] - means[1], variance, level=level, n=int(np.count_nonzero(member)))


def _estimate(value: float, variance: float, *, level: float, n: int) -> Estimate:
    error = math.sqrt(max(variance, 0.0))
    half = critical_value(level, "two") * error
    if error <= 0.0:
        return Estimate(value=value, low=None, high=None, level=level, method="difference", n=n, note=ZERO_VARIANCE)
    p = max(p_value(value / error, "two"), 5e-324)
    return Estimate(
        value=value, low=value - half, high=value + half, p_value=p, level=level, method="difference", n=n,
        standard_error=error,
    )  # fmt: skip


def _draws(covariance: Floats, seed: int) -> Floats:
    """Draws from the normal distribution of the curve's errors."""
    values, vectors = np.linalg.eigh(covariance)
    # The sign of an eigenvector is the library's choice: the largest entry is made positive.
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])
    root = vectors * signs * np.sqrt(np.maximum(values, 0.0))
    normal = generator(seed, "uplift.band").standard_normal((_DRAWS, len(values)))
    return np.asarray(normal @ root.T, dtype=np.float64)
