"""The numbers behind the values of rules: signals of each person's effect, and what folds share."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.tails import critical_value, p_value
from experiments.roi.cross_value import over_splits
from experiments.uplift.curves import FEW_EVENTS, FEWEST_EVENTS, TOO_FEW_PERSONS
from experiments.uplift.learners import doubly_robust
from experiments.uplift.policy_result import PolicyReading
from experiments.uplift.ranking import TopShare, UpliftRanking
from experiments.uplift.tails import tail_finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from experiments.uplift.trial import Trial

    Floats = NDArray[np.float64]

__all__ = ["Audience", "Rule", "readings"]

Rule = TopShare | str | bool
_LINE = 2  # what a least-squares line takes from the degrees of freedom


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Audience:
    """The persons and what came of them.

    Attributes:
        trial: The persons.
        values: Outcome or money of each.
        events: Who had the event (or a margin other than 0).
        ranking: A ranking whose predictions sharpen the signals.
        level: Confidence level.
    """

    trial: Trial
    values: Floats
    events: NDArray[np.bool_]
    ranking: UpliftRanking | None
    level: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Signal:
    """Signals of the own effect in one repeat.

    Attributes:
        value: The signal of each person; its mean is unbiased.
        wide: The same with residuals stretched by what fitting took from them, for variances.
        rest: Outcome less the line of the own arm.
    """

    value: Floats
    wide: Floats
    rest: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Moved:
    """What leaving one more fold out of the learning takes from a rule.

    Attributes:
        members: The change of each person's membership, persons by folds left out.
        fold: Fold of each person.
    """

    members: Floats
    fold: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Followed:
    """Whom a rule treats in one repeat.

    Attributes:
        members: How much of each person it treats; for a difference of rules, of one less the other.
        moved: How it hangs on each fold; empty for a fixed rule, two entries for rules learned on different folds.
    """

    members: Floats
    moved: tuple[_Moved, ...] = ()


def readings(audience: Audience, rules: Mapping[str, Rule], against: str) -> tuple[list[PolicyReading], list[Finding]]:
    """The value of every rule, its lead over one of them, and what is to be said of the numbers behind them.

    Args:
        audience: The persons.
        rules: Name to rule.
        against: Name of the rule that the others are compared with.
    """
    ranking = audience.ranking
    signals = [_signal(audience, repeat) for repeat in range(1 if ranking is None else len(ranking.splits))]
    followed = {name: _followed(audience.trial, rule) for name, rule in rules.items()}
    base = followed[against]
    leads = {name: _value(audience, _less(rule, base), signals) for name, rule in followed.items() if name != against}
    tested = {name: lead.p_value for name, lead in leads.items() if lead.p_value is not None}
    adjusted = dict(zip(tested, adjust_pvalues(list(tested.values())), strict=True)) if tested else {}
    made = [
        PolicyReading(
            name=name,
            share=float(np.average(rule[0].members, weights=audience.trial.weight)),
            value=_value(audience, rule, signals),
            difference=leads.get(name),
            p_adjusted=adjusted.get(name),
        )
        for name, rule in followed.items()
    ]
    tails = [
        tail_finding(audience.trial, rule[0].members, signals[0].rest, name=name, level=audience.level)
        for name, rule in followed.items()
    ]
    return made, [tail for tail in tails if tail is not None]


def _followed(trial: Trial, rule: Rule) -> list[_Followed]:
    """How much of each person the rule treats, one entry per repeat."""
    if isinstance(rule, bool):
        return [_Followed(members=np.full(len(trial), float(rule)))]
    if isinstance(rule, TopShare):
        return [
            _Followed(
                members=members,
                moved=(_Moved(members=members[:, None] - rule.apart(repeat), fold=rule.ranking.splits[repeat].fold),),
            )
            for repeat, members in enumerate(rule.members())
        ]
    found = trial.column(rule)
    if not ((found >= 0.0) & (found <= 1.0)).all():
        raise InputError(f"the column {rule!r} must hold 1 for those whom the rule treats and 0 for the others.")
    return [_Followed(members=found)]


def _less(rule: Sequence[_Followed], base: Sequence[_Followed]) -> list[_Followed]:
    """One rule less another, repeat by repeat."""
    made = []
    for repeat in range(max(len(rule), len(base))):
        one, two = rule[min(repeat, len(rule) - 1)], base[min(repeat, len(base) - 1)]
        turned = tuple(_Moved(members=-part.members, fold=part.fold) for part in two.moved)
        made.append(_Followed(members=one.members - two.members, moved=_joined(one.moved, turned)))
    return made


def _joined(one: tuple[_Moved, ...], two: tuple[_Moved, ...]) -> tuple[_Moved, ...]:
    """What rules of the same folds do to each other, added up; side by side where the folds differ."""
    if one and two and one[0].members.shape == two[0].members.shape and np.array_equal(one[0].fold, two[0].fold):
        return (_Moved(members=one[0].members + two[0].members, fold=one[0].fold),)
    return (*one, *two)


def _signal(audience: Audience, repeat: int) -> _Signal:
    """Each person's signal of the own effect; predictions come from the other folds, scaled to the outcome."""
    trial, values, ranking = audience.trial, audience.values, audience.ranking
    lines = []
    stretched = np.empty(len(values))
    for treated in (True, False):
        here = trial.treated == treated
        weight = np.where(here, trial.weight / (trial.chance if treated else 1.0 - trial.chance), 0.0)
        predicted = np.zeros(len(values))
        if ranking is not None:
            split = ranking.splits[repeat]
            predicted = split.treated if treated else split.untreated
        lines.append(_line(predicted, values, weight))
        units = len(np.unique(trial.cluster[here]))
        taken = 1 if ranking is None else _LINE
        stretched[here] = math.sqrt(units / (units - taken)) if units > taken else 1.0
    one, zero = lines
    rest = values - np.where(trial.treated, one, zero)
    return _Signal(
        value=doubly_robust(values, trial.treated, trial.chance, one, zero),
        wide=doubly_robust(values + (stretched - 1.0) * rest, trial.treated, trial.chance, one, zero),
        rest=rest,
    )


def _line(predicted: Floats, values: Floats, weight: Floats) -> Floats:
    """The weighted least-squares line of the outcome on the prediction, at every person."""
    total = weight.sum()
    middle, mean = float(weight @ predicted / total), float(weight @ values / total)
    gap = predicted - middle
    spread = float(weight @ gap**2)
    slope = float(weight @ (gap * (values - mean))) / spread if spread > 1e-12 * total * max(middle**2, 1e-300) else 0.0
    return mean + slope * gap


def _value(audience: Audience, rules: Sequence[_Followed], signals: Sequence[_Signal]) -> Estimate:
    """Mean of the signals of those treated, median over repeats, with clusters as units."""
    trial, level = audience.trial, audience.level
    repeats = max(len(rules), len(signals))
    method = "policy value" if repeats == 1 else f"policy value, median of {repeats} splits"
    pairs = [(rules[min(r, len(rules) - 1)], signals[min(r, len(signals) - 1)]) for r in range(repeats)]
    touched = np.any([rule.members != 0.0 for rule in rules], axis=0)
    if not touched.any():
        return Estimate(value=0.0, low=0.0, high=0.0, level=level, method=method, n=len(trial))
    fewest = min(np.count_nonzero(touched & side) for side in (trial.treated, ~trial.treated))
    if fewest < 2:
        return Estimate(value=None, low=None, high=None, level=level, method=method, n=len(trial), note=TOO_FEW_PERSONS)
    found = [_mean(trial, rule.members, signal) for rule, signal in pairs]
    value, error = over_splits(np.array([one for one, _ in found]), np.array([two for _, two in found]))
    shared = float(np.mean([_shared(trial, rule, signal.value) for rule, signal in pairs]))
    error = math.sqrt(error**2 + max(shared, 0.0))
    if error <= 0.0:
        return Estimate(
            value=value, low=None, high=None, level=level, method=method, n=len(trial), note="ZERO_VARIANCE"
        )
    half = critical_value(level, "two") * error
    return Estimate(
        value=value, low=value - half, high=value + half, p_value=max(p_value(value / error, "two"), 5e-324),
        level=level, method=method, n=len(trial), standard_error=error,
        note=FEW_EVENTS if _events(audience, touched) < FEWEST_EVENTS else "",
    )  # fmt: skip


def _events(audience: Audience, touched: NDArray[np.bool_]) -> int:
    """The smaller number of the two arms' events among the persons on whom a value rests."""
    treated = audience.trial.treated
    return min(int(np.count_nonzero(audience.events & touched & side)) for side in (treated, ~treated))


def _shared(trial: Trial, rule: _Followed, signal: Floats) -> float:
    """Covariance between folds: the rule of each was learned on the other.

    Where two rules were learned on different folds, how these overlap is not followed: the standard deviations are
    added, the most that two covariances can make together.
    """
    parts = [max(_between(trial, part, signal), 0.0) for part in rule.moved]
    if len(parts) == 1:
        return _between(trial, rule.moved[0], signal)
    return sum(math.sqrt(part) for part in parts) ** 2


def _between(trial: Trial, moved: _Moved, signal: Floats) -> float:
    """What a fold gains because its rule has seen another fold, times the same the other way round, over all pairs."""
    folds = moved.members.shape[1]
    worth = trial.weight * signal / float(trial.weight.sum())
    gained = np.stack(
        [np.bincount(moved.fold, weights=worth * moved.members[:, k], minlength=folds) for k in range(folds)]
    )
    return float(sum(2.0 * gained[two, one] * gained[one, two] for one, two in itertools.combinations(range(folds), 2)))


def _mean(trial: Trial, members: Floats, signal: _Signal) -> tuple[float, float]:
    """Mean of the signals of the members, and its standard error over units."""
    weight = trial.weight
    mean = float(np.average(members * signal.value, weights=weight))
    rest = np.bincount(trial.cluster, weights=weight * (members * signal.wide - mean))
    units = len(rest)
    return mean, math.sqrt(units / max(units - 1.0, 1.0) * float(rest @ rest)) / float(weight.sum())
