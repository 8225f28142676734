"""Outcomes, contacts, purchases and the readout against hand-written queries; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``: 5 million rows, ours and theirs in turns, so that what else the
machine does falls on all alike; the ratios are in the benchmark's ``extra_info`` and in the captured output (``-rP``).
The normal run holds all of them to the same numbers on a small table.

The hand-written queries do less: no checks of keys, times and amounts, no findings, no fingerprint, no intervals; of
the pressure no busiest windows and channels, of the purchases no waiting times and no redrawn logs, of the readout no
tests, no sample ratio and no look for repeated persons.
"""

from __future__ import annotations

import statistics
import time
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

import experiments as ex

ROUNDS = 5
MANY, FEW = 5_000_000, 20_000
DAY = 86_400_000_000
BEGIN = 1_790_000_000_000_000
END = "2026-12-31"
ARMS = ("holdout", "sms")
EXPERIMENT = ex.Experiment(
    {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "orders": ex.Mean("orders")},
    shares={"holdout": 0.5, "sms": 0.5},
)


def stamps(times: np.ndarray) -> pa.Array:
    return pa.array(times, pa.timestamp("us", "UTC"))


@cache
def log(rows: int) -> pa.Table:
    """Contacts of a tenth as many persons in 60 days, in no order."""
    chance = np.random.Generator(np.random.PCG64(20261122))
    person = (chance.power(2.0, rows) * (rows // 10)).astype(np.int64)
    return pa.table({
        "person_id": 1_000_000 + 7 * person,
        "time": stamps(BEGIN + chance.integers(0, 60 * DAY, rows)),
        "channel": pa.array(np.array(["push", "sms", "phone"])[chance.choice(3, rows, p=[0.6, 0.3, 0.1])]),
        "cost": np.round(chance.exponential(0.2, rows), 2),
    })  # fmt: skip


@cache
def assignment(rows: int) -> pa.Table:
    persons = rows // 10
    chance = np.random.Generator(np.random.PCG64(7))
    return pa.table(
        {
            "person_id": 1_000_000 + 7 * np.arange(persons),
            "arm": pa.array(np.array(ARMS)[chance.integers(0, 2, persons)]),
            "assigned_at": stamps(BEGIN + chance.integers(0, 20 * DAY, persons)),
        }
    )


@cache
def conversions(rows: int) -> pa.Table:
    found = log(rows).select(["person_id", "time"]).slice(0, rows // 20)
    value = np.random.Generator(np.random.PCG64(8)).integers(1, 500, rows // 20)
    return found.append_column("conversion_id", pa.array(np.arange(rows // 20))).append_column("value", pa.array(value))


@cache
def people(rows: int) -> pa.Table:
    chance = np.random.Generator(np.random.PCG64(9))
    woken = (chance.random(rows) < 0.03).astype(np.int64)
    return pa.table({
        "person_id": 1_000_000 + 7 * np.arange(rows), "arm": pa.array(np.array(ARMS)[chance.integers(0, 2, rows)]),
        "woken": woken, "value": woken * np.round(chance.exponential(100, rows), 2), "orders": chance.poisson(1, rows),
    })  # fmt: skip


def frame(table: pa.Table):
    return pytest.importorskip("polars").from_arrow(table)


def our_outcomes(rows: int) -> tuple[float, int]:
    found = ex.build_outcomes(
        assignment(rows), conversions(rows), touches=log(rows), window="28d", as_of=END
    ).to_arrow()
    return float(found["touch_cost"].to_numpy().sum()), int(found["orders"].to_numpy().sum())


def their_outcomes(rows: int) -> tuple[float, int]:
    polars = pytest.importorskip("polars")
    people_, window = frame(assignment(rows)).lazy(), polars.duration(days=28)

    def inside(table: pa.Table, made):
        joined = frame(table).lazy().join(people_, on="person_id").filter(
            (polars.col("time") >= polars.col("assigned_at"))
            & (polars.col("time") < polars.col("assigned_at") + window)
        )  # fmt: skip
        return joined.group_by("person_id").agg(made)

    found = (
        people_.join(inside(log(rows), polars.col("cost").sum()), on="person_id", how="left")
        .join(inside(conversions(rows), polars.len().alias("orders")), on="person_id", how="left")
        .collect()
    )
    return float(found["cost"].sum()), int(found["orders"].sum())


def our_pressure(rows: int) -> list[int]:
    found = ex.contact_pressure(log(rows), caps={"7d": 3, "30d": 8})
    return [row["beyond"] for row in found.to_dicts()]


def their_pressure(rows: int) -> list[int]:
    polars = pytest.importorskip("polars")
    ordered = frame(log(rows)).lazy().sort("person_id", "time")
    since = [
        (polars.col("time") - polars.col("time").shift(cap).over("person_id") < polars.duration(days=days)).sum()
        for days, cap in ((7, 3), (30, 8))
    ]
    return list(ordered.select(week=since[0], month=since[1]).collect().row(0))


def our_purchases(rows: int) -> list[tuple[int, int]]:
    found = ex.nth_purchase(log(rows), as_of="2026-12-01", silent_after="20d", up_to=8, replicates=100)
    return [(row["reached"], row["stopped"]) for row in found.to_dicts()]


def their_purchases(rows: int) -> list[tuple[int, int]]:
    polars = pytest.importorskip("polars")
    end = polars.lit(np.datetime64("2026-12-02T00:00:00", "us")).dt.replace_time_zone("UTC")
    silent = polars.duration(days=20)
    ordered = frame(log(rows)).lazy().sort("person_id", "time").with_columns(
        nth=polars.int_range(polars.len()).over("person_id"), then=polars.col("time").shift(-1).over("person_id")
    )  # fmt: skip
    mature = ordered.filter((polars.col("nth") < 8) & (polars.col("time") + silent < end))
    gone = polars.col("then").is_null() | (polars.col("then") > polars.col("time") + silent)
    found = mature.group_by("nth").agg(reached=polars.len(), stopped=gone.sum()).sort("nth").collect()
    return list(found.select("reached", "stopped").iter_rows())


def our_readout(rows: int) -> list[float]:
    table = EXPERIMENT.analyze(people(rows)).to_dicts()
    return [row[name] for row in table for name in ("n_control", "n", "value_control", "value")]


@cache
def stored(rows: int):
    connection = pytest.importorskip("duckdb").connect()
    connection.execute("SET threads = 2")
    connection.register("given", people(rows))
    connection.execute("CREATE TABLE people AS SELECT * FROM given")
    return connection


def their_readout(rows: int) -> list[float]:
    names = ("woken", "value", "orders")
    pairs = [f"covar_samp({a}, {b})" for i, a in enumerate(names) for b in names[i:]]
    wanted = ", ".join(["count(*)", *(f"avg({name})" for name in names), *pairs])
    control, treated = stored(rows).execute(f"SELECT {wanted} FROM people GROUP BY arm ORDER BY arm").fetchall()
    return [part for i in (1, 2, 3) for part in (control[0], treated[0], control[i], treated[i])]


CASES = {
    "build_outcomes / Polars": (our_outcomes, their_outcomes),
    "contact_pressure / Polars": (our_pressure, their_pressure),
    "nth_purchase / Polars": (our_purchases, their_purchases),
    "analyze / DuckDB": (our_readout, their_readout),
}


@pytest.mark.parametrize("case", CASES)
def test_both_find_the_same_numbers_in_small(case):
    ours, theirs = CASES[case]
    assert np.asarray(ours(FEW)) == pytest.approx(np.asarray(theirs(FEW)), rel=1e-9)


@pytest.mark.benchmark
@pytest.mark.parametrize("case", CASES)
def test_five_million_rows_in_turns(benchmark, case):
    ours, theirs = CASES[case]
    assert np.asarray(ours(MANY)) == pytest.approx(np.asarray(theirs(MANY)), rel=1e-9)
    ratios: list[float] = []

    def turn():
        start = time.perf_counter()
        ours(MANY)
        middle = time.perf_counter()
        theirs(MANY)
        ratios.append((middle - start) / (time.perf_counter() - middle))

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info[f"time of {case}"] = round(statistics.median(ratios[1:]), 2)
    print(benchmark.extra_info)
    assert len(ratios) == ROUNDS + 1
