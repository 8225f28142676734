"""The tables of the cost section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.scales import is_guarded_rate
from experiments.post_mortem.words import contrast_words, head, interval_words, thing_words, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.metrics import Metric
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.result import Judged

__all__ = ["cost_parts_table", "guardrail_table", "threshold_table"]

_PARTS = ("touch", "fixed", "incentive_incremental", "incentive_natural", "total")


def threshold_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """Every verdict with what it rests on."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("verdict"), "text", True),
        DisplayColumn(head("net"), "money", True),
        DisplayColumn(head("incremental_per_1000"), "ratio"),
        DisplayColumn(head("cost_per_1000"), "money"),
        DisplayColumn(head("price"), "money"),
    )
    body = tuple(
        (
            contrast_words(row["arm"], row["control"], row.get("segment")),
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


def guardrail_table(judged: Sequence[Judged], metrics: Mapping[str, Metric]) -> DisplayTable | None:
    """What each guardrail of each contrast says: the worsening, its bounds, the margin; rates per 1,000 persons."""
    rows: dict[tuple[str, str, str], tuple[object, ...]] = {}
    for row in judged:
        for reading in row.guardrails:
            name = reading.guardrail.metric
            label = contrast_words(row.contrast.arm, row.contrast.control)
            rows[row.contrast.arm, row.contrast.control, name] = (
                label,
                thing_words(name),
                *_worsening(reading, rate=is_guarded_rate(name, metrics)),
                word(f"guardrail.{reading.state}"),
            )
    if not rows:
        return None
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("guardrail.head")),
        DisplayColumn(word("guardrail.rise"), "per1000", decisive=True),
        DisplayColumn(word("guardrail.margin"), "per1000"),
        DisplayColumn(word("guardrail.state")),
    )
    return DisplayTable(columns, tuple(rows.values()), title=word("guardrail.title"), notes=(word("guardrail.note"),))


def _worsening(reading: GuardrailReading, *, rate: bool) -> tuple[object, object]:
    """The worsening with its bounds, and the margin; what is no rate says that it stands in its own unit."""
    if rate:
        return Cell(reading.value, reading.low, reading.high), reading.guardrail.margin
    shown = interval_words(reading.value, reading.low, reading.high, "number")
    margin = format_value(reading.guardrail.margin, "number")
    return tuple(Cell(None, note=word("guardrail.own", shown=text)) for text in (shown, margin))  # type: ignore[return-value]


def cost_parts_table(rows: Sequence[dict[str, Any]]) -> DisplayTable:
    """What 1,000 assigned persons of each arm cost, part by part."""
    amounts = {(row["arm"], row["part"]): row["end"] - row["start"] for row in rows}
    parts = [part for part in _PARTS if any(known == part for _, known in amounts)]
    columns = (
        DisplayColumn(head("arm")),
        *(DisplayColumn(word(f"chart.waterfall.{part}"), "money", decisive=part == "total") for part in parts),
    )
    arms = dict.fromkeys(arm for arm, _ in amounts)
    body = tuple((arm, *(amounts.get((arm, part)) for part in parts)) for arm in arms)
    return DisplayTable(columns, body, title=word("cost.parts"))
