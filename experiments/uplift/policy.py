"""What a rule of whom to treat is worth, and whether one rule beats another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import Estimate, check_level
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.tails import critical_value, p_value
from experiments.roi.cross_value import over_splits
from experiments.uplift.learners import doubly_robust
from experiments.uplift.ranking import TopShare, UpliftRanking
from experiments.uplift.scored import check_same_persons, money_columns, net_money
from experiments.uplift.trial import Trial, read_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from experiments.readout.experiment import Experiment

    Floats = NDArray[np.float64]
    Rule = TopShare | str | bool

__all__ = ["PolicyReading", "PolicyValue", "policy_value"]

messages.register("experiments")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PolicyReading:
    """One rule.

    Attributes:
        name: Its name.
        share: Share of the audience that it treats.
        value: Value per person of the audience against treating nobody.
        difference: Value less that of the rule it is compared with; None for that rule itself.
        p_adjusted: P-value of the difference, adjusted by Holm over the rules.
    """

    name: str
    share: float
    value: Estimate
    difference: Estimate | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PolicyValue(TabularResult):
    """What each rule is worth, per 1,000 persons of the audience.

    ``.table()``: policy, share_treated, value_per_1000 (against treating nobody), low, high, against,
    difference_per_1000, difference_low, difference_high, p_value, p_adjusted.

    Attributes:
        readings: One entry per rule.
        against: Name of the rule that the others are compared with.
        kind: Kind of the values: "number" of outcomes, or "money".
        findings: Checks of the experiment.
        recipe: How the values were made.
    """

    readings: tuple[PolicyReading, ...]
    against: str
    kind: ValueKind
    findings: tuple[Finding, ...]
    recipe: Recipe

    def value(self, policy: str) -> Estimate:
        """Value of a rule per person of the audience, against treating nobody."""
        return self._find(policy).value

    def difference(self, policy: str) -> Estimate:
        """Value of a rule per person less that of the rule it is compared with: does it beat the rule used today?"""
        found = self._find(policy).difference
        if found is None:
            raise InputError(f"{policy!r} is the rule that the others are compared with.")
        return found

    def _find(self, policy: str) -> PolicyReading:
        for reading in self.readings:
            if reading.name == policy:
                return reading
        raise InputError(f"there is no policy {policy!r}. {closest(policy, [r.name for r in self.readings])}")

    def _records(self) -> Records:
        kind = self.kind
        fields = [Field("policy", "text"), Field("share_treated", "rate")]
        fields += [Field(name, kind) for name in ("value_per_1000", "low", "high")]
        fields += [Field("against", "text")]
        fields += [Field(name, kind) for name in ("difference_per_1000", "difference_low", "difference_high")]
        fields += [Field("p_value", "p"), Field("p_adjusted", "p")]
        return Records.from_rows(fields, [self._row(reading) for reading in self.readings])

    def _row(self, reading: PolicyReading) -> dict[str, object]:
        row: dict[str, object] = {"policy": reading.name, "share_treated": reading.share}
        row |= dict(zip(("value_per_1000", "low", "high"), _per_1000(reading.value), strict=True))
        if reading.difference is not None:
            names = ("difference_per_1000", "difference_low", "difference_high")
            row |= {"against": self.against, "p_value": reading.difference.p_value, "p_adjusted": reading.p_adjusted}
            row |= dict(zip(names, _per_1000(reading.difference), strict=True))
        return row

    def _display(self) -> Display:
        columns = (
            DisplayColumn(column_label("policy")),
            DisplayColumn(column_label("share_treated"), "rate"),
            DisplayColumn(column_label("value_per_1000"), self.kind, decisive=True),
            DisplayColumn(messages.text("POLICY.AGAINST", {"policy": self.against}), self.kind),
            DisplayColumn(column_label("p_adjusted"), "p"),
        )
        rows = []
        for reading in self.readings:
            less = None if reading.difference is None else Cell(*_per_1000(reading.difference))
            rows.append((reading.name, reading.share, Cell(*_per_1000(reading.value)), less, reading.p_adjusted))
        settings = self.recipe.settings
        values = {name: settings[name] for name in ("arm", "control", "measured", "level")}
        loud = [finding.text() for finding in self.findings if finding.status not in ("pass", "note")]
        table = DisplayTable(columns, tuple(rows), notes=(*self.recipe.sentences(), *loud))
        return Display(messages.text("POLICY.TITLE", values), (table,))


def _per_1000(found: Estimate) -> tuple[float | None, float | None, float | None]:
    value, low, high = (None if end is None else 1000.0 * end for end in (found.value, found.low, found.high))
    return value, low, high


def policy_value(  # noqa: PLR0913 - options by keyword
    outcomes: object,
    policies: Mapping[str, Rule],
    *,
    against: str | None = None,
    outcome: str | None = None,
    threshold: float | Mapping[str, float] | None = None,
    by: str | None = None,
    value: str | None = None,
    woken: str = "woken",
    cost: str = "cost",
    nuisance: UpliftRanking | None = None,
    arm: str | None = None,
    experiment: Experiment | None = None,
    level: float = 0.95,
) -> PolicyValue:
    """What a rule of whom to treat is worth, and whether it beats the rule used today.

    The value of a rule is the mean over the whole audience of what treating its persons adds, against treating nobody.
    Each person gives an unbiased signal of the own effect (observed outcome over the chance of the own arm, corrected
    by what models predict where a ranking is there); the value is the mean of the signals of those whom the rule
    treats. Two rules are compared on the same persons, so what they have in common drops out: the difference is
    decided long before two separate intervals would be.

    A rule from `ranking.top(share)` is cross-fitted: chosen on the other folds, valued on the own one. With several
    repeats the value is the median over them, and its variance the median of variance plus squared distance to the
    median. A list of persons that was chosen on these very outcomes is not such a rule, and its value is too high.

    Args:
        outcomes: One row per person, of a randomised experiment.
        policies: Name to rule: ``ranking.top(0.2)``; the name of a column (1 for those whom the rule treats, 0 else, or
            a share in between); True for everybody; False for nobody.
        against: Name of the rule that the others are compared with, such as the rule used today; the first when None.
        outcome: The measured column, for values in outcomes.
        threshold: Instead: value of a woken customer, for values in money (``threshold * woken - cost``); a mapping of
            segment to value needs `by`.
        by: Column of the segments of `threshold`.
        value: Instead: column of realised margin (``value - cost``).
        woken: Column of the event.
        cost: Column of the full cost.
        nuisance: A ranking whose predictions sharpen the signals; that of the first ``top`` by default.
        arm: The treated arm; needed when there are several.
        experiment: Gives arm, control, shares, strata and cluster.
        level: Confidence level.

    Returns:
        One row per rule, with intervals and the comparison with `against`, p-values adjusted by Holm.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT when a rule's column is known only after assignment.
        InputError: For rules that cannot be used.

    Assumptions:
        The experiment's persons are a sample of those whom the rule will treat (the interval is for a rollout), and
        persons do not influence each other.

    References:
        Athey and Wager (2021), Econometrica 89:133; Dudik, Erhan, Langford and Li (2014), Statistical Science 29:485;
        Chernozhukov and others (2018), Econometrics Journal 21:C1 (median over splits).

    Verified against: known values of rules in simulations (coverage), and the difference of means for the rule that
    treats everybody; see docs/methods/policy-value.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=20_000, seed=7)
        >>> rows = c.outcomes.assign(many=(c.outcomes["n_invest"] >= 5).astype(int))
        >>> found = ex.policy_value(rows, {"everybody": True, "five or more": "many"}, threshold=85, arm="full")
        >>> found.value("five or more").value > found.value("everybody").value
        True
    """
    level = check_level(level)
    rules = _checked(policies)
    chosen = next(iter(rules)) if against is None else against
    if chosen not in rules:
        raise InputError(f"against names no policy: {chosen!r}. {closest(chosen, rules)}")
    columns = (outcome,) if outcome is not None else money_columns(threshold, value, woken, cost)
    if outcome is not None and (threshold is not None or value is not None):
        raise InputError("give outcome=, threshold= or value=, one of them.")
    ranking = nuisance or next((rule.ranking for rule in rules.values() if isinstance(rule, TopShare)), None)
    known = tuple(rule for rule in rules.values() if isinstance(rule, str))
    trial = read_trial(
        outcomes, experiment, arm=ranking.trial.arm if arm is None and ranking else arm, columns=columns, known=known
    )
    for rule in (*rules.values(), *(() if ranking is None else (TopShare(ranking=ranking, share=0.0),))):
        if isinstance(rule, TopShare):
            check_same_persons(trial, rule.ranking)
    if outcome is None:
        names = (woken, cost)
        values, measured = net_money(trial, threshold=threshold, by=by, value=value, names=names, experiment=experiment)
    else:
        values, measured = trial.outcomes[outcome], outcome
    readings = _readings(trial, values, rules, ranking, chosen, level)
    settings = {
        "measured": measured, "arm": trial.arm, "control": trial.control, "against": chosen, "level": level,
        "splits": max(len(_repeats(rule)) for rule in rules.values()),
    }  # fmt: skip
    return PolicyValue(
        readings=readings,
        against=chosen,
        kind="number" if outcome is not None else "money",
        findings=trial.findings,
        recipe=Recipe(
            method="policy_value", definitions=("POLICY_VALUE",), settings=settings, n={"persons": len(trial)}
        ),
    )


def _checked(policies: object) -> dict[str, Rule]:
    if not isinstance(policies, Mapping) or not policies:
        raise InputError(
            'policies must map names to rules, such as {"today": "called", "model": ranking.top(0.2)}, got '
            f"{policies!r}."
        )
    for name, rule in policies.items():
        if not isinstance(name, str) or not isinstance(rule, (TopShare, str, bool)):
            raise InputError(
                f"the policy {name!r} must be ranking.top(share), the name of a column, True (everybody) or False "
                f"(nobody), got {rule!r}."
            )
    return dict(policies)


def _repeats(rule: Rule) -> tuple[int, ...]:
    return tuple(range(len(rule.ranking.splits))) if isinstance(rule, TopShare) else (0,)


def _readings(
    trial: Trial,
    values: Floats,
    rules: Mapping[str, Rule],
    ranking: UpliftRanking | None,
    against: str,
    level: float,
) -> tuple[PolicyReading, ...]:
    repeats = 1 if ranking is None else len(ranking.splits)
    signals = [_signal(trial, values, ranking, repeat) for repeat in range(repeats)]
    followed = {name: _followed(trial, rule) for name, rule in rules.items()}
    base = followed[against]
    differences: dict[str, Estimate] = {}
    for name, rule in followed.items():
        if name != against:
            differences[name] = _value(trial, _less(rule, base), signals, level)
    adjusted = adjust_pvalues([differences[name].p_value or 1.0 for name in differences]) if differences else []
    by_name = dict(zip(differences, adjusted, strict=True))
    made = []
    for name, rule in followed.items():
        found = differences.get(name)
        made.append(
            PolicyReading(
                name=name,
                share=float(np.average(rule[0].members, weights=trial.weight)),
                value=_value(trial, rule, signals, level),
                difference=found,
                p_adjusted=None if found is None or found.p_value is None else by_name[name],
            )
        )
    return tuple(made)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Followed:
    """Whom a rule treats in one repeat.

    Attributes:
        members: How much of each person it treats; for a difference of rules, of one less the other.
        moved: What leaving one more fold out of the learning takes from it, persons by folds; None for a fixed rule.
        fold: Fold of each person; None for a fixed rule.
    """

    members: Floats
    moved: Floats | None = None
    fold: NDArray[np.int64] | None = None


def _less(rule: Sequence[_Followed], base: Sequence[_Followed]) -> list[_Followed]:
    """One rule less another, repeat by repeat."""
    made = []
    for repeat in range(max(len(rule), len(base))):
        one, two = rule[min(repeat, len(rule) - 1)], base[min(repeat, len(base) - 1)]
        moved = one.moved if two.moved is None else -two.moved if one.moved is None else one.moved - two.moved
        fold = two.fold if one.fold is None else one.fold
        made.append(_Followed(members=one.members - two.members, moved=moved, fold=fold))
    return made


def _followed(trial: Trial, rule: Rule) -> list[_Followed]:
    """How much of each person the rule treats, one entry per repeat."""
    if isinstance(rule, bool):
        return [_Followed(members=np.full(len(trial), float(rule)))]
    if isinstance(rule, TopShare):
        made = []
        for repeat, members in enumerate(rule.members()):
            apart = rule.apart(repeat)
            moved = None if apart is None else members[:, None] - apart
            made.append(_Followed(members=members, moved=moved, fold=rule.ranking.splits[repeat].fold))
        return made
    found = trial.column(rule)
    if not ((found >= 0.0) & (found <= 1.0)).all():
        raise InputError(f"the column {rule!r} must hold 1 for those whom the rule treats and 0 for the others.")
    return [_Followed(members=found)]


def _signal(trial: Trial, values: Floats, ranking: UpliftRanking | None, repeat: int) -> Floats:
    """Each person's signal of the own effect; predictions come from the other folds, scaled to the outcome."""
    one, zero = (np.zeros(len(values)) for _ in range(2))
    for treated, made in ((True, one), (False, zero)):
        here = trial.treated == treated
        chance = trial.chance if treated else 1.0 - trial.chance
        weight = trial.weight / chance
        predicted = np.zeros(len(values))
        if ranking is not None:
            split = ranking.splits[repeat]
            predicted = split.treated if treated else split.untreated
        made[:] = _line(predicted, values, np.where(here, weight, 0.0))
    return doubly_robust(values, trial.treated, trial.chance, one, zero)


def _line(predicted: Floats, values: Floats, weight: Floats) -> Floats:
    """The weighted least-squares line of the outcome on the prediction, at every person."""
    total = weight.sum()
    middle, mean = float(weight @ predicted / total), float(weight @ values / total)
    gap = predicted - middle
    spread = float(weight @ gap**2)
    slope = float(weight @ (gap * (values - mean))) / spread if spread > 1e-12 * total * max(middle**2, 1e-300) else 0.0
    return mean + slope * gap


def _value(trial: Trial, rules: Sequence[_Followed], signals: Sequence[Floats], level: float) -> Estimate:
    """Mean of the signals of those treated, median over repeats, with clusters as units."""
    repeats = max(len(rules), len(signals))
    pairs = [(rules[min(r, len(rules) - 1)], signals[min(r, len(signals) - 1)]) for r in range(repeats)]
    found = [_mean(trial, rule.members * signal) for rule, signal in pairs]
    value, error = over_splits(np.array([one for one, _ in found]), np.array([two for _, two in found]))
    shared = float(np.mean([_shared(trial, rule, signal) for rule, signal in pairs]))
    error = math.sqrt(error**2 + max(shared, 0.0))
    method = "policy value" if repeats == 1 else f"policy value, median of {repeats} splits"
    if error <= 0.0:
        same = 0.0 if value == 0.0 else None
        return Estimate(
            value=value, low=same, high=same, level=level, method=method, n=len(trial),
            note="" if same == 0.0 else "ZERO_VARIANCE",
        )  # fmt: skip
    half = critical_value(level, "two") * error
    return Estimate(
        value=value, low=value - half, high=value + half, p_value=max(p_value(value / error, "two"), 5e-324),
        level=level, method=method, n=len(trial), standard_error=error,
    )  # fmt: skip


def _shared(trial: Trial, rule: _Followed, signal: Floats) -> float:
    """Covariance between folds: the rule of each was learned on the other.

    What a fold gains because its rule has seen another fold, times the same the other way round, over all pairs.
    """
    if rule.moved is None or rule.fold is None:
        return 0.0
    folds = rule.moved.shape[1]
    worth = trial.weight * signal / float(trial.weight.sum())
    gained = np.stack([np.bincount(rule.fold, weights=worth * rule.moved[:, k], minlength=folds) for k in range(folds)])
    return float(sum(2.0 * gained[two, one] * gained[one, two] for one in range(folds) for two in range(one)))


def _mean(trial: Trial, signal: Floats) -> tuple[float, float]:
    mean = float(np.average(signal, weights=trial.weight))
    rest = np.bincount(trial.cluster, weights=trial.weight * (signal - mean))
    units = len(rest)
    return mean, math.sqrt(units / max(units - 1.0, 1.0) * float(rest @ rest)) / float(trial.weight.sum())
