"""The tables of a plan out of files: Parquet, CSV, Excel, and DuckDB databases by a query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import InputError, PlanError, closest
from experiments.plan.file_reading import FileReading
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from experiments.plan.schema import Plan

__all__ = ["TABLE_NAMES", "load_tables", "read_table"]

TABLE_NAMES = (
    "touches", "conversions", "assignment", "prices", "history", "spend", "links", "outcomes", "customers",
    "key_events", "events", "planned",
)  # fmt: skip
_IGNORED = ("truth",)  # a simulated campaign's own table, which no analysis may see


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
            reading = FileReading(
                path=Path(item),
                columns=roles.get(name, Columns()),
                encoding=encoding,
                query=None if settings is None else settings.query,
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
        path: .parquet, .arrow, .csv (also .tsv, .txt, and compressed as .gz), .xlsx (first sheet), or .duckdb with a
            query, which must be one SELECT.
        columns: The roles; key columns are read as text.
        encoding: Encoding of a CSV file; a byte-order mark is recognised.
        query: SQL, for a database only.

    Returns:
        An Arrow table, or a DuckDB relation for a database.

    Raises:
        InputError: When the file is missing or cannot be read as what its name says.
    """
    reading = FileReading(path=Path(path), columns=columns or Columns(), encoding=encoding, query=query)
    return reading.read()


def _of_plan(plan: Plan) -> dict[str, Any]:
    problems: list[tuple[str, str]] = []
    tables: dict[str, Any] = {}
    for name, settings in plan.tables.items():
        reading = FileReading(
            path=plan.folder / settings.path,
            columns=settings.roles(),
            encoding=settings.encoding,
            query=settings.query,
        )
        _collect(tables, problems, name=name, place=f"tables.{name}.path", reading=reading)
    if problems:
        source = "plan" if plan.source is None else f"plan {shown(plan.source.name)}"
        raise PlanError(problems, source=source)
    return tables


def _collect(
    tables: dict[str, Any], problems: list[tuple[str, str]], *, name: str, place: str, reading: FileReading
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
