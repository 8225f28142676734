"""Does a log of bookings reach the end of what is read from it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ENDS_EARLY", "LogEnd", "log_end"]

ENDS_EARLY = "AS_OF_BEYOND_DATA"
_LATEST = 20
_GAPS, _NEAR_GAPS = 14, 3
_LONGEST_SILENCE = 7 * MICROSECONDS_PER_DAY


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LogEnd:
    """The last booking of anybody, and how long a silence after it says nothing.

    Attributes:
        last: Time of the last row, microseconds.
        allowed: Longest silence that is taken for chance, microseconds.
        near: How far the log is taken to reach beyond its last row once it is known to end early, microseconds.
        rows: Number of rows.
    """

    last: int
    allowed: int
    near: int
    rows: int

    def before(self, end: int) -> bool:
        """Whether the log falls silent well before an instant, microseconds."""
        return end - self.last > self.allowed

    def reached(self, ends: Sequence[int]) -> int:
        """How many of some instants, ascending, the log reaches: all of them unless it ends well before the last."""
        if not len(ends) or not self.before(ends[-1]):
            return len(ends)
        return sum(end - self.last <= self.near for end in ends)

    def finding(self, as_of: str, end: int) -> Finding:
        """The warning that what is read until an instant goes beyond the log."""
        values = {
            "as_of": as_of, "last": _day(self.last), "end": _day(end), "rows": self.rows,
            "days": (end - self.last) / MICROSECONDS_PER_DAY,
        }  # fmt: skip
        return Finding(code=ENDS_EARLY, status="warn", values=values)


def log_end(time: NDArray[np.int64]) -> LogEnd | None:
    """Where a log ends, from the times of all its rows in any order; None with fewer than 20, which say nothing.

    A silence is taken for an end when it is longer than a week and than 14 mean gaps of the last 20 rows: rows that
    come at random at their last pace leave such a gap less than once in 10,000 logs. The last pace is used, since
    returns grow rare after a campaign. A log that ends reaches a day beyond its last row, or three such gaps.
    """
    if len(time) < _LATEST:
        return None
    latest = np.partition(time, len(time) - _LATEST)[-_LATEST:]
    gap = float(np.ptp(latest)) / (_LATEST - 1)
    return LogEnd(
        last=int(latest.max()), allowed=max(_LONGEST_SILENCE, int(_GAPS * gap)),
        near=max(MICROSECONDS_PER_DAY, int(_NEAR_GAPS * gap)), rows=len(time),
    )  # fmt: skip


def _day(time: int) -> str:
    return str(np.datetime64(time, "us").astype("datetime64[D]"))
