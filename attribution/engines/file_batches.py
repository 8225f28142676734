"""Batches of touches out of files, checked as a whole table would be; what is wrong adds up over the batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import TableError
from attribution.core.tables import Problems
from attribution.core.texts import blank_texts
from attribution.journeys.build import with_persons
from attribution.touches import NONE, read_touches

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.errors import TableIssue
    from attribution.core.values import Labels
    from attribution.journeys.build import AppliesIdentity

__all__ = ["AddedIssues", "Batch", "Names", "Reading", "read_batch"]

_ENOUGH = 1_000  # rows that are looked at for examples, as in a whole table
_SHOWN = 5


class Names:
    """Distinct values of a column met so far, numbered as they come; threads may meet them in any order."""

    def __init__(self) -> None:
        self._places: dict[object, int] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._places)

    def places(self, names: list[object]) -> NDArray[np.int64]:
        """The number of each name; a new one gets the next."""
        known = self._places
        if any(name not in known for name in names):
            with self._lock:
                for name in names:
                    known.setdefault(name, len(known))
        return np.array([known[name] for name in names], np.int64)

    def values(self) -> list[object]:
        """All names, by their numbers."""
        return list(self._places)

    def sorted(self) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """All names in order, as a table's labels are, and the place of each number among them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        met = list(self._places)
        if len({type(name) for name in met}) > 1:
            met = [str(name) for name in met]
        order = pc.sort_indices(pa.array(met)).to_numpy() if met else np.empty(0, np.int64)
        names = np.empty(len(met), object)
        names[:] = [met[place] for place in order.tolist()]
        rank = np.empty(len(met), np.int64)
        rank[order] = np.arange(len(met))
        return names, rank


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """How batches of touches are read.

    Attributes:
        roles: The column names.
        kind: Whether the rules need the kind of a touch.
        origin: Whether the rules need the origin of a touch.
        identity: Persons behind customer numbers; None when the touches name persons.
        channels: The channels met.
        kinds: The kinds met.
    """

    roles: Columns
    kind: bool
    origin: bool
    identity: AppliesIdentity | None = None
    channels: Names = field(default_factory=Names)
    kinds: Names = field(default_factory=Names)

    def columns(self, there: Sequence[str]) -> list[str]:
        """The columns that are read, of those that are there."""
        roles = self.roles
        wanted = [roles.person if self.identity is None else roles.customer, roles.time, roles.channel]
        wanted += [roles.touch] if roles.touch in there else []
        wanted += [roles.kind] if self.kind else []
        wanted += [roles.origin] if self.origin else []
        return list(dict.fromkeys(wanted))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """Some rows, checked.

    Attributes:
        person: Person keys.
        time: Microseconds since 1970-01-01 UTC.
        channel: Numbers of channels.
        kind: Numbers of kinds; None unless asked for.
        touch: Touch ids; None without that column.
    """

    person: pa.Array
    time: NDArray[np.int64]
    channel: NDArray[np.int64]
    kind: NDArray[np.int64] | None
    touch: pa.Array | None


def read_batch(rows: pa.RecordBatch, reading: Reading) -> tuple[Batch | None, list[TableIssue]]:
    """The rows, checked; None when something is wrong with them, and then what it is."""
    import pyarrow as pa

    if reading.identity is not None:
        placed = _with_persons(rows, reading.identity, reading.roles.customer)
        if not isinstance(placed, pa.RecordBatch):
            return None, placed
        rows = placed
    found = None if reading.kind or reading.origin else _plain_batch(rows, reading)
    if found is not None:
        return found, []
    problems = Problems()
    table = pa.Table.from_batches([rows])
    touches = read_touches(table, reading.roles, problems=problems, kind=reading.kind, origin=reading.origin)
    # A touch id is held against all others later, with those of all batches.
    issues = [issue for issue in problems.issues if issue.code != "DUPLICATE_TOUCH_ID"]
    if touches is None or issues:
        return None, issues
    return (
        Batch(
            person=touches.person,
            time=touches.time,
            channel=_numbered(touches.channel, reading.channels),
            kind=None if touches.kind is None else _numbered(touches.kind, reading.kinds),
            touch=touches.touch,
        ),
        [],
    )


def _with_persons(rows: pa.RecordBatch, identity: AppliesIdentity, column: str) -> pa.RecordBatch | list[TableIssue]:
    """The rows with their persons, or what is wrong with them."""
    import pyarrow as pa

    try:
        table = with_persons(identity, pa.Table.from_batches([rows]), "touches", column)
    except TableError as error:
        return list(error.issues)
    return table.combine_chunks().to_batches()[0] if len(table) else pa.RecordBatch.from_pylist([], table.schema)


def _numbered(found: Labels, names: Names) -> NDArray[np.int64]:
    return np.asarray(names.places(found.names.tolist())[found.codes])


def _plain_batch(rows: pa.RecordBatch, reading: Reading) -> Batch | None:
    """The rows, if no cell is empty and the times have a zone, as nearly always; None if they need a closer look."""
    roles = reading.roles
    person, time = _plain_key(rows.column(roles.person)), _plain_time(rows.column(roles.time))
    channel = _plain_channel(rows.column(roles.channel), reading.channels)
    if person is None or time is None or channel is None:
        return None
    touch = None
    if roles.touch in rows.schema.names:
        touch = _plain_key(rows.column(roles.touch))
        if touch is None:
            return None
    return Batch(person=person, time=time, channel=channel, kind=None, touch=touch)


def _plain_key(array: pa.Array) -> pa.Array | None:
    import pyarrow as pa

    kind = array.type
    if array.null_count:
        return None
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return array if pa.types.is_int64(kind) else array.cast(pa.int64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array = array.cast(pa.large_string())
        return array if blank_texts(array) is None else None
    return None


def _plain_time(array: pa.Array) -> NDArray[np.int64] | None:
    import pyarrow as pa

    kind = array.type
    if array.null_count or not pa.types.is_timestamp(kind) or kind.tz is None:
        return None
    if kind.unit != "us":
        array = array.cast(pa.timestamp("us", kind.tz), safe=False)
    found: NDArray[np.int64] = array.view(pa.int64()).to_numpy(zero_copy_only=True)
    return found


def _plain_channel(array: pa.Array, channels: Names) -> NDArray[np.int64] | None:
    import pyarrow as pa

    if array.null_count:
        return None
    if not pa.types.is_dictionary(array.type):
        if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
            return None
        array = array.dictionary_encode()
    if array.dictionary.null_count or not (
        pa.types.is_string(array.dictionary.type) or pa.types.is_large_string(array.dictionary.type)
    ):
        return None
    indices = array.indices.to_numpy(zero_copy_only=False)
    names = array.dictionary.to_pylist()
    if len(names) > len(indices) or len(set(names)) < len(names):
        return None
    used = np.bincount(indices, minlength=len(names)) > 0
    if any(name == NONE or not name.strip() for name, there in zip(names, used.tolist(), strict=True) if there):
        return None
    place = np.zeros(len(names), np.int64)
    place[used] = channels.places([name for name, there in zip(names, used.tolist(), strict=True) if there])
    found: NDArray[np.int64] = place[indices]
    return found


class AddedIssues:
    """What is wrong with batches, as one table's reader would have told it: counts add up, the first examples stay."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None, str], TableIssue] = {}
        self._first: dict[tuple[str, str | None, str], int] = {}

    def add(self, issues: list[TableIssue], first_row: int) -> None:
        """Add the issues of the batch that begins with a row; batches come in order."""
        for issue in issues:
            key = (issue.code, issue.column, issue.message)
            known = self._found.get(key)
            shown = tuple(_moved(example, first_row) for example in issue.examples)
            if known is None:
                self._found[key] = replace(issue, examples=shown)
                continue
            examples = known.examples
            if known.count < _ENOUGH:
                together = (*examples, *shown)
                by_row = all(example.startswith("'row ") for example in together)
                examples = (together if by_row else tuple(sorted(set(together))))[:_SHOWN]
            # Columns that are missing are counted once, rows in every batch.
            count = known.count if issue.code == "MISSING_COLUMN" else known.count + issue.count
            self._found[key] = replace(known, count=count, examples=examples)

    def tell(self, problems: Problems) -> None:
        """Note them with those of the other tables."""
        problems.issues.extend(issue for issue in self._found.values() if issue not in problems.issues)


def _moved(example: str, first_row: int) -> str:
    """An example that names a row of a batch, with the row's number in all files."""
    if not first_row or not example.startswith("'row "):
        return example
    return f"'row {int(example[5:-1]) + first_row}'"
