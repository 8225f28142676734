"""The graph in PostgreSQL, through Ibis, against a real server that this module starts."""

from __future__ import annotations

from itertools import count

import pytest
from engine_cases import RULES, check_same, drawn_tables
from postgres_server import programs, server

ibis = pytest.importorskip("ibis", reason="Ibis is not installed")
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'ibis-framework[postgres]'")

if programs() is None:
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)

_KINDS = {
    "int64": "bigint", "string": "text", "double": "double precision", "timestamp[us, tz=UTC]": "timestamptz",
}  # fmt: skip
_NUMBER = count()


@pytest.fixture(scope="module")
def put():
    """A function that gives Arrow tables as Ibis tables of a PostgreSQL database."""
    with server() as host:
        connection = ibis.postgres.connect(host=host, user="tester", database="postgres")
        try:
            yield lambda *tables: tuple(_put(connection, table) for table in tables)
        finally:
            connection.disconnect()


def _put(connection, table):
    name = f"table_{next(_NUMBER)}"
    columns = ", ".join(f'"{field.name}" {_KINDS[str(field.type)]}' for field in table.schema)
    with connection.con.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} ({columns})")
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in table.to_pylist():
                copy.write_row(list(row.values()))
    connection.con.commit()
    return connection.table(name)


# Ibis takes seconds to write the queries of a case: the rules that differ most in what they ask of the engine.
_ASKED = ["default", "by channel", "outbound", "match", "first", "reset by channel", "calendar", "declared"]


@pytest.mark.parametrize(("seed", "name"), list(enumerate(_ASKED)))
def test_postgres_gives_the_credit_of_memory_under_every_rule(put, seed, name):
    drawn = drawn_tables(seed)
    check_same(put(*drawn), drawn, RULES[name])


@pytest.mark.parametrize("keys", [("campaign",), ("channel", "shop")], ids="-".join)
def test_postgres_gives_the_credit_of_memory_by_any_column(put, keys):
    drawn = drawn_tables(99)
    check_same(put(*drawn), drawn, keys=keys)
