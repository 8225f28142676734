"""How time and memory grow with the number of touches, and what a call needs at its peak."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from benchmarks.suite import data, ours
from benchmarks.suite.comparisons import OURS, Task
from benchmarks.suite.memory import WHO, in_fresh_process
from benchmarks.suite.side_by_side import Entry, Rounds, in_turns
from benchmarks.suite.table import Goal, Row, seconds

SLOPE = Goal(1.1, 1.0, smaller=True)
BYTES = Goal(30, 15, smaller=True)


def slope(sizes: list[int], values: list[float]) -> float:
    """The slope of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def peaks(rows: int, ids: tuple[str, ...], folder: Path, who: tuple[str, ...] = tuple(WHO)) -> list[Row]:
    """Extra bytes per touch, each in a fresh process."""
    found = []
    for kind in ids:
        for one in who:
            try:
                facts = in_fresh_process(one, rows, kind, folder)
            except RuntimeError as error:
                found.append(Row(one, kind, None, note=str(error)[:120]))
                continue
            text = f"{facts['extra'] / 2**20:.0f} MiB above {facts['loaded'] / 2**20:.0f} MiB"
            goal = BYTES if one.startswith("ours") else None
            found.append(Row(f"{one}: bytes per touch", kind, facts["extra"] / rows, goal=goal, ours=text))
    return found


def _millions(rows: int) -> str:
    return f"{rows / 1e6:g} M"


def in_memory(sizes: list[int], folder: Path, rounds: int) -> tuple[list[Row], Rounds]:
    """Arrow tables of several sizes in turns (time), then each in a fresh process (memory)."""
    loaded = {size: data.tables(size) for size in sizes}
    entries = [
        Entry(_millions(size), lambda size=size: ours.run(*loaded[size]), cells=None) for size in sizes
    ]  # fmt: skip
    timed = in_turns(entries, np.zeros(0), rounds)
    took = [float(np.median(timed.seconds[_millions(size)])) for size in sizes]
    loaded.clear()
    extra = [in_fresh_process("ours", size, "integers", folder)["extra"] for size in sizes]
    lines = [
        Row(f"{_millions(size)}: microseconds per touch", "integers", second / size * 1e6, ours=seconds(second),
            theirs=f"{more / size:.1f} bytes per touch")
        for size, second, more in zip(sizes, took, extra, strict=True)
    ]  # fmt: skip
    return [
        *lines,
        Row("slope of time", "integers", slope(sizes, took), goal=SLOPE),
        Row("slope of extra memory", "integers", slope(sizes, extra), goal=SLOPE),
    ], timed


def from_files(sizes: list[int], folder: Path, limit: str) -> list[Row]:
    """Parquet files of several sizes within a limit of memory, each in a fresh process, one run."""
    facts = [in_fresh_process("ours, files", size, "integers", folder, limit) for size in sizes]
    took = [one["seconds"] for one in facts]
    lines = [
        Row(f"{_millions(size)} from files, memory={limit}: microseconds per touch", "integers",
            second / size * 1e6, ours=seconds(second), theirs=f"peak {one['peak'] / 2**30:.2f} GiB resident in all")
        for size, second, one in zip(sizes, took, facts, strict=True)
    ]  # fmt: skip
    return [*lines, Row("slope of time", "integers", slope(sizes, took), goal=SLOPE)] if len(sizes) > 1 else lines


def beside_files(rows: int, ids: str, folder: Path) -> str:
    """In words: the numbers from files within the limit are those from memory."""
    task = Task.make(rows, ids, folder)
    gap = float(np.max(np.abs(ours.run_files(*task.places) - ours.run(*task.arrow))))
    return f"{OURS} from files and from memory differ by {gap:.1e} at {_millions(rows)} touches"


def decades(smallest: int, largest: int) -> list[int]:
    """1, 3, 10, 30, ... from the smallest to the largest."""
    steps = [base * 10**power for power in range(int(math.log10(largest)) + 1) for base in (1, 3)]
    return [step for step in steps if smallest <= step <= largest]
