"""Days, weeks and months of a place: the local calendar of instants."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from attribution.core.errors import InputError, closest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PERIODS", "check_period", "check_zone", "local_days", "period_dates", "period_numbers"]

PERIODS = ("day", "week", "month")
_DAY = 86_400_000_000
_MONDAY = 3  # 1970-01-01 was a Thursday: three days after a Monday


def check_period(period: object) -> str:
    """The period, or `InputError`."""
    if period not in PERIODS:
        raise InputError(f"period must be one of {', '.join(PERIODS)}, got {period!r}. {closest(str(period), PERIODS)}")
    return str(period)


def check_zone(timezone: object) -> ZoneInfo:
    """The time zone of a name, or `InputError`."""
    try:
        return ZoneInfo(timezone) if isinstance(timezone, str) else _no_zone(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {timezone!r}.') from error


def _no_zone(given: object) -> ZoneInfo:
    raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {given!r}.')


def local_days(times: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The local calendar day of each instant, as days since 1970-01-01; clock changes of the zone are respected."""
    import pandas as pd

    instants = pd.DatetimeIndex(pd.to_datetime(times, unit="us", utc=True)).tz_convert(zone)
    local: NDArray[np.int64] = instants.tz_localize(None).as_unit("us").asi8 // _DAY
    return local


def period_numbers(days: NDArray[np.int64], period: str) -> NDArray[np.int64]:
    """Number the periods that hold some days, so that the next period has the next number."""
    if period == "day":
        return days
    if period == "week":
        return (days + _MONDAY) // 7
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def period_dates(numbers: NDArray[np.int64], period: str) -> NDArray[np.datetime64]:
    """The first day of each period: the day itself, the Monday of the week (ISO 8601), the first of the month."""
    if period == "month":
        return numbers.astype("datetime64[M]").astype("datetime64[D]")
    days = numbers if period == "day" else numbers * 7 - _MONDAY
    return days.astype("datetime64[D]")
