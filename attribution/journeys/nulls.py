"""Null journeys: the touches that served no conversion, in the runs in which they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.values import encode_together
from attribution.journeys.eligibility import local_days, touch_lookbacks
from attribution.kernels.ordering import first_places, person_time_order, sorted_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["NullJourneys", "null_journeys"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NullJourneys:
    """Journeys that ended without a conversion, each person's one after the other.

    Attributes:
        counts: Touches of each journey.
        row: Rows of the touches table, journey after journey, in order.
        person: Person of each journey: an index into `persons`.
        persons: All persons with a leftover touch or a counted conversion, sorted.
        open: Journeys left out because they could still have converted when observation ended.
        departed: Touches left out because they came after the person's counted conversion under ``reuse="first"``.
    """

    counts: NDArray[np.int64]
    row: NDArray[np.int64]
    person: NDArray[np.int64]
    persons: pa.Array
    open: int
    departed: int


def null_journeys(journeys: Journeys) -> NullJourneys:
    """Split the leftover touches of every person into null journeys.

    A leftover touch may take credit but served no counted conversion. The leftover touches of a person, in order, are
    split at every conversion and wherever the gap to the previous one exceeds the lookback of the earlier touch. A
    journey whose last touch is less than its lookback before the end of observation is still open: left out, counted.
    With ``reuse="first"`` observation of a person ends with the conversion that counts; a person whose conversions were
    all refunded has none. Where the window counts dates, gaps and the end are measured in dates, too.
    """
    rows = np.flatnonzero(_leftover(journeys))
    left, persons = _persons(journeys, rows)
    time = journeys.touches.time[rows]
    conversion_person, conversion_time, counted = _conversions(journeys, persons)
    rows, left, time = sorted_rows(rows, left, time, journeys.ties().levels())
    moment = time if journeys.rules.same_instant == "include" else time + 1
    # Conversions before each touch, over all persons: two touches between which none lies have the same number.
    earlier = _places(conversion_person, conversion_time, left, moment)
    departed = 0
    if journeys.rules.reuse == "first":
        # A touch is past its person's end where that person's conversion, not an earlier person's, came before it.
        ends = conversion_person[counted], conversion_time[counted]
        stays = _places(*ends, left, moment) == _places(*ends, left, np.full(len(left), np.iinfo(np.int64).min))
        departed = int((~stays).sum())
        rows, left, time, earlier = rows[stays], left[stays], time[stays], earlier[stays]
    lookback = _lookbacks(journeys)[rows]
    clock, until = _clock(journeys, time)
    begins = np.ones(len(rows), bool)
    begins[1:] = (left[1:] != left[:-1]) | (earlier[1:] != earlier[:-1]) | (np.diff(clock) > lookback[:-1])
    first = np.flatnonzero(begins)
    counts = np.diff(np.append(first, len(rows)))
    last = first + counts - 1
    closed = until - clock[last] >= lookback[last]
    return NullJourneys(
        counts=counts[closed],
        row=rows[np.repeat(closed, counts)],
        person=left[first[closed]],
        persons=persons,
        open=int((~closed).sum()),
        departed=departed,
    )


def _places(
    person: NDArray[np.int64], time: NDArray[np.int64], left: NDArray[np.int64], moment: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many conversions, over all persons in order, come before each person and moment."""
    order = person_time_order(person, time)
    (found,) = first_places(person[order], time[order], left, [moment])
    return found


def _clock(journeys: Journeys, time: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """What the lookbacks are compared with: the times and the end of observation, or the dates where dates count."""
    end, rules = journeys.observed[1], journeys.rules
    if rules.window != "calendar_days" or rules.timezone is None:
        return time, end
    # A date is over once the next one has begun: until then a conversion on it may still come.
    next_day = int(local_days(np.array([end + 1]), rules.timezone)[0])
    return local_days(time, rules.timezone) * MICROSECONDS_PER_DAY, next_day * MICROSECONDS_PER_DAY - 1


def _leftover(journeys: Journeys) -> NDArray[np.bool_]:
    """Rows of the touches that may take credit and served no counted conversion."""
    left: NDArray[np.bool_] = journeys.withheld == 0
    for pairs in journeys.pairs(transformed=False):
        left[journeys.served.row[pairs.touch]] = False
    return left


def _persons(journeys: Journeys, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], pa.Array]:
    """Person codes of some touches, over all persons who matter, and these persons."""
    import pyarrow as pa

    touched = journeys.touches.person.take(pa.array(rows))
    codes, names = encode_together(touched, journeys.persons.cast(touched.type))
    return codes[0].astype(np.int64), pa.array(names.tolist(), type=touched.type)


def _conversions(
    journeys: Journeys, persons: pa.Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Person code and time of every conversion that is no refund row, and which of them are counted."""
    import pyarrow.compute as pc

    codes = pc.fill_null(pc.index_in(journeys.conversions.person.cast(persons.type), value_set=persons), -1)
    person = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    known = (person >= 0) & ~journeys.conversions.refund
    counted = np.zeros(len(person), bool)
    counted[journeys.counted.row] = True
    return person[known], journeys.conversions.time[known], counted[known]


def _lookbacks(journeys: Journeys) -> NDArray[np.int64]:
    """The lookback of every row of the touches, in microseconds."""
    found = touch_lookbacks(journeys.touches, journeys.rules)
    each = found.of(journeys.touches, slice(None))
    return np.full(journeys.touches.table.rows, found.longest, np.int64) if each is None else each
