"""Rows that may agree with another one, found without sorting the table: by numbers mixed from what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks
from attribution.kernels.keys import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.kernels.keys import Keys

__all__ = ["suspected_repeats"]

_BLOCK = 1 << 16


def suspected_repeats(keys: Keys, *columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """The rows that may agree with another one in their key and in every column: all that do, and hardly any other.

    Args:
        keys: The keys.
        columns: Numbers; zeros of either sign agree.
    """
    width = keys.width()

    def block(start: int, stop: int) -> NDArray[np.uint64]:
        parts = [_word(column[start:stop]) for column in columns]
        found = mixed([*keys.words(start, stop, width), *parts])
        return found ^ (found >> np.uint64(32))

    numbers = np.concatenate([np.empty(0, np.uint64), *in_blocks(block, len(keys), block=_BLOCK)])
    ordered = np.sort(numbers)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if not len(twice):
        return np.empty(0, np.int64)
    place = np.minimum(np.searchsorted(twice, numbers), len(twice) - 1)
    return np.flatnonzero(twice[place] == numbers)


def _word(column: NDArray[np.generic]) -> NDArray[np.uint64]:
    if np.issubdtype(column.dtype, np.floating):
        return (column.astype(np.float64) + 0.0).view(np.uint64)
    return column.astype(np.int64).view(np.uint64)
