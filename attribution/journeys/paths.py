"""Journeys as sequences of channels, counted; and the plan in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayTable, records_table
from attribution.core.whole import check_whole
from attribution.journeys.behind import behind
from attribution.journeys.path_counts import PathCounts
from attribution.journeys.sequences import number_sequences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["Paths", "Summary", "count_paths", "summarise"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATOR = " > "


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Paths(TabularResult):
    """The most frequent journeys: path, conversions, value, share (of the conversions with a touch).

    With null journeys also nulls and conversion_rate (conversions of all journeys on the path); then paths that never
    converted are there too. Without a single null journey the rates are undefined: successes alone have none.

    Attributes:
        records: The rows, most conversions first.
        distinct: Number of distinct paths.
        nulls: Null journeys on all paths; None where they were not asked for.
        open: Journeys left out because they could still have converted when observation ended; None as above.
    """

    records: Records
    distinct: int
    nulls: int | None
    open: int | None

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        more = self.distinct - len(self.records)
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
        blocks: list[DisplayTable | str] = [records_table(self.records, notes=notes)]
        if self.nulls == 0:
            blocks.append(messages.text("PATHS.NO_NULLS"))
        if self.open:
            blocks.append(messages.text("PATHS.OPEN", {"n": self.open}))
        return Display(messages.text("JOURNEYS.PATHS_TITLE"), tuple(blocks))


def count_paths(journeys: Journeys, top: int | None, *, nulls: bool = False) -> Paths:
    """Count the paths of the touched conversions, and of the null journeys where asked."""
    top = None if top is None else check_whole("top", top, least=1, more=", or None for all")
    counts = journeys.path_counts() if nulls else _converting(journeys)
    names = [str(name) for name in counts.channel_names]
    total, lost = float(counts.conversions.sum()), int(counts.nulls.sum())
    limit = _limit(counts.conversions, top)
    found: list[dict[str, Any]] = []
    for place in np.flatnonzero(counts.conversions >= limit).tolist():
        begin, end = counts.offsets[place], counts.offsets[place + 1]
        row: dict[str, Any] = {
            "path": _SEPARATOR.join(names[code] for code in counts.channel[begin:end].tolist()),
            "conversions": int(counts.conversions[place]),
            "value": float(counts.value[place]) if journeys.conversions.has_value else None,
            "share": float(counts.conversions[place]) / total if total else None,
            "nulls": int(counts.nulls[place]),
        }
        row["conversion_rate"] = row["conversions"] / (row["conversions"] + row["nulls"]) if lost else None
        found.append(row)
    found.sort(key=lambda row: (-row["conversions"], -row["nulls"], row["path"]))
    fields = [Field("path", "text"), Field("conversions", "count"), Field("value", "money"), Field("share", "rate")]
    if nulls:
        fields += [Field("nulls", "count"), Field("conversion_rate", "rate")]
    return Paths(
        records=Records.from_rows(fields, found[:top]),
        distinct=len(counts),
        nulls=lost if nulls else None,
        open=journeys.person_paths().open if nulls else None,
    )


def _limit(conversions: NDArray[np.float64], top: int | None) -> float:
    """The fewest conversions that a path among the ``top`` can have."""
    if top is None or len(conversions) <= top:
        return 0.0
    return float(np.partition(conversions, len(conversions) - top)[len(conversions) - top])


def _converting(journeys: Journeys) -> PathCounts:
    """The distinct paths of the touched conversions."""
    lengths, channel, value = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for pairs in journeys.pairs():
        touched = np.flatnonzero(pairs.counts)
        lengths.append(pairs.counts[touched])
        channel.append(journeys.served.channel[pairs.touch].astype(np.int64))
        value.append(journeys.counted.value[pairs.start + touched])
    names = journeys.touches.channel.names
    number, offsets, steps = number_sequences(np.concatenate(lengths), np.concatenate(channel), len(names))
    size = len(offsets) - 1
    return PathCounts(
        offsets=offsets,
        channel=steps,
        channel_names=names.copy(),
        conversions=np.bincount(number, minlength=size).astype(np.float64),
        value=np.bincount(number, weights=np.concatenate(value), minlength=size).astype(np.float64),
        nulls=np.zeros(size),
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Summary(TabularResult):
    """The plan in numbers: one row per quantity (name, value).

    Attributes:
        persons: Persons with a counted conversion.
        conversions: Counted conversions.
        touched_conversions: Those with an eligible touch.
        set_aside: Conversions set aside by ``reuse="first"`` or by a full refund.
        touches: Rows of the touches table.
        touches_used: Touches eligible for at least one conversion.
        channels: Distinct channels in the touches table.
        first_time: First time in either table.
        last_time: Last time in either table.
        rules: The rules, in one line.
    """

    persons: int
    conversions: int
    touched_conversions: int
    set_aside: int
    touches: int
    touches_used: int
    channels: int
    first_time: datetime | None
    last_time: datetime | None
    rules: str
    _journeys: Journeys

    def _records(self) -> Records:
        names = (
            "persons", "conversions", "touched_conversions", "set_aside", "touches", "touches_used", "channels",
            "first_time", "last_time", "rules",
        )  # fmt: skip
        rows = [{"name": name, "value": _shown(getattr(self, name))} for name in names]
        return Records.from_rows((Field("name", "text"), Field("value", "text")), rows)

    def _display(self) -> Display:
        rows = []
        for row in self._records().to_dicts():
            value = getattr(self, row["name"])
            shown = format_value(value, "count") if isinstance(value, int) else row["value"]
            rows.append({"name": messages.text(f"JOURNEYS.{row['name']}"), "value": shown})
        records = Records.from_rows((Field("name", "text"), Field("value", "text")), rows)
        lines = tuple(finding.text() for finding in self._journeys.findings)
        return Display(messages.text("JOURNEYS.TITLE"), (records_table(records), *lines))


def _shown(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return None if value is None else str(value)


def summarise(journeys: Journeys) -> Summary:
    """Count what went in and what came of it."""
    from attribution.journeys.findings import used_touches

    used, untouched = used_touches(journeys)
    files = behind(journeys)
    touched = journeys.touches.time if files is None else np.array(files.times or (), np.int64)
    times = np.concatenate([touched, journeys.conversions.time])
    first, last = (_moment(int(times.min())), _moment(int(times.max()))) if len(times) else (None, None)
    return Summary(
        persons=len(journeys.persons),
        conversions=len(journeys.counted),
        touched_conversions=len(journeys.counted) - untouched,
        set_aside=journeys.later_conversions + int(journeys.conversions.refunded.sum()),
        touches=journeys.touches.table.rows if files is None else files.rows,
        touches_used=int(used.sum()),
        channels=len(journeys.touches.channel.names),
        first_time=first,
        last_time=last,
        rules=journeys.rules.text(),
        _journeys=journeys,
    )


def _moment(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time)
