"""Gates of ``check``: trust always, decisions and figures only where the plan declares them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from attribution.core.formats import format_value
from experiments.post_mortem.evidence import step_order
from experiments.post_mortem.words import code_words, contrast_words, listed, word
from experiments.report.document import Decision, Gate, GateStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from experiments.plan import Plan
    from experiments.plan.schema import FigurePlan, GatePlan
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.verdicts import Verdict

__all__ = ["by_severity", "gates_of", "invalid_codes", "trust_of"]

Trust = Literal["trusted", "limited", "invalid"]
_UNDECIDED = frozenset({"INCONCLUSIVE"})
_REFUSED = frozenset({"INVALID", "NO_HOLDOUT"})
_SEVERITY = ("fail", "warn", "unknown", "note", "pass")


def by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, what fails first; within a severity in the order given."""
    return tuple(sorted(findings, key=lambda finding: _SEVERITY.index(finding.status)))


def invalid_codes(findings: Sequence[Finding], decisions: Sequence[Decision]) -> str:
    """The codes of what fails, for a sentence; empty when the figures may be used."""
    failed = list(dict.fromkeys(finding.code for finding in findings if finding.status == "fail"))
    if not failed and any(decision.verdict.word == "INVALID" for decision in decisions):
        failed = ["INVALID"]
    return ", ".join(failed)


_OF_ONE_METRIC = frozenset({"HEAVY_TAIL"})
"""Remarks on how one metric's figure is to be read."""


# Results of further analyses and remarks on the customers' own log: they say nothing against the trial.
_RESULTS = frozenset(
    {
        "PRESSURE_CAP", "TOUCHED_AFTER_CONVERSION", "DURABILITY", "RE_RETENTION", "RE_RETENTION_FADES",
        "PULL_FORWARD",
        "NON_STATIONARY", "LOG_ENDS_EARLY", "REVERSE_TREND", "COHORTS_TOO_YOUNG",
    }
)  # fmt: skip


def concerning_decisions(findings: Sequence[Finding], primary: str | None) -> list[Finding]:
    """The findings without results, and without remarks on how a metric is read that decides nothing.

    These stand beside that metric, and results in their own sections.
    """
    return [
        finding
        for finding in findings
        if finding.code not in _RESULTS
        and (finding.code not in _OF_ONE_METRIC or finding.values.get("metric") == primary)
    ]


def trust_of(findings: Sequence[Finding], decisions: Sequence[Decision], refusal: str) -> tuple[Trust, str]:
    """How far the report can be trusted, and one line that says why."""
    failed = invalid_codes(findings, decisions)
    if failed:
        return "invalid", word("trust_line.invalid", codes=listed(code_words(code) for code in failed.split(", ")))
    warned = list(dict.fromkeys(finding.code for finding in findings if finding.status in ("warn", "unknown")))
    if refusal:
        code = "trust_line.logs_warned" if warned else "trust_line.logs"
        return "limited", word(code, codes=", ".join(warned))
    if warned:
        return "limited", word("trust_line.limited", codes=", ".join(warned))
    return "trusted", word("trust_line.trusted")


def gates_of(
    evidence: Evidence,
    findings: Sequence[Finding],
    decisions: Sequence[Decision],
    figures: Mapping[str, float | None],
) -> list[Gate]:
    """Every gate, in the order trust, decisions, figures; a refusal is what a decision without a verdict shows."""
    locking, plan = evidence.locking, evidence.plan
    changed = None if locking is None or locking.lock is None else locking.changes
    gates = [*_trust(findings, decisions, changed)]
    gates += [_decision(declared, decisions, evidence) for declared in plan.gate]
    gates += [_figure(declared, figures) for declared in plan.figure]
    return gates


def _trust(
    findings: Sequence[Finding],
    decisions: Sequence[Decision],
    changed_keys: Sequence[tuple[str, object, object]] | None,
) -> Iterator[Gate]:
    failed = list(dict.fromkeys(finding.code for finding in findings if finding.status == "fail"))
    yield Gate(
        name="trust:findings",
        kind="trust",
        status="fail" if failed else "hold",
        expected=word("gate.no_fail"),
        observed=", ".join(failed) or word("gate.none"),
        message=word("gate.findings_fail", codes=", ".join(failed)) if failed else word("gate.findings_hold"),
    )
    invalid = [decision for decision in decisions if decision.verdict.word == "INVALID"]
    yield Gate(
        name="trust:validity",
        kind="trust",
        status="fail" if invalid else "hold",
        expected=word("gate.valid"),
        observed=str(len(invalid)),
        message=word("gate.validity_fail" if invalid else "gate.validity_hold"),
    )
    if changed_keys is not None:
        named = "; ".join(f"{key}: {old} -> {new}" for key, old, new in changed_keys)
        yield Gate(
            name="trust:plan_lock",
            kind="trust",
            status="fail" if changed_keys else "hold",
            expected=word("gate.plan_unchanged"),
            observed=named or word("gate.none"),
            message=word("gate.lock_fail", keys=named) if changed_keys else word("gate.lock_hold"),
        )


def _decision(declared: GatePlan, decisions: Sequence[Decision], evidence: Evidence) -> Gate:
    found, plan = _find(declared, decisions), evidence.plan
    verdict = None if found is None else _read_anew(declared, found, evidence)
    segment = f":{declared.segment}" if declared.segment else ""
    name = f"decision:{declared.arm}{segment}@{declared.threshold:g}"
    observed = verdict.word if verdict is not None else evidence.refusal or word("gate.absent")
    contrast = (
        contrast_words(found.arm, found.control, found.segment)
        if found is not None
        else contrast_words(declared.arm, declared.control or _before(declared.arm, plan))
    )
    contrast += _asked(declared, evidence)
    values = {"contrast": contrast, "T": declared.threshold, "expected": declared.expect, "observed": observed}
    status: GateStatus = "hold" if observed == declared.expect else "undecided" if observed in _UNDECIDED else "fail"
    # Without a trial that can be trusted no verdict is named anywhere, not even the one that was hoped for.
    refused = observed in _REFUSED and status == "fail"
    return Gate(
        name=name,
        kind="decision",
        status=status,
        expected=word("gate.declared") if refused else declared.expect,
        observed=observed,
        message=word("gate.decision_refused" if refused else f"gate.decision_{status}", **values),
    )


def _read_anew(declared: GatePlan, found: Decision, evidence: Evidence) -> Verdict:
    """The verdict of the card; a gate with a side or level of its own reads the same figures at these."""
    from experiments.roi.gates import ThresholdGate, check_gates

    pays = evidence.thresholds
    if pays is None or (declared.side is None and declared.level is None):
        return found.verdict
    side: Side = declared.side or _side_of(evidence)
    gate = ThresholdGate(
        arm=found.arm,
        threshold=found.threshold,
        control=found.control,
        segment=found.segment,
        side=side,
        level=declared.level,
        expect="FAIL" if side == "less" else "PASS",  # the word is judged here, INCONCLUSIVE among them
    )
    return check_gates(pays, [gate]).gates[0].verdict


def _side_of(evidence: Evidence) -> Side:
    """The side of the series of thresholds."""
    return "two" if evidence.plan.costs is None else evidence.plan.costs.side


def _asked(declared: GatePlan, evidence: Evidence) -> str:
    """How a gate with a side or level of its own is asked, behind its contrast; empty for the others."""
    if declared.side is None and declared.level is None:
        return ""
    plan = evidence.plan
    level = declared.level or (0.95 if plan.experiment is None else plan.experiment.level)
    return word(f"gate.asked_{declared.side or _side_of(evidence)}", level=level)


def _before(arm: str, plan: Plan) -> str:
    """What an arm would have been compared with: the arm before it in the order, else the control."""
    if plan.experiment is None:
        return "?"
    order = step_order(plan) or ()
    position = order.index(arm) if arm in order else 0
    return order[position - 1] if position else plan.experiment.control


def _find(declared: GatePlan, decisions: Sequence[Decision]) -> Decision | None:
    for decision in decisions:
        here = (decision.arm, decision.segment, decision.threshold) == (
            declared.arm,
            declared.segment,
            declared.threshold,
        )
        if here and declared.control in (None, decision.control):
            return decision
    return None


def _figure(declared: FigurePlan, figures: Mapping[str, float | None]) -> Gate:
    observed = figures.get(declared.name)
    held = observed is not None and math.isfinite(observed) and abs(observed - declared.value) <= declared.tolerance
    shown = word("gate.absent") if observed is None else f"{observed:.12g}"
    values = {"name": declared.name, "expected": f"{declared.value:.12g}", "observed": shown}
    values["tolerance"] = format_value(declared.tolerance, "number") if declared.tolerance else "0"
    return Gate(
        name=f"figure:{declared.name}",
        kind="figure",
        status="hold" if held else "fail",
        expected=f"{declared.value:.12g} ± {declared.tolerance:.12g}",
        observed=shown,
        message=word("gate.figure_hold" if held else "gate.figure_fail", **values),
    )
