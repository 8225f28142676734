"""The charts of the effect section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.scales import is_return, scale_of
from experiments.post_mortem.words import alt_text, contrast_words, interval_words, listed, thing_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.metrics import Metric
    from experiments.post_mortem.evidence import Evidence

__all__ = ["effects_chart"]


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
        alt=alt_text(title, told),
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
        shown = format_value(row["difference"], scale_of(metric).change)
        groups["clear" if clear else "below" if below else "open"].append(f"{row['arm']} {shown}")
    if not groups["clear"] and not groups["below"]:
        return word("list_separator").join((word("chart.effects.none"), *groups["open"]))
    what = "woken" if is_return(metric) else "figure"
    codes = {"clear": f"{what}.clear", "below": f"{what}.below", "open": "open"}
    named = {"metric": thing_words(rows[0]["metric"])}
    parts = [
        word(f"chart.effects.{code}", arms=listed(groups[group]), **named)
        for group, code in codes.items()
        if groups[group]
    ]
    return word("list_separator").join(parts)
