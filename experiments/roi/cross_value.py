"""What a rule is worth to persons that it was not chosen on: cross-fitted values, median over repeated splits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import Estimate, check_level
from attribution.core.randomness import check_repeats, check_seed, generator
from attribution.core.whole import check_whole
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["CrossData", "CrossValue", "Rule", "cross_value", "over_splits", "unit_folds", "unit_hashes"]

Rule = Callable[["NDArray[np.int64]", "NDArray[np.int64]"], "NDArray[np.int64] | NDArray[np.float64]"]
_SUM = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CrossData:
    """The persons on whom a rule is chosen and valued, one entry per person, in any order.

    Attributes:
        net: What each person was worth, in money: threshold x woken - cost, or margin - cost.
        arm: Code of the assigned arm; 0 is the control.
        unit: A stable number per unit of the split (`unit_hashes`); persons of one cluster share theirs.
        stratum: Code of the stratum of the assignment (or any group fixed before it); None: one stratum.
        shares: Probability of every arm, persons by arms; None: the arms' shares in each stratum as they are.
    """

    net: NDArray[np.float64]
    arm: NDArray[np.int64]
    unit: NDArray[np.uint64]
    stratum: NDArray[np.int64] | None = None
    shares: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.net)
        lengths = {len(column) for column in (self.arm, self.unit) if column is not None}
        lengths |= {len(column) for column in (self.stratum, self.shares) if column is not None}
        if n == 0 or lengths != {n}:
            raise InputError(
                f"net, arm, unit, stratum and shares need one entry per person, got lengths {n}, {lengths}."
            )
        if np.asarray(self.net).dtype.kind not in "iuf":
            raise InputError(
                f"net must be an array of numbers, one per person, got {np.asarray(self.net)[:5].tolist()!r}."
            )
        if not np.isfinite(self.net).all():
            raise InputError(
                "net must be finite for every person. Leave persons without an outcome out of all arms alike."
            )
        if int(self.arm.min()) < 0 or not (self.arm == 0).any():
            raise DesignError(
                "NO_HOLDOUT", "no person has the arm code 0, the control; without it no rule has a value."
            )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CrossValue:
    """The cross-fitted value of a rule.

    Attributes:
        estimate: Value per person against the baseline (nobody contacted), median over the splits, with its interval.
        naive: The value on the very persons that the rule was chosen on: too good, shown to say by how much.
        by_split: The value at each split.
        folds: Folds of a split.
    """

    estimate: Estimate
    naive: Estimate
    by_split: tuple[float, ...]
    folds: int

    def __repr__(self) -> str:
        from attribution.core import messages
        from attribution.core.render.values import interval_text

        values = {
            "shown": interval_text(self.estimate, "money"), "naive": interval_text(self.naive, "money"),
            "folds": self.folds, "splits": len(self.by_split),
        }  # fmt: skip
        return messages.text("VALUE_OF.cross_value", values)

    @property
    def optimism(self) -> float:
        """How much better the same persons make the rule look."""
        return float(self.naive.value or 0.0) - float(self.estimate.value or 0.0)


def unit_hashes(units: pa.Array) -> NDArray[np.uint64]:
    """A number per unit that depends on its key alone.

    Example:
        >>> import pyarrow as pa
        >>> one, two = unit_hashes(pa.array(["a", "b"])), unit_hashes(pa.array(["b", "a"]))
        >>> bool((one == two[::-1]).all())
        True
    """
    from experiments.design.assignment_hash import unit_numbers

    coded = units.dictionary_encode()
    distinct = unit_numbers(coded.dictionary, "cross value")
    return np.asarray(distinct[coded.indices.to_numpy(zero_copy_only=False)], dtype=np.uint64)


def unit_folds(unit: NDArray[np.uint64], *, folds: int, seed: int, split: int) -> NDArray[np.int64]:
    """The fold of every person at one split: units in an order drawn for this split, dealt out one by one.

    Folds hold equally many units (to one); persons of one unit stay together; the order of rows plays no part.

    Args:
        unit: Number of each person's unit.
        folds: How many folds, from 2 on.
        seed: Seed.
        split: Number of the split; each is another deal.

    Example:
        >>> import numpy as np
        >>> fold = unit_folds(np.array([5, 7, 9, 5], np.uint64), folds=2, seed=0, split=0)
        >>> bool(fold[0] == fold[3]), sorted(np.bincount(fold[:3]).tolist())
        (True, [1, 2])
    """
    folds = check_whole("folds", folds, least=2)
    distinct, place = np.unique(unit, return_inverse=True)
    if len(distinct) < folds:
        raise DesignError("TOO_FEW_TO_CROSS_FIT", f"{len(distinct)} units cannot fill {folds} folds. Use fewer folds.")
    drawn = generator(seed, f"cross value {split}").permutation(len(distinct))
    return np.asarray((drawn % folds)[place.reshape(-1)], dtype=np.int64)


def over_splits(values: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, float]:
    """One value out of several splits of the same persons: the median, with what the choice of a split adds.

    Args:
        values: The value at each split.
        errors: Its standard error there.

    Returns:
        Median and standard error: the root of the median of variance plus squared distance to the median.

    Example:
        >>> middle, error = over_splits(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 0.5]))
        >>> middle, round(error, 3)
        (2.0, 1.118)
    """
    middle = float(np.median(values))
    return middle, math.sqrt(float(np.median(errors**2 + (values - middle) ** 2)))


def cross_value(  # noqa: PLR0913 -- options by keyword
    data: CrossData,
    rule: Rule,
    *,
    baseline: Rule | None = None,
    folds: int = 5,
    splits: int = 11,
    seed: int = 0,
    level: float = 0.95,
) -> CrossValue:
    """Value of a way of choosing whom to contact, on persons that the choice did not see.

    At every split the persons are dealt into folds; the rule is chosen on all folds but k and valued on fold k. A held
    person i whose arm was a, drawn with probability e, adds ``sum_b d_b m_b + d_a (net_i - m_a) / e``: d is what the
    rule prescribes (a share of contact per arm) less what the baseline does, m_b the mean net of arm b in i's stratum
    among the persons that the rule was chosen on. With known assignment this is unbiased whatever the m. The value of a
    split is the mean over all persons; its variance that of the persons' (or clusters') terms. Splits differ by chance:
    the value is the median over them, its variance the median of variance plus squared distance to that median.

    Two folds are not independent: luck in one makes the rule that values the other choose what was lucky, and the other
    way round. Where the choice hangs on noise this adds up to two fifths to the variance. It is estimated by leaving
    out both: what each fold gains from a rule that saw the other, times the same of the other, over all pairs (from
    three folds on; the rule is then called (folds + 1) / 2 times as often).

    It answers "what is a list worth that is chosen this way on (folds - 1) / folds of the persons?", which is a little
    less than that of the list chosen on all.

    Args:
        data: The persons.
        rule: Called with the rows to choose on and the rows to decide on; gives the arm's code of each of the latter,
            or a matrix of shares (rows by arms, each row summing to 1; the rest stays with the control).
        baseline: Another rule to compare with, called alike; None: nobody is contacted.
        folds: Folds of a split.
        splits: How often the persons are dealt anew; an odd number.
        seed: Seed of the deals.
        level: Confidence level.

    Raises:
        InputError: For a rule that gives something else, or options that cannot be used.
        DesignError: NO_COMMON_STRATUM when the rule prescribes an arm that a stratum does not hold.

    Assumptions:
        Arms are randomised inside the strata; units are independent. The interval is normal: it needs some 20 events in
        every arm that the rule prescribes.

    References:
        Zhou, Athey and Wager (2023), Operations Research 71:148 (cross-fitted policy values). Chernozhukov et al.
        (2018), Econometrics Journal 21:C1, section 3.4 (median over splits).

    Verified against simulated populations with known values of every rule (tests/statistical/budget_designs.py) and an
    oracle with plain loops (tests/oracles/cross_values.py).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> arm = rng.integers(0, 2, 4_000)
        >>> good = rng.integers(0, 2, 4_000)
        >>> net = rng.normal(arm * np.where(good == 1, 1.0, -1.0))
        >>> data = CrossData(net=net, arm=arm, unit=np.arange(4_000, dtype=np.uint64), stratum=good)
        >>> def rule(learn, held):
        ...     gains = [net[learn][(arm[learn] == 1) & (good[learn] == g)].mean() for g in (0, 1)]
        ...     return np.array([int(gain > 0) for gain in gains])[good[held]]
        >>> round(cross_value(data, rule, splits=3).estimate.value, 1)
        0.5
    """
    level, seed = check_level(level), check_seed(seed)
    splits = check_repeats("splits", splits)
    # In an order that the table's plays no part in, every sum below has the same bytes whatever the order of rows.
    order = _canonical(data)
    rules = _ordered(rule, order), None if baseline is None else _ordered(baseline, order)
    data = _taken(data, order)
    found = [_split(data, rules, unit_folds(data.unit, folds=folds, seed=seed, split=split)) for split in range(splits)]
    values = np.array([value for value, _, _ in found])
    middle, error = over_splits(values, np.array([error for _, error, _ in found]))
    error = math.hypot(error, math.sqrt(max(0.0, float(np.mean([shared for _, _, shared in found])))))
    everyone = np.arange(len(data.net))
    score = _scores(data, rules, everyone, everyone)
    naive = float(score.mean()), _error(data, score)
    return CrossValue(
        estimate=_estimate(middle, error, data, level, f"cross-fitted, {folds} folds, {splits} splits"),
        naive=_estimate(*naive, data, level, "on the persons that it was chosen on"),
        by_split=tuple(values.tolist()),
        folds=int(folds),
    )


def _canonical(data: CrossData) -> NDArray[np.int64]:
    """The rows sorted by unit, then by everything else that is known of them."""
    stratum = np.zeros(len(data.net), np.int64) if data.stratum is None else data.stratum
    return np.lexsort((data.net, data.arm, stratum, data.unit))


def _taken(data: CrossData, order: NDArray[np.int64]) -> CrossData:
    """The persons in another order, with stratum and probabilities filled in."""
    arm = data.arm[order]
    stratum = np.zeros(len(order), np.int64) if data.stratum is None else data.stratum[order]
    shares = _shares(arm, stratum) if data.shares is None else data.shares[order]
    return CrossData(net=data.net[order], arm=arm, unit=data.unit[order], stratum=stratum, shares=shares)


def _ordered(rule: Rule, order: NDArray[np.int64]) -> Rule:
    """The rule, asked by the caller's own rows."""

    def asked(learn: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.float64]:
        return rule(order[learn], order[held])

    return asked


def _estimate(value: float, error: float, data: CrossData, level: float, method: str) -> Estimate:
    z = critical_value(level, "two")
    p = p_value(value / error, "two") if error > 0.0 else None
    return Estimate(
        value=value, low=value - z * error, high=value + z * error, p_value=p, level=level, method=method,
        n=len(data.net), standard_error=error,
    )  # fmt: skip


def _split(data: CrossData, rules: tuple[Rule, Rule | None], fold: NDArray[np.int64]) -> tuple[float, float, float]:
    """Value and standard error at one split, and what the folds share: each is valued by a rule that saw the others."""
    score = np.empty(len(data.net))
    folds = int(fold.max()) + 1
    for part in range(folds):
        held = np.flatnonzero(fold == part)
        score[held] = _scores(data, rules, np.flatnonzero(fold != part), held)
    if folds < 3:
        return float(score.mean()), _error(data, score), 0.0
    shared = 0.0
    for one, two in combinations(range(folds), 2):
        held = np.flatnonzero((fold == one) | (fold == two))
        apart = score[held] - _scores(data, rules, np.flatnonzero((fold != one) & (fold != two)), held)
        moved = [float(apart[fold[held] == part].sum()) / len(fold) for part in (one, two)]
        shared += 2.0 * moved[0] * moved[1]
    return float(score.mean()), _error(data, score), shared


def _error(data: CrossData, score: NDArray[np.float64]) -> float:
    """Standard error of the mean, units being independent."""
    starts = np.flatnonzero(np.r_[True, data.unit[1:] != data.unit[:-1]])
    summed = np.add.reduceat(score - score.mean(), starts)
    many = len(starts)
    return math.sqrt(float(summed @ summed) * many / max(many - 1, 1)) / len(score)


def _scores(
    data: CrossData, rules: tuple[Rule, Rule | None], learn: NDArray[np.int64], held: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What every held person adds, rules chosen and arms' means taken on the others."""
    if data.stratum is None or data.shares is None:  # pragma: no cover - `_taken` has filled them in
        raise InputError("stratum and shares are filled in before persons are valued.")
    share, stratum, mine = data.shares[held], data.stratum, data.arm[held]
    arms = share.shape[1]
    rule, baseline = rules
    chosen = _prescribed(rule(learn, held), len(held), arms).copy()
    if baseline is None:
        chosen[:, 0] -= 1.0
    else:
        chosen -= _prescribed(baseline(learn, held), len(held), arms)
    cells = (int(stratum.max()) + 1) * arms
    means = _means(data, stratum[learn] * arms + data.arm[learn], learn, cells).reshape(-1, arms)
    _check_there(share, chosen)
    own = np.arange(len(held))
    expected = means[stratum[held]]
    weight = np.divide(chosen[own, mine], share[own, mine])
    return np.asarray(np.einsum("ij,ij->i", chosen, expected) + weight * (data.net[held] - expected[own, mine]))


def _prescribed(given: NDArray[np.int64] | NDArray[np.float64], rows: int, arms: int) -> NDArray[np.float64]:
    """Shares of contact, persons by arms, from codes or shares."""
    made = np.asarray(given)
    if made.shape == (rows,) and np.issubdtype(made.dtype, np.integer) and not ((made < 0) | (made >= arms)).any():
        return np.asarray(np.eye(arms)[made])
    if made.shape == (rows, arms) and np.isfinite(made).all() and (np.abs(made.sum(axis=1) - 1.0) <= _SUM).all():
        return np.asarray(made, dtype=np.float64)
    raise InputError(
        f"a rule gives one arm code (0 to {arms - 1}) per person, or shares of {rows} persons by {arms} arms that sum "
        f"to 1 per person; got {type(given).__name__} of shape {made.shape}."
    )


def _means(data: CrossData, cell: NDArray[np.int64], rows: NDArray[np.int64], cells: int) -> NDArray[np.float64]:
    """Mean net by stratum and arm; 0 where the persons that the rule was chosen on hold none."""
    count = np.bincount(cell, minlength=cells)
    total = np.bincount(cell, weights=data.net[rows], minlength=cells)
    return np.divide(total, count, out=np.zeros(cells), where=count > 0)


def _shares(arm: NDArray[np.int64], stratum: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of every arm in each person's stratum, as it is."""
    arms = int(arm.max()) + 1
    count = np.bincount(stratum * arms + arm, minlength=(int(stratum.max()) + 1) * arms).reshape(-1, arms)
    total = count.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(count, total, out=np.zeros(count.shape), where=total > 0)[stratum])


def _check_there(share: NDArray[np.float64], chosen: NDArray[np.float64]) -> None:
    absent = (share <= 0.0) & (chosen != 0.0)
    if absent.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"the rule prescribes an arm to {int(absent.any(axis=1).sum()):,} persons whose stratum has nobody in it, "
            "so nothing says what it would do there. Let the rule choose only arms that were tried in the stratum.",
        )
