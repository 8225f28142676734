"""A suspected time-zone slip: of the touches against the conversions, or of one channel against the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding
from attribution.kernels.ordering import sorted_rows
from attribution.kernels.person_index import index_persons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.values import Labels
    from attribution.journeys.plan import Journeys

__all__ = ["suspected_slip"]

_HOUR = 3_600_000_000
_LARGEST = 14  # the largest offset of any time zone, in hours
_CONVERSIONS = 20_000
_LEAST = 100  # touches and conversions, to say anything
_BEFORE = 30  # touches in the hours before the edge
_EDGE = 2  # hours on either side of the suspected edge
_ZERO = _LARGEST + _EDGE  # where the hours since a conversion are 0
_HOURS = _ZERO + 48
_NEAR = 8  # hours on either side of a conversion, for one channel
_CHINA = 8  # hours between Beijing and UTC: the commonest slip
_ALIKE = 3  # touches by which two shifts may differ and still fit alike
_SEEN = 20  # touches of one channel soon after a conversion


def suspected_slip(journeys: Journeys) -> tuple[Finding, ...]:
    """A warning when the touches seem to be late by whole hours against the conversions.

    Touches cause conversions and stop or thin out afterwards, so the number of touches by time since the conversion
    falls off at zero. When the clocks of the tables differ by h hours, the fall is at h instead, and there is none at
    zero: moving one table by h hours makes the touches "after" the conversion collapse. The warning needs at least 30
    touches in the two hours before the edge, less than a fifth of them in the two hours after it, both hours before
    the edge well filled, neither fall nor rise at zero, and a share of touches after the conversion (within 14 hours)
    that falls to a third. Touches that seem early are not looked for: they look like slow conversions. A slip of one
    hour is too close to zero to be told.

    When the table as a whole is in order, each channel is looked at alone (CHANNEL_TIME_SLIP): one channel's log may
    be in another zone. The warning needs at least 20 touches of the channel within 8 hours after a conversion, more
    than 1.25 times as many as a day later at the same hours, neither fall nor rise at zero, a shift that lowers their
    share to a fifth, and other channels that hardly ever come soon after a conversion. Of the shifts that fit alike, 8
    hours is named when it is among them, else the smallest. A channel that works in the evening while all others work
    in the morning can look the same.
    """
    pairs = _pairs(journeys)
    if pairs is None:
        return ()
    hour, channel = pairs
    found = _of_all(np.bincount(hour, minlength=_HOURS))
    return found or _by_channel(hour, channel, journeys.touches.channel)


def _of_all(since: NDArray[np.int64]) -> tuple[Finding, ...]:
    """The slip of the whole table; `since` counts the touches by hours since a conversion."""
    zero = _ZERO
    if not _level(since):
        return ()
    best: tuple[float, int, float, float] | None = None
    for hours in range(1, _LARGEST + 1):
        edge = zero + hours
        before, after = since[edge - _EDGE : edge], since[edge : edge + _EDGE]
        if before.sum() < _BEFORE or after.sum() > 0.2 * before.sum() or before.min() < 0.2 * before.max():
            continue
        share, moved = _share_after(since, zero), _share_after(since, edge)
        if moved > share / 3:
            continue
        fall = float(before.sum() - after.sum())
        if best is None or fall > best[0]:
            best = (fall, hours, share, moved)
    if best is None:
        return ()
    _, hours, share, moved = best
    return (Finding(code="TIME_ZONE_SLIP", status="warn", values={"hours": hours, "share": share, "moved": moved}),)


def _share_after(since: NDArray[np.int64], edge: int) -> float:
    """Share of touches after an edge, among those within a day's reach on both sides of it."""
    near = since[max(edge - _LARGEST, 0) : edge + _LARGEST]
    return float(since[edge : edge + _LARGEST].sum() / max(int(near.sum()), 1))


def _level(since: NDArray[np.int64]) -> bool:
    """Whether the touches neither fall nor rise where a conversion happens.

    A fall is what clocks that agree show; a rise is the work of messages that answer a conversion (a confirmation).
    """
    before, after = since[_ZERO - _EDGE : _ZERO].sum(), since[_ZERO : _ZERO + _EDGE].sum()
    return bool(0.5 * before <= after <= 3.0 * before)


def _by_channel(hour: NDArray[np.int64], channel: NDArray[np.int64], names: Labels) -> tuple[Finding, ...]:
    """The slips of single channels: their touches straddle the conversions where those of the others come before."""
    everybody = np.bincount(hour, minlength=_HOURS)
    found = []
    for code in np.unique(channel).tolist():
        since = np.bincount(hour[channel == code], minlength=_HOURS)
        others = everybody - since
        after, share = since[_ZERO : _ZERO + _NEAR].sum(), _soon_after(since, _ZERO)
        next_day = since[_ZERO + 24 : _ZERO + 24 + _NEAR].sum()
        plenty = after >= _SEEN and after > 1.25 * next_day
        apart = _around(others, _ZERO) >= _BEFORE and _soon_after(others, _ZERO) <= min(0.1, share / 3)
        if not plenty or not apart or not _level(since):
            continue
        left = {hours: int(since[_ZERO + hours :][:_NEAR].sum()) for hours in range(_EDGE, _LARGEST + 1)}
        fitting = [hours for hours, count in left.items() if count <= min(left.values()) + _ALIKE]
        hours = _CHINA if _CHINA in fitting else fitting[0]
        moved = _soon_after(since, _ZERO + hours)
        if moved <= share / 5:
            rows = int((names.codes == code).sum())
            values = {"channel": str(names.names[code]), "n": rows, "hours": hours, "share": share, "moved": moved}
            found.append(Finding(code="CHANNEL_TIME_SLIP", status="warn", values=values))
    return tuple(found)


def _around(since: NDArray[np.int64], edge: int) -> int:
    return int(since[edge - _NEAR : edge + _NEAR].sum())


def _soon_after(since: NDArray[np.int64], edge: int) -> float:
    """Share of touches after an edge, among those within a few hours on both sides of it."""
    return float(since[edge : edge + _NEAR].sum() / max(_around(since, edge), 1))


def _pairs(journeys: Journeys) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Whole hours since a conversion of the same person, and channel, of each touch near one; None when there are few.

    The hours are counted from -16, the first entry of every histogram here.
    """
    counted = journeys.counted
    step = max(1, len(counted) // _CONVERSIONS)
    person, time = counted.person[::step], counted.time[::step]
    rows, of_person = _touches_of(journeys, person)
    if len(counted) < _LEAST or len(rows) * step < _LEAST:
        return None
    begin = np.searchsorted(of_person, person, side="left")
    end = np.searchsorted(of_person, person, side="right")
    counts = np.minimum(end - begin, 200)  # a few very busy persons must neither decide nor slow this
    first = np.cumsum(counts) - counts
    touch = rows[np.arange(int(counts.sum())) + np.repeat(begin - first, counts)]
    late = journeys.touches.time[touch] - np.repeat(time, counts)
    # A touch at the very instant belongs before the conversion: hours are open on the left, closed on the right.
    hour = -((-late) // _HOUR) - 1 + _ZERO
    inside = (hour >= 0) & (hour < _HOURS)
    return hour[inside], journeys.touches.channel.codes[touch[inside]].astype(np.int64)


def _touches_of(journeys: Journeys, person: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The touches of some persons that may take credit, in order: their rows and persons."""
    import pyarrow as pa

    layout, time = journeys.layout, journeys.touches.time
    among = np.unique(person)
    index, _ = index_persons(layout.index.persons.take(pa.array(among)))
    code = index.codes(layout.touches.keys.words())
    rows = np.flatnonzero(code >= 0 if layout.withheld is None else (code >= 0) & (layout.withheld == 0))
    rows, placed, _ = sorted_rows(rows, code[rows], time[rows], journeys.ties().levels())
    return rows, among[placed]
