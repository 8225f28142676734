"""Whether it paid in realised money, without a declared threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.analyses.asked import checked_before, fails

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.roi.money_result import MoneyTest

__all__ = ["run"]


def run(evidence: Evidence) -> MoneyTest | None:
    """Value less cost per assigned person; None where the plan does not ask for it."""
    from experiments.post_mortem.evidence import step_order
    from experiments.roi.money import money_test

    asked = evidence.plan.money
    if asked is None or evidence.readout is None or fails(evidence):
        return None
    found = money_test(
        evidence.outcomes,
        value=asked.value,
        cap=asked.cap,
        relevant_net=asked.relevant_net,
        order=step_order(evidence.plan),
        experiment=evidence.readout.experiment,
    )
    return checked_before(found)
