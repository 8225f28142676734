"""The charts about the population as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.durations import parse_duration
from attribution.core.formats import format_value
from attribution.core.records import Field, Records
from experiments.post_mortem.words import alt_text, interval_words, window_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate
    from experiments.post_mortem.analyses.dormancy import DeclaredDormancy
    from experiments.wakeup.nth_purchase_result import NthPurchase

__all__ = ["dormancy_chart", "purchases_chart"]

_DAY = 86_400
_RATES = (Field("value", "rate"), Field("low", "rate"), Field("high", "rate"))
_FIELDS = (Field("series", "text"), Field("role", "text"), Field("x", "number"), *_RATES)


def dormancy_chart(found: DeclaredDormancy) -> Chart | None:
    """R(d), both readings, with the declared rule and the cut as marks."""
    rows = [row for row in found.curve.rows if row.rate.value is not None]
    if not rows:
        return None
    followed, second = word("population.followed"), word("population.second")
    drawn: list[dict[str, object]] = [
        {"series": followed, "role": "treated", "x": row.silent_days, "value": row.rate.value, "low": row.rate.low,
         "high": row.rate.high} for row in rows
    ]  # fmt: skip
    drawn += [
        {"series": second, "role": "reference", "x": row.silent_days, "value": row.second.value, "low": None,
         "high": None} for row in rows if row.second.value is not None
    ]  # fmt: skip
    declared = parse_duration(found.dormant_after).total_seconds() / _DAY
    marks = [(declared, word("population.rule_mark", days=declared))]
    if found.cut.days.value is not None:
        marks.append((float(found.cut.days.value), word("population.cut_mark", days=found.cut.days.value)))
    reached = found.cut.state == "reached"
    values = {"eps": found.cut.eps, "horizon": window_words(str(found.curve.recipe.settings["horizon"]))}
    title = word("chart.dormancy.cut" if reached else "chart.dormancy.open", **values, days=found.cut.days.value)
    told = [f"{format_value(row.silent_days, 'number')}: {_rate(row.rate)}" for row in rows]
    return Chart(
        name="chart-dormancy",
        kind="curves",
        title=title,
        subtitle=word("chart.dormancy.subtitle", horizon=values["horizon"], level=rows[0].rate.level),
        alt=alt_text(title, told),
        records=Records.from_rows(_FIELDS, drawn),
        words={"x": word("chart.dormancy.x"), "y": word("chart.dormancy.y")},
        marks=marks,
    )


def _rate(rate: Estimate) -> str:
    return interval_words(rate.value, rate.low, rate.high, "rate")


def purchases_chart(found: NthPurchase) -> Chart | None:
    """The share that stops after the nth act, with its interval, and the step as a mark."""
    rows = [row for row in found.rows if row.hazard.value is not None]
    if len(rows) < 2:
        return None
    stops, share = word("population.stops"), word("population.pareto")
    drawn: list[dict[str, object]] = [
        {"series": stops, "role": "treated", "x": row.nth, "value": row.hazard.value, "low": row.hazard.low,
         "high": row.hazard.high} for row in rows
    ]  # fmt: skip
    drawn += [
        {"series": share, "role": "reference", "x": row.nth, "value": row.cumulative, "low": None, "high": None}
        for row in rows
    ]
    told = [f"{row.nth}: {_rate(row.hazard)}" for row in rows]
    title = _purchases_title(found, [row.nth for row in rows])
    return Chart(
        name="chart-purchases",
        kind="curves",
        title=title,
        subtitle=word("chart.purchases.subtitle", silent=window_words(str(found.recipe.settings["silent_after"]))),
        alt=alt_text(title, told),
        records=Records.from_rows(_FIELDS, drawn),
        words={"x": word("chart.purchases.x"), "y": word("chart.purchases.y")},
        marks=_step(found, [row.nth for row in rows]),
    )


def _purchases_title(found: NthPurchase, shown: Sequence[int]) -> str:
    step = found.step.nth.value
    first = found.rows[0]
    values = {"share": first.hazard.value, "first": first.nth, "nth": step}
    known = step is not None and step in shown
    return word("chart.purchases.step" if known else "chart.purchases.none", **values)


def _step(found: NthPurchase, shown: Sequence[int]) -> list[tuple[float, str]]:
    step = found.step.nth.value
    return [] if step is None or step not in shown else [(float(step), word("population.step_mark", nth=step))]
