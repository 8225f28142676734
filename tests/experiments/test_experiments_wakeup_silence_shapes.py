"""Silence and orders on odd logs: empty, one person, one instant, naive times, odd names; what must not change."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wakeup_logs import FIRST, date_of, events_of, small_log

import attribution as at
import experiments as ex

CALLS = {
    "dormancy_curve": lambda events, **options: ex.dormancy_curve(events, horizon="15d", days=[0, 10], **options),
    "nth_purchase": lambda events, **options: ex.nth_purchase(events, silent_after="15d", replicates=100, **options),
    "time_to_next": ex.time_to_next,
    "time_to_first": lambda events, **options: ex.time_to_first(REGISTERED, events, **options),
}
REGISTERED = pd.DataFrame({"person_id": [f"p{i}" for i in range(40)], "time": FIRST})
every = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@every
@pytest.mark.parametrize(
    ("events", "error", "match"),
    [
        (pd.DataFrame({"person_id": ["a"], "time": [FIRST]}).iloc[:0], ex.InputError, "hold no row"),
        (pd.DataFrame({"person_id": ["a"]}), ex.TableError, "time"),
        (pd.DataFrame({"person_id": ["a", None], "time": [FIRST, FIRST]}), ex.TableError, "NULL_KEY"),
        (pd.DataFrame({"person_id": ["a", "b"], "time": [FIRST, pd.NaT]}), ex.TableError, "NULL_TIME"),
        (pd.DataFrame({"person_id": ["a"], "time": [pd.Timestamp("2025-01-01 09:30")]}), ex.WakeLiftError, "zone"),
        (pd.DataFrame({"person_id": ["a"], "time": [FIRST + pd.Timedelta(days=900)]}), ex.InputError, "none of them"),
    ],
    ids=["empty", "no time", "no person", "missing time", "naive", "too late"],
)
def test_unusable_logs_say_why(call, events: pd.DataFrame, error: type[Exception], match: str):
    with pytest.raises(error, match=match):
        call(events, as_of=date_of(120))


@every
def test_the_callers_table_stays_as_it_was_and_names_are_free(call):
    events = events_of(small_log(1)).rename(columns={"person_id": "客户", "time": "时间 | <b>"})
    before = events.copy()
    found = call(events, as_of=date_of(120), columns={"events": at.Columns(person="客户", time="时间 | <b>")})
    pd.testing.assert_frame_equal(events, before)
    plain = call(events_of(small_log(1)), as_of=date_of(120))
    pd.testing.assert_frame_equal(found.table(), plain.table())
    assert found.recipe.fingerprint == plain.recipe.fingerprint


@every
def test_naive_times_are_read_in_the_declared_zone(call):
    events = events_of(small_log(2))
    naive = events.assign(time=events["time"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None))
    columns = {"events": at.Columns(timezone="Asia/Shanghai")}
    mine = call(naive, as_of="2025-05-01T00:00:00+00:00", columns=columns)
    plain = call(events, as_of="2025-05-01T00:00:00+00:00")
    pd.testing.assert_frame_equal(mine.table(), plain.table())


@every
def test_one_person_and_one_instant(call):
    one = pd.DataFrame({"person_id": ["p1"], "time": [FIRST]})
    same = pd.DataFrame({"person_id": ["p1"] * 3 + ["p2"] * 2, "time": FIRST})
    for events in (one, same):
        table = call(events, as_of=date_of(120)).table()
        assert len(table) > 0
        numbers = table.select_dtypes("number")
        undefined = (
            numbers.drop(columns=[name for name in numbers if name.endswith(("low", "high"))]).isna().any(axis=1)
        )
        # What is undefined says why.
        assert (table.loc[undefined, "note"] != "").all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), min_size=1, max_size=40),
    st.integers(1, 1000),
    st.integers(2, 3),
)
def test_moving_the_clock_or_doubling_the_persons_changes_no_share(acts: list[tuple[int, int]], shift: int, times: int):
    log = pd.DataFrame(acts, columns=["person", "day"])
    plain = ex.dormancy_curve(events_of(log), horizon="15d", as_of=date_of(90), days=[0, 5, 20])
    moved = ex.dormancy_curve(
        events_of(log.assign(day=log["day"] + shift)), horizon="15d", as_of=date_of(90 + shift), days=[0, 5, 20]
    )
    pd.testing.assert_frame_equal(moved.table(), plain.table())
    copies = pd.concat([log.assign(person=log["person"] + 10 * i) for i in range(times)])
    more = ex.dormancy_curve(events_of(copies), horizon="15d", as_of=date_of(90), days=[0, 5, 20])
    for one, other in zip(plain.rows, more.rows, strict=True):
        assert other.at_risk == times * one.at_risk
        assert other.rate.value == one.rate.value
        if one.second.value is not None:
            assert other.second.value == pytest.approx(one.second.value, abs=1e-12)
        if one.rate.value is not None:
            assert 0.0 <= one.rate.low <= one.rate.value <= one.rate.high <= 1.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 60)), min_size=1, max_size=40))
def test_orders_add_up(acts: list[tuple[int, int]]):
    log = pd.DataFrame(acts, columns=["person", "day"])
    found = ex.nth_purchase(events_of(log), as_of=date_of(90), silent_after="15d", up_to=40, replicates=100)
    table = found.table()
    assert table["customers"].sum() == log["person"].nunique()
    assert table["cumulative"].iloc[-1] == 1.0
    # Everybody's silence is over: who reached an order and did not stop at once or later reached the next one.
    reached = table["reached"].to_numpy()
    assert (reached[1:] == (reached - table["stopped"] + table["late"]).to_numpy()[:-1]).all()
    assert (table["late"] <= table["stopped"]).all()
    assert reached[0] == log["person"].nunique()


def test_day_precision_reads_calendar_days():
    """Booked on days of Shanghai: the horizon is counted in whole days from the day's beginning."""
    days = pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-01", "2025-01-12"])
    events = pd.DataFrame({"person_id": list("aabb"), "time": days})
    columns = at.Columns(timezone="Asia/Shanghai", precision="day")
    found = ex.dormancy_curve(events, horizon="5d", as_of="2025-03-01", days=[5], columns=columns)
    assert (found.rows[0].at_risk, found.rows[0].returned) == (4, 1)
    assert math.isclose(found.rows[0].rate.value, 0.25)
    assert np.isfinite(found.rows[0].rate.high)
