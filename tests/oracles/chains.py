"""Chains of near-simultaneous touches by hand: one touch after the other."""

from __future__ import annotations

__all__ = ["chains"]


def chains(touches: list[tuple[str, int, str]], within: int, joined: int) -> list[tuple[str, str, int]]:
    """Person, path and length in time of every run of two or more steps."""
    found = []
    for person in sorted({row[0] for row in touches}):
        own = sorted((time, channel) for who, time, channel in touches if who == person)
        steps: list[list[tuple[int, str]]] = []
        for touch in own:
            if steps and touch[0] - steps[-1][-1][0] <= joined:
                steps[-1].append(touch)
            else:
                steps.append([touch])
        runs: list[list[list[tuple[int, str]]]] = []
        for step in steps:
            if runs and step[0][0] - runs[-1][-1][-1][0] <= within:
                runs[-1].append(step)
            else:
                runs.append([step])
        for run in runs:
            if len(run) >= 2:
                path = " > ".join(" + ".join(sorted({channel for _, channel in step})) for step in run)
                found.append((person, path, run[-1][-1][0] - run[0][0][0]))
    return found
