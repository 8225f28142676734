"""Do several arms share one proportion? Jointly over the arms, inside strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["homogeneous"]

_SMALL = 5.0
_SMALL_PAIR = 30.0  # of two arms the exact test costs nothing; at p = 0.001 the chi-square is off by a factor of 2 at 6
_TIE = 1e-7
_NOTHING = 80.0  # outcomes e^-80 times as likely as the likeliest are left out of the sums


def homogeneous(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> tuple[float | None, str]:
    """The p-value that all arms have one proportion inside every stratum, and the name of the test.

    The generalised Cochran-Mantel-Haenszel statistic, given all margins; with one stratum it is Pearson's chi-square
    times (N - 1) / N. Where an expected count over all strata is below 5 (of two arms: below 30), the exact test given
    all margins: the total of an arm is a sum of independent hypergeometric counts, one per stratum. With several arms
    the smallest p of an arm against the others times the number of arms.

    Args:
        counts: Persons concerned, strata by arms.
        totals: Persons, strata by arms.

    Returns:
        The p-value, None when nobody or everybody is concerned, or one arm is alone.
    """
    from scipy.special import chdtrc

    m, everyone = counts.sum(axis=1).astype(float), totals.sum(axis=1).astype(float)
    used = everyone > 1
    m, everyone, part = m[used], everyone[used], totals[used].astype(float)
    expected = m[:, None] * part / everyone[:, None]
    variance = m * (everyone - m) / (everyone**2 * (everyone - 1.0))
    if not (variance > 0.0).any():
        return None, "none"
    total, other = expected.sum(axis=0), (part - expected).sum(axis=0)
    held = total + other > 0.0
    if held.sum() < 2:
        return None, "none"
    smallest = min(total[held].min(), other[held].min())
    if smallest < (_SMALL_PAIR if held.sum() == 2 else _SMALL):
        return _exact(counts[used][:, held], totals[used][:, held]), "exact_hypergeometric"
    gap = counts[used].sum(axis=0) - total
    scatter = np.zeros((len(gap), len(gap)))
    for share, n, size in zip(variance, part, everyone, strict=True):
        scatter += share * (size * np.diag(n) - np.outer(n, n))
    kept = np.diag(scatter) > 0.0
    inverse = np.linalg.pinv(scatter[np.ix_(kept, kept)], rcond=1e-10, hermitian=True)
    statistic = float(gap[kept] @ inverse @ gap[kept])
    rank = int(np.linalg.matrix_rank(scatter[np.ix_(kept, kept)], hermitian=True))
    return float(chdtrc(rank, max(0.0, statistic))), "cochran_mantel_haenszel"


def _exact(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> float:
    found = [_one_against_others(counts, totals, arm) for arm in range(counts.shape[1])]
    several = len(found) if len(found) > 2 else 1
    return min(1.0, several * min(found))


def _one_against_others(counts: NDArray[np.int64], totals: NDArray[np.int64], arm: int) -> float:
    """Two-sided exact p of one arm's total: all totals that are not more likely than this one."""
    first, p = 0, np.ones(1)
    for concerned, n, everyone in zip(counts.sum(axis=1), totals[:, arm], totals.sum(axis=1), strict=True):
        start, part = _hypergeometric(int(n), int(concerned), int(everyone))
        first, p = first + start, np.convolve(p, part)
        kept = np.flatnonzero(p > p.max() * np.exp(-_NOTHING))
        first, p = first + int(kept[0]), p[kept[0] : kept[-1] + 1]
    place = int(counts[:, arm].sum()) - first
    own = p[place] if 0 <= place < len(p) else 0.0
    return float(min(1.0, p[p <= own * (1.0 + _TIE)].sum() / p.sum()))


def _hypergeometric(n: int, m: int, everyone: int) -> tuple[int, NDArray[np.float64]]:
    """The smallest possible number of the m concerned among n of everyone, and the chances from there on."""
    from scipy.special import gammaln

    x = np.arange(max(0, m - (everyone - n)), min(n, m) + 1, dtype=np.float64)

    def choose(size: float, taken: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = gammaln(size + 1.0) - gammaln(taken + 1.0) - gammaln(size - taken + 1.0)
        return found

    logs = choose(n, x) + choose(everyone - n, m - x)
    logs = logs - logs.max()
    kept = np.flatnonzero(logs > -_NOTHING)
    p = np.exp(logs[kept[0] : kept[-1] + 1])
    return int(x[0]) + int(kept[0]), p / p.sum()
