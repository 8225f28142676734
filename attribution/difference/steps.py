"""Rules and model taken apart into steps that can be exchanged one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attribution.core.durations import duration_text
from attribution.core.errors import InputError
from attribution.core.formats import UNDEFINED
from attribution.models.decay import TimeDecay
from attribution.models.last_non_direct import LastNonDirect
from attribution.models.position import LastTouch, PositionBased
from attribution.models.shapes import InverseJ, JShaped, UShaped
from attribution.rules import Rules, key_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.models.protocol import Model
    from attribution.rules import Transform

__all__ = ["STEPS", "Change", "Setting", "changes_between", "compose"]

STEPS = (
    "window", "edge", "ties", "origin", "match", "key_event", "levels", "dormancy", "reuse", "direct", "repeats",
    "two_touch", "half_life", "decay_unit", "model",
)  # fmt: skip

_FIELDS: dict[str, tuple[str, ...]] = {
    "window": ("lookback",),
    "edge": ("window", "timezone", "same_instant", "not_before"),
    "ties": ("tie_order",),
    "origin": ("origin",),
    "match": ("match",),
    "key_event": ("key_event", "key_event_match"),
    "levels": ("levels", "level"),
    "dormancy": ("dormancy",),
    "reuse": ("reuse",),
}
_DIRECT = ("remove_if_not_all", "remove_if_last_and_not_all")
_Places = PositionBased | UShaped | JShaped | InverseJ
_Last = LastTouch | LastNonDirect


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What makes a credit: rules and a model."""

    rules: Rules
    model: Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step that differs between two settings.

    Attributes:
        step: Its name.
        before: The first setting's choice, as text.
        after: The second setting's.
    """

    step: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """A setting as one value per step, and what each is called."""

    values: Mapping[str, object]
    texts: Mapping[str, str]


def changes_between(first: Setting, second: Setting) -> tuple[Change, ...]:
    """The steps in which two settings differ, in the default order."""
    unknown = {field.name for field in fields(Rules)} - {name for names in _FIELDS.values() for name in names}
    if unknown != {"transforms"}:
        raise InputError(f"these rules belong to no step: {', '.join(sorted(unknown - {'transforms'}))}.")
    alike = _family(first.model) == _family(second.model)
    before, after = _parts(first, alike=alike), _parts(second, alike=alike)
    changes = []
    for step in STEPS:
        if before.values.get(step) != after.values.get(step):
            texts = before.texts.get(step, ""), after.texts.get(step, "")
            if step in _FIELDS:
                texts = _rules_texts(first.rules, second.rules, _FIELDS[step])
            changes.append(Change(step=step, before=texts[0], after=texts[1]))
    return tuple(changes)


def compose(first: Setting, second: Setting, chosen: frozenset[str]) -> Setting:
    """The first setting with the chosen steps of the second.

    Raises:
        InputError: For rules that contradict each other.
    """

    def side(step: str) -> Setting:
        return second if step in chosen else first

    taken: dict[str, Any] = {name: getattr(side(step).rules, name) for step, names in _FIELDS.items() for name in names}
    taken["transforms"] = _transforms(first.rules, second.rules, side)
    return Setting(rules=Rules(**taken), model=_model(first, second, side))


def _transforms(first: Rules, second: Rules, side: Callable[[str], Setting]) -> tuple[Transform, ...]:
    """Either list as it is, or the direct part of one with the rest of the other, the direct part first."""
    direct, rest = _split(side("direct").rules)[0], _split(side("repeats").rules)[1]
    for rules in (first, second):
        if _split(rules) == (direct, rest):
            return rules.transforms
    return (*direct, *rest)


def _split(rules: Rules) -> tuple[tuple[Transform, ...], tuple[Transform, ...]]:
    """The transforms that handle direct touches, and the others."""
    direct = tuple(step for step in rules.transforms if isinstance(step, tuple) and step[0] in _DIRECT)
    return direct, tuple(step for step in rules.transforms if step not in direct)


def _family(model: Model) -> str:
    """Models of one family share settings that can be exchanged one by one."""
    if isinstance(model, _Places):
        return "position"
    if isinstance(model, TimeDecay):
        return "time decay"
    return "last" if isinstance(model, _Last) else "other"


def _model(first: Setting, second: Setting, side: Callable[[str], Setting]) -> Model:
    base = side("model").model
    if _family(first.model) != _family(second.model):
        return base
    two, half_life, unit, direct = (side(step).model for step in ("two_touch", "half_life", "decay_unit", "direct"))
    if isinstance(base, _Places) and isinstance(two, _Places):
        return PositionBased(first=base.first, last=base.last, two=two.two)
    if isinstance(half_life, TimeDecay) and isinstance(unit, TimeDecay):
        return TimeDecay(half_life=half_life.half_life, unit=unit.unit)
    return direct if _family(first.model) == "last" else base


def _parts(setting: Setting, *, alike: bool) -> _Parts:
    """A setting by steps; what only one of two unlike models knows belongs to the step "model"."""
    values: dict[str, object] = {}
    texts: dict[str, str] = {}
    for step, names in _FIELDS.items():
        found = {name: getattr(setting.rules, name) for name in names}
        values[step] = {name: dict(value) if isinstance(value, Mapping) else value for name, value in found.items()}
    direct, rest = _split(setting.rules)
    values["repeats"], texts["repeats"] = rest, _value_text(rest)
    values["direct"], texts["direct"] = (direct,), _value_text(direct)
    values["model"], texts["model"] = _nameless(setting.model), _model_text(setting.model)
    if alike:
        _take_model_apart(setting.model, direct, values, texts)
    return _Parts(values, texts)


def _take_model_apart(
    model: Model, direct: tuple[Transform, ...], values: dict[str, object], texts: dict[str, str]
) -> None:
    if isinstance(model, _Places):
        values["model"], values["two_touch"] = (model.first, model.last), model.two
        texts["two_touch"] = model.two
    elif isinstance(model, TimeDecay):
        values["model"], values["half_life"], values["decay_unit"] = "time decay", model.half_life, model.unit
        texts["half_life"], texts["decay_unit"] = _value_text(model.half_life), model.unit
    elif isinstance(model, _Last):
        channels = model.direct if isinstance(model, LastNonDirect) else ()
        values["model"], values["direct"] = "last", (direct, channels)
        texts["direct"] = "; ".join(text for text in (_value_text(direct), _model_text(model)) if text != UNDEFINED)


def _nameless(model: Model) -> object:
    """The model without its name, which makes no difference to its numbers."""
    named = is_dataclass(model) and any(field.name == "name" and field.init for field in fields(model))
    return replace(model, name="model") if named else model  # type: ignore[type-var]  # a dataclass


def _model_text(model: Model) -> str:
    found: Mapping[str, object] = getattr(model, "settings", {})
    shown = ", ".join(f"{name}={_value_text(value)}" for name, value in found.items())
    return f"{model.name} ({shown})" if shown else model.name


def _rules_texts(first: Rules, second: Rules, names: tuple[str, ...]) -> tuple[str, str]:
    """What both rules say where they differ; the name of a rule only where there are several in the step."""
    differing = [name for name in names if getattr(first, name) != getattr(second, name)]
    texts = []
    for rules in (first, second):
        words = [(name, _value_text(getattr(rules, name))) for name in differing]
        texts.append(", ".join(word if len(names) == 1 else f"{name}={word}" for name, word in words))
    return texts[0], texts[1]


def _value_text(value: object) -> str:
    if value is None or value == ():
        return UNDEFINED
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Mapping):
        return ", ".join(f"{key_text(key)} {_value_text(item)}" for key, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
