"""Instants: every unit, zone and layout gives the same microseconds, near and far from the changes of clocks."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attribution.core import threads, times
from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from attribution.core.times import instants
from oracles import columns_read as oracle

ZONES = [
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Gaza",
]
DAY = 86_400_000_000
UNITS = {"s": 10**6, "ms": 10**3, "us": 1}
LOWEST = np.iinfo(np.int64).min
# 1900 to 2100
MICROSECONDS = st.one_of(
    st.integers(-2_208_988_800_000_000, 4_102_444_800_000_000),
    st.integers(1_790_000_000_000_000, 1_790_000_100_000_000),
    st.integers(-(10**7), 10**7),
)


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"], autouse=True)
def workers(request, monkeypatch):
    monkeypatch.setattr(threads, "thread_count", lambda length: request.param)


def read(column, *, table=pa.table, **roles):
    problems = Problems()
    opened = open_table(table({"time": column}), "touches", Columns(**roles), problems=problems)
    return instants(opened, "time", allow_null=True), problems.issues


@given(st.lists(MICROSECONDS, max_size=12), st.sampled_from(list(UNITS)), st.sampled_from(ZONES))
def test_times_of_a_zone_are_their_microseconds_in_every_unit(cells, unit, zone):
    whole = [cell // UNITS[unit] * UNITS[unit] for cell in cells]
    array = pa.array(whole, pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone))
    around = pa.chunked_array([array[:3], array[3:]])
    series = pd.Series(pd.to_datetime(whole, unit="us", utc=True)).dt.tz_convert(zone).dt.as_unit(unit)
    for column, table in (
        (array, pa.table), (around, pa.table), (series, pd.DataFrame),
        (pl.from_arrow(array) if unit != "s" else pl.Series(whole, dtype=pl.Datetime("us", zone)), pl.DataFrame),
    ):  # fmt: skip
        found, issues = read(column, table=table)
        assert (found.tolist(), issues) == (whole, [])


@given(st.lists(st.integers(-(2**62), 2**62), max_size=12), st.booleans())
def test_nanoseconds_are_cut_to_microseconds_as_arrow_cuts_them(cells, empty):
    cells = [*cells, None] if empty else cells
    array = pa.array(cells, pa.timestamp("ns", "UTC"))
    expected = array.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64()).fill_null(LOWEST)
    found, _ = read(array)
    assert found.tolist() == expected.to_pylist()
    frame, _ = read(array.to_pandas(), table=pd.DataFrame)
    assert frame.tolist() == expected.to_pylist()


def test_microseconds_stay_where_they_are():
    array = pa.array([5, 3], pa.timestamp("us", "UTC"))
    assert np.shares_memory(read(array)[0], array.cast(pa.int64()).to_numpy())
    values = np.array([5, 3], "datetime64[us]")
    series = pd.Series(values, copy=False).dt.tz_localize("UTC")
    found, _ = read(series, table=pd.DataFrame)
    assert found.tolist() == [5, 3]


@given(st.data(), st.sampled_from(ZONES))
@settings(max_examples=200)
def test_local_times_are_placed_as_python_places_them(data, zone):
    place = ZoneInfo(zone)
    first = data.draw(st.integers(-25_000, 47_000))
    near = st.integers(first * DAY, (first + 30) * DAY)
    cells = data.draw(st.lists(st.one_of(near, near.map(lambda cell: cell // 10**9 * 10**9)), min_size=40, max_size=60))
    expected = [oracle.utc_of(cell, place) for cell in cells]
    found, issues = read(pa.array(cells, pa.timestamp("us")), timezone=zone)
    lost = expected.count(None)
    if lost:
        assert found is None
        assert [(issue.code, issue.count) for issue in issues] == [("AMBIGUOUS_TIME", lost)]
    else:
        assert found.tolist() == expected
    assume(lost < len(cells))
    held = [cell for cell, utc in zip(cells, expected, strict=True) if utc is not None]
    found, issues = read(pa.array([*held, None], pa.timestamp("us")), timezone=zone)
    assert (found.tolist(), list(issues)) == ([*(utc for utc in expected if utc is not None), LOWEST], [])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
def test_the_days_of_a_change_of_clocks_are_looked_at_one_by_one(zone):
    hours = np.arange(350_400, 350_400 + 760 * 24) * 3_600_000_000  # two years, from 2009-12-22: Apia leaves out a day
    placed, rows = times._regular(hours, ZoneInfo(zone))
    expected = [oracle.utc_of(int(hour), ZoneInfo(zone)) for hour in hours]
    regular = np.setdiff1d(np.arange(len(hours)), rows)
    assert placed[regular].tolist() == [expected[row] for row in regular]
    assert {row for row, utc in enumerate(expected) if utc is None} <= set(rows.tolist())
    assert len(rows) < len(hours) / 8


def test_no_zone_changes_its_clocks_twice_within_three_days():
    begin, end = (pd.Timestamp(text, tz="UTC") for text in ("1900-01-01", "2100-01-01"))
    noon = pd.date_range(begin, end, freq="12h")
    for zone in sorted(available_timezones()):
        away = noon.tz_convert(ZoneInfo(zone)).tz_localize(None).asi8 - noon.tz_localize(None).asi8
        changed = np.flatnonzero(np.diff(away))
        assert (np.diff(changed) >= 6).all(), zone


def test_times_far_apart_are_placed_too():
    cells = [-60_000_000_000_000_000, *range(1_790_000_000_000_000, 1_790_000_000_000_030), 253_000_000_000_000_000]
    found, issues = read(pa.array(cells, pa.timestamp("us")), timezone="Asia/Shanghai")
    assert (found[1:].tolist(), list(issues)) == ([cell - 8 * 3_600_000_000 for cell in cells[1:]], [])


@pytest.mark.parametrize("share", [0.94, 0.96])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("else_at", [1, 1_000_000], ids=["a fraction", "a second"])
def test_nearly_all_midnights_are_suspected(share, zone, else_at):
    days = pd.date_range("2026-06-01", periods=100, tz=zone)
    moved = days + pd.to_timedelta(np.where(np.arange(100) < 100 * share, 0, else_at), unit="us")
    problems = Problems()
    data = pd.DataFrame({"time": moved})
    found = instants(open_table(data, "touches", Columns(), problems=problems), "time", end_of_day=True)
    told = [(issue.code, issue.count) for issue in problems.issues]
    assert told == ([] if share < 0.95 else [("DAY_PRECISION", 96)])
    assert (found is None) == bool(told)


@pytest.mark.parametrize("end", [-(2**63) + 1, 2**63 - 1])
def test_infinite_times_of_a_database_are_missing(end):
    times = pa.array([0, end, 1], pa.int64()).cast(pa.timestamp("us", "UTC"))
    problems = Problems()
    table = open_table(pa.table({"time": times}), "touches", Columns(), problems=problems, required=("time",))
    assert instants(table, "time") is None
    assert [(issue.code, issue.count, issue.examples) for issue in problems.issues] == [("NULL_TIME", 1, ("'row 1'",))]
    assert instants(table, "time", allow_null=True).tolist() == [0, -(2**63), 1]
