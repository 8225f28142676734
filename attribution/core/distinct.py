"""Distinct values: codes into the sorted ones, and keys that repeat; exact, whatever the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.frames import one_array
from attribution.core.key_repeats import suspected_repeats
from attribution.core.key_words import text_words
from attribution.core.texts import sorted_texts
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["duplicates", "encode", "encode_together", "narrowest"]

_BLOCK = 1 << 17
_MANY = _BLOCK // 4  # so many distinct values in one block are a column of keys, not of names
_BYTES = 8
_SPREAD = 4  # a bitmap of so many cells per row is tried instead of sorting


def narrowest(count: int) -> type[np.signedinteger[Any]]:
    """The smallest type that holds the codes 0 to count - 1."""
    return next((kind for kind in (np.int8, np.int16, np.int32) if count - 1 <= np.iinfo(kind).max), np.int64)


def encode_together(*arrays: pa.Array) -> tuple[list[NDArray[np.int64]], NDArray[np.object_]]:
    """Joint codes of several columns into their sorted distinct values: equal values, equal codes, in any row order."""
    import pyarrow as pa

    target = arrays[0].type
    if any(array.type != target for array in arrays):
        target = pa.large_string()
    column = pa.chunked_array([array.cast(target) for array in arrays], type=target)
    codes, names = encode(column, np.int64)
    ends = np.cumsum([len(array) for array in arrays])
    return np.split(codes, ends[:-1]), names


def encode(
    column: pa.ChunkedArray, kind: type[np.signedinteger[Any]] | None
) -> tuple[NDArray[Any], NDArray[np.object_]]:
    """Codes of a column without nulls into its sorted distinct values, and these values.

    A column with a dictionary keeps it: only the values of the dictionary are looked at, and only those that occur are
    among the names.

    Args:
        column: The column.
        kind: The type of the codes; None for the smallest that holds them.
    """
    import pyarrow as pa

    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_dictionary(column.type):
        pieces = _with_own_dictionary(column)
    else:
        # A column of keys, which seldom repeat, is not cut in pieces, and sorted instead of hashed.
        many = len(column) > _BLOCK and len(one_array(column.slice(0, _BLOCK)).unique()) > _MANY
        if many:
            array = one_array(column)
            found = _sorted(array)
            if found is not None:
                return _numbered(array, *found, kind)
        pieces = _with_made_dictionary(column, block=len(column) if many else _BLOCK)
    distinct = _unify(pieces)
    return _codes(column, pieces, kind or narrowest(len(distinct))), _objects(distinct.to_pylist())


def _codes(column: pa.ChunkedArray, pieces: list[_Piece], kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
    """The codes of all pieces; a view of the places in a dictionary that are such codes already."""
    import pyarrow as pa

    sources = _sources(pieces)
    if pa.types.is_dictionary(column.type) and column.num_chunks == len(sources) == 1:
        places: NDArray[Any] = column.chunk(0).indices.to_numpy(zero_copy_only=True)
        sorted_already = np.array_equal(sources[0].code, np.arange(len(sources[0].code)))
        if sorted_already and places.itemsize == np.dtype(kind).itemsize:
            return places.view(kind)
    codes = np.empty(len(column), kind)
    for source in sources:
        source.code = source.code.astype(kind)

    def fill(first: int, last: int) -> None:
        for piece in pieces[first:last]:
            codes[piece.begin : piece.begin + len(piece.local)] = piece.source.code.take(piece.local)

    in_blocks(fill, len(pieces), block=1, rows=len(column))
    return codes


def _sources(pieces: list[_Piece]) -> list[_Dictionary]:
    """The dictionaries of the pieces, each once."""
    return list({id(piece.source): piece.source for piece in pieces}.values())


@dataclass(slots=True, eq=False)
class _Dictionary:
    """The dictionary of one or several pieces: its values, which of them occur, and their codes among all."""

    values: pa.Array
    used: NDArray[np.bool_]
    code: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Some rows: where they begin, and the place of each row's value in a dictionary."""

    begin: int
    local: NDArray[Any]
    source: _Dictionary


def _dictionary(values: pa.Array, *, used: bool) -> _Dictionary:
    return _Dictionary(values, np.full(len(values), used), np.zeros(len(values), np.int64))


def _with_own_dictionary(column: pa.ChunkedArray) -> list[_Piece]:
    """The chunks of a column in pieces, with the dictionaries that they came with."""
    pieces: list[_Piece] = []
    begin, known = 0, None
    for chunk in column.chunks:
        if known is None or not chunk.dictionary.equals(known.values):
            known = _dictionary(chunk.dictionary, used=False)
        places = chunk.indices.to_numpy(zero_copy_only=True)
        parts = [places[start : start + _BLOCK] for start in range(0, len(places), _BLOCK)]
        pieces += [_Piece(begin + number * _BLOCK, part, known) for number, part in enumerate(parts)]
        begin += len(places)

    def look(first: int, last: int) -> None:
        for piece in pieces[first:last]:
            if not piece.source.used.all():  # few values all occur soon
                piece.source.used[piece.local] = True  # several threads may write the same mark

    in_blocks(look, len(pieces), block=1, rows=len(column))
    return pieces


def _with_made_dictionary(column: pa.ChunkedArray, *, block: int) -> list[_Piece]:
    """A column in pieces, with a dictionary made for each."""

    def made(start: int, stop: int) -> _Piece:
        part = one_array(column.slice(start, stop - start)).dictionary_encode()
        places = part.indices.to_numpy(zero_copy_only=True)
        local = places.astype(narrowest(len(part.dictionary)), copy=False)
        return _Piece(start, local, _dictionary(part.dictionary, used=True))

    return in_blocks(made, len(column), block=block)


def _unify(pieces: list[_Piece]) -> pa.Array:
    """The sorted distinct values of all dictionaries that occur; each dictionary gets the codes of its values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sources = _sources(pieces)
    if not sources:
        return pa.array([], pa.large_string())
    occurring = [source.values.filter(pa.array(source.used)) for source in sources]
    together = pa.concat_arrays(occurring)
    distinct = pc.unique(together)
    distinct = distinct.take(pc.sort_indices(distinct))
    codes = pc.index_in(together, value_set=distinct).to_numpy(zero_copy_only=False)
    ends = np.cumsum([len(values) for values in occurring])
    for source, code in zip(sources, np.split(codes, ends[:-1]), strict=True):
        source.code[source.used] = code
    return distinct


def _sorted(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
    """The rows in the order of their values, and which differ from the one before; None for what is hashed instead."""
    import pyarrow as pa

    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return sorted_texts(array)
    if not pa.types.is_integer(array.type):
        return None
    values = array.to_numpy(zero_copy_only=True)
    order = np.argsort(values)
    ordered = values[order]
    fresh = np.ones(len(values), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return order, fresh


def _numbered(
    array: pa.Array, order: NDArray[np.int64], fresh: NDArray[np.bool_], kind: type[np.signedinteger[Any]] | None
) -> tuple[NDArray[Any], NDArray[np.object_]]:
    """Codes and names from the sorted rows."""
    import pyarrow as pa

    first = order[fresh]
    codes = np.empty(len(order), kind or narrowest(len(first)))
    codes[order] = np.cumsum(fresh) - 1
    return codes, _objects(array.take(pa.array(first)).to_pylist())


def _objects(values: list[object]) -> NDArray[np.object_]:
    names = np.empty(len(values), dtype=object)
    names[:] = values
    return names


def duplicates(array: pa.Array) -> tuple[int, list[object]]:
    """Number of rows that repeat an earlier key, and examples of such keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    suspected = _suspected(array)
    if suspected is None:
        return 0, []
    counted = pc.value_counts(suspected)
    counts = counted.field("counts").to_numpy(zero_copy_only=False)
    repeated = counts > 1
    found = sorted(str(item) for item in counted.field("values").filter(pa.array(repeated)).to_pylist()[:1000])
    return int((counts[repeated] - 1).sum()), list(found[:5])


def _suspected(array: pa.Array) -> pa.Array | None:
    """The rows among which are all that repeat, in their order; None when none does."""
    import pyarrow as pa

    if len(array) < 2:
        return None
    if array.null_count:
        return array
    if pa.types.is_integer(array.type):
        return None if _all_differ(array.to_numpy(zero_copy_only=True)) else array
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        rows = suspected_repeats(text_words(array))
        return array.take(pa.array(rows)) if len(rows) else None
    return array


def _all_differ(values: NDArray[Any]) -> bool:
    """Whether no number occurs twice: seen from their order, else from a bitmap of their range, else by sorting."""
    rows = len(values)

    def rises(start: int, stop: int) -> bool:
        return bool((values[start + 1 : stop + 1] > values[start : min(stop, rows - 1)]).all())

    if all(in_blocks(rises, rows, block=_BLOCK)):
        return True
    bounds = in_blocks(lambda start, stop: (values[start:stop].min(), values[start:stop].max()), rows, block=_BLOCK)
    low, high = min(int(low) for low, _ in bounds), max(int(high) for _, high in bounds)
    if high - low < _SPREAD * rows:
        seen = np.zeros(high - low + 1, bool)

        def mark(start: int, stop: int) -> None:
            part = values[start:stop]
            part = part.astype(np.int64) if part.itemsize < _BYTES else part  # a difference may not fit a short number
            seen[part - low] = True  # several threads may write the same mark

        in_blocks(mark, rows, block=_BLOCK)
        return bool(np.count_nonzero(seen) == rows)
    ordered = np.sort(values)
    return not bool((ordered[1:] == ordered[:-1]).any())
