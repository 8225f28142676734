"""The cost section: at which cost per woken customer does it pay?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from experiments.post_mortem.sections import cost_further_charts as further
from experiments.post_mortem.sections import cost_tables as tables
from experiments.post_mortem.sections.cost_charts import net_benefit_chart, price_chart, waterfall_chart
from experiments.post_mortem.sections.cost_words import Key, key_of, leading, money_sentences
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, metrics_of, sentences_of
from experiments.post_mortem.sections.library_tables import library_tables
from experiments.post_mortem.whole import totals_table
from experiments.post_mortem.words import contrast_words, listed, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.recipe import Recipe
    from attribution.core.render.display import DisplayTable
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Chart, Decision, Section
    from experiments.roi import CostThresholds

__all__ = ["build"]

_WORDS = ("NO_HOLDOUT", "INVALID", "INCONCLUSIVE", "FAIL", "PASS")  # what is not known comes first
_FURTHER = ("break_even", "tipping_points", "marginal", "money", "value_of_woken", "budget", "monitor")
_LONG = 12  # rows above which a table is folded
_MANY = 4  # contrasts that the answer names


def build(ground: Ground) -> Section | None:
    """Every threshold with its verdict, then what follows from it; None where none is declared or can be judged."""
    evidence, invalid = ground.evidence, ground.invalid
    thresholds = evidence.thresholds
    if thresholds is None:
        return None
    open_tables, folded = _tables(ground, thresholds)
    return made_section(
        "cost",
        _answer(ground),
        charts=_charts(ground, thresholds),
        tables=open_tables,
        folded=folded,
        paragraphs=_paragraphs(evidence, invalid),
        definitions=_definitions(evidence, thresholds, invalid),
        flag=flag_of(invalid),
    )


def _answer(ground: Ground) -> str:
    counts = Counter(decision.verdict.word for decision in ground.decisions)
    ordered = sorted(counts.items(), key=lambda item: _WORDS.index(item[0]))
    said = listed(word("cost.of_word", word=name, number=number) for name, number in ordered)
    told = word("cost.answer", verdicts=len(ground.decisions), counts=said)
    if ground.invalid:
        return told
    passed = _passed(ground.decisions)
    if not passed:
        return word("cost.answer_none", counts=told)
    return told if len(passed) > _MANY else word("cost.answer_pass", passes=listed(passed), counts=told)


def _passed(decisions: Sequence[Decision]) -> list[str]:
    """Each contrast that passes, with the thresholds at which it does."""
    at: dict[Key, list[float]] = {}
    for decision in decisions:
        if decision.verdict.word == "PASS":
            at.setdefault((decision.arm, decision.control, decision.segment), []).append(decision.threshold)
    return [
        word(
            "cost.passes",
            contrast=contrast_words(*key),
            thresholds=listed(format_value(T, "money") for T in sorted(found)),
        )
        for key, found in at.items()
    ]


def _prices(ground: Ground, thresholds: CostThresholds) -> dict[Key, dict[str, Any]]:
    """One row of every contrast, the leading contrast first: its cost per incremental wake-up knows no threshold."""
    own = {key_of(row): row for row in reversed(thresholds.to_dicts())}
    return {key: own[key] for key in leading(ground.decisions) if key in own}


def _charts(ground: Ground, thresholds: CostThresholds) -> list[Chart]:
    evidence, invalid = ground.evidence, ground.invalid
    drawn = [net_benefit_chart(evidence, ground.decisions, invalid)]
    if not invalid:
        drawn.append(price_chart(_prices(ground, thresholds), [decision.threshold for decision in ground.decisions]))
    drawn.append(waterfall_chart(evidence, invalid))
    if not invalid:
        drawn += _further_charts(ground)
    return [chart for chart in drawn if chart is not None]


def _further_charts(ground: Ground) -> list[Chart | None]:
    found = ground.evidence.further
    drawn: list[Chart | None] = []
    if "marginal" in found:
        first = next(iter(leading(ground.decisions)), None)
        drawn.append(further.waves_chart(found["marginal"], None if first is None else first[:2]))
    if "money" in found:
        drawn.append(further.money_chart(found["money"]))
    if "budget" in found:
        drawn.append(further.budget_chart(found["budget"]))
    if "monitor" in found:
        gates = [gate.threshold for gate in ground.evidence.plan.gate]
        drawn.append(further.monitor_chart(found["monitor"], gates))
    return drawn


def _tables(ground: Ground, thresholds: CostThresholds) -> tuple[list[DisplayTable], list[DisplayTable]]:
    """The tables that stand open, and those behind their titles."""
    shown, folded = _verdicts(ground, thresholds)
    total = None if ground.invalid else totals_table(ground.evidence.plan, thresholds)
    if total is not None:
        shown.append(total)
    if not ground.invalid:
        more, behind = _further_tables(ground, thresholds)
        shown, folded = [*shown, *more], [*folded, *behind]
    guarded = tables.guardrail_table(thresholds.judged, metrics_of(ground.evidence))
    parts = thresholds.waterfall().to_dicts()
    if parts:
        shown.append(tables.cost_parts_table(parts))
    if guarded is not None:
        shown.append(guarded)
    long = [table for table in shown if len(table.rows) > _LONG]
    return [table for table in shown if len(table.rows) <= _LONG], [*long, *folded]


def _verdicts(ground: Ground, thresholds: CostThresholds) -> tuple[list[DisplayTable], list[DisplayTable]]:
    """Every row, the leading contrast first; where they are many, the leading thresholds stand before the others."""
    lead, values = leading(ground.decisions), _values(ground.evidence)
    order = list(lead)
    rows = sorted(
        (row for row in thresholds.to_dicts() if key_of(row) in lead), key=lambda row: order.index(key_of(row))
    )
    if len(rows) <= _LONG:
        return [tables.threshold_table(rows, word("cost.table"), values)], []
    first = [row for row in rows if row["threshold"] == lead[key_of(row)].threshold][:_LONG]
    short = tables.threshold_table(first, word("cost.table"), values)
    short = replace(short, notes=(*short.notes, word("cost.more_rows")))
    return [short], [tables.threshold_table(rows, word("cost.every"), values)]


def _values(evidence: Evidence) -> Mapping[str, float]:
    costs = evidence.plan.costs
    return {} if costs is None or costs.values is None else costs.values


def _further_tables(ground: Ground, thresholds: CostThresholds) -> tuple[list[DisplayTable], list[DisplayTable]]:
    found, values = ground.evidence.further, _values(ground.evidence)
    prices, lead = _prices(ground, thresholds), leading(ground.decisions)
    shown: list[DisplayTable] = []
    folded: list[DisplayTable] = []
    if "break_even" in found:
        tips = found["tipping_points"].to_dicts() if "tipping_points" in found else []
        table = tables.break_even_table(
            found["break_even"].to_dicts(), prices, tips, lead, tables.alone_of(thresholds.judged)
        )
        shown.append(replace(table, notes=(*table.notes, *tables.guardrail_notes(thresholds.judged, lead))))
        folded += [
            replace(table, title=word("cost.break_even_every")) for table in library_tables(found["break_even"])[1:]
        ]
    amount = None if ground.evidence.plan.costs is None else ground.evidence.plan.costs.acquisition
    if amount is not None:
        shown.append(tables.acquisition_table(prices, amount))
    if "marginal" in found:
        shown.append(tables.marginal_table(found["marginal"]))
        shown += [tables.waves_table(found["marginal"])] if found["marginal"].waves else []
    if "money" in found:
        shown += library_tables(found["money"])
    if "value_of_woken" in found:
        shown += (
            [tables.value_table(found["value_of_woken"], values)] if values else library_tables(found["value_of_woken"])
        )
    if "budget" in found:
        title = word("cost.budget", budget=found["budget"].budget)
        shown += [replace(table, title=title) for table in library_tables(found["budget"]) if table.rows]
    if "tipping_points" in found:
        turned = tables.tipping_table(found["tipping_points"].to_dicts(), tables.alone_of(thresholds.judged))
        folded += [] if turned is None else [turned]
    if "monitor" in found:
        folded += library_tables(found["monitor"])
    return shown, folded


def _paragraphs(evidence: Evidence, invalid: str) -> list[str]:
    if invalid:
        return [word("cost.invalid")]
    told = [word("cost.no_correction")]
    found = evidence.further
    if "tipping_points" in found and tables.tipping_table(found["tipping_points"].to_dicts()) is not None:
        told.append(word("cost.tipping_says"))
    if "marginal" in found:
        told += found["marginal"].sentences()
    told += _waves_unread(evidence)
    if "money" in found:
        told += money_sentences(found["money"])
    if "budget" in found:
        told += found["budget"].sentences()
    for name in _FURTHER:
        if name in evidence.declined:
            told.append(word("cost.declined", what=word(f"result.{name}"), reason=evidence.declined[name].code))
    return told


def _waves_unread(evidence: Evidence) -> list[str]:
    """Why waves that the plan asks for are not read."""
    declared = evidence.plan.experiment
    if evidence.plan.waves is None or declared is None:
        return []
    if declared.cluster is not None:
        return [word("cost.waves_clustered")]
    return [] if declared.wave else [word("cost.waves_unknown")]


def _definitions(evidence: Evidence, thresholds: CostThresholds, invalid: str) -> list[str]:
    found: Sequence[Recipe] = [thresholds.recipe, thresholds.totals().recipe, thresholds.waterfall().recipe]
    if not invalid:
        found = [*found, *(evidence.further[name].recipe for name in _FURTHER if name in evidence.further)]
    return list(dict.fromkeys(sentence for recipe in found for sentence in sentences_of(recipe, invalid)))
