"""How long models of paths take on 1,000,000 distinct paths over 12 channels; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``; the normal run takes the same steps on a small world.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import attribution as at
from attribution.journeys.sequences import number_sequences

CHANNELS = 12
ROUNDS = 5


@cache
def many_paths(paths: int) -> at.PathCounts:
    """Distinct paths of about 6 steps, counted; the mix of channels and the odds to convert differ by channel."""
    chance = np.random.Generator(np.random.PCG64(20261122))
    counts = 1 + chance.poisson(3.8, 3 * paths)
    steps = chance.choice(CHANNELS, size=int(counts.sum()), p=chance.dirichlet(np.full(CHANNELS, 4.0)))
    _, offsets, channel = number_sequences(counts.astype(np.int64), steps.astype(np.int64), CHANNELS)
    kept = np.sort(chance.permutation(len(offsets) - 1)[:paths])
    lengths = np.diff(offsets)[kept]
    begins = offsets[kept]
    ends = np.cumsum(lengths)
    place = np.arange(ends[-1]) + np.repeat(begins - (ends - lengths), lengths)
    journeys = chance.geometric(0.5, len(kept))
    odds = chance.uniform(0.02, 0.3, CHANNELS)[channel[begins + lengths - 1]]
    conversions = chance.binomial(journeys, odds).astype(np.float64)
    return at.PathCounts(
        offsets=np.concatenate([[0], ends]).astype(np.int64),
        channel=channel[place],
        channel_names=np.array([f"channel {number:02d}" for number in range(CHANNELS)], dtype=object),
        conversions=conversions,
        value=conversions * 30.0,
        nulls=journeys - conversions,
    )


@pytest.mark.parametrize("order", [1, 2])
def test_markov_on_many_paths_in_small(order):
    paths = many_paths(2_000)
    assert len(paths) == 2_000
    assert at.Markov(order=order).shares(paths).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.benchmark
@pytest.mark.parametrize("order", [1, 2, 3])
def test_markov_shares(benchmark, order):
    paths = many_paths(1_000_000)
    shares = benchmark.pedantic(at.Markov(order=order).shares, args=(paths,), rounds=ROUNDS, warmup_rounds=1)
    assert len(paths) == 1_000_000
    assert shares.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.benchmark
@pytest.mark.parametrize("order", [1, 2])
def test_markov_fit(benchmark, order):
    paths = many_paths(1_000_000)
    fit = benchmark.pedantic(at.Markov(order=order).fit, args=(paths,), rounds=ROUNDS, warmup_rounds=1)
    assert fit.conversion_probability == pytest.approx(fit.conversions / (fit.conversions + fit.nulls), rel=1e-9)


@pytest.mark.benchmark
@pytest.mark.parametrize("order", [1, 2])
def test_markov_shares_of_one_resample(benchmark, order):
    paths = many_paths(20_000)
    tally = at.Markov(order=order).tally(paths)
    totals = paths.conversions @ tally.converting + paths.nulls @ tally.lost
    shares = benchmark(tally.shares_of, totals)
    np.testing.assert_allclose(shares, at.Markov(order=order).shares(paths), atol=1e-9)


@pytest.mark.benchmark
def test_choosing_the_order(benchmark):
    paths = many_paths(100_000)
    found = benchmark.pedantic(
        at.choose_markov_order, args=(paths,), kwargs={"orders": (1, 2, 3)}, rounds=2, warmup_rounds=0
    )
    assert found.chosen in (1, 2, 3)
