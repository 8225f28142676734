"""The three figures of the first screen: touched, attributed, incremental under one ruler."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from experiments.post_mortem.words import word
from experiments.report.document import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence

__all__ = ["figures_of", "figures_title", "totals_of", "whole"]


def figures_of(evidence: Evidence) -> list[Figure]:
    """Touched, attributed (range over models), incremental (interval): the last arm against the control."""
    rows = _totals(evidence)
    if not rows or rows[0]["incremental"] is None:
        return []
    first, attributed = rows[0], sorted(row["attributed"] for row in rows)
    touched = float(first["touched"])
    ends = (first["incremental_low"], first["incremental_high"])
    return [
        Figure(label=word("figure.touched"), caption="", value=touched, low=touched, high=touched),
        Figure(
            label=word("figure.attributed", models=len(rows)),
            caption="",
            value=attributed[len(attributed) // 2],
            low=attributed[0],
            high=attributed[-1],
        ),
        Figure(label=word("figure.incremental"), caption="", value=first["incremental"], low=ends[0], high=ends[1]),
    ]


def figures_title(evidence: Evidence, invalid: str) -> tuple[str, str]:
    """The finding of the three figures, and what they are."""
    rows = _totals(evidence)
    values = totals_of(rows)
    if values is None:
        return "", ""
    first = rows[0]
    subtitle = word("figures.subtitle", arm=first["arm"], control=first["control"], persons=first["persons"])
    if invalid:
        return word("chart.invalid", codes=invalid), subtitle
    told = {**values, "touched": first["touched"]}
    clear = values["caused_low"] > 0 or values["caused_high"] < 0
    return word("figures.title" if clear else "figures.title_open", **told), subtitle


def totals_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Range of the models' credit and the effect of all steps together, in whole conversions."""
    total = [row for row in rows if row["step"] == "total"]
    if not total or total[0]["incremental"] is None:
        return None
    first, credited = total[0], [row["attributed"] for row in total]
    return {
        "arm": first["arm"],
        "low": round(min(credited)),
        "high": round(max(credited)),
        "caused": whole(first["incremental"]),
        "caused_low": whole(first["incremental_low"]),
        "caused_high": whole(first["incremental_high"]),
    }


def whole(value: float) -> float:
    """Rounded, but for an open end."""
    return round(value) if math.isfinite(value) else value


def _totals(evidence: Evidence) -> list[dict[str, Any]]:
    if evidence.reconciliation is None:
        return []
    return [row for row in evidence.reconciliation.to_dicts() if row["step"] == "total"]
