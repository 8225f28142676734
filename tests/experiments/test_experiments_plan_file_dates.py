"""Whole numbers such as 20261122 are dates where a time stands, and numbers elsewhere."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attribution.core.columns import Columns
from experiments.plan.file_dates import times_of, with_dates
from experiments.plan.files import read_table
from experiments.plan.guessing import guess_table

ROLES = Columns(person="客户号", time="交易日期")
DAYS = [datetime(2026, 11, 22), datetime(2024, 2, 29)]


def written(folder, ending):
    path = folder / f"交易{ending}"
    frame = pd.DataFrame({"客户号": ["001", "002"], "交易日期": [20261122, 20240229], "金额": [20261122, 5]})
    if ending == ".csv":
        frame.to_csv(path, index=False, encoding="gb18030")
    elif ending == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_dates_written_as_numbers_are_read_as_dates_whatever_the_file(tmp_path, ending):
    path = written(tmp_path, ending)
    table = read_table(path, columns=ROLES, encoding="gb18030")
    frame = table.to_pandas() if isinstance(table, pa.Table) else table
    assert [item.to_pydatetime() for item in frame["交易日期"]] == DAYS
    assert frame["金额"].tolist() == [20261122, 5]
    assert frame["客户号"].tolist() == ["001", "002"]


@pytest.mark.parametrize("numbers", [[20261122, 20261322], [20261122, 20260230], [20261122, 46348], [1795305600000]])
def test_what_is_no_day_of_the_calendar_stays_a_number(numbers):
    table = pa.table({"time": numbers})
    assert with_dates(table, times_of(Columns())).equals(table)
    frame = pd.DataFrame({"time": numbers})
    assert with_dates(frame, times_of(Columns()))["time"].tolist() == numbers


def test_gaps_stay_gaps_and_fractions_stay_fractions():
    frame = pd.DataFrame({"closed_at": [20261122.0, None], "time": [20261122.5, 20261123.0]})
    read = with_dates(frame, times_of(Columns()))
    assert read["closed_at"].isna().tolist() == [False, True]
    assert read["closed_at"][0].to_pydatetime() == DAYS[0]
    assert read["time"].tolist() == frame["time"].tolist()
    empty = pa.table({"time": pa.array([None, None], pa.int64())})
    assert with_dates(empty, {"time"}) is empty


def test_a_first_plan_sees_booking_dates_and_more_chinese_names(tmp_path):
    path = tmp_path / "交易.csv"
    rows = "客户号,流水号,交易日期,毛利\n001,V1,20261122,5\n002,V2,20261123,7\n"
    path.write_text(rows, encoding="gb18030")
    guess = guess_table(path)
    assert guess.columns == {"person": "客户号", "time": "交易日期", "conversion": "流水号", "value": "毛利"}
    assert (guess.days, guess.zone, guess.encoding) == (True, False, "gb18030")
