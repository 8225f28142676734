"""The table boundary: whatever Narwhals accepts goes in, checked NumPy columns come out, every problem is listed.

The caller's table is read through Narwhals; only needed columns are brought in (a lazy table is projected in its own
engine first), and never changed. Problems are collected in `Problems` and raised together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from attribution.core.errors import InputError, TableError, TableIssue, closest
from attribution.core.frames import column_of, one_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns

__all__ = ["Problems", "Table", "examples_of", "open_table", "to_kind_of"]

_EXAMPLES = 5


@dataclass(slots=True)
class Problems:
    """Collects the problems of one or several tables, to be raised as one error."""

    issues: list[TableIssue] = field(default_factory=list)

    def add(
        self, code: str, table: str, column: str | None, count: int, *, message: str, examples: Iterable[object] = ()
    ) -> None:
        """Note one problem; the same one, met again by another reader of the column, is told once."""
        shown = tuple(_shown(item) for item in list(examples)[:_EXAMPLES])
        issue = TableIssue(code=code, table=table, column=column, count=int(count), examples=shown, message=message)
        if issue not in self.issues:
            self.issues.append(issue)

    def raise_if_any(self) -> None:
        """Raise one `TableError` with everything collected, if there is anything."""
        if self.issues:
            raise TableError(self.issues)


def _shown(item: object) -> str:
    """One example for a message: short, and on one line."""
    shown = repr(str(item)) if isinstance(item, date) else repr(item)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def examples_of(values: Sequence[object] | NDArray[Any] | pa.Array, mask: NDArray[np.bool_]) -> list[object]:
    """The first few distinct values where the mask holds, in a stable order."""
    positions = np.flatnonzero(mask)[:1000]
    found = {str(item): item for item in (_plain(values[int(position)]) for position in positions)}
    return [found[key] for key in sorted(found)][:_EXAMPLES]


def _plain(value: Any) -> object:
    if hasattr(value, "as_py"):
        return value.as_py()
    return value.item() if isinstance(value, np.generic) else value


@dataclass(slots=True)
class Table:
    """One table of the user, seen through its roles.

    Attributes:
        name: What the table is, for messages: "touches", "conversions" ...
        roles: The user's column names.
        problems: Where problems are noted.
    """

    name: str
    roles: Columns
    problems: Problems
    _frame: nw.DataFrame[Any] | nw.LazyFrame[Any]
    names: tuple[str, ...]
    _loaded: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    _plain: dict[str, pa.Array] = field(default_factory=dict)
    _mixed: dict[str, str] = field(default_factory=dict)
    _rows: int | None = None

    def has(self, role: str) -> bool:
        """Whether the column of a role is there."""
        return self.roles.name_of(role) in self.names

    def require(self, *roles: str) -> bool:
        """Note every missing required role; True when all are there."""
        return self._require({self.roles.name_of(role): f'{role}="..."' for role in roles})

    def require_names(self, *names: str) -> bool:
        """Note every missing column by its own name; True when all are there."""
        return self._require(dict.fromkeys(names, "..."))

    def _require(self, declared: Mapping[str, str]) -> bool:
        """Note every missing column, with how `Columns` would name it."""
        missing = [name for name in declared if name not in self.names]
        for name in missing:
            self.problems.add(
                "MISSING_COLUMN",
                self.name,
                name,
                1,
                message=f"column {name!r} is missing. {closest(name, self.names)} "
                f"Name it with columns=Columns({declared[name]})",
            )
        return not missing

    def load(self, *names: str) -> None:
        """Bring columns into memory in one pass; a lazy table is projected by its own engine.

        A column that could not be brought in is noted at every asking: the problems may be those of another call.
        """
        for name in names:
            if name in self._mixed:
                self.problems.add("MIXED_TYPES", self.name, name, 1, message=self._mixed[name])
        wanted = [name for name in dict.fromkeys(names) if name in self.names and name not in self._loaded]
        if not wanted:
            return
        selected = self._frame.select(*wanted)
        if isinstance(selected, nw.LazyFrame):
            selected = selected.collect("pyarrow")
        for name in wanted:
            self._loaded[name] = self._column(selected, name)
        self._rows = len(self._loaded[wanted[0]])

    def _column(self, frame: nw.DataFrame[Any], name: str) -> pa.ChunkedArray:
        import pyarrow as pa

        try:
            column = column_of(frame, name)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
            return self._unreadable(len(frame), name, f"the column holds values of several types: {error}")
        except (OverflowError, UnicodeError, pa.ArrowNotImplementedError) as error:
            # Whole numbers beyond 64 bits, text with halves of characters, objects that are no values.
            message = f"the column holds values that no table can hold ({error}); repair it, or cast it to text"
            return self._unreadable(len(frame), name, message)
        if pa.types.is_timestamp(column.type) and frame.schema[name] == nw.Object() and _half_placed(frame[name]):
            # Arrow would take the zone of the first row for all of them.
            message = "the column holds times with and without a time zone; write all of them alike"
            return self._unreadable(len(frame), name, message)
        return column

    def _unreadable(self, rows: int, name: str, message: str) -> pa.ChunkedArray:
        """Note a column that cannot be brought in; empty cells stand in its place."""
        import pyarrow as pa

        self.problems.add("MIXED_TYPES", self.name, name, 1, message=message)
        self._mixed[name] = message
        return pa.chunked_array([pa.nulls(rows)])

    def release(self, name: str) -> None:
        """Forget the Arrow copy of a Polars column; who asks for it later brings it in again.

        Columns of other tables in memory are no copies, and a lazy table would have to be run again.
        """
        if isinstance(self._frame, nw.DataFrame) and self._frame.implementation.is_polars():
            self._loaded.pop(name, None)
            self._plain.pop(name, None)

    @property
    def rows(self) -> int:
        """Number of rows."""
        if self._rows is None:
            if isinstance(self._frame, nw.LazyFrame):
                self._rows = int(self._frame.select(nw.len()).collect("pyarrow").item())
            else:
                self._rows = len(self._frame)
        return self._rows

    def arrow(self, name: str) -> pa.Array:
        """A column as one plain Arrow array."""
        self.load(name)
        if name not in self._plain:
            self._plain[name] = one_array(self._loaded[name])
        return self._plain[name]

    def chunks(self, name: str) -> pa.ChunkedArray:
        """A column as it came: in its chunks, and with its dictionary if it has one."""
        self.load(name)
        return self._loaded[name]

    def readable(self, name: str) -> bool:
        """Whether a column is there and could be brought in; one that holds several types has been noted."""
        self.load(name)
        return name in self._loaded and name not in self._mixed

    def lazy(self) -> nw.LazyFrame[Any]:
        """The table as a lazy frame of its own engine, for sums that run where the data is."""
        return self._frame.lazy()

    def other_columns(self, used: Iterable[str]) -> tuple[str, ...]:
        """Columns without a role, sorted by name."""
        return tuple(sorted(set(self.names) - set(used)))


def _half_placed(times: Iterable[Any]) -> bool:
    """Whether some of these Python times carry a zone and some do not."""
    there = (time for time in times if time is not None and time == time)  # noqa: PLR0124 - pandas' NaT is not itself
    return len({getattr(time, "tzinfo", None) is None for time in there}) > 1


def open_table(
    data: object,
    name: str,
    roles: Columns,
    *,
    problems: Problems,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Table:
    """Open a table and bring in the columns of the named roles, noting those that are missing."""
    try:
        frame = _narwhal(data, name)
        # A column whose name is no text (a year, None) cannot be asked for, so it takes no part.
        names = tuple(known for known in frame.collect_schema().names() if isinstance(known, str))
    except DuplicateError as error:
        doubled = " ".join(str(error).split())
        raise InputError(f"{name}: column names occur more than once; rename them. {doubled}") from None
    table = Table(name=name, roles=roles, problems=problems, _frame=frame, names=names)
    table.require(*required)
    table.load(*(roles.name_of(role) for role in (*required, *optional)))
    return table


def _narwhal(data: object, name: str) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """The data through Narwhals; a result of ours stands for its own table."""
    try:
        return _frame(data)
    except TypeError:
        to_arrow = getattr(data, "to_arrow", None)
        if callable(to_arrow):
            return _frame(to_arrow())
        raise InputError(
            f"{name} must be a table (pandas, Polars, PyArrow, DuckDB relation, or any table that Narwhals accepts), "
            f"got {type(data).__name__}."
        ) from None


def _frame(data: object) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(data)
    return frame


def to_kind_of(
    columns: dict[str, Any], like: object, *, build: Callable[[dict[str, Any]], pa.Table] | None = None
) -> Any:
    """Columns as a table of the same kind as ``like`` (a lazy table gives an Arrow-backed eager one of its engine)."""
    import pyarrow as pa

    arrow = pa.table(columns) if build is None else build(columns)
    native = nw.from_native(like, pass_through=True)
    if not isinstance(native, (nw.DataFrame, nw.LazyFrame)):
        return arrow
    backend = native.implementation
    if backend.is_pandas():
        return arrow.to_pandas()
    if backend.is_polars():
        import polars as pl

        made = pl.from_arrow(arrow)
        return made.lazy() if isinstance(native, nw.LazyFrame) and isinstance(made, pl.DataFrame) else made
    if backend.is_duckdb():
        import duckdb

        return duckdb.from_arrow(arrow)
    return arrow
