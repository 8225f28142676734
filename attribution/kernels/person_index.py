"""Numbers for the persons of one table, and the same numbers for the rows of another, without sorting the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.key_words import TAILED, IntegerKeys, TextKeys, key_words, mixed
from attribution.core.texts import sorted_texts
from attribution.core.threads import in_blocks
from attribution.kernels.ordering import number_order

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys, Words

__all__ = ["PersonIndex", "index_persons", "upper_bits"]

_BLOCK = 1 << 16  # rows whose words, slots and times fit the cache of one core
_ROOM = 2  # slots per person, at least
_BITS = 62  # of the distance between two numbers that is still a number itself


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonIndex:
    """A table of slots over the words of the persons' keys; a person stands in its own slot or in one soon after it.

    Attributes:
        persons: The persons, sorted; their places are their codes.
        width: Words of their keys.
        slots: The person that stands in each slot, -1 for none, as in the last one.
        size: How many of them are somebody's own: a power of two.
    """

    persons: pa.Array
    width: int
    slots: NDArray[np.int32]
    size: int
    _words: Words

    def __len__(self) -> int:
        return len(self.persons)

    def mixes(self) -> NDArray[np.uint64]:
        """The number mixed from each person's words."""
        return mixed(self._words)

    def find(self, words: Words, mixes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The code of the person of each key, -1 for a key that is no person's; `mixes` are mixed from the words."""
        if not len(self):
            return np.full(len(mixes), -1, np.int32)
        slot = upper_bits(mixes, self.size)
        found = self.slots.take(slot)
        open_rows = np.flatnonzero((found >= 0) & ~_same(self._words, found, words))
        at = slot[open_rows]
        while len(open_rows):
            at = at + 1
            code = self.slots.take(at)
            found[open_rows] = code
            further = (code >= 0) & ~_same(self._words, code, [word[open_rows] for word in words])
            open_rows, at = open_rows[further], at[further]
        return found

    def confirmed(self, keys: Keys, rows: NDArray[np.integer] | slice, code: NDArray[np.int32]) -> NDArray[np.int32]:
        """The codes that were found for some rows, -1 where a long text differs from its person's behind the words."""
        if self.width < TAILED or isinstance(keys, IntegerKeys):
            return code
        return np.where(_equal(keys.texts_of(rows), self.persons, code), code, np.int32(-1))

    def codes_of(self, keys: Keys, start: int, stop: int) -> NDArray[np.int32]:
        """The code of the person of each row from start up to stop, -1 where it is none of them."""
        words = keys.words(start, stop, self.width)
        return self.confirmed(keys, slice(start, stop), self.find(words, mixed(words)))

    def codes(self, keys: Keys) -> NDArray[np.int32]:
        """The code of the person of each row, -1 where it is none of them."""
        found = in_blocks(lambda start, stop: self.codes_of(keys, start, stop), len(keys), block=_BLOCK)
        return np.concatenate([np.empty(0, np.int32), *found])


def index_persons(array: pa.Array) -> tuple[PersonIndex, NDArray[np.int32]]:
    """An index of the distinct keys of a column without nulls, and the code of each row."""
    import pyarrow as pa

    keys = key_words(array)
    width = keys.width()
    order, fresh = _in_order(keys)
    rows = order[fresh]
    words = [word[rows] for word in keys.words(0, len(keys), width)]
    if isinstance(keys, TextKeys) and width == TAILED:
        _check_tails(words)
    size = 1 << max(10, int(_ROOM * max(len(rows), 1) - 1).bit_length())
    codes = np.empty(len(keys), np.int32)
    codes[order] = np.cumsum(fresh, dtype=np.int32) - np.int32(1)
    persons, slots = array.take(pa.array(rows)), _slots(upper_bits(mixed(words), size), size)
    return PersonIndex(persons=persons, width=width, slots=slots, size=size, _words=words), codes


def _in_order(keys: IntegerKeys | TextKeys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows in the order of their keys, by number or by the bytes of texts, and which differ from the one before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(keys, TextKeys):
        found = sorted_texts(keys.texts)
        if found is not None:
            return found
        order = np.asarray(pc.sort_indices(keys.texts).to_numpy(), np.int64)
        placed = keys.texts.take(pa.array(order))
        fresh = np.ones(len(order), bool)
        fresh[1:] = pc.not_equal(placed[1:], placed[:-1]).to_numpy(zero_copy_only=False)
        return order, fresh
    order = _by_number(keys.values)
    placed = keys.values[order]
    fresh = np.ones(len(order), bool)
    np.not_equal(placed[1:], placed[:-1], out=fresh[1:])
    return order, fresh


def _by_number(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows in the order of their numbers."""
    first, last = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    bits = (last - first).bit_length()
    return number_order(values - first, bits) if bits <= _BITS else np.argsort(values)


def _check_tails(words: Words) -> None:
    """Refuse different texts with equal words."""
    order = np.lexsort(words)
    alike = np.ones(max(len(order) - 1, 0), bool)
    for word in words:
        placed = word[order]
        alike &= placed[1:] == placed[:-1]
    if alike.any():
        raise InputError("two persons whose ids are longer than 64 bytes cannot be told apart; shorten these ids.")


def _equal(mine: pa.Array, right: pa.Array, places: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether these texts are what stands in those places of the other array; a place below 0 is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    theirs = right.take(pa.array(places, mask=places < 0))
    return np.asarray(pc.fill_null(pc.equal(mine.cast(right.type), theirs), False).to_numpy(zero_copy_only=False), bool)


def upper_bits(mixes: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """The own place of each mixed number in a table of so many places, a power of two."""
    return (mixes >> np.uint64(64 - (size.bit_length() - 1))).view(np.int64)


def _same(known: Words, code: NDArray[np.int32], words: Words) -> NDArray[np.bool_]:
    """Whether the words of each key are those of the person at its side."""
    same: NDArray[np.bool_] = known[0].take(code) == words[0]
    for left, right in zip(known[1:], words[1:], strict=True):
        same &= left.take(code) == right
    return same


def _slots(own: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    """The table of so many slots, each person in the first free one from its own on, and some slots behind them.

    In the order of their own slots every person takes its own, or the one behind the person before.
    """
    order = number_order(own, size.bit_length())
    places = np.arange(len(own))
    taken = np.maximum.accumulate(own[order] - places) + places
    slots = np.full(max(size, int(taken.max(initial=0)) + 1) + 1, -1, np.int32)
    slots[taken] = order
    return slots
