"""The report as JSON: schema version, 12 digits, sorted keys, no NaN token; a missing number carries its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.records import Records
    from experiments.report.document import Decision, Document, Gate

__all__ = ["SCHEMA_VERSION", "plain", "to_json"]

SCHEMA_VERSION = "1.0"
_DIGITS = 12


def to_json(
    document: Document,
    *,
    tables: Mapping[str, Records],
    figures: Mapping[str, float | None],
    recipe: Mapping[str, object],
) -> str:
    """The whole report as text."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "language": document.lang,
        "campaign": {
            "name": document.title,
            "facts": [{"label": label, "value": value} for label, value in document.facts],
        },
        "trust": {"status": document.trust, "text": document.trust_line, "flag": document.flag},
        "not_known": list(document.unknown),
        "refusal": document.refusal[0] if document.refusal else None,
        "verdicts": [_decision(decision) for decision in document.decisions],
        "findings": [_finding(finding, document.lang) for finding in document.findings],
        "gates": [_gate(gate) for gate in document.gates],
        "figures": dict(figures),
        "tables": {name: records.to_dicts() for name, records in tables.items()},
        "charts": _charts(document),
        "recipe": dict(recipe),
    }
    return json.dumps(plain(content), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _charts(document: Document) -> dict[str, object]:
    """Every chart of the page by its anchor, with the rows that are drawn."""
    drawn: dict[str, object] = {}
    if document.figures:
        rows = [
            {name: getattr(figure, name) for name in ("label", "value", "low", "high")} for figure in document.figures
        ]
        drawn["figures"] = {
            "title": document.figures_title,
            "kind": "figures",
            "alt": document.figures_title,
            "rows": rows,
        }
    for section in document.sections:
        for chart in section.charts:
            rows = chart.records.to_dicts()
            drawn[chart.name] = {"title": chart.title, "kind": chart.kind, "alt": chart.alt, "rows": rows}
    return drawn


def plain(value: Any) -> Any:
    """A value as JSON holds it; an unbounded or undefined number becomes null with a ``<key>_reason`` beside it."""
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (str, int, type(None))):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        made[str(key)] = plain(item)
        number = item.item() if isinstance(item, np.generic) else item
        if isinstance(number, float) and not math.isfinite(number):
            made[f"{key}_reason"] = (
                "undefined" if math.isnan(number) else "unbounded above" if number > 0 else "unbounded below"
            )
    return made


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{_DIGITS}g}")
    return 0.0 if rounded == 0 else rounded


def _estimate(estimate: Estimate | None) -> dict[str, object] | None:
    if estimate is None:
        return None
    names = ("value", "low", "high", "p_value", "level", "side", "method", "kind", "n", "standard_error", "note")
    return {name: getattr(estimate, name) for name in names}


def _decision(decision: Decision) -> dict[str, object]:
    return {
        "contrast": decision.contrast,
        "arm": decision.arm,
        "control": decision.control,
        "segment": decision.segment,
        "threshold": decision.threshold,
        "verdict": decision.verdict.word,
        "reason": decision.verdict.reason,
        "net_benefit_per_person": _estimate(decision.verdict.net_benefit),
        "sentence": decision.sentence,
        "next_step": decision.next_step,
        "declared": decision.declared,
    }


def _finding(finding: Finding, lang: str) -> dict[str, object]:
    return {"code": finding.code, "status": finding.status, "text": finding.text(lang), "values": dict(finding.values)}


def _gate(gate: Gate) -> dict[str, object]:
    return {name: getattr(gate, name) for name in ("name", "kind", "status", "expected", "observed", "message")}
