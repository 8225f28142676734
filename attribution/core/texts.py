"""Arrow texts by their bytes: the blank ones, the repeated ones, their order; without Python strings or hash tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["blank_texts", "repeated_hashes", "sorted_texts"]

_WORD = 8
# What is kept of a word of which so many bytes belong to the text.
_KEPT = np.array([0, *((1 << (8 * size)) - 1 for size in range(1, _WORD + 1))], np.uint64)
_MOST_WORDS = 8
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


def sorted_texts(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """The rows in the binary order of their texts, and which of them differ from the one before; None for long texts.

    Texts are ordered by eight bytes at a time, and only those that are equal so far are looked at any further.

    Args:
        array: Texts of the type string or large_string, none of them null.
    """
    data, offsets = _parts(array)
    begins, lengths = offsets[:-1], np.diff(offsets)
    rounds = -(-int(lengths.max(initial=0)) // _WORD)
    if rounds > _MOST_WORDS:
        return None
    words = _overlapping(data)

    def key_of(rows: NDArray[np.int64], number: int) -> NDArray[np.uint64]:
        made = np.empty(len(rows), np.uint64)

        def fill(start: int, stop: int) -> None:
            part = rows[start:stop]
            left = lengths[part].astype(np.int64) - _WORD * number
            made[start:stop] = _word(words, begins[part].astype(np.int64) + _WORD * number, left).byteswap()

        in_blocks(fill, len(rows), block=1 << 15)
        return made

    key = key_of(np.arange(len(array)), 0)
    order = np.argsort(key).astype(np.int64, copy=False)
    key = key[order]
    fresh = np.ones(len(array), bool)
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    for number in range(1, rounds + 1):
        tied = ~fresh
        tied[:-1] |= ~fresh[1:]
        at = np.flatnonzero(tied)
        # Behind the last word the shorter text comes first: it lacks the zeros that the longer one ends in.
        key = key_of(order[at], number) if number < rounds else lengths[order[at]].astype(np.uint64)
        _refine(order, fresh, at, key)
    return order, fresh


def _refine(order: NDArray[np.int64], fresh: NDArray[np.bool_], at: NDArray[np.int64], key: NDArray[np.uint64]) -> None:
    """Order the rows at some places, which are equal so far in groups, by a further key within their groups."""
    begins = fresh[at]
    group = np.cumsum(begins) - 1
    mixed = np.zeros(int(begins.sum()), bool)
    mixed[group[1:][~begins[1:] & (key[1:] != key[:-1])]] = True
    chosen = mixed[group]
    at, key, group = at[chosen], key[chosen], group[chosen]
    if not len(at):
        return
    by_key = np.argsort(key)
    rank = np.empty(len(at), np.int64)
    rank[by_key] = np.cumsum(np.diff(key[by_key], prepend=key[by_key[:1]]) != 0)
    by = np.argsort(group * (int(rank.max()) + 1) + rank)
    order[at] = order[at][by]
    key = key[by]
    fresh[at[1:]] |= key[1:] != key[:-1]


def _parts(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """The bytes of texts, one word at least, and where each text begins and the last one ends."""
    import pyarrow as pa

    _, places, content = array.buffers()
    if not len(array) or content is None:  # none, or all empty
        return np.zeros(_WORD, np.uint8), np.zeros(len(array) + 1, np.int64)
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    offsets = np.frombuffer(places, width)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(content, np.uint8)
    return (data if len(data) >= _WORD else np.concatenate([data, np.zeros(_WORD, np.uint8)])), offsets


def _overlapping(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Eight bytes from any place at once: a view of overlapping words, one at every byte."""
    return np.ndarray((len(data) - _WORD + 1,), "<u8", data, strides=(1,))


def _word(words: NDArray[np.uint64], begins: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The next bytes of texts, zeros behind their ends.

    The last words of the buffer begin before their text: what precedes it is shifted out.
    """
    at = np.minimum(begins, len(words) - 1)
    word = words[at] >> (8 * np.minimum(begins - at, _WORD - 1)).astype(np.uint64)
    word &= _KEPT[np.clip(left, 0, _WORD)]
    return word


def _hashes(array: pa.Array) -> NDArray[np.uint64]:
    hashes = np.empty(len(array), np.uint64)
    data, offsets = _parts(array)
    words = _overlapping(data)

    def mix(start: int, stop: int) -> None:
        hashes[start:stop] = _mixed(words, offsets[start : stop + 1])

    in_blocks(mix, len(array), block=1 << 15)
    return hashes


def _mixed(words: NDArray[np.uint64], offsets: NDArray[Any]) -> NDArray[np.uint64]:
    """One number per text, of its length and its bytes, eight at a time."""
    begins = offsets[:-1].astype(np.int64)
    left = np.diff(offsets).astype(np.int64)
    found = left.astype(np.uint64) * _FACTOR
    rows: NDArray[np.int64] | slice = slice(None)
    while True:
        mixed = (found[rows] ^ _word(words, begins, left)) * _FACTOR
        found[rows] = mixed ^ (mixed >> _SHIFT)
        longer = left > _WORD
        if not longer.any():
            return found
        begins, left = begins[longer] + _WORD, left[longer] - _WORD
        rows = np.flatnonzero(longer) if isinstance(rows, slice) else rows[longer]
