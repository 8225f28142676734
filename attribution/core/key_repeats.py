"""Rows that may agree with another one, found without sorting the table: by numbers mixed from what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_words import mixed
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys

__all__ = ["suspected_repeats"]

_BLOCK = 1 << 16


def suspected_repeats(keys: Keys, *columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """The rows that may agree with another one in their key and in every column: all that do, and hardly any other.

    Args:
        keys: The keys.
        columns: Numbers; zeros of either sign agree.
    """
    width = keys.width()
    numbers = np.empty(len(keys), np.uint64)

    def mix(start: int, stop: int) -> None:
        found = mixed([*keys.words(start, stop, width), *(_word(column[start:stop]) for column in columns)])
        np.bitwise_xor(found, found >> np.uint64(32), out=numbers[start:stop])

    in_blocks(mix, len(keys), block=_BLOCK)
    numbers.sort()  # in place; should a number repeat, they are mixed once more
    twice = np.unique(numbers[1:][numbers[1:] == numbers[:-1]])
    if not len(twice):
        return np.empty(0, np.int64)
    in_blocks(mix, len(keys), block=_BLOCK)
    place = np.minimum(np.searchsorted(twice, numbers), len(twice) - 1)
    return np.flatnonzero(twice[place] == numbers)


def _word(column: NDArray[np.generic]) -> NDArray[np.uint64]:
    if np.issubdtype(column.dtype, np.floating):
        return (column.astype(np.float64) + 0.0).view(np.uint64)
    return column.astype(np.int64).view(np.uint64)
