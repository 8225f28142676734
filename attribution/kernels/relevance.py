"""Which rows of a long log can matter: those of known persons, in a span of time of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_words import mixed
from attribution.core.threads import in_blocks
from attribution.kernels.person_index import upper_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys
    from attribution.core.pieces import Numbers
    from attribution.kernels.person_index import PersonIndex

__all__ = ["Relevance", "relevance"]

_BLOCK = 1 << 16
_TICKS = 253  # coarse times of all rows: two of them are held in 16 bits, so that the table stays in the cache
_NEVER = 0xFF00  # a span that begins behind all rows and lasts no tick
_ROOM = 4  # places per person
_SHORT = np.iinfo(np.int32).max
_MOST_PLACES = 1 << 23  # beyond them the cache is left, and every look costs more than it saves


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relevance:
    """The spans of all persons; one look into a small table decides about most rows.

    Attributes:
        index: The persons.
        first: By person the first instant that matters.
        last: By person the last instant that matters.
        begin: The first coarse time is counted from here.
        shift: Powers of two by which times are coarser.
        spans: By place the first coarse time at which one of its persons can matter (upper half), and how many follow.
    """

    index: PersonIndex
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    begin: int
    shift: int
    spans: NDArray[np.uint16]

    def rows(self, keys: Keys, time: NDArray[np.int64] | Numbers) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
        """The rows of known persons inside their spans, in order, and the code of the person of each.

        Row numbers are short where they fit.
        """
        kind = np.dtype(np.int32 if len(keys) <= _SHORT else np.int64)
        if not len(self.index):
            return np.empty(0, kind), np.empty(0, np.int32)

        def suspected(start: int, stop: int) -> NDArray[np.integer]:
            mixes = mixed(keys.words(start, stop, self.index.width))
            found: NDArray[np.integer] = np.flatnonzero(self._may_matter(mixes, time[start:stop])) + start
            return found.astype(kind)

        # One table after the other: together they would not stay in the cache, and every look would wait for memory.
        rows = np.concatenate([np.empty(0, kind), *in_blocks(suspected, len(keys), block=_BLOCK)])

        def identify(start: int, stop: int) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
            some = rows[start:stop]
            words, mine = keys.words_of(some, self.index.width), time[some]
            code = self.index.confirmed(keys, some, self.index.find(words, mixed(words)))
            held = (code >= 0) & (mine >= self.first.take(code))  # nobody's code takes the last person's span
            kept = np.flatnonzero(held & (mine <= self.last.take(code)))
            return some[kept], code[kept]

        found = in_blocks(identify, len(rows), block=_BLOCK, rows=len(keys))
        if not found:
            return rows, np.empty(0, np.int32)
        return np.concatenate([some for some, _ in found]), np.concatenate([code for _, code in found])

    def _may_matter(self, mixes: NDArray[np.uint64], time: NDArray[np.int64]) -> NDArray[np.bool_]:
        """True for every row that matters, and for few others."""
        span = self.spans.take(upper_bits(mixes, len(self.spans)))
        since = time - self.begin
        since >>= self.shift
        tick = since.astype(np.uint16)
        tick -= span >> np.uint16(8)  # before the span this is a large number
        span &= np.uint16(0xFF)
        return tick <= span


def relevance(
    index: PersonIndex, first: NDArray[np.int64], last: NDArray[np.int64], *, period: tuple[int, int]
) -> Relevance:
    """The spans of the persons of an index.

    Args:
        index: The persons.
        first: By person the first instant that matters.
        last: By person the last instant that matters, not before the first.
        period: Holds all rows, or all spans: what lies outside it cannot matter.
    """
    begin, end = period
    shift = max((end - begin) // _TICKS, 0).bit_length()
    places = min(1 << int(_ROOM * max(len(index), 256) - 1).bit_length(), _MOST_PLACES)
    seen = np.flatnonzero((last >= begin) & (first <= end))
    earliest = ((np.maximum(first[seen], begin) - begin) >> shift).astype(np.uint8)
    latest = ((np.minimum(last[seen], end) - begin) >> shift).astype(np.uint8)
    own = upper_bits(index.mixes()[seen], places)
    # Persons who share a place share a span that holds all of theirs.
    lows, highs = np.full(places, 0xFF, np.uint8), np.zeros(places, np.uint8)
    np.minimum.at(lows, own, earliest)
    np.maximum.at(highs, own, latest)
    spans = np.full(places, _NEVER, np.uint16)
    spans[own] = (lows[own].astype(np.uint16) << np.uint16(8)) | (highs[own] - lows[own])
    return Relevance(index=index, first=first, last=last, begin=begin, shift=shift, spans=spans)
