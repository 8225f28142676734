"""Which arm for which segment under a budget: the multiple-choice knapsack, greedily and exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Allocation", "Choice", "Step", "allocate", "ladder"]

_NODES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One arm for one segment, against contacting nobody there.

    Attributes:
        segment: Number of the segment.
        arm: Number of the arm, 1 or more; 0 is the control.
        cost: What it costs more than the control, over all persons of the segment.
        value: Its net benefit over all persons of the segment.
    """

    segment: int
    arm: int
    cost: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step up in one segment: from an arm (0: nobody contacted) to the next one worth its cost.

    Attributes:
        segment: Number of the segment.
        before: The arm before.
        arm: The arm after.
        cost: What the step costs; below 0 where it saves.
        value: What the step adds to the net benefit.
    """

    segment: int
    before: int
    arm: int
    cost: float
    value: float

    @property
    def efficiency(self) -> float:
        """Net benefit per unit of money; inf where the step costs nothing."""
        return self.value / self.cost if self.cost > 0.0 else math.inf


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Allocation:
    """What is bought.

    Attributes:
        steps: The steps bought, in the order of their net benefit per unit of money.
        shares: How much of the segment each step is bought for: 1, and below 1 for at most one.
        value: Net benefit of all that is bought.
        cost: What it costs.
        bound: The most that any choice within the budget could be worth, by the same figures.
        exact: Whether no choice is better (to rounding).
    """

    steps: tuple[Step, ...]
    shares: tuple[float, ...]
    value: float
    cost: float
    bound: float
    exact: bool


def ladder(choices: Sequence[Choice]) -> list[Step]:
    """The steps of one segment that a best choice may hold: each worth less per unit of money than the one before.

    An arm that costs no less than another and is worth no more is left out, and so is one that a mixture of two others
    beats (the upper concave hull of value over cost, from nobody contacted to the most valuable arm).

    Example:
        >>> arms = [Choice(segment=0, arm=1, cost=10, value=5), Choice(segment=0, arm=2, cost=20, value=30)]
        >>> [(step.before, step.arm, step.efficiency) for step in ladder(arms)]
        [(0, 2, 1.5)]
    """
    free = [choice for choice in choices if choice.cost <= 0.0 and choice.value > 0.0]
    hull: list[tuple[float, float, int]] = [(0.0, 0.0, 0)]
    steps = []
    segment = choices[0].segment if choices else 0
    if free:
        best = max(free, key=lambda choice: (choice.value, -choice.cost))
        steps.append(Step(segment=segment, before=0, arm=best.arm, cost=best.cost, value=best.value))
        hull = [(best.cost, best.value, best.arm)]
    rest = sorted(
        (choice.cost, -choice.value, choice.arm)
        for choice in choices
        if choice.cost > hull[0][0] and choice.value > hull[0][1]
    )
    for cost, negative, arm in rest:
        value = -negative
        if value <= hull[-1][1]:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-2], (cost, value, arm)):
            hull.pop()
        hull.append((cost, value, arm))
    for (cost, value, before), (more, worth, arm) in pairwise(hull):
        steps.append(Step(segment=segment, before=before, arm=arm, cost=more - cost, value=worth - value))
    return steps


def _slope(one: tuple[float, float, int], two: tuple[float, float, int]) -> float:
    rise, run = two[1] - one[1], two[0] - one[0]
    return rise / run if run > 0.0 else math.inf


def allocate(choices: Sequence[Choice], budget: float, *, partial: bool = True) -> Allocation:
    """Buy within a budget, at most one arm per segment.

    Steps are bought in the order of their net benefit per unit of money until the budget is spent. With ``partial`` the
    last one is bought for a random share of its segment: that choice is the best there is. Without, segments are bought
    whole or not: the best such choice by branch and bound (with the partial one as the bound); above 200,000 branches
    the best found so far, `bound` telling how much better another could be.

    Args:
        choices: Every arm of every segment.
        budget: Money that may be spent, 0 or more.
        partial: Whether a segment may be contacted in part.

    Example:
        >>> options = [Choice(segment=0, arm=1, cost=60, value=60), Choice(segment=1, arm=1, cost=50, value=40),
        ...            Choice(segment=2, arm=1, cost=50, value=40)]
        >>> some = allocate(options, 100)
        >>> [(step.segment, round(share, 2)) for step, share in zip(some.steps, some.shares)], some.value
        ([(0, 1.0), (1, 0.8)], 92.0)
        >>> whole = allocate(options, 100, partial=False)
        >>> [step.segment for step in whole.steps], whole.value, whole.bound
        ([1, 2], 80.0, 92.0)
    """
    groups = _grouped(choices)
    steps = _sorted([step for group in groups.values() for step in ladder(group)])
    bought = _fill(steps, budget)
    value = math.fsum(share * step.value for step, share in bought)
    if partial:
        return _allocation(bought, value, exact=True)
    picked, exact = _whole(list(groups.values()), budget)
    taken = _sorted(
        [
            Step(segment=choice.segment, before=0, arm=choice.arm, cost=choice.cost, value=choice.value)
            for choice in picked
        ]
    )
    return _allocation([(step, 1.0) for step in taken], value, exact=exact)


def _allocation(bought: Sequence[tuple[Step, float]], bound: float, *, exact: bool) -> Allocation:
    return Allocation(
        steps=tuple(step for step, _ in bought),
        shares=tuple(share for _, share in bought),
        value=math.fsum(share * step.value for step, share in bought),
        cost=math.fsum(share * step.cost for step, share in bought),
        bound=bound,
        exact=exact,
    )


def _grouped(choices: Sequence[Choice]) -> dict[int, list[Choice]]:
    groups: dict[int, list[Choice]] = {}
    for choice in choices:
        groups.setdefault(choice.segment, []).append(choice)
    return groups


def _sorted(steps: Sequence[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: (-step.efficiency, step.segment, step.arm))


def _fill(steps: Sequence[Step], budget: float) -> list[tuple[Step, float]]:
    """Steps in their order until the money is spent; the last one in part."""
    bought: list[tuple[Step, float]] = []
    left = budget
    for step in steps:
        if step.cost <= left:
            bought.append((step, 1.0))
            left -= step.cost
        elif left > 0.0:
            bought.append((step, left / step.cost))
            break
        else:
            break
    return bought


def _whole(groups: list[list[Choice]], budget: float) -> tuple[list[Choice], bool]:
    """The best choice of whole segments, by branch and bound; whether the search came to its end."""
    groups = sorted(groups, key=lambda group: (-max(choice.value for choice in group), group[0].segment))
    tails = [_sorted([step for group in groups[i:] for step in ladder(group)]) for i in range(len(groups) + 1)]
    best: tuple[float, tuple[Choice, ...]] = (0.0, ())
    stack: list[tuple[int, float, float, tuple[Choice, ...]]] = [(0, budget, 0.0, ())]
    for _ in range(_NODES):
        if not stack:
            return list(best[1]), True
        place, left, value, picked = stack.pop()
        if value > best[0]:
            best = value, picked
        if place == len(groups):
            continue
        most = value + math.fsum(share * step.value for step, share in _fill(tails[place], left))
        if most <= best[0] * (1.0 + 1e-12):
            continue
        stack.append((place + 1, left, value, picked))
        worth = sorted((c for c in groups[place] if c.value > 0.0 and c.cost <= left), key=lambda c: c.value)
        stack += [(place + 1, left - c.cost, value + c.value, (*picked, c)) for c in worth]
    return list(best[1]), not stack
