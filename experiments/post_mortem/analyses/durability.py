"""Does the effect last: woken and active again after weeks and months, arm by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.post_mortem.follow_up import can_be_followed, days_reached, readout_columns

if TYPE_CHECKING:
    from experiments.post_mortem.evidence import Evidence
    from experiments.wakeup.durability import Durability

__all__ = ["run"]

_FEWEST = 2  # days: the first one is what the last one is compared with
_ENDS_EARLY = "AS_OF_BEYOND_DATA"


def run(evidence: Evidence) -> Durability | None:
    """The effect at the declared days, else at the usual ones; None where the data do not reach two of them.

    Raises:
        DesignError: As `durability`.
    """
    from experiments.wakeup.durability import durability

    plan, tables = evidence.plan, evidence.tables
    days = days_reached(evidence)
    if not can_be_followed(evidence) or plan.experiment is None or len(days) < _FEWEST:
        return None
    declared = plan.durability
    found = durability(
        tables["assignment"], tables["conversions"], days=days, as_of=plan.campaign.as_of,
        activity="30d" if declared is None else declared.activity, lag=plan.experiment.lag,
        control=plan.experiment.control, level=plan.experiment.level, columns=readout_columns(evidence),
    )  # fmt: skip
    early = any(finding.code == _ENDS_EARLY for finding in found.findings)
    # Nobody asked for these days: that the conversions end before them is no fault of the data.
    return None if declared is None and early else found
