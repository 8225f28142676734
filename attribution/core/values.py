"""Checked columns: keys, instants, numbers, labels as contiguous NumPy arrays; bad rows are counted with examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.tables import Table, examples_of
from attribution.core.times import instants

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Labels", "duplicates", "encode_together", "instants", "keys", "labels", "numbers", "same_key_kind"]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A text (or other) column as codes into its sorted distinct values.

    Attributes:
        codes: One integer per row.
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
    if pa.types.is_integer(kind):
        array = _whole_keys(array)
        empty = pc.is_null(array)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
        empty = pc.or_(pc.is_null(array), pc.equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), ""))
    elif pa.types.is_null(kind):
        array = array.cast(pa.large_string())
        empty = pc.is_null(array)
    else:
        table.problems.add(
            "WRONG_TYPE",
            table.name,
            name,
            len(array),
            message=f"a key must be text or whole numbers, got {kind}; cast it",
        )
        return None
    count = pc.sum(empty).as_py() or 0
    if count:
        rows = np.flatnonzero(empty.to_numpy(zero_copy_only=False))[:5]
        table.problems.add(
            "NULL_KEY",
            table.name,
            name,
            count,
            message="a key is empty; remove or repair these rows",
            examples=[f"row {row}" for row in rows],
        )
        return None
    return array


def _whole_keys(array: pa.Array) -> pa.Array:
    """Whole numbers as int64; unsigned ones beyond it (hashes) as text."""
    import pyarrow as pa

    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.large_string())


def labels(table: Table, name: str, *, missing: str | None = "") -> Labels | None:
    """A grouping column as labels; a null becomes ``missing``, or a noted problem when ``missing`` is None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.readable(name):
        return None
    array = table.arrow(name)
    if pa.types.is_nested(array.type):
        message = f"each cell must hold one value, got {array.type}; cast the column to text"
        table.problems.add("WRONG_TYPE", table.name, name, len(array), message=message)
        return None
    if pa.types.is_null(array.type):
        array = array.cast(pa.large_string())
    if array.null_count:
        if missing is None:
            rows = np.flatnonzero(pc.is_null(array).to_numpy(zero_copy_only=False))[:5]
            table.problems.add(
                "NULL_KEY",
                table.name,
                name,
                array.null_count,
                message="the column has empty cells; name them (for example 'unknown')",
                examples=[f"row {row}" for row in rows],
            )
            return None
        array = pc.fill_null(array.cast(pa.large_string()), missing)
    (codes,), names = encode_together(array)
    return Labels(codes, names)


def encode_together(*arrays: pa.Array) -> tuple[list[NDArray[np.int64]], NDArray[np.object_]]:
    """Joint codes of several columns into their sorted distinct values: equal values, equal codes, in any row order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    target = arrays[0].type
    if any(array.type != target for array in arrays):
        target = pa.large_string()
    encoded = [array.cast(target).dictionary_encode() for array in arrays]
    distinct = pc.unique(pa.concat_arrays([item.dictionary for item in encoded]))
    distinct = distinct.take(pc.sort_indices(distinct))
    codes = []
    for item in encoded:
        position = pc.index_in(item.dictionary, value_set=distinct).to_numpy(zero_copy_only=False).astype(np.int64)
        codes.append(position[item.indices.to_numpy(zero_copy_only=False)] if len(item) else np.empty(0, np.int64))
    names = np.empty(len(distinct), dtype=object)
    names[:] = distinct.to_pylist()
    return codes, names


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
            "WRONG_TYPE", table.name, name, len(array), message=f"numbers are needed, got {kind}; cast the column",
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


def duplicates(array: pa.Array) -> tuple[int, list[object]]:
    """Number of rows that repeat an earlier key, and examples of such keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = pc.value_counts(array)
    counts = counted.field("counts").to_numpy(zero_copy_only=False)
    repeated = counts > 1
    found = sorted(str(item) for item in counted.field("values").filter(pa.array(repeated)).to_pylist()[:1000])
    return int((counts[repeated] - 1).sum()), list(found[:5])


def same_key_kind(tables: Sequence[tuple[Table, pa.Array | None]], role: str) -> bool:
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
                message=f"the key is {array.type} here and {first.type} in {first_table.name}: "
                "nothing would match; cast one",
            )  # fmt: skip
    return alike
