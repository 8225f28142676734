"""What a preset holds: rules, models, where they are documented, and what is not reproduced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table

if TYPE_CHECKING:
    from attribution.models.protocol import Model
    from attribution.rules import Rules

__all__ = ["Source", "VendorPreset"]

_FIELDS = (Field("part", "text"), Field("text", "text"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a rule is documented.

    Attributes:
        url: Address of the page or file.
        title: Its title.
        read: The day it was read, as "2026-11-22".
    """

    url: str
    title: str
    read: str


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class VendorPreset(TabularResult):
    """The rules and models of another tool, as documented on a day.

    Attributes:
        name: Name of the preset.
        tool: Name of the tool.
        rules: Which touches are eligible.
        models: The tool's models that have one exact meaning.
        sources: The documentation that was read.
        as_documented_on: The day; tools change.
        gaps: Codes of what is open in the documentation, or cannot be reproduced.
    """

    name: str
    tool: str
    rules: Rules
    models: tuple[Model, ...]
    sources: tuple[Source, ...]
    as_documented_on: str
    gaps: tuple[str, ...]

    @property
    def not_reproduced(self) -> tuple[str, ...]:
        """What the documentation leaves open and what cannot be reproduced, in words of the current language."""
        return tuple(messages.text(f"PRESET.GAP.{code}") for code in self.gaps)

    def _records(self) -> Records:
        parts = [("rules", self.rules.text())]
        parts += [("model", _definition(model)) for model in self.models]
        parts += [("source", f"{source.title}, {source.url} ({source.read})") for source in self.sources]
        parts += [("not_reproduced", text) for text in self.not_reproduced]
        columns = tuple(list(column) for column in zip(*parts, strict=True))
        return Records(_FIELDS, columns)

    def _display(self) -> Display:
        title = messages.text("PRESET.TITLE", {"tool": self.tool, "day": self.as_documented_on})
        records = self._records()
        shown = [messages.text(f"PRESET.PART.{part}") for part in records.columns[0]]
        return Display(title, (records_table(Records(_FIELDS, (shown, records.columns[1]))),))


def _definition(model: Model) -> str:
    return messages.text(f"DEFINITION.{getattr(model, 'definition', '')}", getattr(model, "settings", {}))
