"""Checked columns: what is accepted, and every way in which a column can be wrong."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.tables import Problems, open_table
from attribution.core.values import (
    Labels,
    duplicates,
    encode_together,
    instants,
    keys,
    labels,
    numbers,
    same_key_kind,
)

LOWEST = np.iinfo(np.int64).min


def table(column: object, name: str = "x", **roles: object):
    problems = Problems()
    data = column if hasattr(column, "columns") else pd.DataFrame({name: column})
    return open_table(data, "touches", Columns(**{"person": name, "time": name, **roles}), problems=problems), problems


def codes(problems: Problems) -> list[tuple[str, int]]:
    return [(issue.code, issue.count) for issue in problems.issues]


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["b", "张三", "b"], ["b", "张三", "b"]),
        (pd.Series(["b", "a"], dtype="category"), ["b", "a"]),
        (pd.Series(["b"], dtype="string"), ["b"]),
        (pd.Series([3, 1], dtype="int8"), [3, 1]),
        (pd.Series([3, 1], dtype="Int64"), [3, 1]),
        (pd.Series([3.0, 2.0**60]), [3, 2**60]),
        (pd.Series([7], dtype="uint64"), [7]),
        (pd.Series([2**63 + 1], dtype="uint64"), ["9223372036854775809"]),
        (pd.Series([], dtype="category"), []),
        (pd.Series([], dtype=object), []),
    ],
)
def test_keys_are_text_or_whole_numbers(column, expected):
    opened, problems = table(column)
    found = keys(opened, "person")
    assert found.to_pylist() == expected
    assert found.type in (pa.int64(), pa.large_string())
    assert problems.issues == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1.5, 2.0], ("WRONG_TYPE", 2)),
        ([np.inf, 1.0], ("WRONG_TYPE", 2)),
        ([1e300], ("WRONG_TYPE", 1)),
        ([True], ("WRONG_TYPE", 1)),
        ([b"a"], ("WRONG_TYPE", 1)),
        ([pd.Timestamp("2026-01-01")], ("WRONG_TYPE", 1)),
        ([Decimal("1.0")], ("WRONG_TYPE", 1)),
        (["a", None, " \t"], ("NULL_KEY", 2)),
        ([1.0, np.nan], ("NULL_KEY", 1)),
        ([np.nan, np.nan], ("NULL_KEY", 2)),
        ([None, None], ("NULL_KEY", 2)),
        (pd.Series([1, None], dtype="Int64"), ("NULL_KEY", 1)),
        (["a", 1, 2.5], ("MIXED_TYPES", 1)),
    ],
)
def test_what_cannot_be_a_key_is_noted_once(column, expected):
    opened, problems = table(column)
    assert keys(opened, "person") is None
    assert codes(problems) == [expected]


def test_nan_keys_of_polars_are_empty():
    opened, problems = table(pl.DataFrame({"x": [1.0, float("nan"), 2.0]}))
    assert keys(opened, "person") is None
    assert codes(problems) == [("NULL_KEY", 1)]


def test_examples_name_the_rows():
    opened, problems = table(["a"] * 3 + [None] * 9)
    keys(opened, "person")
    assert problems.issues[0].examples == tuple(f"'row {row}'" for row in range(3, 8))


def test_absent_columns_give_nothing():
    opened, problems = table(["a"], name="y", person="x", time="x")
    assert keys(opened, "person") is None
    assert instants(opened, "time") is None
    assert labels(opened, "x") is None
    assert numbers(opened, "x") is None
    assert problems.issues == []


def test_duplicates_count_the_repetitions():
    assert duplicates(pa.array(["b", "a", "b", "b", "c", "c"])) == (3, ["b", "c"])
    assert duplicates(pa.array([], pa.int64())) == (0, [])


def test_keys_of_two_kinds_are_noted_on_the_later_table():
    first, problems = table(["a"])
    second, _ = table([1, 2])
    second.problems = problems
    pairs = [(first, keys(first, "person")), (second, keys(second, "person"))]
    assert not same_key_kind(pairs, "person")
    assert codes(problems) == [("KEY_TYPE_MISMATCH", 2)]
    assert same_key_kind([pairs[0], pairs[0], (second, None)], "person")
    assert same_key_kind([pairs[0]], "person")


# --- labels ----------------------------------------------------------------------------------------------------------


def test_labels_are_codes_into_sorted_names():
    opened, _ = table(["sms", "电话", None, "push", "sms"])
    found = labels(opened, "x")
    assert found.names.tolist() == ["", "push", "sms", "电话"]
    assert found.values().tolist() == ["sms", "电话", "", "push", "sms"]
    assert len(found) == 5
    assert isinstance(found.take(np.array([0, 3])), Labels)
    assert found.take(np.array([0, 3])).values().tolist() == ["sms", "push"]


def test_labels_can_refuse_empty_cells():
    opened, problems = table(["sms", None])
    assert labels(opened, "x", missing=None) is None
    assert codes(problems) == [("NULL_KEY", 1)]


@pytest.mark.parametrize("cells", [[["a"], ["b"]], [[], []], [{"a": 1}, {"a": 2}]])
def test_nested_labels_are_noted(cells):
    opened, problems = table(pd.Series(cells, dtype=object))
    assert labels(opened, "x") is None
    assert codes(problems) == [("WRONG_TYPE", 2)]


def test_labels_of_numbers_keep_their_order_and_a_column_of_nulls_is_one_name():
    assert labels(table([10, 9, 10])[0], "x").names.tolist() == [9, 10]
    assert labels(table([None, None])[0], "x", missing="none").names.tolist() == ["none"]
    assert labels(table(["a", 1])[0], "x") is None


def test_columns_of_two_types_are_encoded_together_as_text():
    (left, right), names = encode_together(pa.array([2, 10]), pa.array(["10", "x"]))
    assert names.tolist() == ["10", "2", "x"]
    assert (left.tolist(), right.tolist()) == ([1, 0], [0, 2])
    (empty,), none = encode_together(pa.array([], pa.string()))
    assert (len(empty), len(none)) == (0, 0)


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1, 2], [1.0, 2.0]),
        ([True, False], [1.0, 0.0]),
        ([Decimal("1.25")], [1.25]),
        (pd.Series([1, 2], dtype="Int8"), [1.0, 2.0]),
        (pd.Series([], dtype=float), []),
    ],
)
def test_numbers_are_float64(column, expected):
    opened, problems = table(column)
    found = numbers(opened, "x")
    assert found.dtype == np.float64
    assert found.tolist() == expected
    assert problems.issues == []


@pytest.mark.parametrize(
    ("column", "options", "expected"),
    [
        (["1"], {}, [("WRONG_TYPE", 1)]),
        (["1", 2], {}, [("MIXED_TYPES", 1)]),
        ([1.0, None], {}, [("NULL_VALUE", 1)]),
        ([None], {}, [("NULL_VALUE", 1)]),
        ([np.inf, -np.inf], {}, [("NOT_FINITE", 2)]),
        ([-1.0, 2.0], {"minimum": 0.0}, [("NEGATIVE_VALUE", 1)]),
        ([1.5, 2.0], {"whole": True}, [("NOT_WHOLE", 1)]),
        ([1.5, None, -1.0, np.inf], {"whole": True, "minimum": 0.0},
         [("NULL_VALUE", 1), ("NOT_FINITE", 1), ("NEGATIVE_VALUE", 1), ("NOT_WHOLE", 1)]),
    ],
)  # fmt: skip
def test_wrong_numbers_are_all_noted(column, options, expected):
    opened, problems = table(column)
    numbers(opened, "x", **options)
    assert codes(problems) == expected


def test_whole_numbers_may_be_floats():
    opened, problems = table([1.0, 2.0])
    assert numbers(opened, "x", whole=True, minimum=1.0).tolist() == [1.0, 2.0]
    assert problems.issues == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([2**53 + 1, -(2**63), 5], pa.int64()), [2.0**53, -(2.0**63), 5.0]),
        (pa.array([2**64 - 1, None], pa.uint64()), [2.0**64, 0.0]),
    ],
)
def test_whole_numbers_beyond_those_of_a_float_become_the_nearest(column, expected):
    problems = Problems()
    opened = open_table(pa.table({"x": column}), "t", Columns(), problems=problems)
    assert numbers(opened, "x", missing=0.0, whole=True).tolist() == expected
    assert problems.issues == []


def test_a_missing_number_can_have_a_meaning():
    opened, problems = table([1.0, None])
    assert numbers(opened, "x", missing=0.0).tolist() == [1.0, 0.0]
    assert problems.issues == []


# --- instants --------------------------------------------------------------------------------------------------------

MORNING = 1_790_818_200_000_000  # 2026-10-01 01:30 UTC


@pytest.mark.parametrize(
    "column",
    [
        ["2026-10-01T09:30:00+08:00"],
        ["2026-10-01 01:30Z"],
        pd.Series(["2026-10-01 09:30+0800"], dtype="string"),
        [pd.Timestamp("2026-10-01 09:30", tz="Asia/Shanghai")],
        [pd.Timestamp("2026-10-01 09:30", tz="Asia/Shanghai").to_pydatetime()],
        pd.Series([pd.Timestamp("2026-10-01 01:30", tz="UTC")]).dt.as_unit("ms"),
        pd.Series([pd.Timestamp("2026-10-01 01:30", tz="UTC")]).dt.as_unit("s"),
        pd.Series([pd.Timestamp("2026-10-01 01:30:00.000000999", tz="UTC")]).dt.as_unit("ns"),
    ],
)
@pytest.mark.parametrize("timezone", [None, "Europe/Berlin"])
def test_times_with_an_offset_are_instants_whatever_the_declared_zone(column, timezone):
    opened, problems = table(column, timezone=timezone)
    assert instants(opened, "time").tolist() == [MORNING]
    assert problems.issues == []


@pytest.mark.parametrize(
    "column",
    [
        ["2026-10-01 09:30"],
        [pd.Timestamp("2026-10-01 09:30")],
        pd.Series([pd.Timestamp("2026-10-01 09:30")]).dt.as_unit("ms"),
    ],
)
def test_naive_times_need_their_zone(column):
    assert instants(table(column, timezone="Asia/Shanghai")[0], "time").tolist() == [MORNING]
    opened, problems = table(column)
    assert instants(opened, "time") is None
    assert codes(problems) == [("NAIVE_TIME", 1)]


@pytest.mark.parametrize("clock", ["2026-10-25 02:30", "2026-03-29 02:30"], ids=["twice", "never"])
def test_times_of_the_change_of_clocks_are_not_guessed(clock):
    opened, problems = table([clock, "2026-10-25 05:00"], timezone="Europe/Berlin")
    assert instants(opened, "time") is None
    assert codes(problems) == [("AMBIGUOUS_TIME", 1)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["2026-10-01 09:30+08:00", "2026-10-01 09:30"], ("MIXED_TIMES", 1)),
        (["2026-10-01 09:30+08:00", "2026-13-45 25:00"], ("BAD_TIME", 1)),
        (["2026-10-01 09:30", "yesterday"], ("BAD_TIME", 1)),
        ([pd.Timestamp("2026-10-01 09:30Z"), pd.Timestamp("2026-10-01 09:30")], ("MIXED_TYPES", 1)),
        ([None, pd.Timestamp("2026-10-01 09:30"), pd.Timestamp("2026-10-01 09:30+08:00")], ("MIXED_TYPES", 1)),
        (["2026-10-01 09:30", None], ("NULL_TIME", 1)),
        (["2026-10-01 09:30", "  "], ("NULL_TIME", 1)),
        ([None, None], ("NULL_TIME", 2)),
        (pd.Series([None], dtype="string"), ("NULL_TIME", 1)),
        ([pd.NaT, pd.Timestamp("2026-10-01 09:30")], ("NULL_TIME", 1)),
        ([20261001], ("WRONG_TYPE", 1)),
        (["2026-10-01", 3], ("MIXED_TYPES", 1)),
    ],
)
def test_what_is_no_time_is_noted(column, expected):
    opened, problems = table(column, timezone="Asia/Shanghai")
    assert instants(opened, "time") is None
    assert codes(problems) == [expected]


@pytest.mark.parametrize("column", [[None, None], [" ", None], [pd.NaT, pd.NaT]])
def test_times_may_all_be_empty_where_that_is_allowed(column):
    opened, problems = table(column, timezone="Asia/Shanghai")
    assert instants(opened, "time", allow_null=True).tolist() == [LOWEST, LOWEST]
    assert problems.issues == []


def test_an_unknown_zone_is_an_error():
    with pytest.raises(InputError, match="timezone must be an IANA name such as \"Asia/Shanghai\", got 'Shanghai'"):
        instants(table(["2026-10-01 09:30"], timezone="Shanghai")[0], "time")


def test_dates_are_booking_dates_and_must_be_declared():
    opened, problems = table([date(2026, 10, 1)], timezone="Asia/Shanghai")
    assert instants(opened, "time", end_of_day=True) is None
    assert codes(problems) == [("DAY_PRECISION", 1)]
    midnight = MORNING - 9_000_000 * 3_600 - 1_800_000_000
    declared, _ = table([date(2026, 10, 1)], timezone="Asia/Shanghai", precision="day")
    assert instants(declared, "time").tolist() == [midnight]
    assert instants(declared, "time", end_of_day=True).tolist() == [midnight + 86_400_000_000 - 1]


@pytest.mark.parametrize(
    ("zone", "day", "begin", "end"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04 03:00Z", "2018-11-05 01:59:59.999999Z"),  # no midnight
        ("America/Havana", date(2026, 11, 1), "2026-11-01 04:00Z", "2026-11-02 04:59:59.999999Z"),  # midnight twice
    ],
)
def test_a_date_whose_midnight_is_missing_or_twice_is_a_day(zone, day, begin, end):
    opened, problems = table([day], timezone=zone, precision="day")
    for end_of_day, expected in ((False, begin), (True, end)):
        found = pd.to_datetime(instants(opened, "time", end_of_day=end_of_day), unit="us", utc=True)
        assert found.tolist() == [pd.Timestamp(expected)]
    assert problems.issues == []
    exact, noted = table([pd.Timestamp(day)], timezone=zone)
    assert instants(exact, "time") is None
    assert codes(noted) == [("AMBIGUOUS_TIME", 1)]


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 10, 25), "2026-10-25 22:59:59.999999Z"),  # 25 hours
        (date(2026, 3, 29), "2026-03-29 21:59:59.999999Z"),  # 23 hours
        (date(2026, 10, 1), "2026-10-01 21:59:59.999999Z"),
    ],
)
def test_a_day_ends_at_its_local_end_whatever_the_clocks_do(day, end):
    dates, _ = table([day], timezone="Europe/Berlin", precision="day")
    aware, _ = table(pd.Series([pd.Timestamp(day, tz="Europe/Berlin")]), precision="day")
    for opened in (dates, aware):
        found = pd.to_datetime(instants(opened, "time", end_of_day=True), unit="us", utc=True)
        assert found.tolist() == [pd.Timestamp(end)]


def test_midnights_are_suspected_to_be_dates():
    days = pd.Series(pd.date_range("2026-09-01", periods=25, tz="Asia/Shanghai"))
    opened, problems = table(days, timezone="Asia/Shanghai")
    assert instants(opened, "time", end_of_day=True) is None
    assert codes(problems) == [("DAY_PRECISION", 25)]
    assert len(instants(table(days)[0], "time")) == 25
    assert len(instants(table(days.head(5))[0], "time", end_of_day=True)) == 5
    assert len(instants(table(days + pd.Timedelta("1h"))[0], "time", end_of_day=True)) == 25


def test_times_are_alike_in_every_kind_of_table(table_kind):
    frame = pd.DataFrame({"time": pd.to_datetime([MORNING, MORNING + 1], unit="us", utc=True)})
    opened = open_table(table_kind(frame), "touches", Columns(), problems=Problems())
    assert sorted(instants(opened, "time").tolist()) == [MORNING, MORNING + 1]
