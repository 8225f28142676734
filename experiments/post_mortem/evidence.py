"""Everything a post-mortem rests on: the plan's tables put through the library, once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attribution.core.errors import DesignError, InputError, TableError, closest
from experiments.metrics import Rate
from experiments.plan.measuring import declared_metric
from experiments.post_mortem.locking import locking_of
from experiments.post_mortem.prepared import as_outcomes_name, check_needs, identified, with_named_arms, with_waves
from experiments.post_mortem.small_groups import without_small

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.core.errors import TableIssue
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.credit import Credit
    from attribution.identity import Identity
    from experiments.outcomes import Outcomes
    from experiments.plan import Plan
    from experiments.post_mortem.locking import Locking
    from experiments.readout import Readout, Steps
    from experiments.reconciliation import Reconciliation
    from experiments.roi import CostThresholds

__all__ = ["Evidence", "event_of", "gather", "gather_core"]

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evidence:
    """The results behind a report; None where the plan or the design does not allow one.

    Attributes:
        plan: The declared analysis.
        tables: The tables by name.
        credit: Who gets the credit.
        outcomes: One row per assigned person.
        readout: What was caused, each arm against the control.
        steps: What each step caused; the readout itself when the plan declares no steps.
        thresholds: Whether it paid.
        reconciliation: Touched, attributed, incremental.
        refusal: Why there is no effect and no verdict, for example ``NO_HOLDOUT``; empty when there is.
        further: The results of the further analyses by name (see `experiments.post_mortem.analyses`).
        declined: The further analyses that were asked for and that the design cannot answer, with the reason.
        identity: Which customer numbers are one person; None where the tables name persons already.
        locking: Whether and when the plan was locked, and what was changed since.
    """

    plan: Plan
    tables: Mapping[str, Any]
    credit: Credit | None
    outcomes: Outcomes | None
    readout: Readout | None
    steps: Steps | Readout | None
    thresholds: CostThresholds | None
    reconciliation: Reconciliation | None
    refusal: str = ""
    further: Mapping[str, Any] = field(default_factory=dict)
    declined: Mapping[str, DesignError] = field(default_factory=dict)
    identity: Identity | None = None
    locking: Locking | None = None

    def persons(self) -> dict[str, int]:
        """Persons with the primary outcome in each arm, the control first."""
        if self.readout is None:
            return {}
        fit = self.readout.fit(self.readout.experiment.primary)
        return {str(arm): fit.persons(arm) for arm in order_of(self.plan, self.readout)}

    def recipes(self) -> dict[str, Recipe]:
        """How each result was made, by name; outcomes that the plan declares as a finished table carry none."""
        named = {
            "identity": self.identity,
            "credit": self.credit,
            "outcomes": self.outcomes,
            "readout": self.readout,
            "thresholds": self.thresholds,
            "reconciliation": self.reconciliation,
            **self.further,
        }
        return {name: found.recipe for name, found in named.items() if found is not None and hasattr(found, "recipe")}

    def findings(self) -> tuple[Finding, ...]:
        """Every finding once, in the order of the data flow."""
        found: list[Finding] = []
        seen: set[tuple[str, str]] = set()
        core = (
            self.locking,
            self.identity,
            self.credit,
            self.outcomes,
            self.readout,
            self.thresholds,
            self.reconciliation,
        )
        for source in (*core, *self.further.values()):
            for finding in getattr(source, "findings", ()):
                key = (finding.code, finding.text("en"))
                if key not in seen:
                    seen.add(key)
                    found.append(finding)
        return tuple(found)


def gather(plan: Plan, data: object) -> Evidence:
    """Run the declared analysis with everything that the report shows of it."""
    return _with_further(gather_core(plan, data))


def gather_core(plan: Plan, data: object) -> Evidence:
    """Run what verdicts rest on: credit, effects, thresholds, reconciliation; no further analysis."""
    from experiments.plan import load_tables

    loaded = load_tables(plan, data)
    check_needs(plan, loaded)
    plan = as_outcomes_name(plan, loaded)
    tables, identity = identified(plan, with_named_arms(plan, loaded))
    issues: list[TableIssue] = []
    credit = _noting(issues, lambda: _credit(plan, tables))
    try:
        found = _noting(issues, lambda: _readout(plan, tables))
    except DesignError as error:
        if error.code != "NO_HOLDOUT":
            raise
        _raise(issues)
        return Evidence(
            plan=plan, tables=tables, credit=credit, outcomes=None, readout=None, steps=None, thresholds=None,
            reconciliation=None, refusal=error.code, identity=identity, locking=locking_of(plan, tables),
        )  # fmt: skip
    _raise(issues)
    if found is None:  # unreachable: what is missing has been raised
        raise InputError("the tables are unusable.")
    outcomes, readout = found
    order = step_order(plan)
    return Evidence(
        plan=plan,
        tables=tables,
        credit=credit,
        outcomes=outcomes,
        readout=readout,
        steps=readout if order is None else readout.steps(order),
        thresholds=without_small(plan, _thresholds(plan, tables, outcomes, readout)),
        reconciliation=_reconciliation(plan, tables, credit, readout),
        identity=identity,
        locking=locking_of(plan, tables),
    )


def _with_further(evidence: Evidence) -> Evidence:
    from experiments.post_mortem.analyses import further

    issues: list[TableIssue] = []
    results, declined = further(evidence, lambda step: _noting(issues, step))
    _raise(issues)
    return replace(evidence, further=results, declined=declined)


def _noting(issues: list[TableIssue], step: Callable[[], _Made]) -> _Made | None:
    """Carry out a step; what is wrong with its tables is noted, so that all steps are told in one error."""
    try:
        return step()
    except TableError as error:
        issues += [issue for issue in error.issues if issue not in issues]
        return None


def _raise(issues: list[TableIssue]) -> None:
    if issues:
        raise TableError(issues)


def step_order(plan: Plan) -> tuple[str, ...] | None:
    """The declared steps, the control first; None when arms are not declared to build on each other."""
    declared = plan.experiment
    if declared is None:
        return None
    if declared.order:
        return tuple(declared.order)
    return (declared.control, *declared.steps) if declared.steps else None


def order_of(plan: Plan, readout: Readout) -> tuple[str, ...]:
    """The arms in the order in which they are shown, the control first."""
    return step_order(plan) or (str(readout.experiment.control), *map(str, readout.arms))


def _need(tables: Mapping[str, Any], name: str, why: str) -> Any:
    if tables.get(name) is None:
        raise InputError(f"the plan has no table {name!r}, which {why}. Add [tables.{name}]. {closest(name, tables)}")
    return tables[name]


def _credit(plan: Plan, tables: Mapping[str, Any]) -> Credit | None:
    import attribution as at
    from experiments.outcomes.instant import as_of_microseconds

    if tables.get("touches") is None or tables.get("conversions") is None:
        return None
    declared = plan.attribution
    for table, asked, why in (
        ("customers", declared.dormancy, "attribution.dormancy asks for"),
        ("key_events", declared.key_event, "attribution.key_event asks for"),
    ):
        if asked is not None:
            _need(tables, table, why)
    journeys = at.build_journeys(
        tables["touches"],
        tables["conversions"],
        rules=declared.rules(),
        columns=plan.columns(),
        customers=tables.get("customers") if declared.dormancy is not None else None,
        key_events=tables.get("key_events"),
    )
    end = as_of_microseconds(plan.campaign.as_of, journeys.conversions.table.roles.timezone)
    # Until the date of the data a silent person stayed silent.
    return journeys.observed_until(end).attribute(declared.declared_models())


def _readout(plan: Plan, tables: Mapping[str, Any]) -> tuple[Outcomes, Readout]:
    from experiments.outcomes import build_outcomes

    declared = plan.experiment
    if declared is None or not declared.randomised:
        raise DesignError(
            "NO_HOLDOUT", "the plan does not attest a random assignment ([experiment] randomised = true)."
        )
    outcomes = tables.get("outcomes")
    if outcomes is None or ("outcomes" not in plan.tables and tables.get("assignment") is not None):
        # Raw tables carry their findings (maturity, unassigned rows); finished outcomes count where declared.
        outcomes = build_outcomes(
            _need(tables, "assignment", "says who was in which arm"),
            _need(tables, "conversions", "says who came back"),
            touches=tables.get("touches"),
            prices=tables.get("prices"),
            window=declared.window,
            as_of=plan.campaign.as_of,
            lag=declared.lag,
            history=with_waves(plan, tables),
            columns=plan.columns(),
        )
    readout = _experiment(plan).analyze(
        outcomes,
        touches=tables.get("touches"),
        campaign=declared.campaign,
        leak_limit=declared.leak_limit,
        columns=plan.columns(),
    )
    return outcomes, readout


def _experiment(plan: Plan) -> Any:
    from experiments.readout import Experiment
    from experiments.roi import Guardrail

    declared = plan.experiment
    if declared is None:  # unreachable: the caller has refused
        raise DesignError("NO_HOLDOUT", "the plan declares no experiment.")
    roles = plan.roles()
    metrics = {name: declared_metric(name, metric, role=roles[name]) for name, metric in plan.metrics.items()}
    guardrails = [
        Guardrail(guard.column or name, guard.margin, level=guard.level) for name, guard in plan.guardrails.items()
    ]
    correction: Any = None if declared.correction == "none" else declared.correction
    return Experiment(
        metrics,
        control=declared.control,
        shares=declared.shares,
        strata=declared.strata,
        cluster=declared.cluster,
        segments=declared.segments,
        target=declared.target,
        guardrails=tuple(guardrails),
        level=declared.level,
        correction=correction,
    )


def _thresholds(plan: Plan, tables: Mapping[str, Any], outcomes: Outcomes, readout: Readout) -> CostThresholds | None:
    from attribution.core.tables import Problems, open_table
    from experiments.roi import cost_thresholds

    if plan.costs is None:
        return None
    event = event_of(readout)
    if event is None:
        return None
    names = open_table(outcomes, "outcomes", plan.columns()["outcomes"], problems=Problems()).names
    if "cost" not in names:
        return None
    primary = list(dict.fromkeys((gate.arm, gate.segment) for gate in plan.gate))
    asked = partial(
        cost_thresholds,
        outcomes,
        woken=event,
        thresholds=plan.costs.thresholds,
        order=step_order(plan),
        experiment=readout.experiment,
        touches=tables.get("touches"),
        side=plan.costs.side,
        variance=plan.costs.variance,
        relevant_net=plan.costs.relevant_net,
        campaign=plan.experiment.campaign if plan.experiment is not None else None,
        leak_limit=plan.experiment.leak_limit if plan.experiment is not None else 0.05,
        columns=plan.columns(),
    )
    if plan.costs.by is None:
        return asked(primary=primary)
    segmented = asked(by=plan.costs.by, primary=[pair for pair in primary if pair[1] is not None])
    if isinstance(plan.costs.thresholds, dict):
        return segmented  # what a woken customer may cost differs between segments: no amount is that of everybody
    return _joined(asked(primary=[pair for pair in primary if pair[1] is None]), segmented)


def _joined(whole: CostThresholds, segmented: CostThresholds) -> CostThresholds:
    """The verdicts on everybody, then those of the segments; each a family of its own in the count of many verdicts."""
    told = {(finding.code, finding.text("en")) for finding in segmented.findings}
    more = [finding for finding in whole.findings if (finding.code, finding.text("en")) not in told]
    return replace(
        segmented,
        judged=(*whole.judged, *segmented.judged),
        findings=(*segmented.findings, *more),
        packages=(*whole.packages, *segmented.packages),
    )


def event_of(readout: Readout) -> str | None:
    """The column of the event that a threshold pays for: the primary rate, else the first rate that is wanted."""
    metrics, roles = readout.experiment.metrics, readout.experiment.roles
    named = [readout.experiment.primary, *metrics]
    wanted = [name for name in named if roles[name] != "guardrail" and metrics[name].direction != "down"]
    rates = ((name, metrics[name]) for name in wanted)
    return next((metric.column for _, metric in rates if isinstance(metric, Rate)), None)


def _reconciliation(
    plan: Plan, tables: Mapping[str, Any], credit: Credit | None, readout: Readout
) -> Reconciliation | None:
    from experiments.reconciliation import reconcile

    declared = plan.experiment
    if credit is None or declared is None or not declared.steps or tables.get("assignment") is None:
        return None
    order = order_of(plan, readout)
    steps = {arm: declared.steps[arm] for arm in order[1:] if arm in declared.steps}
    metric = readout.experiment.primary
    if not steps or not isinstance(readout.experiment.metrics[metric], Rate):
        return None
    return reconcile(
        credit, readout, assignment=tables["assignment"], steps=steps, window=declared.window, columns=plan.columns()
    )
