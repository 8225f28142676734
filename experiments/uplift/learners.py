"""Learners of uplift: three ways to turn any model of an outcome into a model of what a treatment adds."""

from __future__ import annotations

import contextlib
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from attribution.core.errors import DesignError, InputError
from experiments.design.outcome_models import OutcomeModel, check_model, copied_model, learn_and_ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["DoublyRobust", "Learner", "Lesson", "TransformedOutcome", "TwoModel"]

_FEWEST = 20  # persons of an arm to learn from


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lesson:
    """What a learner may see of the training persons, and whom it is asked about.

    Attributes:
        features: Training persons by features; nan where a person lacks one.
        treated: Who was treated.
        chance: Chance of each to be treated.
        outcome: What came of it.
        ask: Persons to predict, by features.
        seed: Seed of the models.
        name: Name of the random streams of this lesson.
        events: Whether the outcome is 0 or 1.
    """

    features: Floats
    treated: NDArray[np.bool_]
    chance: Floats
    outcome: Floats
    ask: Floats
    seed: int
    name: str
    events: bool

    def arm(self, model: OutcomeModel, *, treated: bool, ask: Floats, mine: NDArray[np.bool_] | None = None) -> Floats:
        """The outcome that a model learned in one arm predicts for other persons.

        Args:
            model: The model; it is copied.
            treated: Which arm it learns from.
            ask: Whom to predict.
            mine: Which training persons it may see; all when None.
        """
        here = (self.treated == treated) & (True if mine is None else mine)
        if here.sum() < _FEWEST:
            raise DesignError(
                "TOO_FEW_TO_CROSS_FIT",
                f"only {int(here.sum())} {'treated' if treated else 'control'} persons are left to learn from outside "
                f"of a fold; at least {_FEWEST} are needed. Use more folds, so that each leaves more persons to learn "
                "from, or a larger slice.",
            )
        if not self.events and _classifies(model):
            raise InputError(
                f"the outcome holds other values than 0 and 1, so it needs a regression model, got {model!r}, which "
                "predicts classes."
            )
        made = copied_model(model, self.seed, f"{self.name} {{name}} {'treated' if treated else 'control'}")
        return learn_and_ask(made, self.features[here], self.outcome[here], ask, events=self.events)

    def regress(self, model: OutcomeModel, signal: Floats) -> Floats:
        """What a model that learned a signal of all training persons predicts for the persons asked about."""
        made = copied_model(model, self.seed, f"{self.name} {{name}} signal")
        return learn_and_ask(made, self.features, signal, self.ask, events=False)


class Learner(Protocol):
    """A way to learn uplift."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    @property
    def outcome_model(self) -> OutcomeModel:
        """The model of the outcome inside an arm."""

    def score(self, lesson: Lesson) -> Floats:
        """Predicted uplift of the persons asked about."""


@dataclass(frozen=True, slots=True)
class TwoModel:
    """One model of the outcome among the treated, one among the control; uplift is the difference of predictions.

    Also known as T-learner. Simple, and good where the arms are large; each model is tuned to the outcome and not to
    the difference, so it can lose a small uplift in a large baseline.

    Args:
        model: A scikit-learn-like model with ``fit`` and ``predict``; a classifier's ``predict_proba`` is used for an
            outcome of 0 and 1.

    Raises:
        InputError: For something that is no model, or a classifier without ``predict_proba``.

    References:
        Hansotia and Rukstales (2002), Journal of Interactive Marketing 16:35; Kunzel, Sekhon, Bickel and Yu (2019),
        PNAS 116:4156.

    Example:
        >>> from sklearn.linear_model import LinearRegression
        >>> TwoModel(LinearRegression()).name
        'two_model'
    """

    model: OutcomeModel

    def __post_init__(self) -> None:
        _check_outcome(self.model, "TwoModel")

    @property
    def name(self) -> str:
        """Its name in tables."""
        return "two_model"

    @property
    def outcome_model(self) -> OutcomeModel:
        """The model of the outcome inside an arm."""
        return self.model

    def score(self, lesson: Lesson) -> Floats:
        """Predicted uplift of the persons asked about."""
        treated, control = (lesson.arm(self.model, treated=side, ask=lesson.ask) for side in (True, False))
        return treated - control


@dataclass(frozen=True, slots=True)
class TransformedOutcome:
    """One model of a signal whose mean, given the features, is the uplift: ``y * (w - p) / (p * (1 - p))``.

    With w 1 for the treated and p the chance of treatment. It needs one regression only, and no model of the baseline;
    its signal is noisy, the more so the rarer the outcome and the smaller the holdout.

    Args:
        model: A regression model, scikit-learn-like; a classifier cannot learn the signal.

    Raises:
        InputError: For something that is no model, or a classifier.

    References:
        Athey and Imbens (2016), PNAS 113:7353; Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data.

    Example:
        >>> from sklearn.linear_model import LinearRegression
        >>> TransformedOutcome(LinearRegression()).name
        'transformed_outcome'
    """

    model: OutcomeModel

    def __post_init__(self) -> None:
        _check_regression(self.model, "TransformedOutcome")

    @property
    def name(self) -> str:
        """Its name in tables."""
        return "transformed_outcome"

    @property
    def outcome_model(self) -> OutcomeModel:
        """The model of the outcome inside an arm."""
        return self.model

    def score(self, lesson: Lesson) -> Floats:
        """Predicted uplift of the persons asked about."""
        p = lesson.chance
        return lesson.regress(self.model, lesson.outcome * (lesson.treated - p) / (p * (1.0 - p)))


@dataclass(frozen=True, slots=True)
class DoublyRobust:
    """A model of the doubly robust signal: both arms' predictions, corrected by what was seen, inverse to its chance.

    ``m1 - m0 + w * (y - m1) / p - (1 - w) * (y - m0) / (1 - p)``; m1 and m0 come from the other half of the training
    persons. In an experiment p is known, so the signal's mean is the uplift however wrong m1 and m0 are, and good ones
    take most of its noise away.

    Args:
        model: The model of the outcome inside each arm, scikit-learn-like; a classifier's probabilities serve.
        final: The regression model of the signal; `model` itself by default.

    Raises:
        InputError: For something that is no model, a classifier without ``predict_proba``, or one as the final model.

    References:
        Kennedy (2023), Electronic Journal of Statistics 17:3008; Robins and Rotnitzky (1995), Journal of the American
        Statistical Association 90:122.

    Example:
        >>> from sklearn.linear_model import LinearRegression, LogisticRegression
        >>> DoublyRobust(LogisticRegression(), final=LinearRegression()).name
        'doubly_robust'
    """

    model: OutcomeModel
    _: KW_ONLY
    final: OutcomeModel | None = None

    def __post_init__(self) -> None:
        _check_outcome(self.model, "DoublyRobust")
        _check_regression(self.model if self.final is None else self.final, "DoublyRobust(final=...)")

    @property
    def name(self) -> str:
        """Its name in tables."""
        return "doubly_robust"

    @property
    def outcome_model(self) -> OutcomeModel:
        """The model of the outcome inside an arm."""
        return self.model

    def score(self, lesson: Lesson) -> Floats:
        """Predicted uplift of the persons asked about."""
        half = np.arange(len(lesson.outcome)) % 2 == 0  # persons stand in the order of a hash
        signal = np.empty(len(half))
        for mine in (half, ~half):
            treated, control = (
                lesson.arm(self.model, treated=side, ask=lesson.features[mine], mine=~mine) for side in (True, False)
            )
            signal[mine] = doubly_robust(
                lesson.outcome[mine], lesson.treated[mine], lesson.chance[mine], treated, control
            )
        return lesson.regress(self.model if self.final is None else self.final, signal)


def doubly_robust(outcome: Floats, treated: NDArray[np.bool_], chance: Floats, one: Floats, zero: Floats) -> Floats:
    """Each person's doubly robust signal of the uplift; its mean is unbiased for any `one` and `zero` fixed before.

    Args:
        outcome: What came of it.
        treated: Who was treated.
        chance: Chance to be treated.
        one: Predicted outcome when treated.
        zero: Predicted outcome when not.
    """
    seen = np.where(treated, (outcome - one) / chance, -(outcome - zero) / (1.0 - chance))
    signal: Floats = one - zero + seen
    return signal


def _classifies(model: object) -> bool:
    """Whether a model predicts classes: by its probabilities, or by what scikit-learn says of it."""
    if callable(getattr(model, "predict_proba", None)):
        return True
    try:
        from sklearn.base import is_classifier  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return False
    with contextlib.suppress(AttributeError):  # a model that scikit-learn knows nothing about
        return bool(is_classifier(model))
    return False


def _check_outcome(model: object, name: str) -> None:
    check_model(model)
    if _classifies(model) and not callable(getattr(model, "predict_proba", None)):
        raise InputError(
            f"{name} needs chances, and {model!r} predicts classes only, which are the same for nearly everybody where "
            "events are rare. Use a classifier with predict_proba, or a regression model."
        )


def _check_regression(model: object, name: str) -> None:
    check_model(model)
    if _classifies(model):
        raise InputError(
            f"{name} learns a signal that is no event, so it needs a regression model, got {model!r}, which predicts "
            "classes."
        )
