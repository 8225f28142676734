"""Whether the values of persons are so skewed that an interval over them is known to miss."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.caps import heavy_tail
from experiments.moments.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from experiments.uplift.trial import Trial

    Floats = NDArray[np.float64]

__all__ = ["tail_finding"]


def tail_finding(trial: Trial, members: Floats, rest: Floats, *, name: str, level: float) -> Finding | None:
    """HEAVY_TAIL where the values of those whom a rule treats are skewed for their number; None else, and for clusters.

    Args:
        trial: The persons.
        members: How much of each person the rule treats.
        rest: Outcome of each less what is expected in the own arm.
        name: Name of the rule.
        level: Confidence level.
    """
    if len(np.unique(trial.cluster)) < len(trial) or not members.any():
        return None
    moments: dict[str, list[float]] = defaultdict(list)
    for side, chance in ((trial.treated, trial.chance), (~trial.treated, 1.0 - trial.chance)):
        share = np.count_nonzero(side) / float(trial.weight.sum())
        worth = (trial.weight * members * rest / chance)[side] * share
        gap = worth - worth.mean()
        for key, found in (
            ("n", len(gap)), ("means", worth.mean()), ("products", gap @ gap), ("cubes", gap @ gap**2),
            ("smallest", worth.min()), ("largest", worth.max()),
        ):  # fmt: skip
            moments[key].append(float(found))
    one = {key: np.array([found]) for key, found in moments.items()}
    persons = one["n"].astype(np.int64)
    grid = Grid(
        strata=((),), arms=(trial.arm, trial.control), labels=("value",), persons=persons, n=persons,
        means=one["means"][:, :, None], products=one["products"][:, :, None, None], cubes=one["cubes"],
        smallest=one["smallest"], largest=one["largest"],
    )  # fmt: skip
    return heavy_tail(grid, np.ones(1), metric=name, control=trial.control, level=level)
