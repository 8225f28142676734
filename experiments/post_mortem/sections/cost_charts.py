"""The charts of the cost section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.sections.ground import bar_fields
from experiments.post_mortem.words import contrast_words, interval_words, listed, word
from experiments.report.document import Chart, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence

__all__ = ["net_benefit_chart", "waterfall_chart"]

_CURVE_POINTS = 49


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
        records=Records.from_rows(bar_fields("money"), rows),
        words={"x": word("chart.waterfall.x")},
    )
