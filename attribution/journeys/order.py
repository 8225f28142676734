"""The canonical order of rows: by person, time and then the row's own content, never by its place in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["TimeScale", "canonical_order", "ranks", "time_scale"]

_KEY_LIMIT = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class TimeScale:
    """Times as small non-negative codes in the same order, so that person and time fit one integer.

    Attributes:
        start: The first time (offset form).
        size: Every code lies below it.
        unique: The distinct times, sorted (rank form); None in offset form.
    """

    start: int
    size: int
    unique: NDArray[np.int64] | None

    def at_least(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """The smallest code whose time is not before the given one."""
        if self.unique is not None:
            return np.searchsorted(self.unique, time, side="left").astype(np.int64)
        return np.clip(time, self.start, self.start + self.size - 1) - self.start

    def keys(self, person: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Person and time as one sortable integer."""
        return person * self.size + self.at_least(time)


def time_scale(times: Sequence[NDArray[np.int64]], persons: int) -> TimeScale:
    """A scale for all given times under which ``persons`` persons fit 62 bits."""
    filled = [time for time in times if len(time)]
    if not filled:
        return TimeScale(0, 1, None)
    first, last = min(int(time.min()) for time in filled), max(int(time.max()) for time in filled)
    size = last - first + 2
    if size * max(persons, 1) < _KEY_LIMIT:
        return TimeScale(first, size, None)
    unique = np.unique(np.concatenate(filled))
    return TimeScale(first, len(unique) + 1, unique)


def canonical_order(
    keys: NDArray[np.int64], tie_breakers: Callable[[NDArray[np.int64]], Sequence[NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """The rows sorted by key; rows with equal keys by their tie breakers.

    Args:
        keys: One sortable integer per row.
        tie_breakers: Given the rows that are in ties, their ranks, most important first. Rows that are still equal are
            equal in every column, so their order cannot matter.
    """
    order = np.argsort(keys)
    sorted_keys = keys[order]
    equal = sorted_keys[1:] == sorted_keys[:-1]
    if not equal.any():
        return order
    tied = np.zeros(len(keys), bool)
    tied[1:] |= equal
    tied[:-1] |= equal
    rows = order[tied]
    levels = [sorted_keys[tied], *tie_breakers(rows)]
    order[tied] = rows[np.lexsort(levels[::-1])]
    return order


def ranks(array: pa.Array) -> NDArray[np.int64]:
    """The rank of each value of a column; empty cells come first."""
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.int64)
    if pa.types.is_nested(array.type) or pa.types.is_binary(array.type):
        array = pa.array(
            [None if value is None else repr(value) for value in array.to_pylist()], type=pa.large_string()
        )
    result = np.full(len(array), -1, np.int64)
    (codes,), _ = encode_together(array.drop_null())
    result[array.is_valid().to_numpy(zero_copy_only=False)] = codes
    return result
