"""The checks of a touches table against the same checks by the ordinary calls of Arrow and pandas, kind by kind.

Run with ``pytest -m benchmark -n0 tests/benchmarks``: 5 million touches, both ways in turns, so that what else the
machine does falls on both alike; the median of the ratios of the turns is in the benchmark's ``extra_info`` and in the
captured output (``-rP``). The normal run holds both to the same columns on a small table; nothing asserts a time.
"""

from __future__ import annotations

import statistics
import time
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from attribution.core.columns import Columns
from attribution.core.tables import Problems
from attribution.touches import read_touches

NAMES = ["push", "banner", "search", "sms", "phone", "wechat", "email", "app"]
BEGIN = 1_790_000_000_000_000
ROUNDS = 5


@cache
def columns(rows: int) -> dict[str, pa.Array]:
    chance = np.random.Generator(np.random.PCG64(20261122))
    person = pa.array(1_000_000 + 7 * chance.integers(0, rows // 6, rows))
    moment = BEGIN + chance.integers(0, 90 * 86_400 * 10**6, rows)
    codes = chance.choice(8, rows, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    names = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(NAMES, pa.large_string()))
    ids = chance.permutation(rows)
    return {
        "person": person, "person text": person.cast(pa.large_string()),
        "time": pa.array(moment, pa.timestamp("us", "UTC")),
        "time ns": pa.array(moment * 1000, pa.timestamp("ns", "UTC")),
        "names": names, "channel": names.dictionary_decode(),
        "rising": pa.array(np.sort(ids)), "mixed": pa.array(ids), "wide": pa.array(ids * np.int64(922_337_203_685)),
        "text": pa.array(ids + 10**9).cast(pa.large_string()),
    }  # fmt: skip


def table(rows: int, person: str = "person", moment: str = "time", channel: str = "channel", touch: str = ""):
    found = columns(rows)
    made = {"person_id": found[person], "time": found[moment], "channel": found[channel]}
    return pa.table({**made, "touch_id": found[touch]} if touch else made)


def polars(rows: int, kind: str):
    pl = pytest.importorskip("polars")
    made = pl.from_arrow(table(rows))
    kinds = {"String": pl.String, "Categorical": pl.Categorical, "Enum": pl.Enum(sorted(NAMES))}
    return made.with_columns(pl.col("channel").cast(kinds[kind]))


KINDS = {
    "Arrow": table,
    "Arrow, text ids": lambda rows: table(rows, person="person text"),
    "Arrow, dictionary": lambda rows: table(rows, channel="names"),
    "Arrow, ns": lambda rows: table(rows, moment="time ns"),
    "Arrow, rising touch ids": lambda rows: table(rows, touch="rising"),
    "Arrow, touch ids in any order": lambda rows: table(rows, touch="mixed"),
    "Arrow, wide touch ids": lambda rows: table(rows, touch="wide"),
    "Arrow, touch ids of text": lambda rows: table(rows, touch="text"),
    "pandas": lambda rows: table(rows).to_pandas(),
    "pandas, category": lambda rows: table(rows, channel="names").to_pandas(),
    "pandas, ns": lambda rows: table(rows, moment="time ns").to_pandas(),
    "Polars, String": lambda rows: polars(rows, "String"),
    "Polars, Categorical": lambda rows: polars(rows, "Categorical"),
    "Polars, Enum": lambda rows: polars(rows, "Enum"),
}


def ours(data):
    problems = Problems()
    found = read_touches(data, Columns(), problems=problems)
    assert found is not None
    assert problems.issues == []
    return found.person, found.time, found.channel.codes, found.channel.names.tolist(), found.touch


def ordinary(data):
    """The same with the calls that come to mind: distinct values by hashing, blank texts by trimming all."""
    found = data if isinstance(data, pa.Table) else None
    if found is None:
        found = data.to_arrow() if hasattr(data, "to_arrow") else pa.Table.from_pandas(data, preserve_index=False)
    person, channel, moment = (found[name].combine_chunks() for name in ("person_id", "channel", "time"))
    assert person.null_count == channel.null_count == moment.null_count == 0
    if not pa.types.is_integer(person.type):
        assert not pc.any(pc.equal(pc.utf8_trim_whitespace(person), "")).as_py()
    if not pa.types.is_dictionary(channel.type):
        channel = channel.dictionary_encode()
    names = sorted(channel.dictionary.to_pylist())
    place = np.array([names.index(name) for name in channel.dictionary.to_pylist()])
    codes = place[channel.indices.to_numpy()]
    instants = moment.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64()).to_numpy()
    touch = found["touch_id"].combine_chunks() if "touch_id" in found.column_names else None
    assert touch is None or len(pc.unique(touch)) == len(touch)
    return person, instants, codes, names, touch


def same(left, right):
    return (
        left[0].equals(right[0].cast(left[0].type))
        and np.array_equal(left[1], right[1])
        and np.array_equal(left[2], right[2])
        and left[3] == right[3]
        and (left[4] is right[4] is None or left[4].equals(right[4]))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_read_the_same_columns_in_small(kind):
    data = KINDS[kind](5_000)
    assert same(ours(data), ordinary(data))


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", KINDS)
def test_reading_five_million_touches(benchmark, kind):
    data = KINDS[kind](5_000_000)
    assert same(ours(data), ordinary(data))
    ratios: list[float] = []

    def turn():
        start = time.perf_counter()
        ours(data)
        mine = time.perf_counter() - start
        start = time.perf_counter()
        ordinary(data)
        ratios.append((time.perf_counter() - start) / mine)

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["ordinary / ours"] = round(statistics.median(ratios[1:]), 2)
    print(kind, benchmark.extra_info)
    assert len(ratios) == ROUNDS + 1
