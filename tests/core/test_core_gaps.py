"""Places of times, texts and digits whose small changes no other test noticed: blocks, empty rows, far zones."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from attribution.core.columns import Columns
from attribution.core.formats import format_value
from attribution.core.tables import Problems, open_table
from attribution.core.texts import sorted_texts
from attribution.core.times import _day_ends, _regular, _whole_microseconds, instants

HOUR = 3_600_000_000


@pytest.mark.parametrize(("rate", "shown"), [(-0.05678, "−5.68%"), (0.05678, "5.68%"), (-0.000456, "−0.046%")])
def test_a_negative_rate_has_the_digits_of_the_positive_one(rate, shown):
    assert format_value(rate, "rate", lang="en") == shown


def test_texts_of_several_blocks_are_sorted_by_their_bytes():
    stream = np.random.default_rng(2)
    texts = [f"person-{number:06d}" for number in stream.integers(0, 30_000, 40_000).tolist()]
    order, fresh = sorted_texts(pa.array(texts))
    placed = [texts[row] for row in order.tolist()]
    assert placed == sorted(texts)
    assert fresh.sum() == len(set(texts))


@pytest.mark.parametrize(("unit", "scale"), [("ms", 1000), ("s", 1_000_000)])
def test_times_of_several_blocks_are_all_made_microseconds(unit, scale):
    given = np.arange(-5, 140_000, dtype=np.int64)
    found = _whole_microseconds(pa.array(given, pa.timestamp(unit, "UTC")))
    assert np.array_equal(found, given * scale)


def test_no_local_times_are_placed_nowhere():
    placed, rows = _regular(np.empty(0, np.int64), ZoneInfo("Europe/Berlin"))
    assert (len(placed), len(rows)) == (0, 0)


def test_local_times_of_an_evening_whose_clocks_change_in_the_next_day_of_utc_are_looked_at():
    """In Nuuk the clocks of 2021 went from 22:00 to 23:00 on 27 March, at 01:00 of the 28th in UTC."""
    zone, first = ZoneInfo("America/Nuuk"), datetime(2021, 3, 24, 12)
    local = [first + timedelta(hours=hours) for hours in range(24 * 7)]
    micros = np.array([int((time - datetime(1970, 1, 1)) / timedelta(microseconds=1)) for time in local], np.int64)
    placed, rows = _regular(micros, zone)
    left = set(rows.tolist())
    for row, time in enumerate(local):
        away = int(time.replace(tzinfo=zone).utcoffset() / timedelta(microseconds=1))
        assert row in left or placed[row] == micros[row] - away
    assert any(local[row] == datetime(2021, 3, 27, 23) for row in left)


@pytest.mark.parametrize("hour", [0, 1, 13, 23])
def test_a_day_ends_with_its_last_microsecond_whatever_hour_is_given(hour):
    morning = int((datetime(2026, 10, 25) - datetime(1970, 1, 1)) / timedelta(microseconds=1))
    (found,) = _day_ends(np.array([morning + hour * HOUR]), ZoneInfo("Europe/Berlin"))
    assert found == morning - 2 * HOUR + 25 * HOUR - 1  # it began two hours before UTC and lasted 25


def test_midnights_beside_missing_times_are_suspected():
    days = [datetime(2026, 10, 1 + at % 28) for at in range(40)]
    problems = Problems()
    table = pa.table({"time": pa.array([*days, *[None] * 40], pa.timestamp("us", "UTC"))})
    opened = open_table(table, "touches", Columns(), problems=problems)
    assert instants(opened, "time", allow_null=True, end_of_day=True) is None
    assert [issue.code for issue in problems.issues] == ["DAY_PRECISION"]
