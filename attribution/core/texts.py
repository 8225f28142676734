"""Arrow texts by their bytes: the blank ones, and their order; without Python strings or hash tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_words import text_words
from attribution.core.pieces import Cuts
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.key_words import TextKeys

__all__ = ["any_blank", "blank_texts", "sorted_texts"]

_WORD = 8
_MOST_WORDS = 8
_SPACE, _LAST_ASCII = 0x20, 0x7F  # between them stands no space


def blank_texts(array: pa.Array) -> NDArray[np.bool_] | None:
    """Which texts are empty, blank or null; None when none is, which is found without trimming them.

    Args:
        array: Texts of the type large_string.
    """
    import pyarrow.compute as pc

    if not array.null_count and not any_blank([array]):
        return None
    blank = pc.or_(pc.is_null(array), pc.equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), ""))
    found: NDArray[np.bool_] = blank.to_numpy(zero_copy_only=False)
    return found


def any_blank(arrays: Sequence[pa.Array]) -> bool:
    """Whether a text may be empty or blank: True for all that hold one, and for hardly any other.

    Args:
        arrays: Pieces of texts of the type string or large_string, none of them null.
    """
    texts = [text_words(array) for array in arrays if len(array)]
    cuts = Cuts.of(texts)

    def look(start: int, stop: int) -> bool:
        return any(_any_blank(texts[piece], first, last) for piece, first, last in cuts.spans(start, stop))

    return any(in_blocks(look, len(cuts)))


def _any_blank(texts: TextKeys, start: int, stop: int) -> bool:
    import pyarrow.compute as pc

    begins = texts.offsets[start:stop]
    if not (texts.offsets[start + 1 : stop + 1] > begins).all():
        return True
    signs = texts.bytes.take(begins)
    if int(signs.min()) > _SPACE and int(signs.max()) < _LAST_ASCII:
        return False
    # A text is all space only if its first sign is.
    return bool(pc.any(pc.utf8_is_space(texts.texts.slice(start, stop - start))).as_py())


def sorted_texts(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """The rows in the binary order of their texts, and which of them differ from the one before; None for long texts.

    Texts are ordered by eight bytes at a time, and only those that are equal so far are looked at any further.

    Args:
        array: Texts of the type string or large_string, none of them null.
    """
    texts = text_words(array)
    begins, lengths = texts.offsets[:-1], np.diff(texts.offsets)
    rounds = -(-int(lengths.max(initial=0)) // _WORD)
    if rounds > _MOST_WORDS:
        return None

    def key_of(rows: NDArray[np.int64], number: int) -> NDArray[np.uint64]:
        made = np.empty(len(rows), np.uint64)

        def fill(start: int, stop: int) -> None:
            part = rows[start:stop]
            left = lengths[part].astype(np.int64) - _WORD * number
            made[start:stop] = texts.word(begins[part].astype(np.int64) + _WORD * number, left).byteswap()

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
