"""One pass over the files of the touches: every row checked and counted, those that can matter kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from attribution.core.threads import in_blocks
from attribution.engines.file_batches import AddedIssues, read_batch
from attribution.engines.pieces import note_unreadable
from attribution.engines.time_texts import TimeTexts, time_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.errors import TableIssue
    from attribution.core.tables import Problems
    from attribution.engines.file_batches import Batch, Reading
    from attribution.engines.pieces import Piece, TableFiles
    from attribution.engines.progress import RowBar
    from attribution.engines.repeats import KeyHashes

Fits: TypeAlias = "Callable[[int, int], bool]"

__all__ = ["Counts", "Gathered", "Keep", "Kept", "gather", "nothing_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The rows of a batch that can matter.

    Attributes:
        rows: The rows, in order.
        code: The code of the person of each; None where persons were not looked up.
    """

    rows: NDArray[np.integer]
    code: NDArray[np.int32] | None = None


class Keep(Protocol):
    """Which rows of a batch can matter; None: all of them."""

    def __call__(self, person: pa.Array, time: NDArray[np.int64]) -> Kept | None:
        """The rows."""
        ...  # pragma: no cover - a protocol has no body


@dataclass(slots=True, eq=False, kw_only=True)
class Counts:
    """What is known of all rows, kept or not.

    Attributes:
        rows: How many.
        kept: How many of them were kept.
        text: Bytes of their person and touch ids, where these are text.
        kept_text: About how many of these bytes belong to rows that were kept.
        first: The first time; the largest int64 without rows.
        last: The last time; the smallest int64 without rows.
        pairs: Rows by number of channel and of kind.
        outside: Rows outside a declared period of observation.
    """

    rows: int = 0
    kept: int = 0
    text: int = 0
    kept_text: int = 0
    first: int = np.iinfo(np.int64).max
    last: int = np.iinfo(np.int64).min
    pairs: dict[tuple[int, int], int] = field(default_factory=dict)
    outside: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.kept += other.kept
        self.text += other.text
        self.kept_text += other.kept_text
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for pair, count in other.pairs.items():
            self.pairs[pair] = self.pairs.get(pair, 0) + count
        self.outside += other.outside


@dataclass(slots=True, eq=False)
class _Part:
    """What one piece gave."""

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    person: list[pa.Array] = field(default_factory=list)
    code: list[NDArray[np.int32]] = field(default_factory=list)
    time: list[NDArray[np.int64]] = field(default_factory=list)
    channel: list[NDArray[Any]] = field(default_factory=list)
    kind: list[NDArray[Any]] = field(default_factory=list)
    touch: list[pa.Array] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    issues: list[tuple[int, list[TableIssue]]] = field(default_factory=list)
    texts: TimeTexts = field(default_factory=TimeTexts)
    keys: set[pa.DataType] = field(default_factory=set)
    failed: str | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gathered:
    """The rows that were kept, in the order of the files, and the counts of all.

    Attributes:
        rows: By piece the places of the kept rows in it; None for every row.
        person: Person keys.
        code: The codes of the persons, where they were looked up; else None.
        time: Microseconds since 1970-01-01 UTC.
        channel: Numbers of channels.
        kind: Numbers of kinds; None unless asked for.
        touch: Touch ids; None without that column.
        counts: The counts.
        full: Whether all rows to keep are here; False when they were more than allowed, and none is here.
    """

    rows: list[NDArray[np.int64] | None]
    person: pa.Array
    code: NDArray[np.int32] | None
    time: NDArray[np.int64]
    channel: NDArray[Any]
    kind: NDArray[Any] | None
    touch: pa.Array | None
    counts: Counts
    full: bool


class _Gatherer:
    """The work of one pass; threads share it."""

    def __init__(self, reading: Reading, keep: Keep, *, fits: Fits | None, period: tuple[int, int] | None) -> None:
        self.reading, self.keep, self.fits, self.period = reading, keep, fits, period
        self.hashes: KeyHashes | None = None
        self.kept, self.kept_text = 0, 0
        self._lock = Lock()

    @property
    def over(self) -> bool:
        """Whether more rows than allowed were to be kept."""
        return self.fits is not None and not self.fits(self.kept, self.kept_text)

    def piece(self, piece: Piece, columns: Sequence[str], bar: RowBar) -> _Part:
        """Read one piece."""
        found, first_row = _Part(), 0
        try:
            for rows in piece.batches(columns, (self.reading.roles.channel,)):
                batch, issues = read_batch(rows, self.reading)
                if issues:
                    found.issues.append((first_row, issues))
                texts = time_texts(rows.column(self.reading.roles.time), issues)
                if texts is not None:
                    found.texts.add(texts)
                if batch is not None:
                    self._take(batch, found, first_row)
                first_row += len(rows)
                bar.add(len(rows))
        except (OSError, ValueError) as error:  # what Arrow raises for a broken file is one of them
            if not type(error).__module__.startswith(("pyarrow", "builtins")):
                raise
            found.failed = f"{piece.file.path.as_posix()}: {error}"
        found.counts.rows = first_row
        return found

    def _take(self, batch: Batch, found: _Part, first_row: int) -> None:
        _count(batch, found.counts, self.period)
        found.keys.add(batch.person.type)
        if self.hashes is not None and batch.touch is not None:
            self.hashes.add(batch.touch)
        kept = self.keep(batch.person, batch.time)
        count = len(batch.time) if kept is None else len(kept.rows)
        text = _text_bytes(batch.person) + (0 if batch.touch is None else _text_bytes(batch.touch))
        kept_text = text * count // max(len(batch.time), 1)
        found.counts.kept += count
        found.counts.text += text
        found.counts.kept_text += kept_text
        with self._lock:
            self.kept += count
            self.kept_text += kept_text
        if self.over:
            for held in (found.rows, found.person, found.code, found.time, found.channel, found.kind, found.touch):
                held.clear()
            return
        _hold(batch, kept, found, first_row)


def _count(batch: Batch, counts: Counts, period: tuple[int, int] | None) -> None:
    if not len(batch.time):
        return
    counts.first = min(counts.first, int(batch.time.min()))
    counts.last = max(counts.last, int(batch.time.max()))
    if period is not None:
        counts.outside += int(((batch.time < period[0]) | (batch.time > period[1])).sum())
    width = 1 if batch.kind is None else int(batch.kind.max()) + 1
    joint = batch.channel if batch.kind is None else batch.channel * width + batch.kind
    number = np.bincount(joint)
    for place in np.flatnonzero(number).tolist():
        pair = divmod(place, width)
        counts.pairs[pair] = counts.pairs.get(pair, 0) + int(number[place])


def _hold(batch: Batch, which: Kept | None, found: _Part, first_row: int) -> None:
    import pyarrow as pa

    kept = None if which is None else which.rows.astype(np.int64, copy=False)
    found.rows.append((np.arange(len(batch.time)) if kept is None else kept) + first_row)
    if which is not None and which.code is not None:
        found.code.append(which.code)
    rows = None if kept is None else pa.array(kept)
    found.person.append(batch.person if rows is None else batch.person.take(rows))
    # A batch's own numbers would hold all of its memory.
    found.time.append(np.array(batch.time) if kept is None else batch.time[kept])
    found.channel.append(_small(batch.channel if kept is None else batch.channel[kept]))
    if batch.kind is not None:
        found.kind.append(_small(batch.kind if kept is None else batch.kind[kept]))
    if batch.touch is not None:
        found.touch.append(batch.touch if rows is None else batch.touch.take(rows))


def _text_bytes(keys: pa.Array) -> int:
    import pyarrow as pa

    return 0 if pa.types.is_integer(keys.type) else int(keys.nbytes)


def _small(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Numbers of names in fewer bytes, when there are few names."""
    return numbers.astype(np.uint16) if numbers.max(initial=0) < 1 << 16 else numbers


def nothing_of(counts: Counts, files: TableFiles, kind: pa.DataType) -> Gathered:
    """No rows, with the counts of an earlier pass."""
    import pyarrow as pa

    none = np.empty(0, np.int64)
    return Gathered(
        rows=[none for _ in files.pieces()], person=pa.array([], kind), code=None, time=none, channel=none, kind=None,
        touch=None, counts=counts, full=True,
    )  # fmt: skip


def gather(  # noqa: PLR0913 - one pass does all of it
    files: TableFiles,
    reading: Reading,
    keep: Keep,
    *,
    problems: Problems,
    bar: RowBar,
    fits: Fits | None = None,
    period: tuple[int, int] | None = None,
    hashes: KeyHashes | None = None,
) -> Gathered | None:
    """Read the touches once; None when they are unusable, which is noted.

    Args:
        files: The files.
        reading: How batches are read.
        keep: Which rows to keep.
        problems: Where problems are noted.
        bar: Counts the rows read.
        fits: Whether so many rows with so many bytes of text keys may be kept; beyond that all are counted and none is
            kept.
        period: A declared period of observation, in microseconds.
        hashes: Collects the touch ids.
    """
    work = _Gatherer(reading, keep, fits=fits, period=period)
    work.hashes = hashes
    pieces, columns = files.pieces(), reading.columns(files.names)

    def one(start: int, stop: int) -> list[_Part]:
        return [work.piece(piece, columns, bar) for piece in pieces[start:stop]]

    known = files.rows()
    parts = [part for some in in_blocks(one, len(pieces), block=1, rows=known or 1 << 30) for part in some]
    return _together(files, parts, reading, problems=problems, full=not work.over)


def _together(
    files: TableFiles, parts: list[_Part], reading: Reading, *, problems: Problems, full: bool
) -> Gathered | None:
    added, counts, texts, sound = AddedIssues(), Counts(), TimeTexts(), True
    for part in parts:
        for first_row, issues in part.issues:
            added.add(issues, counts.rows + first_row)
            sound = False
        counts.add(part.counts)
        texts.add(part.texts)
    failed = sorted({part.failed for part in parts if part.failed is not None})
    note_unreadable(files.name, failed, problems)
    added.tell(problems)
    if texts.mixed:
        texts.note(files.name, reading.roles.time, problems)
    if failed or texts.mixed or not sound:
        return None
    rows: list[NDArray[np.int64] | None] = []
    for part in parts:
        rows.append(_joined(part.rows))
        part.rows = []
    touch = None
    if reading.roles.touch in files.names:
        touch = _keys([part.touch for part in parts], set(), _key_kind(files, reading.roles.touch))
    met = {kind for part in parts for kind in part.keys}
    codes = [array for part in parts for array in _emptied(part.code)]
    return Gathered(
        rows=rows,
        code=_joined(codes) if codes else None,
        person=_keys([part.person for part in parts], met, _key_kind(files, reading.roles.person)),
        time=_joined([array for part in parts for array in _emptied(part.time)]),
        channel=_joined([array for part in parts for array in _emptied(part.channel)]),
        kind=_joined([array for part in parts for array in _emptied(part.kind)]) if reading.kind else None,
        touch=touch,
        counts=counts,
        full=full,
    )


def _emptied(held: list[NDArray[Any]]) -> list[NDArray[Any]]:
    taken = list(held)
    held.clear()
    return taken


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def _key_kind(files: TableFiles, name: str) -> pa.DataType:
    """The type of a key column without a row."""
    import pyarrow as pa

    return pa.int64() if "whole numbers" in files.kinds(name) else pa.large_string()


def _keys(held: list[list[pa.Array]], met: set[pa.DataType], without: pa.DataType) -> pa.Array:
    """The key columns of all batches as one; whole numbers beyond int64 have made text of some of them."""
    import pyarrow as pa

    arrays = [array for some in held for array in some]
    for some in held:
        some.clear()
    # Rows may have been let go that are beyond the budget: their types count, too.
    kinds = met | {array.type for array in arrays} or {without}
    kind = pa.large_string() if len(kinds) > 1 else next(iter(kinds))
    if not arrays:
        return pa.array([], kind)
    return pa.concat_arrays([array.cast(kind) for array in arrays])
