"""The sections of the report: the question, one sentence of answer, chart, table, definitions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.credit.readings import reading_sentences
from experiments.post_mortem import pictures, tables
from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.execution import channel_activity
from experiments.post_mortem.scales import is_guarded_rate, is_return, scale_of
from experiments.post_mortem.words import listed, thing_words, window_words, word
from experiments.report.document import Decision, Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from attribution.core.recipe import Recipe
    from experiments.metrics import Metric
    from experiments.plan.schema import GuardrailPlan
    from experiments.post_mortem.evidence import Evidence

__all__ = ["leading", "sections_of"]

# Where a trial is not to be trusted, the words of the verdicts are not even explained: none is given.
_WORDS_OF_VERDICTS = "VERDICT_WORDS"
_WORDS = ("NO_HOLDOUT", "INVALID", "INCONCLUSIVE", "FAIL", "PASS")  # what is not known comes first
_ADVICE = {"PASS": "keep", "FAIL": "stop", "INCONCLUSIVE": "retest"}


def sections_of(evidence: Evidence, decisions: Sequence[Decision], trust_line: str, invalid: str) -> list[Section]:
    """Every section that the evidence allows, in the order of the report; ``invalid`` names the checks that fail."""
    made = [_purpose(evidence), _section("trust", trust_line)]
    if evidence.tables.get("touches") is not None:
        made.append(_execution(evidence))
    if evidence.readout is not None:
        made.append(_effect(evidence, invalid))
    if evidence.credit is not None:
        made.append(_channels(evidence, invalid))
    if evidence.thresholds is not None:
        made.append(_cost(evidence, decisions, invalid))
    made += [_next(evidence, decisions), _appendix(evidence, invalid)]
    return made


def leading(decisions: Sequence[Decision]) -> list[Decision]:
    """The decision that leads each contrast."""
    first: dict[tuple[str, str | None], Decision] = {}
    for decision in decisions:
        first.setdefault((decision.contrast, decision.segment), decision)
    return list(first.values())


def _section(name: str, answer: str, **parts: Any) -> Section:
    return Section(name=name, title=word(f"{name}.title"), question=word(f"{name}.question"), answer=answer, **parts)


def _flag(invalid: str) -> str:
    return word("flag.invalid", codes=invalid) if invalid else ""


def _sentences(recipe: Recipe, invalid: str) -> list[str]:
    pairs = zip(recipe.definitions, recipe.sentences(), strict=True)
    return [sentence for code, sentence in pairs if not (invalid and code == _WORDS_OF_VERDICTS)]


def _purpose(evidence: Evidence) -> Section:
    plan = evidence.plan
    declared = plan.experiment
    if declared is None or evidence.readout is None:
        return _section("purpose", word("purpose.credit_only"))
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
    table = tables.arms_table(evidence.persons(), plan.report.min_cell)
    return _section("purpose", answer, paragraphs=tuple(paragraphs), tables=(table,))


def _guardrail(evidence: Evidence, name: str, guard: GuardrailPlan) -> str:
    """A declared guardrail with its margin: of a rate in percentage points, of another metric in its own unit."""
    rate = is_guarded_rate(guard.column or name, _metrics(evidence))
    return word("purpose.guardrail" if rate else "purpose.guardrail_own", name=thing_words(name), margin=guard.margin)


def _metrics(evidence: Evidence) -> Mapping[str, Metric]:
    return {} if evidence.readout is None else evidence.readout.experiment.metrics


def _declared_thresholds(declared: Any) -> Iterable[float]:
    """Every declared threshold once, ascending: one list, or one for each segment."""
    if isinstance(declared, dict):
        return sorted({value for values in declared.values() for value in values})
    return sorted(declared)


def _execution(evidence: Evidence) -> Section:
    limit = evidence.plan.report.min_cell
    activity, small = channel_activity(evidence.plan, evidence.tables["touches"])
    total = sum(int(value) for value in activity.column("touches"))
    channels = len(set(activity.column("channel")))
    chart = pictures.execution_chart(activity)
    return _section(
        "execution",
        word("execution.answer", touches=total, channels=channels),
        charts=() if chart is None else (chart,),
        tables=(tables.activity_table(activity, small=small, limit=limit),),
    )


def _effect(evidence: Evidence, invalid: str) -> Section:
    readout = evidence.readout
    if readout is None or evidence.steps is None:  # unreachable: the caller has looked
        return _section("effect", "")
    order = order_of(evidence.plan, readout)
    rows = sorted(readout.to_dicts(), key=lambda row: order.index(row["arm"]) if row["arm"] in order else len(order))
    metrics, primary = readout.experiment.metrics, readout.experiment.primary
    shown = [
        tables.effect_table(rows, name, metric, word("effect.table", metric=thing_words(name)))
        for name, metric in metrics.items()
    ]
    steps = evidence.steps.to_dicts()
    stepped = evidence.steps is not readout
    if stepped:
        title = word("effect.steps", metric=thing_words(primary))
        shown.insert(list(metrics).index(primary) + 1, tables.effect_table(steps, primary, metrics[primary], title))
    # The answer is about the whole campaign: the last arm against the control.
    last = [row for row in rows if row["metric"] == primary and row["arm"] == steps[-1]["arm"]][-1]
    answer = _effect_answer(last, metrics[primary], readout.experiment.level)
    return _section(
        "effect",
        word("chart.invalid", codes=invalid) if invalid else answer,
        charts=(pictures.effects_chart(evidence, primary, metrics[primary], invalid),),
        tables=tuple(shown),
        paragraphs=(word("effect.steps_note"),) if stepped else (),
        definitions=_sentences(readout.recipe, invalid),
        flag=_flag(invalid),
    )


def _effect_answer(row: dict[str, Any], metric: Metric, level: float) -> str:
    scale = scale_of(metric)
    if row["low"] is None:
        names = {"arm": row["arm"], "control": row["control"], "metric": thing_words(row["metric"])}
        return word("effect.answer_none", **names, note=row["note"] or "–")
    return word(
        scale.answer,
        arm=row["arm"],
        control=row["control"],
        metric=thing_words(row["metric"]),
        value=format_value(row["value"], scale.level),
        base=format_value(row["value_control"], scale.level),
        difference=format_value(row["difference"], scale.change),
        ends=format_interval(row["low"], row["high"], scale.change),
        level=level,
    )


def _channels(evidence: Evidence, invalid: str) -> Section:
    credit = evidence.credit
    if credit is None:  # unreachable: the caller has looked
        return _section("channels", "")
    rows = credit.to_dicts()
    drawn = (pictures.reconciliation_chart(evidence, invalid), pictures.credit_chart(rows))
    shown = [tables.credit_table(rows, word("channels.credit"), reading_sentences(credit))]
    definitions = _sentences(credit.recipe, invalid)
    counted = sum(row["conversions"] for row in rows if row["model"] == rows[0]["model"]) if rows else 0
    answer = word("channels.answer", conversions=round(counted))
    if evidence.reconciliation is not None:
        reconciled = evidence.reconciliation.to_dicts()
        shown.append(tables.reconciliation_table(reconciled))
        definitions += _sentences(evidence.reconciliation.recipe, invalid)
        total = pictures.totals_of(reconciled)
        if invalid:
            answer = word("chart.invalid", codes=invalid)
        elif total is not None:
            answer = word("channels.answer_total", **total)
    return _section(
        "channels",
        answer,
        charts=[chart for chart in drawn if chart is not None],
        tables=shown,
        caption=word("credit_caption"),
        definitions=definitions,
        flag=_flag(invalid),
    )


def _cost(evidence: Evidence, decisions: Sequence[Decision], invalid: str) -> Section:
    thresholds = evidence.thresholds
    if thresholds is None:  # unreachable: the caller has looked
        return _section("cost", "")
    drawn = (pictures.net_benefit_chart(evidence, decisions, invalid), pictures.waterfall_chart(evidence, invalid))
    counts = Counter(decision.verdict.word for decision in decisions)
    ordered = sorted(counts.items(), key=lambda item: _WORDS.index(item[0]))
    said = listed(word("cost.of_word", word=name, number=number) for name, number in ordered)
    shown = [tables.threshold_table(thresholds.to_dicts())]
    guarded = tables.guardrail_table(thresholds.judged, _metrics(evidence))
    if guarded is not None:
        shown.append(guarded)
    parts = thresholds.waterfall().to_dicts()
    if parts:
        shown.append(tables.cost_parts_table(parts))
    return _section(
        "cost",
        word("cost.answer", verdicts=len(decisions), counts=said),
        charts=[chart for chart in drawn if chart is not None],
        tables=shown,
        paragraphs=(word("cost.no_correction"),),
        definitions=_sentences(thresholds.recipe, invalid),
        flag=_flag(invalid),
    )


def _next(evidence: Evidence, decisions: Sequence[Decision]) -> Section:
    if not decisions:
        return _section("next", word("next.no_threshold" if evidence.readout is not None else "next.no_holdout"))
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
    return _section("next", answer, tables=(tables.next_table(lead, people),))


def _appendix(evidence: Evidence, invalid: str) -> Section:
    recipes = list(evidence.recipes().items())
    sentences = list(dict.fromkeys(sentence for _, recipe in recipes for sentence in _sentences(recipe, invalid)))
    table = tables.recipes_table(recipes)
    return _section("appendix", word("appendix.answer"), tables=(table,), definitions=sentences)
