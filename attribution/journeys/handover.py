"""Hand-overs: which channel followed which within some minutes of one person, and the chains that they form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, microseconds, parse_duration
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayTable, records_table
from attribution.core.whole import check_whole
from attribution.journeys.behind import whole
from attribution.journeys.sequences import number_sequences
from attribution.kernels.ordering import first_places, sorted_rows
from attribution.touches import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pandas as pd
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["CONVERSION", "START", "HandOvers", "count_hand_overs", "distinct", "touched_persons", "with_heads"]

START = "(start)"
CONVERSION = "(conversion)"
_MINUTE = 60e6
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class HandOvers(TabularResult):
    """Which channel followed which: from_channel, to_channel, count, persons, share_of_from, median_gap_minutes.

    With ``converted_within`` also converted and converted_share. A hand-over is a touch and the person's next touch
    when the gap between them is at most `within` (the end included). share_of_from is of all touches of the first
    channel, whether or not something followed.

    Attributes:
        records: The rows, most frequent first; ends last.
        chains: The most frequent chains of two or more touches, each at most `within` after the one before it: path,
            length, count, persons.
        within: The longest gap.
        of: "all" touches that may take credit, of all persons, or those inside "journeys".
        touches: Touches looked at.
        distinct_chains: Number of distinct chains.
    """

    records: Records
    chains: Records
    within: str
    of: str
    touches: int
    distinct_chains: int

    def matrix(self, measure: str = "count") -> pd.DataFrame:
        """From channels x to channels; 0 where nothing was handed over, missing for an undefined median gap.

        Args:
            measure: "count", "persons", "share_of_from", "median_gap_minutes", and "converted" or "converted_share"
                where they were asked for.

        Raises:
            InputError: For another measure.
        """
        known = [field.name for field in self.records.fields[2:]]
        if measure not in known:
            raise InputError(f"measure must be one of {', '.join(known)}, got {measure!r}.")
        frame = self.table()
        found = frame.pivot_table(index="from_channel", columns="to_channel", values=measure, aggfunc="sum")
        undefined = measure in ("median_gap_minutes", "converted_share")
        channels = sorted({*frame["from_channel"], *frame["to_channel"]}, key=lambda name: (name in _ENDS, name))
        found = found.reindex(
            index=[name for name in channels if name not in (NONE, CONVERSION)],
            columns=[name for name in channels if name != START],
        )
        return found if undefined else found.fillna(0).astype(frame[measure].dtype)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {"within": self.within, "n": self.touches}
        blocks: list[DisplayTable | str] = [_head(self.records, len(self.records))]
        if len(self.chains):
            blocks.append(_head(self.chains, self.distinct_chains, title=messages.text("HAND_OVERS.CHAINS")))
        blocks.append(messages.text(f"HAND_OVERS.OF_{self.of.upper()}", values))
        return Display(messages.text("HAND_OVERS.TITLE", values), tuple(blocks))


_ENDS = (START, CONVERSION, NONE)


def _head(records: Records, rows: int, *, title: str = "") -> DisplayTable:
    shown = Records(records.fields, tuple(column[:_SHOWN_ROWS] for column in records.columns))
    more = rows - len(shown)
    notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more else ()
    return with_heads(records_table(shown, title=title, notes=notes), [field.name for field in shown.fields])


def with_heads(table: DisplayTable, names: Sequence[str]) -> DisplayTable:
    """The table under the headings that these words have here: other results use the same names for other things."""
    heads = [
        replace(column, label=messages.text(f"HEAD.{name}")) if messages.has(f"HEAD.{name}") else column
        for column, name in zip(table.columns, names, strict=True)
    ]
    return replace(table, columns=tuple(heads))


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Touches in order; touches of one sequence (a person, or a journey) stand together.

    Attributes:
        sequence: Sequence of each touch.
        person: Person of each touch: an index into the persons of the conversions, or beyond them.
        time: Microseconds UTC.
        channel: Channel code.
    """

    sequence: NDArray[np.int64]
    person: NDArray[np.int64]
    time: NDArray[np.int64]
    channel: NDArray[np.int64]


def count_hand_overs(
    journeys: Journeys,
    within: str | timedelta,
    *,
    of: Literal["all", "journeys"],
    ends: bool,
    converted_within: str | timedelta | None,
    top: int,
) -> HandOvers:
    """Count the hand-overs among all touches, or inside journeys."""
    limit = parse_duration(within, name="within")
    if of not in ("all", "journeys"):
        raise InputError(f'of must be "all" or "journeys", got {of!r}.')
    top = check_whole("top", top, least=1)
    journeys = whole(journeys) if of == "all" else journeys
    names = [str(name) for name in journeys.touches.channel.names]
    taken = sorted(set(names) & {START, CONVERSION}) if ends else []
    if taken:
        raise InputError(f"a channel is called {taken[0]!r}, the name of an end. Rename it, or leave out ends=True.")
    steps = _all_steps(journeys) if of == "all" else _journey_steps(journeys)
    size = microseconds(limit)
    follows = np.zeros(len(steps.time), bool)  # whether the next touch is a hand-over of this one
    follows[:-1] = (steps.sequence[1:] == steps.sequence[:-1]) & (np.diff(steps.time) <= size)
    totals = np.bincount(steps.channel, minlength=len(names))
    converts = None
    if converted_within is not None:
        converts = microseconds(parse_duration(converted_within, name="converted_within"))
    rows = _links(journeys, steps, follows, totals, converts)
    rows.sort(key=lambda row: (-row["count"], row["from_channel"], row["to_channel"]))
    if ends:
        rows += _end_rows(journeys, steps, follows, size, totals)
    fields = [Field("from_channel", "text"), Field("to_channel", "text"), Field("count", "count")]
    fields += [Field("persons", "count"), Field("share_of_from", "rate"), Field("median_gap_minutes", "number")]
    if converts is not None:
        fields += [Field("converted", "count"), Field("converted_share", "rate")]
    chains, found = _chains(steps, follows, names, top)
    return HandOvers(
        records=Records.from_rows(fields, rows),
        chains=chains,
        within=duration_text(limit),
        of=of,
        touches=len(steps.time),
        distinct_chains=found,
    )


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distinct values, sorted; `np.unique` hashes such long arrays, which takes ten times as long."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def touched_persons(journeys: Journeys) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Rows of the touches that may take credit, the person of each, and the number of persons.

    Persons with a counted conversion have the numbers that they have in the journeys; the others come after them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.flatnonzero(journeys.withheld == 0)
    encoded = journeys.touches.person.take(pa.array(rows)).dictionary_encode()
    names = encoded.dictionary
    known = pc.fill_null(pc.index_in(names, value_set=journeys.persons.cast(names.type)), -1)
    place = known.to_numpy(zero_copy_only=False).astype(np.int64)
    others = place < 0
    place[others] = len(journeys.persons) + np.arange(int(others.sum()))
    return rows, place[encoded.indices.to_numpy(zero_copy_only=False)], len(journeys.persons) + int(others.sum())


def _all_steps(journeys: Journeys) -> _Steps:
    rows, person, _ = touched_persons(journeys)
    time = journeys.touches.time[rows]
    rows, person, time = sorted_rows(rows, person, time, journeys.ties().levels())
    return _Steps(person, person, time, journeys.touches.channel.codes[rows].astype(np.int64))


def _journey_steps(journeys: Journeys) -> _Steps:
    parts = [(pairs.conversion(), pairs.touch) for pairs in journeys.pairs()]
    conversion = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    touch = np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])
    served = journeys.served
    return _Steps(
        conversion, journeys.counted.person[conversion], served.time[touch], served.channel[touch].astype(np.int64)
    )


def _links(
    journeys: Journeys, steps: _Steps, follows: NDArray[np.bool_], totals: NDArray[np.int64], converts: int | None
) -> list[dict[str, Any]]:
    """One row per pair of channels."""
    names, width = journeys.touches.channel.names, len(totals)
    at = np.flatnonzero(follows)
    pair = steps.channel[at] * width + steps.channel[at + 1]
    gap = steps.time[at + 1] - steps.time[at]
    after = None if converts is None else _converts(journeys, steps.person[at], steps.time[at + 1], converts)
    rows = []
    for row in _grouped(pair, gap, steps.person[at], after):
        left, right = divmod(row.pop("group"), width)
        row["share_of_from"] = row["count"] / int(totals[left])
        if after is not None:
            row["converted_share"] = row["converted"] / row["count"]
        rows.append({"from_channel": str(names[left]), "to_channel": str(names[right]), **row})
    return rows


def _grouped(
    group: NDArray[np.int64], gap: NDArray[np.int64], person: NDArray[np.int64], after: NDArray[np.bool_] | None
) -> list[dict[str, Any]]:
    """Count, persons and median gap per group (and how many converted)."""
    order = np.lexsort([gap, group])
    found, begins, counts = np.unique(group[order], return_index=True, return_counts=True)
    sorted_gap = gap[order]
    low, high = sorted_gap[begins + (counts - 1) // 2], sorted_gap[begins + counts // 2]
    median = (low + (high - low) / 2) / _MINUTE
    place = np.searchsorted(found, group)
    both = distinct(place * (int(person.max(initial=0)) + 1) + person)
    persons = np.bincount(both // (int(person.max(initial=0)) + 1), minlength=len(found))
    converted = None if after is None else np.bincount(place, weights=after, minlength=len(found))
    rows = []
    for number, (code, count) in enumerate(zip(found.tolist(), counts.tolist(), strict=True)):
        row = {"group": code, "count": count, "persons": int(persons[number])}
        row["median_gap_minutes"] = float(median[number])
        if converted is not None:
            row["converted"] = int(converted[number])
        rows.append(row)
    return rows


def _next_conversion(journeys: Journeys, person: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long after each time its person converts, at that time or later; -1 where the person does not."""
    counted = journeys.counted
    wait = np.full(len(time), -1, np.int64)
    if not len(counted):
        return wait
    (place,) = first_places(counted.person, counted.time, person, [time])
    inside = np.minimum(place, len(counted) - 1)
    same = (place < len(counted)) & (counted.person[inside] == person)
    wait[same] = counted.time[inside[same]] - time[same]
    return wait


def _converts(journeys: Journeys, person: NDArray[np.int64], time: NDArray[np.int64], limit: int) -> NDArray[np.bool_]:
    wait = _next_conversion(journeys, person, time)
    return (wait >= 0) & (wait <= limit)


def _end_rows(
    journeys: Journeys, steps: _Steps, follows: NDArray[np.bool_], size: int, totals: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Where chains begin and end: (start) to a channel, a channel to (conversion) or to nothing."""
    names, width = journeys.touches.channel.names, len(totals)
    preceded = np.zeros(len(follows), bool)
    preceded[1:] = follows[:-1]
    begin, end = np.flatnonzero(~preceded), np.flatnonzero(~follows)
    rows = []
    starts = max(len(begin), 1)
    for row in _grouped(steps.channel[begin], np.zeros(len(begin), np.int64), steps.person[begin], None):
        channel = str(names[row.pop("group")])
        rows.append(
            {**row, "from_channel": START, "to_channel": channel, "share_of_from": row["count"] / starts,
             "median_gap_minutes": None}
        )  # fmt: skip
    if steps.sequence is steps.person:
        wait = _next_conversion(journeys, steps.person[end], steps.time[end])
    else:
        wait = journeys.counted.time[steps.sequence[end]] - steps.time[end]
    converts = (wait >= 0) & (wait <= size)
    for row in _grouped(steps.channel[end] + width * ~converts, np.where(converts, wait, 0), steps.person[end], None):
        lost, channel = divmod(row.pop("group"), width)
        row.update(from_channel=str(names[channel]), to_channel=NONE if lost else CONVERSION)
        row["share_of_from"] = row["count"] / int(totals[channel])
        rows.append({**row, "median_gap_minutes": None if lost else row["median_gap_minutes"]})
    return rows


def _chains(steps: _Steps, follows: NDArray[np.bool_], names: list[str], top: int) -> tuple[Records, int]:
    """The most frequent chains of two or more touches."""
    fields = (Field("path", "text"), Field("length", "count"), Field("count", "count"), Field("persons", "count"))
    begins = np.flatnonzero(~np.concatenate([[False], follows[:-1]])) if len(follows) else np.empty(0, np.int64)
    lengths = np.diff(np.append(begins, len(follows)))
    long = lengths >= 2
    if not long.any():
        return Records.from_rows(fields, []), 0
    channel = steps.channel[np.repeat(long, lengths)]
    number, offsets, codes = number_sequences(lengths[long], channel, len(names))
    count = np.bincount(number)
    person = steps.person[begins[long]]
    width = int(person.max()) + 1
    persons = np.bincount(distinct(number * width + person) // width, minlength=len(count))
    rows: list[dict[str, object]] = []
    # Sequences are numbered by length, then by their channels: equal counts come in an order of their own.
    for place in np.lexsort([np.arange(len(count)), -count])[:top].tolist():
        path = " > ".join(names[code] for code in codes[offsets[place] : offsets[place + 1]].tolist())
        length = int(offsets[place + 1] - offsets[place])
        rows.append({"path": path, "length": length, "count": int(count[place]), "persons": int(persons[place])})
    return Records.from_rows(fields, rows), len(count)
