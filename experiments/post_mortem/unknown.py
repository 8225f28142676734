"""What the report does not know: said on the first screen, before what it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.formats import format_value
from experiments.post_mortem.words import contrast_words, listed, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Decision

__all__ = ["unknown_of"]


def unknown_of(evidence: Evidence, decisions: Sequence[Decision], invalid: str) -> list[str]:
    """One clause for each thing that stays open; empty when everything asked has an answer."""
    if evidence.readout is None:
        return []  # the refusal says that nothing is known of what was caused
    if invalid:
        return [word("unknown.invalid", codes=invalid)]
    found = _undecided(decisions)
    if evidence.thresholds is None:
        found.append(word("unknown.paid" if evidence.plan.costs is None else "unknown.unpriced"))
    rows = [] if evidence.reconciliation is None else evidence.reconciliation.to_dicts()
    untested = dict.fromkeys(row["channels"] for row in rows if row["step"] == "untested")
    changed = () if evidence.locking is None else evidence.locking.deciding()
    if changed and decisions:
        found.append(word("unknown.changed", keys=listed(changed)))
    if untested:
        found.append(word("unknown.untested", channels=listed(untested)))
    return found


def _undecided(decisions: Sequence[Decision]) -> list[str]:
    open_at: dict[str, list[float]] = {}
    for decision in decisions:
        if decision.verdict.word == "INCONCLUSIVE":
            contrast = contrast_words(decision.arm, decision.control, decision.segment)
            open_at.setdefault(contrast, []).append(decision.threshold)
    return [
        word(
            "unknown.undecided", contrast=contrast, thresholds=listed(format_value(T, "money") for T in sorted(values))
        )
        for contrast, values in open_at.items()
    ]
