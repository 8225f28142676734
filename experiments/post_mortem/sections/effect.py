"""The effect section: what did the campaign cause?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.scales import scale_of
from experiments.post_mortem.sections.effect_charts import effects_chart
from experiments.post_mortem.sections.effect_later import (
    later_charts,
    later_definitions,
    later_sentences,
    later_tables,
)
from experiments.post_mortem.sections.effect_tables import effect_table, guardrails_table
from experiments.post_mortem.sections.ground import Ground, flag_of, made_section, sentences_of
from experiments.post_mortem.words import thing_words, word

if TYPE_CHECKING:
    from attribution.core.render.display import DisplayTable
    from experiments.metrics import Metric
    from experiments.report.document import Section

__all__ = ["build"]


def build(ground: Ground) -> Section | None:
    """What the campaign caused; None without a randomised control."""
    evidence, invalid = ground.evidence, ground.invalid
    readout = evidence.readout
    if readout is None or evidence.steps is None:
        return None
    order = order_of(evidence.plan, readout)
    rows = sorted(readout.to_dicts(), key=lambda row: order.index(row["arm"]) if row["arm"] in order else len(order))
    metrics, primary = readout.experiment.metrics, readout.experiment.primary
    shown = [
        effect_table(rows, name, metric, word("effect.table", metric=thing_words(name)))
        for name, metric in metrics.items()
    ]
    steps = evidence.steps.to_dicts()
    stepped = evidence.steps is not readout
    if stepped:
        title = word("effect.steps", metric=thing_words(primary))
        shown.insert(list(metrics).index(primary) + 1, effect_table(steps, primary, metrics[primary], title))
    # The answer is about the whole campaign: the last arm against the control.
    last = [row for row in rows if row["metric"] == primary and row["arm"] == steps[-1]["arm"]][-1]
    answer = _effect_answer(last, metrics[primary], readout.experiment.level)
    later, folded = later_tables(ground)
    return made_section(
        "effect",
        word("chart.invalid", codes=invalid) if invalid else answer,
        charts=(effects_chart(evidence, primary, metrics[primary], invalid), *later_charts(ground)),
        tables=(*shown, *_guardrails(ground), *later),
        folded=folded,
        paragraphs=(*((word("effect.steps_note"),) if stepped else ()), *later_sentences(ground)),
        definitions=[*sentences_of(readout.recipe, invalid), *later_definitions(ground)],
        flag=flag_of(invalid),
    )


def _guardrails(ground: Ground) -> tuple[DisplayTable, ...]:
    """The guardrails where no threshold is declared; else they stand beside the verdicts that they hold back."""
    evidence = ground.evidence
    if evidence.readout is None or evidence.thresholds is not None or not evidence.plan.guardrails:
        return ()
    order = order_of(evidence.plan, evidence.readout)
    return (guardrails_table(evidence.readout.guardrails.to_dicts(), evidence.readout.experiment.metrics, order),)


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
