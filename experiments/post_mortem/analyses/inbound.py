"""Credit with and without the touches that customers began."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.credit.origin import OriginComparison
    from experiments.post_mortem.evidence import Evidence

__all__ = ["run"]


def run(evidence: Evidence) -> OriginComparison | None:
    """Both credits side by side; None where the plan does not ask, or the touches do not tell who began them."""
    import attribution as at
    from attribution.core.tables import Problems, open_table

    credit = evidence.credit
    if credit is None or not getattr(evidence.plan.attribution, "inbound", True):
        return None
    roles = evidence.plan.columns()["touches"]
    if roles.origin not in open_table(evidence.tables["touches"], "touches", roles, problems=Problems()).names:
        return None
    found = at.compare_origins(credit)
    # Nobody came by himself: both credits are the same.
    moved = any(row["conversions_difference"] for row in found.to_dicts())
    return found if moved else None
