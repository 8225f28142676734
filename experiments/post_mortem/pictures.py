"""The charts of the report as records, with the finding as title and its numbers as alternative text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.words import contrast_words, interval_words, word
from experiments.report.document import Chart, Decision, Figure

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence

__all__ = ["effects_chart", "figures_of", "net_benefit_chart", "reconciliation_chart", "waterfall_chart"]

_VALUE = (Field("value", "per1000"), Field("low", "per1000"), Field("high", "per1000"))
_CURVE_POINTS = 49


def figures_of(evidence: Evidence) -> list[Figure]:
    """Touched, attributed (range over models), incremental (interval): the last arm against the control."""
    if evidence.reconciliation is None:
        return []
    rows = [row for row in evidence.reconciliation.to_dicts() if row["step"] == "total"]
    if not rows or rows[0]["incremental"] is None:
        return []
    first = rows[0]
    attributed = sorted(row["attributed"] for row in rows)
    middle = attributed[len(attributed) // 2]
    touched = float(first["touched"])
    return [
        Figure(label=word("figure.touched"), caption="", value=touched, low=touched, high=touched),
        Figure(
            label=word("figure.attributed", models=len(rows)), caption="", value=middle, low=attributed[0], high=attributed[-1]
        ),
        Figure(
            label=word("figure.incremental"),
            caption="",
            value=first["incremental"],
            low=first["incremental_low"],
            high=first["incremental_high"],
        ),
    ]


def effects_chart(evidence: Evidence, metric: str) -> Chart:
    """Forest of the steps of the primary metric, per 1,000 assigned persons."""
    rows = [row for row in _steps(evidence) if row["metric"] == metric]
    drawn = [
        {
            "label": contrast_words(row["arm"], row["control"]),
            "value": row["difference"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in rows
    ]
    clear = [row["arm"] for row in rows if row["low"] is not None and row["low"] > 0]
    below = [row["arm"] for row in rows if row["high"] is not None and row["high"] < 0]
    title = word("chart.effects.none")
    if clear:
        title = word("chart.effects.clear", arms=word("list_separator").join(clear))
    elif below:
        title = word("chart.effects.below", arms=word("list_separator").join(below))
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], 'per1000')}" for row in drawn]
    return Chart(
        name="chart-effects",
        kind="forest",
        title=title,
        subtitle=word("chart.effects.subtitle", metric=metric),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows((Field("label", "text"), *_VALUE), drawn),
        words={"x": word("chart.effects.x", metric=metric), "zero": word("chart.effects.zero")},
    )


def _steps(evidence: Evidence) -> list[dict[str, Any]]:
    return [] if evidence.steps is None else evidence.steps.to_dicts()


def net_benefit_chart(evidence: Evidence, decisions: Sequence[Decision]) -> Chart | None:
    """Net benefit of every contrast over a range of thresholds; the declared ones carry their verdict."""
    if evidence.thresholds is None or not decisions:
        return None
    declared = {(d.arm, d.control, d.segment, d.threshold): d.verdict.word for d in decisions}
    top = 1.3 * max(decision.threshold for decision in decisions)
    grid = sorted({*(top * step / (_CURVE_POINTS - 1) for step in range(_CURVE_POINTS)), *(d.threshold for d in decisions)})
    rows = [
        {
            "contrast": contrast_words(row["arm"], row["control"]),
            "threshold": row["threshold"],
            "value": row["net_benefit_per_1000"],
            "low": row["net_benefit_low"],
            "high": row["net_benefit_high"],
            "word": declared.get((row["arm"], row["control"], row.get("segment"), row["threshold"]), ""),
        }
        for row in evidence.thresholds.curve(grid).to_dicts()
        if row.get("segment") is None
    ]
    fields = (Field("contrast", "text"), *(Field(name, "money") for name in ("threshold", "value", "low", "high")))
    shown = [decision for decision in decisions if decision.segment is None]
    lead = [next(d for d in shown if d.contrast == contrast) for contrast in dict.fromkeys(d.contrast for d in shown)]
    title = word("list_separator").join(_paid(decision) for decision in lead)
    told = [f"{d.contrast} @ {format_value(d.threshold, 'money')}: {d.verdict.word}" for d in shown]
    return Chart(
        name="chart-net-benefit",
        kind="net_benefit",
        title=title,
        subtitle=word("chart.net_benefit.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows((*fields, Field("word", "text")), rows),
        words={"x": word("chart.net_benefit.x"), "y": word("chart.net_benefit.y")},
    )


def _paid(decision: Decision) -> str:
    known = decision.verdict.word if decision.verdict.word in ("PASS", "FAIL") else "INCONCLUSIVE"
    return word(f"chart.net_benefit.{known}", arm=decision.arm, T=decision.threshold)


def reconciliation_chart(evidence: Evidence) -> Chart | None:
    """Touched, attributed and incremental of every step under one ruler; untested channels say so."""
    if evidence.reconciliation is None:
        return None
    rows = evidence.reconciliation.to_dicts()
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["step"] != "total":
            groups.setdefault((row["step"], row["channels"]), []).append(row)
    drawn = [line for (step, channels), group in groups.items() for line in _ruler_lines(step, channels, group)]
    told = [
        f"{line['group']}: {line['label']} {format_value(round(line['value']), 'count')}"
        for line in drawn
        if line["value"] is not None
    ]
    untested = [channels for step, channels in groups if step == "untested"]
    title = word("chart.reconcile.title")
    if untested:
        title = word("chart.reconcile.untested", channels=word("list_separator").join(untested))
    fields = (Field("group", "text"), Field("label", "text"), Field("role", "text"))
    numbers = tuple(Field(name, "number") for name in ("value", "low", "high"))
    return Chart(
        name="chart-reconciliation",
        kind="ruler",
        title=title,
        subtitle=word("chart.reconcile.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows((*fields, *numbers), drawn),
        words={"x": word("chart.reconcile.x"), "untested": word("chart.reconcile.untested_word")},
    )


def _ruler_lines(step: str, channels: str, group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    first = group[0]
    attributed = sorted(row["attributed"] for row in group)
    name = channels if step == "untested" else f"{step}: {channels}"
    touched = float(first["touched"])
    lines = [
        {"label": word("figure.touched"), "role": "touched", "value": touched, "low": touched, "high": touched},
        {
            "label": word("figure.attributed", models=len(group)),
            "role": "attributed",
            "value": attributed[len(attributed) // 2],
            "low": attributed[0],
            "high": attributed[-1],
        },
        {
            "label": word("figure.incremental"),
            "role": "incremental",
            "value": first["incremental"],
            "low": first["incremental_low"],
            "high": first["incremental_high"],
        },
    ]
    return [{"group": name, **line} for line in lines]


def waterfall_chart(evidence: Evidence) -> Chart | None:
    """What 1,000 assigned persons of each arm cost, part by part."""
    if evidence.thresholds is None:
        return None
    rows: list[dict[str, Any]] = []
    leaks: list[str] = []
    for row in evidence.thresholds.waterfall().to_dicts():
        role = {"incentive_natural": "leak", "total": "total"}.get(row["part"], "part")
        rows.append(
            {
                "group": row["arm"],
                "label": word(f"chart.waterfall.{row['part']}"),
                "role": role,
                "start": row["start"],
                "end": row["end"],
            }
        )
        if role == "leak":
            leaks.append(f"{row['arm']} {format_value(round(row['end'] - row['start']), 'count')}")
    if not rows:
        return None
    title = word("chart.waterfall.title", leaks=word("list_separator").join(leaks)) if leaks else word("chart.waterfall.plain")
    totals = [f"{row['group']}: {format_value(row['end'], 'money')}" for row in rows if row["role"] == "total"]
    fields = (Field("group", "text"), Field("label", "text"), Field("role", "text"), Field("start", "money"), Field("end", "money"))
    return Chart(
        name="chart-waterfall",
        kind="waterfall",
        title=title,
        subtitle=word("chart.waterfall.subtitle"),
        alt=f"{title}. {'; '.join(totals)}",
        records=Records.from_rows(fields, rows),
        words={"x": word("chart.waterfall.x")},
    )


def effect_words(row: dict[str, Any]) -> str:
    """ "+4.6 (2.1 to 7.0) per 1,000"."""
    ends = format_interval(row["low"], row["high"], "per1000")
    return word("effect_words", difference=format_value(row["difference"], "per1000"), ends=ends)
