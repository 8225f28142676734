"""Curves of any ranking: what the top share gains, in outcomes or in money."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.randomness import check_seed
from attribution.core.recipe import Recipe
from attribution.core.values import labels
from attribution.core.whole import check_whole
from experiments.readout.guard import refuse_post
from experiments.uplift.curve_result import CurveKind, UpliftCurve
from experiments.uplift.curves import Learned, curve_of
from experiments.uplift.ranking import UpliftRanking
from experiments.uplift.trial import Trial, read_trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.readout.experiment import Experiment

    Floats = NDArray[np.float64]

__all__ = ["check_same_persons", "net_money", "profit_curve", "uplift_curve"]


def uplift_curve(  # noqa: PLR0913 - options by keyword
    outcomes: object,
    score: UpliftRanking | str,
    *,
    outcome: str = "woken",
    arm: str | None = None,
    experiment: Experiment | None = None,
    highest_first: bool = True,
    level: float = 0.95,
    shares: int = 100,
    seed: int = 0,
) -> UpliftCurve:
    """What treating the top share of a ranking gains, for every share: the uplift curve and the Qini curve, with bands.

    The estimand at a share q: additional outcome per 1,000 persons of the whole audience when the top q of the ranking
    are treated and nobody else. It is q times the difference of the arms' means among the top q, each person weighted
    by the inverse of the chance of the own arm. Unnormalised: the end of the curve is the effect of treating everybody,
    and the area over the straight line to it is in the same unit (dividing by a "perfect" curve would need outcomes
    that nobody can see). Persons of one score enter together, a cut through them takes an equal part of each.

    Bands: ``low`` to ``high`` holds at one share that was fixed before; ``band_low`` to ``band_high`` at all shares
    together. The persons are ranked as they are; that the ranking would differ in another sample is not part of it. Of
    a ranking by `rank_uplift` the covariance between the folds, each of which learned from the others, is part of it.

    Args:
        outcomes: One row per person, of a randomised experiment.
        score: A ranking by `rank_uplift`, or a column fixed before the assignment (any rule's score).
        outcome: The measured column.
        arm: The treated arm; needed when there are several.
        experiment: Gives arm, control, shares, strata and cluster.
        highest_first: Whether a high value of a column is the top; for ``recency_days`` it may be the reverse.
        level: Confidence level.
        shares: Number of steps between 0 and 1.
        seed: Seed of the draws behind the simultaneous band.

    Returns:
        The curve with ``.table()``, ``.area`` (with a test against random order), ``.best`` and ``.plot()``.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT when the score is known only after assignment.
        InputError: For an unknown arm, other persons than the ranking's, or options that cannot be used.

    Assumptions:
        The score was fixed before the assignment, or cross-fitted as by `rank_uplift`. A score learned from the same
        outcomes without cross-fitting makes every curve look good.

    References:
        Radcliffe (2007), Using control groups to target on predicted lift (Qini); Gutierrez and Gerardy (2017), PMLR
        67:1 (uplift curve); Montiel Olea and Plagborg-Moller (2019), Journal of Applied Econometrics 34:1 (bands).

    Verified against: scikit-uplift's uplift and Qini curves on the same scores, ties included, and simulated rankings
    with known gains; see docs/methods/uplift.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=20_000, seed=7)
        >>> curve = ex.uplift_curve(c.outcomes, "recency_days", arm="full", highest_first=False)
        >>> whole = curve.table().iloc[-1]
        >>> bool(whole["share"] == 1.0 and whole["gain_per_1000"] == whole["random_per_1000"])
        True
    """
    level, seed, shares = check_level(level), check_seed(seed), check_steps(shares)
    trial, ranked, name = _read(outcomes, score, experiment, arm, (outcome,))
    recipe = _recipe(
        "uplift_curve",
        trial,
        name,
        learned=not isinstance(score, str),
        outcome=outcome,
        level=level,
        shares=shares,
        seed=seed,
    )
    values = trial.outcomes[outcome]
    found = curve_of(
        trial, values, ranked if highest_first else -ranked, level=level, shares=shares, seed=seed,
        learned=_learned(score),
    )  # fmt: skip
    return UpliftCurve.made(found, trial, values, name=name, kind="uplift", recipe=recipe)


def profit_curve(  # noqa: PLR0913 - options by keyword
    outcomes: object,
    score: UpliftRanking | str,
    *,
    threshold: float | Mapping[str, float] | None = None,
    by: str | None = None,
    value: str | None = None,
    woken: str = "woken",
    cost: str = "cost",
    arm: str | None = None,
    experiment: Experiment | None = None,
    highest_first: bool = True,
    level: float = 0.95,
    shares: int = 100,
    seed: int = 0,
) -> UpliftCurve:
    """What treating the top share of a ranking earns, for every share: value of the woken less the full cost.

    As `uplift_curve`, with the money of each person as outcome: ``threshold * woken - cost`` with a declared value per
    woken customer (one for all, or one per segment), or ``value - cost`` with realised margins, which are far noisier.
    A curve that falls at its end says that the last persons are better left alone.

    Args:
        outcomes: One row per person, with the full cost of each, control persons too.
        score: A ranking by `rank_uplift`, or a column fixed before the assignment.
        threshold: Value of a woken customer; a mapping of segment to value needs `by`.
        by: Column of the segments of `threshold`.
        value: Column of realised margin, instead of a threshold.
        woken: Column of the event.
        cost: Column of the full cost.
        arm: The treated arm; needed when there are several.
        experiment: Gives arm, control, shares, strata and cluster.
        highest_first: Whether a high value of a column is the top.
        level: Confidence level.
        shares: Number of steps between 0 and 1.
        seed: Seed of the draws behind the simultaneous band.

    Returns:
        The curve in money per 1,000 persons of the whole audience.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT.
        InputError: When neither or both of threshold and value are given, or a segment has no value.

    Assumptions:
        Those of `uplift_curve`; costs are complete.

    References:
        Verbeke, Martens and Baesens (2012), European Journal of Operational Research 218:211 (profit-driven targeting).

    Verified against: the uplift curve of the same money, and `cost_thresholds` at share 1; see docs/methods/uplift.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=20_000, seed=7)
        >>> curve = ex.profit_curve(c.outcomes, "recency_days", threshold=85, arm="full", highest_first=False)
        >>> curve.kind, bool(curve.table()["gain_per_1000"].iloc[-1] < 0)
        ('profit', True)
    """
    level, seed, shares = check_level(level), check_seed(seed), check_steps(shares)
    columns = money_columns(threshold, value, woken, cost)
    trial, ranked, name = _read(outcomes, score, experiment, arm, columns)
    money, said = net_money(trial, threshold=threshold, by=by, value=value, names=(woken, cost), experiment=experiment)
    recipe = _recipe(
        "profit_curve",
        trial,
        name,
        learned=not isinstance(score, str),
        money=said,
        level=level,
        shares=shares,
        seed=seed,
    )
    found = curve_of(
        trial, money, ranked if highest_first else -ranked, level=level, shares=shares, seed=seed,
        events=trial.outcomes[columns[0]], learned=_learned(score),
    )  # fmt: skip
    return UpliftCurve.made(found, trial, money, name=name, kind="profit", recipe=recipe)


def money_columns(threshold: object, value: str | None, woken: str, cost: str) -> tuple[str, ...]:
    """The columns that the money of a person is made of, the event first where there is one."""
    if (threshold is None) == (value is None):
        raise InputError(
            "say what a woken customer is worth: threshold=85 (or one per segment with by=), or value= with the column "
            "of realised margin; one of the two."
        )
    return (woken, cost) if value is None else (value, cost)


def net_money(
    trial: Trial,
    *,
    threshold: float | Mapping[str, float] | None,
    by: str | None,
    value: str | None,
    names: tuple[str, str],
    experiment: Experiment | None,
) -> tuple[Floats, str]:
    """The money of each person, and how it is made in words."""
    woken, cost = names
    if value is not None:
        return trial.outcomes[value] - trial.outcomes[cost], f"{value} - {cost}"
    if not isinstance(threshold, Mapping):
        return _amount(threshold) * trial.outcomes[woken] - trial.outcomes[cost], f"{threshold:g} x {woken} - {cost}"
    if by is None:
        raise InputError("thresholds by segment need by=, the column of the segments.")
    refuse_post((by,), () if experiment is None else experiment.post, use="a segment")
    trial.table.require_names(by)
    found = labels(trial.table, by, missing=None) if by in trial.table.names else None
    trial.table.problems.raise_if_any()
    if found is None:  # pragma: no cover - noted problems have been raised above
        raise InputError(f"the column {by!r} cannot be read.")
    worth = {str(key): _amount(amount) for key, amount in threshold.items()}
    absent = sorted({str(name) for name in found.names} - set(worth))
    if absent:
        raise InputError(f"threshold names no value for the segment {absent[0]!r}; every segment needs its own.")
    each = np.array([worth[str(name)] for name in found.names])[found.codes[trial.rows]]
    return each * trial.outcomes[woken] - trial.outcomes[cost], f"({by}) x {woken} - {cost}"


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 <= float(value) < float("inf"):
        raise InputError(f"a threshold must be a finite amount of money, 0 or more, got {value!r}.")
    return float(value)


def check_steps(shares: object) -> int:
    """A whole number of steps from 1 to 1,000."""
    return check_whole("shares", shares, least=1, most=1000, of="steps")


def _read(
    outcomes: object,
    score: UpliftRanking | str,
    experiment: Experiment | None,
    arm: str | None,
    columns: tuple[str, ...],
) -> tuple[Trial, Floats, str]:
    """The persons, what they are ranked by, and its name."""
    if isinstance(score, UpliftRanking):
        trial = read_trial(outcomes, experiment, arm=score.trial.arm if arm is None else arm, columns=columns)
        check_same_persons(trial, score)
        return trial, -score.splits[0].rank, score.learner
    if not isinstance(score, str):
        raise InputError(f"score must be a ranking by rank_uplift or the name of a column, got {score!r}.")
    trial = read_trial(outcomes, experiment, arm=arm, columns=columns, known=(score,))
    return trial, trial.column(score), score


def _learned(score: UpliftRanking | str) -> Learned | None:
    return score.splits[0].learned if isinstance(score, UpliftRanking) else None


def check_same_persons(trial: Trial, ranking: UpliftRanking) -> None:
    """Raise `InputError` unless the ranking is of these very persons and this arm."""
    if not trial.person.equals(ranking.trial.person) or (trial.treated != ranking.trial.treated).any():
        raise InputError(
            f"the ranking is of {len(ranking.trial)} persons of {ranking.trial.arm!r} and {ranking.trial.control!r}; "
            f"these outcomes hold {len(trial)} persons of {trial.arm!r} and {trial.control!r}, not the same ones. Rank "
            "the persons that you read."
        )


def _recipe(method: str, trial: Trial, name: str, *, learned: bool, **settings: object) -> Recipe:
    kind: CurveKind = "profit" if method == "profit_curve" else "uplift"
    return Recipe(
        method=method,
        definitions=(f"{kind.upper()}_CURVE", "UPLIFT_TIES", "UPLIFT_BAND", *(("UPLIFT_FOLDS",) if learned else ())),
        settings={"score": name, "arm": trial.arm, "control": trial.control, **settings},
        n={"persons": len(trial)},
    )
