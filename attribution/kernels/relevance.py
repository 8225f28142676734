"""Which rows of a long log can matter: those of known persons, in a span of time of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.key_words import Keys
    from attribution.kernels.person_index import PersonIndex

__all__ = ["Relevance", "relevance"]

_BLOCK = 1 << 16
_TICKS = 65_533  # coarse times of a span; 0 lies before it, 65,535 behind it
_BEHIND = 65_535


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relevance:
    """The spans of all persons, so short that one look at a row's slot decides about most rows.

    Attributes:
        index: The persons.
        begin: The first instant of all spans.
        shift: Powers of two by which times are coarser here.
        spans: By slot the first and the last coarse time at which one of its persons can matter, in one number.
    """

    index: PersonIndex
    begin: int
    shift: int
    spans: NDArray[np.uint32]

    def rows(self, keys: Keys, time: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The rows that can matter, in order, and the code of the person of each.

        Exact in the persons. In time nothing is lost, and up to one coarse tick too much is kept.
        """

        def block(start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
            words = keys.words(start, stop, self.index.width)
            slot = self.index.slot_of(words)
            span, tick = self.spans[slot], self._ticks(time[start:stop])
            kept = np.flatnonzero(((span >> np.uint32(16)) <= tick) & (tick <= (span & np.uint32(_BEHIND))))
            code = self.index.find([word[kept] for word in words], slot[kept])
            code = self.index.confirmed(keys, kept + start, code)
            known = code >= 0
            return kept[known] + start, code[known]

        found = in_blocks(block, len(keys), block=_BLOCK)
        rows = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in found)])
        return rows, np.concatenate([np.empty(0, np.int32), *(codes for _, codes in found)])

    def _ticks(self, time: NDArray[np.int64]) -> NDArray[np.uint32]:
        since = np.maximum(time, self.begin - (1 << self.shift))  # so far before the begin, no difference overflows
        ticks: NDArray[np.uint32] = np.minimum(((since - self.begin) >> self.shift) + 1, _BEHIND).astype(np.uint32)
        return ticks


def relevance(index: PersonIndex, first: NDArray[np.int64], last: NDArray[np.int64], *, since: int) -> Relevance:
    """The spans of the persons of an index.

    Args:
        index: The persons.
        first: By person the first instant that matters.
        last: By person the last instant that matters, not before the first.
        since: No row lies before this instant; spans that begin earlier begin here.
    """
    first, last = np.maximum(first, since), np.maximum(last, since)
    begin = int(first.min(initial=np.iinfo(np.int64).max)) if len(first) else 0
    width = int(last.max()) - begin if len(last) else 0
    shift = max((width // _TICKS).bit_length(), 0)
    earliest = np.full(len(index.slots), _BEHIND, np.uint32)
    latest = np.zeros(len(index.slots), np.uint32)
    own = index.own_slots()
    np.minimum.at(earliest, own, (((first - begin) >> shift) + 1).astype(np.uint32))
    np.maximum.at(latest, own, (((last - begin) >> shift) + 1).astype(np.uint32))
    return Relevance(index=index, begin=begin, shift=shift, spans=(earliest << np.uint32(16)) | latest)
