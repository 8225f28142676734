"""Models by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, closest
from attribution.models.decay import TimeDecay
from attribution.models.last_non_direct import LastNonDirect
from attribution.models.markov import Markov
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.models.protocol import Model, PathModel, TouchModel, check_name
from attribution.models.shapes import InverseJ, JShaped, UShaped
from attribution.models.shapley import Shapley

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RULE_MODELS", "resolve_models"]

RULE_MODELS: tuple[Model, ...] = (FirstTouch(), LastTouch(), Linear(), TimeDecay(), PositionBased())
_RATES = Shapley(value="rate", name="shapley_rate")
_OTHERS: tuple[Model, ...] = (LastNonDirect(), UShaped(), JShaped(), InverseJ(), Markov(), Shapley(), _RATES)
_BY_NAME: dict[str, Model] = {model.name: model for model in (*RULE_MODELS, *_OTHERS)}


def resolve_models(models: Iterable[Model | str] | Model | str | None) -> tuple[Model, ...]:
    """Models, or names of models, as models.

    Raises:
        InputError: For an unknown name, an object that is no model, two models of one name, or none at all.
    """
    if models is None:
        return RULE_MODELS
    listed: list[Any] = [models] if isinstance(models, (str, Model)) else list(models)
    if not listed:
        raise InputError("models must name at least one model. Leave it out for the five rule models.")
    found = tuple(_resolve(item) for item in listed)
    names = [model.name for model in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two models are called {twice[0]!r}. Give one of them another name=.")
    return found


def _resolve(item: object) -> Model:
    if isinstance(item, str):
        if item == "w_shaped":
            raise InputError("w_shaped needs the column of its milestone: write at.WShaped(milestone='...').")
        if item not in _BY_NAME:
            raise InputError(f"there is no model {item!r}. {closest(item, _BY_NAME)}")
        return _BY_NAME[item]
    if isinstance(item, type):
        raise InputError(f"models hold models, not classes: write {item.__name__}() instead of {item.__name__}.")
    if not isinstance(item, Model):
        raise InputError(f"{item!r} is no model: it needs `name`, `needs` and `weights(j)` (see attribution.Model).")
    check_name(item.name)
    wanted = {"touches": (TouchModel, "weights(j)"), "paths": (PathModel, "shares(paths)")}
    if item.needs not in wanted:
        raise InputError(f"model {item.name!r} needs {item.needs!r}; a model needs 'touches' or 'paths'.")
    kind, method = wanted[item.needs]
    if not isinstance(item, kind):
        raise InputError(f"model {item.name!r} needs {item.needs!r} and so must have the method {method}.")
    return item
