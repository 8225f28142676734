"""What the sections of a plan are made of: the strict base and the kinds of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from attribution.core.columns import Columns
from experiments.plan import spelling

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Duration", "FilePath", "Level", "Names", "Number", "Section", "Text", "key", "listed", "role_names"]

Text = Annotated[str, PlainValidator(spelling.plain_text)]
FilePath = Annotated[str, PlainValidator(spelling.file_path)]
Duration = Annotated[str, PlainValidator(spelling.duration)]
Names = Annotated[tuple[str, ...], PlainValidator(spelling.name_list)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Level = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


def listed(value: object) -> object:
    """A list of TOML as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def role_names(value: Mapping[str, str]) -> dict[str, str]:
    """The roles of columns, none of them unknown."""
    known = {role for role in Columns.__dataclass_fields__ if role not in ("timezone", "precision")}
    for role in value:
        if role not in known:
            from attribution.core.errors import closest

            raise ValueError(f"{spelling.shown(role)} is not a role of a column. {closest(role, known)}")
    return dict(value)


def key(meaning: str, *, kind: str, default: Any = ..., shown: str | None = None) -> Any:
    """A key with what `wakelift init --explain` says about it."""
    extra: dict[str, Any] = {"kind": kind, "shown": shown}
    if callable(default) or isinstance(default, dict):
        made = default if callable(default) else default.copy
        return Field(default_factory=made, description=meaning, json_schema_extra=extra)
    return Field(default=default, description=meaning, json_schema_extra=extra)


class Section(BaseModel):
    """A section of a plan: frozen, strict, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
