"""What no two engines spell alike: exact times as whole microseconds, and text in the order of its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
from narwhals.exceptions import DuplicateError

from attribution.engines.spec import UnsupportedError

if TYPE_CHECKING:
    from narwhals.stable.v2.dtypes import DType

__all__ = [
    "engine_name",
    "is_fine_instant",
    "lazy_frame",
    "runs_in_engine",
    "same_engine",
    "with_byte_order",
    "with_microseconds",
]

_ENGINES = ("polars", "duckdb", "ibis", "pyspark", "pyspark_connect", "sqlframe")
_BY_LOCALE = ("postgres", "mysql", "mssql", "oracle")
"""Systems behind Ibis that compare text by the rules of a language unless told otherwise."""


def lazy_frame(data: object) -> nw.LazyFrame[Any] | None:
    """The table as a lazy frame, when it is one of an engine that runs the graph."""
    try:
        found = nw.from_native(data, pass_through=True)
    except DuplicateError:  # told, with the name of the table, when it is read
        return None
    if isinstance(found, nw.LazyFrame) and engine_name(found) in _ENGINES:
        return found
    return None


def runs_in_engine(data: object) -> bool:
    """Whether a table is held by an engine that runs the graph: DuckDB, Polars lazy, Spark, SQLFrame, Ibis."""
    return lazy_frame(data) is not None


def engine_name(frame: nw.LazyFrame[Any]) -> str:
    """The engine of a lazy frame, in lower case."""
    return str(frame.implementation.value)


def same_engine(left: nw.LazyFrame[Any], right: nw.LazyFrame[Any]) -> bool:
    """Whether two lazy frames can be joined where they are."""
    if left.implementation is not right.implementation:
        return False
    try:
        joined = left.select(nw.lit(1).alias("one")).join(right.select(nw.lit(1).alias("one")), on="one")
        joined.collect_schema()
    except Exception:  # noqa: BLE001 - every engine has an error of its own for tables of two connections
        return False
    return True


def is_fine_instant(frame: nw.LazyFrame[Any], column: str) -> bool:
    """Whether a column holds instants of nanoseconds of DuckDB, a type that Narwhals has no name for."""
    if engine_name(frame) != "duckdb":
        return False
    native: Any = frame.to_native()
    return str(dict(zip(native.columns, native.types, strict=True))[column]) == "TIMESTAMPTZ_NS"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def with_microseconds(frame: nw.LazyFrame[Any], column: str, name: str, kind: DType) -> nw.LazyFrame[Any]:
    """The frame with one more column: a time as whole microseconds since 1970-01-01, exactly.

    A time without a zone is counted as if it were UTC. There is no portable way to subtract two times: each engine
    has its own function, and some of them round seconds.

    Args:
        frame: The frame.
        column: The time column, an instant.
        name: Name of the new column.
        kind: The type of the time column.
    """
    engine = engine_name(frame)
    naive = getattr(kind, "time_zone", None) is None
    native: Any = frame.to_native()
    if engine == "polars":
        time = nw.col(column)
        whole: nw.Expr = time.dt.timestamp("us")
        if getattr(kind, "time_unit", "us") == "ns":  # Polars rounds down; cut before 1970 too, as everywhere here
            fine = time.dt.timestamp("ns")
            whole = nw.when((fine < 0) & (fine != whole * 1000)).then(whole + 1).otherwise(whole)
        return frame.with_columns(whole.alias(name))
    made: Any
    if engine == "duckdb":
        in_ns = getattr(kind, "time_unit", "ns") == "ns"  # rounded, not cut, by a cast to microseconds
        written: str = f"epoch_ns({_quoted(column)}) // 1000" if in_ns else f"epoch_us({_quoted(column)})"
        made = native.project(f"*, {written} AS {_quoted(name)}")
    elif engine == "ibis":
        made = native.mutate(**{name: _ibis_microseconds(native, column, naive=naive)})
    else:
        made = native.withColumn(name, _spark_microseconds(engine, column, naive=naive))
    found: nw.LazyFrame[Any] = nw.from_native(made)
    return found


def _spark_microseconds(engine: str, column: str, *, naive: bool) -> Any:
    quoted = "`" + column.replace("`", "``") + "`"
    if engine == "sqlframe":
        from importlib import import_module

        return import_module("sqlframe.base.functions").expr(f"unix_micros({quoted})")
    from pyspark.sql import functions

    if naive:
        return functions.expr(f"timestampdiff(MICROSECOND, TIMESTAMP_NTZ'1970-01-01 00:00:00', {quoted})")
    return functions.expr(f"unix_micros({quoted})")


def _ibis_microseconds(table: Any, column: str, *, naive: bool) -> Any:
    import ibis

    time = table[column]
    if not naive and _system(table) == "postgres":
        # Ibis compares both times on the clock of the session, which jumps twice a year; UTC does not.
        time, naive = _builtin("timezone", ("string", "timestamp('UTC')"), "timestamp")("UTC", time), True
    epoch = ibis.timestamp("1970-01-01 00:00:00", timezone=None if naive else "UTC")
    return time.delta(epoch, unit="microsecond").cast("int64")


def _builtin(name: str, given: tuple[str, ...], returned: str) -> Any:
    """A function of two arguments that a system behind Ibis has by this name."""
    import ibis

    def function(left: Any, right: Any) -> None:
        """Runs in the database."""

    function.__name__ = name
    kinds = tuple(ibis.dtype(kind) for kind in given)
    return ibis.udf.scalar.builtin(function, name=name, signature=(kinds, ibis.dtype(returned)))


def _system(table: Any) -> str:
    """The system behind an Ibis table."""
    try:
        return str(table.get_backend().name)
    except Exception:  # noqa: BLE001 - a table without a backend has none
        return ""


def with_byte_order(frame: nw.LazyFrame[Any], columns: dict[str, str]) -> nw.LazyFrame[Any]:
    """The frame with text columns that sort by bytes, as everywhere here, where the system would sort by language.

    Args:
        frame: The frame.
        columns: Text column to the name of the column that sorts.
    """
    if engine_name(frame) == "ibis":
        native: Any = frame.to_native()
        system = _system(native)
        if system == "postgres":
            convert = _builtin("convert_to", ("string", "string"), "binary")
            made = native.mutate(**{name: convert(native[column], "UTF8") for column, name in columns.items()})
            found: nw.LazyFrame[Any] = nw.from_native(made)
            return found
        if system in _BY_LOCALE:
            raise UnsupportedError(f"{system} sorts text by language, and touches of one instant would change places")
    return frame.with_columns(*(nw.col(column).alias(name) for column, name in columns.items()))
