"""Tables out of DuckDB files by one SELECT; nothing is written, installed or fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from attribution.core.extras import needed
from experiments.plan.file_reading import first_line

if TYPE_CHECKING:
    from experiments.plan.file_reading import FileReading

__all__ = ["read"]

# A query may read views over files, but loads no extension (and so nothing from the network) and sees no Python object.
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def read(reading: FileReading) -> Any:
    """The rows of a query, still in the database, which is opened for reading only.

    Raises:
        InputError: For a file that is no database, or anything but one SELECT.
    """
    if reading.query is None:
        raise InputError(
            f"{reading.name} is a database: say which SQL gives the table, with query = ... in a plan, "
            f'or as "{reading.path.name}::SELECT ..." on the command line.'
        )
    duckdb: Any = needed("duckdb", extra="duckdb")
    try:
        connection = duckdb.connect(str(reading.path), read_only=True, config=_SETTINGS)
    except (duckdb.Error, ValueError) as error:
        raise InputError(f"{reading.name} cannot be opened as a database: {first_line(error)}") from error
    try:
        _must_be_one_select(reading, connection.extract_statements(reading.query), duckdb)
        relation = connection.sql(reading.query)
    except (duckdb.Error, ValueError) as error:
        raise InputError(f"{reading.name}: DuckDB refuses the query: {first_line(error)}") from error
    if relation is None:
        raise InputError(f"{reading.name}: the query gives no rows; it must be one SELECT.")
    return relation


def _must_be_one_select(reading: FileReading, statements: list[Any], duckdb: Any) -> None:
    if len(statements) != 1:
        raise InputError(f"{reading.name}: the query must be one SELECT, got {len(statements)} statements.")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        name = str(kind).rpartition(".")[2]
        raise InputError(
            f"{reading.name}: the query must be one SELECT, got a statement of the kind {name}. A table is only read: "
            "nothing is written, attached, installed or set."
        )
