"""Sample ratio mismatch: does the split of persons over the arms match the declared shares?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from experiments.inference.counts import raise_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["ALARM", "SplitFinding", "check_split", "of_clusters", "unknown_split"]

messages.register("experiments")

ALARM = 0.001
_SMALL = 5.0
_MOST_TABLES = 300_000
_TIE = 1e-7
_LOSS = 0.01
_SHARE_SUM = 1e-6


class SplitFinding(Finding):
    """The finding of `check_split`; its sentence says when equal shares were assumed, or clusters were counted."""

    __slots__ = ()

    def text(self, lang: str | None = None) -> str:
        """The sentence in ``lang`` ("en" or "zh"); the current language by default."""
        kind = ".equal" if self.values.get("assumed_equal") else ".clusters" if self.values.get("clusters") else ""
        return messages.text(f"{self.code}{kind}.{self.status}", self.values, lang=lang)


def check_split(counts: Mapping[str, int], expected: Mapping[str, float] | None = None) -> Finding:
    """Check the number of persons per arm against the declared shares (sample ratio mismatch).

    Assumes that persons (clusters, when clusters were assigned: count those) were assigned independently of each other
    with these shares.

    Args:
        counts: Assigned persons per arm; at least two arms.
        expected: Share per arm; shares sum to 1. None: equal shares, and the sentence says that they were assumed.

    Returns:
        A finding SRM, status "fail" when p < 0.001, else "pass". Values: `p_value`; `observed` and `expected` persons
        per arm; `power`, the probability that a loss of 1 % of one arm's persons raises the alarm, for the arm where it
        is hardest to see (`power_arm`); `test`: "chi_square" (joint, over all arms); where an expected count is below 5
        "exact_multinomial" (all tables not more likely than the one observed) or, beyond 300,000 tables,
        "exact_binomial_bound": the smallest exact binomial p of an arm against the rest, times the number of arms: an
        upper bound, so the alarm is raised at most as often as its level says.

    Raises:
        InputError: Fewer than two arms, counts that are not whole numbers, no persons, arms that differ between the two
            mappings, shares that are not positive. All problems are listed.

    References:
        Pearson (1900), Philosophical Magazine 50:157. Fabijan et al. (2019), KDD: Diagnosing sample ratio mismatch.

    Verified against R's chisq.test and binom.test and full enumeration in fractions; see docs/methods/split.md.

    Example:
        >>> finding = check_split({"holdout": 2000, "sms": 8210}, {"holdout": 0.2, "sms": 0.8})
        >>> finding.status, round(finding.values["p_value"], 4)
        ('pass', 0.2987)
        >>> check_split({"a": 5000, "b": 5400}).status
        'fail'
    """
    observed, shares = _checked(counts, expected)
    n = observed.sum()
    wanted = n * shares
    p, test = _p_value(observed, shares)
    chi_square = float(np.sum((observed - wanted) ** 2 / wanted))
    arms = list(counts)
    distance = (observed - wanted) / np.sqrt(wanted * (1.0 - shares))
    worst = int(np.argmax(np.abs(distance)))
    power, hardest = _power(n, shares)
    return SplitFinding(
        code="SRM",
        status="fail" if p < ALARM else "pass",
        values={
            "p_value": p,
            "observed": dict(zip(arms, (int(count) for count in observed), strict=True)),
            "expected": dict(zip(arms, wanted.tolist(), strict=True)),
            "power": power,
            "power_arm": arms[hardest],
            "test": test,
            "chi_square": chi_square,
            "df": len(arms) - 1,
            "n": int(n),
            "arms": len(arms),
            "alarm": ALARM,
            "assumed_equal": expected is None,
            "worst_arm": arms[worst],
            "worst_observed": int(observed[worst]),
            "worst_expected": float(wanted[worst]),
        },
    )


def unknown_split(counts: Mapping[str, int]) -> Finding:
    """The finding when no shares are declared and none may be assumed.

    Args:
        counts: Assigned persons per arm.

    Returns:
        A finding SRM of status "unknown".

    Raises:
        InputError: As `check_split` for the counts.

    Example:
        >>> unknown_split({"holdout": 100, "sms": 400}).status
        'unknown'
    """
    observed, _ = _checked(counts, None)
    return SplitFinding(
        code="SRM",
        status="unknown",
        values={
            "p_value": None,
            "observed": dict(zip(counts, (int(count) for count in observed), strict=True)),
            "expected": None,
            "power": None,
            "n": int(observed.sum()),
            "arms": len(counts),
        },
    )


def of_clusters(finding: Finding) -> Finding:
    """The finding of `check_split` or `unknown_split` with a sentence that speaks of clusters, not of persons."""
    return SplitFinding(code="SRM", status=finding.status, values={**finding.values, "clusters": True})


def _checked(
    counts: Mapping[str, int], expected: Mapping[str, float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts and shares as arrays in the order of the counts."""
    problems: list[str] = []
    if len(counts) < 2:
        problems.append(f"counts must hold at least two arms, got {dict(counts)!r}.")
    for arm, count in counts.items():
        if not _is_number(count) or count < 0 or float(count) != math.floor(count):
            problems.append(f"counts[{arm!r}] must be a whole number of persons, 0 or more, got {count!r}.")
    if not problems and sum(counts.values()) == 0:
        problems.append("counts must hold at least one person; every arm is empty.")
    shares = dict.fromkeys(counts, 1.0 / max(1, len(counts))) if expected is None else dict(expected)
    if set(shares) != set(counts):
        missing, extra = sorted(set(counts) - set(shares), key=str), sorted(set(shares) - set(counts), key=str)
        problems.append(
            f"expected must name the same arms as counts; without share: {missing}, without count: {extra}."
        )
    for arm, share in shares.items():
        if not _is_number(share) or share <= 0:
            problems.append(f"expected[{arm!r}] must be a share above 0, got {share!r}.")
    raise_problems(problems)
    observed = np.array([counts[arm] for arm in counts], dtype=np.float64)
    weights = np.array([shares[arm] for arm in counts], dtype=np.float64)
    total = math.fsum(weights)
    if abs(total - 1.0) > _SHARE_SUM:
        raise InputError(
            f"expected must hold shares that sum to 1, got a sum of {total:g}. Name every arm; scale weights to 1."
        )
    return observed, weights / total


def _is_number(value: object) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value)


def _p_value(observed: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, str]:
    from scipy.special import chdtrc

    n = float(observed.sum())
    wanted = n * shares
    if wanted.min() >= _SMALL:
        return float(chdtrc(shares.size - 1, np.sum((observed - wanted) ** 2 / wanted))), "chi_square"
    if math.comb(int(n) + shares.size - 1, shares.size - 1) <= _MOST_TABLES:
        return _multinomial_p(observed, shares), "exact_multinomial"
    smallest = min(
        _multinomial_p(np.array([count, n - count]), np.array([share, 1.0 - share]))
        for count, share in zip(observed.tolist(), shares.tolist(), strict=True)
    )
    return min(1.0, shares.size * smallest), "exact_binomial_bound"


def _multinomial_p(observed: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Sum of the probabilities of all tables that are not more likely than the one observed."""
    from scipy.special import gammaln

    n = int(observed.sum())
    logs = np.log(shares)

    def log_p(table: NDArray[np.float64]) -> NDArray[np.float64]:
        terms = table * logs - gammaln(table + 1.0)
        total: NDArray[np.float64] = gammaln(n + 1.0) + terms.sum(axis=-1)
        return total

    bound = float(log_p(observed)) + _TIE
    sums = []
    for block in _tables(n, shares.size):
        found = log_p(block)
        sums.append(float(np.sum(np.exp(found[found <= bound]))))
    return min(1.0, math.fsum(sums))


def _tables(n: int, arms: int) -> Iterator[NDArray[np.float64]]:
    """Every split of ``n`` persons over the arms, in blocks that vary the last two arms."""

    def leading(rest: int, places: int) -> Iterator[tuple[int, ...]]:
        if places == 0:
            yield ()
            return
        for first in range(rest + 1):
            for following in leading(rest - first, places - 1):
                yield (first, *following)

    for head in leading(n, arms - 2):
        rest = n - sum(head)
        last = np.arange(rest + 1, dtype=np.float64)
        block = np.empty((rest + 1, arms))
        block[:, : arms - 2] = head
        block[:, -2] = last
        block[:, -1] = rest - last
        yield block


def _power(n: float, shares: NDArray[np.float64]) -> tuple[float, int]:
    """Smallest power over the arms against a loss of 1 % of an arm's persons, and that arm."""
    from scipy.special import chdtri, chndtr

    df = shares.size - 1
    critical = chdtri(df, ALARM)
    powers = []
    for arm in range(shares.size):
        kept = shares.copy()
        kept[arm] *= 1.0 - _LOSS
        kept /= kept.sum()
        left = n * (1.0 - _LOSS * shares[arm])
        powers.append(1.0 - float(chndtr(critical, df, left * np.sum((kept - shares) ** 2 / shares))))
    hardest = int(np.argmin(powers))
    return powers[hardest], hardest
