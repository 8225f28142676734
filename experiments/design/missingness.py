"""Missing outcomes: whether the arms miss them alike, and how far they could move the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core.findings import Finding
from experiments.design.homogeneity import homogeneous
from experiments.inference.multiplicity import adjust_pvalues

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISSING_ALARM", "check_missing"]

MISSING_ALARM = 0.001


def check_missing(
    metric: str,
    persons: Mapping[str, int],
    missing: Mapping[str, int],
    *,
    control: str,
    policy: Literal["zero", "exclude"],
) -> Finding | None:
    """Whether the share of missing outcomes differs between the control and any arm.

    Each arm is compared with the control by Pearson's chi-square times (N - 1) / N, the score test without a margin
    (Fisher's exact test where fewer than 30 are expected in a cell), the p-values adjusted by Bonferroni over the arms.
    Below 0.001 the arms are no longer comparable on this metric, and the finding is a failure. Where an empty cell
    means that nothing happened ("zero"), the effect itself empties cells unequally, so the shares are told and not
    judged.

    Args:
        metric: Name of the metric.
        persons: Persons by arm.
        missing: Persons without a value by arm.
        control: The control arm.
        policy: What the metric declares: "zero" or "exclude".

    Returns:
        MISSING_OUTCOME, or None when nothing is missing.
    """
    total = sum(missing.values())
    if not total:
        return None
    arms = [arm for arm in persons if arm != control]
    found = [
        homogeneous(np.array([[missing[arm], missing[control]]]), np.array([[persons[arm], persons[control]]]))[0]
        for arm in arms
    ]
    p = min((value for value in adjust_pvalues(found, method="bonferroni") if value is not None), default=1.0)
    shares = {arm: missing[arm] / persons[arm] for arm in persons}
    values = {
        "metric": metric, "missing": total, "persons": sum(persons.values()), "share": total / sum(persons.values()),
        "lowest": min(shares.values()), "highest": max(shares.values()), "p_value": p, "policy": policy,
        "by_arm": missing,
    }  # fmt: skip
    judged = policy == "exclude" and p < MISSING_ALARM
    return Finding(code="MISSING_OUTCOME", status="fail" if judged else "note", values=values)
