"""The tables of the section on whom not to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.words import contrast_words, head, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Estimate
    from experiments.roi import CostThresholds
    from experiments.uplift.leave_alone import LeaveAlone, SegmentAdvice

__all__ = ["advice_table", "kept_table", "natural_rows", "natural_table"]


def advice_table(reading: LeaveAlone, worth: Mapping[str, float]) -> DisplayTable:
    """Every segment and arm: effect, net benefit, verdict, advice, and the cost that is spared without the contact."""
    columns = [
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("segment")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(head("threshold"), "money"),
        *([DisplayColumn(word("segments.value"), "money")] if worth else []),
        DisplayColumn(head("incremental_per_1000"), "per1000"),
        DisplayColumn(word("leave_alone.spared"), "money"),
        DisplayColumn(head("net"), "money", True),
        DisplayColumn(head("verdict")),
        DisplayColumn(word("leave_alone.advice"), "text", True),
    ]
    rows = tuple(_advised(row, worth) for row in reading.rows)
    return DisplayTable(tuple(columns), rows, title=word("leave_alone.table"))


def _advised(row: SegmentAdvice, worth: Mapping[str, float]) -> tuple[object, ...]:
    judged, contrast = row.judged, row.judged.contrast
    net, effect = judged.net, row.effect
    point = contrast.difference("woken")
    return (
        contrast_words(contrast.arm, contrast.control),
        contrast.segment,
        row.persons,
        judged.threshold,
        *([worth.get(str(contrast.segment))] if worth else []),
        Cell(point, note=row.note) if effect is None else Cell(point, effect.low, effect.high),
        1000.0 * contrast.difference("cost"),
        Cell(*_thousand(net)),
        judged.verdict.told,
        messages.text(f"ADVICE.{row.advice}"),
    )


def kept_table(rows: Sequence[SegmentAdvice]) -> DisplayTable:
    """What not contacting 1,000 persons of a segment keeps: its net benefit with the sign turned."""
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("segment")),
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(word("leave_alone.kept"), "money", True),
    )
    body = []
    for row in rows:
        contrast, (value, low, high) = row.judged.contrast, _thousand(row.judged.net)
        kept, least, most = (None if end is None else 0.0 - end for end in (value, high, low))
        named = (contrast_words(contrast.arm, contrast.control), contrast.segment, row.judged.threshold)
        body.append((*named, Cell(kept, least, most)))
    notes = (word("leave_alone.saves"),)
    return DisplayTable(columns, tuple(body), title=word("leave_alone.kept_table"), notes=notes)


def _thousand(net: Estimate) -> tuple[float | None, float | None, float | None]:
    """A net benefit per 1,000 persons with its interval."""
    value, low, high = (None if end is None else 1000.0 * end for end in (net.value, net.low, net.high))
    return value, low, high


def natural_rows(thresholds: CostThresholds) -> list[dict[str, float | str | None]]:
    """Incentives of each arm, and the part of natural returners with its interval; empty where costs are not split."""
    arms: dict[str, dict[str, dict[str, object]]] = {}
    for row in thresholds.waterfall().to_dicts():
        arms.setdefault(str(row["arm"]), {})[str(row["part"])] = row
    made: list[dict[str, float | str | None]] = []
    for arm, parts in arms.items():
        if "incentive_natural" not in parts or "incentive_incremental" not in parts:
            continue
        natural = parts["incentive_natural"]
        value, low, high = (natural[name] for name in ("per_1000", "per_1000_low", "per_1000_high"))
        total = float(str(value)) + float(str(parts["incentive_incremental"]["per_1000"]))
        if total > 0.0:
            made.append({"arm": arm, "all": total, "natural": value, "low": low, "high": high})  # type: ignore[dict-item]
    return made


def natural_table(rows: Sequence[Mapping[str, float | str | None]]) -> DisplayTable:
    """What each arm paid in incentives, and how much of it to customers who would have come anyway."""
    columns = (
        DisplayColumn(head("arm")),
        DisplayColumn(word("leave_alone.natural_all"), "money"),
        DisplayColumn(word("leave_alone.natural_part"), "money", True),
    )
    body = tuple((row["arm"], row["all"], Cell(row["natural"], row["low"], row["high"])) for row in rows)
    notes = (word("leave_alone.natural_note"),)
    return DisplayTable(columns, body, title=word("leave_alone.natural"), notes=notes)
