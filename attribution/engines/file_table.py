"""The touches of files as a table: the rows that were kept, whose further columns are read when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import InputError
from attribution.core.tables import Problems, Table
from attribution.core.threads import in_blocks
from attribution.engines.pieces import first_line, note_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import narwhals.stable.v2 as nw
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.engines.pieces import Piece, RowFile, TableFiles
    from attribution.journeys.behind import TouchesBehind

__all__ = ["FileTable", "file_table"]


@dataclass(slots=True)
class FileTable(Table):
    """The kept rows of the files.

    Attributes:
        behind: What reads the files again for those who ask for rows that were left out; None when none was.
    """

    behind: TouchesBehind | None = None
    _files: TableFiles | None = None
    _kept: list[NDArray[np.int64] | None] = field(default_factory=list)
    _made: dict[str, Callable[[], pa.Array]] = field(default_factory=dict)

    def load(self, *names: str) -> None:
        """Bring columns of the kept rows into memory, in one pass over the files."""
        import pyarrow as pa

        wanted = [name for name in dict.fromkeys(names) if name in self.names and name not in self._loaded]
        for name in [name for name in wanted if name in self._made]:
            self._loaded[name] = pa.chunked_array([self._made[name]()])
            wanted.remove(name)
        if wanted and self._files is not None and self._files.check(wanted, self.problems):
            self._loaded.update(read_columns(self._files, wanted, self._kept))

    def combinations(self, names: Sequence[str]) -> pa.Table:
        """The different rows of some columns, over all rows of the files."""
        if self._files is None:
            raise InputError(f"the {self.name} have no files.")
        return distinct_rows(self._files, names)

    def lazy(self) -> nw.LazyFrame[Any]:
        """Never: the kept rows alone are not the table."""
        raise InputError(f"the {self.name} are files; nothing runs inside them.")


def file_table(
    files: TableFiles,
    roles: Columns,
    problems: Problems,
    *,
    kept: list[NDArray[np.int64] | None],
    made: dict[str, Callable[[], pa.Array]],
    rows: int,
) -> FileTable:
    """The table of the kept rows.

    Args:
        files: The files.
        roles: Their column names.
        problems: Where problems are noted.
        kept: By piece the places of the kept rows in it; None for every row.
        made: Columns that need no reading.
        rows: How many rows are kept.
    """
    import narwhals.stable.v2 as nw
    import pyarrow as pa

    names = tuple(dict.fromkeys([*files.names, *made]))
    table = FileTable(name=files.name, roles=roles, problems=problems, _frame=nw.from_native(pa.table({})), names=names)
    table._files, table._kept, table._made, table._rows = files, kept, made, rows  # noqa: SLF001 - its own maker
    return table


def read_columns(
    files: TableFiles, names: Sequence[str], kept: list[NDArray[np.int64] | None]
) -> dict[str, pa.ChunkedArray]:
    """Some columns of the kept rows, in the order of the files."""
    import pyarrow as pa

    pieces = files.pieces()

    def one(start: int, stop: int) -> list[pa.Table]:
        return [
            _rows_of(piece, names, kept[start + place], files.name) for place, piece in enumerate(pieces[start:stop])
        ]

    tables = [table for some in in_blocks(one, len(pieces), block=1, rows=files.rows() or 1 << 30) for table in some]
    tables = [table for table in tables if len(table)] or [_no_rows(files.files[0], names)]
    together = pa.concat_tables(tables, promote_options="permissive")
    return {name: together.column(name) for name in names}


def distinct_rows(files: TableFiles, names: Sequence[str]) -> pa.Table:
    """The different rows of some columns."""
    import pyarrow as pa

    key = f"distinct {tuple(names)}"
    if key not in files.known:
        pieces = files.pieces()

        def one(start: int, stop: int) -> list[pa.Table]:
            return [_distinct(_rows_of(piece, names, None, files.name), names) for piece in pieces[start:stop]]

        blocks = in_blocks(one, len(pieces), block=1, rows=files.rows() or 1 << 30)
        tables = [table for some in blocks for table in some] or [_no_rows(files.files[0], names)]
        together = pa.concat_tables(tables, promote_options="permissive")
        files.known[key] = _distinct(together, names)
    found: pa.Table = files.known[key]
    return found


def _distinct(table: pa.Table, names: Sequence[str]) -> pa.Table:
    return table.group_by(list(names)).aggregate([])


def _rows_of(piece: Piece, names: Sequence[str], kept: NDArray[np.int64] | None, table: str) -> pa.Table:
    import pyarrow as pa

    batches, first_row = [], 0
    schema = _no_rows(piece.file, names).schema
    wanted = kept is None or len(kept) > 0
    for rows in _batches_of(piece, names, table) if wanted else ():
        found = pa.Table.from_batches([rows]).cast(schema)
        if kept is not None:
            begin, end = np.searchsorted(kept, [first_row, first_row + len(rows)])
            found = found.take(pa.array(kept[begin:end] - first_row))
        batches.append(found)
        first_row += len(rows)
    return pa.concat_tables(batches) if batches else schema.empty_table()


def _batches_of(piece: Piece, names: Sequence[str], table: str) -> Iterator[pa.RecordBatch]:
    """The rows of a piece; what cannot be read is told with the file."""
    try:
        yield from piece.batches(names)
    except (OSError, ValueError) as error:
        problems = Problems()
        note_unreadable(table, [f"{piece.file.path.as_posix()}: {first_line(error)}"], problems)
        problems.raise_if_any()


def _no_rows(file: RowFile, names: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    return pa.schema([(name, _plain(file.schema.field(name).type)) for name in names]).empty_table()


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the decoded values; text with room for more than 2 GB."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.large_string() if pa.types.is_string(kind) or pa.types.is_string_view(kind) else kind
