"""Touch ids that occur more than once, found over files without holding the ids."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.key_words import IntegerKeys, key_words

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.engines.pieces import TableFiles

__all__ = ["KeyHashes", "keys_with", "kind_of_keys"]

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class KeyHashes:
    """Eight bytes for every key; equal keys have equal ones, different keys hardly ever.

    Args:
        kind: The type as which keys are compared; None: their own.
    """

    def __init__(self, kind: pa.DataType | None = None) -> None:
        self._kind = kind
        self._held: list[NDArray[np.uint64]] = []
        self._lock = Lock()

    def add(self, keys: pa.Array) -> None:
        """Take the keys of a batch."""
        hashed = key_hashes(keys if self._kind is None else keys.cast(self._kind))
        with self._lock:
            self._held.append(hashed)

    def repeated(self) -> NDArray[np.uint64]:
        """What occurs more than once, sorted."""
        together = np.concatenate([np.empty(0, np.uint64), *self._held])
        self._held.clear()
        together.sort()
        return np.unique(together[1:][together[1:] == together[:-1]])


def key_hashes(array: pa.Array) -> NDArray[np.uint64]:
    """A number for every key; those of whole numbers are the numbers themselves, mixed, so never two alike."""
    keys = key_words(array)
    words = keys.words(0, len(keys), keys.width())
    if not isinstance(keys, IntegerKeys):
        words = [words[-1], *words[:-1]]
    mixed = _mixed(words[0])
    for word in words[1:]:
        # A word of zeros changes nothing, so the widest key of a batch does not matter; the length has been mixed in.
        mixed = np.where(word == 0, mixed, _mixed(mixed ^ word))
    return mixed


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


def kind_of_keys(files: TableFiles, name: str) -> pa.DataType:
    """The type as which the keys of a column are compared: whole numbers that may lie beyond int64 as text."""
    import pyarrow as pa

    met = [_values(file.schema.field(name).type) for file in files.files]
    whole = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind) for kind in met)
    return pa.int64() if whole and not any(pa.types.is_uint64(kind) for kind in met) else pa.large_string()


def _values(kind: pa.DataType) -> pa.DataType:
    return getattr(kind, "value_type", kind)


def keys_with(files: TableFiles, name: str, hashes: NDArray[np.uint64]) -> pa.Array:
    """The keys of a column that have one of some sorted hashes."""
    import pyarrow as pa

    found, kind = [], kind_of_keys(files, name)
    for piece in files.pieces():
        for rows in piece.batches([name]):
            array = rows.column(name)
            array = array.cast(_values(array.type)).drop_null()
            if not _can_be_keys(array):
                continue  # told already
            array = array.cast(kind)
            found.append(array.filter(pa.array(np.isin(key_hashes(array), hashes))))
    return pa.concat_arrays(found)


def _can_be_keys(array: pa.Array) -> bool:
    """Whether floats are whole, as those of pandas for whole numbers with gaps; everything else has been checked."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_floating(array.type):
        return True
    return bool(
        pc.all(pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**63))).as_py() in (True, None)
    )
