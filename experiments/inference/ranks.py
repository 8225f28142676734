"""Mann-Whitney as what it estimates: the probability that a treated person lies above a control person."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level, check_side
from experiments.inference.figures import satterthwaite
from experiments.inference.tails import critical_value, p_value
from experiments.inference.values import checked_counts, checked_labels, checked_values, paired_strata

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats

__all__ = ["mann_whitney"]

Scale = Literal["plain", "logit"]

_ONE_TIE = 0.5  # share of all persons with one value from which on the ranks speak of that value alone


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Placements:
    """The probability of one stratum with its variance.

    Attributes:
        value: P(treated above control) + P(equal) / 2.
        terms: Contribution of either group to the variance.
        freedom: Degrees of freedom of either contribution.
    """

    value: float
    terms: Floats
    freedom: Floats


def mann_whitney(  # noqa: PLR0913 - the options of a public function, keyword-only
    values: ArrayLike,
    control_values: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    control_counts: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    control_strata: ArrayLike | None = None,
    level: float = 0.95,
    side: Side = "two",
    scale: Scale = "plain",
) -> Estimate:
    """Probability that a treated person's value lies above a control person's, ties counted half.

    Estimand: P(Y1 > Y0) + P(Y1 = Y0) / 2 for one person drawn from each group; 0.5 when neither group tends to lie
    higher. It is no difference of medians, and it says nothing about money: a treatment can raise this probability and
    lower the mean. With strata the persons are drawn within a stratum, and the strata weigh as their share of all
    persons.

    The interval is Brunner and Munzel's: the variance of the placements of both groups (DeLong's), Student's t with
    Satterthwaite's degrees of freedom. It needs no equal shape or spread under the null, which the classical p-value
    of Mann and Whitney does. The p-value is that of the same interval.

    Args:
        values: Values of the treated group; one per person, or distinct values with `counts`.
        control_values: Values of the control group.
        counts: Persons that each treated value stands for; None: one each.
        control_counts: Persons that each control value stands for.
        strata: Stratum of every treated value, fixed before the assignment; None: no strata.
        control_strata: Stratum of every control value.
        level: Confidence level of the interval.
        side: ``"two"``, ``"greater"`` or ``"less"`` (than 0.5).
        scale: ``"plain"`` as published, or ``"logit"``: the interval is made on the scale of log odds and cannot leave
            0 to 1; better where the groups hardly overlap or are small.

    Returns:
        The estimate. Notes: ZERO_INFLATED (more than half of all persons share one value: the test then compares the
        shares of persons off that value, a conversion test in disguise; compare rates and means instead), SEPARATED
        (no treated value overlaps the control's: no variance, no interval), ONE_VALUE (everybody has the same value),
        TOO_FEW_PERSONS (a group of one).

    Raises:
        InputError: A value is no finite number, a group is empty, or an option is not allowed.

    References:
        Brunner and Munzel (2000), Biometrical Journal 42:17. DeLong, DeLong and Clarke-Pearson (1988), Biometrics
        44:837. Brunner, Bathke and Konietschke (2018), Rank and Pseudo-Rank Procedures, section 3.5 (logit).

    Verified against scipy.stats.brunnermunzel, mannwhitneyu and R's wilcox.test; see docs/methods/mann-whitney.md.

    Example:
        >>> found = mann_whitney([3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4], [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1])
        >>> f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f}), p = {found.p_value:.6f}"
        '0.7890 (0.5952 to 0.9827), p = 0.005786'
        >>> mann_whitney([0] * 97 + [9, 9, 9], [0] * 99 + [9]).note
        'ZERO_INFLATED'
    """
    level, side = check_level(level), check_side(side)
    if scale not in ("plain", "logit"):
        raise InputError(f'scale must be "plain" or "logit", got {scale!r}.')
    groups = [checked_values("values", values), checked_values("control_values", control_values)]
    sizes = [len(group) for group in groups]
    persons = [
        checked_counts("counts", counts, sizes[0]),
        checked_counts("control_counts", control_counts, sizes[1]),
    ]
    given = [checked_labels("strata", strata, sizes[0]), checked_labels("control_strata", control_strata, sizes[1])]
    codes, weights = paired_strata(given, persons)
    parts = []
    for k in range(len(weights)):
        chosen = [(group[code == k], part[code == k]) for group, part, code in zip(groups, persons, codes, strict=True)]
        parts.append(_placements(chosen[0], chosen[1]))
    value = math.fsum(float(w) * part.value for w, part in zip(weights, parts, strict=True))
    terms = np.concatenate([w * w * part.terms for w, part in zip(weights, parts, strict=True)])
    df = satterthwaite(terms, np.concatenate([part.freedom for part in parts]))
    n = int(persons[0].sum() + persons[1].sum())
    method = "brunner_munzel" if len(weights) == 1 else "stratified brunner_munzel"
    share, kinds = _largest_tie(groups, persons)
    blank = Estimate(
        value=value, level=level, side=side, n=n, method=method if scale == "plain" else f"{method} logit",
        note="ZERO_INFLATED" if share > _ONE_TIE and kinds > 1 else "",
    )  # fmt: skip
    variance = float(terms.sum())
    if math.isnan(variance):
        return replace(blank, note="TOO_FEW_PERSONS")
    if not variance > 0.0:
        return replace(blank, note="ONE_VALUE" if kinds == 1 else "SEPARATED")
    return _with_interval(blank, value, math.sqrt(variance), df, logit=scale == "logit")


def _with_interval(blank: Estimate, value: float, error: float, df: float, *, logit: bool) -> Estimate:
    """The interval and its p-value; ends of the plain scale are cut to 0 and 1, where the probability ends."""
    t = critical_value(blank.level, blank.side, df)
    if not logit:
        low, high = max(0.0, value - t * error), min(1.0, value + t * error)
        p = p_value((value - 0.5) / error, blank.side, df)
    else:
        from scipy.special import expit

        odds, spread = math.log(value / (1.0 - value)), error / (value * (1.0 - value))
        low, high = (float(expit(end)) for end in (odds - t * spread, odds + t * spread))
        p = p_value(odds / spread, blank.side, df)
    if blank.side == "less":
        low = 0.0
    elif blank.side == "greater":
        high = 1.0
    return replace(blank, low=low, high=high, p_value=p, standard_error=error)


def _placements(treated: tuple[Floats, NDArray[np.int64]], control: tuple[Floats, NDArray[np.int64]]) -> _Placements:
    """The probability of one stratum from counted values, in O(n log n)."""
    names, codes = np.unique(np.concatenate([treated[0], control[0]]), return_inverse=True)
    split = (codes[: len(treated[0])], codes[len(treated[0]) :])
    counts = [
        np.bincount(code, weights=part[1], minlength=len(names))
        for code, part in zip(split, (treated, control), strict=True)
    ]
    n1, n0 = (float(count.sum()) for count in counts)
    # Share of the other group below a value, ties half; sums of halves are exact in floating point.
    among_control = (np.cumsum(counts[1]) - counts[1] / 2.0) / n0
    among_treated = (np.cumsum(counts[0]) - counts[0] / 2.0) / n1
    value = float(np.sum(counts[0] * (np.cumsum(counts[1]) - counts[1] / 2.0))) / (n1 * n0)
    terms = [
        float(np.sum(count * (place - centre) ** 2)) / (n - 1.0) / n if n > 1 else math.nan
        for count, place, centre, n in (
            (counts[0], among_control, value, n1),
            (counts[1], among_treated, 1.0 - value, n0),
        )
    ]
    return _Placements(value=value, terms=np.array(terms), freedom=np.array([n1 - 1.0, n0 - 1.0]))


def _largest_tie(groups: list[Floats], persons: list[NDArray[np.int64]]) -> tuple[float, int]:
    """Share of all persons with the commonest value, and the number of distinct values."""
    names, codes = np.unique(np.concatenate(groups), return_inverse=True)
    counted = np.bincount(codes, weights=np.concatenate(persons), minlength=len(names))
    return float(counted.max() / counted.sum()), int(np.count_nonzero(counted))
