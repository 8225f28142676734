"""What a rule of whom to treat is worth, and whether one rule beats another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from experiments.uplift.policy_numbers import Audience, Rule, readings
from experiments.uplift.policy_result import PolicyReading, PolicyValue
from experiments.uplift.ranking import TopShare, UpliftRanking
from experiments.uplift.scored import check_same_persons, money_columns, net_money
from experiments.uplift.trial import read_trial

if TYPE_CHECKING:
    from experiments.readout.experiment import Experiment

__all__ = ["PolicyReading", "PolicyValue", "policy_value"]


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

    A value's note says TOO_FEW_PERSONS (fewer than two of an arm among those whom the rule treats: no value),
    FEW_EVENTS (fewer than 20 events in an arm there: the normal interval is rough) or ZERO_VARIANCE (all alike: no
    interval); the finding HEAVY_TAIL says that their money is too skewed for their number.

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
    learned = [rule.ranking for rule in rules.values() if isinstance(rule, TopShare)]
    for used in (*learned, *(() if ranking is None else (ranking,))):
        check_same_persons(trial, used)
    if outcome is None:
        names = (woken, cost)
        values, measured = net_money(trial, threshold=threshold, by=by, value=value, names=names, experiment=experiment)
    else:
        values, measured = trial.outcomes[outcome], outcome
    audience = Audience(
        trial=trial, values=values, events=trial.outcomes[columns[0]] != 0.0, ranking=ranking, level=level
    )
    found, tails = readings(audience, rules, chosen)
    settings = {
        "measured": measured, "arm": trial.arm, "control": trial.control, "against": chosen, "level": level,
        "splits": max((len(used.splits) for used in learned), default=1),
    }  # fmt: skip
    return PolicyValue(
        readings=tuple(found),
        against=chosen,
        kind="number" if outcome is not None else "money",
        findings=(*trial.findings, *tails),
        recipe=Recipe(
            method="policy_value",
            definitions=("POLICY_VALUE", *(("POLICY_LEARNED",) if learned else ())),
            settings=settings,
            n={"persons": len(trial)},
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
