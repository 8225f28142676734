"""Kaplan-Meier's product limit, its variance over persons, and what is read from the curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from experiments.inference.tails import critical_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

__all__ = ["LIMITS", "Limits", "ProductLimit", "check_limits", "product_limit", "window_share"]

Limits = Literal["log-log", "log", "plain"]
LIMITS: tuple[Limits, ...] = ("log-log", "log", "plain")


def check_limits(limits: str) -> Limits:
    """Return ``limits`` if it names a scale of the limits, else raise `InputError`."""
    for known in LIMITS:
        if limits == known:
            return known
    raise InputError(f'limits must be "log-log", "log" or "plain", got {limits!r}.')


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProductLimit:
    """The estimated survival curve of one group, one entry per distinct duration.

    Attributes:
        time: Distinct durations, ascending.
        at_risk: Spells that last at least that long; the censored ones of that duration are still among them.
        events: Spells that end there. Both are sums of weights where spells have weights.
        survival: Share that lasts longer than that.
        variance: Variance of the logarithm of `survival`; 0 before the first event, nan where nothing survives.
        place: Place of each spell's duration in `time`.
        observed: Whether each spell was seen to end.
        clusters: Number of the person of each spell, from 0; None when all are of different persons.
        weights: For how many each spell stands; None when all stand for themselves.
    """

    time: Floats
    at_risk: Counts
    events: Counts
    survival: Floats
    variance: Floats
    place: Counts
    observed: NDArray[np.bool_]
    clusters: Counts | None
    weights: Floats | None = None

    @property
    def n(self) -> int:
        """Number of spells."""
        return len(self.place)

    @property
    def censored(self) -> Counts:
        """Spells of each duration that were not seen to end."""
        return np.asarray(self.at_risk - self.events - np.append(self.at_risk[1:], 0), dtype=np.int64)

    def limits(self, *, level: float, limits: Limits = "log-log") -> tuple[Floats, Floats]:
        """Pointwise limits of the survival at each duration.

        Before the first event nothing varies: the upper one is 1, the lower one Clopper and Pearson's for nobody ended
        of the persons followed that long. Where nothing survives, the lower one is 0 and the upper one is that of the
        duration before, which still bounds a curve that cannot rise; when all ended at the first event, it is Clopper
        and Pearson's for nobody left of so many persons.
        """
        z = critical_value(level, "two")
        low, high = np.ones(len(self.time)), np.ones(len(self.time))
        varied = (self.variance > 0.0) & (self.survival > 0.0)
        survival, error = self.survival[varied], np.sqrt(self.variance[varied])
        if limits == "log-log":
            logged = np.log(survival)
            factor = np.exp(z * error / -logged)
            low[varied], high[varied] = np.exp(logged * factor), np.exp(logged / factor)
        elif limits == "log":
            low[varied] = survival * np.exp(-z * error)
            high[varied] = np.minimum(1.0, survival * np.exp(z * error))
        else:
            low[varied] = np.maximum(0.0, survival - z * survival * error)
            high[varied] = np.minimum(1.0, survival + z * survival * error)
        none = self.survival >= 1.0
        low[none] = self._untouched(np.flatnonzero(none), level)
        # With persons of several spells a curve can have fallen without any variance yet: then nothing is known.
        stuck = ~varied & (self.survival < 1.0)
        low[stuck] = 0.0
        ended = stuck & (self.survival <= 0.0)
        if ended.any():
            first = int(np.flatnonzero(ended)[0])
            alone = first == 0 or self.survival[first - 1] >= 1.0
            high[ended] = 1.0 - ((1.0 - level) / 2.0) ** (1.0 / self._persons_from(first)) if alone else high[first - 1]
        return low, high

    def _untouched(self, places: Counts, level: float) -> Floats:
        """Clopper and Pearson's lower limit where nobody has ended, of the persons followed at least that long."""
        if self.clusters is None:
            persons = np.asarray(self.at_risk[places], dtype=np.float64)
        else:
            last = np.zeros(int(self.clusters.max()) + 1, np.int64)
            np.maximum.at(last, self.clusters, self.place)
            persons = len(last) - np.searchsorted(np.sort(last), places, side="left").astype(np.float64)
        return np.asarray(((1.0 - level) / 2.0) ** (1.0 / persons), dtype=np.float64)

    def _persons_from(self, place: int) -> int:
        """Persons with a spell that lasts at least so long."""
        if self.clusters is None:
            return int(self.at_risk[place])
        return len(np.unique(self.clusters[self.place >= place]))

    def at(self, when: float) -> tuple[int, str]:
        """The place that holds at a duration (-1 before the first), and a reason when the curve does not reach it."""
        place = int(np.searchsorted(self.time, when, side="right")) - 1
        beyond = when > self.time[-1] and self.survival[-1] > 0.0
        return place, "BEYOND_FOLLOW_UP" if beyond else ""

    def value(self, when: float, *, level: float, limits: Limits = "log-log") -> Estimate:
        """Survival beyond a duration; undefined (BEYOND_FOLLOW_UP) after the last censored spell."""
        place, note = self.at(when)
        told = {"level": level, "method": f"kaplan-meier, {limits}", "n": self.n}
        if note:
            return Estimate(value=None, note=note, **told)  # type: ignore[arg-type]
        if place < 0:
            lowest = float(self._untouched(np.zeros(1, np.int64), level)[0])
            return Estimate(value=1.0, low=lowest, high=1.0, **told)  # type: ignore[arg-type]
        low, high = self.limits(level=level, limits=limits)
        error = float(self.survival[place] * math.sqrt(self.variance[place])) if self.survival[place] > 0.0 else None
        return Estimate(
            value=float(self.survival[place]), low=float(low[place]), high=float(high[place]), standard_error=error,
            **told,  # type: ignore[arg-type]
        )  # fmt: skip

    def quantile(self, share: float, *, level: float, limits: Limits = "log-log") -> Estimate:
        """The first duration by which a share of the spells has ended, with Brookmeyer and Crowley's interval.

        An upper end that the limits do not reach is ``inf``; a lower one is the last duration seen, beyond which it
        lies. Where nobody ended at all it is the last duration to which enough persons were followed to exclude the
        quantile (6 for a median at 95 %), or 0. A quantile that the curve does not reach is undefined:
        QUANTILE_NOT_REACHED; its lower end still holds.
        """
        if not 0.0 < share < 1.0:
            raise InputError(f"a quantile must lie strictly between 0 and 1, got {share!r}. 0.5 is the median.")
        low, high = self.limits(level=level, limits=limits)
        value, first, last = (self._first_below(curve, 1.0 - share) for curve in (self.survival, low, high))
        if not self.observed.any():
            first = self._untouched_until(1.0 - share, level)
        reached = math.isfinite(value)
        return Estimate(
            value=value if reached else None, low=min(first, float(self.time[-1])), high=last, level=level, n=self.n,
            method=f"kaplan-meier, {limits}", note="" if reached else "QUANTILE_NOT_REACHED",
        )  # fmt: skip

    def _untouched_until(self, height: float, level: float) -> float:
        """Nobody ended: the last duration to which enough persons were followed to exclude a survival so low."""
        enough = np.count_nonzero(self._untouched(np.arange(len(self.time)), level) > height)
        return float(self.time[enough - 1]) if enough else 0.0

    def _first_below(self, curve: Floats, height: float) -> float:
        # A product that should be 0.5 may be 0.5 + 1e-16: rounding must not move a median by a step.
        found = np.flatnonzero(curve <= height * (1.0 + 1e-12) + 1e-15)
        return float(self.time[found[0]]) if len(found) else math.inf

    def restricted_mean(self, horizon: float, *, level: float) -> Estimate:
        """Mean of the durations cut at a horizon: the area below the curve, with a normal interval over persons.

        Undefined (BEYOND_FOLLOW_UP) when the curve is not known up to the horizon; one person alone has no interval
        (TOO_FEW_PERSONS).
        """
        if not (math.isfinite(horizon) and horizon > 0.0):
            raise InputError(f"the horizon of a restricted mean must be a number above 0, got {horizon!r}.")
        _, note = self.at(horizon)
        if note:
            return Estimate(value=None, level=level, method="restricted mean", n=self.n, note=note)
        inside = self.time < horizon
        edges = np.concatenate(([0.0], self.time[inside], [horizon]))
        heights = np.concatenate(([1.0], self.survival[inside]))
        pieces = heights * np.diff(edges)
        value = float(pieces.sum())
        if self.n < 2 or (self.clusters is not None and len(np.unique(self.clusters)) < 2):
            return Estimate(value=value, level=level, method="restricted mean", n=self.n, note="TOO_FEW_PERSONS")
        gone = self._influence_of_area(pieces, int(np.count_nonzero(inside)))
        error = math.sqrt(float(self._squares(gone)))
        z = critical_value(level, "two")
        return Estimate(
            value=value, low=max(0.0, value - z * error), high=min(horizon, value + z * error), level=level,
            method="restricted mean", n=self.n, standard_error=error if error > 0.0 else None,
            note="" if error > 0.0 else "ZERO_VARIANCE",
        )  # fmt: skip

    def _influence_of_area(self, pieces: Floats, count: int) -> Floats:
        """What each spell adds to the area: the integral of survival times its influence on the logarithm."""
        steps, jumps = _steps(self.at_risk, self.events)
        spread = np.cumsum(steps)[:count]
        # Area after each duration, and the area weighted by the accumulated variance up to it.
        after = np.append(pieces[1:][::-1].cumsum()[::-1], 0.0)[:count]
        upto = np.concatenate(([0.0], np.cumsum(pieces[1:] * spread)))
        inside = self.place < count
        place = np.minimum(self.place, max(count - 1, 0))
        if count == 0:
            return np.zeros(self.n)
        ended = spread[place] - np.where(self.observed, jumps[place], 0.0)
        return np.asarray(np.where(inside, upto[place] + ended * after[place], upto[count]), dtype=np.float64)

    def _squares(self, influence: Floats) -> float:
        """Sum of squares over persons."""
        if self.clusters is None:
            return float(influence @ influence)
        sums = np.bincount(self.clusters, weights=influence)
        return float(sums @ sums)


def product_limit(
    durations: NDArray[np.float64] | NDArray[np.int64],
    observed: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> ProductLimit:
    """Kaplan-Meier's curve in linear-log work: ends before censorings where both have one duration.

    The variance of log S(t) is the sum over persons of the squared influence (the infinitesimal jackknife). A spell of
    duration X adds A(min(X, t)) - [it ended by t] / (n(X) - d(X)), where A is Greenwood's sum. With one spell per
    person this is Greenwood's formula itself; with several it allows for what the spells of one person share.

    Args:
        durations: Length of each spell, as far as it was seen; 0 or more.
        observed: Whether it was seen to end.
        clusters: Number of the person of each spell, 0 to persons - 1; None when no person has two.
        weights: For how many a spell stands. Only the curve and `window_share` know them; the variance of the whole
            curve is Greenwood's on the sums of weights, and not to be read.

    References:
        Kaplan and Meier (1958), JASA 53:457; Greenwood (1926); Therneau and Grambsch (2000), Modeling Survival Data
        (the robust variance of survfit).
    """
    time, place = np.unique(durations, return_inverse=True)
    place = place.astype(np.int64, copy=False)
    total = np.bincount(place, weights=weights, minlength=len(time))
    ends = None if weights is None else weights[observed]
    events = np.bincount(place[observed], weights=ends, minlength=len(time))
    at_risk = np.cumsum(total[::-1])[::-1]
    survival = np.asarray(np.cumprod(1.0 - events / at_risk), dtype=np.float64)
    steps, jumps = _steps(at_risk, events)
    spread = np.cumsum(steps)
    variance = spread if clusters is None else _clustered(place, observed, clusters, spread, jumps)
    return ProductLimit(
        time=time.astype(np.float64), at_risk=at_risk, events=events,
        survival=survival, variance=np.where(survival > 0.0, np.maximum(variance, 0.0), np.nan), place=place,
        observed=observed, clusters=clusters, weights=weights,
    )  # fmt: skip


def _steps(at_risk: NDArray[np.int64], events: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Greenwood's summands d / (n (n - d)) and the jumps 1 / (n - d); 0 where all of those at risk end."""
    left = at_risk - events
    # Sums of weights may leave 1e-16 of those at risk when all of them end.
    jumps = np.divide(1.0, left, out=np.zeros(len(left)), where=left > 1e-12 * at_risk)
    return events / at_risk * jumps, jumps


def _clustered(place: Counts, observed: NDArray[np.bool_], clusters: Counts, spread: Floats, jumps: Floats) -> Floats:
    """Variance of log S at every duration, when persons hold several spells.

    Person g's influence at t is r A(t) + B: r of their spells still run, B is what the finished ones have left. The
    three sums of r^2, r B and B^2 over persons change only where a spell finishes, so that one pass over the spells in
    the order of persons and durations gives them at every duration.
    """
    order = np.lexsort((place, clusters))
    who, when = clusters[order], place[order]
    left = spread[when] - np.where(observed[order], jumps[when], 0.0)
    first = np.flatnonzero(np.concatenate(([True], np.diff(who) > 0)))
    sizes = np.diff(np.append(first, len(who)))
    start = np.repeat(first, sizes)
    summed = np.concatenate(([0.0], np.cumsum(left)))
    before = summed[np.arange(len(who))] - summed[start]
    running = (np.repeat(sizes, sizes) - (np.arange(len(who)) - start)).astype(np.float64)
    after = before + left
    grid = len(spread)
    squares = float(sizes.astype(np.float64) @ sizes) + np.cumsum(
        np.bincount(when, weights=1.0 - 2.0 * running, minlength=grid)
    )
    mixed = np.cumsum(np.bincount(when, weights=(running - 1.0) * after - running * before, minlength=grid))
    finished = np.cumsum(np.bincount(when, weights=after**2 - before**2, minlength=grid))
    return spread**2 * squares + 2.0 * spread * mixed + finished


def window_share(
    curve: ProductLimit, begin: float, end: float, clusters: NDArray[np.int64] | None = None
) -> tuple[float | None, float, float]:
    """Share of the spells longer than `begin` that end by `end`, by Kaplan-Meier: 1 - S(end) / S(begin).

    Args:
        curve: The curve.
        begin: Where the window begins, itself outside.
        end: Where it ends, itself inside.
        clusters: Number of the person of each spell; by default those of the curve.

    Returns:
        The share (None when the curve does not reach the end, or nothing survives the beginning), its variance over
        persons, and Kish's number of independent spells among those that were followed beyond the beginning.
    """
    last, note = curve.at(end)
    first = int(np.searchsorted(curve.time, begin, side="right")) - 1
    above = float(curve.survival[first]) if first >= 0 else 1.0
    if note or above <= 0.0:
        return None, 0.0, 0.0
    kept = float(np.prod(1.0 - curve.events[first + 1 : last + 1] / curve.at_risk[first + 1 : last + 1]))
    chosen = np.flatnonzero(curve.place > first)
    place = curve.place[chosen]
    steps, jumps = _steps(curve.at_risk[first + 1 : last + 1], curve.events[first + 1 : last + 1])
    upto = np.concatenate(([0.0], np.cumsum(steps)))
    inside = np.minimum(place - first, last - first)
    influence = upto[inside]
    ended = curve.observed[chosen] & (place <= last)
    influence[ended] -= jumps[place[ended] - first - 1]
    own = np.ones(len(chosen)) if curve.weights is None else curve.weights[chosen]
    influence *= own
    total, clusters = float(own.sum()), curve.clusters if clusters is None else clusters
    if clusters is None:
        return 1.0 - kept, kept**2 * float(influence @ influence), total**2 / float(own @ own)
    who = clusters[chosen]
    sums, sizes = np.bincount(who, weights=influence), np.bincount(who, weights=own)
    return 1.0 - kept, kept**2 * float(sums @ sums), total**2 / float(sizes @ sizes)
