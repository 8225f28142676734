"""Persons by number: the place of every key among the sorted distinct keys, without a dictionary of the keys.

Most keys differ in few of their bytes (customer numbers, with or without letters before them). What differs is packed
into one whole number in the order of the keys; where these numbers lie close together they are looked up in a table,
otherwise they are sorted. Keys that do not fit one number go through `encode_together`, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_words import IntegerKeys, key_words
from attribution.core.threads import in_blocks
from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys

__all__ = ["number_keys"]

_BLOCK = 1 << 16  # rows whose words fit the cache of one core
_MOST_WORDS = 4
_WHOLE = 2**63
_TABLE = 4  # places of a table per row
_SMALL_TABLE = 1 << 16
_BYTE = np.uint64(0xFF)


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """One whole number for each row, in the order of the keys and equal where they are.

    Attributes:
        numbers: The numbers, from 0.
        size: A number above all of them.
    """

    numbers: NDArray[np.int64]
    size: int

    @property
    def close(self) -> bool:
        """Whether the numbers lie so close together that a table of them is no larger than the column."""
        return self.size <= max(_TABLE * len(self.numbers), _SMALL_TABLE)


def number_keys(*arrays: pa.Array) -> tuple[list[NDArray[np.int64]], int]:
    """Joint codes of key columns without nulls into their sorted distinct values, and how many values there are.

    Example:
        >>> import pyarrow as pa
        >>> (codes, others), size = number_keys(pa.array(["b7", "a1", "b7"]), pa.array(["a1", "c0"]))
        >>> codes.tolist(), others.tolist(), size
        ([1, 0, 1], [0, 2], 3)
    """
    packed = _pack(arrays)
    if packed is None:
        coded, names = encode_together(*arrays)
        return coded, len(names)
    codes, size = _by_table(packed) if packed.close else _by_order(packed.numbers)
    ends = np.cumsum([len(array) for array in arrays])
    return list(np.split(codes, ends[:-1])), size


def _by_table(packed: _Packed) -> tuple[NDArray[np.int64], int]:
    """The codes by a table over all numbers below the size."""
    rank = np.cumsum(_seen(packed), dtype=np.int64)
    rank -= 1
    codes = np.empty(len(packed.numbers), np.int64)

    def block(start: int, stop: int) -> None:
        np.take(rank, packed.numbers[start:stop], out=codes[start:stop], mode="clip")

    in_blocks(block, len(codes), block=_BLOCK)
    return codes, int(rank[-1]) + 1


def _seen(packed: _Packed) -> NDArray[np.bool_]:
    seen = np.zeros(packed.size, bool)

    def block(start: int, stop: int) -> None:
        seen[packed.numbers[start:stop]] = True  # every thread writes the same

    in_blocks(block, len(packed.numbers), block=_BLOCK)
    return seen


def _by_order(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The codes by a sort."""
    order = np.argsort(numbers)
    ordered = numbers[order]
    rank = np.zeros(len(order), np.int64)
    np.cumsum(ordered[1:] != ordered[:-1], out=rank[1:])
    codes = np.empty(len(order), np.int64)
    codes[order] = rank
    return codes, int(rank[-1]) + 1 if len(rank) else 0


def _pack(arrays: Sequence[pa.Array]) -> _Packed | None:
    """The keys of all columns as whole numbers; None where columns of several kinds or long keys do not allow it."""
    import pyarrow as pa

    rows = sum(len(array) for array in arrays)
    texts = [pa.types.is_string(array.type) or pa.types.is_large_string(array.type) for array in arrays]
    whole = [pa.types.is_signed_integer(array.type) and array.type == arrays[0].type for array in arrays]
    if not rows or not (all(texts) or all(whole)) or any(array.null_count for array in arrays):
        return None
    columns = [key_words(array) for array in arrays]
    return _whole(columns, rows) if all(whole) else _text(columns, rows)


def _whole(columns: Sequence[Keys], rows: int) -> _Packed | None:
    values = [keys.values for keys in columns if isinstance(keys, IntegerKeys) and len(keys)]
    low, high = min(int(part.min()) for part in values), max(int(part.max()) for part in values)
    if high - low >= _WHOLE:
        return None
    numbers = np.empty(rows, np.int64)
    begin = 0
    for part in values:
        np.subtract(part, low, out=numbers[begin : begin + len(part)])
        begin += len(part)
    return _Packed(numbers, high - low + 1)


def _text(columns: Sequence[Keys], rows: int) -> _Packed | None:
    width = max(keys.width() for keys in columns)
    if width > _MOST_WORDS:
        return None
    bounds = [bound for keys in columns for bound in _bounds(keys, width)]
    low = np.min([bound[0] for bound in bounds], axis=0)
    sizes = [int(size) for size in np.max([bound[1] for bound in bounds], axis=0) - low + 1]
    factors, size = [0] * len(sizes), 1
    for place in reversed(range(len(sizes))):  # the first byte weighs most, the length least
        factors[place] = size if sizes[place] > 1 else 0
        size *= sizes[place]
        if size >= _WHOLE:
            return None
    base = sum(int(least) * factor for least, factor in zip(low.tolist(), factors, strict=True))
    numbers = np.empty(rows, np.int64)
    begin = 0
    for keys in columns:
        _fill(keys, factors, base, numbers[begin : begin + len(keys)])
        begin += len(keys)
    return _Packed(numbers, size)


def _bounds(keys: Keys, width: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Smallest and largest value of every byte and of the length, block by block."""

    def block(start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        *words, lengths = keys.words(start, stop, width)
        low = np.empty(8 * width + 1, np.int64)
        high = np.empty_like(low)
        for number, word in enumerate(words):
            # Bits that every key has, and bits that some key has: a byte where both agree is constant.
            least, most = int(np.bitwise_and.reduce(word)), int(np.bitwise_or.reduce(word))
            columns = word.view(np.uint8).reshape(-1, 8)
            for byte in range(8):
                place = 8 * number + byte
                low[place], high[place] = least >> (8 * byte) & 255, most >> (8 * byte) & 255
                if low[place] != high[place]:
                    low[place], high[place] = columns[:, byte].min(), columns[:, byte].max()
        low[-1], high[-1] = lengths.min(), lengths.max()
        return low, high

    return in_blocks(block, len(keys), block=_BLOCK)


def _fill(keys: Keys, factors: Sequence[int], base: int, numbers: NDArray[np.int64]) -> None:
    """Write the number of every key: its bytes and its length, each times its factor, less the base."""
    width = len(factors) // 8

    def block(start: int, stop: int) -> None:
        *words, lengths = keys.words(start, stop, width)
        total = np.full(stop - start, -base % 2**64, np.uint64)
        for place, factor in enumerate(factors[:-1]):
            if factor:
                part = words[place // 8] >> np.uint64(8 * (place % 8))
                part &= _BYTE
                part *= np.uint64(factor)
                total += part
        if factors[-1]:
            total += lengths * np.uint64(factors[-1])
        numbers[start:stop] = total.view(np.int64)

    in_blocks(block, len(keys), block=_BLOCK)
