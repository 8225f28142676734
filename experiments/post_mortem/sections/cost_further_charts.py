"""The charts of the further analyses of costs: waves, money, looks, budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_interval, format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.cards import lead_threshold
from experiments.post_mortem.sections.cost_words import money_words
from experiments.post_mortem.words import alt_text, contrast_words, interval_words, word
from experiments.report.document import Chart
from experiments.roi.net_benefit import FEW_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.report.document import ChartKind
    from experiments.roi.budget_result import BudgetPlan
    from experiments.roi.marginal_result import MarginalCosts
    from experiments.roi.money_result import MoneyTest
    from experiments.roi.monitor import NetBenefitMonitor

__all__ = ["budget_chart", "money_chart", "monitor_chart", "waves_chart"]

_ROWS = 12
_ENDS = ("value", "low", "high")
_FOREST = (Field("label", "text"), *(Field(name, "money") for name in _ENDS))


def waves_chart(found: MarginalCosts, first: tuple[str, str] | None) -> Chart | None:
    """The net benefit of every wave by itself, with the interval that may be read after each wave.

    Args:
        found: The marginal costs.
        first: Arm and control of the leading contrast, drawn alone where all of them would be too many.
    """
    rows = [row for row in found.to_dicts() if row["reading"] == "wave"]
    if len(rows) > _ROWS and first is not None:
        rows = [row for row in rows if (row["arm"], row["control"]) == first]
    if not rows or found.threshold is None:
        return None
    drawn = [
        {
            "label": word("chart.waves.label", contrast=contrast_words(row["arm"], row["control"]), wave=row["wave"]),
            "value": row["net_benefit_per_1000"],
            "low": row["lasting_low"],
            "high": row["lasting_high"],
        }
        for row in rows
    ]
    return _forest(
        "chart-waves",
        _waves_title(rows, found.threshold),
        word("chart.waves.subtitle", T=found.threshold, level=found.level),
        drawn,
        words={name: word(f"chart.waves.{name}") for name in ("x", "zero")},
    )


def _waves_title(rows: Sequence[dict[str, Any]], threshold: float) -> str:
    stop = next((row for row in rows if row["decision"] == "stop"), None)
    # What rests on fewer than 20 woken decides nothing, wherever its interval lies.
    known = [row for row in rows if row["lasting_low"] is not None and FEW_EVENTS not in row["note"]]
    if not known:
        return word("chart.waves.none", T=threshold)
    row = stop or min(known, key=lambda one: float(one["net_benefit_per_1000"]))
    shown = {
        "arm": row["arm"],
        "wave": row["wave"],
        "net": format_value(row["net_benefit_per_1000"], "money"),
        "ends": format_interval(row["lasting_low"], row["lasting_high"], "money"),
    }
    return word("chart.waves.stop", **shown) if stop else word("chart.waves.go", T=threshold, **shown)


def money_chart(found: MoneyTest) -> Chart | None:
    """Realised money of every contrast, also capped, with its interval."""
    rows = [row for row in found.to_dicts() if row["money_low"] is not None and row["money_high"] is not None][:_ROWS]
    if not rows:
        return None
    drawn = [
        {
            "label": _money_label(row),
            "value": row["money_per_1000"],
            "low": row["money_low"],
            "high": row["money_high"],
        }
        for row in rows
    ]
    return _forest(
        "chart-money",
        word("chart.money.title", told=money_words(rows[0], found.level)),
        word("chart.money.subtitle", level=found.level)
        if found.cap is None
        else word("chart.money.subtitle_capped", level=found.level, cap=found.cap),
        drawn,
        words={"x": word("chart.money.x"), "zero": word("chart.effects.zero")},
    )


def _money_label(row: Mapping[str, Any]) -> str:
    contrast = contrast_words(row["arm"], row["control"], row.get("segment"))
    return contrast if row["estimand"] == "all" else word("chart.money.capped", contrast=contrast)


def monitor_chart(found: NetBenefitMonitor, declared: Sequence[float]) -> Chart | None:
    """The net benefit at every look that counts, with the interval that holds over all of them."""
    threshold = lead_threshold(found.plan.thresholds, declared)
    rows = [row for row in found.to_dicts() if row["threshold"] == threshold]
    drawn = [
        {
            "series": contrast_words(row["arm"], row["control"]),
            "role": "treated",
            "x": row["matured"],
            "value": row["net_benefit_per_1000"],
            "low": row["net_benefit_low"],
            "high": row["net_benefit_high"],
        }
        for row in rows
        if row["net_benefit_low"] is not None and row["net_benefit_high"] is not None
    ]
    if not drawn:
        return None
    said = [_looked(found, pair, threshold, rows) for pair in found.plan.pairs]
    title = word("chart.monitor.title", looks=len(found.days), told=word("list_separator").join(said))
    told = [
        f"{row['series']}, {format_value(row['x'], 'count')}: "
        f"{interval_words(row['value'], row['low'], row['high'], 'money')}"
        for row in drawn
    ]
    fields = (Field("series", "text"), Field("role", "text"), Field("x", "count"))
    return Chart(
        name="chart-monitor",
        kind="curves",
        title=title,
        subtitle=word("chart.monitor.subtitle", T=threshold, level=found.plan.level),
        alt=alt_text(title, told),
        records=Records.from_rows((*fields, *(Field(name, "money") for name in _ENDS)), drawn),
        words={name: word(f"chart.monitor.{name}") for name in ("x", "y")},
        marks=((float(found.plan.planned), word("chart.monitor.mark")),),
    )


def _looked(found: NetBenefitMonitor, pair: tuple[str, str], threshold: float, rows: Sequence[dict[str, Any]]) -> str:
    """What the log says of one contrast, with the interval that it rests on."""
    arm, control = pair
    names: dict[str, object] = {"contrast": contrast_words(arm, control)}
    counted = [row for row in rows if (row["arm"], row["control"]) == pair and row["net_benefit_low"] is not None]
    if not counted:
        return word("chart.monitor.uncounted", **names)
    said = found.verdict(arm=arm, threshold=threshold, control=control)
    day = found.decided(arm=arm, threshold=threshold, control=control)
    row = next((row for row in counted if day is not None and row["date"] == day), counted[-1])
    names["net"] = format_value(row["net_benefit_per_1000"], "money")
    names["ends"] = format_interval(row["net_benefit_low"], row["net_benefit_high"], "money")
    if day is None or said not in ("PASS", "FAIL"):
        return word("chart.monitor.open", **names)
    return word("chart.monitor.decided", word=said, day=day, **names)


def budget_chart(found: BudgetPlan) -> Chart | None:
    """The steps bought, in the order of buying, with the intervals that hold for all of them."""
    rows = found.to_dicts()[:_ROWS]
    worth = found.value
    drawn = [
        {
            "label": word(
                "chart.budget.label", segment=row["segment"], contrast=contrast_words(row["arm"], row["control"])
            ),
            "value": row["net_benefit_per_1000"],
            "low": row["net_benefit_low"],
            "high": row["net_benefit_high"],
        }
        for row in rows
        if row["net_benefit_low"] is not None
    ]
    if not drawn or worth is None or worth[1] == worth[2]:
        return None
    title = word(
        "chart.budget.title",
        budget=found.budget,
        steps=len(found.allocation.steps),
        value=format_value(worth[0], "money"),
        level=found.level,
        ends=format_interval(worth[1], worth[2], "money"),
    )
    return _forest(
        "chart-budget",
        title,
        word("chart.budget.subtitle", level=found.level),
        drawn,
        words={name: word(f"chart.budget.{name}") for name in ("x", "zero")},
    )


def _forest(
    name: str, title: str, subtitle: str, drawn: Sequence[dict[str, Any]], *, words: Mapping[str, str]
) -> Chart:
    kind: ChartKind = "forest"
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], 'money')}" for row in drawn]
    return Chart(
        name=name,
        kind=kind,
        title=title,
        subtitle=subtitle,
        alt=alt_text(title, told),
        records=Records.from_rows(_FOREST, drawn),
        words=words,
    )
