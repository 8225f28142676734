"""The difference of two reports: its rows and how it shows itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.core.formats import ValueKind

__all__ = ["Change", "Kind", "ReportDifference"]

Kind = Literal["changed", "appeared", "vanished"]

_AREAS = ("verdict", "gate", "figure", "finding", "plan", "data", "version")
# What may change without the report being another: the same numbers under newer libraries are the same report.
_SURROUNDINGS = frozenset({"data", "version"})
_FIELDS: tuple[tuple[str, ValueKind], ...] = (
    ("area", "text"), ("name", "text"), ("change", "text"), ("old", "text"), ("new", "text"), ("difference", "number"),
    ("relative_change", "number"), ("printed", "text"),
)  # fmt: skip
_SHOWN = 40
_VERSION = "1.0"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Change:
    """One thing that changed.

    Attributes:
        area: "figure", "verdict", "gate", "finding", "plan", "data" or "version".
        name: The stable name of what changed.
        change: "changed", "appeared" or "vanished".
        old: What it was, as text of 12 significant digits; an en dash where it was absent.
        new: What it is.
        difference: New minus old, for numbers.
        relative_change: The difference as a share of the old number; None where that is 0.
        printed: Whether it shows in the first four significant digits; words always show.
    """

    area: str
    name: str
    change: Kind
    old: str
    new: str
    difference: float | None = None
    relative_change: float | None = None
    printed: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ReportDifference(TabularResult):
    """What changed from one report to another.

    Attributes:
        old: Where the first report came from.
        new: Where the second came from.
        changes: Every change beyond rounding.
        rtol: Relative tolerance of numbers.
        atol: Absolute tolerance of numbers.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    rtol: float
    atol: float

    @property
    def same(self) -> bool:
        """Whether figures, verdict words, gates, findings and plan are the same, beyond rounding."""
        return not any(change.area not in _SURROUNDINGS for change in self.changes)

    @property
    def same_as_printed(self) -> bool:
        """Whether what is left of the changes does not show in the first four significant digits."""
        return not any(change.area not in _SURROUNDINGS and change.printed for change in self.changes)

    def of(self, area: str) -> tuple[Change, ...]:
        """The changes of one area, for example ``"verdict"``."""
        return tuple(change for change in self.changes if change.area == area)

    def to_json(self) -> str:
        """The difference as JSON: ``diff_version``, ``same``, ``same_as_printed``, tolerances, and the changes."""
        from experiments.report.json_text import plain

        content = {
            "diff_version": _VERSION,
            "same": self.same,
            "same_as_printed": self.same_as_printed,
            "rtol": self.rtol,
            "atol": self.atol,
            "changes": [{name: getattr(change, name) for name, _ in _FIELDS} for change in self.changes],
        }
        return json.dumps(plain(content), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"

    def _records(self) -> Records:
        fields = tuple(Field(name, kind) for name, kind in _FIELDS)
        rows = [{name: getattr(change, name) for name, _ in _FIELDS} for change in self.changes]
        return Records.from_rows(fields, [{**row, "printed": "yes" if row["printed"] else "no"} for row in rows])

    def _display(self) -> Display:
        blocks: list[DisplayTable | str] = [_text("rounding", rtol=f"{self.rtol:g}", atol=f"{self.atol:g}")]
        if self.same:
            blocks.append(_text("same_but" if self.changes else "same"))
        for area in _AREAS:
            changes = self.of(area)
            if changes:
                blocks.append(_table(area, changes))
        return Display(_text("title", old=self.old, new=self.new), tuple(blocks))


def _text(code: str, **values: object) -> str:
    return messages.text(f"REPORT.diff.{code}", values)


def _table(area: str, changes: Sequence[Change]) -> DisplayTable:
    """The changes of one area, the largest first where they are numbers; at most 40 of them, with a note."""
    numeric = any(change.difference is not None for change in changes)
    ordered = sorted(changes, key=_size, reverse=True) if numeric else list(changes)
    names = ["name", "change", "old", "new", *(["difference", "relative_change", "printed"] if numeric else [])]
    kinds: dict[str, ValueKind] = {"difference": "number", "relative_change": "rate"}
    columns = tuple(DisplayColumn(_text(f"col.{name}"), kinds.get(name, "text")) for name in names)
    rows = tuple(tuple(_cells(change, names)) for change in ordered[:_SHOWN])
    more = len(changes) - len(rows)
    title = _text(f"area.{area}", n=len(changes))
    return DisplayTable(columns, rows, title=title, notes=(_text("more", n=more),) if more else ())


def _size(change: Change) -> tuple[bool, bool, float]:
    """Figures of the core results before those of further tables; then what has no relative size, then the largest."""
    core = not change.name.startswith("table.")
    if change.relative_change is None:
        return core, True, abs(change.difference or 0.0)
    return core, False, abs(change.relative_change)


def _cells(change: Change, names: Sequence[str]) -> Iterator[object]:
    for name in names:
        value = getattr(change, name)
        if name == "change":
            yield _text(f"change.{value}")
        elif name == "printed":
            yield _text("yes" if value else "no")
        else:
            yield value
