"""Joint codes of the columns in which the rows of two tables must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["check_match", "match_codes"]


def check_match(table: Table, names: tuple[str, ...]) -> None:
    """Note match columns that are missing, or that hold what cannot be compared."""
    import pyarrow as pa

    table.require_names(*names)
    for name in names:
        if name in table.names:
            kind = table.arrow(name).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                message = f"a match column holds text, numbers, dates or truth values, got {kind}; cast it"
                table.problems.add("WRONG_TYPE", table.name, name, table.rows, message=message)


def match_codes(left: Table, right: Table, names: tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Joint codes of the match columns of both tables; equal codes agree, an empty or blank cell with nothing."""
    first = np.zeros(left.rows, np.int64)
    second = np.zeros(right.rows, np.int64)
    for name in names:
        codes = _joint_codes(left.arrow(name), right.arrow(name))
        both = np.concatenate([first, second]) * (int(max(part.max(initial=0) for part in codes)) + 1) + np.concatenate(
            codes
        )
        empty = np.concatenate([first < 0, second < 0]) | (np.concatenate(codes) < 0)
        _, dense = np.unique(both, return_inverse=True)
        dense = np.where(empty, -1, dense)
        first, second = dense[: len(first)], dense[len(first) :]
    return first, np.where(second < 0, -2, second)


def _joint_codes(left: pa.Array, right: pa.Array) -> list[NDArray[np.int64]]:
    import pyarrow as pa

    left, right = _in_one_type(_tidy(left), _tidy(right))
    if pa.types.is_null(left.type):
        return [np.full(len(left), -1, np.int64), np.full(len(right), -1, np.int64)]
    left, right = _without_blanks(left), _without_blanks(right)
    codes, _ = encode_together(left.drop_null(), right.drop_null())
    filled = []
    for array, found in zip((left, right), codes, strict=True):
        whole = np.full(len(array), -1, np.int64)
        whole[array.is_valid().to_numpy(zero_copy_only=False)] = found
        filled.append(whole)
    return filled


def _tidy(array: pa.Array) -> pa.Array:
    """Numbers as they are meant: whole ones as integers (with gaps they arrive as floats), not-a-number as empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_floating(kind):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, kind), array)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:  # a fraction, or beyond 64 bits
            return array
    return array


def _in_one_type(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Both columns in one type: numbers with numbers, times with times, all else as text."""
    import pyarrow as pa

    kinds = (left.type, right.type)
    if kinds[0] == kinds[1]:
        return left, right
    target = pa.large_string()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) for kind in kinds):
        target = pa.float64()
    elif all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in kinds):
        zones = [getattr(kind, "tz", None) for kind in kinds]
        if (zones[0] is None) == (zones[1] is None):
            target = pa.timestamp("us", zones[0])
    return left.cast(target, safe=False), right.cast(target, safe=False)


def _without_blanks(array: pa.Array) -> pa.Array:
    """Blank text as empty cells, as in a key: what names nothing agrees with nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return array
    text = array.cast(pa.large_string())
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
    return pc.if_else(blank, pa.scalar(None, text.type), text)
