"""Attributes of two tables as joint codes: equal codes mean equal values, empty cells never agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.values import encode_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["Profiles", "joint_keys", "read_profiles", "unique_rows"]

_WIDEST = 2**62


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Profiles:
    """Attributes of both sides, one row per person.

    Attributes:
        names: The attributes.
        sought: Codes of those whose likes are sought; -1 where empty.
        pool: Codes of the pool; -2 where empty, so that two empty cells differ.
        levels: Number of different values of each attribute, in both tables together.
    """

    names: tuple[str, ...]
    sought: NDArray[np.int64]
    pool: NDArray[np.int64]
    levels: tuple[int, ...]


def read_profiles(
    sought: Table, pool: Table, names: Sequence[str], rows: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Profiles | None:
    """Joint codes of the attributes, in the order of the given rows; None when one is unusable (and noted)."""
    pairs = [_codes(sought, pool, name) for name in names]
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs):
        return None
    return Profiles(
        names=tuple(names),
        sought=np.stack([pair[0] for pair in known], axis=1)[rows[0]],
        pool=np.stack([pair[1] for pair in known], axis=1)[rows[1]],
        levels=tuple(pair[2] for pair in known),
    )


def _codes(sought: Table, pool: Table, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], int] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = [_values(table, name) for table in (sought, pool)]
    if arrays[0] is None or arrays[1] is None:
        return None
    left, right = arrays[0], arrays[1]
    kinds = {_kind(array) for array in (left, right)} - {"empty"}
    if len(kinds) > 1:
        message = f"the attribute is {left.type} in {sought.name} and {right.type} here: nothing would agree; cast one"
        pool.problems.add("KEY_TYPE_MISMATCH", pool.name, name, len(right), message=message)
        return None
    target: Any = pa.large_string()
    if kinds == {"number"}:
        whole = all(pa.types.is_integer(array.type) or _kind(array) == "empty" for array in (left, right))
        target = pa.int64() if whole else pa.float64()
    cast = [array.cast(target, safe=False) for array in (left, right)]
    gaps = [pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False) for array in cast]
    fill = pa.scalar("" if target == pa.large_string() else 0, target)
    filled = [pc.if_else(pa.array(gap), fill, array) for array, gap in zip(cast, gaps, strict=True)]
    codes, distinct = encode_together(*filled)
    for code, gap, mark in zip(codes, gaps, (-1, -2), strict=True):
        code[gap] = mark
    return codes[0], codes[1], max(1, len(distinct))


def _values(table: Table, name: str) -> pa.Array | None:
    """A column as it is, blank text as empty; None when it is missing or nested (and noted)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.require_names(name) or not table.readable(name):
        return None
    array = table.arrow(name)
    if pa.types.is_nested(array.type):
        message = f"each cell must hold one value, got {array.type}; cast the column to text"
        table.problems.add("WRONG_TYPE", table.name, name, len(array), message=message)
        return None
    if pa.types.is_boolean(array.type):
        return array.cast(pa.int64())
    if pa.types.is_decimal(array.type):
        return array.cast(pa.float64())
    if _kind(array) == "text":
        array = array.cast(pa.large_string())
        blank = pc.equal(pc.utf8_trim_whitespace(array), "")
        return pc.if_else(blank, pa.scalar(None, pa.large_string()), array)
    return array


def _kind(array: pa.Array) -> str:
    import pyarrow as pa

    if pa.types.is_null(array.type):
        return "empty"
    return "number" if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) else "text"


def joint_keys(profiles: Profiles, attributes: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One key for several attributes, equal where all of them are; -1 and -2 where one of them is empty."""
    n = len(profiles.sought)
    both = np.concatenate((profiles.sought[:, attributes], profiles.pool[:, attributes]))
    empty: NDArray[np.bool_] = np.asarray((both < 0).any(axis=1), dtype=np.bool_)
    key, size = np.zeros(len(both), np.int64), 1
    for column, attribute in zip(both.T, attributes, strict=True):
        levels = profiles.levels[attribute]
        if size * levels > _WIDEST:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            size = len(both)
        key, size = key * levels + np.maximum(column, 0), size * levels
    key[empty] = -1
    key[n:][empty[n:]] = -2
    return key[:n], key[n:]


def unique_rows(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row that stands for each different row of codes, and for each row the number of its kind."""
    key = np.zeros(len(codes), np.int64)
    for column in codes.T:
        joined = key * (int(column.max(initial=0)) + 3) + column + 2
        key = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    return first.astype(np.int64), kind.astype(np.int64)
