"""Who is dormant, who leaves and comes back, and whether the woken stay: sections of a plan."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Duration, Section, key

__all__ = ["DurabilityPlan", "PopulationPlan"]


class PopulationPlan(Section):
    """Who counts as dormant and as lost, and what is told of the customers' own activity; needs [tables.events]."""

    dormant_after: Duration = key("Silent so long: dormant.", kind="duration", default="180d")
    churned_after: Duration = key("Silent so long: lost.", kind="duration", default="720d")
    horizon: Duration = key("Within which time a return counts in the dormancy curve.", kind="duration", default="180d")
    flows_from: Annotated[date, PlainValidator(spelling.as_of_date)] | None = key(
        "First day of the customer flows (new, woken, dormant, lost); absent: none are told.", kind="date", default=None
    )
    flows_to: Annotated[date, PlainValidator(spelling.as_of_date)] | None = key(
        "Last day of the customer flows; absent: campaign.as_of.", kind="date", default=None
    )
    retention_period: Duration = key("Length of one period of the retention table.", kind="duration", default="30d")
    retention_periods: Annotated[int, Field(ge=1, le=60)] = key(
        "How many periods the retention table shows.", kind="whole number", default=6
    )
    purchases_up_to: Annotated[int, Field(ge=2, le=200)] = key(
        "Up to which purchase the chance of none after it is told.", kind="whole number", default=20
    )


class DurabilityPlan(Section):
    """Whether the woken stay active."""

    days: Annotated[tuple[int, ...], PlainValidator(spelling.day_list)] = key(
        "Days after the assignment at which the effect is read again, ascending.",
        kind="list of whole numbers",
        default=(28, 60, 90),
    )
    activity: Duration = key(
        "A person is active on a day with an event in this time before it.", kind="duration", default="30d"
    )
