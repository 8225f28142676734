"""The tables of a plan out of files: Parquet, CSV, Excel, and DuckDB databases by a query."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import ExtraNeededError, InputError, PlanError, WakeLiftError, closest
from attribution.core.extras import needed
from experiments.plan.spelling import shown, shown_path

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.plan.schema import Plan

__all__ = ["TABLE_NAMES", "load_tables", "read_table"]

TABLE_NAMES = (
    "touches", "conversions", "assignment", "prices", "history", "spend", "links", "outcomes", "customers",
    "key_events",
)  # fmt: skip
_IGNORED = ("truth",)  # a simulated campaign's own table, which no analysis may see
_KEYS = (
    "person",
    "conversion",
    "touch",
    "customer",
    "refund_of",
    "channel",
    "kind",
    "campaign",
    "arm",
    "stratum",
    "arms",
)
_DATABASE = (".duckdb", ".ddb", ".db")
_LEADING_ZERO = r"^[+-]?0\d"
# Excel in China writes 2026/10/12 8:00; month and day are never guessed.
_TIMES = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d")


def load_tables(plan: Plan, data: object = None) -> dict[str, Any]:
    """The tables of a plan by name.

    Args:
        plan: The plan; its roles decide which columns are ids (read as text, so that leading zeros stay).
        data: None: the files that the plan names. A mapping of names to tables or paths. Or an object with tables as
            attributes, such as a simulated campaign.

    Returns:
        Name to table: what was given as it is, files as Arrow tables, a DuckDB query as a relation that stays in the
        database.

    Raises:
        PlanError: When a file of the plan is missing or cannot be read; every such file is listed.
        InputError: When ``data`` names an unknown table or holds none.
        ExtraNeededError: When a database is named and DuckDB is not installed.

    Example:
        >>> from datetime import date
        >>> from experiments.plan import Plan
        >>> plan = Plan.from_dict({"campaign": {"name": "Q4", "as_of": date(2026, 12, 31)}})
        >>> load_tables(plan, {"touches": [1, 2]})
        {'touches': [1, 2]}
    """
    if data is None:
        return _of_plan(plan)
    found = _given(data)
    roles = plan.columns()
    problems: list[tuple[str, str]] = []
    tables: dict[str, Any] = {}
    for name, item in found.items():
        if isinstance(item, (str, Path)):
            settings = plan.table(name)
            encoding = "utf-8" if settings is None else settings.encoding
            reading = _Reading(
                Path(item), roles.get(name, Columns()), encoding, None if settings is None else settings.query
            )
            _collect(tables, problems, name=name, place=f"data[{name!r}]", reading=reading)
        else:
            tables[name] = item
    if problems:
        raise PlanError(problems, source="data")
    return tables


def read_table(
    path: str | Path, *, columns: Columns | None = None, encoding: str = "utf-8", query: str | None = None
) -> Any:
    """One table out of a file, by the ending of its name.

    Args:
        path: .parquet, .csv (also .tsv, .txt, and compressed as .gz), .xlsx (first sheet), or .duckdb with a query.
        columns: The roles; key columns are read as text.
        encoding: Encoding of a CSV file; a byte-order mark is recognised.
        query: SQL, for a database only.

    Returns:
        An Arrow table, or a DuckDB relation for a database.

    Raises:
        InputError: When the file is missing or cannot be read as what its name says.
    """
    return _Reading(Path(path), columns or Columns(), encoding, query).read()


def _of_plan(plan: Plan) -> dict[str, Any]:
    problems: list[tuple[str, str]] = []
    tables: dict[str, Any] = {}
    for name, settings in plan.tables.items():
        reading = _Reading(plan.folder / settings.path, settings.roles(), settings.encoding, settings.query)
        _collect(tables, problems, name=name, place=f"tables.{name}.path", reading=reading)
    if problems:
        source = "plan" if plan.source is None else f"plan {shown(plan.source.name)}"
        raise PlanError(problems, source=source)
    return tables


def _collect(
    tables: dict[str, Any], problems: list[tuple[str, str]], *, name: str, place: str, reading: _Reading
) -> None:
    try:
        tables[name] = reading.read()
    except InputError as error:
        problems.append((place, str(error)))


def _given(data: object) -> dict[str, Any]:
    if isinstance(data, Mapping):
        for name in data:
            if name not in TABLE_NAMES and name not in _IGNORED:
                raise InputError(f"data names an unknown table {shown(name)}. {closest(str(name), TABLE_NAMES)}")
        return {str(name): table for name, table in data.items() if table is not None and name not in _IGNORED}
    found = {name: getattr(data, name, None) for name in TABLE_NAMES}
    found = {name: table for name, table in found.items() if table is not None and not callable(table)}
    if not found:
        raise InputError(
            f"data must be a mapping of names to tables or paths, or an object with tables as attributes "
            f"({', '.join(TABLE_NAMES[:3])} ...), got {type(data).__name__}."
        )
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """One file and how to read it."""

    path: Path
    columns: Columns
    encoding: str
    query: str | None

    @property
    def name(self) -> str:
        return shown_path(self.path)

    def read(self) -> Any:
        """The table, or one `InputError` that names the file."""
        ending = Path(self.path.name.lower().removesuffix(".gz")).suffix
        reader = _READERS.get(ending)
        if reader is None:
            allowed = ".parquet, .csv, .xlsx, or .duckdb with a query"
            raise InputError(f"{self.name} has an ending that is not known: {shown(ending)}. Allowed: {allowed}.")
        self._must_be_a_file()
        try:
            return reader(self)
        except WakeLiftError:
            raise
        except UnicodeDecodeError as error:
            raise InputError(self._wrong_encoding()) from error
        except LookupError as error:
            raise InputError(f"{shown(self.encoding)} is not a known text encoding, for example gb18030.") from error
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {_first_line(error)}") from error
        except ValueError as error:  # pyarrow.ArrowInvalid is one; so is what openpyxl and pandas say
            # Arrow wraps what the decoder raised.
            if "codec" in str(error) or "UTF8" in str(error):
                raise InputError(self._wrong_encoding()) from error
            raise InputError(f"{self.name} cannot be read as {ending}: {_first_line(error)}") from error

    def _must_be_a_file(self) -> None:
        try:
            if self.path.is_file():
                return
            folder = self.path.is_dir()
        except (OSError, ValueError) as error:  # too long a name, a null character
            raise InputError(f"{self.name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
        if folder:
            raise InputError(f"{self.name} is a folder, not a file. Name the file in it.")
        raise InputError(f"{self.name} does not exist. Paths are relative to the plan file.{self._near()}")

    def _near(self) -> str:
        """The closest file name beside the missing one, if any."""
        folder = self.path.parent
        names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
        hint = closest(self.path.name, names)
        return f" {hint}" if hint.startswith("Did") else ""

    def _wrong_encoding(self) -> str:
        other = "gb18030" if self.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else "utf-8"
        said = f"{self.name} is not text in the encoding {shown(self.encoding)}."
        return f'{said} Declare the right one, for example encoding = "{other}".'


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0][:300] if lines else type(error).__name__).rstrip(".") + "."


def _parquet(reading: _Reading) -> pa.Table:
    import pyarrow.parquet as pq

    # One file is one table: a folder called "a=b" above it is no partition.
    return pq.ParquetFile(reading.path).read()


def _csv(reading: _Reading) -> pa.Table:
    """A CSV file with ids as text; whole numbers that have a leading zero are ids too, whatever their column."""
    table = _parsed_csv(reading, {})
    import pyarrow as pa

    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    if not whole:
        return table
    raw = _parsed_csv(reading, dict.fromkeys(whole, pa.string()), include=whole)
    coded = [name for name in whole if _leading_zero(raw.column(name))]
    for name in coded:
        table = table.set_column(table.column_names.index(name), name, raw.column(name))
    return table


def _leading_zero(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, _LEADING_ZERO)).as_py())


def _parsed_csv(reading: _Reading, types: dict[str, Any], *, include: list[str] | None = None) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    keys = {reading.columns.name_of(role): pa.string() for role in _KEYS}
    tabs = reading.path.name.lower().removesuffix(".gz").endswith(".tsv")
    with pa.input_stream(str(reading.path), compression="detect") as stream:
        return csv.read_csv(
            stream,
            read_options=csv.ReadOptions(encoding=_codec_without_mark(reading)),
            parse_options=csv.ParseOptions(delimiter="\t" if tabs else ",", newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types={**keys, **types},
                null_values=[""],  # a person may be called NULL
                strings_can_be_null=True,
                timestamp_parsers=[csv.ISO8601, *_TIMES],
                include_columns=include or [],
            ),
        )


def _codec_without_mark(reading: _Reading) -> str:
    """The declared encoding; a file that begins with the UTF-8 mark is UTF-8, which the mark itself declares."""
    if reading.path.name.lower().endswith(".gz"):
        return reading.encoding
    with reading.path.open("rb") as file:
        marked = file.read(3) == codecs.BOM_UTF8
    return "utf-8" if marked else reading.encoding


def _excel(reading: _Reading) -> Any:
    """The first sheet, with ids as text."""
    from importlib.util import find_spec

    if find_spec("openpyxl") is None:
        raise ExtraNeededError("openpyxl, which reads .xlsx, is not installed. Run: python -m pip install openpyxl")
    import pandas as pd

    keys = {reading.columns.name_of(role): str for role in _KEYS}
    return pd.read_excel(
        reading.path, sheet_name=0, dtype=keys, keep_default_na=False, na_values=[""], engine="openpyxl"
    )


def _database(reading: _Reading) -> Any:
    """The rows of a query, still in the database."""
    if reading.query is None:
        raise InputError(f"{reading.name} is a database: say with query = ... which SQL gives the table.")
    duckdb = needed("duckdb", extra="duckdb")
    try:
        connection = duckdb.connect(str(reading.path), read_only=True)
        relation = connection.sql(reading.query)
    except duckdb.Error as error:
        raise InputError(f"{reading.name}: DuckDB refuses the query: {_first_line(error)}") from error
    if relation is None:
        raise InputError(f"{reading.name}: the query gives no rows; it must be one SELECT.")
    return relation


_READERS: dict[str, Callable[[_Reading], Any]] = {
    ".parquet": _parquet,
    ".pq": _parquet,
    ".csv": _csv,
    ".txt": _csv,
    ".tsv": _csv,
    ".xlsx": _excel,
    **dict.fromkeys(_DATABASE, _database),
}
