"""One number of the self test: what was expected, what came out, and whether the two agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Outcome", "Reading", "Value", "compared", "guarded", "skipped", "told"]

Outcome = Literal["OK", "DIFFERS", "SKIPPED"]
Value = float | str | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """One number that was computed anew.

    Attributes:
        part: "published", "figures" or "machine".
        example: Stable name of the example that the number belongs to.
        what: The call that gives the number, or the name of a figure.
        short: The source in a few words.
        source: The source in full.
        expected: The published or frozen number, or a word.
        got: What came out here; the error's text when nothing did.
        tolerance: Largest difference that counts as agreement.
        outcome: "OK", "DIFFERS", or "SKIPPED" for what this machine has not installed.
    """

    part: str
    example: str
    what: str
    short: str
    source: str
    expected: Value
    got: Value
    tolerance: float
    outcome: Outcome

    @property
    def difference(self) -> float | None:
        """Got minus expected, for two numbers."""
        if isinstance(self.expected, str) or isinstance(self.got, str) or self.expected is None or self.got is None:
            return None
        return 0.0 if self.got == self.expected else self.got - self.expected

    @property
    def strain(self) -> float:
        """The difference as a share of the tolerance: 1 is the edge; infinite where the two are not comparable."""
        if self.difference is None:
            return 0.0 if self.outcome == "OK" else math.inf
        if self.difference == 0:
            return 0.0
        return abs(self.difference) / self.tolerance if self.tolerance > 0 else math.inf


def compared(expected: Value, got: Value, tolerance: float) -> Outcome:
    """Whether two numbers agree within a tolerance, or two words are the same."""
    numbers = not isinstance(expected, str) and not isinstance(got, str) and expected is not None and got is not None
    if numbers and expected != got:
        return "OK" if abs(float(got or 0) - float(expected or 0)) <= tolerance * (1 + 1e-9) else "DIFFERS"
    return "OK" if expected == got else "DIFFERS"


def skipped(part: str, example: str, *, what: str, short: str, why: str) -> Reading:
    """The reading of something that is not installed here."""
    return Reading(
        part=part, example=example, what=what, short=short, source=short, expected=None, got=why, tolerance=0.0,
        outcome="SKIPPED",
    )  # fmt: skip


def told(error: Exception) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def guarded(part: str, example: str, short: str, readings: Callable[[], Iterable[Reading]]) -> Iterator[Reading]:
    """The readings of an example, with one that differs where an error ends it."""
    try:
        yield from readings()
    except Exception as error:  # noqa: BLE001 -- whatever stops an example is what this test is there to tell
        yield Reading(
            part=part, example=example, what=example, short=short, source=short, expected="an answer", got=told(error),
            tolerance=0.0, outcome="DIFFERS",
        )  # fmt: skip
