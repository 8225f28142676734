"""How long Shapley credit and a table of paths take on 1,000,000 paths; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``; the normal run takes the same steps on a small world.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import attribution as at

ROUNDS = 3


@cache
def paths_of(paths: int, channels: int) -> at.PathCounts:
    """Paths of 1 to 8 steps with conversions and null journeys."""
    chance = np.random.Generator(np.random.PCG64(20261122))
    offsets = np.concatenate([[0], np.cumsum(chance.integers(1, 9, paths))])
    return at.PathCounts(
        offsets=offsets,
        channel=chance.integers(0, channels, offsets[-1]),
        channel_names=np.array([f"channel {code:03d}" for code in range(channels)], dtype=object),
        conversions=chance.integers(0, 3, paths).astype(float),
        value=np.zeros(paths),
        nulls=chance.integers(0, 9, paths).astype(float),
    )


@cache
def table_of(paths: int) -> pd.DataFrame:
    """The same as a table of text."""
    counted = paths_of(paths, 12)
    names = counted.channel_names[counted.channel].tolist()
    ends = counted.offsets.tolist()
    written = [" > ".join(names[begin:end]) for begin, end in pairwise(ends)]
    return pd.DataFrame({"path": written, "conversions": counted.conversions, "nulls": counted.nulls})


@pytest.mark.parametrize("value", ["count", "rate"])
def test_shapley_on_many_paths_in_small(value):
    assert at.Shapley(value=value).shares(paths_of(2_000, 12)).sum() == pytest.approx(1, abs=1e-12)
    assert len(at.attribute_paths(table_of(2_000), models=[at.Shapley(value=value)], nulls="nulls").table()) == 13


@pytest.mark.benchmark
@pytest.mark.parametrize(("channels", "value"), [(12, "count"), (12, "rate"), (20, "count"), (20, "rate")])
def test_shapley_values_of_a_million_paths(benchmark, channels, value):
    paths = paths_of(1_000_000, channels)
    fit = benchmark.pedantic(at.Shapley(value=value).fit, args=(paths,), rounds=ROUNDS, warmup_rounds=1)
    assert fit.credit.sum() == pytest.approx(fit.total, rel=1e-9)
    assert fit.standard_error is None


@pytest.mark.benchmark
@pytest.mark.parametrize("channels", [21, 60])
def test_sampled_shapley_values(benchmark, channels):
    paths = paths_of(100_000, channels)
    fit = benchmark.pedantic(at.Shapley(value="rate").fit, args=(paths,), rounds=ROUNDS, warmup_rounds=1)
    assert fit.method == "sampled"


@pytest.mark.benchmark
@pytest.mark.parametrize("channels", [12, 20])
def test_shapley_shares_of_one_resample(benchmark, channels):
    paths = paths_of(20_000, channels)
    tally = at.Shapley(value="rate").tally(paths)
    totals = paths.conversions @ tally.converting + paths.nulls @ tally.lost
    shares = benchmark(tally.shares_of, totals)
    assert shares.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.benchmark
@pytest.mark.parametrize("models", [("first_touch", "last_touch", "linear", "position_based"), "rate"])
def test_credit_of_a_table_of_a_million_paths(benchmark, models):
    asked = [at.Shapley(value="rate")] if models == "rate" else models
    credit = benchmark.pedantic(
        at.attribute_paths, args=(table_of(1_000_000),), kwargs={"models": asked, "nulls": "nulls"},
        rounds=ROUNDS, warmup_rounds=0,
    )  # fmt: skip
    assert len(credit.channel_names) == 12
