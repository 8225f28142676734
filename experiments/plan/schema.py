"""The keys of a plan: frozen, strict models whose descriptions are the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, PrivateAttr, ValidationError

from attribution.core.columns import Columns
from attribution.core.errors import InputError, PlanError
from experiments.plan import spelling
from experiments.plan.coherence import incoherent
from experiments.plan.crediting import AttributionPlan
from experiments.plan.sections import Duration, Level, Names, Number, Section, Text, key, listed, role_names
from experiments.plan.wording import problems_of

__all__ = [
    "AttributionPlan",
    "CampaignPlan",
    "CostsPlan",
    "ExperimentPlan",
    "FigurePlan",
    "GatePlan",
    "GuardrailPlan",
    "MetricPlan",
    "Plan",
    "ReportPlan",
    "TableName",
    "TablePlan",
]

TableName = Literal[
    "touches", "conversions", "assignment", "prices", "history", "spend", "links", "outcomes", "customers", "key_events"
]
Correction = Literal["holm", "bonferroni", "hochberg", "hommel", "bh", "by", "dunnett", "none"]
Word = Literal["PASS", "FAIL", "INCONCLUSIVE"]


class CampaignPlan(Section):
    """What the campaign is."""

    name: Text = key("Name of the campaign; the title of the report.", kind="text")
    population: Text | None = key("Who was eligible, in one sentence.", kind="text", default=None)
    as_of: Annotated[date, PlainValidator(spelling.as_of_date)] = key(
        "Date of the data. A person counts when the whole outcome window lies before it.", kind="date"
    )


class TablePlan(Section):
    """Where a table is and how to read it."""

    path: Text = key(
        "The file, relative to the plan: .parquet, .csv, .xlsx (first sheet) or .duckdb (with a query).", kind="text"
    )
    columns: Annotated[dict[str, Text], AfterValidator(role_names)] = key(
        'Role -> the name of the column in your table, for example { person = "uid", time = "sent_at" }. '
        "Only names that differ from the defaults are needed.",
        kind="table of texts",
        default={},
        shown="{}",
    )
    timezone: Annotated[str, PlainValidator(spelling.time_zone)] | None = key(
        'Zone of times that carry none, for example "Asia/Shanghai". Without it such times are an error.',
        kind="text",
        default=None,
    )
    precision: Literal["instant", "day"] = key(
        '"day" when the times are booking dates; then a conversion counts at the end of its day.',
        kind='"instant" or "day"',
        default="instant",
    )
    encoding: Annotated[str, PlainValidator(spelling.codec)] = key(
        'Encoding of a CSV file. Excel in China often writes "gb18030"; a byte-order mark is recognised.',
        kind="text",
        default="utf-8",
    )
    query: Annotated[str, PlainValidator(spelling.query_text)] | None = key(
        "SQL that gives the table, for a DuckDB file; it is opened read-only.", kind="text", default=None
    )

    def roles(self) -> Columns:
        """The columns with their roles, as `columns=` arguments want them."""
        return Columns(**self.columns, timezone=self.timezone, precision=self.precision)


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
    by: Text | None = key("Column of the segments, for verdicts by segment.", kind="text", default=None)


class GuardrailPlan(Section):
    """What must not get worse."""

    column: Text | None = key(
        "Column of the outcomes (0 or 1); absent: the guardrail's own name.", kind="text", default=None
    )
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        "The largest increase of the rate that would be harmless.", kind="number"
    )
    level: Level = key("Confidence level of its one-sided bound.", kind="number between 0 and 1", default=0.95)


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
    segment: Text | None = key("The segment, when costs.by is declared.", kind="text", default=None)


class FigurePlan(Section):
    """A declared figure: `wakelift check` fails when the report's number differs by more than the tolerance."""

    name: Text = key('Name of a figure of the report, for example "effect.woken.sms.difference".', kind="text")
    value: Number = key("The number that must come out.", kind="number")
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = key(
        "The largest absolute difference that is accepted.", kind="number", default=0.0
    )


class ReportPlan(Section):
    """How the report is written."""

    language: Literal["en", "zh"] = key("Language of the report.", kind='"en" or "zh"', default="en")
    min_cell: Annotated[int, Field(ge=1)] = key(
        "Cells with fewer persons are not shown.", kind="whole number", default=10
    )


class Plan(Section):
    """The declared analysis of a campaign: what a plan file says, checked.

    Unknown keys, wrong types and contradictions raise one `PlanError` that lists every problem with its place. Paths of
    tables are relative to the plan file.

    Attributes:
        campaign: What the campaign is.
        tables: Where the tables are, by name.
        experiment: How persons were assigned; None: no experiment is declared.
        metrics: What is measured, by name.
        attribution: How credit is shared.
        costs: What one woken customer may cost; None: no threshold is declared.
        guardrails: What must not get worse, by name.
        gate: Declared decisions.
        figure: Declared figures.
        report: How the report is written.

    Example:
        >>> from datetime import date
        >>> plan = Plan.from_dict({"campaign": {"name": "Q4", "as_of": date(2026, 12, 31)}})
        >>> plan.experiment is None, plan.attribution.lookback
        (True, '30d')
    """

    campaign: CampaignPlan
    tables: dict[TableName, TablePlan] = key("", kind="", default={})
    experiment: ExperimentPlan | None = None
    metrics: dict[Text, MetricPlan] = key(
        "", kind="", default=lambda: {"woken": MetricPlan(kind="rate", column="woken", role="primary")}
    )
    attribution: AttributionPlan = key("", kind="", default=AttributionPlan)
    costs: CostsPlan | None = None
    guardrails: dict[Text, GuardrailPlan] = key("", kind="", default={})
    gate: Annotated[tuple[GatePlan, ...], BeforeValidator(listed)] = ()
    figure: Annotated[tuple[FigurePlan, ...], BeforeValidator(listed)] = ()
    report: ReportPlan = key("", kind="", default=ReportPlan)

    _source: Path | None = PrivateAttr(default=None)

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """The plan in a TOML file (UTF-8, with or without a byte-order mark).

        Raises:
            PlanError: When the file cannot be read, is not TOML, or says something that a plan cannot say.
        """
        from experiments.plan.toml import read_toml

        place = Path(path)
        return cls._checked(read_toml(place), source=place)

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any], *, folder: str | Path | None = None) -> Plan:
        """The plan in a mapping with the keys of a plan file; paths of tables are relative to ``folder``.

        Raises:
            PlanError: When the mapping says something that a plan cannot say.
        """
        if not isinstance(mapping, Mapping):
            raise InputError(f"a plan must be a mapping of sections to keys, got {type(mapping).__name__}.")
        plan = cls._checked(dict(mapping), source=None)
        if folder is not None:
            plan._source = Path(folder) / "plan.toml"  # noqa: SLF001 -- its own private attribute
        return plan

    @classmethod
    def _checked(cls, mapping: dict[str, Any], *, source: Path | None) -> Plan:
        where = "plan" if source is None else f"plan {spelling.shown(source.name)}"
        try:
            plan = cls.model_validate(mapping)
        except ValidationError as error:
            raise PlanError(problems_of(error, cls), source=where) from None
        contradictions = incoherent(plan)
        if contradictions:
            raise PlanError(contradictions, source=where)
        plan._source = source  # noqa: SLF001 -- its own private attribute
        return plan

    @property
    def source(self) -> Path | None:
        """The file that the plan was read from; None for a plan made from a mapping."""
        return self._source

    @property
    def folder(self) -> Path:
        """The folder that paths of tables are relative to."""
        return Path() if self._source is None else self._source.parent

    def table(self, name: str) -> TablePlan | None:
        """Where a table is; None when the plan does not declare it."""
        return {str(key): table for key, table in self.tables.items()}.get(name)

    def columns(self) -> dict[str, Columns]:
        """The roles of the columns by table, as `columns=` arguments want them; else the defaults."""
        declared = {str(name): table.roles() for name, table in self.tables.items()}
        return {name: declared.get(name, Columns()) for name in get_args(TableName)}

    def roles(self) -> dict[str, str]:
        """The role of each metric; the first without a role is primary unless another one is declared so."""
        declared = any(metric.role == "primary" for metric in self.metrics.values())
        roles: dict[str, str] = {}
        for name, metric in self.metrics.items():
            roles[name] = metric.role or ("secondary" if declared else "primary")
            declared = declared or roles[name] == "primary"
        return roles

    def to_dict(self) -> dict[str, Any]:
        """Every key with its value, defaults included, in types that TOML knows; absent keys are left out."""
        return self.model_dump(mode="python", exclude_none=True)
