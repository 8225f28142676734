"""How far the declared models disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.compare import ModelComparison
    from experiments.post_mortem.evidence import Evidence

__all__ = ["run"]


def run(evidence: Evidence) -> ModelComparison | None:
    """Shares and ranks of every channel over the models; None with a single model or without credit."""
    import attribution as at

    credit = evidence.credit
    if credit is None or len(credit.models) < 2:
        return None
    return at.compare_models(credit)
