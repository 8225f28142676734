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
_SHOWN_NAMES = 12  # all built-in models


class WakeLiftError(Exception):
    """Base of every error that this library raises on purpose.

    Example:
        >>> import attribution as at
        >>> try:
        ...     at.Rules(lookback="30")
        ... except at.WakeLiftError as error:
        ...     type(error).__name__
        'InputError'
    """


class WakeLiftWarning(UserWarning):
    """Base of every warning that this library issues.

    Example:
        >>> import warnings
        >>> import attribution as at
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", at.WakeLiftWarning)  # warnings of this library become errors
    """


class InputError(WakeLiftError, ValueError):
    """A value that the caller passed is wrong.

    Example:
        >>> import attribution as at
        >>> try:
        ...     at.Rules(reuse="often")
        ... except at.InputError as error:
        ...     "often" in str(error)
        True
    """


class DesignError(WakeLiftError, ValueError):
    """The question cannot be answered by this design, however the numbers fall.

    Attributes:
        code: Stable code of the reason, for example ``NO_HOLDOUT``.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=2_000, seed=7)
        >>> try:
        ...     ex.Experiment({"woken": ex.Rate("woken")}, control="nobody").analyze(c.outcomes)
        ... except ex.DesignError as error:
        ...     error.code
        'NO_HOLDOUT'
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class ConservationError(WakeLiftError, ArithmeticError):
    """Something that must sum does not: an error of the library (or of a custom model), never of the data.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["o1"]})
        >>> twice = at.CustomModel("twice", lambda j: [1.0] * len(j.channel))
        >>> try:
        ...     at.attribute(touches, conversions, models=[twice])
        ... except at.ConservationError as error:
        ...     "twice" in str(error)
        True
    """


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

    Example:
        >>> import attribution as at
        >>> issue = at.TableIssue(
        ...     code="NULL_KEY", table="touches", column="channel", count=2, examples=("row 3",), message="Fill it in."
        ... )
        >>> issue.line()
        '[NULL_KEY] touches.channel: Fill it in. (2 affected.) Examples: row 3.'
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

    Example:
        >>> import attribution as at, pandas as pd
        >>> touches = pd.DataFrame({"person": ["p1"], "channel": ["sms"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "conversion_id": ["o1"]})
        >>> try:
        ...     at.attribute(touches, conversions)
        ... except at.TableError as error:
        ...     sorted((issue.table, issue.column) for issue in error.issues)
        [('conversions', 'time'), ('touches', 'person_id'), ('touches', 'time')]
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

    Example:
        >>> import experiments as ex
        >>> try:
        ...     ex.Plan.from_dict({"campaign": {"name": "Q4"}})
        ... except ex.PlanError as error:
        ...     [place for place, message in error.problems]
        ['campaign.as_of']
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
    listed = ", ".join(repr(item) for item in names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"There are: {listed}{more}."
