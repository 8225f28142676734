"""Findings of the page in groups of one severity: what fails stands open, what holds is folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.report.document import Document

__all__ = ["SHAPES", "groups"]

_ORDER = ("fail", "unknown", "warn", "note", "pass")
_FOLDED = ("note", "pass")
# Shapes beside the words: severity is never a colour alone.
SHAPES = {
    "fail": '<path d="M2 2 16 16M16 2 2 16" stroke="currentColor" stroke-width="4"/>',
    "warn": '<path d="M9 1 17.5 16.5H.5z"/>',
    "unknown": '<circle cx="9" cy="9" r="7" fill="none" stroke="currentColor" stroke-width="3"/>',
    "undecided": '<circle cx="9" cy="9" r="7" fill="none" stroke="currentColor" stroke-width="3"/>',
    "note": '<path d="M1 9h16" stroke="currentColor" stroke-width="3"/>',
    "pass": '<path d="M2 10l5 5L16 3" fill="none" stroke="currentColor" stroke-width="3"/>',
    "hold": '<path d="M2 10l5 5L16 3" fill="none" stroke="currentColor" stroke-width="3"/>',
}


def groups(document: Document) -> Sequence[Mapping[str, Any]]:
    """Each severity with its findings, the gravest first; notes and what holds are folded."""
    made = []
    for status in _ORDER:
        held = [finding for finding in document.findings if finding.status == status]
        if held:
            label = messages.text(f"REPORT.page.findings.{status}")
            made.append(
                {
                    "status": status,
                    "title": messages.text("REPORT.page.group", {"label": label, "n": len(held)}),
                    "folded": status in _FOLDED,
                    "findings": [{"code": one.code, "text": one.text(document.lang)} for one in held],
                }
            )
    return made
