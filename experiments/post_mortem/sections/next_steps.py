"""The section on what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.render.display import DisplayColumn, DisplayTable
from experiments.post_mortem.sections.ground import Ground, made_section
from experiments.post_mortem.words import contrast_words, head, listed, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.report.document import Decision, Section

__all__ = ["build", "leading"]

_ADVICE = {"PASS": "keep", "FAIL": "stop", "INCONCLUSIVE": "retest"}


def build(ground: Ground) -> Section:
    """What to do about every contrast."""
    evidence, decisions = ground.evidence, ground.decisions
    if not decisions:
        return made_section("next", word("next.no_threshold" if evidence.readout is not None else "next.no_holdout"))
    lead = leading(decisions)
    advice: dict[str, list[str]] = {}
    for decision in lead:
        advice.setdefault(_ADVICE.get(decision.verdict.word, "repair"), []).append(decision.arm)
    said = [word(f"next.{code}", arms=listed(dict.fromkeys(arms))) for code, arms in advice.items()]
    rows = [] if evidence.thresholds is None else evidence.thresholds.to_dicts()
    people = {
        (row["arm"], row["control"], row.get("segment"), row["threshold"]): row["people_needed"]
        for row in rows
        if row["verdict"] == "INCONCLUSIVE"
    }
    answer = word("next.answer", counts=word("list_separator").join(said))
    return made_section("next", answer, tables=(next_table(lead, people),))


def leading(decisions: Sequence[Decision]) -> list[Decision]:
    """The decision that leads each contrast."""
    first: dict[tuple[str, str | None], Decision] = {}
    for decision in decisions:
        first.setdefault((decision.contrast, decision.segment), decision)
    return list(first.values())


def next_table(decisions: Sequence[Decision], people: Mapping[Any, object]) -> DisplayTable:
    """What to do about each contrast, with the persons that would decide where it is undecided."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("verdict")),
        DisplayColumn(head("next"), "text", True),
        DisplayColumn(head("people"), "count"),
    )
    body = tuple(
        (
            contrast_words(d.arm, d.control, d.segment),
            d.threshold,
            d.verdict.word,
            d.next_step,
            people.get((d.arm, d.control, d.segment, d.threshold)),
        )
        for d in decisions
    )
    return DisplayTable(columns, body)
