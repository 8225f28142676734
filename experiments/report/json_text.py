"""The report as JSON: schema version, 12 digits, sorted keys, no NaN token; a missing number carries its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.render.display import Cell

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.records import Records
    from attribution.core.render.display import DisplayTable
    from experiments.report.document import Chart, Decision, Document, Gate, Section, Whole

__all__ = ["SCHEMA_VERSION", "plain", "reason_of", "to_json"]

# The policy of this number stands in docs/reference/report-json.md: what is added moves the second part, what is
# renamed, removed or changed in meaning the first.
SCHEMA_VERSION = "1.1"
_DIGITS = 12


def to_json(
    document: Document,
    *,
    tables: Mapping[str, Records],
    figures: Mapping[str, float | None],
    recipe: Mapping[str, object],
    plan: Mapping[str, Any] | None = None,
) -> str:
    """The whole report as text."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "language": document.lang,
        "campaign": {
            "name": document.title,
            "facts": [{"label": label, "value": value} for label, value in document.facts],
        },
        "trust": {
            "status": document.trust,
            "text": document.trust_line,
            "note": document.trust_note,
            "flag": document.flag,
        },
        "not_known": list(document.unknown),
        "refusal": document.refusal[0] if document.refusal else None,
        "refusal_text": document.refusal[1] if document.refusal else None,
        "whole": _whole(document.whole),
        "verdicts": [_decision(decision) for decision in document.decisions],
        "findings": [_finding(finding, document.lang) for finding in document.findings],
        "gates": [_gate(gate) for gate in document.gates],
        "tables": {name: records.to_dicts() for name, records in tables.items()},
        "sections": [_section(section) for section in document.sections],
        "charts": _charts(document),
        "plan": dict(plan or {}),
        "recipe": dict(recipe),
        "versions": dict(document.manifest),
    }
    held = plain(content)
    # Names of figures are made of the user's names, so the reasons of missing ones stand apart from them.
    held["figures"] = {name: plain(value) for name, value in figures.items()}
    reasons = {name: reason_of(value) for name, value in figures.items()}
    held["figures_reasons"] = {name: reason for name, reason in reasons.items() if reason}
    return json.dumps(held, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _whole(whole: Whole | None) -> dict[str, object] | None:
    """The whole campaign as one decision, as it is told; its numbers are rows of the table ``totals``."""
    if whole is None:
        return None
    parts = [{"label": label, "text": text, "interval": ends} for label, text, ends in whole.parts]
    return {
        "title": whole.title, "verdict": whole.word, "reason": whole.reason, "parts": parts, "sentence": whole.sentence
    }  # fmt: skip


def _section(section: Section) -> dict[str, object]:
    """What a section says, with its tables as they are shown: raw numbers, labels in the report's language."""
    names = ("name", "title", "question", "answer", "caption", "flag", "exploratory")
    made: dict[str, object] = {name: getattr(section, name) for name in names}
    made |= {name: [str(line) for line in getattr(section, name)] for name in ("paragraphs", "definitions")}
    made["charts"] = [chart.name for chart in section.charts]
    made |= {name: [_shown_table(table) for table in getattr(section, name)] for name in ("tables", "folded")}
    return made


def _shown_table(table: DisplayTable) -> dict[str, object]:
    return {
        "title": table.title,
        "columns": [{"label": column.label, "kind": column.kind} for column in table.columns],
        "rows": [[_cell(value) for value in row] for row in table.rows],
        "notes": list(table.notes),
    }


def _cell(value: object) -> object:
    if not isinstance(value, Cell):
        return _scalar(value)
    return {"value": _scalar(value.value), "low": _scalar(value.low), "high": _scalar(value.high), "note": value.note}


def _scalar(value: Any) -> object:
    """One cell; an unbounded number in a list has no key of its own for a reason, so it is the reason."""
    if isinstance(value, (tuple, list)):
        return [_scalar(item) for item in value]
    return reason_of(value) if reason_of(value).startswith("unbounded") else plain(value)


def _charts(document: Document) -> dict[str, object]:
    """Every chart of the page by its anchor, with the rows that are drawn."""
    drawn: dict[str, object] = {}
    if document.figures:
        rows = [
            {name: getattr(figure, name) for name in ("label", "value", "low", "high")} for figure in document.figures
        ]
        drawn["figures"] = {
            "title": document.figures_title,
            "subtitle": document.figures_subtitle,
            "kind": "figures",
            "section": "",
            "alt": document.figures_title,
            "marks": [],
            "rows": rows,
        }
    for section in document.sections:
        for chart in section.charts:
            drawn[chart.name] = _chart(chart, section.name)
    return drawn


def _chart(chart: Chart, section: str) -> dict[str, object]:
    return {
        "title": chart.title,
        "subtitle": chart.subtitle,
        "kind": chart.kind,
        "section": section,
        "alt": chart.alt,
        "marks": [{"at": at, "name": name} for at, name in chart.marks],
        "rows": chart.records.to_dicts(),
    }


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
        reason = reason_of(item)
        if reason:
            made[f"{key}_reason"] = reason
    return made


def reason_of(value: object) -> str:
    """Why a number is no number; empty when it is one, or no number at all."""
    number = value.item() if isinstance(value, np.generic) else value
    if not isinstance(number, float) or math.isfinite(number):
        return ""
    return "undefined" if math.isnan(number) else "unbounded above" if number > 0 else "unbounded below"


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
