"""The mechanism of message catalogues: text by code and language, with formatted values.

Each package owns its catalogues as data: ``<package>/messages/<topic>.<lang>.toml``, flat ``CODE = "sentence"`` tables.
A placeholder names its kind: ``{share:rate}``, ``{n:count}``, ``{cost:money}``; a bare ``{name}`` is text.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from attribution.core.errors import WakeLiftError
from attribution.core.language import LANGUAGES, Language, check_language, current_language

__all__ = ["catalogue", "has", "placeholders", "register", "text"]

_packages: list[str] = ["attribution"]
# Chinese characters and full-width punctuation bring their own room: a space belongs beside Latin letters and digits,
# none between two wide characters. Sentences are written with a space around each value: most values are numbers.
_WIDE = (
    "\u2018\u2019\u201c\u201d\u2026\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # quotation marks, punctuation, characters
    "\uf900-\ufaff\uff01-\uff65\U00020000-\U0003ffff"  # compatible and rare characters, full-width forms
)
_SPACE_BEFORE = re.compile(rf" [{_WIDE}]")
_SPACE_BEHIND = re.compile(rf"[{_WIDE}] \Z")
_WIDE_CHARACTER = re.compile(rf"[{_WIDE}]")


def register(package: str) -> None:
    """Let the catalogues under ``<package>/messages`` be found."""
    if package not in _packages:
        _packages.append(package)
        catalogue.cache_clear()


@cache
def catalogue(lang: Language) -> Mapping[str, str]:
    """Every message of every registered package in one language."""
    merged: dict[str, str] = {}
    for package in _packages:
        folder = files(package) / "messages"
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.name.endswith(f".{lang}.toml"):
                for code, sentence in _flat(tomllib.loads(entry.read_text(encoding="utf-8"))).items():
                    if code in merged:
                        raise WakeLiftError(f"message {code} is defined twice ({package}, {entry.name})")
                    merged[code] = sentence
    return merged


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested TOML tables as dotted codes."""
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = str(value)
    return flat


def has(code: str) -> bool:
    """Whether any catalogue holds the code."""
    return any(code in catalogue(lang) for lang in LANGUAGES)


def text(code: str, values: Mapping[str, object] | None = None, *, lang: str | None = None) -> str:
    """The sentence for a code, with its values filled in.

    A code without a sentence is an error of ours, so it is loud.
    """
    chosen = current_language() if lang is None else check_language(lang)
    sentence = catalogue(chosen).get(code)
    if sentence is None:
        raise WakeLiftError(f"no {chosen} message for code {code!r}")
    given = dict(values or {})
    return _ValueFormatter(chosen).sentence(_named_groups(sentence, given), given)


def _named_groups(sentence: str, values: Mapping[str, object]) -> str:
    """The sentence without the word for arm, 组, behind an arm whose own name ends with it: 活动组, not 活动组 组."""
    for name, value in values.items():
        if isinstance(value, str) and value.endswith("组"):
            sentence = re.sub(rf"(\{{{name}(?::text)?\}}) 组", r"\1", sentence)
    return sentence


def placeholders(sentence: str) -> set[tuple[str, str]]:
    """The (name, kind) pairs that a sentence uses."""
    parsed = string.Formatter().parse(sentence)
    return {(name, spec or "") for _, name, spec, _ in parsed if name is not None}


def _begins_wide(value: str) -> bool:
    return _WIDE_CHARACTER.match(value) is not None


def _ends_wide(value: str) -> bool:
    return _WIDE_CHARACTER.match(value[-1:]) is not None


class _ValueFormatter(string.Formatter):
    """Formats ``{name:kind}`` through core.formats; never evaluates attributes or indexes."""

    def __init__(self, lang: Language) -> None:
        self._lang = lang

    def sentence(self, pattern: str, values: Mapping[str, object]) -> str:
        """The pattern with its values; in Chinese without the pattern's own spaces that part two wide characters."""
        if self._lang != "zh":
            return self.vformat(pattern, (), values)
        pieces: list[str] = []
        value = ""
        for literal, name, spec, _ in self.parse(pattern):
            words = literal[1:] if _SPACE_BEFORE.match(literal) and _ends_wide(value) else literal
            value = "" if name is None else str(self.format_field(self.get_field(name, (), values)[0], spec or ""))
            pieces += [words[:-1] if _SPACE_BEHIND.search(words) and _begins_wide(value) else words, value]
        return "".join(pieces)

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> tuple[object, str]:
        del args  # placeholders are named
        if field_name not in kwargs:
            raise WakeLiftError(f"message value {field_name!r} is missing")
        return kwargs[field_name], field_name

    def format_field(self, value: object, format_spec: str) -> str:
        from attribution.core.formats import format_value

        return format_value(value, format_spec or "text", lang=self._lang)
