"""Tables out of CSV files: ids as text, encodings declared or marked, every broken row counted."""

from __future__ import annotations

import codecs
import csv as standard_csv
import io
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.plan.file_reading import KEYS, unreadable
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.plan.file_reading import FileReading

__all__ = ["read"]

_LEADING_ZERO = r"^[+-]?0\d"
# Excel in China writes 2026/10/12 8:00; month and day are never guessed.
_TIMES = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Encodings that a message may name; each refuses most of what is written in another one.
_CANDIDATES = ("utf-8", "gb18030", "big5", "utf-16")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_BLOCKS = (1 << 22, 1 << 26)
_TAIL = 1 << 12
_MOST_BROKEN = 1_000


def read(reading: FileReading) -> pa.Table:
    """A CSV file with ids as text; whole numbers that have a leading zero are ids too, whatever their column.

    Raises:
        InputError: For what is no text, text in another encoding, rows of another length than the header, columns of
            one name.
    """
    try:
        codec = _codec(reading)
        _must_be_text(reading, codec)
        _check_header(reading, codec)
        return _with_codes(reading, codec)
    except UnicodeError as error:
        raise InputError(_wrong_encoding(reading)) from error
    except LookupError as error:
        message = f"{shown(reading.encoding)} is not a known text encoding, for example gb18030."
        raise InputError(message) from error
    except ValueError as error:
        if "codec" in str(error) or "UTF8" in str(error):  # Arrow wraps what the decoder raised
            raise InputError(_wrong_encoding(reading)) from error
        raise


def _codec(reading: FileReading) -> str:
    """The declared encoding; a file that begins with a byte-order mark declares its own."""
    with suppress(UnicodeError):
        b"abcd".decode(reading.encoding)  # a LookupError for what is no encoding of text, such as base64
    head = reading.head(4)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    return marked or codecs.lookup(reading.encoding).name


def _must_be_text(reading: FileReading, codec: str) -> None:
    """Refuse other kinds of files, and what holds null bytes at its beginning or end, before all of it is read."""
    reading.must_be(*([".csv.gz"] if reading.path.name.lower().endswith(".gz") else []))
    if codec.startswith(("utf-16", "utf-32")):
        return
    if b"\x00" in reading.head():
        raise InputError(unreadable(
            reading, 'it holds null bytes, so it is no text; if it is text in UTF-16, declare the encoding "utf-16"'
        ))  # fmt: skip
    if reading.content is None and not reading.path.name.lower().endswith(".gz"):
        with reading.path.open("rb") as file:
            file.seek(max(0, reading.path.stat().st_size - _TAIL))
            if b"\x00" in file.read(_TAIL):
                raise InputError(unreadable(reading, "it ends with null bytes: the copy is not whole; copy it again"))


def _separator(reading: FileReading) -> str:
    return "\t" if reading.ending == ".tsv" else ","


def _check_header(reading: FileReading, codec: str) -> None:
    """Refuse a header whose columns are parted otherwise, or that names two columns alike."""
    text = codecs.getincrementaldecoder(codec)("replace").decode(reading.head(1 << 20)).removeprefix("\ufeff")
    try:
        names = next(standard_csv.reader(io.StringIO(text, newline=""), delimiter=_separator(reading)), [])
    except standard_csv.Error:  # a quote that does not end: the parser itself will say so
        return
    if len(names) == 1:
        other = next((sign for sign in _SEPARATORS if sign in names[0] and sign != _separator(reading)), None)
        if other is not None:
            hint = "name it .tsv" if other == "\t" else "export it with commas, or as .xlsx or .parquet"
            reason = f"its columns are parted by {_SEPARATORS[other]}, and .csv needs commas; {hint}"
            raise InputError(unreadable(reading, reason))


def _with_codes(reading: FileReading, codec: str) -> pa.Table:
    """The table, with columns of whole numbers that have leading zeros as text."""
    import pyarrow as pa

    keys = {reading.columns.name_of(role): pa.string() for role in KEYS}
    table = _Parsing(reading, codec, keys).table()
    names = table.column_names  # a header in another encoding is noticed here only
    if any(pa.types.is_binary(item.type) for item in table.schema):  # Arrow keeps the bytes that it cannot decode
        raise InputError(_wrong_encoding(reading))
    whole = [item.name for item in table.schema if pa.types.is_integer(item.type)]
    if not whole or len(set(names)) < len(names):
        return table
    raw = _Parsing(reading, codec, dict.fromkeys(whole, pa.string()), include=whole).table()
    coded = [name for name in whole if _leading_zero(raw.column(name))]
    for name in coded:
        table = table.set_column(names.index(name), name, raw.column(name))
    return table


@dataclass(slots=True)
class _Parsing:
    """One pass through the file; a second one counts the broken rows, if there are any."""

    reading: FileReading
    codec: str
    types: dict[str, Any]
    include: list[str] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)

    def table(self) -> pa.Table:
        for block in _BLOCKS:
            try:
                return self._parsed(block)
            except ValueError as error:
                if "straddl" in str(error) and block != _BLOCKS[-1]:
                    continue  # a row longer than a block
                self._explain(error)
                raise
        raise InputError(unreadable(self.reading, "it cannot be parted into rows"))

    def _parsed(self, block: int, counting: Any = None) -> pa.Table:
        from pyarrow import csv

        with self.reading.stream() as stream:
            return csv.read_csv(
                stream,
                read_options=csv.ReadOptions(encoding=self.codec, block_size=block),
                parse_options=csv.ParseOptions(
                    delimiter=_separator(self.reading), newlines_in_values=True, invalid_row_handler=counting
                ),
                convert_options=csv.ConvertOptions(
                    column_types=self.types,
                    null_values=[""],  # a person may be called NULL
                    strings_can_be_null=True,
                    timestamp_parsers=[csv.ISO8601, *_TIMES],
                    include_columns=self.include,
                ),
            )

    def _explain(self, error: ValueError) -> None:
        """Raise in words of ours what the parser says about the shape of the file."""
        said = str(error)
        if "straddl" in said:
            reason = f"a row is longer than {_BLOCKS[-1] >> 20} MB; a quote that does not end may be the cause"
            raise InputError(unreadable(self.reading, reason)) from error
        if "Empty CSV" in said:
            raise InputError(unreadable(self.reading, "it holds no header and no rows")) from error
        if "Expected" in said and "columns" in said:
            if not _decodes(self.reading, self.codec):
                raise InputError(_wrong_encoding(self.reading)) from error
            with suppress(ValueError):
                self._parsed(_BLOCKS[-1], self._broken_row)
            raise InputError(unreadable(self.reading, self._told())) from error

    def _broken_row(self, row: Any) -> str:
        self.broken.append((row.expected_columns, row.actual_columns))
        return "error" if len(self.broken) >= _MOST_BROKEN else "skip"

    def _told(self) -> str:
        """How many rows are of another length than the header; never what stands in them."""
        if not self.broken:
            return "its rows have another number of cells than its header"
        expected, actual = self.broken[0]
        count = f"at least {len(self.broken):,}" if len(self.broken) >= _MOST_BROKEN else f"{len(self.broken):,}"
        rows = "row has" if count == "1" else "rows have"
        return (
            f"{count} {rows} another number of cells than the header, which names {expected:,} columns; the first of "
            f"them has {actual:,}. Cells with a comma or a line break need quotes"
        )


def _leading_zero(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, _LEADING_ZERO)).as_py())


def _wrong_encoding(reading: FileReading) -> str:
    """The message that names the encoding which would work, and how to declare it."""
    said = f"{reading.name} is not text in the encoding {shown(reading.encoding)}."
    declared = codecs.lookup(reading.encoding).name
    works = next((name for name in _CANDIDATES if codecs.lookup(name).name != declared and _decodes(reading, name)), "")
    if not works:
        return f"{said} Nor is it in {', '.join(_CANDIDATES)}: the file is damaged, or no text. Export it again."
    return f'{said} It can be read with encoding = "{works}" in a plan, or --encoding {works} on the command line.'


def _decodes(reading: FileReading, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        with reading.stream() as stream:
            while block := stream.read(1 << 20):
                decoder.decode(bytes(block))
        decoder.decode(b"", final=True)
    except (UnicodeError, OSError):
        return False
    return True
