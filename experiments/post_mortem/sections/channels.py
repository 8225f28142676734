"""The channels section: who gets the credit, and how much of it did the campaign cause?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.credit.readings import reading_sentences
from experiments.post_mortem.first_screen import totals_of
from experiments.post_mortem.sections.channels_charts import credit_chart, reconciliation_chart
from experiments.post_mortem.sections.channels_tables import credit_table, reconciliation_table
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, sentences_of
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section | None:
    """Credit under every model beside the effect; None without touches and conversions."""
    evidence, invalid = ground.evidence, ground.invalid
    credit = evidence.credit
    if credit is None:
        return None
    rows = credit.to_dicts()
    drawn = (reconciliation_chart(evidence, invalid), credit_chart(rows))
    shown = [credit_table(rows, word("channels.credit"), reading_sentences(credit))]
    definitions = sentences_of(credit.recipe, invalid)
    counted = sum(row["conversions"] for row in rows if row["model"] == rows[0]["model"]) if rows else 0
    answer = word("channels.answer", conversions=round(counted))
    if evidence.reconciliation is not None:
        reconciled = evidence.reconciliation.to_dicts()
        shown.append(reconciliation_table(reconciled))
        definitions += sentences_of(evidence.reconciliation.recipe, invalid)
        total = totals_of(reconciled)
        if invalid:
            answer = word("chart.invalid", codes=invalid)
        elif total is not None:
            answer = word("channels.answer_total", **total)
    return made_section(
        "channels",
        answer,
        charts=[chart for chart in drawn if chart is not None],
        tables=shown,
        caption=word("credit_caption"),
        definitions=definitions,
        flag=flag_of(invalid),
    )
