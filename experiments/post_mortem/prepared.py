"""The tables of a post-mortem before any analysis: what the plan needs is there, rows name persons, waves are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core.errors import PlanError, TableError, closest
from attribution.core.tables import Problems, open_table
from experiments.outcomes.result import Outcomes
from experiments.plan.needs import missing_tables
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.core.columns import Columns
    from attribution.identity import Identity
    from experiments.plan import Plan

__all__ = ["as_outcomes_name", "check_needs", "identified", "plan_of", "with_named_arms", "with_waves"]

_PERSON = "person_id"  # what an identity calls its persons
# What rows of these tables say, they say of one person.
_OF_PERSONS = ("assignment", "touches", "conversions", "customers", "history", "key_events", "events", "outcomes")


def plan_of(plan: Plan | Mapping[str, Any] | str | Path) -> Plan:
    """A plan, the keys of one, or the path of its file, as a plan."""
    from experiments.plan import Plan as PlanModel

    if isinstance(plan, PlanModel):
        return plan
    return PlanModel.from_dict(plan) if isinstance(plan, Mapping) else PlanModel.read(plan)


def check_needs(plan: Plan, tables: Mapping[str, Any]) -> None:
    """Refuse a plan that asks for what no table holds, or that names a log which is not there.

    Raises:
        PlanError: With every missing table and log, each with its place.
    """
    from experiments.plan.logs import missing_logs

    problems = [*missing_tables(plan, [name for name, table in tables.items() if table is not None])]
    problems += missing_logs(plan)
    if problems:
        raise PlanError(problems, source=plan.label)


def as_outcomes_name(plan: Plan, tables: Mapping[str, Any]) -> Plan:
    """The plan with the columns of the assignment by the names that built outcomes give them.

    Outcomes call the probability `p_assign` and the stratum `stratum`, whatever the assignment calls them.
    """
    experiment = plan.experiment
    given = tables.get("outcomes") is not None and ("outcomes" in plan.tables or tables.get("assignment") is None)
    if experiment is None or given:
        return plan
    roles = plan.columns()["assignment"]
    names = {roles.p_assign: "p_assign", roles.stratum: "stratum"}

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        return tuple(names.get(name, name) for name in value) if isinstance(value, tuple) else value

    changed = {name: renamed(getattr(experiment, name)) for name in ("shares", "strata", "segments")}
    update: dict[str, Any] = {"experiment": experiment.model_copy(update=changed)}
    if plan.costs is not None:
        update["costs"] = plan.costs.model_copy(update={"by": renamed(plan.costs.by)})
    return plan.model_copy(update=update)


def identified(plan: Plan, tables: Mapping[str, Any]) -> tuple[dict[str, Any], Identity | None]:
    """The tables with the person of each customer number in their column of the person; as they are without [identity].

    A table without a column of customer numbers names persons already and stays as it is.

    Raises:
        TableError: With every problem of links and tables, such as customer numbers that the links do not hold.
    """
    if plan.identity is None:
        return dict(tables), None
    import attribution as at

    roles = plan.columns()
    assignment = tables.get("assignment")
    found = at.resolve_identity(
        tables["links"],
        ids=_ids(plan),
        assignment=assignment if assignment is not None and _numbered(plan, "assignment", assignment) else None,
        max_share=plan.identity.max_share,
        columns=roles,
    )
    made, issues = dict(tables), []
    for name in _OF_PERSONS:
        table = tables.get(name)
        if table is None or not _numbered(plan, name, table):
            continue
        try:
            made[name] = _with_persons(found.apply(table, column=roles[name].customer), roles[name].person)
            if name == "assignment":
                made[name] = _once_in_an_arm(made[name], roles[name])
        except TableError as error:
            issues += [replace(issue, table=name) for issue in error.issues]
    if issues:
        raise TableError(issues)
    return made, found


def _ids(plan: Plan) -> tuple[str, ...]:
    """The declared columns; the links' own customer column goes by its role."""
    declared = () if plan.identity is None else plan.identity.ids
    customer = plan.columns()["links"].customer
    return tuple("customer_id" if name == customer else name for name in declared)


def _numbered(plan: Plan, name: str, table: Any) -> bool:
    """Whether a table holds customer numbers."""
    return open_table(table, name, plan.columns()[name], problems=Problems(), optional=("customer",)).has("customer")


def _with_persons(table: Any, column: str) -> Any:
    """The persons in the column that the plan names, so that its roles stay true."""
    if column == _PERSON:
        return table
    return nw.from_native(table).with_columns(nw.col(_PERSON).alias(column)).to_native()


def _once_in_an_arm(assignment: Any, roles: Columns) -> Any:
    """The assignment with a person of several customer numbers once in each arm, as first assigned."""
    opened = open_table(assignment, "assignment", roles, problems=Problems(), optional=("assigned_at",))
    if roles.arm not in opened.names:  # told as a missing column later
        return assignment
    order = [roles.person, roles.arm, *([roles.assigned_at] if opened.has("assigned_at") else []), roles.customer]
    rows = opened.lazy().collect("pyarrow").sort(order)
    return rows.unique([roles.person, roles.arm], keep="first", maintain_order=True).to_native()


def with_named_arms(plan: Plan, tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with arms as text, as a plan spells them: its control "0" is the arm 0 of a column of numbers."""
    made = dict(tables)
    for name in ("assignment", "outcomes"):
        table = tables.get(name)
        if table is None or isinstance(table, Outcomes):
            continue
        arm = plan.columns()[name].arm
        opened = open_table(table, name, plan.columns()[name], problems=Problems())
        if arm in opened.names and opened.lazy().collect_schema()[arm].is_integer():
            made[name] = nw.from_native(table).with_columns(nw.col(arm).cast(nw.String())).to_native()
    return made


def with_waves(plan: Plan, tables: Mapping[str, Any]) -> Any:
    """The history with each person's wave, where the assignment holds it; the history as it is otherwise."""
    history, assignment = tables.get("history"), tables.get("assignment")
    wave = None if plan.experiment is None else plan.experiment.wave
    if wave is None or assignment is None:
        return history
    roles = plan.columns()
    opened = open_table(assignment, "assignment", roles["assignment"], problems=Problems(), required=("person",))
    known = None if history is None else open_table(history, "history", roles["history"], problems=Problems())
    if known is not None and wave in known.names:
        return history
    if wave not in opened.names:
        hint = closest(wave, [*opened.names, *(known.names if known is not None else [])])
        said = f"{shown(wave)} is a column neither of the assignment nor of the history. {hint}"
        raise PlanError([("experiment.wave", said)], source=plan.label)
    person = roles["history"].person
    waves = (
        opened.lazy()
        .group_by(roles["assignment"].person)
        .agg(nw.col(wave).min())
        .collect("pyarrow")
        .rename({roles["assignment"].person: person})
    )
    if known is None:
        return waves.to_native()
    held = known.lazy().collect("pyarrow")
    everybody = nw.concat([waves.select(person), held.select(person)]).unique()
    return everybody.join(held, on=person, how="left").join(waves, on=person, how="left").sort(person).to_native()
