"""The words of the cost section: prices with their sets, where a verdict turns, what the money test says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.formats import format_interval, format_value
from attribution.core.render.display import Cell
from experiments.post_mortem.words import contrast_words, listed, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experiments.report.document import Decision
    from experiments.roi.money_result import MoneyTest

__all__ = [
    "Key", "key_of", "leading", "money_sentences", "money_words", "price_cell", "price_words", "reason_notes",
    "set_words", "short_price_cell", "tip_words", "turns_words", "verdict_words", "why_words",
]  # fmt: skip

Key = tuple[str, str, str | None]
_NARROW = str.maketrans("（）", "()")
_UNDEFINED = ("HARM", "NO_INCREMENT", "COST_SAVING")
_OVERRIDING = ("HARM_GUARDRAIL", "GUARDRAIL_UNDECIDED", "FEW_EVENTS", "MULTIPLICITY")


def key_of(row: Mapping[str, Any]) -> Key:
    """Arm, control and segment of a row."""
    return row["arm"], row["control"], row.get("segment")


def leading(decisions: Sequence[Decision]) -> dict[Key, Decision]:
    """The leading decision of every contrast, in the order of the cards."""
    found: dict[Key, Decision] = {}
    for decision in decisions:
        found.setdefault((decision.arm, decision.control, decision.segment), decision)
    return found


def why_words(codes: str, *, among: Iterable[str] | None = None) -> str:
    """Reasons in words, as far as the report has words for them."""
    named = [code for code in codes.split("; ") if code and (among is None or code in among)]
    told = [word(f"why.{code}") if messages.has(f"REPORT.why.{code}") else code for code in named]
    return word("list_separator").join(told)


def _overriding(row: Mapping[str, Any]) -> list[str]:
    """The codes of what decided a row instead of its interval; its price and its persons have codes of their own."""
    return [code for code in str(row["reason"]).split("; ") if code in _OVERRIDING]


def verdict_words(row: Mapping[str, Any]) -> str:
    """The word of a row, with what overrode its interval in brackets, as in "FAIL (HARM_GUARDRAIL)"."""
    codes = "; ".join(_overriding(row))
    return f"{row['verdict']} ({codes})" if codes else str(row["verdict"])


def reason_notes(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the codes in the brackets of a table mean; nothing where there are none."""
    codes = dict.fromkeys(code for row in rows for code in _overriding(row))
    if not codes:
        return []
    told = [word("cost.reason_one", name=code, why=why_words(code)) for code in codes]
    return [word("cost.reasons", told=word("list_separator").join(told))]


def set_words(low: float | None, high: float | None, kind: str) -> str:
    """The set of thresholds that the data cannot decide, whatever its shape."""
    if kind == "all":
        return word("cost.set.all")
    if low is None or high is None:
        return word("cost.set.empty")
    if kind == "complement":
        return word("cost.set.complement", low=low, high=high)
    if math.isinf(high):
        return word("cost.set.unbounded", low=low)
    return word("cost.set.interval", low=low, high=high)


def price_cell(row: Mapping[str, Any]) -> Cell:
    """The cost per incremental wake-up with its set; why there is none, with the set all the same."""
    value, low, high = (row[f"cost_per_incremental{end}"] for end in ("", "_low", "_high"))
    if value is not None and row["cost_kind"] == "interval" and high is not None and math.isfinite(high):
        return Cell(value, low, high)
    # A table has one kind of brackets, those of its intervals.
    shown = set_words(low, high, row["cost_kind"]).translate(_NARROW)
    if value is not None:
        return Cell(value, note=shown)
    return Cell(None, note=f"{_why_undefined(row)} {shown}".strip())


def _why_undefined(row: Mapping[str, Any]) -> str:
    return why_words(str(row.get("reason", row.get("note", ""))), among=_UNDEFINED)


def short_price_cell(row: Mapping[str, Any]) -> Cell:
    """The same where room is short."""
    value, low, high = (row[f"cost_per_incremental{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return Cell(None, note=word("cost.short.undefined"))
    if row["cost_kind"] != "interval" or low is None or high is None:
        return Cell(value, note=word("cost.short.open"))
    if math.isinf(high):
        return Cell(value, note=word("cost.short.unbounded", low=low))
    return Cell(value, low, high)


def price_words(row: Mapping[str, Any]) -> str:
    """As in "sms 43.9 yuan (38.5 to 55.2)"."""
    arm = row["arm"] if row.get("segment") is None else f"{row['arm']} ({row['segment']})"
    value, low, high = (row[f"cost_per_incremental{end}"] for end in ("", "_low", "_high"))
    shown = set_words(low, high, row["cost_kind"])
    if value is None:
        return word("chart.price.undefined", arm=arm, why=f"{_why_undefined(row)} {shown}".strip())
    return word("chart.price.one", arm=arm, price=format_value(value, "money"), set=shown)


def turns_words(tips: Sequence[Mapping[str, Any]]) -> str:
    """Where the verdict would be another word, as the value of a woken customer changes."""
    if not tips:
        return ""
    turned = [tip for tip in tips if tip["becomes"] is not None]
    if not turned:
        note = str(tips[0]["note"])
        held = note and note != "NO_VALUE"
        return word("cost.turn_held", why=why_words(note)) if held else word("cost.turn_none")
    told = [
        word(
            "cost.turn_above" if tip["tips_at"] > tip["base"] else "cost.turn_below",
            word=tip["becomes"],
            at=tip["tips_at"],
        )
        for tip in sorted(turned, key=lambda tip: float(tip["tips_at"]))
    ]
    return word("list_separator").join(told)


def tip_words(tips: Sequence[Mapping[str, Any]]) -> str:
    """Where one assumption turns a verdict, and into what."""
    if not tips:
        return ""
    turned = sorted((tip for tip in tips if tip["becomes"] is not None), key=lambda tip: float(tip["tips_at"]))
    if not turned:
        return turns_words(tips)
    kinds = {"money": "money", "factor": "number", "share": "rate"}
    told = [
        messages.text(
            "TIPPING.tip", {"at": format_value(tip["tips_at"], kinds[tip["unit"]]), "becomes": tip["becomes"]}
        )
        for tip in turned
    ]
    return word("list_separator").join(told)


def money_sentences(found: MoneyTest) -> list[str]:
    """What realised money says of every contrast, uncapped, and which of them a few large amounts carry."""
    rows = [row for row in found.to_dicts() if row["estimand"] == "all"]
    told = [word("cost.money_says", told=word("list_separator").join(money_words(row, found.level) for row in rows))]
    heavy = dict.fromkeys(
        contrast_words(str(finding.values["arm"]), str(finding.values["control"]))
        for finding in found.findings
        if finding.code == "HEAVY_TAIL"
    )
    return [*told, word("cost.heavy", contrasts=listed(heavy))] if heavy else told


def money_words(row: Mapping[str, Any], level: float) -> str:
    """One contrast's realised money with its interval; where there is none, the verdict alone."""
    contrast = contrast_words(row["arm"], row["control"], row.get("segment"))
    if row["money_low"] is None or row["money_high"] is None:
        return f"{contrast} {row['verdict']}"
    return word(
        "cost.money_one",
        contrast=contrast,
        word=row["verdict"],
        net=format_value(row["money_per_1000"], "money"),
        level=level,
        ends=format_interval(row["money_low"], row["money_high"], "money"),
    )
