"""Journeys whose tables are files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.conversions import read_conversions
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems
from attribution.customers import read_customers
from attribution.engines.file_batches import Reading
from attribution.engines.file_lists import list_files, stands_for_files
from attribution.engines.file_source import FileSource, Scope
from attribution.engines.file_table import file_table, read_columns
from attribution.engines.files_behind import source_journeys
from attribution.engines.gathering import gather
from attribution.engines.memory import parse_memory
from attribution.engines.pieces import open_files
from attribution.engines.progress import RowBar, check_progress
from attribution.journeys.key_events import read_key_events

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns, ColumnsLike
    from attribution.engines.file_lists import FilesLike
    from attribution.engines.pieces import TableFiles
    from attribution.journeys.observed import Observed
    from attribution.journeys.plan import Journeys
    from attribution.rules import Rules

__all__ = ["GivenTables", "journeys_of_files", "stands_for_files", "whole_table"]

# Roles whose columns are read as text out of CSV files, so that ids keep their leading zeros.
_TEXT = ("person", "conversion", "touch", "customer", "refund_of", "channel", "kind", "campaign", "message", "event")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GivenTables:
    """What the caller passed for each table: files or tables.

    Attributes:
        touches: Files.
        conversions: A table, or files.
        customers: The same, or None.
        key_events: The same, or None.
    """

    touches: FilesLike
    conversions: object
    customers: object = None
    key_events: object = None


def journeys_of_files(
    given: GivenTables,
    rules: Rules,
    columns: ColumnsLike,
    *,
    observed: Observed = None,
    memory: str | int | None = None,
    progress: bool | None = None,
) -> Journeys:
    """The journeys of touches in files: everything is checked, and only what conversions can use is kept in memory.

    Args:
        given: The tables.
        rules: Which touches are eligible.
        columns: The user's names of the columns.
        observed: First and last instant of observation.
        memory: Budget of the working set.
        progress: Whether a bar is shown; None: on a terminal.

    Raises:
        TableError: Lists every problem of all tables and files.
        InputError: For a budget or rules that are not what they should be.
        TooLargeError: When the touches that conversions can use do not fit the budget.
    """
    source = open_source(given, rules, columns, observed=observed, memory=memory, progress=progress)
    return source_journeys(source, rules, Scope())


def open_source(
    given: GivenTables,
    rules: Rules,
    columns: ColumnsLike,
    *,
    observed: Observed = None,
    memory: str | int | None = None,
    progress: bool | None = None,
) -> FileSource:
    """The files of the touches with the other tables, read and checked; the rows of the touches are not read yet."""
    budget, shown, problems = parse_memory(memory), check_progress(progress), Problems()
    roles = {name: columns_for(columns, name) for name in ("touches", "conversions", "customers", "key_events")}
    files = _touch_files(given.touches, roles["touches"], rules, problems)
    tables = {
        name: whole_table(getattr(given, name), name, roles[name], problems)
        for name in ("conversions", "customers", "key_events")
    }
    if any(issue.code in ("NO_FILE", "UNREADABLE_FILE", "REPEATED_FILE") for issue in problems.issues):
        problems.raise_if_any()
    conversions = read_conversions(tables["conversions"], roles["conversions"], problems=problems)
    customers = events = None
    if given.customers is not None:
        customers = read_customers(
            tables["customers"], roles["customers"], problems=problems, last_active=rules.dormancy is not None
        )
    if given.key_events is not None:
        events = read_key_events(tables["key_events"], roles["key_events"], problems=problems)
    if conversions is None or problems.issues:
        _also_of_touches(files, roles["touches"], rules, problems)
        problems.raise_if_any()
        raise InputError("the tables cannot be read.")
    return FileSource(
        files=files,
        roles=roles["touches"],
        conversions=conversions,
        customers=customers,
        key_events=events,
        observed=observed,
        memory=budget,
        progress=shown,
    )


def whole_table(data: object, name: str, roles: Columns, problems: Problems) -> Any:
    """A table out of files, with all its columns; anything but files as it is.

    Args:
        data: Files or a table.
        name: What the table is.
        roles: Its column names.
        problems: Where problems with the files are noted.
    """
    if not stands_for_files(data):
        return data
    files = open_files(list_files(data, name, problems), problems, text=[roles.name_of(role) for role in _TEXT])
    if not files.files or not files.check(list(files.files[0].schema.names), problems):
        return _nothing()
    import pyarrow as pa

    return pa.table(read_columns(files, files.names, [None] * len(files.pieces())))


def _nothing() -> pa.Table:
    import pyarrow as pa

    return pa.table({})


def _touch_files(data: FilesLike, roles: Columns, rules: Rules, problems: Problems) -> TableFiles:
    """The files of the touches, with the columns that are needed in all of them."""
    files = open_files(list_files(data, "touches", problems), problems, text=[roles.name_of(role) for role in _TEXT])
    needed = ["person", "time", "channel", *(["kind"] if rules.needs_kind() else [])]
    needed += ["origin"] if rules.origin == "outbound" else []
    needed += ["message"] if rules.levels else []
    names = [roles.name_of(role) for role in needed]
    if files.files and files.check([*names, roles.touch, *rules.match, *rules.key_event_match], problems):
        table = file_table(files, roles, problems, kept=[], made={}, rows=0)
        table.require(*needed)
        table.require_names(*rules.match, *rules.key_event_match)
    return files


def _also_of_touches(files: TableFiles, roles: Columns, rules: Rules, problems: Problems) -> None:
    """Note what is wrong with the rows of the touches, when other tables are unusable already."""
    if any(issue.table == files.name for issue in problems.issues):
        return
    reading = Reading(roles=roles, kind=rules.needs_kind(), origin=rules.origin == "outbound")
    with RowBar(shown=False, rows=None, what=files.name) as bar:
        gather(files, reading, _none, problems=problems, bar=bar)


def _none(person: pa.Array, time: NDArray[np.int64]) -> NDArray[np.int64]:
    del person, time
    return np.empty(0, np.int64)
