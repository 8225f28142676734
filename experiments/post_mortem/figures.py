"""The figures that a plan may declare and `wakelift diff` compares: every number of the core results, by a stable name.

The names are public; the page `docs/reference/report-json.md` lists their patterns.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attribution.core.formats import NUMERIC_KINDS
from attribution.core.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from experiments.post_mortem.evidence import Evidence
    from experiments.roi import CostThresholds
    from experiments.roi.totals import CampaignTotals

__all__ = ["figure_name", "figures_by_name", "tables_by_name", "without_small_groups"]

_EFFECT = ("value", "difference", "low", "high", "relative", "p_value")
_STEP = ("difference", "low", "high")
_THRESHOLD = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high", "cost_per_incremental")
_TOTAL = (
    "cost", "incremental", "incremental_low", "incremental_high", "net_benefit", "net_benefit_low", "net_benefit_high",
)  # fmt: skip
_CREDIT = ("conversions", "value")
_RECONCILED = ("attributed", "placebo", "incremental", "ratio")
# Two of these parts side by side must not read as other parts: such a part is put in quotes.
_AMBIGUOUS = re.compile(r'[.@"\\]')
# What names a row of a further table; any other text is a result or a remark, and would let the name move with it.
_NAMES = frozenset(
    {
        "metric", "outcome", "model", "arm", "control", "segment", "channel", "channels", "step", "wave", "stratum",
        "kind", "state", "stage", "assumption", "setting", "reading", "guardrail", "window", "option", "level", "basis",
    }
)  # fmt: skip
# Numbers that name a row.
_PLACES = frozenset({"threshold", "day", "silent_days", "nth", "period", "cap", "look", "bin", "decile", "quantile"})
# Counts of persons: a row that rests on fewer than report.min_cell of them shows no number.
_PERSONS = frozenset({"n", "n_control", "persons", "persons_holdout", "people", "customers", "size", "at_risk"})


def figure_name(*parts: str) -> str:
    """Parts joined by dots; a part that holds a dot, an at sign, a quote or a backslash stands in quotes."""
    return ".".join(json.dumps(part, ensure_ascii=False) if _AMBIGUOUS.search(part) else part for part in parts)


def tables_by_name(evidence: Evidence) -> dict[str, Records]:
    """Every table of the report by name, small groups without their numbers."""
    named = {
        "credit": evidence.credit,
        "effects": evidence.readout,
        "steps": evidence.steps,
        "thresholds": evidence.thresholds,
        "totals": _totals_of(evidence.thresholds),
        "reconciliation": evidence.reconciliation,
        **evidence.further,
    }
    limit = evidence.plan.report.min_cell
    return {
        name: without_small_groups(result._records(), limit)  # noqa: SLF001 -- our own
        for name, result in named.items()
        if result is not None
    }


def _totals_of(thresholds: CostThresholds | None) -> CampaignTotals | None:
    """The campaign in all; None where nothing is priced."""
    found = None if thresholds is None else thresholds.totals()
    return found if found is not None and found.rows else None


def without_small_groups(records: Records, limit: int) -> Records:
    """The rows; one with a count of persons above 0 and below ``limit`` keeps its names and loses its numbers."""
    counts = [
        column
        for field, column in zip(records.fields, records.columns, strict=True)
        if field.name in _PERSONS and field.kind == "count"
    ]
    small = [any(value is not None and 0 < value < limit for value in row) for row in zip(*counts, strict=True)]
    if not any(small):
        return records
    columns = [
        [None if hidden else value for value, hidden in zip(column, small, strict=True)]
        if field.kind in NUMERIC_KINDS and field.name not in _PLACES
        else column
        for field, column in zip(records.fields, records.columns, strict=True)
    ]
    return Records(records.fields, tuple(columns))


def figures_by_name(evidence: Evidence, tables: Mapping[str, Records]) -> dict[str, float | None]:
    """Every number that a plan may declare, by name."""
    made: dict[str, float | None] = {}
    for row in _rows(tables, "effects"):
        made |= _figures(("effect", row["metric"], row["arm"]), row, _EFFECT)
    if evidence.steps is not evidence.readout:
        for row in _rows(tables, "steps"):
            made |= _figures(("step", row["metric"], row["arm"]), row, _STEP)
    for row in _rows(tables, "thresholds"):
        made |= _thresholds(row)
    for row in _rows(tables, "totals"):
        made |= _totals(row)
    for row in _rows(tables, "credit"):
        made |= _figures(("credit", row["model"], row["channel"]), row, _CREDIT)
    for row in _rows(tables, "reconciliation"):
        untested = row["channels"] if row["arm"] is None else None
        made |= _figures(("reconciliation", row["step"], untested, row["model"]), row, _RECONCILED)
    for name in evidence.further:
        if name in tables:
            made |= _table_figures(name, tables[name])
    return made


def _rows(tables: Mapping[str, Records], name: str) -> list[dict[str, Any]]:
    return tables[name].to_dicts() if name in tables else []


def _figures(parts: Iterable[object], row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, float | None]:
    stem = figure_name(*(str(part) for part in parts if part is not None))
    return {f"{stem}.{column}": row[column] for column in columns if column in row}


def _thresholds(row: Mapping[str, Any]) -> dict[str, float | None]:
    parts = ["threshold", str(row["arm"]), *([str(row["segment"])] if row.get("segment") else [])]
    stem = f"{figure_name(*parts)}@{row['threshold']:.12g}"
    return {f"{stem}.{column}": row[column] for column in _THRESHOLD}


def _totals(row: Mapping[str, Any]) -> dict[str, float | None]:
    parts = ["total"]
    parts += [] if row.get("segment") is None else ["segment", str(row["segment"])]
    parts += [] if row["arm"] is None else ["arm", str(row["arm"])]
    return {f"{figure_name(*parts)}@{row['threshold']:.12g}.{column}": row[column] for column in _TOTAL}


def _table_figures(table: str, records: Records) -> dict[str, float | None]:
    """The numbers of a further table as ``table.<name>.<what names the row>.<column>``.

    A table whose rows its own names do not tell apart gives none: a figure must not change its meaning with the order
    of the rows.
    """
    keys = [field.name for field in records.fields if field.name in _NAMES | _PLACES]
    numbers = [field.name for field in records.fields if field.kind in NUMERIC_KINDS and field.name not in keys]
    rows = records.to_dicts()
    stems = [figure_name("table", table, *_spelled(row, keys)) for row in rows]
    if len(set(stems)) != len(stems):
        return {}
    return {
        f"{stem}.{column}": row[column]
        for stem, row in zip(stems, rows, strict=True)
        for column in numbers
        if row[column] is None or isinstance(row[column], (int, float))
    }


def _spelled(row: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        value = row[key]
        if value not in (None, ""):
            yield f"{value:.12g}" if isinstance(value, float) else str(value)
