"""The section on what to do next: what to scale, hold, stop, repeat or repair, with how many persons and waves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from attribution.core import messages
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from attribution.core.tables import Problems, open_table
from experiments.post_mortem.sections.ground import Ground, made_section
from experiments.post_mortem.words import contrast_words, head, listed, window_words, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Decision, Section
    from experiments.roi.result import Judged

__all__ = ["build", "leading", "verb_of", "waves_of"]

_MANY = 6  # contrasts named in one sentence
_VERBS = {"PASS": "scale", "FAIL": "stop", "INCONCLUSIVE": "retest"}


def build(ground: Ground) -> Section:
    """What to do about every contrast, and what to repair first."""
    evidence, decisions = ground.evidence, ground.decisions
    repairs = _repairs(evidence.findings()) if ground.invalid else None
    mended = () if repairs is None else (repairs,)
    if not decisions:
        answer = word("next.no_threshold" if evidence.readout is not None else "next.no_holdout")
        return made_section("next", word("steps.repair_first") if ground.invalid else answer, tables=mended)
    lead = leading(decisions)
    verbs: dict[str, list[str]] = {}
    for decision in lead:
        verbs.setdefault(verb_of(decision), []).append(_short(decision))
    said = [_told(verb, list(dict.fromkeys(arms)), many=len(lead) > _MANY) for verb, arms in verbs.items()]
    answer = word("next.answer", counts=word("list_separator").join(said))
    if ground.invalid:
        answer = word("steps.repair_first")
    return made_section(
        "next",
        answer,
        tables=(*mended, steps_table(evidence, lead)),
        paragraphs=_paragraphs(evidence, lead),
    )


def _told(verb: str, arms: list[str], *, many: bool) -> str:
    """A verb with the contrasts it is about; of many only how many."""
    return word(f"steps.{verb}_many", n=len(arms)) if many else word(f"steps.{verb}_these", arms=listed(arms))


def leading(decisions: Sequence[Decision]) -> list[Decision]:
    """The decision that leads each contrast."""
    first: dict[tuple[str, str | None], Decision] = {}
    for decision in decisions:
        first.setdefault((decision.contrast, decision.segment), decision)
    return list(first.values())


def verb_of(decision: Decision) -> str:
    """What to do: scale, contain (a guardrail got worse), hold, stop, retest or repair."""
    if "HARM_GUARDRAIL" in decision.reason:
        return "contain"
    if "GUARDRAIL_UNDECIDED" in decision.reason:
        return "hold"
    return _VERBS.get(decision.word, "repair")


def _short(decision: Decision) -> str:
    """The arm, with its segment when there is one."""
    return decision.arm if decision.segment is None else f"{decision.arm} · {decision.segment}"


def steps_table(evidence: Evidence, decisions: Sequence[Decision]) -> DisplayTable:
    """Verb, contrast, verdict and instruction, with the persons and waves that would decide where it is undecided."""
    judged = {
        (row.contrast.arm, row.contrast.control, row.contrast.segment, row.threshold): row
        for row in (() if evidence.thresholds is None else evidence.thresholds.judged)
    }
    waves = waves_of(evidence)
    columns = [
        DisplayColumn(word("steps.verb"), "text", True),
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("verdict")),
        DisplayColumn(head("next")),
        DisplayColumn(head("people"), "count"),
        *([DisplayColumn(word("steps.waves"), "count")] if waves else []),
    ]
    body = []
    for decision in decisions:
        row = judged.get((decision.arm, decision.control, decision.segment, decision.threshold))
        cells = [_people(decision, row), *([_waves(decision, row, waves)] if waves else [])]
        body.append((
            word(f"steps.{verb_of(decision)}"), contrast_words(decision.arm, decision.control, decision.segment),
            decision.threshold, decision.verdict.told, decision.next_step, *cells,
        ))  # fmt: skip
    return DisplayTable(tuple(columns), tuple(body), notes=_notes(evidence, decisions))


def _undecided(decision: Decision, row: Judged | None) -> bool:
    """Whether more persons are what lacks: the interval itself is undecided."""
    return row is not None and decision.word == "INCONCLUSIVE" and decision.reason in ("", "FEW_EVENTS")


def _people(decision: Decision, row: Judged | None) -> Cell | None:
    """The persons that would decide, or why there is no number."""
    if row is None or not _undecided(decision, row):
        return None
    if row.people.number is not None:
        return Cell(row.people.number)
    return Cell(None, note=word(f"steps.people.{row.people.reason or 'UNKNOWN'}"))


def _waves(decision: Decision, row: Judged | None, waves: int) -> Cell | None:
    """How many waves of the present size hold the persons that would decide."""
    if row is None or not _undecided(decision, row) or row.people.number is None:
        return None
    return Cell(math.ceil(row.people.number * waves / row.people.n))


def waves_of(evidence: Evidence) -> int:
    """In how many waves persons were assigned; 0 where the plan names no column of waves or no table has it."""
    declared = None if evidence.plan.experiment is None else evidence.plan.experiment.wave
    if declared is None:
        return 0
    for name in ("assignment", "outcomes"):
        if evidence.tables.get(name) is None:
            continue
        table = open_table(evidence.tables[name], name, evidence.plan.columns()[name], problems=Problems())
        if declared in table.names:
            return int(table.lazy().select(nw.col(declared).n_unique()).collect("pyarrow").item())
    return 0


def _notes(evidence: Evidence, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """What the persons needed presume."""
    undecided = any(decision.word == "INCONCLUSIVE" for decision in decisions)
    if not undecided or evidence.plan.costs is None:
        return ()
    return (word("steps.declared" if evidence.plan.costs.relevant_net is not None else "steps.if_true"),)


def _paragraphs(evidence: Evidence, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """How long a repetition takes at least."""
    declared = evidence.plan.experiment
    if declared is None or not any(decision.word == "INCONCLUSIVE" for decision in decisions):
        return ()
    return (word("steps.window", window=window_words(declared.window)), word("steps.not_no_effect"))


def _repairs(findings: Sequence[Finding]) -> DisplayTable | None:
    """What fails, and what to repair before anything else."""
    failed = {finding.code: finding for finding in findings if finding.status == "fail"}
    if not failed:
        return None
    columns = (
        DisplayColumn(head("code")),
        DisplayColumn(word("steps.wrong")),
        DisplayColumn(word("steps.repair_how"), "text", True),
    )
    rows = tuple((code, finding.text(), _mended(code)) for code, finding in failed.items())
    return DisplayTable(columns, rows, title=word("steps.repairs"))


def _mended(code: str) -> str:
    known = f"steps.mend.{code}"
    return word(known if messages.has(f"REPORT.{known}") else "steps.mend.other")
