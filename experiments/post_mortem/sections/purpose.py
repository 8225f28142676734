"""The purpose section: what was tried, on whom, and how would we know?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.scales import is_guarded_rate, is_return
from experiments.post_mortem.sections.ground import Ground, made_section, metrics_of
from experiments.post_mortem.words import head, listed, thing_words, window_words, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from experiments.plan.schema import GuardrailPlan
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section:
    """The declared question, the arms, who attests the assignment, the guardrails."""
    evidence = ground.evidence
    plan = evidence.plan
    declared = plan.experiment
    if declared is None or evidence.readout is None:
        return made_section("purpose", word("purpose.credit_only"))
    primary = evidence.readout.experiment.primary
    metric, window = thing_words(primary), window_words(declared.window)
    asked = "purpose.answer" if is_return(evidence.readout.experiment.metrics[primary]) else "purpose.answer_figure"
    answer = word(f"{asked}_no_cost", metric=metric, window=window)
    if plan.costs is not None:
        thresholds = listed(format_value(value, "money") for value in _declared_thresholds(plan.costs.thresholds))
        answer = word(asked, metric=metric, window=window, thresholds=thresholds)
    said = [text for text in (declared.who, declared.when, declared.how) if text]
    by = word("list_separator").join(map(str, said))
    paragraphs = [word("purpose.attested", by=by) if said else word("purpose.attested_plain")]
    if plan.guardrails:
        names = [_guardrail(evidence, name, guard) for name, guard in plan.guardrails.items()]
        paragraphs.append(word("purpose.guardrails", names=word("list_separator").join(names)))
    table = arms_table(evidence.persons(), plan.report.min_cell)
    return made_section("purpose", answer, paragraphs=tuple(paragraphs), tables=(table,))


def _guardrail(evidence: Evidence, name: str, guard: GuardrailPlan) -> str:
    """A declared guardrail with its margin: of a rate in percentage points, of another metric in its own unit."""
    rate = is_guarded_rate(guard.column or name, metrics_of(evidence))
    return word("purpose.guardrail" if rate else "purpose.guardrail_own", name=thing_words(name), margin=guard.margin)


def _declared_thresholds(declared: Any) -> Iterable[float]:
    """Every declared threshold once, ascending: one list, or one for each segment."""
    if isinstance(declared, dict):
        return sorted({value for values in declared.values() for value in values})
    return sorted(declared)


def arms_table(persons: Mapping[str, int], limit: int) -> DisplayTable:
    """Persons of each arm; an arm smaller than the limit keeps its name and loses its number."""
    columns = (DisplayColumn(head("arm")), DisplayColumn(head("persons"), "count"))
    rows = tuple((arm, n if n >= limit else Cell(None, note=f"< {limit}")) for arm, n in persons.items())
    return DisplayTable(columns, rows)
