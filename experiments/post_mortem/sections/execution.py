"""The execution section: what was planned, sent, delivered, answered; who was reached, and who too often?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.sections.execution_charts import heads_chart, least_carried_out, stages_chart
from experiments.post_mortem.sections.execution_tables import (
    activity_table,
    caps_table,
    channels_table,
    contacts_by_arm,
    harms_table,
    reach_table,
    stages_table,
)
from experiments.post_mortem.sections.ground import Ground, made_section
from experiments.post_mortem.words import listed, window_words, word

if TYPE_CHECKING:
    from attribution.core.render.display import DisplayTable
    from experiments.post_mortem.execution import Execution
    from experiments.readout.result import Readout
    from experiments.report.document import Chart, Section
    from experiments.wakeup.pressure import ContactPressure

__all__ = ["build"]

_LEFT_OUT = ("PRESSURE_NO_ORIGIN", "PRESSURE_INBOUND", "PRESSURE_KINDS")  # which rows are no contacts


def build(ground: Ground) -> Section | None:
    """Touches by channel and stage, reach by arm, pressure and what it did; None without touches."""
    further = ground.evidence.further
    execution: Execution | None = further.get("execution")
    if execution is None:
        return None
    pressure: ContactPressure | None = further.get("pressure")
    limit = ground.evidence.plan.report.min_cell
    drawn = (stages_chart(execution), None if pressure is None else heads_chart(pressure, limit))
    charts: tuple[Chart, ...] = tuple(chart for chart in drawn if chart is not None)
    return made_section(
        "execution",
        _answer(execution, pressure),
        charts=charts,
        tables=_tables(ground, execution, pressure),
        folded=(activity_table(execution, limit),) if len(execution.activity) else (),
        paragraphs=_paragraphs(execution, pressure),
        definitions=_definitions(ground, execution, pressure),
    )


def _answer(execution: Execution, pressure: ContactPressure | None) -> str:
    if not execution.touches:
        return word("execution.none")
    counted = {"touches": execution.touches, "channels": execution.channels}
    least = least_carried_out(execution)
    if least is not None:
        return word("execution.answer_planned", **counted, **least)
    caps = [] if pressure is None else [row for row in pressure.records.to_dicts() if row["persons_beyond"] is not None]
    if not caps:
        return word("execution.answer", **counted)
    row = max(caps, key=lambda row: int(row["persons_beyond"]))
    told = counted | {"cap": row["cap"], "window": window_words(row["window"])}
    if not row["persons_beyond"]:
        kept = len(caps) == 1 or all(other["persons_beyond"] == 0 for other in caps)
        return word("execution.answer_cap_kept", **told) if kept else word("execution.answer", **counted)
    return word("execution.answer_cap", **told, beyond=row["persons_beyond"], persons=row["persons"])


def _tables(ground: Ground, execution: Execution, pressure: ContactPressure | None) -> tuple[DisplayTable, ...]:
    evidence, limit = ground.evidence, ground.evidence.plan.report.min_cell
    made = [stages_table(execution, limit)] if len(execution.records) or execution.small[0] else []
    if len(execution.reach):
        made.append(reach_table(execution))
    if pressure is not None:
        made.append(caps_table(pressure, limit, declared="pressure" in evidence.plan.model_fields_set))
        channels = channels_table(pressure, limit, list(dict.fromkeys(execution.records.column("channel"))))
        made += [] if channels is None else [channels]
    made += _caused(ground, pressure)
    return tuple(made)


def _caused(ground: Ground, pressure: ContactPressure | None) -> list[DisplayTable]:
    """What being contacted did, arm against control; nothing where the experiment cannot be trusted."""
    evidence = ground.evidence
    harms: Readout | None = evidence.further.get("harms")
    if ground.invalid or evidence.readout is None:
        return []
    made = [] if harms is None else [harms_table(harms, order_of(evidence.plan, evidence.readout))]
    if pressure is not None and pressure.arms is not None:
        made.append(contacts_by_arm(pressure.arms, order_of(evidence.plan, evidence.readout)))
    return made


def _paragraphs(execution: Execution, pressure: ContactPressure | None) -> tuple[str, ...]:
    missed = [
        word("execution.one_share", arm=row["arm"], share=1.0 - row["reached"])
        for row in execution.reach.to_dicts()
        if row["reached"] is not None
    ]
    made = [word("execution.compliance", shares=listed(missed))] if missed else []
    if execution.touches and pressure is None:
        made.append(word("execution.no_contact"))
    return tuple(made)


def _definitions(ground: Ground, execution: Execution, pressure: ContactPressure | None) -> list[str]:
    declared, readout = ground.evidence.plan.experiment, ground.evidence.readout
    made = list(execution.recipe.sentences())
    if len(execution.reach) and declared is not None and readout is not None:
        values = {"window": window_words(declared.window), "level": readout.experiment.level}
        made.append(word("execution.reach_definition", **values))
    if ground.evidence.further.get("harms") is not None and not ground.invalid:
        made.append(word("execution.harms_definition"))
    if pressure is not None:
        codes = zip(pressure.recipe.definitions, pressure.recipe.sentences(), strict=True)
        made += [sentence for code, sentence in codes if not (ground.invalid and code == "PRESSURE_ARMS")]
        made += [finding.text() for finding in pressure.findings if finding.code in _LEFT_OUT]
    return made
