"""The channels section: what did each step cause, who gets the credit, and how far are the two apart?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.credit.readings import reading_sentences
from experiments.metrics import Rate
from experiments.post_mortem.first_screen import totals_of
from experiments.post_mortem.sections import channels_tables as tables
from experiments.post_mortem.sections.channels_charts import credit_chart, reconciliation_chart
from experiments.post_mortem.sections.channels_words import disagreement_sentence, gap_sentences, inbound_sentence
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, sentences_of
from experiments.post_mortem.sections.library_tables import library_tables
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.render.display import DisplayTable
    from attribution.credit import Credit
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Section

__all__ = ["build"]

_FURTHER = ("placebo", "calibration", "calibrated_credit")
_LISTED = ("model_comparison", "inbound", *_FURTHER)


def build(ground: Ground) -> Section | None:
    """The steps' effects, then credit under every model beside them; None without touches and conversions."""
    evidence, invalid = ground.evidence, ground.invalid
    credit = evidence.credit
    if credit is None:
        return None
    rows = credit.to_dicts()
    small = _small(rows, evidence.plan.report.min_cell)
    drawn = (
        reconciliation_chart(evidence, invalid),
        credit_chart([row for row in rows if row["channel"] not in small]),
    )
    return made_section(
        "channels",
        _answer(evidence, rows, invalid),
        charts=[chart for chart in drawn if chart is not None],
        tables=[*_caused(evidence), *_credited(evidence, credit, rows, small)],
        folded=_folded(evidence, small),
        paragraphs=_paragraphs(evidence, invalid),
        caption=word("credit_caption"),
        definitions=_definitions(evidence, credit, invalid),
        flag=flag_of(invalid),
    )


def _small(rows: Sequence[dict[str, Any]], limit: int) -> list[str]:
    """Channels with fewer credited conversions under every model than may be shown."""
    most: dict[str, float] = {}
    for row in rows:
        most[row["channel"]] = max(most.get(row["channel"], 0.0), abs(row["conversions"]))
    return [channel for channel, figure in most.items() if figure < limit and channel != "(none)"]


def _answer(evidence: Evidence, rows: Sequence[dict[str, Any]], invalid: str) -> str:
    if evidence.reconciliation is not None:
        if invalid:
            return word("chart.invalid", codes=invalid)
        total = totals_of(evidence.reconciliation.to_dicts())
        if total is not None:
            return word("channels.answer_total", **total)
    counted = sum(row["conversions"] for row in rows if row["model"] == rows[0]["model"]) if rows else 0
    return word("channels.answer", conversions=round(counted))


def _caused(evidence: Evidence) -> list[DisplayTable]:
    """What the experiment says, before any credit."""
    readout, steps = evidence.readout, evidence.steps
    declared = evidence.plan.experiment
    if readout is None or steps is None or declared is None:
        return []
    primary = readout.experiment.primary
    shown = []
    if isinstance(readout.experiment.metrics[primary], Rate):
        rows = [row for row in steps.to_dicts() if row["metric"] == primary]
        shown.append(tables.steps_table(rows, declared.steps, stepped=steps is not readout))
    if evidence.reconciliation is not None:
        reconciled = tables.without_small(evidence.reconciliation.to_dicts(), evidence.plan.report.min_cell)
        shown += [tables.reconciliation_table(reconciled), tables.gap_table(reconciled)]
    return shown


def _credited(
    evidence: Evidence, credit: Credit, rows: Sequence[dict[str, Any]], small: Sequence[str]
) -> list[DisplayTable]:
    """Who gets the credit, and how far the models disagree about it."""
    intervals = evidence.further.get("credit_intervals")
    notes = reading_sentences(credit)
    if intervals is not None:
        rows = intervals.to_dicts()
        notes.append(word("channels.credit_level", level=intervals.level))
    shown = [tables.credit_table(rows, word("channels.credit"), notes, limit=evidence.plan.report.min_cell)]
    compared = evidence.further.get("model_comparison")
    if compared is not None and compared.reassigned is not None:
        said = disagreement_sentence(compared)
        shown.append(tables.disagreement_table(compared.to_dicts(), said, hidden=small))
    return shown


def _folded(evidence: Evidence, small: Sequence[str]) -> list[DisplayTable]:
    """What may be looked up: without inbound touches, placebo credit, factors, calibrated credit."""
    shown = []
    inbound = evidence.further.get("inbound")
    if inbound is not None:
        shown.append(tables.inbound_table(inbound.to_dicts(), hidden=small))
    for name in _FURTHER:
        if name in evidence.further:
            said = (word("channels.calibrated_says"),) if name == "calibrated_credit" else ()
            shown += [replace(table, notes=said) for table in library_tables(evidence.further[name])]
    return shown


def _paragraphs(evidence: Evidence, invalid: str) -> list[str]:
    told: list[str] = []
    reconciled = evidence.reconciliation
    if reconciled is not None and not invalid:
        rows = tables.without_small(reconciled.to_dicts(), evidence.plan.report.min_cell)
        told += gap_sentences(rows, float(reconciled.recipe.settings["level"]))  # type: ignore[arg-type]
    if "inbound" in evidence.further:
        told.append(inbound_sentence(evidence.further["inbound"].to_dicts()))
    for name in _LISTED:
        if name in evidence.declined:
            told.append(word("channels.declined", what=word(f"result.{name}"), reason=evidence.declined[name].code))
    return told


def _definitions(evidence: Evidence, credit: Credit, invalid: str) -> list[str]:
    found = [credit.recipe]
    if evidence.reconciliation is not None:
        found.append(evidence.reconciliation.recipe)
    found += [evidence.further[name].recipe for name in _FURTHER if name in evidence.further]
    return list(dict.fromkeys(sentence for recipe in found for sentence in sentences_of(recipe, invalid)))
