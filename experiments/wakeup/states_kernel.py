"""The state of every customer at a moment, and what happens between two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.wakeup.acts import span
from experiments.wakeup.states_customers import EMPTY, NEVER
from experiments.wakeup.states_moments import DAY

if TYPE_CHECKING:
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts
    from experiments.wakeup.states_customers import Customers
    from experiments.wakeup.states_moments import Moment

__all__ = [
    "ACTIVE",
    "CHURNED",
    "DORMANT",
    "NOT_YET",
    "STATES",
    "Limits",
    "known_acts",
    "limits_of",
    "local_day",
    "local_time",
    "state_at",
]

STATES = ("active", "dormant", "churned", "not_yet")
ACTIVE, DORMANT, CHURNED, NOT_YET = range(4)
Limits = tuple[int, int]


def limits_of(dormant_after: str | timedelta, churned_after: str | timedelta) -> Limits:
    """The two limits of silence in microseconds.

    Raises:
        InputError: For a bare number, or limits that are not in order.
    """
    limits = span(dormant_after, "dormant_after"), span(churned_after, "churned_after")
    if limits[0] >= limits[1]:
        raise InputError(
            f"churned_after must be longer than dormant_after, got {churned_after!r} and {dormant_after!r}. Customers "
            'are dormant between the two, for example dormant_after="180d", churned_after="720d".'
        )
    return limits


def local_time(time: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Microseconds on the clocks of a time zone, for calendar days; without changes of clocks a shift."""
    if zone.key == "UTC":
        return time
    import pandas as pd

    shown = pd.DatetimeIndex(pd.to_datetime(time, unit="us", utc=True)).tz_convert(zone).tz_localize(None)
    found: NDArray[np.int64] = shown.as_unit("us").asi8
    return found


def local_day(time: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The day of the calendar, as the microseconds of its midnight, also where the clocks skip that midnight."""
    local = local_time(time, zone)
    return local - local % DAY


def known_acts(acts: Acts, cut: int) -> NDArray[np.int64]:
    """Acts before a moment, for each acting person."""
    if cut >= acts.as_of:
        return acts.counts
    return np.add.reduceat(acts.time < cut, acts.start[:-1], dtype=np.int64)


def state_at(
    acts: Acts, people: Customers, moment: Moment, limits: Limits, known: NDArray[np.int64] | None = None
) -> NDArray[np.int8]:
    """The state of everybody at a moment, from acts before it alone (`known`: their number, if it is there)."""
    known = known_acts(acts, moment.cut) if known is None else known
    last = acts.time[np.maximum(acts.start[:-1] + known - 1, 0)]
    silent = _ages(last, moment, acts)
    own = np.where(silent <= limits[0], ACTIVE, np.where(silent <= limits[1], DORMANT, CHURNED))
    own = np.where(known > 0, own, NOT_YET).astype(np.int8)
    place = np.maximum(people.acting, 0)
    acted = people.acting >= 0
    state = np.where(acted, own[place], np.int8(NOT_YET)).astype(np.int8)
    if (people.closed != NEVER).any():
        latest = np.where(acted & (known > 0)[place], last[place], EMPTY)
        state[(people.closed < moment.cut) & (latest <= people.closed)] = CHURNED
    return state


def _ages(last: NDArray[np.int64], moment: Moment, acts: Acts) -> NDArray[np.int64]:
    """How long ago the last act was; with day precision in days of the calendar."""
    if acts.table.roles.precision == "day":
        return local_day(np.array([moment.at]), acts.zone) - local_day(last, acts.zone)
    return moment.at - last
