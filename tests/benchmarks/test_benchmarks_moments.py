"""Sufficient statistics of three metrics and a covariate against hand-written queries; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``: 10 million rows, everything, in turns, so that what
else the machine does falls on all alike; the ratios to the hand-written queries are in the benchmark's ``extra_info``
and in the captured output (``-rP``). The normal run holds all of them to the same numbers on a small table.

The hand-written queries do less: no look for infinite or missing values, no smallest and largest value, no third
moment, sums whose last digits change with the number of threads. The naive ones sum squares, which loses every digit
of a variance beside a large mean.
"""

from __future__ import annotations

import statistics
import time
from functools import cache

import numpy as np
import pytest

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from experiments.metrics import inputs_of
from experiments.moments import metric_moments

METRICS = {
    "woken": ex.Rate("woken", covariate="history"),
    "value": ex.Mean("value", covariate="history"),
    "clicks": ex.Ratio("clicks", "sent", covariate="history"),
}
COLUMNS = ("woken", "value", "clicks", "sent", "history")
PAIRS = [
    ("woken", "woken"), ("woken", "history"), ("value", "value"), ("value", "history"), ("clicks", "clicks"),
    ("clicks", "sent"), ("sent", "sent"), ("clicks", "history"), ("sent", "history"), ("history", "history"),
]  # fmt: skip
ROUNDS = 5


@cache
def outcomes(rows: int):
    polars = pytest.importorskip("polars")
    chance = np.random.Generator(np.random.PCG64(20261122))
    return polars.DataFrame({
        "arm": np.where(chance.random(rows) < 0.5, "treatment", "holdout"),
        "woken": (chance.random(rows) < 0.05).astype(np.int64),
        "value": np.where(chance.random(rows) < 0.9, 0.0, chance.lognormal(4, 1.5, rows)),
        "clicks": chance.poisson(0.3, rows),
        "sent": 1 + chance.poisson(2, rows),
        "history": chance.lognormal(3, 1, rows),
    })  # fmt: skip


@cache
def stored(rows: int):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.register("given", outcomes(rows).to_arrow())
    connection.execute("CREATE TABLE outcomes AS SELECT * FROM given")
    return connection


def ours(table):
    inputs = {name: inputs_of(metric) for name, metric in METRICS.items()}
    found = metric_moments(open_table(table, "outcomes", Columns(), problems=Problems()), inputs, keys=("arm",))
    means = {c: p.means[:, p.labels.index(c)] for p in found.values() for c in p.labels}
    squares = {
        (a, b): p.products[:, p.labels.index(a), p.labels.index(b)]
        for p in found.values() for a, b in PAIRS if a in p.labels and b in p.labels
    }  # fmt: skip
    return means, squares


def polars_centred(rows: int):
    import polars as pl

    table = outcomes(rows).lazy()
    means = table.group_by("arm").agg(pl.col(c).mean().alias(f"mean {c}") for c in COLUMNS)
    gaps = table.join(means, on="arm").with_columns(pl.col(c) - pl.col(f"mean {c}") for c in COLUMNS)
    sums = [(pl.col(a) * pl.col(b)).sum().alias(f"{a} {b}") for a, b in PAIRS]
    return gaps.group_by("arm").agg(*[pl.col(f"mean {c}").first() for c in COLUMNS], *sums).sort("arm").collect()


def polars_naive(rows: int):
    import polars as pl

    sums = [(pl.col(a) * pl.col(b)).sum().alias(f"{a} {b}") for a, b in PAIRS]
    means = [pl.col(c).mean().alias(f"mean {c}") for c in COLUMNS]
    return outcomes(rows).lazy().group_by("arm").agg(pl.len(), *means, *sums).sort("arm").collect()


def duckdb_centred(rows: int):
    means = ", ".join(f'avg({c}) AS "mean {c}"' for c in COLUMNS)
    kept = ", ".join(f'any_value("mean {c}") AS "mean {c}"' for c in COLUMNS)
    sums = ", ".join(f'sum(({a} - "mean {a}") * ({b} - "mean {b}")) AS "{a} {b}"' for a, b in PAIRS)
    query = (
        f"WITH means AS (SELECT arm, {means} FROM outcomes GROUP BY arm) "
        f"SELECT arm, {kept}, {sums} FROM outcomes JOIN means USING (arm) GROUP BY arm ORDER BY arm"
    )
    return stored(rows).execute(query).df()


def duckdb_naive(rows: int):
    means = ", ".join(f'avg({c}) AS "mean {c}"' for c in COLUMNS)
    sums = ", ".join(f'sum({a} * {b}) AS "{a} {b}"' for a, b in PAIRS)
    return stored(rows).execute(f"SELECT arm, {means}, {sums} FROM outcomes GROUP BY arm ORDER BY arm").df()


def test_all_of_them_find_the_same_statistics_in_small():
    rows = 20_000
    first, second = ours(outcomes(rows)), ours(stored(rows).table("outcomes"))
    for found in (polars_centred(rows), duckdb_centred(rows)):
        for means, squares in (first, second):
            for column in COLUMNS:
                np.testing.assert_allclose(found[f"mean {column}"], means[column], rtol=1e-12)
            for a, b in PAIRS:
                scale = np.sqrt(squares[a, a] * squares[b, b]) if (b, b) in squares and (a, a) in squares else 1.0
                np.testing.assert_allclose(found[f"{a} {b}"], squares[a, b], rtol=1e-9, atol=1e-12 * np.max(scale))
    assert {key: value.tobytes() for key, value in first[1].items()} == {
        key: value.tobytes() for key, value in second[1].items()
    }


@pytest.mark.benchmark
@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_statistics_of_ten_million_rows(benchmark, engine):
    rows = 10_000_000
    outcomes(rows)
    table = outcomes(rows) if engine == "polars" else stored(rows).table("outcomes")
    hand = {"centred": polars_centred, "naive": polars_naive}
    if engine == "duckdb":
        hand = {"centred": duckdb_centred, "naive": duckdb_naive}
    ratios: dict[str, list[float]] = {name: [] for name in hand}

    def turn():
        start = time.perf_counter()
        ours(table)
        mine = time.perf_counter() - start
        for name, query in hand.items():
            start = time.perf_counter()
            query(rows)
            ratios[name].append(mine / (time.perf_counter() - start))

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=1)
    for name, found in ratios.items():
        benchmark.extra_info[f"ours / {name}"] = round(statistics.median(found[1:]), 2)
    print(engine, benchmark.extra_info)
    assert len(ratios["centred"]) == ROUNDS + 1
