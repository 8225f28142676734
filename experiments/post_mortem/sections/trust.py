"""The trust section: was the assignment kept, is the follow-up complete, are the costs whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.findings import Finding, worst
from attribution.core.render.display import DisplayColumn, DisplayTable
from experiments.post_mortem.sections.ground import Ground, made_section
from experiments.post_mortem.words import head, listed, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Section

__all__ = ["build", "checks_table", "excluded_table"]

# Topic -> the findings that speak of it.
_TOPICS: dict[str, frozenset[str]] = {
    "plan": frozenset(
        {
            "PLAN_NOT_LOCKED", "PLAN_LOCKED", "PLAN_LOCKED_ON_DAY", "PLAN_LOCKED_LATE", "PLAN_LOCKED_UNDATED",
            "PLAN_CHANGED",
        }
    ),
    "split": frozenset(
        {
            "SRM", "SRM_STRATA", "SRM_DAYS", "SRM_WEEKDAYS", "SHARES_ASSUMED", "BALANCE", "EXCLUSIONS", "ARM_CHANGED",
            "ASSIGNMENT", "CLUSTER_SPLIT", "MISSING_OUTCOME",
        }
    ),
    "leakage": frozenset({"LEAKAGE", "LEAKAGE_LARGE", "CONTROL_REACHED"}),
    "identity": frozenset(
        {
            "IDENTITY", "LINKS_LATE", "LINKS_SHARED", "LINKS_UNDATED", "TWO_ARMS", "TWO_ARMS_EXCLUDED",
            "PERSON_SPELLING", "TEST_ACCOUNTS", "UNKNOWN_PERSONS",
        }
    ),
    "maturity": frozenset({"IMMATURE", "IMMATURE_ARMS", "AS_OF_BEYOND_DATA", "LATE_REFUNDS"}),
    "cost": frozenset({"NO_INCENTIVES", "COST_WAIVED", "UNASSIGNED_TOUCHES"}),
    "rows": frozenset(
        {
            "NEAR_DUPLICATE", "REPEATED_TOUCH", "UNASSIGNED_CONVERSIONS", "TIME_ZONE_SLIP", "CHANNEL_TIME_SLIP",
            "DAY_PRECISION", "CHANNEL_ALIASES", "NO_HISTORY",
        }
    ),
}  # fmt: skip
_ROWS = {"conversions": "OUTCOME_CONVERSIONS", "touches": "OUTCOME_TOUCHES"}
_LEFT = ("before", "after", "immature", "excluded", "set_aside", "unassigned")


def build(ground: Ground) -> Section:
    """A table of checks by topic and one of rows that were left out; the renderers list every finding below."""
    evidence = ground.evidence
    findings = evidence.findings()
    left = excluded_table(findings)
    return made_section(
        "trust",
        _checked(evidence, findings) if evidence.refusal else ground.trust_line,
        tables=(checks_table(evidence, findings), *([] if left is None else [left])),
    )


def _checked(evidence: Evidence, findings: Sequence[Finding]) -> str:
    """Without a trial: what was checked all the same, and what could not be."""
    unknown = {topic for topic in _TOPICS if _status(topic, evidence, findings) == "unknown"}
    named = {topic: word(f"trust.topic.{topic}") for topic in _TOPICS}
    checked = listed(name for topic, name in named.items() if topic not in unknown)
    return word(
        "trust.checked", checked=checked, unchecked=listed(named[topic] for topic in _TOPICS if topic in unknown)
    )


def checks_table(evidence: Evidence, findings: Sequence[Finding]) -> DisplayTable:
    """One row for each topic: its worst status in a word, and what was seen."""
    columns = (DisplayColumn(head("topic")), DisplayColumn(head("status"), decisive=True), DisplayColumn(head("seen")))
    rows = tuple((word(f"trust.topic.{topic}"), *_judged(topic, evidence, findings)) for topic in _TOPICS)
    return DisplayTable(columns, rows, title=word("trust.checks"))


def _status(topic: str, evidence: Evidence, findings: Sequence[Finding]) -> str:
    here = tuple(finding for finding in findings if finding.code in _TOPICS[topic])
    return worst(here) if here else _silent(topic, evidence)[0]


def _judged(topic: str, evidence: Evidence, findings: Sequence[Finding]) -> tuple[str, str]:
    here = tuple(finding for finding in findings if finding.code in _TOPICS[topic])
    if not here:
        status, said = _silent(topic, evidence)
        return word(f"status.{status}"), said
    status = worst(here)
    telling = [finding for finding in here if finding.status == status]
    return word(f"status.{status}"), _told(telling)


def _told(findings: Sequence[Finding]) -> str:
    """The sentence of the first, and the codes of the others, whose sentences stand below."""
    others = list(dict.fromkeys(finding.code for finding in findings[1:] if finding.code != findings[0].code))
    first = findings[0].text()
    return word("trust.and_others", first=first, codes=listed(others)) if others else first


def _silent(topic: str, evidence: Evidence) -> tuple[str, str]:
    """What no finding means, topic by topic: nothing to say against it, or nobody looked."""
    if topic == "identity":
        return "note", word("trust.silent.identity")
    if topic == "rows":
        return "pass", word("trust.silent.rows")
    if evidence.readout is None:
        return "unknown", word("trust.silent.no_trial")
    built = evidence.outcomes is not None and hasattr(evidence.outcomes, "recipe")
    if not built and topic in ("maturity", "cost"):
        return "unknown", word("trust.silent.given")
    if topic == "maturity":
        return "pass", word("trust.silent.maturity")
    if topic == "cost":
        priced = _settings(evidence).get("costs")
        return ("pass" if priced in ("prices", "column") else "unknown"), word(
            "trust.silent.cost" if priced in ("prices", "column") else "trust.silent.no_cost"
        )
    return "unknown", word("trust.silent.unchecked")


def _settings(evidence: Evidence) -> Any:
    return {} if evidence.outcomes is None else evidence.outcomes.recipe.settings


def excluded_table(findings: Sequence[Finding]) -> DisplayTable | None:
    """How many rows of each table count, and how many were left out for which reason; None without outcomes."""
    counted = {name: finding.values for name, code in _ROWS.items() for finding in findings if finding.code == code}
    if not counted:
        return None
    columns = (
        DisplayColumn(head("table")),
        *(DisplayColumn(head(f"rows_{name}"), "count") for name in ("all", "used", *_LEFT)),
    )
    rows = tuple(
        (word(f"trust.table.{name}"), values["rows"], values["used"], *(values[reason] for reason in _LEFT))
        for name, values in counted.items()
    )
    return DisplayTable(columns, rows, title=word("trust.excluded"))
