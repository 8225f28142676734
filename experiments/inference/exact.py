"""Exact tests of two rates: Fisher's conditional and Boschloo's unconditional test.

They give a p-value and no interval: their natural interval belongs to another statistic, and the two would contradict
each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.errors import InputError
from attribution.core.estimates import Comparison, Estimate, RateComparison, Side

if TYPE_CHECKING:
    from experiments.inference.score import Tables

__all__ = ["affordable", "boschloo_p", "compare_exactly", "fisher_p"]

_TIE = 1e-7  # two probabilities this close, relatively, are one; R's fisher.test uses the same
_MOST_PERSONS = 20_000  # Boschloo's test on request: seconds
_FEW_PERSONS = 2_000  # Boschloo's test for a note beside another method: a tenth of a second
_CHUNK = 128
_FAR = 9.0  # standard deviations beyond which a binomial probability is below 1e-17
_NO_INTERVAL = "NO_INTERVAL: an exact test gives a p-value only; use method='score' for limits"

Floats = NDArray[np.float64]


def compare_exactly(tables: Tables, *, method: str, level: float, side: Side, null: float) -> Comparison:
    """The comparison of one 2 x 2 table by "fisher" or "boschloo".

    Raises:
        InputError: The null is not 0, or the table is too large for Boschloo's test.
    """
    if null != 0.0:
        raise InputError(f"method {method!r} tests a difference of 0 only, got null={null!r}. Use method='score'.")
    if method == "boschloo" and tables.total > _MOST_PERSONS:
        raise InputError(
            f"method 'boschloo' is limited to {_MOST_PERSONS:,} persons, got {tables.total:,}. At that size use "
            "method='score', or 'fisher' for an exact test."
        )
    p = fisher_p(tables, side=side) if method == "fisher" else boschloo_p(tables, side=side)
    defined = tables.control_rate > 0.0
    reason = "" if defined else ("CONTROL_ZERO; " if tables.rate > 0.0 else "BOTH_ZERO; ")

    def estimate(value: float | None, note: str) -> Estimate:
        return Estimate(value=value, p_value=p, level=level, side=side, method=method, n=tables.total, note=note)

    return RateComparison(
        treatment=tables.rate,
        control=tables.control_rate,
        difference=estimate(tables.rate - tables.control_rate, _NO_INTERVAL),
        relative=estimate(tables.rate / tables.control_rate - 1.0 if defined else None, reason + _NO_INTERVAL),
    )


def affordable(tables: Tables) -> bool:
    """Whether Boschloo's test is cheap enough to stand beside another method."""
    return tables.total <= _FEW_PERSONS


def fisher_p(tables: Tables, *, side: Side) -> float:
    """Fisher's exact p-value; two-sided sums the tables that are not more likely than the one observed."""
    x1, n1, x0, n0 = _whole(tables)
    log_p = _hypergeometric(x1 + x0, n1, n0)
    first = max(0, x1 + x0 - n0)
    here = x1 - first
    if side == "greater":
        return _total(log_p[here:])
    if side == "less":
        return _total(log_p[: here + 1])
    return _total(log_p[log_p <= log_p[here] + _TIE])


def boschloo_p(tables: Tables, *, side: Side) -> float:
    """Boschloo's unconditional p-value: Fisher's one-sided p as statistic, the largest tail over the common rate.

    Two-sided is twice the smaller one-sided p-value, at most 1.

    References:
        Boschloo (1970), Statistica Neerlandica 24:1.
    """
    x1, n1, x0, n0 = _whole(tables)
    if x1 + x0 in (0, n1 + n0):
        return 1.0
    if side == "greater":
        return _boschloo_greater(x1, n1, x0, n0)
    if side == "less":
        return _boschloo_greater(x0, n0, x1, n1)
    return min(1.0, 2.0 * min(_boschloo_greater(x1, n1, x0, n0), _boschloo_greater(x0, n0, x1, n1)))


def _whole(tables: Tables) -> tuple[int, int, int, int]:
    return int(tables.hits[0]), int(tables.n[0]), int(tables.control_hits[0]), int(tables.control_n[0])


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    from scipy.special import gammaln

    chosen: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return chosen


def _hypergeometric(events: int, n1: int, n0: int) -> Floats:
    """Log probabilities of the treated events, from the smallest to the largest possible, given all events."""
    k = np.arange(max(0, events - n0), min(events, n1) + 1)
    log_p = _log_choose(n1, k) + _log_choose(n0, events - k)
    peak = log_p.max()
    scaled: Floats = log_p - peak - math.log(math.fsum(np.exp(log_p - peak)))
    return scaled


def _total(log_p: Floats) -> float:
    return min(1.0, math.fsum(np.exp(log_p)))


def _upper_tail(events: int, x1: int, n1: int, n0: int) -> float:
    """Probability of at least ``x1`` treated events given all events: one term, then the ratios of its neighbours."""
    last = min(events, n1)
    term = math.exp(
        _scalar_log_choose(n1, x1) + _scalar_log_choose(n0, events - x1) - _scalar_log_choose(n1 + n0, events)
    )
    sums = [term]
    while x1 < last and term > 0.0:
        k = np.arange(x1, min(x1 + _CHUNK, last), dtype=np.float64)
        terms = term * np.cumprod((n1 - k) * (events - k) / ((k + 1.0) * (n0 - events + k + 1.0)))
        sums.append(float(terms.sum()))
        term, x1 = float(terms[-1]), x1 + k.size
        if term < 1e-18 * sums[0] or term < 1e-300:
            break
    return min(1.0, math.fsum(sums))


def _scalar_log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _boschloo_greater(x1: int, n1: int, x0: int, n0: int) -> float:
    from scipy.optimize import minimize_scalar

    highest = _rejected_up_to(n1, n0, _upper_tail(x1 + x0, x1, n1, n0) * (1.0 + _TIE))

    def tail(rate: float) -> float:
        return _tail_at(rate, n1, n0, highest)

    # On the angle scale a group's rate has the same standard error everywhere; the grid steps are a fraction of it.
    angles = np.linspace(0.0, math.pi / 2.0, max(65, round(4.0 * math.sqrt(n1 + n0))))[1:-1]
    found = np.array([tail(math.sin(angle) ** 2) for angle in angles])
    best = float(found.max())
    for peak in np.argsort(found)[-3:]:
        low, high = angles[max(peak - 1, 0)], angles[min(peak + 1, angles.size - 1)]
        refined = minimize_scalar(
            lambda angle: -tail(math.sin(angle) ** 2), bounds=(low, high), method="bounded", options={"xatol": 1e-10}
        )
        best = max(best, -float(refined.fun))
    return min(1.0, best)


def _rejected_up_to(n1: int, n0: int, bound: float) -> NDArray[np.int64]:
    """For each number of treated events, the most control events whose Fisher p is at most ``bound``; -1 for none.

    Fisher's p rises with control events and falls with treated events, so one walk along the edge suffices.
    """
    highest = np.full(n1 + 1, -1, dtype=np.int64)
    control = -1
    for treated in range(n1 + 1):
        while control < n0 and _upper_tail(treated + control + 1, treated, n1, n0) <= bound:
            control += 1
        highest[treated] = control
    return highest


def _tail_at(rate: float, n1: int, n0: int, highest: NDArray[np.int64]) -> float:
    """Probability of the rejected tables when both groups have this rate."""
    from scipy.special import bdtr

    reach = _FAR * math.sqrt(n1 * rate * (1.0 - rate)) + 40.0
    first = max(int(np.searchsorted(highest, 0)), math.floor(n1 * rate - reach))
    treated = np.arange(first, min(n1, math.ceil(n1 * rate + reach)) + 1)
    if treated.size == 0:
        return 0.0
    log_p = _log_choose(n1, treated) + treated * math.log(rate) + (n1 - treated) * math.log1p(-rate)
    below = bdtr(highest[treated].astype(np.float64), n0, rate)
    return float(np.sum(np.exp(log_p) * below))
