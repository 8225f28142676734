"""Persons ranked by predicted uplift, each by models that never saw the person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.randomness import check_repeats, check_seed
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.design.outcome_models import check_folds
from experiments.readout.show import finding_sentences
from experiments.uplift.curve_result import UpliftCurve, note_sentences
from experiments.uplift.curves import Learned, curve_of, difference_in, members
from experiments.uplift.learners import Learner, Lesson
from experiments.uplift.trial import Trial, read_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from experiments.readout.experiment import Experiment

    Floats = NDArray[np.float64]

__all__ = ["TopShare", "UpliftRanking", "rank_uplift"]

messages.register("experiments")

_CURVE = ("UPLIFT_CURVE", "UPLIFT_TIES", "UPLIFT_BAND", "UPLIFT_FOLDS")
_TENTHS = 10
_FEWEST_FOLDS = 3  # two folds left out of two leave nobody to learn from


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Split:
    """What one division of the persons into folds predicts.

    Attributes:
        fold: Fold of each person.
        score: Predicted uplift, from models of the other folds.
        rank: Share of the persons of the same fold who rank before, ties in the middle; 0 is the top.
        treated: Predicted outcome when treated.
        untreated: Predicted outcome when not.
        apart: Rank by models that saw neither the own fold nor one other; persons by folds, the own column is `rank`.
            What two folds do to each other's rankings is read from it.
    """

    fold: NDArray[np.int64]
    score: Floats
    rank: Floats
    treated: Floats
    untreated: Floats
    apart: Floats

    @property
    def learned(self) -> Learned:
        """How the ranks were learned, for the covariance of curves."""
        return Learned(fold=self.fold, apart=self.apart)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class UpliftRanking(TabularResult):
    """Persons with their predicted uplift; nobody's prediction has seen the person.

    ``.table()`` has one row per person of the two arms: person_id, fold, score (predicted uplift), rank (share of the
    persons of the same fold who come before; 0 is the top). With several repeats they are those of the first.

    Attributes:
        trial: The persons.
        outcome: The column whose uplift was learned.
        learner: Name of the learner.
        splits: One entry per repeat.
        findings: Checks of the experiment.
        recipe: How the scores were made.
    """

    trial: Trial
    outcome: str
    learner: str
    splits: tuple[Split, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def top(self, share: float) -> TopShare:
        """The rule "treat the top share of every fold", for `policy_value`.

        Args:
            share: Share of the persons, from 0 to 1.
        """
        return TopShare(ranking=self, share=check_share(share))

    def curve(self, *, level: float = 0.95, shares: int = 100, seed: int = 0) -> UpliftCurve:
        """The uplift curve of the first repeat's ranks; see `uplift_curve`."""
        from experiments.uplift.scored import check_steps

        trial = self.trial
        split = self.splits[0]
        values = trial.outcomes[self.outcome]
        found = curve_of(
            trial, values, -split.rank, level=level, shares=check_steps(shares), seed=seed,
            learned=split.learned,
        )  # fmt: skip
        recipe = replace(self.recipe, method="uplift_curve", definitions=_CURVE)
        return UpliftCurve.made(found, trial, values, name=self.learner, kind="uplift", recipe=recipe)

    def _records(self) -> Records:
        split = self.splits[0]
        fields = (Field("person_id", "text"), Field("fold", "count"), Field("score", "number"), Field("rank", "rate"))
        return Records(fields, (self.trial.person, split.fold.tolist(), split.score.tolist(), split.rank.tolist()))

    def _display(self) -> Display:
        records = tenths(self.trial, self.trial.outcomes[self.outcome], self.splits[0])
        values = {
            "outcome": self.outcome, "arm": self.trial.arm, "control": self.trial.control,
            "persons": len(self.trial), "learner": messages.text(f"UPLIFT.LEARNER.{self.learner}"),
        }  # fmt: skip
        table = records_table(records, title=messages.text("UPLIFT.TENTHS"), decisive="uplift_per_1000")
        loud = finding_sentences(self.findings)
        noted = note_sentences(row["note"] for row in records.to_dicts())
        return Display(messages.text("UPLIFT.RANKING", values), (table, *noted, *self.recipe.sentences(), *loud))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TopShare:
    """The rule that treats the top share of a ranking.

    Attributes:
        ranking: The ranking.
        share: The share.

    Example:
        >>> import experiments as ex
        >>> from sklearn.linear_model import LinearRegression
        >>> c = ex.simulate("default", persons=2_000, seed=7)
        >>> learner = ex.TwoModel(LinearRegression())
        >>> ranking = ex.rank_uplift(c.outcomes, learner, arm="full", features=["recency_days"])
        >>> rule = ranking.top(0.2)
        >>> rule.share, type(rule) is ex.TopShare
        (0.2, True)
    """

    ranking: UpliftRanking
    share: float

    def members(self) -> tuple[Floats, ...]:
        """How much of each person belongs to it, one array per repeat: 1, 0, or in between where a tie is cut."""
        weight = self.ranking.trial.weight
        return tuple(_members(split.fold, split.rank, weight, self.share) for split in self.ranking.splits)

    def apart(self, repeat: int) -> Floats:
        """The same by the rankings without one more fold, persons by folds."""
        split, weight = self.ranking.splits[repeat], self.ranking.trial.weight
        return np.column_stack([_members(split.fold, rank, weight, self.share) for rank in split.apart.T])


def rank_uplift(  # noqa: PLR0913 - options by keyword
    outcomes: object,
    learner: Learner,
    *,
    features: Sequence[str],
    outcome: str = "woken",
    arm: str | None = None,
    experiment: Experiment | None = None,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
) -> UpliftRanking:
    """Rank persons by how much a treatment is predicted to move them.

    The persons are divided into folds by a hash (those assigned together stay together); the prediction of a fold comes
    from models of the other folds. So a curve or a policy value read from the ranking on the same rows is honest: no
    person's outcome had a part in the person's own place. Scores of different folds come from different models and are
    compared by their rank inside the fold.

    A high response is not a high uplift: those who come back anyway respond most. And a high uplift is no profit: read
    `profit_curve`.

    Args:
        outcomes: One row per person, of a randomised experiment.
        learner: `TwoModel`, `TransformedOutcome` or `DoublyRobust` around any scikit-learn-like model.
        features: Columns fixed before the assignment: numbers, Booleans (gaps are filled with the mean of the training
            persons and marked), or words (at most 50 different ones each).
        outcome: The column whose uplift is learned: the event, or net money per person.
        arm: The treated arm; needed when there are several.
        experiment: Gives arm, control, shares, strata and cluster.
        folds: How many folds, from 3 on. Models are learned without each fold and without each two of them, so the work
            grows with the square of the number.
        repeats: How many divisions into folds; more take chance out of policy values, at so many times the work.
        seed: Seed of folds and models.

    Returns:
        The ranking, with `.table()`, `.curve()` and `.top(share)`.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT for features known only later; TOO_FEW_TO_CROSS_FIT; CHANCE_VARIES;
            NO_COMMON_STRATUM.
        InputError: For a learner, arm, fold number or feature that cannot be used.

    Assumptions:
        Arms were assigned by chance with the declared shares; persons (or clusters) do not influence each other.

    References:
        Radcliffe and Surry (2011), Real-world uplift modelling with significance-based uplift trees; Chernozhukov and
        others (2018), Econometrics Journal 21:C1 (cross-fitting).

    Verified against: known uplift in simulations; see docs/methods/uplift.md.

    Example:
        >>> import experiments as ex
        >>> from sklearn.linear_model import LinearRegression
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> ranking = ex.rank_uplift(c.outcomes, ex.DoublyRobust(LinearRegression()), arm="full",
        ...                          features=["recency_days", "source"])
        >>> ranking.table().columns.tolist()
        ['person_id', 'fold', 'score', 'rank']
    """
    names = tuple(dict.fromkeys((features,) if isinstance(features, str) else tuple(features)))
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"features must be a list of names of columns, at least one, got {features!r}.")
    if not all(hasattr(learner, part) for part in ("score", "name", "outcome_model")):
        raise InputError(
            f"learner must be TwoModel(model), TransformedOutcome(model) or DoublyRobust(model), got {learner!r}."
        )
    folds, seed = check_folds(folds), check_seed(seed)
    if folds < _FEWEST_FOLDS:
        raise InputError(
            f"folds must be a whole number from {_FEWEST_FOLDS} on, got {folds!r}: what folds do to each other is read "
            "from models that leave two of them out."
        )
    repeats = check_repeats("repeats", repeats)
    trial = read_trial(outcomes, experiment, arm=arm, columns=(outcome,), known=names)
    matrix = trial.features(names)
    settings = {
        "outcome": outcome, "features": ", ".join(names), "learner": learner.name, "arm": trial.arm,
        "control": trial.control, "folds": folds, "repeats": repeats, "seed": seed,
    }  # fmt: skip
    return UpliftRanking(
        trial=trial,
        outcome=outcome,
        learner=learner.name,
        splits=tuple(_split(trial, learner, matrix, outcome, folds, (seed, repeat)) for repeat in range(repeats)),
        findings=trial.findings,
        recipe=Recipe(
            method="rank_uplift", definitions=("UPLIFT_CROSS_FITTED",), settings=settings, n={"persons": len(trial)}
        ),
    )


def _split(trial: Trial, learner: Learner, matrix: Floats, outcome: str, folds: int, stream: tuple[int, int]) -> Split:
    seed, repeat = stream
    values = trial.outcomes[outcome]
    events = bool(np.isin(values, (0.0, 1.0)).all())
    fold = trial.folds(folds, seed, repeat)
    score, rank, treated, untreated = (np.empty(len(values)) for _ in range(4))

    def lesson_for(asked: NDArray[np.bool_], name: str) -> Lesson:
        seen = ~asked
        return Lesson(
            features=matrix[seen], treated=trial.treated[seen], chance=trial.chance[seen], outcome=values[seen],
            ask=matrix[asked], seed=seed, name=f"uplift {repeat} {name}", events=events,
        )  # fmt: skip

    for part in range(folds):
        mine = fold == part
        if not mine.any():
            continue
        lesson = lesson_for(mine, str(part))
        score[mine] = learner.score(lesson)
        treated[mine] = lesson.arm(learner.outcome_model, treated=True, ask=matrix[mine])
        untreated[mine] = lesson.arm(learner.outcome_model, treated=False, ask=matrix[mine])
        rank[mine] = _ranks(score[mine], trial.weight[mine])
    if not (np.isfinite(score).all() and np.isfinite(treated).all() and np.isfinite(untreated).all()):
        raise InputError("the model predicted values that are not finite numbers, so nobody can be ranked by them.")
    apart = np.repeat(rank[:, None], folds, axis=1)
    for one, two in combinations(range(folds), 2):
        both = (fold == one) | (fold == two)
        again = np.full(len(values), np.nan)
        again[both] = learner.score(lesson_for(both, f"{one} {two}"))
        for part, other in ((one, two), (two, one)):
            mine = fold == part
            if mine.any():
                apart[mine, other] = _ranks(again[mine], trial.weight[mine])
    return Split(fold=fold, score=score, rank=rank, treated=treated, untreated=untreated, apart=apart)


def _ranks(score: Floats, weight: Floats) -> Floats:
    """Share of the weight that lies before each person, persons of one score in the middle of theirs."""
    values, place = np.unique(-score, return_inverse=True)
    mass = np.bincount(place, weights=weight, minlength=len(values))
    middle = np.cumsum(mass) - 0.5 * mass
    return np.asarray(middle[place] / mass.sum(), dtype=np.float64)


def _members(fold: NDArray[np.int64], rank: Floats, weight: Floats, share: float) -> Floats:
    """Membership of each person in the top share of the own fold; persons tied at the cut have a part of it each."""
    found = np.empty(len(rank))
    for part in np.unique(fold):
        mine = fold == part
        found[mine] = members(-rank[mine], weight[mine], share)
    return found


def check_share(share: object) -> float:
    """A share from 0 to 1."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share <= 1.0:
        raise InputError(f"share must be a number from 0 to 1, got {share!r}.")
    return float(share)


def tenths(trial: Trial, values: Floats, split: Split) -> Records:
    """Predicted and found uplift per 1,000 persons by tenth of the ranking, with intervals: is the ranking true?"""
    rows = []
    tenth = np.minimum((split.rank * _TENTHS).astype(np.int64), _TENTHS - 1)
    for part in range(_TENTHS):
        mine = (tenth == part).astype(np.float64)
        if not mine.any():
            continue
        found = difference_in(trial, values, mine, level=0.95)
        rows.append(
            {
                "tenth": part + 1,
                "persons": int(mine.sum()),
                "predicted_per_1000": 1000.0 * float(np.average(split.score, weights=mine * trial.weight)),
                "uplift_per_1000": None if found.value is None else 1000.0 * found.value,
                "uplift_low": None if found.low is None else 1000.0 * found.low,
                "uplift_high": None if found.high is None else 1000.0 * found.high,
                "note": found.note,
            }
        )
    fields = (Field("tenth", "count"), Field("persons", "count"))
    names = ("predicted_per_1000", "uplift_per_1000", "uplift_low", "uplift_high")
    return Records.from_rows((*fields, *(Field(name, "number") for name in names), Field("note", "text")), rows)
