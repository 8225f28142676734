"""Work over blocks of rows, on threads where there are enough rows; results come in the order of the blocks.

NumPy and Arrow release the interpreter's lock in their loops, so threads share the arrays without copies.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["in_blocks", "taken", "thread_count"]

T = TypeVar("T")

_FEWEST_ROWS = 1_000_000
_MOST_THREADS = 8
_TURNS = 16  # times that a thread comes back for more, about


def thread_count(length: int) -> int:
    """How many threads work on so many rows: one below a million, then the cores at hand, eight at most."""
    if length < _FEWEST_ROWS:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)  # the cores this process may use; not known everywhere
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(cores, _MOST_THREADS)


def taken(values: NDArray[Any], places: NDArray[np.integer]) -> NDArray[Any]:
    """``values[places]``, on threads: places in no order wait for memory."""
    found = np.empty(len(places), values.dtype)

    def take(start: int, stop: int) -> None:
        found[start:stop] = values[places[start:stop]]

    in_blocks(take, len(places))
    return found


def in_blocks(work: Callable[[int, int], T], length: int, *, block: int = 1 << 17, rows: int | None = None) -> list[T]:
    """Call `work(start, stop)` for the consecutive blocks of `length` rows; the results in the order of the blocks.

    The blocks depend on `length` and `block` only, never on the number of threads, so that sums over them are the same
    on every machine. The first exception, in the order of the blocks, is raised; blocks not yet begun are left out.

    Args:
        work: What is done with the rows from `start` up to `stop`; it must not wait for another block.
        length: Number of rows; none gives an empty list.
        block: Rows of a block.
        rows: How many rows the work stands for, where it counts something else than rows.
    """
    starts = range(0, length, block)
    workers = min(thread_count(length if rows is None else rows), len(starts))
    if workers <= 1:
        return [work(start, min(start + block, length)) for start in starts]
    failed: list[int] = []

    def some(first: int) -> list[T]:
        made: list[T] = []
        for start in starts[first : first + size]:
            if failed and start > min(failed):
                return made  # never seen: an earlier block raises
            try:
                made.append(work(start, min(start + block, length)))
            except BaseException:
                failed.append(start)
                raise
        return made

    size = max(len(starts) // (workers * _TURNS), 1)  # handing over a block takes as long as some of the work
    with ThreadPoolExecutor(workers, thread_name_prefix="wakelift") as pool:
        waiting = [pool.submit(some, first) for first in range(0, len(starts), size)]
        return [made for item in waiting for made in item.result()]
