"""The tables about the population."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.post_mortem.words import word

if TYPE_CHECKING:
    from experiments.post_mortem.analyses.dormancy import DeclaredDormancy
    from experiments.post_mortem.analyses.flows import DeclaredFlows
    from experiments.wakeup.nth_purchase_result import NthPurchase
    from experiments.wakeup.retention_result import Retention

__all__ = ["dormancy_table", "flows_table", "purchases_table", "retention_table"]

_MOST = 12  # cohorts on a page
_POINTS = 8  # points of the curve in the table; the chart has all
_ORDERS = 10  # orders of acts in the table; the chart has all
_SIGNS = {"active_start": "", "new": "+", "woken": "+", "to_dormant": "−", "to_churned": "−", "active_end": "="}


def dormancy_table(found: DeclaredDormancy) -> DisplayTable | None:
    """Days of silence, spells at risk, the share that comes back by both readings: some points of the curve."""
    rows = found.curve.rows[:: max(1, -(-len(found.curve.rows) // _POINTS))]
    if not rows:
        return None
    columns = (
        DisplayColumn(column_label("silent_days"), "number"),
        DisplayColumn(column_label("at_risk"), "count"),
        DisplayColumn(column_label("rate"), "rate", decisive=True),
        DisplayColumn(column_label("km_rate"), "rate"),
    )
    body = tuple(
        (
            row.silent_days,
            row.at_risk,
            Cell(row.rate.value, row.rate.low, row.rate.high),
            Cell(row.second.value, row.second.low, row.second.high),
        )
        for row in rows
    )
    return DisplayTable(columns, body, title=word("population.dormancy"))


def flows_table(found: DeclaredFlows, limit: int) -> DisplayTable:
    """The stock at the start, what came and went, the stock at the end: one line each, adding up."""
    columns = (
        DisplayColumn(""),
        DisplayColumn(word("population.flow")),
        DisplayColumn(word("population.customers"), "count", decisive=True),
    )
    body = tuple(
        (_SIGNS[name], column_label(name), Cell(None, note=word("population.hidden")) if count is None else count)
        for name, count in found.counts.items()
    )
    settings = found.recipe.settings
    notes = [word("population.small", limit=limit)] if None in found.counts.values() else []
    if found.acquisition_ratio is not None:
        notes.append(word("population.ratio", ratio=found.acquisition_ratio))
    title = word("population.flows", start=settings["start"], end=settings["end"])
    return DisplayTable(columns, body, title=title, notes=tuple(notes))


def retention_table(found: Retention, limit: int) -> DisplayTable | None:
    """The triangle: a row per cohort, a column per period; the last cohorts where there are many."""
    rows = found.triangle().to_dicts()
    periods = int(str(found.recipe.settings["periods"]))
    if not rows:
        return None
    columns = (
        DisplayColumn(column_label("cohort")),
        DisplayColumn(column_label("size"), "count"),
        *(DisplayColumn(word("population.period", k=number), "rate") for number in range(periods)),
    )
    body = tuple(
        (row["cohort"], row["size"], *(row[f"period_{number}"] for number in range(periods))) for row in rows[-_MOST:]
    )
    notes = [word("population.dash", limit=limit)]
    if len(rows) > _MOST:
        notes.append(word("population.last", shown=_MOST, all=len(rows)))
    return DisplayTable(columns, body, title=word("population.retention"), notes=tuple(notes))


def purchases_table(found: NthPurchase, limit: int) -> DisplayTable | None:
    """Who stops after the nth act, and how the customers spread over the numbers of acts (Pareto)."""
    if not found.rows:
        return None
    kinds = {"nth": "count", "reached": "count", "hazard": "rate", "customers": "count", "share": "rate"}
    columns = (
        *(DisplayColumn(_head(name), kind, decisive=name == "hazard") for name, kind in kinds.items()),  # type: ignore[arg-type]
        DisplayColumn(column_label("cumulative"), "rate"),
    )
    body = tuple(
        (row.nth, row.reached, Cell(row.hazard.value, row.hazard.low, row.hazard.high), row.customers, row.share,
         row.cumulative) for row in found.rows[:_ORDERS]
    )  # fmt: skip
    return DisplayTable(
        columns, body, title=word("population.purchases"), notes=(word("population.few_rows", limit=limit),)
    )


def _head(name: str) -> str:
    own = {"customers": "population.with_so_many", "reached": "population.reached"}
    return word(own[name]) if name in own else column_label(name)
