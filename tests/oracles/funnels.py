"""Funnels by hand: every chain of acts of every person is tried, one after the other."""

from __future__ import annotations

__all__ = ["farthest", "funnel_counts"]


def farthest(acts: list[tuple[int, str]], stages: list[str], start: int, window: int) -> int:
    """The longest chain of stages from a start, each act at or after the one before and inside the window."""

    def best(stage: int, time: int) -> int:
        longest = stage
        if stage < len(stages):
            for when, what in acts:
                if what == stages[stage] and time <= when < start + window:
                    longest = max(longest, best(stage + 1, when))
        return longest

    return best(1, start)


def funnel_counts(
    log: list[tuple[str, int, str]], stages: list[str], window: int, until: int, *, rule: str
) -> tuple[list[int], int]:
    """Persons by stage, and those left out because no window of theirs (the first: "first") is over."""
    reached, left = [0] * len(stages), 0
    for person in sorted({row[0] for row in log}):
        acts = [(when, what) for who, when, what in log if who == person and when < until]
        starts = sorted(when for when, what in acts if what == stages[0])
        if not starts:
            continue
        over = [when for when in starts if when + window <= until]
        if not over:
            left += 1
            continue
        far = max(farthest(acts, stages, when, window) for when in (over[:1] if rule == "first" else over))
        for stage in range(far):
            reached[stage] += 1
    return reached, left
