"""Writing a plan file: the keys of a mapping, each section with its meaning as a comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tomlkit.items import Item, Table

__all__ = ["plan_text"]

_LONGEST = 600  # characters of a comment
_NAMED = frozenset({"tables", "metrics", "guardrails"})
_INLINE = frozenset({"columns", "lookback", "shares", "thresholds", "caps", "weights", "planned", "values", "persons"})


def plan_text(
    mapping: Mapping[str, Any],
    *,
    header: str = "",
    comments: Mapping[str, str] | None = None,
    lines: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """A plan as TOML text with comments.

    Args:
        mapping: The keys of the plan.
        header: Lines of comment at the top.
        comments: Place ("experiment.control") -> comment behind its value.
        lines: Section ("experiment", or "" for the end of the plan) -> lines of comment in it.
    """
    import tomlkit

    from experiments.plan.schema import Plan

    said, beside = dict(comments or {}), dict(lines or {})
    document = tomlkit.document()
    for line in header.splitlines():
        document.add(tomlkit.comment(_line(line)) if line else tomlkit.nl())
    for section, value in mapping.items():
        if section not in Plan.model_fields:
            continue
        document.add(tomlkit.nl())
        if isinstance(value, Mapping):
            document.add(section, _table(value, section, said, beside))
        else:
            tables = tomlkit.aot()
            for number, item in enumerate(value, start=1):
                tables.append(_table(item, f"{section}[{number}]", said, beside))
            document.add(section, tables)
    text = tomlkit.dumps(document).lstrip("\n")
    last = [f"# {_line(line)}".rstrip() if line else "" for line in beside.get("", ())]
    return text if not last else "\n".join([text.rstrip("\n"), "", *last]).rstrip("\n") + "\n"


def _table(
    mapping: Mapping[str, Any], place: str, comments: Mapping[str, str], lines: Mapping[str, Sequence[str]]
) -> Table:
    import tomlkit

    # Sections that hold only sections ([tables], [metrics]) need no heading of their own.
    only_sections = bool(mapping) and all(_is_section(f"{place}.{key}", item) for key, item in mapping.items())
    table = tomlkit.table(is_super_table=only_sections)
    plain = [key for key, item in mapping.items() if not _is_section(f"{place}.{key}", item)]
    for key in plain:
        item = _item(mapping[key])
        if f"{place}.{key}" in comments:
            item.comment(_line(comments[f"{place}.{key}"]))
        table.add(key, item)
    for line in lines.get(place, ()):  # before the sections inside, to which they would belong else
        table.add(tomlkit.comment(_line(line)))
    for key in mapping:
        if key not in plain:
            table.add(key, _table(mapping[key], f"{place}.{key}", comments, lines))
    return table


def _line(text: str) -> str:
    """A comment on one line, whatever names of the user's data it holds: a line break would begin a key."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."


def _is_section(place: str, value: object) -> bool:
    """Whether a mapping is written as a section of its own; columns, lookbacks and the like stay on one line."""
    parts = place.split(".")
    named = len(parts) == 2 and parts[0] in _NAMED  # a table or metric may have the name of such a key
    return isinstance(value, Mapping) and (named or parts[-1] not in _INLINE)


def _item(value: object) -> Item:
    import tomlkit

    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, item in value.items():
            inline.append(str(key), _item(item))
        return inline
    if isinstance(value, Sequence) and not isinstance(value, str):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item))
        return array
    return tomlkit.item(value)
