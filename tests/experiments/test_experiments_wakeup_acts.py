"""The log of acts: sorted by person and time, cut at the date of the data, with every problem listed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import attribution as at
from experiments.wakeup.acts import read_acts, span


def _log() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": ["b", "a", "b", "c"],
            "time": pd.to_datetime(["2026-03-02", "2026-01-05", "2026-01-09", "2026-08-01"], utc=True),
            "amount": [1.0, 2.0, 3.0, 4.0],
            "shop": ["x", "y", None, "x"],
        }
    )


def test_acts_are_sorted_and_cut_at_as_of():
    acts = read_acts(_log(), as_of="2026-06-30")
    assert acts.persons.to_pylist() == ["a", "b"]
    assert acts.counts.tolist() == [1, 2]
    assert acts.numbers("amount").tolist() == [2.0, 3.0, 1.0]
    assert acts.labels("shop").values().tolist() == ["y", "", "x"]
    assert acts.next_time(-1).tolist() == [-1, int(acts.time[2]), -1]
    assert [finding.code for finding in acts.findings] == ["ACTS_AFTER_AS_OF"]


def test_as_of_a_date_is_its_end_and_the_instant_itself_is_outside():
    log = pd.DataFrame({"person_id": ["a", "a"], "time": ["2026-01-05T23:59:59Z", "2026-01-06T00:00:00Z"]})
    assert len(read_acts(log, as_of="2026-01-05").time) == 1


@pytest.mark.parametrize("kind", ["polars", "arrow", "reversed"])
def test_kind_of_table_and_row_order_change_nothing(kind: str):
    import polars as pl

    made = {"polars": pl.from_pandas, "arrow": pa.Table.from_pandas, "reversed": lambda rows: rows[::-1]}[kind]
    one, two = read_acts(_log(), as_of="2026-06-30"), read_acts(made(_log()), as_of="2026-06-30")
    assert np.array_equal(one.time, two.time)
    assert np.array_equal(one.numbers("amount"), two.numbers("amount"))


@pytest.mark.parametrize("persons", [1, 300, 70_000])
@pytest.mark.parametrize("years", [0.0, 1e-9, 3.0, 570.0, 20_000.0])
def test_acts_stand_by_person_and_time_and_ties_as_they_come(persons: int, years: float):
    draw = np.random.default_rng(persons)
    person = np.append(np.arange(persons), draw.integers(0, persons, 5_000))
    time = (draw.integers(0, 50, len(person)) / 49 * years * 31_557_600e6).astype(np.int64)
    time += 1_750_000_000_000_000 - int(years * 31_557_600e6)
    log = pa.table({"person_id": person, "time": pa.array(time, pa.timestamp("us", "UTC"))})
    acts = read_acts(log, as_of="2026-06-30")
    assert np.array_equal(acts.row, np.lexsort((time, person)))


def test_every_problem_is_listed():
    bad = pd.DataFrame({"person_id": ["a", None], "time": [pd.NaT, pd.Timestamp("2026-01-01", tz="UTC")]})
    with pytest.raises(at.TableError, match="NULL_KEY") as caught:
        read_acts(bad, as_of="2026-06-30")
    assert {issue.code for issue in caught.value.issues} == {"NULL_KEY", "NULL_TIME"}


def test_no_act_before_as_of_is_an_error():
    told = r"rows of the events: 4, none of them before 2020-01-01 \(.*\); the first is of 2026-01-05T00:00:00Z"
    with pytest.raises(at.WakeLiftError, match=told):
        read_acts(_log(), as_of="2020-01-01")
    with pytest.raises(at.WakeLiftError, match="the events hold no row"):
        read_acts(_log()[:0], as_of="2020-01-01")


def test_a_span_needs_a_unit_and_a_length():
    assert span("1d", "horizon") == 86_400_000_000
    with pytest.raises(at.WakeLiftError, match="horizon"):
        span("0d", "horizon")
