"""The whole campaign as one decision: what it cost in all, what it brought, what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.formats import format_amounts, format_value
from attribution.core.language import current_language
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.cards import lead_threshold
from experiments.post_mortem.first_screen import whole as rounded
from experiments.post_mortem.words import code_words, contrast_words, head, listed, word
from experiments.report.document import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Estimate
    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi import CostThresholds
    from experiments.roi.totals import Total
    from experiments.roi.verdicts import Verdict

__all__ = ["totals_table", "whole_of"]

_DECIDED = ("PASS", "FAIL")
_SPECIAL = ("HARM_GUARDRAIL", "GUARDRAIL_UNDECIDED", "FEW_EVENTS")


def whole_of(evidence: Evidence) -> Whole | None:
    """All treated arms against the control at the leading threshold; None where nothing is priced or refused anyway."""
    thresholds = evidence.thresholds
    if thresholds is None:
        return None
    values = [row.threshold for row in thresholds.judged if row.contrast.segment is None]
    if not values:
        return Whole(title=word("whole.title_plain"), word="", reason="", parts=(), sentence=word("whole.by_segment"))
    row = thresholds.totals().whole(_lead(evidence.plan, values))
    return None if row is None else _told(row)


def totals_table(plan: Plan, thresholds: CostThresholds) -> DisplayTable | None:
    """Every arm and their sum at the leading threshold, then the sum at the others; None where there is no sum."""
    found = [row for row in thresholds.totals().rows if row.segment is None]
    if not found:
        return None
    lead = _lead(plan, [row.threshold for row in found])
    rows = [row for row in found if row.threshold == lead or row.verdict is not None]
    rows.sort(key=lambda row: (row.threshold != lead, row.threshold, row.verdict is not None))
    columns = (
        DisplayColumn(head("threshold"), "money"),
        DisplayColumn(head("arm")),
        DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("whole.col.cost"), "money"),
        DisplayColumn(word("whole.col.incremental"), "count"),
        DisplayColumn(word("whole.col.net"), "money", True),
        DisplayColumn(head("verdict"), "text", True),
    )
    notes = [word("whole.note")]
    notes += [word("whole.left_out", persons=row.left_out) for row in rows if row.left_out][:1]
    return DisplayTable(columns, tuple(_row(row) for row in rows), title=word("whole.table"), notes=tuple(notes))


def _row(row: Total) -> tuple[object, ...]:
    return (
        row.threshold,
        row.arms[0] if row.verdict is None else word("whole.all"),
        row.persons,
        round(row.cost),
        _cell(row.incremental),
        _cell(row.net),
        "" if row.verdict is None else row.verdict.told,
    )


def _cell(found: Estimate | None) -> Cell:
    """In whole persons or yuan: a sum over a campaign has no decimals."""
    ends = _ends(found)
    if ends is None:
        return Cell(None)
    value, low, high = map(rounded, ends)
    return Cell(value, low, high)


def _lead(plan: Plan, values: Sequence[float]) -> float:
    """The amount at which the whole campaign is judged on the first screen: as its cards choose theirs."""
    return lead_threshold(values, [gate.threshold for gate in plan.gate if gate.segment is None])


def _told(row: Total) -> Whole:
    title = word(
        "whole.title", contrast=contrast_words(listed(row.arms), row.control), T=format_value(row.threshold, "money")
    )
    verdict, brought, net = row.verdict, _ends(row.incremental), _ends(row.net)
    if verdict is None or brought is None or net is None:
        codes = listed(code_words(code) for code in row.reason.split("; "))
        sentence = word("whole.none", codes=codes, cost=_money([row.cost])[0])
        return Whole(title=title, word="" if verdict is None else verdict.word, reason="", parts=(), sentence=sentence)
    persons = [format_value(rounded(end), "count") for end in brought]
    parts = (
        (word("whole.cost"), _money([row.cost])[0], ""),
        (word("whole.brought"), word("whole.persons", n=persons[0]), _range(persons[1:])),
        (word("whole.left"), *_money(net)),
    )
    sentence = _sentence(row, verdict, brought[0], net[0])
    return Whole(title=title, word=verdict.word, reason=verdict.reason, parts=parts, sentence=sentence)


def _sentence(row: Total, verdict: Verdict, brought: float, net: float) -> str:
    """What follows, how the three figures hang together, and who is not counted."""
    code = next((code for code in _SPECIAL if code in verdict.reason), verdict.word)
    told = [word(f"whole.is.{code}")]
    if code in _DECIDED and len(row.arms) > 1:
        told.append(word("whole.arms"))
    amounts, unit = format_amounts([row.threshold * brought, row.cost, row.cost_without, net])
    values = dict(zip(("worth", "cost", "without", "net"), amounts, strict=True))
    form = "whole.sum" if row.cost_without == 0 else "whole.sum_without"
    told.append(word(form, n=round(brought), T=format_value(row.threshold, "money"), unit=_unit(unit), **values))
    told.append(word("whole.level", level=verdict.net_benefit.level))
    if row.left_out:
        told.append(word("whole.left_out", persons=row.left_out))
    return ("" if current_language() == "zh" else " ").join(told)


def _ends(found: Estimate | None) -> tuple[float, float, float] | None:
    """The value and its interval; None where there is no figure."""
    if found is None or found.value is None or found.low is None or found.high is None:
        return None
    return found.value, found.low, found.high


def _money(amounts: Sequence[float]) -> tuple[str, str]:
    """An amount with its unit, and its interval in the same unit; no interval for one amount."""
    told, unit = format_amounts(amounts)
    return word("whole.money", amount=told[0], unit=_unit(unit)), _range(told[1:])


def _unit(name: str) -> str:
    return word("whole.unit", large=name) if name else word("whole.yuan")


def _range(ends: Sequence[str]) -> str:
    return word("whole.range", low=ends[0], high=ends[1]) if ends else ""
