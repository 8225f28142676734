"""Periods counted from each customer's beginning: exact durations, or days and months of the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.wakeup.acts import span
from experiments.wakeup.states_kernel import local_time
from experiments.wakeup.states_moments import DAY

if TYPE_CHECKING:
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

__all__ = ["NAMED", "Periods", "calendar_cohorts", "periods_of"]

NAMED = {"day": 1, "week": 7, "month": 1, "quarter": 3, "year": 12}
_MONTHS = ("month", "quarter", "year")
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, three days after Monday


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Periods after a customer's beginning.

    Attributes:
        name: As the caller wrote it.
        length: Length in microseconds, days or months.
        unit: "exact", "days" or "months".
        zone: Time zone of days and months.
    """

    name: str
    length: int
    unit: str
    zone: ZoneInfo

    def number(self, begin: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """In which period after its beginning each time lies; negative before it."""
        if self.unit == "exact":
            return (time - begin) // self.length
        start, local = local_time(begin, self.zone) // DAY, local_time(time, self.zone) // DAY
        if self.unit == "days":
            return (local - start) // self.length
        return _whole_months(start, local) // self.length

    def complete(self, begin: NDArray[np.int64], end: int) -> NDArray[np.int64]:
        """How many periods of each beginning are over at the end of the data."""
        if self.unit == "exact":
            return (end - begin) // self.length
        # At the end of the data the day that holds the last microsecond is over only when the next day begins there.
        start = local_time(begin, self.zone) // DAY
        day = np.broadcast_to(local_time(np.array([end]), self.zone) // DAY, start.shape)
        if self.unit == "days":
            return (day - start) // self.length
        return _whole_months(start, day) // self.length


def _whole_months(start: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole months from one day to another; the anniversary of a 31st is the last day of a shorter month."""
    first, last = (days.astype("datetime64[D]") for days in (start, day))
    months = [days.astype("datetime64[M]").astype(np.int64) for days in (first, last)]
    in_month = [(days - days.astype("datetime64[M]")).astype(np.int64) for days in (first, last)]
    following = (last.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    longest = (following - last.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) - 1
    whole: NDArray[np.int64] = months[1] - months[0] - (in_month[1] < np.minimum(in_month[0], longest))
    return whole


def periods_of(period: str | timedelta, zone: ZoneInfo, precision: str) -> Periods:
    """The periods that a duration or a name stands for.

    Raises:
        InputError: For anything else, or parts of days with day precision.
    """
    if isinstance(period, str) and period in NAMED:
        unit = "months" if period in _MONTHS else "days"
        return Periods(name=period, length=NAMED[period], unit=unit, zone=zone)
    try:
        length = span(period, "period")
    except InputError as error:
        raise InputError(f"period must be a duration or one of {', '.join(NAMED)}. {error}") from None
    if precision == "day":
        if length % DAY:
            raise InputError(f'with precision="day" a period must be whole days, got {period!r}.')
        return Periods(name=str(period), length=length // DAY, unit="days", zone=zone)
    return Periods(name=str(period), length=length, unit="exact", zone=zone)


def calendar_cohorts(begin: NDArray[np.int64], kind: str, zone: ZoneInfo) -> tuple[NDArray[np.int64], list[str]]:
    """Codes of the calendar cohort of each beginning, and the cohorts' names in time.

    Names: 2026-01-31 (day), 2026-W05 (week, ISO 8601), 2026-01, 2026-Q1, 2026.
    """
    days = local_time(begin, zone) // DAY
    if kind == "day":
        steps = days
    elif kind == "week":
        steps = (days + _EPOCH_WEEKDAY) // 7
    else:
        steps = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // NAMED[kind]
    distinct, codes = np.unique(steps, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), [_named(int(step), kind) for step in distinct]


def _named(step: int, kind: str) -> str:
    if kind == "day":
        return str(np.datetime64(step, "D"))
    if kind == "week":
        from datetime import date, timedelta

        year, week, _ = (date(1970, 1, 1) + timedelta(days=step * 7 - _EPOCH_WEEKDAY)).isocalendar()
        return f"{year}-W{week:02d}"
    if kind == "month":
        return str(np.datetime64(step, "M"))
    if kind == "quarter":
        return f"{1970 + step // 4}-Q{step % 4 + 1}"
    return str(1970 + step)
