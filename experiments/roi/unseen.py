"""What if some of those who woke were not seen to wake? The fewest persons at which a decision changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.roi.arms import ArmCosts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experiments.roi.contrasts import ContrastCosts

__all__ = ["least_unseen", "with_unseen"]


def least_unseen(
    contrast: ContrastCosts, *, treated: bool, changes: Callable[[ContrastCosts], str | None]
) -> tuple[float, str] | None:
    """The smallest share of an arm's persons whose unseen waking changes the word.

    Args:
        contrast: The contrast.
        treated: Whether the treated arm's outcomes are incomplete; else the control's.
        changes: The word of a contrast when it is another one, else None.

    Returns:
        Share of the arm's persons and the word; None when even all of them change nothing. The search assumes that
        more unseen persons keep what fewer have changed, and looks at every power of two on its way.
    """
    arms = contrast.treated if treated else contrast.untreated
    most, persons = sum(arm.other for arm in arms), sum(arm.n for arm in arms)
    if most == 0:
        return None
    kept, number = 0, 1
    while changes(with_unseen(contrast, number, treated=treated)) is None:
        if number == most:
            return None
        kept, number = number, min(2 * number, most)
    while number - kept > 1:
        middle = (kept + number) // 2
        if changes(with_unseen(contrast, middle, treated=treated)) is None:
            kept = middle
        else:
            number = middle
    word = changes(with_unseen(contrast, number, treated=treated))
    return None if word is None else (number / persons, word)


def with_unseen(contrast: ContrastCosts, number: int, *, treated: bool) -> ContrastCosts:
    """The contrast when so many persons of an arm, recorded as silent, in fact woke; their costs stay as booked."""
    arms = contrast.treated if treated else contrast.untreated
    parts = _spread([arm.other for arm in arms], number)
    moved = tuple(_moved(arm, part) for arm, part in zip(arms, parts, strict=True))
    made = replace(contrast, treated=moved) if treated else replace(contrast, untreated=moved)
    if contrast.clustered is None:
        return made
    # Which clusters they belong to is unknown: the variance stays, the difference moves.
    return replace(made, clustered=replace(contrast.clustered, woken=made.difference("woken")))


def _spread(room: Sequence[int], number: int) -> list[int]:
    """So many persons over the strata in proportion to those recorded as silent, by largest remainders."""
    size = np.array(room, dtype=np.float64)
    exact = number * size / size.sum()
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: number - int(parts.sum())]] += 1
    return [int(part) for part in parts]


def _moved(arm: ArmCosts, number: int) -> ArmCosts:
    """An arm of which some silent persons count as woken, with costs like those of the silent."""
    if number == 0:
        return arm
    woken = arm.woken + number
    share = number / woken
    own = arm.cost_mean_woken if arm.woken else arm.cost_mean_other
    gap = arm.cost_mean_other - own
    spread = arm.cost_variance_other if arm.other > 1 else 0.0
    squares = max(arm.woken - 1, 0) * (arm.cost_variance_woken if arm.woken > 1 else 0.0)
    squares += max(number - 1, 0) * spread + arm.woken * share * gap * gap
    return ArmCosts(
        n=arm.n,
        woken=woken,
        cost_mean_woken=own + share * gap,
        cost_mean_other=arm.cost_mean_other,
        cost_variance_woken=squares / (woken - 1) if woken > 1 else 0.0,
        cost_variance_other=arm.cost_variance_other,
    )
