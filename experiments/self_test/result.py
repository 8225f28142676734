"""The result of the self test: its rows, how it shows itself, and its JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import WakeLiftError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable
from experiments.self_test.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from experiments.self_test.reading import Value

__all__ = ["Reading", "SelfTest"]

_FIELDS = (
    Field("part", "text"), Field("example", "text"), Field("what", "text"), Field("short_source", "text"),
    Field("source", "text"), Field("expected", "text"), Field("got", "text"), Field("difference", "number"),
    Field("tolerance", "number"), Field("outcome", "text"),
)  # fmt: skip
_PARTS = ("published", "figures", "machine")
_VERSION = "1.0"
_DIGITS = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SelfTest(TabularResult):
    """What the self test computed anew.

    Attributes:
        readings: Every number: part, example, what, source, expected, got, tolerance, outcome.
        machine: Operating system, processor, Python, and the versions of the libraries.
        findings: ``SELFTEST`` (pass or fail), ``SELFTEST_NOT_INSTALLED``, ``NO_CHINESE_FONT``.
        recipe: How it was made.
    """

    readings: tuple[Reading, ...]
    machine: Mapping[str, str]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def total(self) -> int:
        """How many numbers were computed; what is not installed is not counted."""
        return sum(reading.outcome != "SKIPPED" for reading in self.readings)

    @property
    def reproduced(self) -> int:
        """How many of them agree."""
        return sum(reading.outcome == "OK" for reading in self.readings)

    @property
    def passed(self) -> bool:
        """Whether all of them agree."""
        return self.reproduced == self.total

    @property
    def differing(self) -> tuple[Reading, ...]:
        """The numbers that do not agree."""
        return tuple(reading for reading in self.readings if reading.outcome == "DIFFERS")

    def assert_ok(self) -> None:
        """Raise when a number does not agree.

        Raises:
            WakeLiftError: With the first of them.
        """
        if self.differing:
            first = self.differing[0]
            raise WakeLiftError(
                f"the self test does not reproduce {len(self.differing)} of {self.total} numbers; the first is "
                f"{first.what} ({first.short}): expected {_shown(first.expected)}, got {_shown(first.got)}, tolerance "
                f"{first.tolerance:g}. Compare the versions of the libraries with those of `wakelift selftest` on "
                "another machine, and report it with `wakelift selftest --json FILE`."
            )

    def to_json(self) -> str:
        """Everything as JSON: ``selftest_version``, ``passed``, ``reproduced``, ``total``, ``machine``, ``numbers``."""
        numbers = [
            {
                "part": reading.part, "example": reading.example, "what": reading.what, "source": reading.source,
                "expected": reading.expected, "got": reading.got, "difference": reading.difference,
                "tolerance": reading.tolerance, "outcome": reading.outcome,
            }
            for reading in self.readings
        ]  # fmt: skip
        content = {
            "selftest_version": _VERSION, "passed": self.passed, "reproduced": self.reproduced, "total": self.total,
            "machine": dict(self.machine), "numbers": numbers,
        }  # fmt: skip
        return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def every_number(self) -> str:
        """The table with a row for every number, as text; what is printed holds a row per example."""
        from attribution.core.render.display import to_text

        return to_text(Display(_text("title"), (*self._tables(_row_each), *self._tail())))

    def _records(self) -> Records:
        rows = [
            {
                "part": reading.part, "example": reading.example, "what": reading.what, "short_source": reading.short,
                "source": reading.source, "expected": _shown(reading.expected), "got": _shown(reading.got),
                "difference": reading.difference, "tolerance": reading.tolerance, "outcome": reading.outcome,
            }
            for reading in self.readings
        ]  # fmt: skip
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        return Display(_text("title"), (*self._tables(_row_per_example), *self._differing_table(), *self._tail()))

    def _tables(self, rows_of: _Rows) -> Iterator[DisplayTable]:
        for part in _PARTS:
            readings = [reading for reading in self.readings if reading.part == part]
            if readings:
                yield _table(_text(f"part.{part}"), list(rows_of(readings)))

    def _differing_table(self) -> Iterator[DisplayTable]:
        if self.differing:
            yield _table(_text("differing"), list(_row_each(self.differing[:20])))

    def _tail(self) -> Iterator[str]:
        yield from self.recipe.sentences()
        yield from (finding.text() for finding in self.findings if finding.code != "SELFTEST")
        yield _text("machine", listing=", ".join(f"{name} {value}" for name, value in self.machine.items()))
        yield _text("count", reproduced=self.reproduced, total=self.total)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Rows = Callable[[Sequence[Reading]], Iterator[tuple[object, ...]]]


def _text(code: str, **values: object) -> str:
    return messages.text(f"SELFTEST.{code}", values)


def _table(title: str, rows: Sequence[tuple[object, ...]]) -> DisplayTable:
    kinds: tuple[tuple[str, ValueKind], ...] = (
        ("what", "text"), ("source", "text"), ("numbers", "text"), ("expected", "text"), ("got", "text"),
        ("difference", "text"), ("tolerance", "text"), ("outcome", "text"),
    )  # fmt: skip
    columns = tuple(DisplayColumn(_text(f"col.{name}"), kind) for name, kind in kinds)
    return DisplayTable(columns, tuple(rows), title=title)


def _row_per_example(readings: Sequence[Reading]) -> Iterator[tuple[object, ...]]:
    """A row per example, with the number of it that is nearest to its tolerance, or beyond it."""
    for name, group in groupby(readings, key=lambda reading: reading.example):
        listed = list(group)
        worst = max(listed, key=lambda reading: reading.strain)
        agree = sum(reading.outcome == "OK" for reading in listed)
        outcome = "DIFFERS" if any(reading.outcome == "DIFFERS" for reading in listed) else worst.outcome
        numbers = "-" if outcome == "SKIPPED" else f"{agree}/{len(listed)}"
        yield (_titled(name), worst.short, numbers, *_compared(worst), outcome)


def _row_each(readings: Sequence[Reading]) -> Iterator[tuple[object, ...]]:
    for reading in readings:
        yield (reading.what, reading.short, "1", *_compared(reading), reading.outcome)


def _titled(name: str) -> str:
    code = f"SELFTEST.example.{name}"
    return messages.text(code) if messages.has(code) else _text("example.vendor", name=name.replace("_", " "))


def _compared(reading: Reading) -> tuple[str, str, str, str]:
    difference = reading.difference
    gap = "-" if difference is None else f"{difference:.1g}"
    return _shown(reading.expected, 6), _shown(reading.got, 6), gap, f"{reading.tolerance:.1g}"


def _shown(value: Value, digits: int = _DIGITS) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.{digits}g}"
