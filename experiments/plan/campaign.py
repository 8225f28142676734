"""What the campaign is, how its report is written, and who signs it: sections of a plan."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Section, Text, key

__all__ = ["CampaignPlan", "ReportPlan", "SignoffPlan"]


class CampaignPlan(Section):
    """What the campaign is."""

    name: Text = key("Name of the campaign; the title of the report.", kind="text")
    population: Text | None = key("Who was eligible, in one sentence.", kind="text", default=None)
    as_of: Annotated[date, PlainValidator(spelling.as_of_date)] = key(
        "Date of the data. A person counts when the whole outcome window lies before it.", kind="date"
    )


class ReportPlan(Section):
    """How the report is written."""

    language: Literal["en", "zh"] = key("Language of the report.", kind='"en" or "zh"', default="en")
    min_cell: Annotated[int, Field(ge=1, le=10**9)] = key(
        "Cells with fewer persons are not shown.", kind="whole number", default=10
    )


class SignoffPlan(Section):
    """Who answers for the analysis: printed in the model-risk pack, signed by hand."""

    owner: Text | None = key("Who owns the method and its use.", kind="text", default=None)
    author: Text | None = key("Who made the analysis.", kind="text", default=None)
    reviewer: Text | None = key(
        "Who checked it independently; somebody else than the author.", kind="text", default=None
    )
    approver: Text | None = key("Who approves its use; somebody else than the author.", kind="text", default=None)
    reviewed_on: Annotated[date, PlainValidator(spelling.as_of_date)] | None = key(
        "Day of the review; absent: not reviewed yet.", kind="date", default=None
    )
    approved_on: Annotated[date, PlainValidator(spelling.as_of_date)] | None = key(
        "Day of the approval; absent: not approved yet.", kind="date", default=None
    )
    limits: Annotated[str, PlainValidator(spelling.long_text)] | None = key(
        "Known limits of use, in your own words.", kind="text", default=None
    )
