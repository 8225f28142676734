"""How persons were assigned, and the logs of looks while the experiment ran: sections of a plan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Duration, FilePath, Level, Names, Section, Text, key

__all__ = ["ExperimentPlan", "LooksPlan", "MonitorPlan"]

Correction = Literal["holm", "bonferroni", "hochberg", "hommel", "bh", "by", "dunnett", "none"]


class ExperimentPlan(Section):
    """How persons were assigned, and when their outcome is known."""

    randomised: bool = key(
        "true when arms were assigned at random: an attestation, never guessed. Absent or false: the report gives no "
        "verdict (NO_HOLDOUT).",
        kind="true or false",
        default=False,
    )
    who: Annotated[str, PlainValidator(spelling.attested)] | None = key(
        "Who attests it: who drew the assignment.", kind="text", default=None
    )
    when: Annotated[str, PlainValidator(spelling.attested)] | None = key(
        "When it was drawn: a date or text.", kind="text or date", default=None
    )
    how: Annotated[str, PlainValidator(spelling.attested)] | None = key(
        'How it was drawn, for example "salted hash of the person".', kind="text", default=None
    )
    control: Text = key("The arm that was left alone.", kind="text", default="holdout")
    order: Names | None = key(
        "The arms from the control upwards; each is compared with the one before. Absent: each arm with the control.",
        kind="list of texts",
        default=None,
    )
    window: Duration = key(
        "How long after the assignment events count, the same for every person.", kind="duration", default="28d"
    )
    lag: Duration = key("How late events may arrive in the data.", kind="duration", default="0d")
    shares: Annotated[str | dict[str, float] | None, PlainValidator(spelling.shares)] = key(
        "The declared probability of each arm: the column that holds it, or a table { holdout = 0.2, sms = 0.8 }. "
        "Absent: the check of the split (SRM) is unknown; equal shares are never assumed.",
        kind="text or table of numbers",
        default=None,
    )
    strata: Annotated[str | tuple[str, ...] | None, PlainValidator(spelling.text_or_list)] = key(
        "Column (or columns) inside whose values persons were assigned.", kind="text or list of texts", default=None
    )
    cluster: Text | None = key(
        "Column of the unit that was assigned (household, branch), when persons were assigned together.",
        kind="text",
        default=None,
    )
    segments: Annotated[str | tuple[str, ...] | None, PlainValidator(spelling.text_or_list)] = key(
        "Column (or columns) by which effects are declared to be read; any other reading by segment is exploratory.",
        kind="text or list of texts",
        default=None,
    )
    wave: Text | None = key(
        "Column of the wave in which a person was assigned, where the campaign went out in waves.",
        kind="text",
        default=None,
    )
    target: Literal["sample", "population"] = key(
        "Whether the effect is that over these persons, or over the population they were drawn from.",
        kind='"sample" or "population"',
        default="sample",
    )
    campaign: Annotated[str | tuple[str, ...] | None, PlainValidator(spelling.text_or_list)] = key(
        "Name (or names) of this campaign in the touches: only its outbound touches on control persons are leaks. "
        "Absent: every outbound touch belongs to it.",
        kind="text or list of texts",
        default=None,
    )
    leak_limit: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = key(
        "Share of touched control persons above which the experiment is INVALID.",
        kind="number between 0 and 1",
        default=0.05,
    )
    steps: dict[Text, Names] = key(
        "Arm -> the channels that it adds to the arm before; the reconciliation of credit and effect needs them.",
        kind="table of lists",
        default={},
        shown="{}",
    )
    level: Level = key("Confidence level of every interval.", kind="number between 0 and 1", default=0.95)
    correction: Correction = key(
        "Adjustment of the p-values of several arms or metrics.",
        kind='"holm", "bonferroni", "hochberg", "hommel", "bh", "by", "dunnett" or "none"',
        default="holm",
    )


class LooksPlan(Section):
    """The log of looks at the effect while the experiment ran (`Looks`)."""

    path: FilePath = key("The file of the log, relative to the plan: .json, .csv or .parquet.", kind="text")


class MonitorPlan(Section):
    """The log of looks at the net benefit while the campaign ran (`NetBenefitMonitor`)."""

    path: FilePath = key("The file of the log, relative to the plan: .json, .csv or .parquet.", kind="text")
