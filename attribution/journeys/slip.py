"""A suspected time-zone slip between the two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.plan import Journeys

__all__ = ["suspected_slip"]

_HOUR = 3_600_000_000
_LARGEST = 14  # the largest offset of any time zone, in hours
_CONVERSIONS = 20_000
_LEAST = 100  # touches and conversions, to say anything
_BEFORE = 30  # touches in the hours before the edge
_EDGE = 2  # hours on either side of the suspected edge


def suspected_slip(journeys: Journeys) -> tuple[Finding, ...]:
    """A warning when the touches seem to be late by whole hours against the conversions.

    Touches cause conversions and stop or thin out afterwards, so the number of touches by time since the conversion
    falls off at zero. When the clocks of the tables differ by h hours, the fall is at h instead, and there is none at
    zero: moving one table by h hours makes the touches "after" the conversion collapse. The warning needs at least 30
    touches in the two hours before the edge, less than a fifth of them in the two hours after it, both hours before
    the edge well filled, no fall at zero, and a share of touches after the conversion (within 14 hours) that falls to
    a third. Touches that seem early are not looked for: they look like slow conversions. A slip of one hour is too
    close to zero to be told.
    """
    since = _counts(journeys)
    if since is None:
        return ()
    zero = _LARGEST + _EDGE
    if since[zero : zero + _EDGE].sum() < 0.5 * since[zero - _EDGE : zero].sum():
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


def _counts(journeys: Journeys) -> NDArray[np.int64] | None:
    """Touches by whole hours since a conversion of the same person, from -16 to 28; None when there are few."""
    counted, served = journeys.counted, journeys.served
    if len(counted) < _LEAST or len(served) < _LEAST:
        return None
    step = max(1, len(counted) // _CONVERSIONS)
    person, time = counted.person[::step], counted.time[::step]
    begin = np.searchsorted(served.person, person, side="left")
    end = np.searchsorted(served.person, person, side="right")
    counts = np.minimum(end - begin, 200)  # a few very busy persons must neither decide nor slow this
    first = np.cumsum(counts) - counts
    touch = np.arange(int(counts.sum())) + np.repeat(begin - first, counts)
    late = served.time[touch] - np.repeat(time, counts)
    low = -(_LARGEST + _EDGE)
    # A touch at the very instant belongs before the conversion: hours are open on the left, closed on the right.
    hour = -((-late) // _HOUR) - 1 - low
    inside = (hour >= 0) & (hour < 2 * _LARGEST + _EDGE + _LARGEST)
    return np.bincount(hour[inside], minlength=2 * _LARGEST + _EDGE + _LARGEST)
