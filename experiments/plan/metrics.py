"""What is measured, and what must not get worse: sections of a plan."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Duration, Level, Section, Text, key

__all__ = ["GuardrailPlan", "MetricPlan", "MoneyPlan"]


class MetricPlan(Section):
    """What is measured."""

    kind: Literal["rate", "mean", "ratio", "quantile", "count", "duration"] = key(
        "A share of persons, an average per person, a ratio of two sums, a quantile, events per person, or the mean "
        "days to an event.",
        kind='"rate", "mean", "ratio", "quantile", "count" or "duration"',
    )
    column: Text | None = key("Column of the outcomes; absent: the metric's own name.", kind="text", default=None)
    numerator: Text | None = key("For ratios: the column above the line.", kind="text", default=None)
    denominator: Text | None = key("For ratios: the column below the line.", kind="text", default=None)
    q: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = key(
        "For quantiles: which one; absent: the median.", kind="number between 0 and 1", default=None
    )
    horizon: Duration | None = key(
        "For durations: who had no event by then counts with this time.", kind="duration", default=None
    )
    covariate: Annotated[str | tuple[str, ...] | None, PlainValidator(spelling.text_or_list)] = key(
        "Column (or columns), fixed before the assignment, that explain some of the noise.",
        kind="text or list of texts",
        default=None,
    )
    role: Literal["primary", "secondary", "guardrail"] | None = key(
        "Exactly one metric is primary; absent: the first without a role is primary, the others secondary.",
        kind='"primary", "secondary" or "guardrail"',
        default=None,
    )
    direction: Literal["up", "down"] | None = key(
        "Which way is good; absent: up. A metric that a guardrail names must say it.",
        kind='"up" or "down"',
        default=None,
    )
    missing: Literal["zero", "exclude"] | None = key(
        'What an empty value means: "zero" (no event) or "exclude". Absent: an empty value is an error.',
        kind='"zero" or "exclude"',
        default=None,
    )
    cap: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = key(
        "For means, counts and the numerator of ratios: larger values count as this amount; an estimand of its own.",
        kind="number",
        default=None,
    )
    method: Literal["score", "skewed_score"] | None = key(
        'For rates: "skewed_score" gives each tail its level with a small holdout; absent: "score".',
        kind='"score" or "skewed_score"',
        default=None,
    )
    equal_variances: bool = key(
        "For means: one variance for all arms (Student, Dunnett) instead of one each (Welch).",
        kind="true or false",
        default=False,
    )


class GuardrailPlan(Section):
    """What must not get worse."""

    column: Text | None = key(
        "Column of the outcomes (0 or 1); absent: the guardrail's own name.", kind="text", default=None
    )
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        "The largest increase of the rate that would be harmless.", kind="number"
    )
    level: Level = key("Confidence level of its one-sided bound.", kind="number between 0 and 1", default=0.95)


class MoneyPlan(Section):
    """The money test: whether the margin that came back exceeds what was spent, person by person."""

    value: Text = key(
        "Column of the outcomes with each person's margin in the window, not revenue.", kind="text", default="value"
    )
    cap: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = key(
        "Larger margins of one person count as this amount; an estimand of its own.", kind="number", default=None
    )
    relevant_net: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = key(
        "The smallest net benefit per person worth knowing about.", kind="number", default=None
    )
