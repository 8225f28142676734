"""One file and how to read it: by the ending of its name, with one clear error whatever it holds."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, WakeLiftError, closest
from experiments.plan.file_dates import times_of, with_dates
from experiments.plan.spelling import shown, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from attribution.core.columns import Columns

__all__ = ["ARROW", "CSV", "DATABASE", "EXCEL", "KEYS", "PARQUET", "FileReading", "first_line", "unreadable"]

CSV = (".csv", ".txt", ".tsv")
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xlsm")
DATABASE = (".duckdb", ".ddb", ".db")
# Roles whose columns are ids or names, read as text so that leading zeros stay.
KEYS = (
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

_ALLOWED = ".parquet, .arrow, .csv, .xlsx, or .duckdb with a query"
_KINDS = (
    (b"PAR1", "a Parquet file", ".parquet"),
    (b"ARROW1", "an Arrow file", ".arrow"),
    (b"PK\x03\x04", "a workbook (.xlsx) or another zip archive", ".xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (.xls) or one with a password", None),
    (b"\x1f\x8b", "compressed with gzip", ".csv.gz"),
    (b"SQLite format 3", "an SQLite database", None),
    (b"%PDF", "a PDF", None),
    (b"<!DOCTYPE", "a web page", None),
    (b"<html", "a web page", None),
)
_LFS = b"version https://git-lfs.github.com/"  # what a checkout holds where large files were not fetched
_DUCKDB = b"DUCK"  # after the check sum of the first block


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """One file, or the bytes that came through a pipe, and how to read it.

    Attributes:
        path: Where it is; for bytes only the ending of its name counts.
        columns: The roles; key columns are read as text.
        encoding: Encoding of text; a byte-order mark outweighs it.
        query: SQL, for a database only.
        content: The bytes themselves, when there is no file.
    """

    path: Path
    columns: Columns
    encoding: str = "utf-8"
    query: str | None = None
    content: bytes | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return "standard input" if self.content is not None else shown_path(self.path)

    @property
    def ending(self) -> str:
        """The ending of the name in lower case, without that of a compression."""
        return Path(self.path.name.lower().removesuffix(".gz")).suffix

    def stream(self) -> pa.NativeFile:
        """The bytes, decompressed; read from the beginning."""
        import pyarrow as pa

        if self.content is not None:
            return pa.BufferReader(self.content)
        return pa.input_stream(str(self.path), compression="detect")

    def read(self) -> Any:
        """The table, or one `InputError` that names the file."""
        module = _READERS.get(self.ending)
        if module is None:
            raise InputError(f"{self.name} has an ending that is not known: {shown(self.ending)}. Allowed: {_ALLOWED}.")
        if self.content is None:
            self._must_be_a_file()
        import pyarrow as pa

        try:
            reader: Callable[[FileReading], Any] = import_module(f"experiments.plan.{module}").read
            return with_dates(self._named_once(reader(self)), times_of(self.columns))
        except WakeLiftError:
            raise
        except MemoryError as error:
            raise InputError(unreadable(self, "it does not fit into memory; use Parquet with fewer columns")) from error
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {first_line(error)}") from error
        except (ValueError, pa.ArrowException) as error:
            raise InputError(unreadable(self, first_line(error))) from error

    def must_be(self, *endings: str) -> None:
        """Refuse content that is by its first bytes another kind of file than its name says.

        Raises:
            InputError: Names what it is.
        """
        head = self.head()
        if not head:
            raise InputError(unreadable(self, "it is empty (0 bytes)"))
        if head.startswith(_LFS):
            what = "its content is a pointer of Git LFS, not the table; fetch the table with: git lfs pull"
            raise InputError(unreadable(self, what))
        found = next(((said, ending) for mark, said, ending in _KINDS if head.startswith(mark)), None)
        if found is None and head[8:12] == _DUCKDB:
            found = ("a DuckDB database", ".duckdb")
        if found is None or found[1] in endings:
            return
        hint = f"; name it {found[1]}" if found[1] else "; export the table as .csv, .xlsx or .parquet"
        raise InputError(unreadable(self, f"its content is {found[0]}{hint}"))

    def head(self, size: int = 1 << 16) -> bytes:
        """The first bytes; those of text are decompressed."""
        if self.ending in CSV:
            with self.stream() as stream:
                return bytes(stream.read(size))
        if self.content is not None:
            return self.content[:size]
        with self.path.open("rb") as file:
            return file.read(size)

    def _named_once(self, table: Any) -> Any:
        """The table, if no two of its columns have one name: nobody could say which is meant."""
        names: list[str] = list(getattr(table, "column_names", None) or getattr(table, "columns", []))
        repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if not repeated:
            return table
        listed = ", ".join(shown(name) for name in repeated[:5])
        more = f" and {len(repeated) - 5} more" if len(repeated) > 5 else ""
        raise InputError(unreadable(self, f"column names occur more than once: {listed}{more}; give each its own"))

    def _must_be_a_file(self) -> None:
        try:
            if self.path.is_file():
                return
            folder, there = self.path.is_dir(), self.path.exists()
        except (OSError, ValueError) as error:  # too long a name, a null character
            raise InputError(f"{self.name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
        if folder:
            raise InputError(f"{self.name} is a folder, not a file. Name the file in it.")
        if there:
            raise InputError(f"{self.name} is no regular file but a device or a pipe. Name a file.")
        raise InputError(f"{self.name} does not exist. Paths in a plan are relative to it.{self._near()}")

    def _near(self) -> str:
        """The closest file name beside the missing one, if any."""
        folder = self.path.parent
        names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
        hint = closest(self.path.name, names)
        return f" {hint}" if hint.startswith("Did") else ""


def unreadable(reading: FileReading, reason: str) -> str:
    """The message about a file whose content is not what its name says."""
    return f"{reading.name} cannot be read as {reading.ending}: {reason.rstrip('.')}."


def first_line(error: BaseException) -> str:
    """What an error of another library says, on one line of printable text with a point at its end."""
    lines = str(error).strip().splitlines()
    text = lines[0][:300] if lines else type(error).__name__
    return "".join(char if char.isprintable() else "?" for char in text).rstrip(".") + "."


_READERS: dict[str, str] = {
    **dict.fromkeys((*PARQUET, *ARROW), "file_columnar"),
    **dict.fromkeys(CSV, "file_csv"),
    **dict.fromkeys(EXCEL, "file_excel"),
    **dict.fromkeys(DATABASE, "file_database"),
}
