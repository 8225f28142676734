"""Key columns as machine words: equal keys have equal words, so they are hashed and compared without being decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.pieces import Cuts

    Words = list[NDArray[np.uint64]]

__all__ = ["TAILED", "IntegerKeys", "Keys", "PieceKeys", "TextKeys", "key_words", "mixed", "text_words"]

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

    def words_of(self, rows: NDArray[np.integer], width: int) -> Words:
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
        length: Bytes of every text, where all are of one length and so stand at equal distances; else None.
    """

    offsets: NDArray[np.int64] | NDArray[np.int32]
    bytes: NDArray[np.uint8]
    texts: pa.Array
    length: int | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def width(self) -> int:
        """Words that every key needs at most, without the length; `TAILED` where some are longer than eight words."""
        longest = self.length
        if longest is None:
            blocks = in_blocks(lambda start, stop: int(np.diff(self.offsets[start : stop + 1]).max()), len(self))
            longest = max(blocks, default=0)
        return min(max(-(-longest // _WORD), 1), TAILED)

    def words(self, start: int, stop: int, width: int) -> Words:
        """The first `width` words of the keys from start up to stop, and their lengths in bytes.

        Of longer texts a last word is mixed from all that follows: equal words leave a comparison to be made.
        """
        if self.length is not None and self._even(stop, self.length, width):
            return self._even_words(start, stop, self.length, width)
        begins = self.offsets[start:stop].astype(np.int64)
        return self._words(begins, self.offsets[start + 1 : stop + 1] - begins, width)

    def words_of(self, rows: NDArray[np.integer], width: int) -> Words:
        """The words of the keys in some rows."""
        begins = self.offsets[rows].astype(np.int64)
        return self._words(begins, self.offsets[rows + 1] - begins, width)

    def texts_of(self, rows: NDArray[np.integer] | slice) -> pa.Array:
        """The texts in some rows."""
        import pyarrow as pa

        return self.texts[rows] if isinstance(rows, slice) else self.texts.take(pa.array(rows))

    def _even(self, stop: int, length: int, width: int) -> bool:
        """Whether the texts before `stop`, all of one length, have so many words, and all of these are in the bytes."""
        last = int(self.offsets[stop]) - length + _WORD * width
        return stop > 0 and width < TAILED and _WORD * (width - 1) < length and last <= len(self.bytes)

    def _even_words(self, start: int, stop: int, length: int, width: int) -> Words:
        """The words of texts of one length: a word of each is a view of the bytes, in steps of that length."""
        count, found = stop - start, []
        first = int(self.offsets[0]) + start * length
        for number in range(width):
            begin, left = first + _WORD * number, length - _WORD * number
            steps: NDArray[np.uint64]
            steps = np.ndarray((count,), dtype="<u8", buffer=self.bytes, offset=begin, strides=(length,))
            found.append(steps if left >= _WORD and steps.flags.aligned else steps & _KEPT[min(left, _WORD)])
        return [*found, np.full(count, length, np.uint64)]

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


@dataclass(frozen=True, slots=True, eq=False)
class PieceKeys:
    """Keys of one kind in several pieces.

    Attributes:
        parts: The pieces.
        cuts: Where they lie.
    """

    parts: Sequence[IntegerKeys | TextKeys]
    cuts: Cuts

    def __len__(self) -> int:
        return len(self.cuts)

    def width(self) -> int:
        """Words that every key needs at most."""
        return max(part.width() for part in self.parts)

    def words(self, start: int, stop: int, width: int) -> Words:
        """The words of the keys from start up to stop."""
        spans = self.cuts.spans(start, stop)
        return _together([self.parts[piece].words(first, last, width) for piece, first, last in spans])

    def words_of(self, rows: NDArray[np.integer], width: int) -> Words:
        """The words of the keys in some rows, which rise."""
        return _together([self.parts[piece].words_of(mine, width) for piece, mine in self.cuts.of_rows(rows)])

    def texts_of(self, rows: NDArray[np.integer] | slice) -> pa.Array:
        """The texts in some rows, which rise."""
        import pyarrow as pa

        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            rows = np.arange(start, stop)
        parts = [(self.parts[piece], mine) for piece, mine in self.cuts.of_rows(rows)]
        found = [part.texts_of(mine) for part, mine in parts if isinstance(part, TextKeys)]
        return pa.concat_arrays(found) if found else pa.array([], pa.large_string())


Keys = IntegerKeys | TextKeys | PieceKeys


def _together(parts: list[Words]) -> Words:
    """Word by word the words of one piece after those of the other."""
    return parts[0] if len(parts) == 1 else [np.concatenate(words) for words in zip(*parts, strict=True)]


def key_words(array: pa.Array) -> IntegerKeys | TextKeys:
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
    return TextKeys(offsets, held, array, _one_length(offsets))


def _one_length(offsets: NDArray[np.int64] | NDArray[np.int32]) -> int | None:
    """The length of all texts, if they have one."""
    texts, length = len(offsets) - 1, int(offsets[1]) - int(offsets[0])
    if int(offsets[-1]) - int(offsets[0]) != texts * length:
        return None  # seen at once, as nearly always

    def even(start: int, stop: int) -> bool:
        return bool((np.diff(offsets[start : stop + 1]) == length).all())

    return length if all(in_blocks(even, texts)) else None


def mixed(words: Words) -> NDArray[np.uint64]:
    """One number of 64 bits for the words of each row, equal for equal words; its upper bits are the best mixed."""
    found: NDArray[np.uint64] = words[0] * _MIX
    for word in words[1:]:
        found ^= found >> _HALF
        found += word
        found *= _MIX
    return found
