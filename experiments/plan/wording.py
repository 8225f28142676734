"""What pydantic reports, in plain words with the place as the plan spells it."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from attribution.core.errors import closest
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError

__all__ = ["model_inside", "place_of", "problems_of"]

_PLAIN = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number without quotes",
    "bool_type": "must be true or false, without quotes",
    "finite_number": "must be a finite number",
    "model_type": "must be a section with keys",
    "dict_type": "must be a section with keys",
    "tuple_type": 'must be a list such as ["a", "b"]',
    "too_short": "must not be empty",
}
_BOUNDS = {
    "greater_than": ("gt", "must be greater than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Every problem as (place, message), in the order of the plan's keys."""
    listed = error.errors(include_url=False)
    return list(dict.fromkeys((place_of(item["loc"]), _message(dict(item), model)) for item in listed))


def place_of(loc: tuple[int | str, ...]) -> str:
    """A place as the plan spells it: experiment.control, gate[1].arm (the first gate is 1)."""
    place = ""
    for part in loc:
        if part == "[key]":
            continue
        if isinstance(part, int):
            place += f"[{part + 1}]"
        else:
            name = part if len(part) <= 60 and part.isprintable() else shown(part)
            place += f".{name}" if place else name
    return place


def _message(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, loc, value, context = item["type"], item["loc"], item["input"], item.get("ctx", {})
    if kind == "missing":
        return f"is missing. {_meaning(model, loc)}".strip()
    if kind == "extra_forbidden":
        section = place_of(tuple(part for part in loc[:-1] if not isinstance(part, int)))
        inside = f"[{section}]" if section else "the plan"
        return f"is not a key of {inside}. {closest(str(loc[-1])[:200], _keys(model, loc[:-1]))}"
    if kind == "literal_error":
        return _choice(str(context["expected"]), value, is_key=loc[-1] == "[key]")
    if kind == "value_error":
        return str(context["error"])
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {context[name]:g}, got {shown(value)}."
    words = _PLAIN.get(kind, item["msg"].lower())
    return f"{words}, got {shown(value)}."


def _choice(expected: str, value: object, *, is_key: bool) -> str:
    allowed = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]
    hint = closest(value, allowed) if isinstance(value, str) and len(value) < 200 else ""
    named = (
        "is not a table of a plan."
        if is_key
        else f"must be one of {', '.join(map(shown, allowed))}, got {shown(value)}."
    )
    return f"{named} {hint if is_key or hint.startswith('Did') else ''}".strip()


def _meaning(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    inside = _at(model, loc[:-1])
    field = inside.model_fields.get(str(loc[-1])) if inside is not None else None
    if field is None:
        return ""
    if field.description:
        return field.description
    section = model_inside(field.annotation)
    return f"Add the section [{loc[-1]}]." if section else ""


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    inside = _at(model, loc)
    return [] if inside is None else list(inside.model_fields)


def _at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that stands at a place; names inside a mapping and positions in a list lead to their model."""
    found: type[BaseModel] | None = model
    for part in loc:
        field = found.model_fields.get(part) if found is not None and isinstance(part, str) else None
        if field is not None:
            found = model_inside(field.annotation)
    return found


def model_inside(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds: itself, optional, the values of a mapping, the items of a tuple."""
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return annotation
    origin = get_origin(annotation)
    if origin in (Annotated, dict, tuple, Union, types.UnionType):
        arguments = get_args(annotation)
        for argument in arguments[:1] if origin is Annotated else arguments:
            inside = model_inside(argument)
            if inside is not None:
                return inside
    return None
