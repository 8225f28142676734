"""Files of rows in pieces that can be read on their own: row groups, record batches, whole CSV files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.engines.file_lists import ARROW, PARQUET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from attribution.core.tables import Problems
    from attribution.engines.file_lists import FileList

__all__ = ["BATCH", "Piece", "RowFile", "TableFiles", "first_line", "note_unreadable", "open_files"]

BATCH = 1 << 18
"""Rows that are looked at together: their keys and times fit the cache."""

_TIMES = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d")  # Excel in China writes 2026/10/12 8:00
_SHOWN = 5
_LFS = b"version https://git-lfs.github.com/"  # what a checkout holds where large files were not fetched
_NOT_UTF8 = 'the text is not UTF-8; save it as UTF-8, or read it in pandas with encoding="gb18030" and pass the table'


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file that can be read on its own.

    Attributes:
        file: The file.
        number: Which row group or record batch; None for a file that is read from its begin.
        rows: Its rows; None where only reading tells.
    """

    file: RowFile
    number: int | None
    rows: int | None

    def batches(self, columns: Sequence[str], encoded: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """The rows in order, with some columns; text columns in `encoded` as dictionaries where that is cheap."""
        if self.file.kind == "parquet":
            return self.file.parquet_batches(self.number, columns, encoded)
        if self.file.kind == "arrow":
            return self.file.arrow_batches(self.number, columns)
        return self.file.csv_batches(columns)


@dataclass(frozen=True, slots=True)
class RowFile:
    """One file.

    Attributes:
        path: Where it is.
        kind: "parquet", "arrow" or "csv".
        schema: Its columns.
        pieces: Rows of every row group or record batch; empty where only reading tells.
    """

    path: Path
    kind: str
    schema: pa.Schema
    pieces: tuple[int, ...]

    def parts(self) -> list[Piece]:
        """The pieces, in order."""
        if self.kind == "csv":
            return [Piece(self, None, None)]
        return [Piece(self, number, rows) for number, rows in enumerate(self.pieces)]

    def parquet_batches(
        self, number: int | None, columns: Sequence[str], encoded: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Rows of one row group."""
        import pyarrow.parquet as pq

        wanted = [name for name in encoded if name in self.schema.names and _is_text(self.schema.field(name).type)]
        with pq.ParquetFile(self.path, read_dictionary=wanted) as file:
            groups = [] if number is None else [number]
            yield from file.iter_batches(BATCH, row_groups=groups, columns=list(columns), use_threads=False)

    def arrow_batches(self, number: int | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Rows of one record batch, in slices."""
        import pyarrow as pa

        places = [self.schema.names.index(name) for name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)
        with pa.OSFile(str(self.path)) as source, pa.ipc.open_file(source, options=options) as reader:
            batch = reader.get_batch(number or 0).select(list(columns))
        for begin in range(0, len(batch), BATCH):
            yield batch.slice(begin, BATCH)

    def csv_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Rows of a CSV file, block after block."""
        types = {name: self.schema.field(name).type for name in columns}
        with _open_csv(self.path, types, columns) as reader:
            for batch in reader:
                yield batch.select(list(columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFiles:
    """The files of one table, opened once for what they hold.

    Attributes:
        name: What the table is.
        files: The files that could be opened.
        names: Columns that every file has, in the order of the first.
        known: What was found out about their rows.
    """

    name: str
    files: tuple[RowFile, ...]
    names: tuple[str, ...]
    known: dict[str, Any] = field(default_factory=dict)
    _pieces: list[Piece] = field(default_factory=list)

    def pieces(self) -> list[Piece]:
        """All pieces, in order."""
        if not self._pieces:
            self._pieces.extend(piece for file in self.files for piece in file.parts())
        return self._pieces

    def rows(self) -> int | None:
        """Rows of all files; None where only reading tells."""
        known = [piece.rows for piece in self.pieces()]
        return None if None in known else sum(rows for rows in known if rows is not None)

    def kinds(self, name: str) -> dict[str, list[RowFile]]:
        """The files by what a column of theirs holds, in words."""
        found: dict[str, list[RowFile]] = {}
        for file in self.files:
            if name in file.schema.names:
                found.setdefault(_kind(file.schema.field(name).type), []).append(file)
        return found

    def check(self, names: Sequence[str], problems: Problems) -> bool:
        """Note columns that only some files have, or that hold different things in different files."""
        before = len(problems.issues)
        for name in names:
            without = [file for file in self.files if name not in file.schema.names]
            if without and len(without) < len(self.files):
                message = (
                    f"column {name!r} is missing in {len(without)} of {len(self.files)} files; write it in all of them"
                )
                problems.add("MISSING_COLUMN", self.name, name, len(without), message=message, examples=_paths(without))
            kinds = self.kinds(name)
            kinds.pop("nothing", None)
            if len(kinds) > 1:
                told = "; ".join(
                    f"{kind} in {len(files)} ({files[0].path.as_posix()})" for kind, files in kinds.items()
                )
                fewer = sum(map(len, kinds.values())) - max(map(len, kinds.values()))
                message = f"the files differ in what the column holds: {told}; cast it to one type"
                problems.add("FILES_DIFFER", self.name, name, fewer, message=message)
        return len(problems.issues) == before


def open_files(listed: FileList, problems: Problems, *, types: Mapping[str, pa.DataType]) -> TableFiles:
    """Open every file for its columns and pieces; those that cannot be opened are noted together.

    Args:
        listed: The files.
        problems: Where problems are noted.
        types: Types of columns of CSV files that their first rows do not decide.
    """
    opened, failed = [], []
    for path in listed.paths:
        try:
            file = _open(path, types)
            _check_names(file.schema)
            opened.append(file)
        except (OSError, ValueError) as error:  # what Arrow raises for a broken file is one of them
            failed.append(f"{path.as_posix()}: {first_line(error)}")
    note_unreadable(listed.name, failed, problems)
    names = [name for name in (opened[0].schema.names if opened else []) if all(name in f.schema.names for f in opened)]
    return TableFiles(name=listed.name, files=tuple(opened), names=tuple(names))


def note_unreadable(name: str, failed: Sequence[str], problems: Problems) -> None:
    """Note files that cannot be read."""
    if failed:
        shown = "; ".join(failed[:_SHOWN])
        more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        message = f"files cannot be read: {shown}{more}. Write them again, or leave them out"
        problems.add("UNREADABLE_FILE", name, None, len(failed), message=message)


def _open(path: Path, types: Mapping[str, pa.DataType]) -> RowFile:
    ending = path.suffix.lower()
    with path.open("rb") as content:
        if content.read(len(_LFS)) == _LFS:
            raise ValueError("its content is a pointer of Git LFS, not the table; fetch the table with: git lfs pull")
    if ending in PARQUET:
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
            return RowFile(path, "parquet", file.schema_arrow, tuple(groups))
    if ending in ARROW:
        import pyarrow as pa

        with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as reader:
            sizes = [reader.get_batch(place).num_rows for place in range(reader.num_record_batches)]
            return RowFile(path, "arrow", reader.schema, tuple(sizes))
    with _open_csv(path, types, None) as reader:
        return RowFile(path, "csv", _with_room(reader.schema), ())


def _with_room(schema: pa.Schema) -> pa.Schema:
    """The columns of a CSV file as its first block shows them; the seconds of times may have decimals further down."""
    import pyarrow as pa

    for place, column in enumerate(schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "s":
            schema = schema.set(place, column.with_type(pa.timestamp("us", column.type.tz)))
    return schema


def _check_names(schema: pa.Schema) -> None:
    """Raise when the names of the columns cannot be read, or do not say which column is meant."""
    try:
        names = schema.names  # Arrow decodes them when they are asked for
    except UnicodeDecodeError:
        raise ValueError(_NOT_UTF8) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"several columns have the same name: {', '.join(map(repr, twice[:_SHOWN]))}")


def _open_csv(path: Path, types: Mapping[str, pa.DataType], columns: Sequence[str] | None) -> Any:
    from pyarrow import csv

    return csv.open_csv(
        path,
        parse_options=csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ","),
        convert_options=csv.ConvertOptions(
            column_types=dict(types),
            null_values=[""],  # a person may be called NULL
            strings_can_be_null=True,
            timestamp_parsers=[csv.ISO8601, *_TIMES],
            include_columns=list(columns or []),
        ),
    )


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _kind(kind: pa.DataType) -> str:
    """What a column holds, in words; kinds of one word are read alike."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _kind(kind.value_type)
    words = (
        (types.is_null, "nothing"),
        (types.is_boolean, "truth values"),
        (types.is_integer, "whole numbers"),
        (types.is_floating, "numbers"),
        (types.is_decimal, "decimals"),
        (types.is_date, "dates"),
        (lambda kind: _is_text(kind) or types.is_string_view(kind), "text"),
    )
    for holds, word in words:
        if holds(kind):
            return word
    if types.is_timestamp(kind):
        return "times without a zone" if kind.tz is None else "times with a zone"
    return str(kind)


def _paths(files: Sequence[RowFile]) -> list[str]:
    return [file.path.as_posix() for file in files[:_SHOWN]]


def first_line(error: BaseException) -> str:
    """What is wrong with a file, as Arrow tells it, in one line."""
    if "invalid UTF8" in str(error):
        return _NOT_UTF8
    lines = str(error).strip().splitlines()
    return (lines[0][:300] if lines else type(error).__name__).rstrip(".")
