"""Every key of a plan with its type, its default and its meaning, taken from the models themselves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from experiments.plan.wording import model_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["KeyMeaning", "SectionMeaning", "explain_markdown", "explain_text", "key_meanings"]

_NAMED = frozenset({"tables", "metrics", "guardrails"})
_LISTED = frozenset({"gate", "figure"})
# By language: the head of a table of keys, the sentence that lists the names of a section, and what parts them.
_WORDS = {
    "en": ("| key | type | default | meaning |", "`<name>` is one of {names}.", ", "),
    "zh": ("| 键 | 类型 | 默认 | 含义 |", "`<name>` 是 {names} 之一。", "、"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMeaning:
    """One key of a plan.

    Attributes:
        name: The key inside its section.
        kind: The type in plain words.
        default: The default as TOML; "required", or "absent" when leaving the key out has a meaning of its own.
        meaning: What the key says.
    """

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionMeaning:
    """One section of a plan.

    Attributes:
        heading: The section as TOML writes it, for example ``[tables.<name>]``.
        meaning: What the section is about.
        names: The allowed names of ``<name>``, where they are fixed.
        keys: Its keys, in order.
    """

    heading: str
    meaning: str
    names: tuple[str, ...]
    keys: tuple[KeyMeaning, ...]


def key_meanings() -> tuple[SectionMeaning, ...]:
    """Every section with its keys, in the order of a plan."""
    from experiments.plan.schema import Plan

    return tuple(_sections(Plan))


def _sections(plan: type[BaseModel]) -> Iterator[SectionMeaning]:
    from experiments.plan.files import TABLE_NAMES

    for name, field in plan.model_fields.items():
        model = model_inside(field.annotation)
        if model is None:  # every section has a model; a key without one would have no meaning to tell
            raise TypeError(f"section {name} has no model")
        heading = f"[[{name}]]" if name in _LISTED else f"[{name}.<name>]" if name in _NAMED else f"[{name}]"
        keys = tuple(_meaning(key, item) for key, item in model.model_fields.items())
        names = TABLE_NAMES if name == "tables" else ()
        yield SectionMeaning(heading=heading, meaning=(model.__doc__ or "").strip(), names=names, keys=keys)


def _meaning(name: str, field: FieldInfo) -> KeyMeaning:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kind, shown = str(extra.get("kind")), extra.get("shown")
    if field.is_required():
        default = "required"
    elif shown is not None:
        default = str(shown)
    else:
        value = field.get_default(call_default_factory=False)
        default = "absent" if value is None else json.dumps(value)
    return KeyMeaning(name=name, kind=kind, default=default, meaning=field.description or "")


def explain_text(*, lang: str = "en") -> str:
    """The key list for a terminal, in English or Chinese."""
    lines: list[str] = []
    for section in key_meanings():
        code = f"PLAN_KEY.{_bare(section.heading)}"
        lines += [section.heading, f"  {messages.text(f'{code}.section', lang=lang)}"]
        if section.names:
            lines.append(f"  <name>: {', '.join(section.names)}")
        for key in section.keys:
            lines.append(f"    {key.name}  ({_kind(key.kind, lang)}; {_default(key.default, lang)})")
            lines.append(f"        {messages.text(f'{code}.key_{key.name}', lang=lang)}")
        lines.append("")
    return "\n".join(lines)


def _bare(heading: str) -> str:
    """[tables.<name>] -> tables."""
    return heading.strip("[]").partition(".")[0]


def _kind(kind: str, lang: str) -> str:
    """The type in the language; values in quotes are what the plan must say and stay."""
    parts = re.split(r", | or ", kind)
    words = [part if part.startswith('"') else messages.text(f"PLAN_KIND.{part}", lang=lang) for part in parts]
    if len(words) == 1:
        return words[0]
    return messages.text("PLAN_WORD.or", {"most": ", ".join(words[:-1]), "last": words[-1]}, lang=lang)


def _default(default: str, lang: str) -> str:
    if default in {"required", "absent"}:
        return messages.text(f"PLAN_WORD.{default}", lang=lang)
    return f"{messages.text('PLAN_WORD.default', lang=lang)} {default}"


def explain_markdown(*, lang: str = "en") -> str:
    """The key list as Markdown tables, one section each, in English or Chinese: the reference of plan keys."""
    head, one_of, comma = _WORDS[lang]
    lines: list[str] = []
    for section in key_meanings():
        code = f"PLAN_KEY.{_bare(section.heading)}"
        lines += [f"## `{section.heading}`", "", messages.text(f"{code}.section", lang=lang), ""]
        if section.names:
            lines += [one_of.format(names=comma.join(f"`{name}`" for name in section.names)), ""]
        lines += [head, "|---|---|---|---|"]
        for key in section.keys:
            default = _default(key.default, lang) if key.default in {"required", "absent"} else f"`{key.default}`"
            meaning = messages.text(f"{code}.key_{key.name}", lang=lang)
            lines.append(f"| `{key.name}` | {_kind(key.kind, lang)} | {default} | {meaning} |")
        lines.append("")
    return "\n".join(lines)
