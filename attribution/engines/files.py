"""Journeys whose tables are files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.conversions import read_conversions
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.tables import Problems
from attribution.customers import read_customers
from attribution.engines.file_batches import Reading
from attribution.engines.file_lists import list_files
from attribution.engines.file_source import FileSource, Scope
from attribution.engines.file_table import file_table, read_columns
from attribution.engines.files_behind import source_journeys
from attribution.engines.gathering import Kept, gather
from attribution.engines.memory import parse_memory
from attribution.engines.pieces import open_files
from attribution.engines.progress import RowBar, check_progress
from attribution.journeys.build import PERSON, with_persons
from attribution.journeys.from_files import stands_for_files
from attribution.journeys.key_events import read_key_events

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns, ColumnsLike
    from attribution.engines.pieces import TableFiles
    from attribution.journeys.build import AppliesIdentity
    from attribution.journeys.from_files import FilesLike
    from attribution.journeys.observed import Observed
    from attribution.journeys.plan import Journeys
    from attribution.rules import Rules

__all__ = ["journeys_of_files", "open_source", "whole_tables"]

# Roles whose columns are read as text out of CSV files, so that ids keep their leading zeros.
_TEXT = ("person", "conversion", "touch", "customer", "refund_of", "channel", "kind", "campaign", "message", "event")
_UNREAD = ("NO_FILE", "UNREADABLE_FILE", "REPEATED_FILE", "FILES_DIFFER")


def journeys_of_files(given: dict[str, Any], *, rules: Rules, **options: Any) -> Journeys:
    """The journeys of touches in files: everything is checked, and only what conversions can use is kept in memory.

    Args:
        given: Files for the touches; tables or files, or None, for conversions, customers and key events.
        rules: Which touches are eligible.
        options: As for `open_source`.

    Raises:
        TableError: Lists every problem of all tables and files.
        InputError: For a budget or rules that are not what they should be.
        TooLargeError: When the touches that conversions can use do not fit the budget.
    """
    return source_journeys(open_source(given, rules=rules, **options), rules, Scope())


def open_source(  # noqa: PLR0913 - the arguments of `build_journeys`
    given: dict[str, Any],
    *,
    rules: Rules,
    columns: ColumnsLike = None,
    identity: AppliesIdentity | None = None,
    observed: Observed = None,
    memory: str | int | None = None,
    progress: bool | None = None,
) -> FileSource:
    """The files of the touches with the other tables, read and checked; the rows of the touches are not read yet.

    Args:
        given: Files for the touches; tables or files, or None, for conversions, customers and key events.
        rules: Which touches are eligible.
        columns: The user's names of the columns.
        identity: Persons behind customer numbers.
        observed: First and last instant of observation.
        memory: Budget of the working set.
        progress: Whether a bar is shown; None: on a terminal.
    """
    budget, shown, problems = parse_memory(memory), check_progress(progress), Problems()
    roles = {name: columns_for(columns, name) for name in given}
    files = _touch_files(given["touches"], roles["touches"], rules, problems, identified=identity is not None)
    tables = {name: _whole(given[name], name, roles[name], problems) for name in given if name != "touches"}
    if any(issue.code in _UNREAD for issue in problems.issues):
        problems.raise_if_any()
    if identity is not None:
        for name, table in tables.items():
            tables[name] = None if table is None else with_persons(identity, table, name, roles[name].customer)
        roles = {name: replace(own, person=PERSON) for name, own in roles.items()}
    conversions = read_conversions(tables["conversions"], roles["conversions"], problems=problems)
    customers = events = None
    if tables["customers"] is not None:
        customers = read_customers(
            tables["customers"],
            roles["customers"],
            problems=problems,
            last_active=rules.dormancy is not None,
            repeated=identity is not None,
        )
    if tables["key_events"] is not None:
        events = read_key_events(tables["key_events"], roles["key_events"], problems=problems)
    if conversions is None or problems.issues:
        _also_of_touches(files, roles["touches"], rules, problems)
        problems.raise_if_any()
        raise InputError("the tables cannot be read.")
    return FileSource(
        files=files,
        roles=roles["touches"],
        identity=identity,
        conversions=conversions,
        customers=customers,
        key_events=events,
        observed=observed,
        memory=budget,
        progress=shown,
    )


def whole_tables(given: dict[str, Any], columns: ColumnsLike) -> dict[str, Any]:
    """The tables with those that are files read into memory.

    Args:
        given: What was passed for each table.
        columns: The user's names of the columns.

    Raises:
        TableError: Lists every file that is missing or cannot be read.
    """
    problems = Problems()
    found = {name: _whole(data, name, columns_for(columns, name), problems) for name, data in given.items()}
    problems.raise_if_any()
    return found


def _whole(data: object, name: str, roles: Columns, problems: Problems) -> Any:
    """A table out of files, with all its columns; anything but files as it is."""
    if not stands_for_files(data):
        return data
    files = open_files(list_files(data, name, problems), problems, types=_csv_types(roles))
    if not files.files or not files.check(list(files.files[0].schema.names), problems):
        return _nothing()
    import pyarrow as pa

    return pa.table(read_columns(files, files.names, [None] * len(files.pieces())))


def _csv_types(roles: Columns) -> dict[str, pa.DataType]:
    import pyarrow as pa

    types = dict.fromkeys([roles.name_of(role) for role in _TEXT], pa.string())
    return {roles.value: pa.float64(), **types}  # decimals may come after many whole numbers


def _nothing() -> pa.Table:
    import pyarrow as pa

    return pa.table({})


def _touch_files(data: FilesLike, roles: Columns, rules: Rules, problems: Problems, *, identified: bool) -> TableFiles:
    """The files of the touches, with the columns that are needed in all of them."""
    files = open_files(list_files(data, "touches", problems), problems, types=_csv_types(roles))
    needed = ["customer" if identified else "person", "time", "channel", *(["kind"] if rules.needs_kind() else [])]
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


def _none(person: pa.Array, time: NDArray[np.int64]) -> Kept:
    del person, time
    return Kept(np.empty(0, np.int64))
