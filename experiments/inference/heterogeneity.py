"""Does an effect differ between segments? One test over all of them, before any of them is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.score import Tables, constrained_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.inference.figures import Floats

__all__ = ["Interaction", "interaction_of_estimates", "interaction_of_rates"]

_SMALL = 5.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Interaction:
    """A test of "the effect is the same in every segment".

    Attributes:
        statistic: The statistic; None when undefined.
        df: Degrees of freedom: segments - 1.
        df2: Second degrees of freedom of an F statistic; None for a chi-square one.
        p_value: The p-value; None when undefined.
        common: The effect common to all segments under the null; None when undefined.
        segments: How many segments were compared.
        method: Name of the method.
        note: Why there is no test, or reason codes.
    """

    statistic: float | None
    df: int
    df2: float | None
    p_value: float | None
    common: float | None
    segments: int
    method: str
    note: str = ""


def interaction_of_estimates(effects: Floats, variances: Floats, freedom: Floats) -> Interaction:
    """Test whether independent effects with estimated variances share one value (Cochran's Q in Welch's F form).

    With weights 1 / variance and their mean M the sum Q of squared distances to M, divided by (k - 1) and by
    1 + 2 (k - 2) / (k^2 - 1) L, is F with k - 1 and (k^2 - 1) / (3 L) degrees of freedom, L the sum of
    (1 - w / sum w)^2 / df. Two segments give the square of Welch's t; infinite degrees of freedom Cochran's chi-square.

    Args:
        effects: The effect in each segment.
        variances: Squared standard errors.
        freedom: Degrees of freedom of each variance; inf for a known one.

    Returns:
        The test. Notes: ONE_SEGMENT, ZERO_VARIANCE (an effect without a variance).

    References:
        Cochran (1954), Biometrics 10:101. Welch (1951), Biometrika 38:330.

    Verified against R's oneway.test and pchisq on the formula; see docs/methods/segments.md.

    Example:
        >>> found = interaction_of_estimates(np.array([1.0, 3.0]), np.array([0.5, 0.5]), np.array([50.0, 50.0]))
        >>> round(found.statistic, 3), round(found.df2, 1), round(found.p_value, 4)
        (4.0, 100.0, 0.0482)
    """
    from scipy.special import chdtrc, fdtrc

    count = len(effects)
    method = "welch interaction"
    if count < 2:
        return _undefined(count, method, "ONE_SEGMENT")
    if not np.all(variances > 0.0) or not np.all(np.isfinite(effects)) or not np.all(np.isfinite(variances)):
        return _undefined(count, method, "ZERO_VARIANCE")
    weight = float(variances.min()) / variances  # a common unit, so that squares neither overflow nor vanish
    share = weight / weight.sum()
    common = float(np.sum(share * effects))
    scale = math.sqrt(float(variances.min()))
    q = float(np.sum(weight * ((effects - common) / scale) ** 2))
    spread = float(np.sum((1.0 - share) ** 2 / freedom))
    df = count - 1
    if spread == 0.0:
        return Interaction(
            statistic=q, df=df, df2=None, p_value=float(chdtrc(df, q)), common=common, segments=count, method=method
        )
    statistic = q / df / (1.0 + 2.0 * (count - 2) / (count**2 - 1) * spread)
    df2 = (count**2 - 1) / (3.0 * spread)
    p = float(fdtrc(df, df2, statistic))
    return Interaction(statistic=statistic, df=df, df2=df2, p_value=p, common=common, segments=count, method=method)


def interaction_of_rates(tables: Sequence[Tables]) -> Interaction:
    """Test whether the difference of two rates is the same in every segment, by the score.

    The statistic is the sum of squared score statistics Z_s(d)^2 at the common difference d at which the scores
    (difference - d) / V_s(d) sum to 0: the one of maximum likelihood, but for the factor N / (N - 1) in V. The
    variances are those under the null, so segments without an event in an arm take part. Chi-square, segments - 1
    degrees of freedom.

    Args:
        tables: The 2 x 2 tables of each segment, with strata inside a segment weighted.

    Returns:
        The test. Notes: ONE_SEGMENT; ZERO_VARIANCE (no event, or nothing but events, in every segment: nothing to
        compare); SMALL_EXPECTED (an expected count below 5 in some segment, where the chi-square is rough).

    References:
        Gart and Nam (1990), Biometrics 46:637. Miettinen and Nurminen (1985), Statistics in Medicine 4:213.

    Verified against R's uniroot on likelihood and score; its size with rare events by simulation; see
    docs/methods/segments.md.

    Example:
        >>> one = np.ones(1)
        >>> def table(hits, n, control_hits, control_n):
        ...     from experiments.inference.score import Tables
        ...     return Tables(hits=hits * one, n=n * one, control_hits=control_hits * one, control_n=control_n * one,
        ...                   weights=one)
        >>> found = interaction_of_rates([table(60, 1000, 30, 1000), table(20, 1000, 25, 1000)])
        >>> round(found.statistic, 2), round(found.p_value, 4)
        (9.42, 0.0022)
    """
    from scipy.special import chdtrc

    count = len(tables)
    method = "score interaction"
    if count < 2:
        return _undefined(count, method, "ONE_SEGMENT")
    if all(_degenerate(table) for table in tables):
        return _undefined(count, method, "ZERO_VARIANCE")
    stacked = _Stacked(tables)
    common = stacked.common_difference()
    distance, variance = stacked.parts(common)
    terms = np.divide(distance**2, variance, out=np.zeros_like(distance), where=variance > 0.0)
    statistic = math.fsum(terms)
    df = count - 1
    note = "SMALL_EXPECTED" if min(map(_least_expected, tables)) < _SMALL else ""
    return Interaction(
        statistic=statistic, df=df, df2=None, p_value=float(chdtrc(df, statistic)), common=common, segments=count,
        method=method, note=note,
    )  # fmt: skip


def _undefined(count: int, method: str, note: str) -> Interaction:
    return Interaction(
        statistic=None, df=max(count - 1, 0), df2=None, p_value=None, common=None, segments=count, method=method,
        note=note,
    )  # fmt: skip


def _degenerate(table: Tables) -> bool:
    events = float((table.hits + table.control_hits).sum())
    return events in (0.0, float(table.n.sum() + table.control_n.sum()))


class _Stacked:
    """The tables of all segments side by side, so that one call finds the constrained rates of all of them."""

    def __init__(self, tables: Sequence[Tables]) -> None:
        self._segment = np.repeat(np.arange(len(tables)), [len(table.n) for table in tables])
        columns = {
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in ("hits", "n", "control_hits", "control_n", "weights")
        }
        self._all = Tables(**columns)
        self._factor = self._all.factor()
        self._observed = np.array([table.rate - table.control_rate for table in tables])

    def parts(self, delta: float) -> tuple[Floats, Floats]:
        """Distance of each segment's difference to ``delta``, and its variance there."""
        treated, control = constrained_difference(self._all, delta)
        n, base = self._all.n, self._all.control_n
        terms = self._factor * (treated * (1.0 - treated) / n + control * (1.0 - control) / base)
        return self._observed - delta, np.bincount(self._segment, weights=terms).astype(np.float64)

    def common_difference(self) -> float:
        """The difference at which the scores of all segments sum to 0."""
        from scipy.optimize import brentq

        def total(delta: float) -> float:
            distance, variance = self.parts(delta)
            # A null without variance makes the score as large as can be.
            return float(np.clip(np.sum(distance / np.maximum(variance, 1e-300)), -1e300, 1e300))

        low, high = float(self._observed.min()), float(self._observed.max())
        if low == high or total(low) <= 0.0:
            return low
        # At the highest difference all terms are 0 or less, and that of the lowest is less.
        return float(brentq(total, low, high, xtol=1e-15, rtol=1e-14, maxiter=500))


def _least_expected(table: Tables) -> float:
    """The smallest expected count of a segment under no effect, over its strata."""
    events = table.hits + table.control_hits
    persons = table.n + table.control_n
    return min(
        float(np.sum(group * part / persons))
        for group in (table.n, table.control_n)
        for part in (events, persons - events)
    )
