"""The graph on DuckDB, Polars and Ibis gives the credit of the same rows in memory."""

from __future__ import annotations

from itertools import count

import pytest
from engine_cases import KEYS, RULES, check_same, drawn_tables, tables
from hypothesis import Phase, given, settings

duckdb = pytest.importorskip("duckdb")
pl = pytest.importorskip("polars")

_NUMBER = count()
# A failing table is shown as it was found: every try runs several queries, and shrinking runs hundreds of them.
_PHASES = (Phase.explicit, Phase.generate)
_CONNECTION = duckdb.connect()


def in_duckdb(*given_tables):
    return tuple(_CONNECTION.table(name) for name in _created(*given_tables))


def _created(*given_tables):
    """Each Arrow table as a table of one connection; its name, which is its own."""
    found = []
    for table in given_tables:
        name = f"table_{next(_NUMBER)}"
        _CONNECTION.register(f"{name}_arrow", table)
        _CONNECTION.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {name}_arrow")
        _CONNECTION.unregister(f"{name}_arrow")
        found.append(name)
    return found


def in_polars(*given_tables):
    return tuple(pl.from_arrow(table).lazy() for table in given_tables)


def in_ibis(*given_tables):
    ibis = pytest.importorskip("ibis")
    connection = ibis.duckdb.from_connection(_CONNECTION)
    return tuple(connection.table(name) for name in _created(*given_tables))


@pytest.mark.parametrize("engine", [in_duckdb, in_polars], ids=["duckdb", "polars"])
@pytest.mark.parametrize("name", RULES)
def test_credit_is_that_of_memory_under_every_rule(engine, name):
    @settings(max_examples=5, phases=_PHASES)
    @given(tables())
    def check(drawn):
        check_same(engine(*drawn), drawn, RULES[name])

    check()


@pytest.mark.parametrize("engine", [in_duckdb, in_polars], ids=["duckdb", "polars"])
@pytest.mark.parametrize("keys", KEYS, ids="-".join)
def test_credit_by_any_column_is_that_of_memory(engine, keys):
    @settings(max_examples=4, phases=_PHASES)
    @given(tables())
    def check(drawn):
        touches, bought = drawn
        if keys == ("product",):
            check_same(engine(touches.drop(["product"]), bought), (touches.drop(["product"]), bought), keys=keys)
        else:
            check_same(engine(touches, bought), drawn, keys=keys)

    check()


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # Ibis calls DuckDB by an old name
@pytest.mark.parametrize(("seed", "name"), list(enumerate(["default", "by channel", "reset by channel", "calendar"])))
def test_ibis_gives_the_credit_of_memory(seed, name):
    drawn = drawn_tables(seed)
    check_same(in_ibis(*drawn), drawn, RULES[name])


def test_polars_gives_the_credit_of_memory_when_it_streams():
    drawn = drawn_tables(3)
    with pl.Config():
        pl.Config.set_engine_affinity("streaming")
        check_same(in_polars(*drawn), drawn, RULES["by channel"], keys=("channel", "shop"))
