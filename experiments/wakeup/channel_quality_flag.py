"""Does a source lose more customers than all others, by more than a margin, and is that more than chance?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.inference.counts import checked_tables
from experiments.inference.score import difference_statistic
from experiments.inference.tails import p_value

if TYPE_CHECKING:
    from attribution.core.estimates import Side

__all__ = ["FEWEST_EXPECTED", "Counts", "few_expected", "p_beyond", "p_within"]

FEWEST_EXPECTED = 20.0  # below it the normal tails of the score test err too often over many sources (by simulation)

Counts = tuple[int, int, int, int]


def few_expected(counts: Counts) -> bool:
    """Whether fewer than 20 lost or kept customers are expected in the source or in the rest, were they alike."""
    hits, n, rest_hits, rest_n = counts
    share = (hits + rest_hits) / (n + rest_n)
    return min(n, rest_n) * min(share, 1.0 - share) < FEWEST_EXPECTED


def p_beyond(counts: Counts, *, margin: float, spent: float) -> float:
    """One-sided p-value of "lost more often by at most the margin".

    Score test; where few are expected, the larger of that and an exact p-value: the binomial tail of the source at the
    upper Clopper-Pearson limit of the rest plus the margin, plus the error `spent` on that limit.

    Args:
        counts: Customers lost and observed of the source, and the same of the rest.
        margin: Difference of shares that matters.
        spent: Error spent on the limit of the rest; far below the error of one test.

    References:
        Miettinen and Nurminen (1985), Statistics in Medicine 4:213. Berger and Boos (1994), Journal of the American
        Statistical Association 89:1012.
    """
    return _p(counts, margin, spent, "greater")


def p_within(counts: Counts, *, margin: float, spent: float) -> float:
    """One-sided p-value of "lost more often by at least the margin", in the same way."""
    return _p(counts, margin, spent, "less")


def _p(counts: Counts, margin: float, spent: float, side: Side) -> float:
    score = p_value(difference_statistic(checked_tables(*counts), margin), side)
    if not few_expected(counts):
        return score
    hits, n, rest_hits, rest_n = counts
    if side == "less":  # who is kept, on the other side of the margin
        return max(score, _tail(n - hits, n, rest_n - rest_hits, rest_n, -margin, spent))
    return max(score, _tail(hits, n, rest_hits, rest_n, margin, spent))


def _tail(hits: int, n: int, rest_hits: int, rest_n: int, margin: float, spent: float) -> float:
    """P(X >= hits) of a binomial at the largest share that the rest allows, plus what that limit may miss."""
    from scipy.special import betainc, betaincinv

    if hits == 0:
        return 1.0
    limit = 1.0 if rest_hits == rest_n else float(betaincinv(rest_hits + 1, rest_n - rest_hits, 1.0 - spent))
    share = min(1.0, max(0.0, limit + margin))
    return min(1.0, float(betainc(hits, n - hits + 1, share)) + spent)
