"""Journeys as sequences of channels, counted; and the plan in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.formats import format_value
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.eligibility import Pairs
    from attribution.journeys.plan import Journeys

__all__ = ["Paths", "Summary", "count_paths", "summarise"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATOR = " > "


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Paths(TabularResult):
    """The most frequent journeys: path, conversions, value, share (of the conversions with a touch).

    Attributes:
        records: The rows, most conversions first.
        distinct: Number of distinct paths.
    """

    records: Records
    distinct: int

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        more = self.distinct - len(self.records)
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
        return Display(messages.text("JOURNEYS.PATHS_TITLE"), (records_table(self.records, notes=notes),))


def count_paths(journeys: Journeys, top: int | None) -> Paths:
    """Count the paths of the touched conversions."""
    if top is not None and (not isinstance(top, int) or isinstance(top, bool) or top < 1):
        raise InputError(f"top must be a whole number of at least 1, or None for all, got {top!r}.")
    found: dict[tuple[int, ...], list[float]] = {}
    for pairs in journeys.pairs():
        _count(journeys, pairs, found)
    names = [str(name) for name in journeys.touches.channel.names]
    total = sum(count for count, _ in found.values())
    named = [(_SEPARATOR.join(names[code] for code in path), count, value) for path, (count, value) in found.items()]
    named.sort(key=lambda item: (-item[1], item[0]))
    has_value = journeys.conversions.has_value
    rows = [
        {"path": path, "conversions": int(count), "value": value if has_value else None, "share": count / total}
        for path, count, value in named[:top]
    ]
    fields = (Field("path", "text"), Field("conversions", "count"), Field("value", "money"), Field("share", "rate"))
    return Paths(records=Records.from_rows(fields, rows), distinct=len(named))


def _count(journeys: Journeys, pairs: Pairs, found: dict[tuple[int, ...], list[float]]) -> None:
    """Add the paths of some pairs: journeys of one length are the rows of a matrix, equal rows are one path."""
    channel = journeys.served.channel[pairs.touch]
    begins = np.cumsum(pairs.counts) - pairs.counts
    value = journeys.counted.value[pairs.start : pairs.stop]
    for length in np.unique(pairs.counts[pairs.counts > 0]).tolist():
        chosen = np.flatnonzero(pairs.counts == length)
        matrix = channel[begins[chosen][:, None] + np.arange(length)]
        rows, place = _distinct_rows(matrix)
        counts = np.bincount(place, minlength=len(rows))
        values = np.bincount(place, weights=value[chosen], minlength=len(rows))
        for row, count, amount in zip(rows.tolist(), counts.tolist(), values.tolist(), strict=True):
            entry = found.setdefault(tuple(row), [0.0, 0.0])
            entry[0] += count
            entry[1] += amount


def _distinct_rows(matrix: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    raw = np.ascontiguousarray(matrix).view(np.dtype((np.void, matrix.dtype.itemsize * matrix.shape[1]))).ravel()
    _, first, place = np.unique(raw, return_index=True, return_inverse=True)
    return matrix[first], place


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
    times = np.concatenate([journeys.touches.time, journeys.conversions.time])
    first, last = (_moment(int(times.min())), _moment(int(times.max()))) if len(times) else (None, None)
    return Summary(
        persons=len(journeys.persons),
        conversions=len(journeys.counted),
        touched_conversions=len(journeys.counted) - untouched,
        set_aside=journeys.later_conversions + int(journeys.conversions.refunded.sum()),
        touches=journeys.touches.table.rows,
        touches_used=int(used.sum()),
        channels=len(journeys.touches.channel.names),
        first_time=first,
        last_time=last,
        rules=journeys.rules.text(),
        _journeys=journeys,
    )


def _moment(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time)
