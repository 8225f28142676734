"""Persons in ranges of their sorted keys: every person in one of them, whatever table it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["KeyRange", "in_range", "key_ranges", "one_key"]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from the first up to the one before which it ends.

    Attributes:
        begin: The first key; None for the smallest of all.
        end: The first key behind; None for none.
    """

    begin: int | str | None
    end: int | str | None


def key_ranges(persons: pa.Array, parts: int) -> list[KeyRange]:
    """Ranges that hold about equally many of some sorted persons, and together every key there is."""
    places = np.unique(np.arange(1, parts) * len(persons) // parts)
    cuts = [persons[int(place)].as_py() for place in places if place]
    return [KeyRange(begin, end) for begin, end in zip([None, *cuts], [*cuts, None], strict=True)]


def one_key(key: int | str) -> KeyRange:
    """The range of one key."""
    return KeyRange(key, key + 1 if isinstance(key, int) else key + "\0")


def in_range(keys: pa.Array, part: KeyRange) -> NDArray[np.bool_]:
    """Which keys lie in a range; text keys lie in none of whole numbers.

    Whole numbers stand among text keys where a column holds some beyond int64: then all of it is text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(keys.type) and any(isinstance(bound, str) for bound in (part.begin, part.end)):
        keys = keys.cast(pa.large_string())
    inside = np.ones(len(keys), bool)
    for bound, compare in ((part.begin, pc.greater_equal), (part.end, pc.less)):
        if bound is not None:
            if pa.types.is_integer(keys.type) != isinstance(bound, int):
                return np.zeros(len(keys), bool)
            inside &= compare(keys, pa.scalar(bound, keys.type)).to_numpy(zero_copy_only=False)
    return inside
