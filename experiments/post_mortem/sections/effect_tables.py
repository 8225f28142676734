"""The tables of the effect section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.post_mortem.scales import is_guarded_rate, scale_of
from experiments.post_mortem.words import contrast_words, head, interval_words, thing_words, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.formats import ValueKind
    from experiments.metrics import Metric

__all__ = ["effect_table", "guardrails_table"]


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


def guardrails_table(
    rows: Sequence[dict[str, Any]], metrics: Mapping[str, Metric], order: Sequence[str]
) -> DisplayTable:
    """Every guardrail of every arm: how much worse at most, the margin, and the reading.

    Args:
        rows: Rows of `Readout.guardrails`.
        metrics: The metrics by name.
        order: The arms in the order in which they are shown.
    """
    columns = (
        DisplayColumn(word("guardrail.head")), DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("guardrail.rise")), DisplayColumn(word("guardrail.margin")),
        DisplayColumn(word("guardrail.state"), decisive=True),
    )  # fmt: skip
    place = {arm: at for at, arm in enumerate(order)}
    body = []
    for row in sorted(rows, key=lambda row: place.get(row["arm"], len(place))):
        rate = row["scale"] != "relative" and is_guarded_rate(row["metric"], metrics)
        kind: ValueKind = "rate" if row["scale"] == "relative" else "per1000" if rate else "number"
        rise = row["note"] if row["worsening"] is None else _own(interval_words(
            row["worsening"], row["low"], row["high"], kind
        ), own=not rate)  # fmt: skip
        margin = None if row["margin"] is None else _own(format_value(row["margin"], kind), own=not rate)
        state = word(f"guardrail.{row['state']}")
        body.append((thing_words(row["metric"]), contrast_words(row["arm"], row["control"]), rise, margin, state))
    return DisplayTable(columns, tuple(body), title=word("effect.guardrails"), notes=(word("guardrail.note"),))


def _own(shown: str, *, own: bool) -> str:
    return word("guardrail.own", shown=shown) if own else shown
