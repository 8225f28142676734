"""When customers came back: the share returned by day since the assignment, arm by arm, up to the window's end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experiments.post_mortem.follow_up import can_be_followed, readout_columns, window_days

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.records import Records
    from experiments.post_mortem.evidence import Evidence

__all__ = ["ReturnTimes", "run"]

_SHORTEST = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReturnTimes:
    """Share returned by day.

    Attributes:
        records: arm, day, n, share_returned with low and high (pointwise), as in `Durability.curve`.
        means: Mean days without a return up to the window's end, as in `Durability.means`.
        findings: Nothing: the effect in the window is the readout's, which tells what is wrong with the tables.
        recipe: How it was made.
    """

    records: Records
    means: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records


def run(evidence: Evidence) -> ReturnTimes | None:
    """The curves of everybody assigned; None without conversions to follow, or for a window under two days."""
    from experiments.wakeup.durability import durability

    plan, tables = evidence.plan, evidence.tables
    last = int(window_days(evidence))
    if not can_be_followed(evidence) or plan.experiment is None or last < _SHORTEST:
        return None
    found = durability(
        tables["assignment"], tables["conversions"], days=(last // 2, last), as_of=plan.campaign.as_of,
        lag=plan.experiment.lag, control=plan.experiment.control, level=plan.experiment.level,
        columns=readout_columns(evidence),
    )  # fmt: skip
    recipe = replace(found.recipe, method="return_times", definitions=("DURABILITY_RETURN",))
    return ReturnTimes(records=found.curve, means=found.means, findings=(), recipe=recipe)
