"""Placebo credit: what the models credit in the holdout, where the campaign did nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import fails

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.reconciliation import PlaceboCredit

__all__ = ["run"]


def run(evidence: Evidence) -> PlaceboCredit | None:
    """Credit in each arm beside that in the holdout; None where credit and effect are not reconciled."""
    from experiments.reconciliation import placebo_credit

    found, declared = evidence.reconciliation, evidence.plan.experiment
    if found is None or evidence.credit is None or evidence.readout is None or declared is None or fails(evidence):
        return None
    return placebo_credit(
        evidence.credit,
        evidence.readout,
        assignment=evidence.tables["assignment"],
        steps=found.recipe.settings["steps"],  # type: ignore[arg-type]
        window=declared.window,
        columns=evidence.plan.columns(),
    )
