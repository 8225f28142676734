"""The tables of the effect section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.post_mortem.scales import scale_of
from experiments.post_mortem.words import contrast_words, head, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.metrics import Metric

__all__ = ["effect_table"]


def effect_table(rows: Sequence[dict[str, Any]], name: str, metric: Metric, title: str) -> DisplayTable:
    """Compact: rates in percent and their differences per 1,000 persons, other metrics as they are, lift in percent."""
    here = [row for row in rows if row["metric"] == name]
    scale = scale_of(metric)
    columns = (
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("effect.value"), scale.level),
        DisplayColumn(word("effect.base"), scale.level),
        DisplayColumn(word(scale.heading), scale.change, decisive=True),
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
            Cell(row["difference"], row["low"], row["high"], note=_reason(row, row["low"])),
            Cell(row["relative"], row["relative_low"], row["relative_high"], note=_reason(row, row["relative_low"])),
            row["p_value"],
            row["p_adjusted"],
        )
        for row in here
    )
    return DisplayTable(columns, body, title=title)


def _reason(row: Mapping[str, Any], end: float | None) -> str:
    """Why a figure has no interval; nothing where it has one."""
    return str(row["note"] or "") if end is None else ""
