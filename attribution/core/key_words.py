"""Key columns as machine words: equal keys have equal words, so they are hashed and compared without being decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = list[NDArray[np.uint64]]

__all__ = ["TAILED", "IntegerKeys", "Keys", "TextKeys", "key_words", "mixed", "text_words"]

TAILED = 9
"""Width of texts of which some are longer than eight words: only their tails are not held word by word."""

_WORD = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads numbers that follow each other
_HALF = np.uint64(32)
# What is kept of a word of which so many bytes belong to the key.
_KEPT = np.array([0, *((1 << (8 * size)) - 1 for size in range(1, _WORD + 1))], np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerKeys:
    """Whole numbers: one word each, the number itself.

    Attributes:
        values: The numbers.
    """

    values: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def width(self) -> int:
        """Words that every key needs at most."""
        return 1

    def words(self, start: int, stop: int, width: int) -> Words:
        """The words of the keys from start up to stop; `width` is for keys of text."""
        del width
        return [self.values[start:stop].view(np.uint64)]

    def words_of(self, rows: NDArray[np.int64], width: int) -> Words:
        """The words of the keys in some rows."""
        del width
        return [self.values[rows].view(np.uint64)]


@dataclass(frozen=True, slots=True, eq=False)
class TextKeys:
    """Texts: their bytes, eight to a word, then their length, so that texts that differ in zeros at the end differ.

    Attributes:
        offsets: Where each text begins, and where the last one ends.
        bytes: The bytes of all texts, at least eight.
        texts: The texts themselves.
    """

    offsets: NDArray[np.int64] | NDArray[np.int32]
    bytes: NDArray[np.uint8]
    texts: pa.Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def width(self) -> int:
        """Words that every key needs at most, without the length; `TAILED` where some are longer than eight words."""
        longest = int(np.diff(self.offsets).max(initial=0))
        return min(max(-(-longest // _WORD), 1), TAILED)

    def words(self, start: int, stop: int, width: int) -> Words:
        """The first `width` words of the keys from start up to stop, and their lengths in bytes.

        Of longer texts a last word is mixed from all that follows: equal words leave a comparison to be made.
        """
        begins = self.offsets[start:stop].astype(np.int64)
        return self._words(begins, self.offsets[start + 1 : stop + 1] - begins, width)

    def words_of(self, rows: NDArray[np.int64], width: int) -> Words:
        """The words of the keys in some rows."""
        begins = self.offsets[rows].astype(np.int64)
        return self._words(begins, self.offsets[rows + 1] - begins, width)

    def _words(self, begins: NDArray[np.int64], lengths: NDArray[np.int64], width: int) -> Words:
        found = [
            self.word(begins + _WORD * number, lengths - _WORD * number) for number in range(min(width, TAILED - 1))
        ]
        if width == TAILED:
            found.append(self._tails(begins + _WORD * (TAILED - 1), lengths - _WORD * (TAILED - 1)))
        return [*found, lengths.astype(np.uint64)]

    def word(self, place: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Eight bytes from these places, or as many as are left of each text, zeros behind them."""
        # A view of overlapping words, one at every byte.
        last = len(self.bytes) - _WORD
        overlapping: NDArray[np.uint64] = np.ndarray((last + 1,), dtype="<u8", buffer=self.bytes, strides=(1,))
        word = overlapping[np.minimum(place, last)]
        if int(place.max(initial=0)) > last:  # behind the last text there is nothing: what precedes it is shifted out
            word >>= (8 * np.clip(place - last, 0, _WORD - 1)).astype(np.uint64)
        word &= _KEPT[np.clip(left, 0, _WORD)]
        return word

    def _tails(self, place: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.uint64]:
        """One number mixed from the rest of each text; 0 where nothing is left."""
        found = np.zeros(len(place), np.uint64)
        rows = np.flatnonzero(left > 0)
        while len(rows):
            found[rows] = mixed([found[rows], self.word(place[rows], left[rows])])
            place, left = place + _WORD, left - _WORD
            rows = rows[left[rows] > 0]
        return found


Keys = IntegerKeys | TextKeys


def key_words(array: pa.Array) -> Keys:
    """A key column without nulls, int64 or text, as words; its buffers are used as they are where they can be."""
    import pyarrow as pa

    if pa.types.is_integer(array.type):
        return IntegerKeys(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
    return text_words(array)


def text_words(array: pa.Array) -> TextKeys:
    """Texts without nulls as words."""
    import pyarrow as pa

    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = array.cast(pa.large_string())
    kind = np.dtype(np.int32 if pa.types.is_string(array.type) else np.int64)
    _, places, data = array.buffers()
    if not len(array) or places is None:
        return TextKeys(np.zeros(len(array) + 1, np.int64), np.zeros(_WORD, np.uint8), array)
    offsets = np.frombuffer(places, kind, count=len(array) + 1, offset=array.offset * kind.itemsize)
    held = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    if len(held) < _WORD:
        held = np.concatenate([held, np.zeros(_WORD, np.uint8)])
    return TextKeys(offsets, held, array)


def mixed(words: Words) -> NDArray[np.uint64]:
    """One number of 64 bits for the words of each row, equal for equal words; its upper bits are the best mixed."""
    found: NDArray[np.uint64] = words[0] * _MIX
    for word in words[1:]:
        found ^= found >> _HALF
        found += word
        found *= _MIX
    return found
