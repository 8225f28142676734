"""The credit with intervals, where the plan declares their level."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.credit.interval_table import IntervalTable
    from experiments.post_mortem.evidence import Evidence

__all__ = ["run"]


def run(evidence: Evidence) -> IntervalTable | None:
    """The credit table with intervals; None where no level is declared."""
    level = evidence.plan.attribution.interval_level
    if evidence.credit is None or level is None:
        return None
    return evidence.credit.intervals(level=level)
