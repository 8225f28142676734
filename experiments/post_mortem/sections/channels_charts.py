"""The charts of the channels section as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.first_screen import totals_of, whole
from experiments.post_mortem.sections.channels_tables import step_words, without_small
from experiments.post_mortem.words import alt_text, listed, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence

__all__ = ["credit_chart", "reconciliation_chart"]

_COUNTS = (Field("value", "number"), Field("low", "number"), Field("high", "number"))


_UNATTRIBUTED = "(none)"


def reconciliation_chart(evidence: Evidence, invalid: str = "") -> Chart | None:
    """Touched, attributed and incremental of every step under one ruler; untested channels say so."""
    if evidence.reconciliation is None:
        return None
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in without_small(evidence.reconciliation.to_dicts(), evidence.plan.report.min_cell):
        if row["step"] != "total":
            groups.setdefault((row["step"], row["channels"]), []).append(row)
    drawn = [line for group in groups.values() for line in _three(group)]
    if not drawn:
        return None
    untested = [channels for step, channels in groups if step == "untested"]
    title = word("chart.invalid", codes=invalid) if invalid else _reconcile_title(evidence, untested)
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
        alt=alt_text(title, told),
        records=Records.from_rows(
            (Field("group", "text"), Field("label", "text"), Field("role", "text"), *_COUNTS), drawn
        ),
        words={"x": word("chart.reconcile.x"), "untested": word("chart.reconcile.untested_word")},
    )


def _reconcile_title(evidence: Evidence, untested: Sequence[str]) -> str:
    """What is credited beside what was caused, and what was not tested."""
    total = totals_of([] if evidence.reconciliation is None else evidence.reconciliation.to_dicts())
    if total is None:
        return (
            word("chart.reconcile.untested", channels=listed(untested)) if untested else word("chart.reconcile.title")
        )
    clear = total["caused_low"] > 0 or total["caused_high"] < 0
    title = word("chart.reconcile.caused" if clear else "chart.reconcile.caused_open", **total)
    return word("chart.reconcile.and_untested", title=title, channels=listed(untested)) if untested else title


def _counted(value: float, low: float | None, high: float | None) -> str:
    shown = format_value(round(value), "count")
    if low is None or high is None or low == high:
        return shown
    return f"{shown} ({format_interval(whole(low), whole(high), 'count')})"


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
        alt=alt_text(title, told),
        records=Records.from_rows((Field("label", "text"), *_COUNTS), drawn),
        words={"x": word("chart.credit.x"), "zero": word("chart.credit.zero"), "role": "credit"},
    )
