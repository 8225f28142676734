"""The graph as SQL for warehouses that no test can run: it is generated for each, and each text can be read."""

from __future__ import annotations

import pytest
from engine_cases import MODELS

import attribution as at
from attribution.engines.spec import EngineKey
from attribution.engines.warehouse import warehouse_sql

ibis = pytest.importorskip("ibis")
sqlglot = pytest.importorskip("sqlglot")

DIALECTS = ("bigquery", "snowflake", "databricks", "trino", "clickhouse", "postgres", "duckdb")
TOUCHES = {
    "person_id": "string",
    "time": "timestamp('UTC')",
    "channel": "string",
    "kind": "string",
    "product": "string",
}
CONVERSIONS = {
    "person_id": "string", "time": "timestamp('UTC')", "conversion_id": "string", "value": "float64",
    "product": "string", "shop": "string",
}  # fmt: skip
RULES = {
    "default": at.Rules(),
    "many": at.Rules(lookback={"sms": "1d", ("phone", "click"): "12h", "*": "5d"}, match=("product",), reuse="reset"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("rules", RULES)
def test_the_graph_is_written_for_a_warehouse_and_can_be_read(dialect, rules):
    sql = warehouse_sql(
        ibis.table(TOUCHES, name="touches"),
        ibis.table(CONVERSIONS, name="conversions"),
        rules=RULES[rules],
        shares=list(MODELS.values()),
        keys=[EngineKey(side="touch", column="channel"), EngineKey(side="conversion", column="shop")],
        dialect=dialect,
    )
    tree = sqlglot.parse_one(sql, read=dialect)
    assert {table.name for table in tree.find_all(sqlglot.exp.Table)} >= {"touches", "conversions"}
    assert len(list(tree.find_all(sqlglot.exp.Window))) >= 3
    assert "1970" in sql  # times are differences in whole microseconds, never seconds that somebody rounds
