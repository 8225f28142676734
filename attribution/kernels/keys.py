"""Key columns as machine words: equal keys have equal words, so they are hashed and compared without being decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = list[NDArray[np.uint64]]

__all__ = ["IntegerKeys", "Keys", "TextKeys", "key_words"]

_WORD = 8
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


@dataclass(frozen=True, slots=True, eq=False)
class TextKeys:
    """Texts: their bytes, eight to a word, then their length, so that texts that differ in zeros at the end differ.

    Attributes:
        offsets: Where each text begins, and where the last one ends.
        bytes: The bytes of all texts, at least eight.
    """

    offsets: NDArray[np.int64] | NDArray[np.int32]
    bytes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def width(self) -> int:
        """Words that every key needs at most, without the length."""
        longest = int(np.diff(self.offsets).max(initial=0))
        return max(-(-longest // _WORD), 1)

    def words(self, start: int, stop: int, width: int) -> Words:
        """The first `width` words of the keys from start up to stop, and their lengths in bytes."""
        # Eight bytes from any place at once: a view of overlapping words, one at every byte.
        overlapping: NDArray[np.uint64] = np.ndarray(
            (len(self.bytes) - _WORD + 1,), dtype="<u8", buffer=self.bytes, strides=(1,)
        )
        begins = self.offsets[start:stop].astype(np.int64)
        lengths = self.offsets[start + 1 : stop + 1] - begins
        found: Words = []
        for number in range(width):
            left = lengths - _WORD * number
            if number and not (left > 0).any():
                found.append(np.zeros(len(begins), np.uint64))
                continue
            place = begins + _WORD * number
            # Behind a short text another one may begin, and behind the last one nothing: both are cut off.
            beyond = place - (len(overlapping) - 1)
            word = overlapping[np.minimum(place, len(overlapping) - 1)]
            if (beyond > 0).any():
                word >>= (8 * np.clip(beyond, 0, _WORD - 1)).astype(np.uint64)
            word &= _KEPT[np.clip(left, 0, _WORD)]
            found.append(word)
        found.append(lengths.astype(np.uint64))
        return found


Keys = IntegerKeys | TextKeys


def key_words(array: pa.Array) -> Keys:
    """A key column without nulls, int64 or text, as words; its buffers are used as they are where they can be."""
    import pyarrow as pa

    if pa.types.is_integer(array.type):
        return IntegerKeys(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = array.cast(pa.large_string())
    kind = np.dtype(np.int32 if pa.types.is_string(array.type) else np.int64)
    _, places, data = array.buffers()
    if not len(array) or places is None:
        return TextKeys(np.zeros(1, np.int64), np.zeros(_WORD, np.uint8))
    offsets = np.frombuffer(places, kind, count=len(array) + 1, offset=array.offset * kind.itemsize)
    held = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    if len(held) < _WORD:
        held = np.concatenate([held, np.zeros(_WORD, np.uint8)])
    return TextKeys(offsets, held)
