"""What is wrong with lazy tables is told with the codes, columns and counts of tables in memory."""

from __future__ import annotations

import pyarrow as pa
import pytest
from engine_cases import START, drawn_tables

import attribution as at

duckdb = pytest.importorskip("duckdb")
pl = pytest.importorskip("polars")

TOUCHES, CONVERSIONS = drawn_tables(1, rows=40, bought=25)
CONVERSIONS = CONVERSIONS.filter(pa.compute.is_null(CONVERSIONS["refund_of"]))


def _with(table, name, values, kind=None):
    """The table with a column in the place of another, or one more."""
    column = pa.array(values, kind) if not isinstance(values, pa.ChunkedArray) else values
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def _some(table, name, places, value):
    """The table with other values in some places of a column."""
    values = table[name].to_pylist()
    for place in places:
        values[place] = value
    return _with(table, name, values, table.schema.field(name).type)


def _refunds(*rows):
    """The conversions with refund rows: id, conversion named, person, value."""
    more = {
        "person_id": [row[2] for row in rows], "time": [START] * len(rows), "conversion_id": [row[0] for row in rows],
        "value": [row[3] for row in rows], "product": ["loan"] * len(rows), "shop": ["north"] * len(rows),
        "refund_of": [row[1] for row in rows],
    }  # fmt: skip
    return pa.concat_tables([CONVERSIONS, pa.table(more, schema=CONVERSIONS.schema)])


FIRST = CONVERSIONS["conversion_id"][0].as_py()
BUYER = CONVERSIONS["person_id"][0].as_py()
LOCAL = pa.timestamp("us")
MIDNIGHT = START.replace(hour=0, minute=0)

BROKEN = {
    "no channel column": (TOUCHES.drop(["channel"]), CONVERSIONS, {}),
    "no id column": (TOUCHES, CONVERSIONS.drop(["conversion_id"]), {}),
    "empty persons": (_some(TOUCHES, "person_id", (1, 5), None), _some(CONVERSIONS, "person_id", (0,), " "), {}),
    "a wide blank": (_some(TOUCHES, "person_id", (2,), "\u3000"), CONVERSIONS, {}),
    "empty times": (_some(TOUCHES, "time", (3,), None), _some(CONVERSIONS, "time", (0, 1), None), {}),
    "empty channels": (_some(TOUCHES, "channel", (3, 4), None), CONVERSIONS, {}),
    "blank channels": (_some(TOUCHES, "channel", (3, 4), "  "), CONVERSIONS, {}),
    "a reserved name": (_some(TOUCHES, "channel", (3,), "(none)"), CONVERSIONS, {}),
    "repeated ids": (TOUCHES, _some(CONVERSIONS, "conversion_id", (1, 2, 3), FIRST), {}),
    "repeated touch ids": (_with(TOUCHES, "touch_id", [place // 2 for place in range(40)]), CONVERSIONS, {}),
    "numbers against text": (_with(TOUCHES, "person_id", range(40), pa.int64()), CONVERSIONS, {}),
    "a negative value": (TOUCHES, _some(CONVERSIONS, "value", (1, 2), -5.0), {}),
    "an infinite value": (TOUCHES, _some(CONVERSIONS, "value", (1,), float("inf")), {}),
    "no value": (TOUCHES, _some(CONVERSIONS, "value", (1,), None), {}),
    "not a number": (TOUCHES, _some(CONVERSIONS, "value", (1,), float("nan")), {}),
    "a value of text": (TOUCHES, _with(CONVERSIONS, "value", ["1"] * len(CONVERSIONS)), {}),
    "days": (TOUCHES, _with(CONVERSIONS, "time", [MIDNIGHT] * 25, pa.timestamp("us", "UTC")), {}),
    "no zone": (_with(TOUCHES, "time", TOUCHES["time"].cast(LOCAL)), CONVERSIONS, {}),
    "a person of bytes": (_with(TOUCHES, "person_id", [b"x"] * 40), CONVERSIONS, {}),
    "a refund of nothing": (TOUCHES, _refunds(("r1", "nobody", BUYER, -1.0)), {}),
    "a refund of a refund": (TOUCHES, _refunds(("r1", FIRST, BUYER, 0.0), ("r2", "r1", BUYER, 0.0)), {}),
    "a refund of another": (TOUCHES, _refunds(("r1", FIRST, "stranger", 0.0)), {}),
    "a refund too large": (TOUCHES, _refunds(("r1", FIRST, BUYER, -1e9)), {}),
    "a strange origin": (_some(TOUCHES, "origin", (1,), "sideways"), CONVERSIONS, {"origin": "outbound"}),
    "no lookback": (TOUCHES, CONVERSIONS, {"lookback": {"sms": "1d"}}),
    "no match column": (TOUCHES.drop(["product"]), CONVERSIONS, {"match": ("product",)}),
}  # fmt: skip


def _told(tables, rules, collect):
    with pytest.raises(at.TableError, match="in the input") as caught:
        at.attribute(*tables, rules=at.Rules(**rules), collect=collect)
    return sorted((issue.code, issue.table, issue.column, issue.count) for issue in caught.value.issues)


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("name", BROKEN)
def test_the_engine_finds_what_memory_finds(engine, name):
    touches, bought, rules = BROKEN[name]
    if engine == "duckdb":
        held = tuple(duckdb.from_arrow(table) for table in (touches, bought))
    else:
        held = tuple(pl.from_arrow(table).lazy() for table in (touches, bought))
    assert _told(held, rules, False) == _told((touches, bought), rules, None)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Asia/Shanghai", "Australia/Lord_Howe"])
@pytest.mark.parametrize("precision", ["instant", "day"])
def test_local_times_are_the_instants_of_memory(zone, precision):
    """Over a year of clocks that change; days begin and end where the clocks say."""
    import pandas as pd

    hours = pd.date_range("2026-01-01", "2026-12-31", freq="11h17min")
    sound = hours.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    hours = hours[sound.notna()]
    touches = pd.DataFrame(
        {"person_id": "p", "time": hours, "channel": ["a", "b", "c"] * (len(hours) // 3) + ["a"] * (len(hours) % 3)}
    )
    bought = pd.DataFrame({"person_id": "p", "time": hours[::7], "conversion_id": range(len(hours[::7])), "value": 1.0})
    columns = at.Columns(timezone=zone, precision=precision)
    rules = at.Rules(lookback="2d", window="calendar_days", timezone=zone)
    expected = at.attribute(touches, bought, rules=rules, columns=columns)
    held = tuple(pl.from_pandas(table).lazy() for table in (touches, bought))
    found = at.attribute(*held, rules=rules, columns=columns, collect=False)
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)
    assert found.journeys.observed == expected.journeys.observed


def test_times_that_clocks_never_showed_are_told():
    local = [START.replace(tzinfo=None, month=3, day=29, hour=2), START.replace(tzinfo=None, month=10, day=25, hour=2)]
    touches = pa.table({"person_id": ["p", "p"], "time": pa.array(local, LOCAL), "channel": ["a", "b"]})
    columns = {"touches": at.Columns(timezone="Europe/Berlin")}
    held = (pl.from_arrow(touches).lazy(), pl.from_arrow(CONVERSIONS).lazy())
    with pytest.raises(at.TableError, match="daylight saving") as caught:
        at.attribute(*held, columns=columns, collect=False)
    assert [(issue.code, issue.count) for issue in caught.value.issues] == [("AMBIGUOUS_TIME", 2)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", None])
def test_times_of_every_unit_are_cut_to_microseconds(unit, zone):
    """Half a microsecond more is cut, not rounded: the touch is within reach by one microsecond."""
    import pandas as pd

    moment = 1_767_225_600_123_456_789
    last = moment + 86_400_000_000_000 - 300
    size = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    kind = pa.timestamp(unit, zone)
    touches = pa.table({"person_id": [1], "time": pa.array([moment // size], kind), "channel": ["sms"]})
    bought = pa.table({"person_id": [1], "time": pa.array([last // size], kind), "conversion_id": [1]})
    columns = at.Columns(timezone=None if zone else "UTC")
    expected = at.attribute(touches, bought, rules=at.Rules(lookback="1d"), columns=columns)
    connection = duckdb.connect()
    for held in ((connection.from_arrow(touches), connection.from_arrow(bought)), _polars(touches, bought)):
        found = at.attribute(*held, rules=at.Rules(lookback="1d"), columns=columns, collect=False)
        pd.testing.assert_frame_equal(found.table(), expected.table())
        assert found.journeys.observed == expected.journeys.observed


def _polars(*tables):
    return tuple(pl.from_arrow(table).lazy() for table in tables)
