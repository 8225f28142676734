"""How far each person gets through ordered stages: the greedy rule, without a loop over persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts

__all__ = ["first_of_persons", "instants_of", "reached_stages", "smallest_at_instant"]


def instants_of(acts: Acts) -> NDArray[np.int32]:
    """Number of the instant of each act: acts of one person and time share it; ascending."""
    new = np.zeros(len(acts.time), np.int32)
    new[1:] = (acts.person[1:] != acts.person[:-1]) | (acts.time[1:] != acts.time[:-1])
    return np.cumsum(new, dtype=np.int32)


def reached_stages(
    acts: Acts, instant: NDArray[np.int32], places: Sequence[NDArray[np.int64]], starts: NDArray[np.int64], window: int
) -> NDArray[np.int64]:
    """Number of stages that each person reaches inside the window of one of the starts; 0 without a start.

    Of the starts that a chain may come from only the latest matters: its window ends last. So every act of a stage
    carries the latest start from which the stages before it were passed in order, and a stage is reached when an act of
    it lies less than the window after the start that it carries. Acts at one instant count as in order.

    Args:
        acts: The acts, sorted by person and time.
        instant: Number of the instant of each act.
        places: Positions of the acts of each stage, ascending.
        starts: Positions of the starts, ascending; acts of the first stage.
        window: Length of the window, microseconds; its end is not part of it.
    """
    reached = np.zeros(len(acts.persons), np.int64)
    reached[acts.person[starts]] = 1
    at, carried = starts, starts
    for number, place in enumerate(places[1:], start=2):
        if not len(at) or not len(place):
            break
        # Up to and with the same instant: ties stand behind each other, in no order that means anything.
        before = np.searchsorted(instant[at], instant[place], side="right") - 1
        latest = np.maximum.accumulate(carried)[np.maximum(before, 0)]
        known = (before >= 0) & (acts.person[latest] == acts.person[place])
        inside = known & (acts.time[place] - acts.time[latest] < window)
        at, carried = place[inside], latest[inside]
        reached[acts.person[at]] = number
    return reached


def first_of_persons(acts: Acts, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of each person's acts among some."""
    first = np.ones(len(place), bool)
    first[1:] = acts.person[place[1:]] != acts.person[place[:-1]]
    return place[first]


def smallest_at_instant(
    instant: NDArray[np.int32], place: NDArray[np.int64], chosen: NDArray[np.int64], code: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The smallest code among the acts of `place` at the instants of `chosen`, so that no order of rows decides.

    Args:
        instant: Number of the instant of each act.
        place: Positions of some acts, ascending.
        chosen: Some of them.
        code: Code of each act.
    """
    if not len(chosen):
        return np.empty(0, np.int64)
    group = instant[place]
    new = np.ones(len(place), bool)
    new[1:] = group[1:] != group[:-1]
    begins = np.flatnonzero(new)
    smallest = np.minimum.reduceat(code[place], begins)
    found: NDArray[np.int64] = smallest[np.searchsorted(group[begins], instant[chosen])]
    return found
