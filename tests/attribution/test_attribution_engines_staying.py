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


@ENGINES
def test_thousands_of_keys_do_not_nest(engine):
    """Lookbacks that are alike are one case of the query; more cases than a query nests bring rows."""
    names = [f"c{place}" for place in range(2000)]
    touches = TOUCHES.set_column(2, "channel", pa.array([names[place * 7] for place in range(TOUCHES.num_rows)]))
    days = {name: f"{place % 30 + 1}d" for place, name in enumerate(names)}
    hours = {name: f"{place + 1}h" for place, name in enumerate(names)}
    pairs = {(name, "click"): f"{place % 5 + 1}d" for place, name in enumerate(names)}
    for rules, pulls in (
        (at.Rules(lookback=days), False),
        (at.Rules(lookback={**days, **pairs, ("*", "sent"): "36h", "*": "1d"}), False),
        (at.Rules(lookback=hours), True),
        (at.Rules(tie_order=tuple(names)), True),
    ):
        found, expected = (
            at.attribute(*given, rules=rules) for given in (engine(touches, CONVERSIONS), (touches, CONVERSIONS))
        )
        pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-9)
        assert ("PULLED_ROWS" in {finding.code for finding in found.findings}) == pulls


@ENGINES
def test_nanoseconds_before_1970_are_cut_as_in_memory(engine):
    kind = pa.timestamp("ns", "UTC")
    touches = pa.table(
        {"person_id": [1] * 4, "time": pa.array([-123_456_789, -1_001, -999, 1_500], kind), "channel": [*"abcd"]}
    )
    for last in (-123_457_000, -1_001, -1_000, -1, 0, 2_000):
        bought = pa.table({"person_id": [1], "time": pa.array([last], kind), "conversion_id": [1]})
        found, expected = (
            at.attribute(*given, models="last_touch") for given in (engine(touches, bought), (touches, bought))
        )
        assert found.table().equals(expected.table())
        assert found.journeys.observed == expected.journeys.observed


def test_infinite_times_are_told():
    ask = "SELECT 1 person_id, unnest(['infinity', '2026-10-01'])::TIMESTAMPTZ AS time, 'a' channel"
    bought = duckdb.sql("SELECT 1 person_id, '2026-10-02'::TIMESTAMPTZ AS time, 1 conversion_id")
    with pytest.raises(at.TableError, match="missing or infinite") as caught:
        at.attribute(duckdb.sql(ask), bought)
    assert [(issue.code, issue.count) for issue in caught.value.issues] == [("NULL_TIME", 1)]


@ENGINES
def test_what_only_left_out_touches_have_has_its_row(engine):
    """Touches of strangers stay in the engine; their channels and campaigns are rows without credit all the same."""
    strangers = TOUCHES.slice(0, 2).to_pylist()
    strangers = [{**row, "person_id": 900, "touch_id": 900 + place} for place, row in enumerate(strangers)]
    strangers[0]["channel"], strangers[1]["campaign"], strangers[1]["kind"] = "radio", "only here", "heard"
    touches = pa.concat_tables([TOUCHES, pa.Table.from_pylist(strangers, TOUCHES.schema)])
    rules = at.Rules(transforms=("exposure",), lookback={"radio": "1d", ("*", "heard"): "1d", "*": "3d"})
    found, expected = (
        at.attribute(*given, rules=rules) for given in (engine(touches, CONVERSIONS), (touches, CONVERSIONS))
    )
    assert found.touches().to_dicts() == expected.touches().to_dicts()
    for keys in ("channel", "campaign", ("campaign", "channel"), ("campaign", "shop")):
        pd.testing.assert_frame_equal(found.by(keys).table(), expected.by(keys).table(), rtol=1e-9)
    assert "PULLED_ROWS" in {finding.code for finding in found.findings}
    assert "LOOKBACK_UNUSED" not in {finding.code for finding in found.findings}


@pytest.mark.parametrize(
    ("tables", "options", "said"),
    [
        (lambda: (*_in_polars(TOUCHES), CONVERSIONS), {}, "only one of the two tables is lazy.*out of one engine"),
        (
            lambda: (*_in_polars(TOUCHES), *_in_duckdb(CONVERSIONS)), {},
            "not held by one engine and connection.*out of one engine",
        ),
        (
            lambda: _in_duckdb(TOUCHES, CONVERSIONS), {"customers": pd.DataFrame({"person_id": ["a"]})},
            "customers= joins a further table.*join that table in the engine first",
        ),
        (lambda: _in_duckdb(TOUCHES, CONVERSIONS), {"models": "markov"}, "choose rules and models that the engine"),
        (
            lambda: _in_duckdb(TOUCHES.append_column("wl_key", TOUCHES["channel"]), CONVERSIONS),
            {"rules": at.Rules(match=("wl_key",))}, "have a column 'wl_key'.*the column by a view in the engine",
        ),
    ],
    ids=["one lazy", "two engines", "customers", "markov", "column"],
)  # fmt: skip
def test_the_advice_fits_the_cause(tables, options, said):
    with pytest.raises(at.WakeLiftError, match=said):
        at.attribute(*tables(), collect=False, **options)


@ENGINES
def test_the_advice_for_a_later_question_is_what_the_engine_sums(engine):
    credit = at.attribute(*engine(TOUCHES, CONVERSIONS), collect=False)
    with pytest.raises(at.InputError, match=r"ask for what is summed in the engine: \.table\(\)") as caught:
        credit.intervals()
    assert "rules and models" not in str(caught.value)
