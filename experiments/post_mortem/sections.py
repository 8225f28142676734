"""The sections of the report: the question, one sentence of answer, chart, table, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label, records_table
from experiments.post_mortem import pictures
from experiments.post_mortem.execution import channel_activity
from experiments.post_mortem.words import contrast_words, word
from experiments.report.document import Chart, Decision, Section

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence

__all__ = ["sections_of"]

_EFFECT = ("arm", "control", "n", "value", "value_control", "difference", "low", "high", "relative", "relative_low",
           "relative_high", "p_value", "p_adjusted")  # fmt: skip
_THRESHOLD = ("threshold", "incremental_per_1000", "cost_per_1000")


def sections_of(evidence: Evidence, decisions: Sequence[Decision], trust_line: str) -> list[Section]:
    """Every section that the evidence allows, in the order of the report."""
    made = [_purpose(evidence), _trust(trust_line)]
    if evidence.tables.get("touches") is not None:
        made.append(_execution(evidence))
    if evidence.readout is not None:
        made.append(_effect(evidence))
    if evidence.credit is not None:
        made.append(_channels(evidence))
    if evidence.thresholds is not None:
        made.append(_cost(evidence, decisions))
    made += [_next(decisions), _appendix(evidence)]
    return made


def _section(name: str, answer: str, **parts: Any) -> Section:
    return Section(name=name, title=word(f"{name}.title"), question=word(f"{name}.question"), answer=answer, **parts)


def _purpose(evidence: Evidence) -> Section:
    plan = evidence.plan
    declared = plan.experiment
    if declared is None or evidence.readout is None:
        return _section("purpose", word("purpose.credit_only"))
    thresholds = [] if plan.costs is None else [format_value(value, "money") for value in plan.costs.thresholds]
    answer = word(
        "purpose.answer",
        metric=evidence.readout.experiment.primary,
        window=declared.window,
        thresholds=word("list_separator").join(thresholds) or word("purpose.no_thresholds"),
    )
    said = [text for text in (declared.who, declared.when, declared.how) if text]
    attested = word("purpose.attested", by="; ".join(map(str, said))) if said else word("purpose.attested_plain")
    rows = [(arm, n) for arm, n in evidence.persons().items()]
    table = DisplayTable(
        (DisplayColumn(column_label("arm")), DisplayColumn(column_label("persons"), "count")), tuple(rows)
    )
    return _section("purpose", answer, paragraphs=(attested,), tables=(table,))


def _trust(trust_line: str) -> Section:
    return _section("trust", trust_line)


def _execution(evidence: Evidence) -> Section:
    activity = channel_activity(evidence.plan, evidence.tables["touches"])
    total = sum(int(value) for value in activity.column("touches"))
    channels = len(set(activity.column("channel")))
    answer = word("execution.answer", touches=total, channels=channels)
    return _section("execution", answer, tables=(records_table(activity),))


def _effect(evidence: Evidence) -> Section:
    readout = evidence.readout
    if readout is None or evidence.steps is None:  # pragma: unreachable -- the caller has looked
        return _section("effect", "")
    rows = readout.to_dicts()
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    primary = readout.experiment.primary
    tables = [_effect_table(rows, metric, word("effect.table", metric=metric)) for metric in metrics]
    steps = evidence.steps.to_dicts()
    tables.insert(1, _effect_table(steps, primary, word("effect.steps", metric=primary)))
    return _section(
        "effect",
        readout.sentence(_language()),
        charts=(pictures.effects_chart(evidence, primary),),
        tables=tuple(tables),
        paragraphs=(word("effect.steps_note"),),
        definitions=readout.recipe.sentences(),
    )


def _language() -> str:
    from attribution.core.language import current_language

    return current_language()


def _effect_table(rows: Sequence[dict[str, Any]], metric: str, title: str) -> DisplayTable:
    """Compact: rates in percent, differences per 1,000 persons (money as it is), lift in percent."""
    here = [row for row in rows if row["metric"] == metric]
    rate = any("rate" in str(row["method"]) or "score" in str(row["method"]) for row in here)
    level, change = ("rate", "per1000") if rate else ("money", "money")
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(column_label("n"), "count"),
        DisplayColumn(column_label("value"), level),  # type: ignore[arg-type]
        DisplayColumn(column_label("value_control"), level),  # type: ignore[arg-type]
        DisplayColumn(word("effect.per1000" if rate else "effect.per_person"), change, True),  # type: ignore[arg-type]
        DisplayColumn(column_label("relative"), "rate"),
        DisplayColumn(column_label("p_value"), "p"),
        DisplayColumn(column_label("p_adjusted"), "p"),
    )
    body = tuple(
        (
            contrast_words(row["arm"], row["control"]),
            row["n"],
            row["value"],
            row["value_control"],
            Cell(row["difference"], row["low"], row["high"]),
            Cell(row["relative"], row["relative_low"], row["relative_high"]),
            row["p_value"],
            row["p_adjusted"],
        )
        for row in here
    )
    return DisplayTable(columns, body, title=title)


def _channels(evidence: Evidence) -> Section:
    credit = evidence.credit
    if credit is None:  # pragma: unreachable -- the caller has looked
        return _section("channels", "")
    charts = [chart for chart in (pictures.reconciliation_chart(evidence),) if chart is not None]
    tables = [credit_table(credit.to_dicts(), word("channels.credit"))]
    definitions = list(credit.recipe.sentences())
    if evidence.reconciliation is not None:
        tables += [block for block in evidence.reconciliation._display().blocks if isinstance(block, DisplayTable)]  # noqa: SLF001
        definitions += evidence.reconciliation.recipe.sentences()
    answer = charts[0].title if charts else word("channels.answer")
    return _section(
        "channels", answer, charts=charts, tables=tables, caption=word("credit_caption"), definitions=definitions
    )


def credit_table(rows: Sequence[dict[str, Any]], title: str) -> DisplayTable:
    """Channels by models, conversions; the share of all in the model's own column would hide the sums."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    credit = {(row["channel"], row["model"]): row["conversions"] for row in rows}
    columns = (DisplayColumn(column_label("channel")), *(DisplayColumn(model, "number") for model in models))
    body = [(channel, *(_tenth(credit.get((channel, model))) for model in models)) for channel in channels]
    total = (word("channels.total"), *(_tenth(sum(credit.get((c, m), 0.0) for c in channels)) for m in models))
    return DisplayTable(columns, (*body, total), title=title)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _cost(evidence: Evidence, decisions: Sequence[Decision]) -> Section:
    thresholds = evidence.thresholds
    if thresholds is None:  # pragma: unreachable -- the caller has looked
        return _section("cost", "")
    drawn: list[Chart | None] = [pictures.net_benefit_chart(evidence, decisions), pictures.waterfall_chart(evidence)]
    charts = [chart for chart in drawn if chart is not None]
    answer = charts[0].title if charts else word("cost.answer")
    return _section(
        "cost",
        answer,
        charts=charts,
        tables=(_threshold_table(thresholds.to_dicts()),),
        paragraphs=(word("cost.count", verdicts=len(decisions)),),
        definitions=thresholds.recipe.sentences(),
    )


def _threshold_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(column_label("threshold"), "money"),
        DisplayColumn(column_label("verdict"), "text", True),
        DisplayColumn(column_label("net_benefit_per_1000"), "money", True),
        DisplayColumn(column_label("incremental_per_1000"), "number"),
        DisplayColumn(column_label("cost_per_1000"), "money"),
        DisplayColumn(column_label("cost_per_incremental"), "money"),
    )
    body = tuple(
        (
            contrast_words(row["arm"], row["control"]),
            row["threshold"],
            row["verdict"],
            Cell(row["net_benefit_per_1000"], row["net_benefit_low"], row["net_benefit_high"]),
            row["incremental_per_1000"],
            row["cost_per_1000"],
            _price(row),
        )
        for row in rows
    )
    return DisplayTable(columns, body, title=word("cost.table"), notes=(word("cost.price_note"),))


def _price(row: dict[str, Any]) -> Cell:
    if row["cost_kind"] == "interval":
        return Cell(row["cost_per_incremental"], row["cost_per_incremental_low"], row["cost_per_incremental_high"])
    return Cell(row["cost_per_incremental"], note=word(f"cost.kind.{row['cost_kind']}"))


def _next(decisions: Sequence[Decision]) -> Section:
    lead = list({(d.contrast, d.segment): d for d in reversed(decisions)}.values())[::-1]
    steps = [f"{decision.contrast}: {decision.next_step}" for decision in lead]
    answer = word("next.answer") if steps else word("next.no_holdout")
    return _section("next", answer, paragraphs=tuple(steps))


def _appendix(evidence: Evidence) -> Section:
    recipes = [
        (name, source.recipe)
        for name, source in (
            ("credit", evidence.credit),
            ("outcomes", evidence.outcomes),
            ("readout", evidence.readout),
            ("thresholds", evidence.thresholds),
            ("reconciliation", evidence.reconciliation),
        )
        if source is not None and hasattr(source, "recipe")
    ]
    rows = [
        {"result": name, "method": recipe.method, "settings": _settings(recipe.settings), "fingerprint": recipe.fingerprint}
        for name, recipe in recipes
    ]
    fields = (Field("result", "text"), Field("method", "text"), Field("settings", "text"), Field("fingerprint", "text"))
    table = records_table(Records.from_rows(fields, rows))
    sentences = list(dict.fromkeys(sentence for _, recipe in recipes for sentence in recipe.sentences()))
    return _section("appendix", word("appendix.answer"), tables=(table,), definitions=sentences)


def _settings(settings: Any) -> str:
    return "; ".join(f"{key} = {value}" for key, value in sorted(settings.items()))
