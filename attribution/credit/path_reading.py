"""The checked table of aggregated paths: every problem listed, equal paths added up, whatever the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import InputError, closest
from attribution.core.recipe import fingerprint
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import encode_together, numbers
from attribution.journeys.path_counts import PathCounts
from attribution.journeys.sequences import number_sequences
from attribution.journeys.transforms import kept_by_transforms
from attribution.touches import NONE

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.rules import Transform

__all__ = ["PathColumns", "PathTable", "read_paths"]

_TABLE = "paths"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathColumns:
    """What the columns of a table of paths are called.

    Attributes:
        path: The path as text.
        conversions: Conversions of the path.
        value: Value of these conversions; None without.
        nulls: Journeys that took the path and did not convert; None without.
    """

    path: str
    conversions: str
    value: str | None
    nulls: str | None

    def __post_init__(self) -> None:
        for role in ("path", "conversions", "value", "nulls"):
            name = getattr(self, role)
            optional = role in ("value", "nulls") and name is None
            if not optional and (not isinstance(name, str) or not name):
                raise InputError(f"{role} must be the name of a column, got {name!r}.")

    def names(self) -> tuple[str, ...]:
        """The columns asked for."""
        return tuple(name for name in (self.path, self.conversions, self.value, self.nulls) if name is not None)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PathTable:
    """The paths of a table, checked and added up.

    Attributes:
        counts: The distinct paths with at least one step.
        none_conversions: Conversions of the rows without a path.
        none_value: Their value.
        none_nulls: Null journeys of the rows without a path; no model uses them.
        rows: Number of rows of the table.
        none_rows: Rows without a path.
        repeated: Rows whose path another row has, too; they are added up.
        unsplit: Channels that hold the separator without the blanks around it, which counts as part of their names.
        has_value: Whether there is a column of values.
        has_nulls: Whether there is a column of null journeys.
        fingerprint: Fingerprint of the table, the same for any order of its rows.
    """

    counts: PathCounts
    none_conversions: float
    none_value: float
    none_nulls: float
    rows: int
    none_rows: int
    repeated: int
    unsplit: tuple[str, ...]
    has_value: bool
    has_nulls: bool
    fingerprint: str


def read_paths(data: object, columns: PathColumns, *, sep: str, transforms: tuple[Transform, ...]) -> PathTable:
    """Check a table of paths and add up its rows.

    Args:
        data: Any table.
        columns: What its columns are called.
        sep: What stands between two steps, exactly; blanks around the steps do not count.
        transforms: Path transforms, in order.

    Raises:
        TableError: Lists every problem of the table.
    """
    if not isinstance(sep, str) or not sep:
        raise InputError(f'sep must be the text between two steps, for example " > ", got {sep!r}.')
    problems = Problems()
    table = open_table(data, _TABLE, Columns(), problems=problems)
    _note_missing(table, columns)
    table.load(*columns.names())
    steps = _steps(table, columns.path, sep)
    conversions, nulls = _counts(table, columns.conversions), _counts(table, columns.nulls)
    value = None if columns.value is None else numbers(table, columns.value, minimum=0.0)
    if columns.value is not None and value is not None and conversions is not None:
        _note_phantom(table, columns, value, conversions)
    problems.raise_if_any()
    if steps is None or conversions is None:
        raise InputError("the table of paths cannot be read.")
    zeros = np.zeros(len(conversions))
    amounts = _Amounts(conversions, zeros if value is None else value, zeros if nulls is None else nulls)
    return _added_up(steps, amounts, columns, transforms)


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """The steps of the rows: the channel codes of all steps, row after row; a row without a path has none."""

    counts: NDArray[np.int64]
    channel: NDArray[np.int64]
    names: NDArray[np.object_]
    text: pa.Array
    unsplit: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Amounts:
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    nulls: NDArray[np.float64]


def _note_missing(table: Table, columns: PathColumns) -> None:
    """Note missing columns, each with the argument that names it."""
    for role in ("path", "conversions", "value", "nulls"):
        name = getattr(columns, role)
        if name is not None and name not in table.names:
            message = f"column {name!r} is missing. {closest(name, table.names)} Pass its name as {role}="
            table.problems.add("MISSING_COLUMN", _TABLE, name, 1, message=message)


def _counts(table: Table, name: str | None) -> NDArray[np.float64] | None:
    return None if name is None else numbers(table, name, minimum=0.0, whole=True)


def _note_phantom(
    table: Table, columns: PathColumns, value: NDArray[np.float64], conversions: NDArray[np.float64]
) -> None:
    """Note value on rows that did not convert: there is no conversion that it could be the value of."""
    phantom = (value > 0) & (conversions == 0)
    if phantom.any():
        table.problems.add(
            "VALUE_WITHOUT_CONVERSION", _TABLE, columns.value, phantom.sum(),
            message=f"value stands on rows without a conversion ({columns.conversions} is 0). Give their conversions, "
            "or set the value to 0",
            examples=[f"row {row}" for row in np.flatnonzero(phantom)[:5]],
        )  # fmt: skip


def _steps(table: Table, name: str, sep: str) -> _Steps | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.readable(name):
        return None
    array = table.arrow(name)
    kind = array.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not text and not pa.types.is_null(kind) and len(array):
        table.problems.add(
            "WRONG_TYPE", _TABLE, name, len(array),
            message=f"a path must be text such as {f'A{sep}B'!r}, got {kind}; join its steps into text",
        )  # fmt: skip
        return None
    text = pc.utf8_trim_whitespace(pc.fill_null(array.cast(pa.large_string()), ""))
    empty = pc.equal(text, "").to_numpy(zero_copy_only=False)
    # A separator with blanks around it also stands at the ends of a trimmed path: "A >" has an empty step.
    before, _, after = sep.partition(sep.strip()) if sep.strip() else ("", "", "")
    ends = [pa.scalar(blanks, pa.large_string()) for blanks in (before, after, "")]
    parts = pc.split_pattern(pc.binary_join_element_wise(ends[0], text, ends[1], ends[2]), pattern=sep)
    lengths = pc.list_value_length(parts).to_numpy(zero_copy_only=False).astype(np.int64)
    row = np.repeat(np.arange(len(array)), lengths)
    flat = pc.utf8_trim_whitespace(pc.list_flatten(parts))
    if empty.any():
        flat = flat.filter(pa.array(~empty[row]))
        row, lengths = row[~empty[row]], np.where(empty, 0, lengths)
    _note_steps(table, name, flat, row)
    (codes,), names = encode_together(flat)
    unsplit = _unsplit(names, sep)
    core = sep.strip()
    # A core at an end, as in "<b>", parts no steps.
    parting = np.array([code for code in unsplit.tolist() if core in names[code].strip(core)], np.int64)
    if len(parting) and (lengths <= 1).all():
        table.problems.add(
            "SEPARATOR_UNSEEN", _TABLE, name, np.isin(codes, parting).sum(), examples=names[parting[:1000]].tolist(),
            message=f"no path holds the separator {sep!r}, but these hold {core!r}. Pass sep={core!r}; "
            "if it is part of names, pass a separator that occurs nowhere",
        )  # fmt: skip
    return _Steps(lengths, codes, names, text, unsplit)


def _unsplit(names: NDArray[np.object_], sep: str) -> NDArray[np.int64]:
    """Channels that hold the separator without the blanks around it."""
    core = sep.strip()
    if not core or core == sep:
        return np.zeros(0, np.int64)
    return np.flatnonzero([core in name for name in names.tolist()]).astype(np.int64)


def _note_steps(table: Table, name: str, flat: pa.Array, row: NDArray[np.int64]) -> None:
    """Note paths with an empty step, and those that use the name of the row of conversions without a path."""
    problems = table.problems
    if len(rows := _rows_with(flat, row, "")):
        problems.add(
            "EMPTY_STEP", _TABLE, name, len(rows), examples=_examples(table, name, rows),
            message="a path has a step without a name; name it, or remove the separator",
        )  # fmt: skip
    if len(rows := _rows_with(flat, row, NONE)):
        problems.add(
            "RESERVED_NAME", _TABLE, name, len(rows), examples=_examples(table, name, rows),
            message=f"{NONE!r} is the name of the row of conversions without a path; leave such paths empty, or give "
            "the step another name",
        )  # fmt: skip


def _rows_with(flat: pa.Array, row: NDArray[np.int64], step: str) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    found: NDArray[np.bool_] = pc.equal(flat, step).to_numpy(zero_copy_only=False)
    return np.unique(row[found])


def _examples(table: Table, name: str, rows: NDArray[np.int64]) -> list[str]:
    array = table.arrow(name)
    return sorted({array[int(place)].as_py() for place in rows[:1000]})


def _added_up(steps: _Steps, amounts: _Amounts, columns: PathColumns, transforms: tuple[Transform, ...]) -> PathTable:
    print_of = _fingerprint(steps, amounts, columns)
    empty = steps.counts == 0
    row = np.repeat(np.arange(len(empty)), steps.counts)
    kept = kept_by_transforms(steps.counts, steps.channel, steps.names, transforms)
    full = np.flatnonzero(~empty)
    left = np.bincount(row[kept], minlength=len(empty))[full]
    written, _, _ = number_sequences(steps.counts[full], steps.channel, len(steps.names))
    number, offsets, channel = number_sequences(left, steps.channel[kept], len(steps.names))
    size = len(offsets) - 1
    # In the order of paths and values, so that the order of the rows changes no bit of a sum.
    order = np.lexsort([amounts.value[full], number])
    rows = full[order]
    counts = PathCounts(
        offsets=offsets,
        channel=channel,
        channel_names=steps.names,
        conversions=_sums(number[order], amounts.conversions[rows], size),
        value=_sums(number[order], amounts.value[rows], size),
        nulls=_sums(number[order], amounts.nulls[rows], size),
    )
    return PathTable(
        counts=counts,
        none_conversions=float(amounts.conversions[empty].sum()),
        none_value=float(np.sort(amounts.value[empty]).sum()),
        none_nulls=float(amounts.nulls[empty].sum()),
        rows=len(empty),
        none_rows=int(empty.sum()),
        repeated=len(full) - len(np.unique(written)),
        unsplit=tuple(steps.names[steps.unsplit].tolist()),
        has_value=columns.value is not None,
        has_nulls=columns.nulls is not None,
        fingerprint=print_of,
    )


def _sums(number: NDArray[np.int64], amount: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(number, weights=amount, minlength=size), np.float64)


def _fingerprint(steps: _Steps, amounts: _Amounts, columns: PathColumns) -> str:
    content: dict[str, Any] = {"path": steps.text, "conversions": amounts.conversions}
    if columns.value is not None:
        content["value"] = amounts.value
    if columns.nulls is not None:
        content["nulls"] = amounts.nulls
    return fingerprint(content)
