"""The purpose section: what was tried, on whom, and how would we know?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.formats import format_value
from experiments.post_mortem.scales import is_guarded_rate, is_return
from experiments.post_mortem.sections.ground import Ground, made_section, metrics_of
from experiments.post_mortem.sections.population import parts
from experiments.post_mortem.sections.purpose_tables import (
    arms_table,
    changes_table,
    declared_table,
    declared_thresholds,
)
from experiments.post_mortem.words import listed, thing_words, window_words, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experiments.plan.schema import GuardrailPlan
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section:
    """The declared question, who attests the assignment, when the plan was locked, plan against done."""
    evidence = ground.evidence
    charts, told, paragraphs, definitions = parts(ground)
    tables = [] if evidence.readout is None else [arms_table(evidence.persons(), evidence.plan)]
    changed = changes_table(evidence)
    tables += [declared_table(evidence), *([] if changed is None else [changed])]
    return made_section(
        "purpose",
        _answer(evidence),
        charts=charts,
        tables=(*tables, *told),
        paragraphs=(*_paragraphs(evidence), *paragraphs),
        definitions=definitions,
    )


def _answer(evidence: Evidence) -> str:
    plan, declared = evidence.plan, evidence.plan.experiment
    if declared is None or evidence.readout is None:
        return word("purpose.credit_only")
    primary = evidence.readout.experiment.primary
    metric, window = thing_words(primary), window_words(declared.window)
    asked = "purpose.answer" if is_return(evidence.readout.experiment.metrics[primary]) else "purpose.answer_figure"
    if plan.costs is None:
        return word(f"{asked}_no_cost", metric=metric, window=window)
    thresholds = listed(format_value(value, "money") for value in declared_thresholds(plan.costs.thresholds))
    return word(asked, metric=metric, window=window, thresholds=thresholds)


def _paragraphs(evidence: Evidence) -> Iterator[str]:
    """When the plan was locked, who attests the assignment, and what must not get worse."""
    plan, declared = evidence.plan, evidence.plan.experiment
    locking = evidence.locking
    if locking is not None:
        yield locking.findings[0].text()
        if locking.lock is not None:
            yield word("plan.fingerprint", sha=locking.lock.sha256)
    if declared is None or evidence.readout is None:
        return
    said = [text for text in (declared.who, declared.when, declared.how) if text]
    by = word("list_separator").join(map(str, said))
    yield word("purpose.attested", by=by) if said else word("purpose.attested_plain")
    if plan.guardrails:
        names = [_guardrail(evidence, name, guard) for name, guard in plan.guardrails.items()]
        yield word("purpose.guardrails", names=word("list_separator").join(names))


def _guardrail(evidence: Evidence, name: str, guard: GuardrailPlan) -> str:
    """A declared guardrail with its margin: of a rate in percentage points, of another metric in its own unit."""
    rate = is_guarded_rate(guard.column or name, metrics_of(evidence))
    return word("purpose.guardrail" if rate else "purpose.guardrail_own", name=thing_words(name), margin=guard.margin)
