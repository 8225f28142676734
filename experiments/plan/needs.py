"""What a section of a plan needs of the others: tables, columns, an order of dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.durations import parse_duration
from attribution.core.errors import closest
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from experiments.plan.dormant import PopulationPlan
    from experiments.plan.schema import Plan

__all__ = ["missing_tables", "unmet"]


def unmet(plan: Plan) -> Iterator[tuple[str, str]]:
    """What a section needs and another one does not give, as (place, message)."""
    yield from _experiment(plan)
    yield from _execution(plan)
    if plan.population is not None:
        yield from _population(plan, plan.population)
    yield from _budget(plan)
    yield from _signoff(plan)
    yield from _logs(plan)


def missing_tables(plan: Plan, held: Collection[str]) -> Iterator[tuple[str, str]]:
    """What a section asks for and no table gives, as (place, message); the tables may come from memory."""
    for section, asked, table in (
        ("population", plan.population, "events"),
        ("identity", plan.identity, "links"),
        ("durability", plan.durability, "assignment"),
        ("durability", plan.durability, "conversions"),
    ):
        if asked is not None and table not in held:
            yield section, f"needs [tables.{table}]. {closest(table, held)}".strip()


def _experiment(plan: Plan) -> Iterator[tuple[str, str]]:
    for section, asked in (
        ("durability", plan.durability),
        ("money", plan.money),
        ("waves", plan.waves),
        ("budget", plan.budget),
        ("looks", plan.looks),
        ("monitor", plan.monitor),
    ):
        if asked is not None and plan.experiment is None:
            yield section, "needs the section [experiment]: without an experiment nothing can be said of it."
    if plan.waves is not None and plan.experiment is not None and plan.experiment.wave is None:
        yield "waves", "needs experiment.wave, the column of the wave."


def _execution(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.execution is not None and plan.table("planned") is not None:
        yield "execution.planned", "and [tables.planned] both say what was planned. Delete one of them."


def _population(plan: Plan, asked: PopulationPlan) -> Iterator[tuple[str, str]]:
    if parse_duration(asked.churned_after) <= parse_duration(asked.dormant_after):
        yield (
            "population.churned_after",
            f"{shown(asked.churned_after)} must be longer than population.dormant_after {shown(asked.dormant_after)}.",
        )
    for name in ("dormant_after", "horizon", "retention_period"):
        if not parse_duration(getattr(asked, name)):
            yield f"population.{name}", "must be longer than nothing."
    first, last = asked.flows_from, asked.flows_to or plan.campaign.as_of
    if asked.flows_from is None and asked.flows_to is not None:
        yield "population.flows_from", "is missing: flows_to needs a first day."
    if first is not None and _day(last) <= _day(first):
        yield "population.flows_from", f"{_day(first)} must lie before the last day of the flows, {_day(last)}."
    if _day(last) > _day(plan.campaign.as_of):
        yield "population.flows_to", f"{_day(last)} lies after the date of the data, {_day(plan.campaign.as_of)}."


def _day(value: object) -> str:
    """The calendar day of a date or of an instant, which compares as text."""
    return str(value)[:10]


def _budget(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.budget is None:
        return
    if plan.costs is None or plan.costs.by is None:
        yield "budget", "needs costs.by, the column of the segments over which it is spread."
    elif plan.budget.persons and isinstance(plan.costs.thresholds, dict):
        for segment in plan.budget.persons:
            if segment not in plan.costs.thresholds:
                hint = closest(segment, plan.costs.thresholds)
                yield f"budget.persons.{segment}", f"{shown(segment)} is not a segment of costs.thresholds. {hint}"


def _signoff(plan: Plan) -> Iterator[tuple[str, str]]:
    said = plan.signoff
    if said is None:
        return
    for role in ("reviewer", "approver"):
        if said.author is not None and getattr(said, role) == said.author:
            yield f"signoff.{role}", f"is the author, {shown(said.author)}. Name somebody else."
    for role, day in (("reviewer", said.reviewed_on), ("approver", said.approved_on)):
        if day is not None and getattr(said, role) is None:
            done = "reviewed_on" if role == "reviewer" else "approved_on"
            yield f"signoff.{done}", f"has a day, and signoff.{role} says nobody."


def _logs(plan: Plan) -> Iterator[tuple[str, str]]:
    for section, log in (("looks", plan.looks), ("monitor", plan.monitor)):
        if log is not None and not log.path.lower().endswith(_LOG_ENDINGS):
            yield f"{section}.path", f"{shown(log.path)} is not a log. Allowed: {', '.join(_LOG_ENDINGS)}."


_LOG_ENDINGS = (".json", ".csv", ".parquet")
