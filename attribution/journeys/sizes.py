"""A plan in numbers, also where its tables stay in their engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attribution.journeys.behind import behind

if TYPE_CHECKING:
    from attribution.journeys.plan import Journeys

__all__ = ["KnowsSize", "PlanSize", "plan_size"]


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


@runtime_checkable
class KnowsSize(Protocol):
    """Journeys that know their size without their rows."""

    def size(self) -> PlanSize:
        """The plan in numbers."""
        ...  # pragma: no cover - a protocol has no body


def plan_size(journeys: Journeys) -> PlanSize:
    """The size of a plan; no row is brought into memory for it."""
    if isinstance(journeys, KnowsSize):
        return journeys.size()
    elsewhere = behind(journeys)
    return PlanSize(
        persons=len(journeys.persons),
        conversions=len(journeys.counted),
        touches=journeys.touches.table.rows if elsewhere is None else elsewhere.rows,
        has_value=journeys.conversions.has_value,
    )
