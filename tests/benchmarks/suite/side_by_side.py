"""Competitors in turns in one process: equality first, then rounds; what counts is the ratio within a round."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.suite.answers import apart

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Entry:
    """One competitor: what to call, and which cells of the answer it computes (`cells`; None: it returns no answer)."""

    name: str
    call: Callable[[], object]
    cells: Callable[[np.ndarray], np.ndarray] | None = lambda found: found
    tolerance: float = TOLERANCE


@dataclass
class Rounds:
    """Seconds per competitor and round, and the share of the machine that others used in each round."""

    seconds: dict[str, list[float]]
    others: list[float] = field(default_factory=list)

    def ratio(self, theirs: str, ours: str) -> tuple[float, float, float]:
        """Median, smallest and largest of the ratios within rounds."""
        each = [a / b for a, b in zip(self.seconds[theirs], self.seconds[ours], strict=True)]
        return statistics.median(each), min(each), max(each)

    def fastest(self, names: Sequence[str]) -> str:
        """The name with the smallest median."""
        return min(names, key=lambda name: statistics.median(self.seconds[name]))


class WrongAnswerError(AssertionError):
    """A competitor's numbers are not the expected ones: its time means nothing."""


def _busy() -> float:
    """Seconds that all processors together have worked since the start of the machine; nan where unknown."""
    place = Path("/proc/stat")
    if not place.exists():
        return float("nan")
    user, nice, system, _, _, irq, softirq, steal = map(int, place.read_text(encoding="ascii").split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(others: list[float]) -> Iterator[None]:
    """Add the share of the machine's capacity that other processes used meanwhile."""
    busy, own, start = _busy(), sum(os.times()[:4]), time.perf_counter()
    yield
    capacity = (time.perf_counter() - start) * (os.cpu_count() or 1)
    others.append(max((_busy() - busy) - (sum(os.times()[:4]) - own), 0.0) / capacity)


def check(entry: Entry, found: object, expected: np.ndarray) -> None:
    """Refuse an entry whose numbers differ."""
    if entry.cells is None:
        return
    if not isinstance(found, np.ndarray):
        raise WrongAnswerError(f"{entry.name} returned no answer")
    gap = apart(entry.cells(found), entry.cells(expected))
    if not gap <= entry.tolerance:
        raise WrongAnswerError(f"{entry.name} differs from the expected numbers by {gap:.1e}")


def in_turns(entries: Sequence[Entry], expected: np.ndarray, rounds: int) -> Rounds:
    """Warm and check every entry once, then time all of them once per round, each round in another order."""
    for entry in entries:
        check(entry, entry.call(), expected)
    timed = Rounds({entry.name: [] for entry in entries})
    for turn in range(rounds):
        first = turn % len(entries)
        with watching(timed.others):
            for entry in (*entries[first:], *entries[:first]):
                gc.collect()
                start = time.perf_counter()
                entry.call()
                timed.seconds[entry.name].append(time.perf_counter() - start)
    return timed


def best(entries: Sequence[Entry], expected: np.ndarray) -> Entry:
    """The fastest right one of several idioms, by two rounds in turns."""
    timed = in_turns(entries, expected, rounds=2)
    fastest = min(timed.seconds, key=lambda name: min(timed.seconds[name]))
    return next(entry for entry in entries if entry.name == fastest)
