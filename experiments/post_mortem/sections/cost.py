"""The cost section: at which cost per woken customer does it pay?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from experiments.post_mortem.sections.cost_charts import net_benefit_chart, waterfall_chart
from experiments.post_mortem.sections.cost_tables import cost_parts_table, guardrail_table, threshold_table
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, metrics_of, sentences_of
from experiments.post_mortem.words import listed, word

if TYPE_CHECKING:
    from experiments.report.document import Section

__all__ = ["build"]

_WORDS = ("NO_HOLDOUT", "INVALID", "INCONCLUSIVE", "FAIL", "PASS")  # what is not known comes first


def build(ground: Ground) -> Section | None:
    """Every threshold with its verdict; None where none is declared or can be judged."""
    evidence, decisions, invalid = ground.evidence, ground.decisions, ground.invalid
    thresholds = evidence.thresholds
    if thresholds is None:
        return None
    drawn = (net_benefit_chart(evidence, decisions, invalid), waterfall_chart(evidence, invalid))
    counts = Counter(decision.verdict.word for decision in decisions)
    ordered = sorted(counts.items(), key=lambda item: _WORDS.index(item[0]))
    said = listed(word("cost.of_word", word=name, number=number) for name, number in ordered)
    shown = [threshold_table(thresholds.to_dicts())]
    guarded = guardrail_table(thresholds.judged, metrics_of(evidence))
    if guarded is not None:
        shown.append(guarded)
    parts = thresholds.waterfall().to_dicts()
    if parts:
        shown.append(cost_parts_table(parts))
    return made_section(
        "cost",
        word("cost.answer", verdicts=len(decisions), counts=said),
        charts=[chart for chart in drawn if chart is not None],
        tables=shown,
        paragraphs=(word("cost.no_correction"),),
        definitions=sentences_of(thresholds.recipe, invalid),
        flag=flag_of(invalid),
    )
