"""Decisions: one per contrast and threshold, with the fixed sentence and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.language import current_language
from experiments.post_mortem.scales import is_guarded_rate
from experiments.post_mortem.words import contrast_words, listed, thing_words, word
from experiments.report.document import Decision
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, HARM_GUARDRAIL
from experiments.roi.wording import guarded_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from experiments.metrics import Metric
    from experiments.plan import Plan
    from experiments.roi import CostThresholds
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.verdicts import Verdict

__all__ = ["decisions_of", "lead_threshold"]


def decisions_of(
    plan: Plan, thresholds: CostThresholds | None, metrics: Mapping[str, Metric] | None = None
) -> list[Decision]:
    """Every decision: contrasts with a declared gate first, then the plan's order.

    Those of one contrast stand together, the declared or the middle threshold first.

    Args:
        plan: The plan.
        thresholds: The verdicts.
        metrics: The metrics of the readout by name: which guardrails are rates.
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
        made += _contrast(plan, thresholds, here, {} if metrics is None else metrics)
    return made


def lead_threshold(values: Sequence[float], declared: Sequence[float]) -> float:
    """The threshold that a card shows large: the first declared one, else the middle one."""
    return next((value for value in declared if value in values), sorted(values)[(len(values) - 1) // 2])


def _contrast(
    plan: Plan, thresholds: CostThresholds, rows: Sequence[dict[str, Any]], metrics: Mapping[str, Metric]
) -> Iterator[Decision]:
    arm, control, segment = rows[0]["arm"], rows[0]["control"], rows[0].get("segment")
    declared = [
        gate.threshold
        for gate in plan.gate
        if (gate.arm, gate.segment) == (arm, segment) and gate.control in (None, control)
    ]
    readings = {
        row.threshold: row.guardrails
        for row in thresholds.judged
        if (row.contrast.arm, row.contrast.control, row.contrast.segment) == (arm, control, segment)
    }
    lead = lead_threshold([row["threshold"] for row in rows], declared)
    for row in sorted(
        rows, key=lambda row: (row["threshold"] != lead, row["threshold"] not in declared, row["threshold"])
    ):
        verdict = thresholds.verdict(arm=arm, threshold=row["threshold"], control=control, segment=segment)
        guarded = readings.get(row["threshold"], ())
        yield Decision(
            contrast=contrast_words(arm, control),
            arm=arm,
            control=control,
            segment=segment,
            threshold=row["threshold"],
            verdict=verdict,
            sentence=_guarded(verdict, guarded, metrics)
            if verdict.reason in (HARM_GUARDRAIL, GUARDRAIL_UNDECIDED)
            else thresholds.sentence(
                arm=arm, threshold=row["threshold"], control=control, segment=segment, lang=current_language()
            ),
            next_step=_next_step(verdict, guarded, arm, control),
            declared=row["threshold"] in declared,
        )


def _guarded(verdict: Verdict, guarded: Sequence[GuardrailReading], metrics: Mapping[str, Metric]) -> str:
    """The fixed sentence on guardrails, with the names and the units that the report gives their metrics."""
    names = [reading.guardrail.metric for reading in guarded]
    rates = [name for name in names if is_guarded_rate(name, metrics)]
    return guarded_sentence(verdict, guarded, names={name: thing_words(name) for name in names}, rates=rates)


def _next_step(verdict: Verdict, guarded: Sequence[GuardrailReading], arm: str, control: str) -> str:
    """What to do; where more persons would decide, but a guardrail got worse already, that is said as well."""
    code = _next(verdict.word, verdict.reason)
    harmed = [thing_words(reading.guardrail.metric) for reading in guarded if reading.state == "harm"]
    if harmed and verdict.word == "INCONCLUSIVE":
        return word("next.INCONCLUSIVE_HARM", arm=arm, guardrails=listed(harmed))
    return word(f"next.{code}", arm=arm, control=control)


def _next(verdict: str, reason: str) -> str:
    for code in ("HARM_GUARDRAIL", "GUARDRAIL_UNDECIDED", "FEW_EVENTS"):
        if code in reason:
            return code
    return verdict
