"""The tree of errors and warnings.

A message always says, in this order: what is wrong, what was given, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ConservationError",
    "DesignError",
    "ExtraNeededError",
    "InputError",
    "PlanError",
    "TableError",
    "TableIssue",
    "WakeLiftError",
    "WakeLiftWarning",
    "closest",
]

_SHOWN_ISSUES = 20


class WakeLiftError(Exception):
    """Base of every error that this library raises on purpose."""


class WakeLiftWarning(UserWarning):
    """Base of every warning that this library issues."""


class InputError(WakeLiftError, ValueError):
    """A value that the caller passed is wrong."""


class DesignError(WakeLiftError, ValueError):
    """The question cannot be answered by this design, however the numbers fall.

    Attributes:
        code: Stable code of the reason, for example ``NO_HOLDOUT``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class ConservationError(WakeLiftError, ArithmeticError):
    """Something that must sum does not: an error of the library (or of a custom model), never of the data."""


class ExtraNeededError(WakeLiftError, ImportError):
    """An optional dependency is missing; the message names the extra to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableIssue:
    """One problem of one table.

    Attributes:
        code: Stable code, for example ``NULL_KEY``.
        table: Name of the table, for example ``"touches"``.
        column: The user's name of the column, or None when the problem is not in one column.
        count: Number of rows (or of columns, for missing columns) concerned.
        examples: At most five examples, as text.
        message: One sentence: what is wrong and what to do.
    """

    code: str
    table: str
    column: str | None
    count: int
    examples: tuple[str, ...] = ()
    message: str = ""

    def line(self) -> str:
        """The issue as one line of an error message."""
        place = self.table if self.column is None else f"{self.table}.{self.column}"
        shown = f" Examples: {', '.join(self.examples)}." if self.examples else ""
        text = self.message if self.message.endswith((".", "?")) else f"{self.message}."
        return f"[{self.code}] {place}: {text} ({self.count:,} affected.){shown}"


class TableError(InputError):
    """One or more tables are unusable; lists every problem at once.

    Attributes:
        issues: Every problem found, each a `TableIssue`.
    """

    def __init__(self, issues: Sequence[TableIssue]) -> None:
        self.issues: tuple[TableIssue, ...] = tuple(issues)
        lines = [issue.line() for issue in self.issues[:_SHOWN_ISSUES]]
        if len(self.issues) > _SHOWN_ISSUES:
            lines.append(f"... and {len(self.issues) - _SHOWN_ISSUES} more in .issues")
        count = len(self.issues)
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"{count} {noun} in the input:\n  " + "\n  ".join(lines))


class PlanError(InputError):
    """A plan file is unusable.

    Attributes:
        problems: Every problem as a ``(place, message)`` pair.
    """

    def __init__(self, problems: Iterable[tuple[str, str]], *, source: str = "plan") -> None:
        self.problems: tuple[tuple[str, str], ...] = tuple(problems)
        lines = "\n  ".join(f"{place}: {message}" for place, message in self.problems)
        count = len(self.problems)
        super().__init__(f"{count} {'problem' if count == 1 else 'problems'} in the {source}:\n  {lines}")


def closest(name: str, known: Iterable[str]) -> str:
    """A hint that ends an error message: the closest known name, or the list of known names."""
    names = sorted({str(item) for item in known})
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not match:  # the same in another case
        match = [item for item in names if item.strip().casefold() == name.strip().casefold()][:1]
    if match:
        return f"Did you mean {match[0]!r}?"
    if not names:
        return "There is none."
    listed = ", ".join(repr(item) for item in names[:10])
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"There are: {listed}{more}."
