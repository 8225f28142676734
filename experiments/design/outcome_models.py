"""What is asked of a user's model of the outcome, and how it learns from some persons to predict others."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attribution.core.errors import InputError
from attribution.core.randomness import check_repeats, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OutcomeModel", "check_folds", "check_model", "copied_model", "learn_and_ask"]


class OutcomeModel(Protocol):
    """What is asked of a model: scikit-learn's way of fitting and predicting."""

    def fit(self, features: Any, outcome: Any) -> Any:
        """Learn the outcome from the features."""

    def predict(self, features: Any) -> Any:
        """Predict the outcome."""


def check_model(model: object) -> None:
    """Raise `InputError` for anything that is not an object with ``fit`` and ``predict``."""
    if isinstance(model, type) or not (
        callable(getattr(model, "fit", None)) and callable(getattr(model, "predict", 0))
    ):
        raise InputError(
            f"model must be an object with fit and predict, such as sklearn's HistGradientBoostingRegressor(), got "
            f"{model!r}."
        )


def check_folds(folds: object) -> int:
    """A whole number of folds from 2 on."""
    return check_repeats("folds", folds, least=2)


def copied_model(model: OutcomeModel, seed: int, purpose: str) -> Any:
    """An unfitted copy of the model; a ``random_state`` of None is set.

    Args:
        model: The model; it is never changed.
        seed: Seed of the model.
        purpose: Name of the random stream, with ``{name}`` where the name of the parameter goes.
    """
    if not callable(getattr(model, "get_params", None)):
        return copy.deepcopy(model)
    try:
        from sklearn.base import clone  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return copy.deepcopy(model)
    made = clone(model)
    states = {
        name: int(generator(seed, purpose.replace("{name}", name)).integers(2**31 - 1))
        for name, value in made.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and value is None
    }
    return made.set_params(**states) if states else made


def learn_and_ask(
    model: Any,
    features: NDArray[np.float64],
    outcome: NDArray[np.float64],
    ask: NDArray[np.float64],
    *,
    events: bool,
) -> NDArray[np.float64]:
    """Fit a model to some persons and predict others.

    Persons who are all alike leave nothing to learn: their value is the prediction. A feature that somebody lacks is
    filled with the mean of the training persons, and a column that says so is added.

    Args:
        model: An unfitted copy; it is fitted here.
        features: Training persons by features.
        outcome: Their outcomes.
        ask: The persons to predict, by features.
        events: Whether the outcome is 0 or 1, so that a predicted probability is taken where there is one.
    """
    if outcome.min(initial=np.inf) == outcome.max(initial=-np.inf):
        return np.full(len(ask), outcome[0])
    train, asked = _completed(features, ask)
    model.fit(train, outcome)
    return _answers(model, asked, events=events)


def _answers(fitted: Any, features: NDArray[np.float64], *, events: bool) -> NDArray[np.float64]:
    if events and callable(getattr(fitted, "predict_proba", None)):
        return np.asarray(fitted.predict_proba(features), dtype=np.float64)[:, -1]
    found = np.asarray(fitted.predict(features), dtype=np.float64)
    if found.size != len(features):
        raise InputError(
            f"the model predicted values of the shape {found.shape} for {len(features)} persons; one number for each "
            "is needed."
        )
    return found.reshape(len(features))


def _completed(train: NDArray[np.float64], ask: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features without gaps: the training persons' mean, and a column that says where there was none."""
    lacking = np.isnan(train).any(axis=0) | np.isnan(ask).any(axis=0)
    if not lacking.any():
        return train, ask
    there = ~np.isnan(train)
    counts = there.sum(axis=0)
    middle = np.divide(np.where(there, train, 0.0).sum(axis=0), counts, out=np.zeros(train.shape[1]), where=counts > 0)
    first, second = (
        np.column_stack([np.where(np.isnan(part), middle, part), np.isnan(part[:, lacking])]) for part in (train, ask)
    )
    return first, second
