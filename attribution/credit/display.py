"""How credit shows itself, and the findings that travel with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.credit.readings import reading_sentences
from attribution.credit.recipe import credit_recipe
from attribution.credit.records import Rows, table_rows
from attribution.journeys.sizes import plan_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.formats import ValueKind
    from attribution.credit.credit import Credit

__all__ = ["credit_display", "spend_findings"]

_SHOWN_ROWS = 30


def credit_display(credit: Credit) -> Display:
    """Conversions, value and costs as keys x models, then what the numbers mean."""
    rows = table_rows(credit)
    blocks: list[DisplayTable | str] = [_pivot(credit, rows, credit.sums.conversions, "conversions", "count")]
    if plan_size(credit.journeys).has_value:
        blocks.append(_pivot(credit, rows, credit.sums.value, "value", "money"))
    if rows.cost is not None:
        blocks += _cost_tables(credit, rows)
    blocks += reading_sentences(credit)
    blocks.append(messages.text("CREDIT.NOT_CAUSE"))
    blocks += credit_recipe(credit).sentences()
    blocks += [finding.text() for finding in credit.findings]
    return Display(messages.text("CREDIT.TITLE"), tuple(blocks))


def _pivot(credit: Credit, rows: Rows, sums: NDArray[np.float64], name: str, kind: ValueKind) -> DisplayTable:
    """One row per key, one column per model."""
    return _table(credit, rows, np.where(rows.cell < 0, 0.0, sums[:, rows.cell]), name, kind)


def _table(
    credit: Credit,
    rows: Rows,
    values: NDArray[np.float64],
    name: str,
    kind: ValueKind,
    cost: NDArray[np.float64] | None = None,
) -> DisplayTable:
    shown = min(len(rows.cell), _SHOWN_ROWS)
    heads = [DisplayColumn(column_label(key.name)) for key in credit.cells.keys]
    columns: list[list[object]] = [list(column[:shown]) for column in rows.keys]
    if cost is not None:
        heads.append(DisplayColumn(column_label("cost"), "money"))
        columns.append(cost[:shown].tolist())
    heads += [DisplayColumn(column_label(model.name), kind) for model in credit.models]
    columns += [row[:shown].tolist() for row in values]
    more = len(rows.cell) - shown
    notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
    return DisplayTable(tuple(heads), tuple(zip(*columns, strict=True)), title=column_label(name), notes=notes)


def _cost_tables(credit: Credit, rows: Rows) -> list[DisplayTable | str]:
    if rows.cost is None:
        return []
    conversions = np.where(rows.cell < 0, 0.0, credit.sums.conversions[:, rows.cell])
    price = np.where(conversions > 0, rows.cost / np.where(conversions > 0, conversions, 1.0), np.nan)
    tables: list[DisplayTable | str] = [_table(credit, rows, price, "cost_per_conversion", "money", rows.cost)]
    if plan_size(credit.journeys).has_value:
        spent = rows.cost > 0
        value = np.where(rows.cell < 0, 0.0, credit.sums.value[:, rows.cell])
        returns = np.where(spent, value / np.where(spent, rows.cost, 1.0), np.nan)
        tables.append(_table(credit, rows, returns, "return_on_spend", "ratio"))
    return tables


def spend_findings(credit: Credit) -> tuple[Finding, ...]:
    """Spend without credit in any model, credit without spend, and spend that is not known."""
    rows = table_rows(credit)
    if rows.cost is None or credit.spend is None:
        return ()
    best = np.where(rows.cell < 0, 0.0, credit.sums.conversions[:, rows.cell]).max(axis=0)
    credited = (rows.cell < credit.cells.credited) & (best > 0)
    spent = np.nan_to_num(rows.cost) > 0
    found = []
    idle = spent & ~credited
    if idle.any():
        cost = float(rows.cost[idle].sum())
        values = {"keys": _listed(rows, idle), "cost": cost, "share": credit.spend.share_of_total(cost)}
        found.append(Finding(code="COST_WITHOUT_CREDIT", status="note", values=values))
    free = credited & np.isnan(rows.cost)
    if free.any():
        values = {"keys": _listed(rows, free), "conversions": float(best[free].sum())}
        found.append(Finding(code="CREDIT_WITHOUT_COST", status="note", values=values))
    return (*found, *credit.spend.findings())


def _listed(rows: Rows, where: NDArray[np.bool_]) -> str:
    places = np.flatnonzero(where)
    names = [" / ".join(column[place] for column in rows.keys) for place in places[:5].tolist()]
    return ", ".join(names) + (" ..." if len(places) > 5 else "")
