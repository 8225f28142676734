"""The forward key event: what a person has to do between a touch and the conversion for the touch to take credit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import closest
from attribution.core.tables import Table, open_table
from attribution.core.values import Labels, encode_together, instants, keys, labels
from attribution.journeys.matching import match_codes
from attribution.kernels.ordering import first_places, person_time_order

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import Columns
    from attribution.core.tables import Problems
    from attribution.rules import Rules
    from attribution.touches import Touches

__all__ = ["NO_EVENT", "KeyEvents", "next_key_event", "read_key_events", "wanted_events"]

NO_EVENT = int(np.iinfo(np.int64).max)  # later than any conversion


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KeyEvents:
    """The table of key events, checked; one entry per row of the caller's table, in its order.

    Attributes:
        table: The table itself, for the columns of `key_event_match`.
        person: Person keys.
        time: Microseconds since 1970-01-01 UTC.
        event: What the person did; None without that column, and then every row is the key event.
    """

    table: Table
    person: pa.Array
    time: NDArray[np.int64]
    event: Labels | None


def read_key_events(data: object, roles: Columns, *, problems: Problems) -> KeyEvents | None:
    """Check the table of key events; None when it is unusable, which is noted in `problems`."""
    table = open_table(data, "key_events", roles, problems=problems, required=("person", "time"), optional=("event",))
    # A day counts at its end, as for conversions: the touches of that day come before the event.
    person, time = keys(table, "person"), instants(table, "time", end_of_day=True)
    event = labels(table, roles.event) if table.has("event") else None
    if person is None or time is None or (table.has("event") and event is None):
        return None
    return KeyEvents(table=table, person=person, time=time, event=event)


def wanted_events(events: KeyEvents, rules: Rules, problems: Problems) -> NDArray[np.int64]:
    """Rows that hold the key event of the rules; a name that the table does not have is noted."""
    if events.event is None:
        return np.arange(len(events.time))
    names = [str(name) for name in events.event.names]
    rows = np.flatnonzero(np.isin(events.event.codes, np.flatnonzero([name == rules.key_event for name in names])))
    if not len(rows) and len(events.time):
        message = f"no row has the key event {rules.key_event!r}. {closest(str(rules.key_event), names)}"
        problems.add(
            "UNKNOWN_KEY_EVENT", "key_events", events.table.roles.event, len(events.time), message=message,
            examples=names,
        )  # fmt: skip
    return rows


def next_key_event(
    touches: Touches, touch_rows: NDArray[np.integer], events: KeyEvents, rows: NDArray[np.int64], rules: Rules
) -> NDArray[np.int64]:
    """When the person of each touch first did the key event at or after it; `NO_EVENT` where that never happened.

    Args:
        touches: The touches.
        touch_rows: Rows of the touches that are asked for.
        events: The key events.
        rows: Their rows that hold the wanted event.
        rules: Which columns touch and key event must agree in.
    """
    import pyarrow as pa

    (touch_codes, event_codes), _ = encode_together(
        touches.person.take(pa.array(touch_rows)), events.person.take(pa.array(rows))
    )
    left, right = touch_codes.astype(np.int64), event_codes.astype(np.int64)
    known = np.ones(len(left), bool)
    if rules.key_event_match:
        found_left, found_right = match_codes(touches.table, events.table, rules.key_event_match)
        found_left, found_right = found_left[touch_rows], found_right[rows]
        width = max(int(found_left.max(initial=0)), int(found_right.max(initial=0))) + 1
        known, usable = found_left >= 0, found_right >= 0
        rows, right = rows[usable], (right * width + found_right)[usable]
        _, dense = np.unique(np.concatenate([left * width + found_left, right]), return_inverse=True)
        left, right = dense[: len(left)], dense[len(left) :]
    begin, time = touches.time[touch_rows], events.time[rows]
    order, asked = _by_group_and_time(right, time), _by_group_and_time(left, begin)
    time, right = time[order], right[order]
    place = np.empty(len(left), np.int64)
    (place[asked],) = first_places(right, time, left[asked], [begin[asked]])
    found = np.full(len(left), NO_EVENT, np.int64)
    inside = place < len(right)
    inside[inside] = right[place[inside]] == left[inside]
    inside &= known
    found[inside] = time[place[inside]]
    return found


def _by_group_and_time(group: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
    return person_time_order(group, time)
