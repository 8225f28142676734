"""The charts of the cost section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.sections.cost_words import key_of, leading, price_words, why_words
from experiments.post_mortem.sections.ground import bar_fields
from experiments.post_mortem.words import alt_text, contrast_words, interval_words, listed, word
from experiments.report.document import Chart, Decision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.sections.cost_words import Key

__all__ = ["net_benefit_chart", "price_chart", "waterfall_chart"]

_CURVE_POINTS = 49
_PANELS = 12  # contrasts abreast in one picture
_NAMED = 3  # contrasts that a title names
_MARKS = 5
_ENDS = ("value", "low", "high")
_GUARDED = ("HARM_GUARDRAIL", "GUARDRAIL_UNDECIDED")  # the net benefit lies above 0, and still the word is no PASS


def net_benefit_chart(evidence: Evidence, decisions: Sequence[Decision], invalid: str = "") -> Chart | None:
    """Net benefit of every contrast over a range of thresholds; the declared ones carry their verdict."""
    if evidence.thresholds is None or not decisions:
        return None
    keys = list(leading(decisions))
    shown = keys[:_PANELS]
    declared = {(d.arm, d.control, d.segment, d.threshold): d.verdict.word for d in decisions}
    top = 1.3 * max(decision.threshold for decision in decisions)
    grid = sorted(
        {*(top * step / (_CURVE_POINTS - 1) for step in range(_CURVE_POINTS)), *(d.threshold for d in decisions)}
    )
    rows = [
        {
            "contrast": contrast_words(*key_of(row)),
            "threshold": row["threshold"],
            "value": row["net_benefit_per_1000"],
            "low": row["net_benefit_low"],
            "high": row["net_benefit_high"],
            "word": declared.get((*key_of(row), row["threshold"]), ""),
        }
        for row in sorted(
            (row for row in evidence.thresholds.curve(grid).to_dicts() if key_of(row) in shown),
            key=lambda row: shown.index(key_of(row)),
        )
    ]
    fields = (Field("contrast", "text"), *(Field(name, "money") for name in ("threshold", "value", "low", "high")))
    title = word("chart.invalid", codes=invalid) if invalid else _paid(decisions)
    told = [_told(decision) for decision in decisions if (decision.arm, decision.control, decision.segment) in shown]
    some = {"shown": len(shown), "of": len(keys)}
    return Chart(
        name="chart-net-benefit",
        kind="net_benefit",
        title=title,
        subtitle=word("chart.net_benefit.some", **some)
        if len(shown) < len(keys)
        else word("chart.net_benefit.subtitle"),
        alt=alt_text(title, told),
        records=Records.from_rows((*fields, Field("word", "text")), rows),
        words={name: word(f"chart.net_benefit.{name}") for name in ("x", "y")},
    )


def _told(decision: Decision) -> str:
    contrast = contrast_words(decision.arm, decision.control, decision.segment)
    return f"{contrast} @ {format_value(decision.threshold, 'money')}: {decision.verdict.told}{_net(decision)}"


def _net(decision: Decision) -> str:
    net = decision.verdict.net_benefit
    if net is None or net.value is None or net.low is None or net.high is None:
        return ""
    return f" {interval_words(1000 * net.value, 1000 * net.low, 1000 * net.high, 'money')}"


def _paid(decisions: Sequence[Decision]) -> str:
    """What each contrast's leading decision says, in one line; the first with its figures."""
    lead = list(leading(decisions).values())[:_PANELS]
    told = [_paid_one(decision) for decision in lead]
    net = lead[0].verdict.net_benefit
    if net is not None and net.value is not None and net.low is not None and net.high is not None:
        ends = format_interval(1000 * net.low, 1000 * net.high, "money")
        value = format_value(1000 * net.value, "money")
        told[0] = word("chart.net_benefit.first", said=told[0], net=value, ends=ends)
    return word("list_separator").join(told)


def _paid_one(decision: Decision) -> str:
    known = decision.verdict.word if decision.verdict.word in ("PASS", "FAIL") else "INCONCLUSIVE"
    arm = decision.arm if decision.segment is None else f"{decision.arm} ({decision.segment})"
    reason = decision.verdict.reason
    if reason in _GUARDED:
        return word(f"chart.net_benefit.{reason}", arm=arm, T=decision.threshold)
    said = word(f"chart.net_benefit.{known}", arm=arm, T=decision.threshold)
    return word("chart.net_benefit.withheld", said=said, why=why_words(reason)) if reason else said


def price_chart(prices: Mapping[Key, dict[str, Any]], thresholds: Sequence[float]) -> Chart | None:
    """The cost per incremental wake-up of every contrast with its set, beside the declared thresholds.

    Args:
        prices: One row of the verdicts for every contrast, the leading ones first.
        thresholds: The declared thresholds.
    """
    rows = [row for row in list(prices.values())[:_PANELS] if row["cost_per_incremental"] is not None]
    drawn = [
        {
            "label": contrast_words(*key_of(row)),
            "value": row["cost_per_incremental"],
            "low": row["cost_per_incremental_low"],
            "high": row["cost_per_incremental_high"],
        }
        for row in rows
        if row["cost_kind"] == "interval"
    ]
    if not drawn:
        return None
    title = word(
        "chart.price.title",
        told=word("list_separator").join(price_words(row) for row in list(prices.values())[:_NAMED]),
    )
    told = [price_words(row) for row in list(prices.values())[:_PANELS]]
    marks = [(threshold, word("chart.price.mark", T=threshold)) for threshold in sorted(set(thresholds))[:_MARKS]]
    return Chart(
        name="chart-price",
        kind="forest",
        title=title,
        subtitle=word("chart.price.subtitle"),
        alt=alt_text(title, told),
        records=Records.from_rows((Field("label", "text"), *(Field(name, "money") for name in _ENDS)), drawn),
        words={"x": word("chart.price.x"), "zero": "0"},
        marks=marks,
    )


def _amount(row: Mapping[str, Any]) -> str:
    """A part of the cost, with its interval where there is one."""
    if row["per_1000_low"] is None or row["per_1000_high"] is None:
        return format_value(row["per_1000"], "money")
    return interval_words(row["per_1000"], row["per_1000_low"], row["per_1000_high"], "money")


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
            leaks.append(f"{row['arm']} {_amount(row)}")
    title = word("chart.waterfall.title", leaks=listed(leaks)) if leaks else word("chart.waterfall.plain")
    if invalid:
        title = word("chart.invalid", codes=invalid)
    told = [f"{row['arm']}, {word('chart.waterfall.' + row['part'])}: {_amount(row)}" for row in parts]
    return Chart(
        name="chart-waterfall",
        kind="waterfall",
        title=title,
        subtitle=word("chart.waterfall.subtitle"),
        alt=alt_text(title, told),
        records=Records.from_rows(bar_fields("money"), rows),
        words={"x": word("chart.waterfall.x")},
    )
