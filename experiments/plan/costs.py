"""What a woken customer may cost, how a budget is spent, and which verdicts and figures are declared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Level, Number, Section, Text, key

__all__ = ["BudgetPlan", "CostsPlan", "FigurePlan", "GatePlan", "WavesPlan"]

Word = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class CostsPlan(Section):
    """What one woken customer may cost."""

    thresholds: Annotated[tuple[float, ...] | dict[str, tuple[float, ...]], PlainValidator(spelling.thresholds)] = key(
        "What one woken customer may cost: a list, or a table segment -> list.",
        kind="list of numbers or table of lists",
    )
    relevant_net: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = key(
        "The smallest net benefit per person worth knowing about; with it an INCONCLUSIVE verdict says how many "
        "persons would decide.",
        kind="number",
        default=None,
    )
    side: Literal["two", "greater", "less"] = key(
        "Two-sided verdicts, or one-sided ones.", kind='"two", "greater" or "less"', default="two"
    )
    variance: Literal["score", "plugin"] = key(
        '"plugin" only to reconcile with other tools: it says PASS too often at small holdouts.',
        kind='"score" or "plugin"',
        default="score",
    )
    by: Annotated[str | tuple[str, ...] | None, PlainValidator(spelling.text_or_list)] = key(
        "Column (or columns) of the segments, for verdicts by segment. Segments of several columns are named "
        '"first · second".',
        kind="text or list of texts",
        default=None,
    )
    acquisition: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = key(
        "What a new customer costs; shown beside the cost per incremental wake-up, never subtracted.",
        kind="number",
        default=None,
    )
    values: Annotated[dict[str, float], PlainValidator(spelling.amounts_by_name)] | None = key(
        "Segment -> what a woken customer of it is worth (margin to come), shown beside the threshold; it decides "
        "nothing.",
        kind="table of numbers",
        default=None,
    )


class WavesPlan(Section):
    """Marginal costs wave by wave; needs experiment.wave."""

    planned: Annotated[int, Field(ge=1, le=10_000)] | None = key(
        "How many waves were planned; a stop before the last one is a decision, later waves are not.",
        kind="whole number",
        default=None,
    )
    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = key(
        "What one more woken customer may cost; absent: the leading threshold of the report.",
        kind="number",
        default=None,
    )


class BudgetPlan(Section):
    """How a budget is best spread over the segments of costs.by."""

    amount: Annotated[float, Field(gt=0, allow_inf_nan=False)] = key("The money to spend.", kind="number")
    persons: Annotated[dict[str, int], PlainValidator(spelling.counts_by_name)] | None = key(
        "Segment -> persons that could be contacted; absent: those of this campaign.",
        kind="table of whole numbers",
        default=None,
    )


class GatePlan(Section):
    """A declared decision: `wakelift check` fails when the verdict is another."""

    arm: Text = key("The treated arm.", kind="text")
    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key("One of costs.thresholds.", kind="number")
    expect: Word = key("The verdict that must come out.", kind='"PASS", "FAIL" or "INCONCLUSIVE"')
    control: Text | None = key(
        "The arm it is compared with; absent: the one before it in experiment.order, else the control.",
        kind="text",
        default=None,
    )
    segment: Text | None = key("The segment, when costs.by is declared; absent: everybody.", kind="text", default=None)
    side: Literal["two", "greater", "less"] | None = key(
        'How the gate is asked: "two"; "greater" (only: does it pay?) or "less" put all of the error on that side. '
        "Absent: costs.side.",
        kind='"two", "greater" or "less"',
        default=None,
    )
    level: Level | None = key(
        "Confidence level of this gate; absent: experiment.level.", kind="number between 0 and 1", default=None
    )


class FigurePlan(Section):
    """A declared figure: `wakelift check` fails when the report's number differs by more than the tolerance."""

    name: Text = key('Name of a figure of the report, for example "effect.woken.sms.difference".', kind="text")
    value: Number = key("The number that must come out.", kind="number")
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        "The largest absolute difference that is accepted.", kind="number", default=0.0
    )
