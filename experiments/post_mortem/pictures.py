"""The charts of the report as records, with the finding as title and its numbers as alternative text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.scales import is_return, scale_of
from experiments.post_mortem.tables import step_words
from experiments.post_mortem.words import contrast_words, interval_words, kind_words, listed, thing_words, word
from experiments.report.document import Chart, Decision, Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.metrics import Metric
    from experiments.post_mortem.evidence import Evidence

__all__ = [
    "credit_chart",
    "effects_chart",
    "execution_chart",
    "figures_of",
    "figures_title",
    "net_benefit_chart",
    "reconciliation_chart",
    "totals_of",
    "waterfall_chart",
]

_COUNTS = (Field("value", "number"), Field("low", "number"), Field("high", "number"))
_CURVE_POINTS = 49
_UNATTRIBUTED = "(none)"


# --- the three figures of the first screen ---------------------------------------------------------------------------


def figures_of(evidence: Evidence) -> list[Figure]:
    """Touched, attributed (range over models), incremental (interval): the last arm against the control."""
    rows = _totals(evidence)
    if not rows or rows[0]["incremental"] is None:
        return []
    first, attributed = rows[0], sorted(row["attributed"] for row in rows)
    touched = float(first["touched"])
    ends = (first["incremental_low"], first["incremental_high"])
    return [
        Figure(label=word("figure.touched"), caption="", value=touched, low=touched, high=touched),
        Figure(
            label=word("figure.attributed", models=len(rows)),
            caption="",
            value=attributed[len(attributed) // 2],
            low=attributed[0],
            high=attributed[-1],
        ),
        Figure(label=word("figure.incremental"), caption="", value=first["incremental"], low=ends[0], high=ends[1]),
    ]


def figures_title(evidence: Evidence, invalid: str) -> tuple[str, str]:
    """The finding of the three figures, and what they are."""
    rows = _totals(evidence)
    values = totals_of(rows)
    if values is None:
        return "", ""
    first = rows[0]
    subtitle = word("figures.subtitle", arm=first["arm"], control=first["control"], persons=first["persons"])
    if invalid:
        return word("chart.invalid", codes=invalid), subtitle
    told = {**values, "touched": first["touched"]}
    clear = values["caused_low"] > 0 or values["caused_high"] < 0
    return word("figures.title" if clear else "figures.title_open", **told), subtitle


def totals_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Range of the models' credit and the effect of all steps together, in whole conversions."""
    total = [row for row in rows if row["step"] == "total"]
    if not total or total[0]["incremental"] is None:
        return None
    first, credited = total[0], [row["attributed"] for row in total]
    return {
        "arm": first["arm"],
        "low": round(min(credited)),
        "high": round(max(credited)),
        "caused": _round(first["incremental"]),
        "caused_low": _round(first["incremental_low"]),
        "caused_high": _round(first["incremental_high"]),
    }


def _round(value: float) -> float:
    return round(value) if math.isfinite(value) else value


def _totals(evidence: Evidence) -> list[dict[str, Any]]:
    if evidence.reconciliation is None:
        return []
    return [row for row in evidence.reconciliation.to_dicts() if row["step"] == "total"]


# --- effect ----------------------------------------------------------------------------------------------------------


def effects_chart(evidence: Evidence, primary: str, metric: Metric, invalid: str = "") -> Chart:
    """Forest of the steps of the primary metric: a rate per 1,000 assigned persons, another one in its own unit."""
    steps = [] if evidence.steps is None else evidence.steps.to_dicts()
    rows = [row for row in steps if row["metric"] == primary]
    kind = scale_of(metric).change
    drawn = [
        {
            "label": contrast_words(row["arm"], row["control"]),
            "value": row["difference"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in rows
    ]
    title = word("chart.invalid", codes=invalid) if invalid else _effects_title(rows, metric)
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], kind)}" for row in drawn]
    name = thing_words(primary)
    order = "steps" if evidence.steps is not evidence.readout else "control"
    unit = "per1000" if kind == "per1000" else "own"
    return Chart(
        name="chart-effects",
        kind="forest",
        title=title,
        subtitle=word(f"chart.effects.{order}.{unit}", metric=name),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows(
            (Field("label", "text"), Field("value", kind), Field("low", kind), Field("high", kind)), drawn
        ),
        words={"x": word(f"chart.effects.x.{unit}", metric=name), "zero": word("chart.effects.zero")},
    )


def _effects_title(rows: Sequence[dict[str, Any]], metric: Metric) -> str:
    groups: dict[str, list[str]] = {"open": [], "clear": [], "below": []}
    for row in rows:
        clear = row["low"] is not None and row["low"] > 0
        below = row["high"] is not None and row["high"] < 0
        groups["clear" if clear else "below" if below else "open"].append(row["arm"])
    if not groups["clear"] and not groups["below"]:
        return word("chart.effects.none")
    what = "woken" if is_return(metric) else "figure"
    codes = {"clear": f"{what}.clear", "below": f"{what}.below", "open": "open"}
    named = {"metric": thing_words(rows[0]["metric"])}
    parts = [
        word(f"chart.effects.{code}", arms=listed(groups[group]), **named)
        for group, code in codes.items()
        if groups[group]
    ]
    return word("list_separator").join(parts)


# --- cost ------------------------------------------------------------------------------------------------------------


def net_benefit_chart(evidence: Evidence, decisions: Sequence[Decision], invalid: str = "") -> Chart | None:
    """Net benefit of every contrast over a range of thresholds; the declared ones carry their verdict."""
    if evidence.thresholds is None or not decisions:
        return None
    declared = {(d.arm, d.control, d.segment, d.threshold): d.verdict.word for d in decisions}
    top = 1.3 * max(decision.threshold for decision in decisions)
    grid = sorted(
        {*(top * step / (_CURVE_POINTS - 1) for step in range(_CURVE_POINTS)), *(d.threshold for d in decisions)}
    )
    rows = [
        {
            "contrast": contrast_words(row["arm"], row["control"], row.get("segment")),
            "threshold": row["threshold"],
            "value": row["net_benefit_per_1000"],
            "low": row["net_benefit_low"],
            "high": row["net_benefit_high"],
            "word": declared.get((row["arm"], row["control"], row.get("segment"), row["threshold"]), ""),
        }
        for row in evidence.thresholds.curve(grid).to_dicts()
    ]
    fields = (Field("contrast", "text"), *(Field(name, "money") for name in ("threshold", "value", "low", "high")))
    title = word("chart.invalid", codes=invalid) if invalid else _paid(decisions)
    told = [_told(decision) for decision in decisions]
    return Chart(
        name="chart-net-benefit",
        kind="net_benefit",
        title=title,
        subtitle=word("chart.net_benefit.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows((*fields, Field("word", "text")), rows),
        words={name: word(f"chart.net_benefit.{name}") for name in ("x", "y")},
    )


def _told(decision: Decision) -> str:
    contrast = contrast_words(decision.arm, decision.control, decision.segment)
    net = decision.verdict.net_benefit
    shown = ""
    if net is not None and net.value is not None and net.low is not None and net.high is not None:
        shown = f" {interval_words(1000 * net.value, 1000 * net.low, 1000 * net.high, 'money')}"
    return f"{contrast} @ {format_value(decision.threshold, 'money')}: {decision.verdict.word}{shown}"


def _paid(decisions: Sequence[Decision]) -> str:
    """What each contrast's leading decision says, in one line."""
    lead: dict[tuple[str, str | None], Decision] = {}
    for decision in decisions:
        lead.setdefault((decision.contrast, decision.segment), decision)
    return word("list_separator").join(_paid_one(decision) for decision in lead.values())


def _paid_one(decision: Decision) -> str:
    known = decision.verdict.word if decision.verdict.word in ("PASS", "FAIL") else "INCONCLUSIVE"
    arm = decision.arm if decision.segment is None else f"{decision.arm} ({decision.segment})"
    return word(f"chart.net_benefit.{known}", arm=arm, T=decision.threshold)


def waterfall_chart(evidence: Evidence, invalid: str = "") -> Chart | None:
    """What 1,000 assigned persons of each arm cost, part by part."""
    parts = [] if evidence.thresholds is None else evidence.thresholds.waterfall().to_dicts()
    if not parts:
        return None
    rows: list[dict[str, Any]] = []
    leaks: list[str] = []
    for row in parts:
        role = {"incentive_natural": "leak", "total": "total"}.get(row["part"], "part")
        label = word(f"chart.waterfall.{row['part']}")
        rows.append({"group": row["arm"], "label": label, "role": role, "start": row["start"], "end": row["end"]})
        if role == "leak" and row["end"] > row["start"]:
            leaks.append(f"{row['arm']} {format_value(row['end'] - row['start'], 'money')}")
    title = word("chart.waterfall.title", leaks=listed(leaks)) if leaks else word("chart.waterfall.plain")
    if invalid:
        title = word("chart.invalid", codes=invalid)
    told = [f"{row['group']}, {row['label']}: {format_value(row['end'] - row['start'], 'money')}" for row in rows]
    return Chart(
        name="chart-waterfall",
        kind="waterfall",
        title=title,
        subtitle=word("chart.waterfall.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows(_bar_fields("money"), rows),
        words={"x": word("chart.waterfall.x")},
    )


def _bar_fields(kind: str) -> tuple[Field, ...]:
    texts = (Field("group", "text"), Field("label", "text"), Field("role", "text"))
    return (*texts, Field("start", kind), Field("end", kind))  # type: ignore[arg-type]


# --- credit and execution --------------------------------------------------------------------------------------------


def reconciliation_chart(evidence: Evidence, invalid: str = "") -> Chart | None:
    """Touched, attributed and incremental of every step under one ruler; untested channels say so."""
    if evidence.reconciliation is None:
        return None
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in evidence.reconciliation.to_dicts():
        if row["step"] != "total":
            groups.setdefault((row["step"], row["channels"]), []).append(row)
    drawn = [line for group in groups.values() for line in _three(group)]
    if not drawn:
        return None
    untested = [channels for step, channels in groups if step == "untested"]
    title = word("chart.reconcile.title")
    if invalid:
        title = word("chart.invalid", codes=invalid)
    elif untested:
        title = word("chart.reconcile.untested", channels=listed(untested))
    told = [
        f"{row['group']}, {row['label']}: {_counted(row['value'], row['low'], row['high'])}"
        for row in drawn
        if row["value"] is not None
    ]
    return Chart(
        name="chart-reconcile",
        kind="ruler",
        title=title,
        subtitle=word("chart.reconcile.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows(
            (Field("group", "text"), Field("label", "text"), Field("role", "text"), *_COUNTS), drawn
        ),
        words={"x": word("chart.reconcile.x"), "untested": word("chart.reconcile.untested_word")},
    )


def _counted(value: float, low: float | None, high: float | None) -> str:
    shown = format_value(round(value), "count")
    if low is None or high is None or low == high:
        return shown
    return f"{shown} ({format_interval(_round(low), _round(high), 'count')})"


def _three(group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    first = group[0]
    attributed = sorted(row["attributed"] for row in group)
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
    return [{"group": step_words(first["step"], first["arm"], first["channels"]), **line} for line in lines]


def credit_chart(rows: Sequence[dict[str, Any]]) -> Chart | None:
    """Credited conversions by channel: the middle model and the range over the models."""
    channels = [name for name in dict.fromkeys(row["channel"] for row in rows) if name != _UNATTRIBUTED]
    if not channels:
        return None
    drawn = []
    for channel in channels:
        credited = sorted(row["conversions"] for row in rows if row["channel"] == channel)
        middle = credited[len(credited) // 2]
        drawn.append({"label": channel, "value": middle, "low": credited[0], "high": credited[-1]})
    models = len({row["model"] for row in rows})
    widest = max(drawn, key=lambda row: (row["high"] - row["low"], row["high"]))
    code = "one" if widest["low"] == widest["high"] else "title"
    largest = max(drawn, key=lambda row: row["high"]) if code == "one" else widest
    values = {"channel": largest["label"], "low": round(largest["low"]), "high": round(largest["high"])}
    if code == "one":
        del values["low"]
    title = word(f"chart.credit.{code}", **values)
    told = [f"{row['label']}: {_counted(row['value'], row['low'], row['high'])}" for row in drawn]
    return Chart(
        name="chart-credit",
        kind="forest",
        title=title,
        subtitle=word("chart.credit.subtitle", models=models),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows((Field("label", "text"), *_COUNTS), drawn),
        words={"x": word("chart.credit.x"), "zero": word("chart.credit.zero"), "role": "credit"},
    )


def execution_chart(activity: Records) -> Chart | None:
    """Touches by channel and kind."""
    counted = activity.to_dicts()
    if not counted:
        return None
    rows = [
        {"group": row["channel"], "label": kind_words(row["kind"]), "role": "part", "start": 0, "end": row["touches"]}
        for row in counted
    ]
    totals: dict[str, int] = {}
    for row in counted:
        totals[row["channel"]] = totals.get(row["channel"], 0) + row["touches"]
    most = max(totals, key=lambda channel: totals[channel])
    title = word("chart.execution.title", channel=most, touches=totals[most], total=sum(totals.values()))
    told = [f"{row['group']} {row['label']}: {format_value(row['end'], 'count')}".replace(" :", ":") for row in rows]
    return Chart(
        name="chart-execution",
        kind="waterfall",
        title=title,
        subtitle=word("chart.execution.subtitle"),
        alt=f"{title}. {'; '.join(told)}",
        records=Records.from_rows(_bar_fields("count"), rows),
        words={"x": word("chart.execution.x")},
    )
