"""The tables of a command: files, globs and folders, databases with their query, and the pipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import InputError, closest
from experiments.cli.streams import input_bytes
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["STDIN", "Inputs", "numbers_of", "words_of"]

STDIN = "-"
_DATABASE = re.compile(r"^(?P<path>.*?\.(?:duckdb|ddb|db))::(?P<query>.*)$", re.IGNORECASE | re.DOTALL)
_SETTINGS = ("timezone", "precision")  # fields of Columns that are no names of columns
_LONGEST = 4_096  # no system has longer paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the options of a command say about its tables.

    Attributes:
        given: Path, glob, folder, database with query, or "-", by the name of the table.
        columns: The roles of each table.
        encoding: Encoding of CSV files.
        queries: SQL by the name of the table.
    """

    given: Mapping[str, str]
    columns: dict[str, Columns]
    encoding: str
    queries: Mapping[str, str]

    @classmethod
    def of(cls, tables: Mapping[str, str | None], options: Mapping[str, Any]) -> Inputs:
        """Read the options that `options.read_tables` declares.

        Args:
            tables: What was given for every table that the command knows; None for nothing.
            options: The options of the command.

        Raises:
            InputError: For roles, zones or queries that cannot be understood, or two tables out of one pipe.
        """
        names = tuple(tables)
        given = {name: text for name, text in tables.items() if text is not None}
        if sum(text == STDIN for text in given.values()) > 1:
            raise InputError('only one table can come through the pipe, got "-" more than once. Name files.')
        return cls(
            given=given,
            columns=_columns(options["columns"], options["timezone"], names),
            encoding=options["encoding"],
            queries=_queries(options["queries"], given),
        )

    def table(self, name: str, *, may_stay: bool = False, in_pieces: bool = False) -> Any:
        """One table; None when it was not given.

        Args:
            name: Its name.
            may_stay: Whether files may stay what they are, because who takes them reads them in batches.
            in_pieces: Whether a CSV file may too: every block of it must then be alike, in UTF-8.

        Raises:
            InputError: When it cannot be read.
        """
        if name not in self.given:
            return None
        text, query = self.given[name], self.queries.get(name)
        found = _DATABASE.match(text)
        if found is not None:
            if query is not None:
                raise InputError(f"{name} has two queries: one in --query and one behind ::. Give one.")
            text, query = found["path"], found["query"]
        columns = self.columns[name]
        if text == STDIN:
            return _from_pipe(columns, self.encoding)
        if query is None and (may_stay or _several(text)) and _in_batches(text, csv=in_pieces):
            return text if may_stay else _all_of(name, text, columns)
        from experiments.plan.files import read_table

        return read_table(text, columns=columns, encoding=self.encoding, query=query)


def _several(text: str) -> bool:
    """Whether a path stands for several files."""
    from glob import has_magic

    if len(text) > _LONGEST or "\x00" in text:
        return False
    path = Path(text)
    return path.is_dir() or (has_magic(text) and not path.is_file())


def _in_batches(text: str, *, csv: bool) -> bool:
    """Whether the library itself reads it, file by file."""
    if _several(text):
        return True
    endings = (".parquet", ".pq", ".arrow", ".feather", ".ipc", *((".csv", ".tsv") if csv else ()))
    path = Path(text[:_LONGEST].replace("\x00", ""))
    # A name without an ending: whoever lists the files says which names are close.
    return path.suffix.lower() in endings or not path.suffix


def _all_of(name: str, text: str, columns: Columns) -> Any:
    from attribution.journeys.from_files import whole_tables

    return whole_tables({name: text}, columns)[name]


def _from_pipe(columns: Columns, encoding: str) -> Any:
    """The table that comes through the pipe: Parquet by its first bytes, else CSV."""
    from experiments.plan.file_reading import FileReading

    content = input_bytes()
    ending = "parquet" if content.startswith(b"PAR1") else "csv"
    return FileReading(path=Path(f"stdin.{ending}"), columns=columns, encoding=encoding, content=content).read()


def _queries(asked: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """SQL by table: "touches=SELECT ...", or plain SQL for the only database."""
    found: dict[str, str] = {}
    for item in asked:
        key, equals, query = item.partition("=")
        name = key.strip()
        if not equals or name not in given:
            databases = [
                table for table, text in given.items() if re.search(r"\.(duckdb|ddb|db)$", text, re.IGNORECASE)
            ]
            if len(databases) != 1:
                raise InputError(
                    f"--query {shown(item)}: it is open which table is meant. Write TABLE=SELECT ..., with a table of "
                    f"{', '.join(given) or 'the command'} that is a .duckdb file."
                )
            name, query = databases[0], item
        if name in found:
            raise InputError(f"--query gives two queries for {name}. Give one.")
        found[name] = query
    return found


def _columns(named: Iterable[str], timezone: str | None, tables: Sequence[str]) -> dict[str, Columns]:
    """The roles of every table out of ROLE=NAME and TABLE.ROLE=NAME.

    Raises:
        InputError: For text of another form, an unknown table or role, an unknown zone.
    """
    known = list(Columns.__dataclass_fields__)
    roles: dict[str, dict[str, str]] = {name: {} for name in tables}
    for item in named:
        key, equals, name = item.partition("=")
        table, dot, role = key.rpartition(".")
        if not equals or not name or (dot and table not in roles):
            forms = ["ROLE=NAME", *(f"{each}.ROLE=NAME" for each in tables[:2])]
            raise InputError(f"--columns must be {' or '.join(forms)}, got {shown(item)}.")
        if role not in known:
            raise InputError(f"--columns: {shown(role)} is not a role. {closest(role, known)}")
        for target in [table] if dot else roles:
            roles[target][role] = name
    _check_settings(roles, timezone)
    return {table: Columns(**{"timezone": timezone, **names}) for table, names in roles.items()}  # type: ignore[arg-type]


def _check_settings(roles: Mapping[str, Mapping[str, str]], timezone: str | None) -> None:
    from experiments.plan.spelling import time_zone

    zones = {names["timezone"] for names in roles.values() if "timezone" in names}
    for zone in sorted({*zones, *([timezone] if timezone is not None else [])}):
        try:
            time_zone(zone)
        except ValueError as error:
            raise InputError(f"--timezone: {error}") from error
    for names in roles.values():
        if names.get("precision", "instant") not in ("instant", "day"):
            raise InputError(f"--columns precision= must be instant or day, got {shown(names['precision'])}.")


def words_of(text: str | None) -> list[str] | None:
    """The words of "a, b, c"; None for nothing.

    Example:
        >>> words_of("holdout, sms"), words_of(None)
        (['holdout', 'sms'], None)
    """
    if text is None:
        return None
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers_of(text: str, option: str) -> list[float]:
    """The numbers of "60,85,125".

    Raises:
        InputError: For anything else, with the name of the option.

    Example:
        >>> numbers_of("60, 85", "--thresholds")
        [60.0, 85.0]
    """
    try:
        found = [float(word) for word in words_of(text) or []]
    except ValueError:
        found = []
    if not found:
        raise InputError(f"{option} must be numbers separated by commas, such as 60,85,125, got {shown(text)}.")
    return found
