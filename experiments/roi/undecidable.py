"""Segments in which nothing can be compared: they leave the verdicts, and a finding tells them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from experiments.roi.segment_cells import segment_name

if TYPE_CHECKING:
    from experiments.moments import CostMoments

__all__ = ["SEGMENT_DECLINED", "decidable"]

SEGMENT_DECLINED = "SEGMENT_DECLINED"
_ARRAYS = ("n", "woken", "mean_woken", "variance_woken", "mean_other", "variance_other")


def decidable(moments: CostMoments, control: str) -> tuple[CostMoments, tuple[Finding, ...]]:
    """The moments of the segments that hold persons of every arm in some stratum, and a finding for each other one.

    One segment without a control must not take the answer from all others. Where no segment can be compared the moments
    come back whole: the contrasts then say why not.

    Args:
        moments: The statistics by segment, stratum and arm.
        control: The control of the experiment.
    """
    arms = {str(arm) for arm in moments.arm}
    held: dict[object, dict[object, set[str]]] = {}
    persons: dict[object, int] = {}
    for segment, stratum, arm, n in zip(moments.segment, moments.stratum, moments.arm, moments.n.tolist(), strict=True):
        held.setdefault(segment, {}).setdefault(stratum, set()).add(str(arm))
        persons[segment] = persons.get(segment, 0) + int(n)
    lost = [
        segment for segment, strata in held.items()
        if segment is not None and not any(there == arms for there in strata.values())
    ]  # fmt: skip
    if not lost or len(lost) == len(held):
        return moments, ()
    found = []
    for segment in lost:
        there = set().union(*held[segment].values())
        values = {
            "segment": str(segment_name(segment)), "persons": persons[segment],
            "reason": "NO_COMMON_STRATUM" if control in there else "NO_HOLDOUT",
        }  # fmt: skip
        found.append(Finding(code=SEGMENT_DECLINED, status="warn", values=values))
    kept = np.array([segment not in lost for segment in moments.segment])
    places = np.flatnonzero(kept).tolist()
    return replace(
        moments,
        segment=tuple(moments.segment[i] for i in places),
        stratum=tuple(moments.stratum[i] for i in places),
        arm=tuple(moments.arm[i] for i in places),
        **{name: getattr(moments, name)[kept] for name in _ARRAYS},
    ), tuple(found)
