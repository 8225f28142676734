"""The five models in hand-written DuckDB, in four idioms, on tables of its own or on Parquet files.

All are right when touches tie: within one instant the channel's name decides, through its place in an enumeration that
sorts by name, packed under the microseconds of the time. None takes first and last by `time = min(time)`, which counts
twins twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.suite.answers import HALF_LIFE, LOOKBACK, MODELS, answer
from benchmarks.suite.data import CHANNELS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# One row per eligible pair. The key sorts by time, then by the channel's name, and ends in the channel's place.
PAIRS = f"""
  SELECT c.conversion_id AS cid, c.value AS v, t.code,
         t.at * 16 + t.code AS key, exp((t.at - c.at) * (ln(2) / {HALF_LIFE})) AS d
  FROM (SELECT person_id, epoch_us(time) AS at, CAST(enum_code(CAST(channel AS channels)) AS BIGINT) AS code
        FROM {{touches}}) t
  JOIN (SELECT person_id, epoch_us(time) AS at, conversion_id, value FROM {{conversions}}) c
    ON t.person_id = c.person_id AND t.at <= c.at AND t.at >= c.at - {LOOKBACK}
"""
# What position gives in the middle (a), and on top of it at either end (e).
ENDS = "CASE WHEN n > 2 THEN 0.2 / (n - 2) ELSE 0 END AS a, CASE WHEN n > 2 THEN 0.4 - 0.2 / (n - 2) ELSE 0.5 END AS e"
# The credit of every channel, from rows `credits(code, count and value per model)`.
TOTALS = ", ".join(f"sum({m}) AS {m}, sum({m}_value) AS {m}_value" for m in MODELS)


def _row(credits: dict[str, str], value: str = "v") -> str:
    """The ten columns of `credits` where one expression per model is given, the others zero."""
    return ", ".join(
        f"{credits.get(m, '0.0')} AS {m}, ({credits.get(m, '0.0')}) * {value} AS {m}_value" for m in MODELS
    )  # fmt: skip


FIRST = _row({"first_touch": "1.0", "position_based": "e"})
LAST = _row({"last_touch": "1.0", "position_based": "e"})
EACH = _row({"linear": "1.0 / n", "time_decay": "d / w", "position_based": "a"})
SUMMED = _row({"linear": "k * 1.0 / n", "time_decay": "d / w", "position_based": "k * a"})

GROUPS = f"""
WITH pairs AS MATERIALIZED ({PAIRS}),
served AS MATERIALIZED (
  SELECT *, {ENDS} FROM (
    SELECT cid, any_value(v) AS v, count(*) AS n, min(key) % 16 AS first, max(key) % 16 AS last, sum(d) AS w
    FROM pairs GROUP BY cid)),
credits AS (
  SELECT first AS code, {FIRST} FROM served UNION ALL SELECT last, {LAST} FROM served
  UNION ALL SELECT code, {EACH} FROM (SELECT p.code, p.d, s.* FROM pairs p JOIN served s ON p.cid = s.cid))
SELECT code, {TOTALS} FROM credits GROUP BY code"""

CELLS = f"""
WITH cells AS MATERIALIZED (
  SELECT cid, code, any_value(v) AS v, count(*) AS k, min(key) AS low, max(key) AS high, sum(d) AS d
  FROM ({PAIRS}) GROUP BY cid, code),
served AS MATERIALIZED (
  SELECT *, {ENDS} FROM (
    SELECT cid, any_value(v) AS v, sum(k) AS n, min(low) % 16 AS first, max(high) % 16 AS last, sum(d) AS w
    FROM cells GROUP BY cid)),
credits AS (
  SELECT first AS code, {FIRST} FROM served UNION ALL SELECT last, {LAST} FROM served
  UNION ALL SELECT code, {SUMMED} FROM (SELECT c.code, c.k, c.d, s.* FROM cells c JOIN served s ON c.cid = s.cid))
SELECT code, {TOTALS} FROM credits GROUP BY code"""

WINDOWS = f"""
WITH ranked AS (
  SELECT code, v, d, count(*) OVER c AS n, sum(d) OVER c AS w,
         row_number() OVER (PARTITION BY cid ORDER BY key) AS i
  FROM ({PAIRS}) WINDOW c AS (PARTITION BY cid))
SELECT code, {TOTALS} FROM (
  SELECT code, {_row({
      "first_touch": "CAST(i = 1 AS DOUBLE)", "last_touch": "CAST(i = n AS DOUBLE)", "linear": "1.0 / n",
      "time_decay": "d / w",
      "position_based": "a + CASE WHEN i = 1 THEN e ELSE 0 END + CASE WHEN i = n THEN e ELSE 0 END",
  })} FROM (SELECT *, {ENDS} FROM ranked))
GROUP BY code"""  # fmt: skip


def _columns() -> str:
    """One row per conversion with a count and a sum of decays per channel: nothing is joined back."""
    count = ", ".join(f"count(*) FILTER (code = {k}) AS k{k}" for k in range(len(CHANNELS)))
    decay = ", ".join(f"sum(d) FILTER (code = {k}) AS d{k}" for k in range(len(CHANNELS)))
    sums = " UNION ALL ".join(
        f"SELECT {k} AS code, "
        + ", ".join(
            f"sum({credit}) AS {model}, sum(({credit}) * v) AS {model}_value"
            for model, credit in {
                "first_touch": f"CAST(first = {k} AS DOUBLE)",
                "last_touch": f"CAST(last = {k} AS DOUBLE)",
                "linear": f"k{k} * 1.0 / n",
                "time_decay": f"coalesce(d{k}, 0) / w",
                "position_based": f"k{k} * a + (CAST(first = {k} AS INTEGER) + CAST(last = {k} AS INTEGER)) * e",
            }.items()
        )
        + " FROM served"
        for k in range(len(CHANNELS))
    )
    return f"""
WITH served AS MATERIALIZED (
  SELECT *, {ENDS} FROM (
    SELECT cid, any_value(v) AS v, count(*) AS n, min(key) % 16 AS first, max(key) % 16 AS last, sum(d) AS w,
           {count}, {decay}
    FROM ({PAIRS}) GROUP BY cid))
{sums}"""


QUERIES = {
    "group by, joined back": GROUPS,
    "group by conversion and channel": CELLS,
    "window functions": WINDOWS,
    "columns per channel": _columns(),
}


def connect(threads: int = 2) -> duckdb.DuckDBPyConnection:
    """An empty database that knows the channels, as a table whose column is an enumeration would."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    names = ", ".join(f"'{name}'" for name in sorted(CHANNELS))
    connection.execute(f"CREATE TYPE channels AS ENUM ({names})")
    return connection


def load(touches: pa.Table, conversions: pa.Table, *, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Both tables as DuckDB's own; the channel as the enumeration, which is best for every query here."""
    connection = connect(threads)
    connection.register("given_touches", touches)
    connection.register("given_conversions", conversions)
    connection.execute(
        "CREATE TABLE touches AS SELECT * REPLACE (CAST(channel AS channels) AS channel) FROM given_touches"
    )
    connection.execute("CREATE TABLE conversions AS SELECT * FROM given_conversions")
    connection.unregister("given_touches")
    connection.unregister("given_conversions")
    return connection


def run(
    connection: duckdb.DuckDBPyConnection,
    idiom: str,
    touches: str | Path = "touches",
    conversions: str | Path = "conversions",
) -> np.ndarray:
    """The answer of one idiom; a path is read as Parquet."""
    sources = [f"read_parquet('{place}')" if isinstance(place, Path) else place for place in (touches, conversions)]
    query = QUERIES[idiom].format(touches=sources[0], conversions=sources[1])
    rows = connection.execute(query).fetchnumpy()
    count, value = connection.execute(f"SELECT count(*), sum(value) FROM {sources[1]}").fetchall()[0]
    rows["channel"] = [sorted(CHANNELS)[code] for code in rows.pop("code")]
    return answer(rows, count, value)
