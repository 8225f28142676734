"""Do several arms share one proportion? Jointly over the arms, inside strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["homogeneous"]

_SMALL = 5.0
_TIE = 1e-7


def homogeneous(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> tuple[float | None, str]:
    """The p-value that all arms have one proportion inside every stratum, and the name of the test.

    The generalised Cochran-Mantel-Haenszel statistic, given all margins; with one stratum it is Pearson's chi-square
    times (N - 1) / N. Where an expected count over all strata is below 5 and there is one stratum, the smallest exact
    hypergeometric p of an arm against the others times the number of arms (at two arms: Fisher's exact test).

    Args:
        counts: Persons concerned, strata by arms.
        totals: Persons, strata by arms.

    Returns:
        The p-value, None when nobody or everybody is concerned.
    """
    from scipy.special import chdtrc

    m, everyone = counts.sum(axis=1).astype(float), totals.sum(axis=1).astype(float)
    used = everyone > 1
    m, everyone, part = m[used], everyone[used], totals[used].astype(float)
    expected = m[:, None] * part / everyone[:, None]
    variance = m * (everyone - m) / (everyone**2 * (everyone - 1.0))
    if not (variance > 0.0).any():
        return None, "none"
    total = expected.sum(axis=0)
    other = (part - expected).sum(axis=0)
    if used.sum() == 1 and min(total.min(), other.min()) < _SMALL:
        return _exact(counts[used][0], totals[used][0]), "exact_hypergeometric"
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
    concerned, everyone = int(counts.sum()), int(totals.sum())
    pairs = zip(counts.tolist(), totals.tolist(), strict=True)
    found = [_hypergeometric(k, n, concerned, everyone) for k, n in pairs]
    several = len(found) if len(found) > 2 else 1
    return min(1.0, several * min(found))


def _hypergeometric(k: int, n: int, m: int, everyone: int) -> float:
    """Two-sided exact p of k of the m concerned among n of everyone: all outcomes not more likely than this one."""
    from scipy.special import gammaln

    x = np.arange(max(0, m - (everyone - n)), min(n, m) + 1, dtype=np.float64)

    def choose(size: float, taken: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = gammaln(size + 1.0) - gammaln(taken + 1.0) - gammaln(size - taken + 1.0)
        return found

    logs = choose(n, x) + choose(everyone - n, m - x)
    logs = logs - logs.max()
    p = np.exp(logs)
    own = logs[x == k][0]
    return float(min(1.0, p[logs <= own + _TIE].sum() / p.sum()))
