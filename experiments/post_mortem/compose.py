"""From a plan and its tables to a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.language import check_language, language
from attribution.core.recipe import versions
from experiments.post_mortem.cards import decisions_of
from experiments.post_mortem.evidence import Evidence, gather
from experiments.post_mortem.execution import assigned_days
from experiments.post_mortem.figures import figures_by_name, tables_by_name
from experiments.post_mortem.first_screen import figures_of, figures_title
from experiments.post_mortem.gates import by_severity, concerning_decisions, gates_of, invalid_codes, trust_of
from experiments.post_mortem.locking import decisions_told
from experiments.post_mortem.prepared import plan_of
from experiments.post_mortem.sections import sections_of
from experiments.post_mortem.sections.ground import Ground, metrics_of
from experiments.post_mortem.unknown import unknown_of
from experiments.post_mortem.whole import whole_of
from experiments.post_mortem.words import furniture, window_words, word
from experiments.report.document import Document
from experiments.report.report import UNNAMED, Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.plan import Plan

__all__ = ["postmortem"]

messages.register("experiments")


def postmortem(plan: Plan | Mapping[str, Any] | str | Path, data: object = None, *, lang: str = "en") -> Report:
    """The post-mortem (复盘) of a campaign: verdicts first, then what they rest on.

    Args:
        plan: The declared analysis: a `Plan`, a mapping with the keys of a plan file, or the path of one.
        data: None for the tables that the plan names, a mapping of names to tables or paths, or an object that has the
            tables as attributes (a simulated campaign). Outcomes are built when they are absent.
        lang: Language of the report, "en" or "zh".

    Returns:
        The report: verdicts, findings, gates and tables, and its ways out to HTML, Markdown, JSON, JUnit and Excel.

    Raises:
        PlanError: When the plan is unusable.
        TableError: When the tables are unusable; every problem is listed.

    Assumptions:
        Arms were assigned at random; the plan attests it. Without that the report shows credit only and says so.

    Verified against: simulated campaigns of known truth (the verdicts, the words, the same bytes on a second run).

    Example:
        >>> import experiments as ex
        >>> campaign = ex.simulate("default", persons=2_000, seed=7)
        >>> report = ex.postmortem(campaign.plan, campaign)
        >>> {verdict.verdict.word for verdict in report.verdicts} <= {"PASS", "FAIL", "INCONCLUSIVE", "INVALID"}
        True
    """
    check_language(lang)
    chosen = plan_of(plan)
    with language(lang):
        evidence = gather(chosen, data)
        return _report(evidence, lang)


def _report(evidence: Evidence, lang: str) -> Report:
    plan = evidence.plan
    decisions = decisions_told(decisions_of(plan, evidence.thresholds, metrics_of(evidence)), evidence.locking)
    findings = by_severity(evidence.findings())
    invalid = invalid_codes(findings, decisions)
    primary = None if evidence.readout is None else evidence.readout.experiment.primary
    trust, trust_line = trust_of(concerning_decisions(findings, primary), decisions, evidence.refusal)
    tables = tables_by_name(evidence)
    figures = figures_by_name(evidence, tables)
    drawn_title, drawn_subtitle = figures_title(evidence, invalid)
    document = Document(
        lang=check_language(lang),
        title=plan.campaign.name,
        facts=_facts(evidence),
        trust=trust,
        trust_line=trust_line,
        decisions=decisions,
        unknown=unknown_of(evidence, decisions, invalid),
        flag=word("flag.invalid", codes=invalid) if invalid else "",
        refusal=_refusal(evidence),
        figures=figures_of(evidence),
        figures_title=drawn_title,
        figures_subtitle=drawn_subtitle,
        figures_caption=word("credit_caption"),
        sections=sections_of(Ground(evidence=evidence, decisions=decisions, trust_line=trust_line, invalid=invalid)),
        findings=findings,
        gates=gates_of(evidence, findings, decisions, figures),
        manifest=[(name, text) for name, text in versions().items()],
        words=furniture(),
        whole=whole_of(evidence),
        trust_note=_lock_note(evidence),
    )
    return Report(
        document=document,
        records=tables,
        figures=figures,
        recipe=_recipe(evidence),
        plan=_declared(plan, refused=bool(invalid or evidence.refusal)),
        evidence=evidence,
    )


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    plan = evidence.plan
    facts: list[tuple[str, str]] = []
    if plan.campaign.population:
        facts.append((word("fact.population"), plan.campaign.population))
    if evidence.readout is not None and plan.experiment is not None:
        facts.append((word("fact.persons"), format_value(sum(evidence.persons().values()), "count")))
        facts += _assigned(evidence)
        facts.append((word("fact.window"), window_words(plan.experiment.window)))
        facts.append((word("fact.control"), plan.experiment.control))
    facts.append((word("fact.as_of"), format_value(plan.campaign.as_of, "date")))
    return facts


def _lock_note(evidence: Evidence) -> str:
    """That the plan was not locked before the data, for the first screen; empty where it was."""
    found = () if evidence.locking is None else evidence.locking.findings
    return next((finding.text() for finding in found if finding.status == "note"), "")


def _refusal(evidence: Evidence) -> tuple[str, ...]:
    if not evidence.refusal:
        return ()
    declared = evidence.plan.experiment
    # A control may well be there: what is missing is that somebody says the arms were drawn at random.
    step = word(f"next.{evidence.refusal}")
    if declared is not None:
        empty = word("next.CONTROL_EMPTY", control=declared.control)
        step = empty if declared.randomised else word("next.NOT_ATTESTED")
    return evidence.refusal, word("trust_line.refusal"), step


def _assigned(evidence: Evidence) -> list[tuple[str, str]]:
    """When persons were assigned, as days of the declared time zone."""
    assignment = evidence.tables.get("assignment")
    ends = None if assignment is None else assigned_days(evidence.plan, assignment)
    if ends is None:
        return []
    first, last, in_utc = ends
    shown = format_value(first, "date") if first == last else word("fact.dates", first=first, last=last)
    return [(word("fact.assigned_utc" if in_utc else "fact.assigned"), shown)]


def _recipe(evidence: Evidence) -> dict[str, object]:
    return {name: recipe.to_dict() for name, recipe in evidence.recipes().items()}


def _declared(plan: Plan, *, refused: bool) -> dict[str, Any]:
    """The plan as plain values; without a trial that can be trusted no verdict is named, not even a hoped-for one."""
    from experiments.plan.lock import canonical

    made = canonical(plan)
    for gate in made.get("gate", ()) if refused else ():
        gate["expect"] = UNNAMED
    return made
