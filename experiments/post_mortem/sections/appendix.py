"""The appendix: definitions, formulas, methods, settings, fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attribution.core.render.display import DisplayColumn, DisplayTable
from experiments.post_mortem.sections.ground import Ground, made_section, sentences_of
from experiments.post_mortem.words import head, word

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section:
    """Definitions, methods, settings and fingerprints of every result."""
    evidence, invalid = ground.evidence, ground.invalid
    recipes = list(evidence.recipes().items())
    sentences = list(dict.fromkeys(sentence for _, recipe in recipes for sentence in sentences_of(recipe, invalid)))
    table = recipes_table(recipes)
    return made_section("appendix", word("appendix.answer"), tables=(table,), definitions=sentences)


def recipes_table(recipes: Sequence[tuple[str, Recipe]]) -> DisplayTable:
    """Method, settings and fingerprint of every result."""
    columns = tuple(DisplayColumn(head(name)) for name in ("result", "method", "settings", "fingerprint"))
    body = tuple(
        (word(f"result.{name}"), recipe.method, _settings(recipe.settings), recipe.fingerprint)
        for name, recipe in recipes
    )
    return DisplayTable(columns, body)


def _settings(settings: Mapping[str, object]) -> str:
    return "; ".join(f"{key} = {_setting(value)}" for key, value in sorted(settings.items()))


def _setting(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_setting(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_setting, value))
    return "–" if value is None or value == "" else str(value)
