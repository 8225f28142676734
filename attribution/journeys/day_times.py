"""Times that are days in truth: every touch at midnight, every conversion at one time of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core.findings import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["day_times"]

_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_SHARE = 0.95
_ROWS = 20
_BEIJING_MIDNIGHT = 16  # in UTC


def day_times(table: Table, time: NDArray[np.int64], *, touches: bool) -> tuple[Finding, ...]:
    """A warning when nearly all times fall on one full hour of the day, so that they seem to be days.

    Conversions hardly ever do. Touches that are sent in one go do, so for them the hour must be midnight, in the zone
    of the table or (UTC without a declared zone) in Beijing. Conversions at midnight of their own zone are an error
    before they come here.

    Args:
        table: The opened table.
        time: Its times, in microseconds since 1970, UTC.
        touches: Whether these are touches.
    """
    if len(time) < _ROWS or table.roles.precision == "day":
        return ()
    whole = time % _HOUR == 0
    if whole.mean() <= _SHARE or len(np.unique(time // _DAY)) < 2:
        return ()
    local = _local(table, time)
    hours = np.bincount((local[whole] % _DAY) // _HOUR, minlength=24)
    hour = int(hours.argmax())
    share = float(hours[hour] / len(time))
    shifted = table.roles.timezone is None and hour == _BEIJING_MIDNIGHT
    if share <= _SHARE or (touches and hour and not shifted):
        return ()
    values = {"table": table.name, "hour": f"{hour:02d}:00", "share": share, "n": int(hours[hour])}
    return (Finding(code="DAY_PRECISION", status="warn", values=values),)


def _local(table: Table, time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times in the declared zone, else in that of the column."""
    import pandas as pd

    zone = table.roles.timezone or getattr(table.arrow(table.roles.time).type, "tz", None)
    if zone is None:
        return time
    shown = pd.DatetimeIndex(pd.to_datetime(time, unit="us", utc=True)).tz_convert(zone).tz_localize(None)
    return shown.as_unit("us").asi8
