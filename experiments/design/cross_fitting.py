"""A covariate made from many columns: out-of-fold predictions of the outcome by any model (CUPAC)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError
from attribution.core.randomness import check_seed
from attribution.core.tables import Problems, open_table, to_kind_of
from attribution.core.values import duplicates, keys, numbers
from experiments.design.assignment_hash import unit_numbers
from experiments.design.late_columns import refuse_post
from experiments.design.outcome_models import OutcomeModel, check_folds, check_model, copied_model, learn_and_ask

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["OutcomeModel", "cross_fit", "out_of_fold"]

_FEWEST_PER_FOLD = 20


def cross_fit(  # noqa: PLR0913 - options by keyword
    model: OutcomeModel,
    outcomes: object,
    *,
    outcome: str,
    features: Sequence[str],
    person: str = "person_id",
    arm: str | None = "arm",
    cluster: str | None = None,
    folds: int = 5,
    seed: int = 0,
    column: str = "predicted",
    post: Sequence[str] = (),
) -> Any:
    """Add a column of out-of-fold predictions of an outcome, to be used as a covariate.

    Each person's prediction comes from a model that saw neither this person nor anybody else of the same fold, and
    nobody's arm. So it is as good as fixed before the assignment, and the adjusted effect stays unbiased however wild
    the model: a bad model only buys nothing. The folds are a salted hash of the person, so the order of rows plays no
    part. Training uses all arms together; an effect of the arms then cannot enter the prediction through the arm.

    A feature that some persons lack is filled with the mean of the training persons, and a column that says so is
    added. Where the outcome is 0 or 1 and the model has ``predict_proba``, the predicted probability is taken.

    Args:
        model: A scikit-learn-like model with ``fit`` and ``predict``; it is copied, never changed. A ``random_state``
            of None is set from `seed`.
        outcomes: One row per person: any table, or the outcomes of `build_outcomes`.
        outcome: Column to predict, numbers; persons without it are predicted but not learned from.
        features: Columns fixed before the assignment, numbers or booleans.
        person: Column of the person.
        arm: Column of the arm, so that it is refused among the features; it need not be there.
        cluster: Column of the unit that was assigned, when persons were assigned together: a cluster then stays in one
            fold, so that nobody's prediction learns from the own household.
        folds: How many folds, from 2 on.
        seed: Seed of the folds and of the model.
        column: Name of the new column.
        post: Further columns known only after assignment.

    Returns:
        The table with the new column, of the same kind (Arrow for results of this library).

    Raises:
        TableError: MISSING_COLUMN, WRONG_TYPE, NULL_KEY, REPEATED_PERSON, NOT_FINITE.
        DesignError: POST_ASSIGNMENT when a feature is known only after assignment; TOO_FEW_TO_CROSS_FIT below 20
            persons with an outcome per fold.
        InputError: For a model, feature, number of folds or name that cannot be used.

    Assumptions:
        The features are fixed before the assignment; persons (or the clusters named) are independent.

    References:
        Tang, Xue, Kong and Jin (2020), CUPAC, DoorDash. Guo and Basse (2023), Journal of the American Statistical
        Association 118:524 (generalised Oaxaca-Blinder). Wager, Du, Taylor and Tibshirani (2016), PNAS 113:12673
        (cross-estimation).

    Verified against: scikit-learn's cross_val_predict on the same folds, and size and gain by simulation; see
    docs/methods/cupac.md.

    Example:
        >>> import experiments as ex
        >>> import numpy as np, pandas as pd
        >>> class Line:
        ...     def fit(self, features, outcome):
        ...         self.slopes = np.linalg.lstsq(features, outcome, rcond=None)[0]
        ...     def predict(self, features):
        ...         return features @ self.slopes
        >>> persons = pd.DataFrame({"person_id": range(200), "past": np.arange(200.0)})
        >>> persons["value"] = 2.0 * persons["past"]
        >>> found = ex.cross_fit(Line(), persons, outcome="value", features=["past"])
        >>> bool(np.allclose(found["predicted"], found["value"]))
        True
    """
    names = _checked_names(features, outcome=outcome, arm=arm, column=column, person=person)
    check_model(model)
    refuse_post(names, post, use="a feature")
    seed, folds = check_seed(seed), check_folds(folds)
    table = open_table(outcomes, "outcomes", Columns(person=person), problems=Problems())
    unit = person if cluster is None else cluster
    table.require_names(*dict.fromkeys((person, unit, outcome, *names)))
    if column in table.names:
        raise InputError(f"the outcomes have a column {column!r} already; name the new one with column=.")
    table.load(*table.names)  # in one pass: an engine may give the rows in another order next time
    who, units = _keys(table, person, unit)
    values = numbers(table, outcome, missing=float("nan")) if outcome in table.names else None
    read = [numbers(table, name, missing=float("nan")) if name in table.names else None for name in names]
    table.problems.raise_if_any()
    known = [feature for feature in read if feature is not None]
    if who is None or units is None or values is None:  # pragma: no cover - noted problems have been raised above
        raise InputError("the outcomes cannot be read.")
    fold = np.asarray(unit_numbers(units, f"cross_fit {seed}") % np.uint64(folds), dtype=np.int64)
    order = np.argsort(unit_numbers(who, f"order {seed}"), kind="stable")  # the same whatever the order of rows
    found = np.empty(len(values))
    found[order] = out_of_fold(model, np.column_stack(known)[order], values[order], fold[order], folds=folds, seed=seed)
    columns: dict[str, Any] = {name: table.arrow(name) for name in table.names}
    return to_kind_of({**columns, column: found}, outcomes)


def _checked_names(
    features: Sequence[str], *, outcome: str, arm: str | None, column: str, person: str
) -> tuple[str, ...]:
    """The features, each once, none of them the outcome, the arm or the person."""
    names = (features,) if isinstance(features, str) else tuple(features) if isinstance(features, Sequence) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"features must be a list of names of columns, at least one, got {features!r}.")
    if not isinstance(column, str) or not column:
        raise InputError(f"column must be the name of the new column, got {column!r}.")
    for use, taken in (("the outcome", outcome), ("the arm", arm), ("the person", person)):
        if taken in names:
            raise InputError(
                f"the column {taken!r} is {use} and cannot be a feature; a feature is fixed before the assignment and "
                "says nothing about the arm."
            )
    return tuple(dict.fromkeys(names))


def _keys(table: Table, person: str, unit: str) -> tuple[pa.Array | None, pa.Array | None]:
    """The persons and the units that stay in one fold; one row per person."""
    who = keys(table, "person") if person in table.names else None
    if who is not None:
        repeated, examples = duplicates(who)
        if repeated:
            table.problems.add(
                "REPEATED_PERSON", table.name, person, repeated, examples=examples,
                message="a person has more than one row; a fold would learn from the persons it predicts. Make one row "
                "per person",
            )  # fmt: skip
    if unit == person:
        return who, who
    other = replace(table, roles=Columns(person=unit))
    return who, keys(other, "person") if unit in table.names else None


def out_of_fold(
    model: OutcomeModel,
    features: NDArray[np.float64],
    outcome: NDArray[np.float64],
    fold: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
) -> NDArray[np.float64]:
    """Every person's prediction from the persons of the other folds.

    Args:
        model: The model; it is copied.
        features: Persons by features; nan where a person lacks one.
        outcome: What is predicted; nan where a person has none.
        fold: Fold of each person.
        folds: How many folds.
        seed: Seed of the model.

    Raises:
        DesignError: TOO_FEW_TO_CROSS_FIT below 20 persons with an outcome per fold.
        InputError: When the model predicts values that are not finite.
    """
    there = ~np.isnan(outcome)
    if there.sum() < _FEWEST_PER_FOLD * folds:
        raise DesignError(
            "TOO_FEW_TO_CROSS_FIT",
            f"{int(there.sum())} persons have an outcome; {folds} folds need at least {_FEWEST_PER_FOLD * folds} "
            f"({_FEWEST_PER_FOLD} each). Use fewer folds, or adjust for the columns themselves with covariate=.",
        )
    events = bool(np.isin(outcome[there], (0.0, 1.0)).all())
    found = np.full(len(outcome), np.nan)
    for part in range(folds):
        mine, learn = fold == part, (fold != part) & there
        if not mine.any():
            continue
        known = outcome[learn]
        fitted = copied_model(model, seed, f"cross_fit {{name}} {part}")
        found[mine] = learn_and_ask(fitted, features[learn], known, features[mine], events=events)
    if not np.isfinite(found).all():
        raise InputError("the model predicted values that are not finite numbers, so they cannot be a covariate.")
    return found
