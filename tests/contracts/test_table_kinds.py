"""The tables that the fixtures make are of the kind they say, with the same rows, and Narwhals accepts them."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pandas as pd
import pytest

FRAME = pd.DataFrame(
    {
        "person_id": ["a", "客户", None],
        "time": pd.to_datetime(["2026-01-01 00:00:00", "2026-01-02 12:30:00", "2026-01-03 23:59:59"]).tz_localize(
            "Asia/Shanghai"
        ),
        "value": [1.5, None, -2.0],
        "n": [1, 2, 3],
    }
)
WHOLE_NAMES = {
    "pandas": "pandas.DataFrame",
    "pandas_pyarrow": "pandas.DataFrame",
    "polars": "polars.dataframe.frame.DataFrame",
    "polars_lazy": "polars.lazyframe.frame.LazyFrame",
    "pyarrow": "pyarrow.lib.Table",
    "duckdb": "DuckDBPyRelation",
}


def rows(table: object) -> list[dict[str, object]]:
    frame = nw.from_native(table)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("pyarrow")
    found = frame.to_arrow().to_pylist()
    return [{**row, "time": pd.Timestamp(row["time"]).tz_convert("UTC")} for row in found]


def test_each_kind_holds_the_same_rows(table_kind):
    table = table_kind(FRAME)
    kind = f"{type(table).__module__}.{type(table).__qualname__}"
    assert kind.endswith(WHOLE_NAMES[table_kind.name]) or kind.startswith("pandas.core"), kind
    assert rows(table) == rows(FRAME)


def test_all_kinds_at_once(table_kinds):
    tables = table_kinds(FRAME)
    assert set(tables) == set(WHOLE_NAMES)
    assert all(rows(table) == rows(FRAME) for table in tables.values())


def test_pyarrow_dtypes_are_pyarrow(table_kinds):
    table = table_kinds(FRAME)["pandas_pyarrow"]
    assert {type(dtype) for dtype in table.dtypes} == {pd.ArrowDtype}


def test_the_frame_given_is_not_the_one_returned(table_kinds):
    assert table_kinds(FRAME)["pandas"] is not FRAME


def test_the_global_random_state_may_be_moved_with_permission(global_random_state):
    import numpy as np

    before = np.random.get_state(legacy=False)["state"]["pos"]
    np.random.random_sample(3)
    assert np.random.get_state(legacy=False)["state"]["pos"] != before


@pytest.mark.xfail(reason="moving the global random state fails a test", strict=True)
def test_the_global_random_state_must_not_be_moved():
    import numpy as np

    np.random.random_sample(3)
