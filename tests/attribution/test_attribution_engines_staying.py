"""What `collect=False` promises, and columns that are named or typed as no query expects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engine_cases import drawn_tables

import attribution as at

duckdb = pytest.importorskip("duckdb")
pl = pytest.importorskip("polars")

TOUCHES, CONVERSIONS = drawn_tables(2)
STAYS = "collect=False keeps every row in its engine"


def _in_polars(*tables):
    return tuple(pl.from_arrow(table).lazy() for table in tables)


def _in_duckdb(*tables):
    return tuple(duckdb.from_arrow(table) for table in tables)


ENGINES = pytest.mark.parametrize("engine", [_in_polars, _in_duckdb], ids=["polars", "duckdb"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda credit: credit.intervals(),
        lambda credit: credit.touches(),
        lambda credit: credit.journeys.reach(),
        lambda credit: credit.journeys.touches,
        lambda credit: credit.journeys.with_rules(at.Rules(lookback="1d")),
        lambda credit: credit.journeys.attribute(at.Markov()),
    ],
    ids=["intervals", "touches", "reach", "rows", "rules", "paths"],
)
@ENGINES
def test_no_row_comes_later_either(engine, ask):
    credit = at.attribute(*engine(TOUCHES, CONVERSIONS), collect=False)
    with pytest.raises(at.InputError, match=STAYS):
        ask(credit)


@ENGINES
def test_no_row_comes_for_columns_that_engines_compare_each_in_their_own_way(engine):
    number = pa.array(np.arange(TOUCHES.num_rows) % 2, pa.float32())
    other = pa.array(np.arange(CONVERSIONS.num_rows) % 2, pa.float32())
    tables = (TOUCHES.append_column("m", number), CONVERSIONS.append_column("m", other))
    rules = at.Rules(match=("m",))
    expected = at.attribute(*tables, rules=rules).table()
    pd.testing.assert_frame_equal(at.attribute(*engine(*tables), rules=rules).table(), expected, rtol=1e-9)
    with pytest.raises(at.InputError, match=f"the match column 'm' holds Float32.*{STAYS}"):
        at.attribute(*engine(*tables), rules=rules, collect=False)


@ENGINES
def test_rows_for_other_rules_are_announced(engine):
    journeys = at.attribute(*engine(TOUCHES, CONVERSIONS)).journeys
    other = journeys.with_rules(at.Rules(lookback="1d"))
    again = other.with_rules(at.Rules(lookback="2d"))
    for found in (other, again):
        assert "PULLED_ROWS" in {finding.code for finding in found.findings}


@ENGINES
@pytest.mark.parametrize(
    "name", ["wl_time", "wl_raw", "wl_person", "WL_TIME", "wl_conversion", "key0", "n", "渠 道", 'a"b']
)
def test_columns_of_any_name_give_the_credit_of_memory(engine, name):
    tables = (
        TOUCHES.append_column(name, TOUCHES["channel"]),
        CONVERSIONS.append_column(f"{name}_", CONVERSIONS["shop"]),
    )
    for keys in (name, (name, f"{name}_")):
        found, expected = (at.attribute(*given, models="linear").by(keys) for given in (engine(*tables), tables))
        pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)


@ENGINES
def test_the_users_own_names_of_all_columns(engine):
    names = {"person_id": "客户 号", "time": 'wl_"时', "channel": "渠道", "conversion_id": "订单.号", "value": "金额"}
    tables = [
        table.rename_columns([names.get(column, column) for column in table.column_names])
        for table in (TOUCHES, CONVERSIONS)
    ]
    columns = at.Columns(person="客户 号", time='wl_"时', channel="渠道", conversion="订单.号", value="金额")
    found, expected = (at.attribute(*given, columns=columns).by("渠道") for given in (engine(*tables), tables))
    pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)


@ENGINES
def test_whole_numbers_of_two_widths_meet(engine):
    def narrow(table, name, kind):
        return table.set_column(table.column_names.index(name), name, table[name].cast(kind))

    touches, bought = drawn_tables(2)
    touches = narrow(narrow(touches, "person_id", pa.int32()), "touch_id", pa.uint16())
    bought = narrow(narrow(bought, "person_id", pa.uint8()), "refund_of", pa.int16())
    found = at.attribute(*engine(touches, bought), collect=False)
    pd.testing.assert_frame_equal(found.table(), at.attribute(touches, bought).table(), rtol=1e-9)


def test_intervals_of_months_key_nothing():
    wide = TOUCHES.append_column("wait", pa.array([60] * TOUCHES.num_rows, pa.duration("s")))
    credit = at.attribute(*_in_duckdb(wide, CONVERSIONS))
    with pytest.raises(at.InputError, match="holds intervals, which may be of months"):
        credit.by("wait")
