"""The alarms of one report share one chance to be false."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core.errors import DesignError
from experiments.inference.multiplicity import adjust_pvalues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding

__all__ = ["FAMILY_ALARM", "require_trusted", "share_alarm"]

FAMILY_ALARM = 0.001
_WITHOUT_ALARM = {
    "SRM": "pass", "SRM_STRATA": "pass", "SRM_DAYS": "pass", "SRM_WEEKDAYS": "pass", "SRM_DELIVERED": "pass",
    "MISSING_OUTCOME": "note", "BALANCE": "pass", "EXCLUSIONS": "note", "PLACEBO_OUTCOME": "pass",
}  # fmt: skip


def share_alarm(findings: Sequence[Finding]) -> list[Finding]:
    """Let the probabilistic findings of a report fail at a family-wise 0.001, by Holm over their p-values.

    Each of them already fails below 0.001 on its own; one that fails only there keeps its numbers and loses the alarm.
    A finding that found nothing (pass, note) is one of the family: it could have failed. Missing outcomes that are
    declared to be 0 are told and not judged, so they take no share of the alarm from the others.

    Args:
        findings: The findings of one report, in any order.

    Returns:
        The findings in the order given.

    Example:
        >>> from attribution.core.findings import Finding
        >>> alone = Finding(code="SRM", status="fail", values={"p_value": 0.0007})
        >>> strata = Finding(code="SRM_STRATA", status="pass", values={"p_value": 0.4})
        >>> share_alarm([alone])[0].status, share_alarm([alone, strata])[0].status
        ('fail', 'pass')
    """
    places = [i for i, item in enumerate(findings) if item.code in _WITHOUT_ALARM and _judged(item)]
    p = [findings[i].values["p_value"] for i in places]
    known = [float(value) if isinstance(value, (int, float)) else None for value in p]
    adjusted = dict(zip(places, adjust_pvalues(known, method="holm"), strict=True)) if places else {}
    made = list(findings)
    for place, value in adjusted.items():
        finding = made[place]
        if finding.status == "fail" and value is not None and value >= FAMILY_ALARM:
            made[place] = replace(finding, status=_WITHOUT_ALARM[finding.code])  # type: ignore[arg-type]
    return made


def _judged(finding: Finding) -> bool:
    """Whether the finding has a p-value that could have made it fail."""
    return "p_value" in finding.values and finding.values.get("policy") != "zero"


def require_trusted(findings: Sequence[Finding]) -> None:
    """Raise when a finding failed.

    Args:
        findings: The findings of one report.

    Raises:
        DesignError: INVALID, with every failed finding.
    """
    failed = [finding for finding in findings if finding.status == "fail"]
    if failed:
        told = " ".join(f"[{finding.code}] {finding.text('en')}" for finding in failed)
        raise DesignError("INVALID", f"the experiment cannot be trusted: {told}")
