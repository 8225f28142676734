"""From a table of aggregated paths to credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError
from attribution.credit.path_credit import PathCredit
from attribution.credit.path_reading import PathColumns, PathTable, read_paths
from attribution.credit.sums import check_conservation
from attribution.journeys.arrays import JourneyArrays, make_arrays
from attribution.models.decay import TimeDecay
from attribution.models.fitted import fit_model, fit_result
from attribution.models.protocol import PathModel, TouchModel, checked_weights
from attribution.models.registry import RULE_MODELS, resolve_models
from attribution.models.shapes import WShaped
from attribution.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from attribution.models.protocol import Model
    from attribution.rules import Transform

__all__ = ["attribute_paths"]


def attribute_paths(  # noqa: PLR0913 - a public function of keyword-only options
    paths: object,
    *,
    models: Iterable[Model | str] | Model | str | None = None,
    path: str = "path",
    conversions: str = "conversions",
    value: str | None = None,
    nulls: str | None = None,
    sep: str = " > ",
    transforms: Sequence[Transform] = (),
) -> PathCredit:
    """Divide the credit of conversions that are given as counts of paths, "sms > phone" 12 times and so on.

    The same models and the same arithmetic as `attribute`, for tables that were aggregated elsewhere. Rows of one path
    are added up; a row without a path (empty, blank or null) is conversions without a touch, the row "(none)". Persons
    and times are not in such a table: there is no look-back, no time decay, no interval.

    Args:
        paths: One row per path: its channels in order as text, its conversions; any table.
        models: Models or their names; by default the rule models but time decay.
        path: Name of the column of paths.
        conversions: Name of the column of conversions: whole numbers, not negative.
        value: Name of the column of the conversions' value, not negative; None without.
        nulls: Name of the column of journeys that took the path without converting: whole numbers, not negative; None
            without. Markov chains and Shapley values of rates need them to tell good paths from frequent ones.
        sep: What stands between two steps, exactly as written. Blanks around the steps do not count, so that ">" reads
            "A>B" and "A > B" alike; " > " leaves names such as "<b>" whole.
        transforms: Path transforms by the names that `Rules` has, in order, for example ("exposure",).

    Returns:
        The credit: ``.table()``, ``.with_costs(...)``, ``.fits``, ``.findings``, ``.recipe``.

    Raises:
        TableError: Lists every problem of the table: missing columns, empty steps, the reserved name "(none)" as a
            step, counts that are fractions, negative or missing, value on a row without a conversion.
        InputError: For an unknown model, a model that needs times, two models of one name.
        ConservationError: For a custom model whose weights or shares do not sum to 1.

    Verified against `attribute` on the paths of journeys, plain loops, and the 10,000-path file of the field
    (docs/methods/aggregated-paths.md).

    Example:
        >>> import attribution as at, pandas as pd
        >>> paths = pd.DataFrame({"path": ["sms > phone", "sms", ""], "conversions": [4, 2, 1]})
        >>> at.attribute_paths(paths, models=["first_touch", "linear"]).table()[["model", "channel", "conversions"]]
                 model channel  conversions
        0  first_touch   phone          0.0
        1  first_touch     sms          6.0
        2  first_touch  (none)          1.0
        3       linear   phone          2.0
        4       linear     sms          4.0
        5       linear  (none)          1.0
    """
    found = _models(models)
    asked = Rules(transforms=tuple(transforms) if not isinstance(transforms, str) else (transforms,)).transforms
    columns = PathColumns(path=path, conversions=conversions, value=value, nulls=nulls)
    table = read_paths(paths, columns, sep=sep, transforms=asked)
    arrays = _arrays(table)
    fits: dict[str, Any] = {}
    credits = [_credit(model, table, arrays, fits) for model in found]
    return PathCredit(
        models=found,
        paths=table,
        conversions=np.stack([by_count for by_count, _ in credits]),
        value=np.stack([by_value for _, by_value in credits]),
        fits=fits,
        sep=sep,
        transforms=asked,
    )


def _models(models: Iterable[Model | str] | Model | str | None) -> tuple[Model, ...]:
    """The models; those that need the times of touches are refused."""
    if models is None:
        return tuple(model for model in RULE_MODELS if not isinstance(model, TimeDecay))
    found = resolve_models(models)
    for model in found:
        if isinstance(model, (TimeDecay, WShaped)):
            raise InputError(
                f"model {model.name!r} needs the times of the touches, which a table of paths does not have. Take "
                "first_touch, last_touch, linear, position_based, Markov or Shapley, or attribute touches and "
                "conversions with at.attribute."
            )
    return found


def _arrays(table: PathTable) -> JourneyArrays:
    """Each distinct path as one journey of unknown ages."""

    def column(name: str) -> NDArray[Any]:
        raise InputError(f"a table of paths has no column {name!r} of touches or conversions; use at.attribute.")

    counts = table.counts
    ages = np.full(len(counts.channel), np.nan)
    return make_arrays(counts.lengths, counts.channel, counts.channel_names, ages, columns=(column, column))


def _credit(
    model: Model, table: PathTable, arrays: JourneyArrays, fits: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Conversions and value by channel; conservation is checked."""
    counts = table.counts
    if model.needs == "paths" and isinstance(model, PathModel):
        fitted = fit_model(model, counts)
        if fitted.result is not None:
            fits[model.name] = fitted.result
        shares = fitted.shares
        by_count, by_value = shares * counts.conversions.sum(), shares * counts.value.sum()
    elif isinstance(model, TouchModel):
        _keep_fit(model, table, fits)
        weights = checked_weights(model, arrays)
        by_count = _by_channel(counts.channel, weights * np.repeat(counts.conversions, counts.lengths), arrays)
        by_value = _by_channel(counts.channel, weights * np.repeat(counts.value, counts.lengths), arrays)
    else:
        raise InputError(f"model {model.name!r} has neither weights(j) nor shares(paths).")
    check_conservation(model.name, "conversions", float(by_count.sum()), float(counts.conversions.sum()))
    check_conservation(model.name, "value", float(by_value.sum()), float(counts.value.sum()))
    return by_count, by_value


def _by_channel(channel: NDArray[np.int64], amounts: NDArray[np.float64], arrays: JourneyArrays) -> NDArray[np.float64]:
    return np.asarray(np.bincount(channel, weights=amounts, minlength=len(arrays.channel_names)), np.float64)


def _keep_fit(model: Model, table: PathTable, fits: dict[str, Any]) -> None:
    """What a model of single journeys was fitted to, where it tells; without a conversion there is nothing to fit."""
    if (table.counts.conversions > 0).any() and (found := fit_result(model, table.counts)) is not None:
        fits[model.name] = found
