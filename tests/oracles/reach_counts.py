"""Reach by plain loops over persons and touches."""

from __future__ import annotations


def reached(arms, logged, arm):
    """Persons of an arm per stage; a later stage implies the earlier ones. `logged`: one list of 0/1 per person."""
    counts = [0] * len(logged[0])
    for own, stages in zip(arms, logged, strict=True):
        if own != arm:
            continue
        last = max((i for i, there in enumerate(stages) if there), default=-1)
        for i in range(last + 1):
            counts[i] += 1
    return counts


def skipped(logged):
    """Persons per stage for whom only a later stage was logged."""
    return [sum(1 for stages in logged if not stages[i] and any(stages[i + 1 :])) for i in range(len(logged[0]))]


def stages_of_touches(persons, touches, kinds, windows):
    """0/1 per person and stage from (person, time, kind) rows inside [start, end)."""
    return [
        [
            int(any(who == person and kind in wanted and start <= time < end for who, time, kind in touches))
            for wanted in kinds
        ]
        for person, (start, end) in zip(persons, windows, strict=True)
    ]
