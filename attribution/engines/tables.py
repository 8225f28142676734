"""A table in its engine: its roles, its types, and times as whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core.errors import InputError, closest
from attribution.core.type_names import TO_TIMES
from attribution.engines.native import is_fine_instant, lazy_frame, with_microseconds
from attribution.engines.spec import UnsupportedError
from attribution.engines.zones import DAY, Clock, clock_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from attribution.core.columns import Columns
    from attribution.core.tables import Problems

__all__ = [
    "BLANKS", "RAW", "TIME", "Source", "Times", "blank", "collect", "collect_table", "count_of", "midnight",
    "open_source", "read_times", "refuse_type",
]  # fmt: skip

RAW = "wl_raw"
TIME = "wl_time"
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())

_TEXT = (nw.String, nw.Categorical, nw.Enum)
_WHOLE = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Source:
    """A lazy table of the user, seen through its roles.

    Attributes:
        name: What the table is, for messages.
        roles: The user's column names.
        problems: Where problems are noted.
        frame: The table.
        schema: Its types by column.
    """

    name: str
    roles: Columns
    problems: Problems
    frame: nw.LazyFrame[Any]
    schema: Mapping[str, nw.dtypes.DType] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.schema)

    def column(self, role: str) -> str:
        """The user's name for a role."""
        return self.roles.name_of(role)

    def has(self, role: str) -> bool:
        """Whether the column of a role is there."""
        return self.column(role) in self.schema

    def require(self, names: Iterable[str]) -> bool:
        """Note every missing column; True when all are there."""
        missing = [name for name in names if name not in self.schema]
        for name in missing:
            role = next((item.name for item in fields(self.roles) if self.column(item.name) == name), None)
            declared = "..." if role is None else f'{role}="..."'
            message = (
                f"column {name!r} is missing. {closest(name, self.names)} Name it with columns=Columns({declared})"
            )
            self.note("MISSING_COLUMN", name, 1, message)
        return not missing

    def note(self, code: str, column: str | None, count: int, message: str, examples: Iterable[object] = ()) -> None:
        """Note a problem of this table."""
        add = self.problems.add  # the codes stand with the callers
        add(code, self.name, column, count, message=message, examples=examples)

    def text(self, column: str) -> nw.Expr:
        """A column as it is; text where it holds categories, 64 bits where it holds whole numbers."""
        kind = self.schema[column]
        if kind in _TEXT:
            return nw.col(column) if kind == nw.String else nw.col(column).cast(nw.String)
        # Not every engine joins whole numbers of two widths.
        return nw.col(column).cast(nw.Int64) if kind in _WHOLE and kind != nw.Int64 else nw.col(column)

    def is_text(self, column: str) -> bool:
        """Whether a column holds text."""
        return self.schema[column] in _TEXT

    def is_whole(self, column: str) -> bool:
        """Whether a column holds whole numbers of at most 64 bits with a sign."""
        return self.schema[column] in _WHOLE

    def rows(self) -> int:
        """Number of rows; runs a query."""
        return int(collect(self.frame.select(nw.len().alias("rows")))[0]["rows"])


def open_source(data: object, name: str, roles: Columns, problems: Problems) -> Source:
    """A lazy table through its roles.

    Raises:
        UnsupportedError: For a table of no engine that runs the graph.
    """
    frame = lazy_frame(data)
    if frame is None:
        raise UnsupportedError(f"the {name} are no lazy table of an engine that runs the rules")
    schema = dict(frame.collect_schema().items())
    own = next((column for column in schema if column.casefold().startswith("wl_")), None)
    if own is not None:
        raise UnsupportedError(f"the {name} have a column {own!r}, and the queries call their own columns wl_...")
    return Source(name=name, roles=roles, problems=problems, frame=frame, schema=schema)


def collect(frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
    """The few rows of a finished query, as Python values."""
    rows = collect_table(frame).to_pylist()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """Sums of whole numbers come back as decimals where an engine guards against overflow."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def collect_table(frame: nw.LazyFrame[Any]) -> pa.Table:
    """The rows of a finished query, as Arrow."""
    return frame.collect("pyarrow").to_native()


def count_of(condition: nw.Expr) -> nw.Expr:
    """How many rows fulfil a condition; an unknown one is not fulfilled."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def blank(column: nw.Expr) -> nw.Expr:
    """Whether text holds nothing but blanks."""
    return ~column.str.contains(f"[^{BLANKS}]")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Times:
    """How the times of a table become instants.

    Attributes:
        aware: Whether they are instants already.
        zone: The zone of local times and of days.
        day: Whether a time stands for its day.
        end: Whether a day stands for its end.
    """

    aware: bool
    zone: str
    day: bool
    end: bool

    def clock(self, low: int | None, high: int | None) -> Clock:
        """The clocks between two raw times."""
        return clock_of(self.zone, 0 if low is None else low, 0 if high is None else high)

    def instant(self, clock: Clock) -> nw.Expr:
        """The instant, from the raw time."""
        raw = nw.col(RAW)
        if self.day and self.end:
            local = clock.local(raw) if self.aware else raw
            return clock.instant(local - _of_day(local) + (DAY - 1), edge="end")
        return raw if self.aware else clock.instant(raw)

    def local(self, clock: Clock) -> nw.Expr:
        """What the clocks show, from the raw time."""
        return clock.local(nw.col(RAW)) if self.aware else nw.col(RAW)


def _of_day(local: nw.Expr) -> nw.Expr:
    """Microseconds since the beginning of the day; also before 1970, where remainders may be negative."""
    return ((local % DAY) + DAY) % DAY


def midnight(local: nw.Expr) -> nw.Expr:
    """Whether a local time is the beginning of a day."""
    return local % DAY == 0


def read_times(source: Source, *, end_of_day: bool = False) -> tuple[nw.LazyFrame[Any], Times] | None:
    """The frame with the raw microseconds of its times, and how they become instants; None when that is noted.

    Raises:
        UnsupportedError: For times that are text: the engines read text each in their own way.
    """
    name = source.column("time")
    kind, frame = source.schema[name], source.frame
    if source.roles.timezone is not None:
        zone_of(source.roles.timezone)
    if kind in _TEXT:
        raise UnsupportedError(f"{source.name}.{name} holds text, and engines read times in text each in their own way")
    day = source.roles.precision == "day"
    if kind == nw.Date:
        if not day and end_of_day:
            message = 'the column holds dates, not instants. Declare columns=Columns(..., precision="day")'
            source.note("DAY_PRECISION", name, source.rows(), message)
            return None
        frame, kind = frame.with_columns(nw.col(name).cast(nw.Datetime("us"))), nw.Datetime("us")
    if kind == nw.Unknown and is_fine_instant(frame, name):
        kind = nw.Datetime("ns", "UTC")
    if kind == nw.Unknown:
        raise UnsupportedError(f"{source.name}.{name} is of a type that Narwhals does not know")
    if kind != nw.Datetime:
        source.note("WRONG_TYPE", name, source.rows(), f"a time is needed, got {kind}; {TO_TIMES}")
        return None
    zone = getattr(kind, "time_zone", None)
    if zone is None and source.roles.timezone is None:
        message = (
            'the times carry no time zone. Declare columns=Columns(..., timezone="Asia/Shanghai") or your own zone'
        )
        source.note("NAIVE_TIME", name, source.rows(), message)
        return None
    times = Times(aware=zone is not None, zone=source.roles.timezone or zone or "UTC", day=day, end=end_of_day)
    return with_microseconds(frame, name, RAW, kind), times


def refuse_type(source: Source, role: str) -> None:
    """Note, or refuse to run on, a key column that holds neither text nor whole numbers.

    Raises:
        UnsupportedError: For numbers that in memory become whole numbers or text.
    """
    name = source.column(role)
    kind = source.schema[name]
    if kind in (nw.UInt64, nw.Int128, nw.UInt128) or kind.is_float() or kind == nw.Unknown:
        raise UnsupportedError(f"{source.name}.{name} holds {kind}, which as a key has to be looked at cell by cell")
    source.note("WRONG_TYPE", name, source.rows(), f"a key must be text or whole numbers, got {kind}; read it as text")


def check_problems(source: Source) -> None:
    """Raise what has been noted.

    Raises:
        TableError: Everything noted.
        InputError: When nothing was noted and the table is unusable all the same.
    """
    source.problems.raise_if_any()
    raise InputError(f"the {source.name} cannot be read.")
