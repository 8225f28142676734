"""With day precision silence is counted in days of the calendar, also where the clocks change."""

from __future__ import annotations

import pandas as pd
import pytest
from wakeup_logs import small_log

import attribution as at
import experiments as ex

ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Asia/Shanghai"]
FIRST = pd.Timestamp("2018-01-01")


def columns(zone: str) -> at.Columns:
    return at.Columns(precision="day", timezone=zone)


def log(seed: int) -> pd.DataFrame:
    """Booking dates over a year, with both changes of clocks."""
    rows = small_log(seed, length=365, persons=80)
    return pd.DataFrame({"person_id": rows["person"], "time": FIRST + pd.to_timedelta(rows["day"], unit="D")})


def midnights(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    """The same days as instants; where the clocks skip midnight, the first instant of the day."""
    return rows.assign(time=rows["time"].dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=True))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(3))
def test_the_zone_of_booking_dates_changes_nothing(zone: str, seed: int):
    rows, plain = log(seed), columns("UTC")
    options = {"as_of": "2018-12-20"}
    days = {"days": [0, 1, 5, 30, 90], "horizon": "30d"}
    base = ex.dormancy_curve(rows, **days, **options, columns=plain).table()
    order = {"silent_after": "30d", "replicates": 100}
    orders = ex.nth_purchase(rows, **order, **options, columns=plain).table()
    wait = ex.time_to_next(rows, **options, columns=plain).table()
    there = midnights(rows, zone)
    pd.testing.assert_frame_equal(ex.dormancy_curve(there, **days, **options, columns=columns(zone)).table(), base)
    pd.testing.assert_frame_equal(ex.nth_purchase(there, **order, **options, columns=columns(zone)).table(), orders)
    pd.testing.assert_frame_equal(ex.time_to_next(there, **options, columns=columns(zone)).table(), wait)


def test_as_instants_a_day_of_25_hours_is_longer_than_a_day():
    """The clocks of Berlin went back on 2018-10-28: from its midnight to the next are 25 hours."""
    day = pd.Timestamp("2018-10-28")
    rows = pd.DataFrame({"person_id": ["a", "a"], "time": [day, day + pd.Timedelta("1D")]})
    there, told = midnights(rows, "Europe/Berlin"), {"days": [0, 1], "horizon": "1d", "as_of": "2018-11-30"}
    counted = [
        [row.at_risk for row in ex.dormancy_curve(there, **told, columns=at.Columns(precision=precision)).rows]
        if precision == "instant"
        else [row.at_risk for row in ex.dormancy_curve(there, **told, columns=columns("Europe/Berlin")).rows]
        for precision in ("instant", "day")
    ]
    assert counted == [[2, 2], [2, 1]]


def test_a_window_ends_with_the_last_day_whatever_the_clocks_do():
    """Twenty days from 2018-10-21 end with the last day, 11-10; the extra hour of 10-28 does not let in 10-22."""
    rows = pd.DataFrame({"person_id": ["a", "b"], "time": pd.to_datetime(["2018-10-21", "2018-10-22"])})
    options = {"days": [10], "horizon": "10d", "as_of": "2018-11-10"}
    found = ex.dormancy_curve(rows, **options, columns=columns("Europe/Berlin"))
    assert found.rows[0].at_risk == 1
    reached = ex.nth_purchase(rows, silent_after="20d", as_of="2018-11-10", columns=columns("Europe/Berlin"))
    assert reached.rows[0].reached == 1


def test_registrations_are_placed_on_their_day():
    rows = pd.DataFrame({"person_id": ["a"], "time": pd.to_datetime(["2018-10-29"])})
    when = pd.Timestamp("2018-10-27 18:00", tz="Europe/Berlin")
    registered = pd.DataFrame({"person_id": ["a", "b"], "time": [when, when]})
    found = ex.time_to_first(registered, rows, as_of="2018-11-10", columns={"events": columns("Europe/Berlin")})
    assert found.quantile(0.5).value == 2.0
    curve = ex.dormancy_curve(rows, days=[2], horizon="2d", as_of="2018-11-10", registered=registered,
                              columns={"events": columns("Europe/Berlin")})  # fmt: skip
    # a's wait is over after two days, so it is not longer; b waits, and a is silent since its act.
    assert (curve.rows[0].at_risk, curve.rows[0].returned) == (2, 0)
