"""Arrow texts by their bytes: which are blank, and whether any occurs twice, without Python strings or hash tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["blank_texts", "repeated_hashes"]

_WORD = 8
# What is kept of a word of which so many bytes belong to the text.
_KEPT = np.array([0, *((1 << (8 * size)) - 1 for size in range(1, _WORD + 1))], np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def blank_texts(array: pa.Array) -> NDArray[np.bool_] | None:
    """Which texts are empty, blank or null; None when none is, which is found without trimming them.

    Args:
        array: Texts of the type large_string.
    """
    import pyarrow.compute as pc

    def any_blank(start: int, stop: int) -> bool:
        part = array.slice(start, stop - start)
        # A text is all space only if its first sign is; the empty one is none of either.
        return bool(pc.any(pc.utf8_is_space(part)).as_py() or pc.any(pc.equal(pc.binary_length(part), 0)).as_py())

    if not array.null_count and not any(in_blocks(any_blank, len(array))):
        return None
    blank = pc.or_(pc.is_null(array), pc.equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), ""))
    found: NDArray[np.bool_] = blank.to_numpy(zero_copy_only=False)
    return found


def repeated_hashes(array: pa.Array) -> NDArray[np.bool_] | None:
    """Which texts share a hash of 64 bits with another one; None when no two do: then all of them differ.

    Equal texts have equal hashes, so that only the texts of repeated hashes need be compared.

    Args:
        array: Texts of the type string or large_string, none of them null.
    """
    hashes = _hashes(array)
    hashes.sort()
    repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    return np.isin(_hashes(array), repeated) if len(repeated) else None


def _hashes(array: pa.Array) -> NDArray[np.uint64]:
    import pyarrow as pa

    hashes = np.empty(len(array), np.uint64)
    _, places, content = array.buffers()
    if not len(array) or content is None:  # all empty
        hashes[:] = 0
        return hashes
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    offsets = np.frombuffer(places, width)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(content, np.uint8)
    if len(data) < _WORD:
        data = np.concatenate([data, np.zeros(_WORD, np.uint8)])

    def mix(start: int, stop: int) -> None:
        hashes[start:stop] = _mixed(data, offsets[start : stop + 1])

    in_blocks(mix, len(array), block=1 << 15)
    return hashes


def _mixed(data: NDArray[np.uint8], offsets: NDArray[Any]) -> NDArray[np.uint64]:
    """One number per text, of its length and its bytes, eight at a time."""
    # Eight bytes from any place at once: a view of overlapping words, one at every byte.
    words: NDArray[np.uint64] = np.ndarray((len(data) - _WORD + 1,), "<u8", data, strides=(1,))
    begins = offsets[:-1].astype(np.int64)
    left = np.diff(offsets).astype(np.int64)
    found = left.astype(np.uint64) * _FACTOR
    rows: NDArray[np.int64] | slice = slice(None)
    while True:
        # The last words of the buffer begin before their text: what precedes it is shifted out.
        at = np.minimum(begins, len(words) - 1)
        word = words[at] >> (8 * np.minimum(begins - at, _WORD - 1)).astype(np.uint64)
        word &= _KEPT[np.minimum(left, _WORD)]
        mixed = (found[rows] ^ word) * _FACTOR
        found[rows] = mixed ^ (mixed >> _SHIFT)
        longer = left > _WORD
        if not longer.any():
            return found
        begins, left = begins[longer] + _WORD, left[longer] - _WORD
        rows = np.flatnonzero(longer) if isinstance(rows, slice) else rows[longer]
