"""What is suspicious in the tables: nothing of it is an error, and nothing is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.journeys.aliases import channel_aliases
from attribution.journeys.day_times import day_times
from attribution.journeys.repeats import near_duplicates, repeated_touches
from attribution.journeys.spelling import other_spellings
from attribution.journeys.strangers import strangers

if TYPE_CHECKING:
    from attribution.conversions import Conversions
    from attribution.core.findings import Finding
    from attribution.customers import Customers
    from attribution.journeys.plan import Journeys
    from attribution.touches import Touches

__all__ = ["suspicions", "table_suspicions"]


def suspicions(journeys: Journeys) -> tuple[Finding, ...]:
    """What is suspicious in the tables of a plan."""
    return table_suspicions(journeys.touches, journeys.conversions, journeys.customers)


def table_suspicions(
    touches: Touches | None, conversions: Conversions | None, customers: Customers | None
) -> tuple[Finding, ...]:
    """What is suspicious in those tables that could be read; none of the checks needs them joined."""
    found: list[Finding] = []
    if conversions is not None:
        found += near_duplicates(conversions)
        found += day_times(conversions.table, conversions.time, touches=False)
    if touches is not None:
        found += repeated_touches(touches)
        found += channel_aliases(touches.channel)
        found += day_times(touches.table, touches.time, touches=True)
    touched = None if touches is None else touches.person
    converted = None if conversions is None else conversions.person
    return (*found, *other_spellings(touched, converted), *strangers(customers, touched, converted))
