"""Uplift curves the slow way: every share by itself, every person by hand."""

from __future__ import annotations

from collections.abc import Sequence


def membership(scores: Sequence[float], share: float) -> list[float]:
    """How much of each person belongs to the top share: those tied at the cut have an equal part."""
    n = len(scores)
    found = []
    for own in scores:
        above = sum(other > own for other in scores)
        same = sum(other == own for other in scores)
        found.append(min(1.0, max(0.0, (share * n - above) / same)))
    return found


def gain(
    scores: Sequence[float], treated: Sequence[bool], outcome: Sequence[float], share: float
) -> tuple[float, float] | None:
    """Gain per person of the audience and its variance (no ties at the cut): share times the difference of means."""
    part = membership(scores, share)
    sides = []
    for side in (True, False):
        rows = [i for i in range(len(scores)) if treated[i] == side]
        weight = sum(part[i] for i in rows)
        if weight < 2:
            return None
        mean = sum(part[i] * outcome[i] for i in rows) / weight
        spread = sum(part[i] * (outcome[i] - mean) ** 2 for i in rows) / (weight - 1)
        sides.append((mean, spread / weight))
    return share * (sides[0][0] - sides[1][0]), share**2 * (sides[0][1] + sides[1][1])
