"""Numbers for the persons of one table, and the same numbers for the rows of another, without sorting the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.key_words import TAILED, TextKeys, key_words, mixed
from attribution.core.texts import sorted_texts
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys, Words

__all__ = ["PersonIndex", "index_persons"]

_BLOCK = 1 << 16  # rows whose words, slots and times fit the cache of one core
_ROOM = 4  # slots per person


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonIndex:
    """A table of slots over the words of the persons' keys; a person stands in its own slot or in one soon after it.

    Attributes:
        persons: The persons, sorted; their places are their codes.
        width: Words of their keys.
        slots: The person that stands in each slot, -1 for none; the number of slots is a power of two.
    """

    persons: pa.Array
    width: int
    slots: NDArray[np.int32]
    _words: Words

    def __len__(self) -> int:
        return len(self.persons)

    def slot_of(self, words: Words) -> NDArray[np.int64]:
        """The own slot of each key."""
        return _slots(words, len(self.slots))

    def own_slots(self) -> NDArray[np.int64]:
        """The own slot of each person."""
        return self.slot_of(self._words)

    def find(self, words: Words, slot: NDArray[np.int64]) -> NDArray[np.int32]:
        """The code of the person of each key, -1 for a key that is no person's; `slot` holds the keys' own slots."""
        if not len(self):
            return np.full(len(slot), -1, np.int32)
        found = self.slots[slot]
        open_rows = np.flatnonzero((found >= 0) & ~_same(self._words, found, words))
        at = slot[open_rows]
        while len(open_rows):
            at = (at + 1) & (len(self.slots) - 1)
            code = self.slots[at]
            found[open_rows] = code
            further = (code >= 0) & ~_same(self._words, code, [word[open_rows] for word in words])
            open_rows, at = open_rows[further], at[further]
        return found

    def confirmed(self, keys: Keys, rows: NDArray[np.int64] | slice, code: NDArray[np.int32]) -> NDArray[np.int32]:
        """The codes that were found for some rows, -1 where a long text differs from its person's behind the words."""
        if self.width < TAILED or not isinstance(keys, TextKeys):
            return code
        return np.where(_equal(keys.texts, rows, self.persons, code), code, np.int32(-1))

    def codes_of(self, keys: Keys, start: int, stop: int) -> NDArray[np.int32]:
        """The code of the person of each row from start up to stop, -1 where it is none of them."""
        words = keys.words(start, stop, self.width)
        return self.confirmed(keys, slice(start, stop), self.find(words, self.slot_of(words)))

    def codes(self, keys: Keys) -> NDArray[np.int32]:
        """The code of the person of each row, -1 where it is none of them."""
        found = in_blocks(lambda start, stop: self.codes_of(keys, start, stop), len(keys), block=_BLOCK)
        return np.concatenate([np.empty(0, np.int32), *found])


def index_persons(array: pa.Array) -> tuple[PersonIndex, NDArray[np.int32]]:
    """An index of the distinct keys of a column without nulls, and the code of each row."""
    import pyarrow as pa

    keys = key_words(array)
    width = keys.width()
    words = keys.words(0, len(keys), width)
    size = 1 << max(10, int(_ROOM * max(len(keys), 1) - 1).bit_length())
    slots = np.full(size, -1, np.int32)
    stands = _insert(slots, words)
    rows = np.flatnonzero(stands == np.arange(len(keys)))
    mine = [word[rows] for word in words]
    tailed = isinstance(keys, TextKeys) and width == TAILED
    if tailed and not _equal(array, slice(0, len(array)), array, stands).all():
        raise InputError("two persons whose ids are longer than 64 bytes cannot be told apart; shorten these ids.")
    order = _order(keys, rows)
    code = np.full(len(keys), -1, np.int32)
    code[rows[order]] = np.arange(len(rows), dtype=np.int32)
    filled = slots >= 0
    slots[filled] = code[slots[filled]]
    index = PersonIndex(
        persons=array.take(pa.array(rows[order])), width=width, slots=slots, _words=[word[order] for word in mine]
    )
    return index, code[stands]


def _equal(
    left: pa.Array, rows: NDArray[np.int64] | slice, right: pa.Array, places: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether these rows hold what stands in those places of the other array; a place below 0 is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mine = left[rows] if isinstance(rows, slice) else left.take(pa.array(rows))
    theirs = right.take(pa.array(places, mask=places < 0))
    return np.asarray(pc.fill_null(pc.equal(mine, theirs), False).to_numpy(zero_copy_only=False), bool)


def _order(keys: Keys, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of distinct keys, which stand in some rows: by number, or by the bytes of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(keys, TextKeys):
        return np.argsort(keys.values[rows])
    texts = keys.texts.take(pa.array(rows))
    found = sorted_texts(texts)
    return np.asarray(pc.sort_indices(texts).to_numpy(), np.int64) if found is None else found[0]


def _slots(words: Words, size: int) -> NDArray[np.int64]:
    found = mixed(words)
    found >>= np.uint64(64 - (size.bit_length() - 1))
    return found.view(np.int64)


def _same(known: Words, code: NDArray[np.int32], words: Words) -> NDArray[np.bool_]:
    """Whether the words of each key are those of the person at its side."""
    same: NDArray[np.bool_] = known[0][code] == words[0]
    for left, right in zip(known[1:], words[1:], strict=True):
        same &= left[code] == right
    return same


def _insert(slots: NDArray[np.int32], words: Words) -> NDArray[np.int64]:
    """Put one row of every distinct key into the slots; for each row the row that stands for its key."""
    mask = len(slots) - 1
    at = _slots(words, len(slots))
    waiting = np.arange(len(at))
    stands = waiting.copy()
    while len(waiting):
        here = at[waiting]
        free = slots[here] < 0
        slots[here[free]] = waiting[free]  # of several rows at one slot the last one stays
        there = slots[here].astype(np.int64)
        same = _same(words, slots[here], [word[waiting] for word in words])
        stands[waiting[same]] = there[same]
        waiting = waiting[~same]
        at[waiting] = (at[waiting] + 1) & mask
    return stands
