"""A first plan out of the user's tables: which table is which and which column plays which role, guessed visibly.

Names are compared without case, spaces and underscores. Nothing that decides a verdict is guessed: randomisation,
thresholds and shares stay for the user to declare.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from experiments.plan.file_dates import TIMES, with_dates
from experiments.plan.files import TABLE_NAMES, read_table
from experiments.plan.spelling import shown
from experiments.plan.synonyms import FILE_NAMES, MARKS, NEEDED, ROLES, SYNONYMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["Guess", "find_column", "guess_table", "squeezed"]

_SNIFFED = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a table seems to be.

    Attributes:
        name: Name of the table in the plan.
        path: The file, as the plan will write it.
        by_name: Whether the name of the file shows it, and not its columns.
        columns: Role -> column, where it is not the default name.
        missing: Needed roles for which no column was found.
        others: Role -> further columns that could play it.
        zone: Whether every time column carries a zone; None without times.
        days: Whether every time is a midnight, as booking dates are.
        encoding: Encoding of a CSV file.
        table: The table.
    """

    name: str
    path: str
    by_name: bool
    columns: Mapping[str, str]
    missing: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]]
    zone: bool | None
    days: bool
    encoding: str
    table: Any = field(repr=False)


def guess_table(path: Path, *, encoding: str | None = None) -> Guess:
    """Guess what the table in a file is.

    Args:
        path: The file.
        encoding: Encoding of a CSV file; None tries UTF-8 and then GB18030, which Excel writes in China.

    Raises:
        InputError: When the file cannot be read, or nothing in it shows what it is.
    """
    used = encoding or _encoding(path)
    table = _arrow(read_table(path, encoding=used))
    names = list(table.column_names)
    name, by_name = _name_of(path, names)
    columns = _columns(name, names)
    missing = tuple(role for role in NEEDED.get(name, ()) if role not in columns)
    different = {role: column for role, column in columns.items() if column != Columns().name_of(role)}
    table = with_dates(table, {columns[role] for role in TIMES if role in columns})
    times = [columns[role] for role in ("time", "assigned_at") if role in columns]
    return Guess(
        name=name,
        path=path.as_posix(),
        by_name=by_name,
        columns=different,
        missing=missing,
        others=_others(columns, names),
        zone=_zoned(table, times),
        days=_midnights(table, times),
        encoding=used,
        table=table,
    )


def _encoding(path: Path) -> str:
    """UTF-8 where the beginning of a text file is that; else GB18030. Other files have none."""
    if path.suffix.lower() not in {".csv", ".tsv", ".txt"} or not path.is_file():
        return "utf-8"
    with path.open("rb") as file:
        head = file.read(_SNIFFED)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _arrow(raw: Any) -> pa.Table:
    import pyarrow as pa

    return raw if isinstance(raw, pa.Table) else pa.Table.from_pandas(raw, preserve_index=False)


def squeezed(name: str) -> str:
    """A name without case, spaces and the signs that names are joined with."""
    return re.sub(r"[\s_\-.]+", "", name.casefold())


def _name_of(path: Path, names: Sequence[str]) -> tuple[str, bool]:
    stem = squeezed(path.name.split(".")[0])
    for name, marks in FILE_NAMES.items():
        if squeezed(name) == stem or any(squeezed(mark) in stem for mark in marks):
            return name, True
    roles = {role for role in SYNONYMS if find_column(role, names) is not None}
    for name, choices in MARKS.items():
        if any(choice <= roles for choice in choices):
            return name, False
    if len(names) == 1 and "person" in roles:
        raise InputError(
            f"{shown(path.name)} is a list of persons, not a table. If it is the list of the holdout or of "
            "the targets, make one assignment table of both: a row for everybody, with the arm and the time of the "
            "assignment."
        )
    raise InputError(
        f"{shown(path.name)}: nothing in its name or columns shows what it is. Rename it after its table "
        f"({', '.join(TABLE_NAMES)}), for example touches{path.suffix}."
    )


def find_column(role: str, names: Sequence[str]) -> str | None:
    """The column of a role: its default name, else a known synonym."""
    return next(iter(_candidates(role, names)), None)


def _candidates(role: str, names: Sequence[str]) -> list[str]:
    """Every column that could play a role, the likeliest first."""
    held = {squeezed(name): name for name in reversed(names)}
    known = (getattr(Columns(), role, role), *SYNONYMS.get(role, ()))
    return list(dict.fromkeys(held[squeezed(word)] for word in known if squeezed(word) in held))


def _others(columns: Mapping[str, str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns that could play a role as well and play none."""
    free = [name for name in names if name not in columns.values()]
    found = {role: tuple(_candidates(role, free)) for role in columns}
    return {role: others for role, others in found.items() if others}


def _columns(table: str, names: Sequence[str]) -> dict[str, str]:
    """Role -> column; a column plays one role only."""
    found: dict[str, str] = {}
    for role in ROLES[table]:
        column = find_column(role, [name for name in names if name not in found.values()])
        if column is not None:
            found[role] = column
    return found


def _zoned(table: pa.Table, columns: Sequence[str]) -> bool | None:
    import pyarrow as pa

    kinds = [table.schema.field(column).type for column in columns]
    kinds = [kind for kind in kinds if pa.types.is_timestamp(kind)]
    return all(kind.tz is not None for kind in kinds) if kinds else None


def _midnights(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether the times are dates: of that type, or each at 00:00."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seen = False
    for column in columns:
        values = table.column(column)
        if pa.types.is_timestamp(values.type):
            day = pc.floor_temporal(values, unit="day")
            if pc.any(pc.not_equal(values, day)).as_py():
                return False
            seen = seen or values.null_count < len(values)
        else:
            seen = seen or pa.types.is_date(values.type)
    return seen
