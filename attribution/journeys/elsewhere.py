"""Tables that stay in their engine: what a plan knows of them without a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.journeys.plan import Journeys, Layout
    from attribution.rules import Rules

__all__ = ["Elsewhere", "PlanSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSize:
    """A plan in numbers.

    Attributes:
        persons: Persons with a counted conversion.
        conversions: Counted conversions.
        touches: Rows of the touches table.
        has_value: Whether the conversions have a value.
    """

    persons: int
    conversions: int
    touches: int
    has_value: bool


class Elsewhere(Protocol):
    """Checked tables in their engine."""

    @property
    def observed(self) -> tuple[int, int]:
        """First and last instant of observation, in microseconds since 1970-01-01 UTC."""
        ...  # pragma: no cover - a protocol has no body

    def size(self) -> PlanSize:
        """The plan in numbers."""
        ...  # pragma: no cover - a protocol has no body

    def findings(self, journeys: Journeys) -> tuple[Finding, ...]:
        """What is worth knowing about the two tables."""
        ...  # pragma: no cover - a protocol has no body

    def fingerprint(self) -> str:
        """What stands for the data in a recipe."""
        ...  # pragma: no cover - a protocol has no body

    def everything(self, rules: Rules) -> Layout:
        """All rows, brought into memory and laid out under some rules."""
        ...  # pragma: no cover - a protocol has no body

    def under(self, rules: Rules) -> Elsewhere:
        """The same tables under other rules."""
        ...  # pragma: no cover - a protocol has no body
