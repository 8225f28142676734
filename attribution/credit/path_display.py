"""How the credit of aggregated paths shows itself, and the recipe and findings that travel with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.credit.path_credit import path_rows, prices, quotient
from attribution.credit.recipe import CreditRecipe, model_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from attribution.credit.path_credit import PathCredit, PathRows

__all__ = ["path_credit_display", "path_credit_findings", "path_credit_recipe"]

_SHOWN_ROWS = 30
_LISTED = 5


def path_credit_display(credit: PathCredit) -> Display:
    """Conversions, value and costs as channels x models, then what the numbers mean."""
    rows = path_rows(credit)
    blocks: list[DisplayTable | str] = [_pivot(credit, rows, rows.conversions, "conversions", "count")]
    if credit.paths.has_value:
        blocks.append(_pivot(credit, rows, rows.value, "value", "money"))
    if rows.cost is not None:
        blocks.append(_pivot(credit, rows, prices(rows.cost, rows.conversions), "cost_per_conversion", "money"))
        if credit.paths.has_value:
            returns = np.stack([quotient(row, rows.cost) for row in rows.value])
            blocks.append(_pivot(credit, rows, returns, "return_on_spend", "ratio"))
    blocks.append(messages.text("CREDIT.NOT_CAUSE"))
    blocks += path_credit_recipe(credit).sentences()
    blocks += [finding.text() for finding in credit.findings]
    return Display(messages.text("PATH_CREDIT.TITLE"), tuple(blocks))


def _pivot(credit: PathCredit, rows: PathRows, values: NDArray[np.float64], name: str, kind: ValueKind) -> DisplayTable:
    """One row per channel, one column per model."""
    shown = min(len(rows.channel), _SHOWN_ROWS)
    heads = [DisplayColumn(column_label("channel"))]
    columns: list[list[object]] = [list(rows.channel[:shown])]
    if rows.cost is not None and name == "cost_per_conversion":
        heads.append(DisplayColumn(column_label("cost"), "money"))
        columns.append(rows.cost[:shown].tolist())
    heads += [DisplayColumn(column_label(model.name), kind) for model in credit.models]
    columns += [row[:shown].tolist() for row in values]
    more = len(rows.channel) - shown
    notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
    return DisplayTable(tuple(heads), tuple(zip(*columns, strict=True)), title=column_label(name), notes=notes)


def path_credit_recipe(credit: PathCredit) -> Recipe:
    """Models, counts, fingerprint, and the definitions in use."""
    paths = credit.paths
    settings: dict[str, object] = {"separator": credit.sep, "between": _quoted(credit.sep)}
    definitions = ["PATH_TABLE"]
    if credit.transforms:
        settings["transforms"] = ", ".join(_transform_text(step) for step in credit.transforms)
        definitions.append("PATH_TRANSFORMS")
    chosen, of_models = model_settings(credit.models)
    settings |= {name: value for name, value in chosen.items() if name not in settings}
    definitions += of_models
    counts = {
        "rows": paths.rows,
        "paths": len(paths.counts),
        "conversions": round(float(paths.counts.conversions.sum()) + paths.none_conversions),
        "touched_conversions": round(float(paths.counts.conversions.sum())),
        "nulls": round(float(paths.counts.nulls.sum())),
    }
    return CreditRecipe(
        method="attribution of paths",
        definitions=tuple(definitions),
        settings=settings,
        n=counts,
        fingerprint=paths.fingerprint,
        of_models=of_models,
    )


def _quoted(separator: str) -> str:
    """A separator in quotes of its own: blanks at the ends of a value are not shown."""
    return json.dumps(separator, ensure_ascii=False)


def _transform_text(step: object) -> str:
    return " ".join(str(part) for part in step) if isinstance(step, tuple) else str(step)


def path_credit_findings(credit: PathCredit) -> tuple[Finding, ...]:
    """About the table, about the fits of the models, about the spend."""
    found = [*_table_findings(credit)]
    for model in credit.models:
        for finding in getattr(credit.fits.get(model.name), "findings", ()):
            told = finding.code == "NO_NULL_JOURNEYS" and not credit.paths.has_nulls  # as NO_NULLS
            if not told and not any(_same(finding, other) for other in found):
                found.append(finding)
    return (*found, *_spend_findings(credit))


def _same(one: Finding, other: Finding) -> bool:
    return one.code == other.code and dict(one.values) == dict(other.values)


def _table_findings(credit: PathCredit) -> Iterable[Finding]:
    paths = credit.paths
    total = float(paths.counts.conversions.sum()) + paths.none_conversions
    if not total:
        yield Finding(code="NO_CONVERSIONS", status="warn")
    if paths.none_conversions > 0:
        share = paths.none_conversions / total
        values = {"untouched": paths.none_conversions, "conversions": total, "share": share, "rows": paths.none_rows}
        yield Finding(code="EMPTY_PATHS", status="note", values=values)
    if paths.none_nulls > 0:
        yield Finding(code="NULLS_WITHOUT_PATH", status="note", values={"nulls": paths.none_nulls})
    if paths.repeated:
        yield Finding(code="REPEATED_PATHS", status="note", values={"n": paths.repeated, "rows": paths.rows})
    if paths.unsplit:
        names = ", ".join(paths.unsplit[:_LISTED]) + (" ..." if len(paths.unsplit) > _LISTED else "")
        written = {"separator": _quoted(credit.sep), "core": _quoted(credit.sep.strip())}
        read = {"n": len(paths.unsplit), "channels": names, **written}
        yield Finding(code="SEPARATOR_IN_NAMES", status="warn", values=read)
    if not paths.has_nulls and (needing := _wanting_nulls(credit)):
        yield Finding(code="NO_NULLS", status="warn", values={"models": needing})


def _wanting_nulls(credit: PathCredit) -> str:
    """Models of paths of this library: without null journeys, every path converts always."""
    return ", ".join(model.name for model in credit.models if model.needs == "paths" and model.name in credit.fits)


def _spend_findings(credit: PathCredit) -> Iterable[Finding]:
    """Spend without credit in any model, credit without spend, and spend that is not known."""
    rows = path_rows(credit)
    if rows.cost is None or credit.spend is None:
        return
    best = rows.conversions.max(axis=0)
    earning = rows.credited & (best > 0)
    idle = (np.nan_to_num(rows.cost) > 0) & ~earning
    if idle.any():
        cost = float(rows.cost[idle].sum())
        values = {"keys": _listed(rows, idle), "cost": cost, "share": credit.spend.share_of_total(cost)}
        yield Finding(code="COST_WITHOUT_CREDIT", status="note", values=values)
    free = earning & np.isnan(rows.cost)
    if free.any():
        values = {"keys": _listed(rows, free), "conversions": float(best[free].sum())}
        yield Finding(code="CREDIT_WITHOUT_COST", status="note", values=values)
    yield from credit.spend.findings()


def _listed(rows: PathRows, where: NDArray[np.bool_]) -> str:
    names = [rows.channel[place] for place in np.flatnonzero(where).tolist()]
    return ", ".join(names[:_LISTED]) + (" ..." if len(names) > _LISTED else "")
