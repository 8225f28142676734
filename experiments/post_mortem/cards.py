"""Decisions: one per contrast and threshold, with the fixed sentence and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.language import current_language
from experiments.post_mortem.words import contrast_words, word
from experiments.report.document import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from experiments.plan import Plan
    from experiments.roi import CostThresholds

__all__ = ["decisions_of", "lead_threshold"]


def decisions_of(plan: Plan, thresholds: CostThresholds | None) -> list[Decision]:
    """Every decision: contrasts with a declared gate first, then the plan's order.

    Those of one contrast stand together, the declared or the middle threshold first.
    """
    if thresholds is None:
        return []
    rows = thresholds.to_dicts()
    contrasts = list(dict.fromkeys((row["arm"], row["control"], row.get("segment")) for row in rows))
    gates = {(gate.arm, gate.segment) for gate in plan.gate}
    contrasts.sort(key=lambda contrast: (contrast[0], contrast[2]) not in gates)
    made: list[Decision] = []
    for arm, control, segment in contrasts:
        here = [row for row in rows if (row["arm"], row["control"], row.get("segment")) == (arm, control, segment)]
        made += _contrast(plan, thresholds, here)
    return made


def lead_threshold(values: Sequence[float], declared: Sequence[float]) -> float:
    """The threshold that a card shows large: the first declared one, else the middle one."""
    return next((value for value in declared if value in values), sorted(values)[(len(values) - 1) // 2])


def _contrast(plan: Plan, thresholds: CostThresholds, rows: Sequence[dict[str, Any]]) -> Iterator[Decision]:
    arm, control, segment = rows[0]["arm"], rows[0]["control"], rows[0].get("segment")
    declared = [
        gate.threshold
        for gate in plan.gate
        if (gate.arm, gate.segment) == (arm, segment) and gate.control in (None, control)
    ]
    lead = lead_threshold([row["threshold"] for row in rows], declared)
    for row in sorted(
        rows, key=lambda row: (row["threshold"] != lead, row["threshold"] not in declared, row["threshold"])
    ):
        verdict = thresholds.verdict(arm=arm, threshold=row["threshold"], control=control, segment=segment)
        yield Decision(
            contrast=contrast_words(arm, control),
            arm=arm,
            control=control,
            segment=segment,
            threshold=row["threshold"],
            verdict=verdict,
            sentence=thresholds.sentence(
                arm=arm, threshold=row["threshold"], control=control, segment=segment, lang=current_language()
            ),
            next_step=word(f"next.{_next(verdict.word, verdict.reason)}", arm=arm, control=control),
            declared=row["threshold"] in declared,
        )


def _next(verdict: str, reason: str) -> str:
    for code in ("HARM_GUARDRAIL", "GUARDRAIL_UNDECIDED", "FEW_EVENTS"):
        if code in reason:
            return code
    return verdict
