"""The plan: its sections, read and checked as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, PrivateAttr, ValidationError

from attribution.core.columns import Columns
from attribution.core.errors import InputError, PlanError
from experiments.plan import spelling
from experiments.plan.campaign import CampaignPlan, ReportPlan, SignoffPlan
from experiments.plan.coherence import incoherent
from experiments.plan.contact import ExecutionPlan, PressurePlan
from experiments.plan.costs import BudgetPlan, CostsPlan, FigurePlan, GatePlan, WavesPlan
from experiments.plan.crediting import AttributionPlan
from experiments.plan.dormant import DurabilityPlan, PopulationPlan
from experiments.plan.experiment import ExperimentPlan, LooksPlan, MonitorPlan
from experiments.plan.metrics import GuardrailPlan, MetricPlan, MoneyPlan
from experiments.plan.sections import Section, Text, key, listed
from experiments.plan.tables import IdentityPlan, TableName, TablePlan
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
        identity: Which customer numbers are one person; None: the tables name persons already.
        execution: What was planned to be sent; None: not declared.
        pressure: How often one person may be contacted.
        durability: Whether the woken stay active; None: not asked.
        population: Who is dormant, who leaves and comes back; None: not asked.
        money: The money test; None: not asked.
        waves: Marginal costs wave by wave; None: not asked.
        budget: How a budget is best spread; None: not asked.
        looks: The log of looks at the effect; None: nobody looked before the end.
        monitor: The log of looks at the net benefit; None: there is none.
        gate: Declared decisions.
        figure: Declared figures.
        report: How the report is written.
        signoff: Who answers for the analysis; None: not declared.

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
    identity: IdentityPlan | None = None
    execution: ExecutionPlan | None = None
    pressure: PressurePlan = key("", kind="", default=PressurePlan)
    durability: DurabilityPlan | None = None
    population: PopulationPlan | None = None
    money: MoneyPlan | None = None
    waves: WavesPlan | None = None
    budget: BudgetPlan | None = None
    looks: LooksPlan | None = None
    monitor: MonitorPlan | None = None
    gate: Annotated[tuple[GatePlan, ...], BeforeValidator(listed)] = ()
    figure: Annotated[tuple[FigurePlan, ...], BeforeValidator(listed)] = ()
    report: ReportPlan = key("", kind="", default=ReportPlan)
    signoff: SignoffPlan | None = None

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
        where = _label(source)
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
    def label(self) -> str:
        """What error messages call the plan."""
        return _label(self._source)

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
        return {name: declared.get(name, Columns()) for name in get_args(TableName) if name != "planned"}

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


def _label(source: Path | None) -> str:
    return "plan" if source is None else f"plan {spelling.shown(source.name)}"
