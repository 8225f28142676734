"""Checked columns: keys, instants, numbers, labels as contiguous NumPy arrays; bad rows are counted with examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.distinct import duplicates, encode, encode_together
from attribution.core.tables import Table, examples_of
from attribution.core.texts import blank_texts
from attribution.core.times import instants
from attribution.core.type_names import TO_NUMBERS, different_keys, kind_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.key_columns import KeyColumn

__all__ = ["Labels", "duplicates", "encode_together", "instants", "keys", "labels", "numbers", "same_key_kind"]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A text (or other) column as codes into its sorted distinct values.

    Attributes:
        codes: One integer per row; of touches of the smallest type that holds them.
        names: The distinct values, sorted, as an object array of Python values.
    """

    codes: NDArray[np.int64]
    names: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[Any]) -> Labels:
        """The labels of some rows."""
        return Labels(self.codes[rows], self.names)

    def values(self) -> NDArray[np.object_]:
        """One value per row."""
        return self.names[self.codes]


def keys(table: Table, role: str) -> pa.Array | None:
    """A key column (text or integers) without nulls; None when it is missing or unusable (and noted)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = table.roles.name_of(role)
    if not table.readable(name):
        return None
    array = table.arrow(name)
    if pa.types.is_floating(array.type):  # integers with a gap arrive as floats from pandas
        fits = pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**63))
        whole = pc.fill_null(pc.or_(fits, pc.is_nan(array)), True)
        if pc.all(whole).as_py() in (True, None):
            array = pc.cast(pc.if_else(pc.is_nan(array), None, array), pa.int64())
    kind = array.type
    empty: NDArray[np.bool_] | None
    if pa.types.is_integer(kind):
        array = _whole_keys(array)
        empty = _nulls(array)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
        empty = blank_texts(array)
    elif pa.types.is_null(kind):
        array = array.cast(pa.large_string())
        empty = _nulls(array)
    else:
        table.problems.add(
            "WRONG_TYPE",
            table.name,
            name,
            len(array),
            message=f"a key must be text or whole numbers, got {kind}; read it as text",
        )
        return None
    if empty is None:
        return array
    table.problems.add(
        "NULL_KEY",
        table.name,
        name,
        empty.sum(),
        message="a key is empty; remove or repair these rows",
        examples=[f"row {row}" for row in np.flatnonzero(empty)[:5]],
    )
    return None


def _nulls(array: pa.Array) -> NDArray[np.bool_] | None:
    """Which rows are empty; None when none is."""
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None


def _whole_keys(array: pa.Array) -> pa.Array:
    """Whole numbers as int64; unsigned ones beyond it (hashes) as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.type == pa.uint64() and not array.null_count and (pc.max(array).as_py() or 0) < 2**63:
        return array.view(pa.int64())  # the same bits
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.large_string())


def labels(table: Table, name: str, *, missing: str | None = "", narrow: bool = False) -> Labels | None:
    """A grouping column as labels; a null becomes ``missing``, or a noted problem when ``missing`` is None.

    Args:
        table: The table.
        name: The user's name of the column.
        missing: What a null stands for; without it a null is noted as NULL_KEY.
        narrow: Whether the codes are of the smallest type that holds them, for tables of many rows; widen them before
            any arithmetic.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.readable(name):
        return None
    column = table.chunks(name)
    if pa.types.is_dictionary(column.type) and _has_nulls(column):
        column = pa.chunked_array([table.arrow(name)])
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_nested(kind):
        message = f"each cell must hold one value, got {kind}; cast the column to text"
        table.problems.add("WRONG_TYPE", table.name, name, len(column), message=message)
        return None
    if pa.types.is_null(kind):
        column = pa.chunked_array([table.arrow(name).cast(pa.large_string())])
    if column.null_count:
        if missing is None:
            rows = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[:5]
            table.problems.add(
                "NULL_KEY",
                table.name,
                name,
                column.null_count,
                message="the column has empty cells; name them (for example 'unknown')",
                examples=[f"row {row}" for row in rows],
            )
            return None
        column = pc.fill_null(column.cast(pa.large_string()), missing)
    return Labels(*encode(column, None if narrow else np.int64))


def _has_nulls(column: pa.ChunkedArray) -> bool:
    """Whether a column with a dictionary has empty cells, or an empty value in its dictionary."""
    return bool(column.null_count or any(chunk.dictionary.null_count for chunk in column.chunks))


def numbers(
    table: Table,
    name: str,
    *,
    minimum: float | None = None,
    missing: float | None = None,
    whole: bool = False,
) -> NDArray[np.float64] | None:
    """A numeric column as float64.

    Whole numbers beyond 2^53 become the nearest float64, as they would have been in a column of floats.

    Args:
        table: The table.
        name: The user's name of the column.
        minimum: Values below are noted as NEGATIVE_VALUE.
        missing: What a null stands for; without it a null is noted as NULL_VALUE.
        whole: Whether a fraction is noted as NOT_WHOLE.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.readable(name):
        return None
    array = table.arrow(name)
    kind = array.type
    numeric = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )
    if not numeric and not pa.types.is_null(kind):
        table.problems.add(
            "WRONG_TYPE", table.name, name, len(array),
            message=f"numbers are needed, got {kind_name(kind)}; {TO_NUMBERS}",
            examples=examples_of(array, np.ones(min(len(array), 5), bool)),
        )  # fmt: skip
        return None
    absent = pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False)
    if missing is None and absent.any():
        table.problems.add(
            "NULL_VALUE", table.name, name, absent.sum(), message="a number is missing; write 0 only where 0 is known",
            examples=[f"row {row}" for row in np.flatnonzero(absent)[:5]],
        )  # fmt: skip
    plain = array.cast(pa.int8()) if pa.types.is_boolean(kind) else array
    # Safe casts refuse whole numbers beyond 2^53; the nearest float64 is what every sum of them would hold anyway.
    floats = plain.cast(pa.float64(), safe=False)
    result: NDArray[np.float64] = floats.to_numpy(zero_copy_only=False).astype(np.float64, copy=True)
    result[absent] = np.nan if missing is None else missing
    _check_numbers(table, name, result, minimum=minimum, whole=whole)
    return result


def _check_numbers(table: Table, name: str, values: NDArray[np.float64], *, minimum: float | None, whole: bool) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        table.problems.add(
            "NOT_FINITE", table.name, name, infinite.sum(),
            message="infinite numbers cannot be summed; repair these rows",
            examples=examples_of(values, infinite),
        )  # fmt: skip
    if minimum is not None:
        low = (values < minimum) & ~infinite
        if low.any():
            table.problems.add(
                "NEGATIVE_VALUE", table.name, name, low.sum(),
                message=f"numbers below {minimum:g} are not allowed here",
                examples=examples_of(values, low),
            )  # fmt: skip
    if whole:
        broken = np.isfinite(values) & (values != np.floor(values))
        if broken.any():
            table.problems.add(
                "NOT_WHOLE", table.name, name, broken.sum(), message="whole numbers are needed",
                examples=examples_of(values, broken),
            )  # fmt: skip


def same_key_kind(tables: Sequence[tuple[Table, pa.Array | KeyColumn | None]], role: str) -> bool:
    """Whether the key columns of several tables are of one type; else a problem is noted on the later ones."""
    known = [(table, array) for table, array in tables if array is not None]
    if len(known) < 2:
        return True
    first_table, first = known[0]
    alike = True
    for table, array in known[1:]:
        if array.type != first.type:
            alike = False
            table.problems.add(
                "KEY_TYPE_MISMATCH", table.name, table.roles.name_of(role), len(array),
                message=different_keys(kind_name(array.type), kind_name(first.type), first_table.name),
            )  # fmt: skip
    return alike
