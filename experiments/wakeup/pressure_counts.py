"""What a log of contacts says about pressure: beyond the cap, the busiest window, after a conversion, the top tenth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["after_conversion", "beyond_cap", "busiest_window", "first_at_least", "top_tenth"]

_CHUNK = 1 << 16
_STEPS = 8


def beyond_cap(
    person: NDArray[np.int64], time: NDArray[np.int64], cap: int, window: int
) -> NDArray[np.bool_]:  # fmt: skip
    """Which contacts are beyond the cap: at least `cap` earlier ones of the person lie less than the window before.

    Contacts are sorted by person and time, so the one that many places before decides.
    """
    beyond = np.zeros(len(time), bool)
    if cap < len(time):
        beyond[cap:] = (person[cap:] == person[:-cap]) & (time[cap:] - time[:-cap] < window)
    return beyond


def first_at_least(
    times: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.int64]:
    """First place in each range ``low:high`` of ascending times whose time is not below the target; `high` if none."""
    low, high = low.copy(), high.copy()
    while True:
        open_ = low < high
        if not open_.any():
            return low
        middle = (low + high) // 2
        before = open_ & (times[np.minimum(middle, len(times) - 1)] < target)
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)


def busiest_window(
    person: NDArray[np.int64], time: NDArray[np.int64], start: NDArray[np.int64], window: int
) -> NDArray[np.int64]:
    """Most contacts of each person within less than the window; 0 for persons without a contact."""
    held = np.empty(len(time), np.int64)

    def block(begin: int, end: int) -> None:
        held[begin:end] = _held(person, time, start, window, np.arange(begin, end))

    in_blocks(block, len(time), block=_CHUNK)
    most = np.zeros(len(start) - 1, np.int64)
    there = np.flatnonzero(np.diff(start))
    if len(there):
        most[there] = np.maximum.reduceat(held, start[there])
    return most


def _held(
    person: NDArray[np.int64], time: NDArray[np.int64], start: NDArray[np.int64], window: int, at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Contacts within less than the window up to each of some contacts, itself among them."""
    held = np.ones(len(at), np.int64)
    first = int(at[0])
    # Most persons have few contacts in a window, so that one earlier contact after the other is soon all of them.
    for earlier in range(1, _STEPS):
        at = at[at - start[person[at]] >= earlier]
        at = at[time[at] - time[at - earlier] < window]
        if not len(at):
            return held
        held[at - first] = earlier + 1
    held[at - first] = at - first_at_least(time, start[person[at]], at, time[at] - window + 1) + 1
    return held


def after_conversion(
    contacts: tuple[NDArray[np.int64], NDArray[np.int64]],
    conversions: tuple[NDArray[np.int64], NDArray[np.int64]],
    persons: int,
    quiet: int,
) -> NDArray[np.bool_]:
    """Which contacts follow a conversion of their person: strictly later, by at most `quiet`.

    Args:
        contacts: Person and time of each contact.
        conversions: Person and time of each conversion, in any order.
        persons: Number of persons.
        quiet: How long a conversion protects from further contacts, microseconds.
    """
    order = np.lexsort((conversions[1], conversions[0]))
    owner, when = conversions[0][order], conversions[1][order]
    start = np.searchsorted(owner, np.arange(persons + 1)).astype(np.int64)
    follows = np.zeros(len(contacts[0]), bool)
    at = np.flatnonzero(np.diff(start)[contacts[0]] > 0)
    if len(at):
        who, time = contacts[0][at], contacts[1][at]
        last = first_at_least(when, start[who], start[who + 1], time) - 1  # the latest conversion before the contact
        follows[at] = (last >= start[who]) & (time - when[np.maximum(last, 0)] <= quiet)
    return follows


def top_tenth(counts: NDArray[np.int64]) -> tuple[int, float]:
    """The number of persons that a tenth of the touched ones is, rounded up, and their share of all contacts."""
    touched = np.sort(counts[counts > 0])[::-1]
    persons = -(-len(touched) // 10)
    return persons, float(touched[:persons].sum() / touched.sum())
