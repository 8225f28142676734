"""What intervals of a credit table cost beside the table, and beside a naive bootstrap; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``: 1 million touches, five models, in turns, so that what else the
machine does falls on all alike; medians of the ratios of the turns are in the benchmark's ``extra_info`` and in the
captured output (``-rP``). The normal run holds the standard errors to each other on a small table: the sum of squares
over persons, and 200 multinomial draws of persons.
"""

from __future__ import annotations

import statistics
import time
from functools import cache

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.credit.person_cells import PersonBlock, map_blocks
from attribution.credit.person_sums import table_sums

CHANNELS = ["push", "banner", "search", "sms", "phone", "wechat", "email", "app"]
BEGIN = 1_790_000_000_000_000
REPLICATES = 200
ROUNDS = 5


@cache
def credit_of(touches: int) -> at.Credit:
    """Persons of exponential activity over 90 days; a conversion for every ten touches."""
    chance = np.random.Generator(np.random.PCG64(20261122))
    ends = np.cumsum(chance.exponential(size=touches // 6))

    def rows(count: int) -> dict[str, object]:
        person = np.searchsorted(ends, chance.random(count) * ends[-1])
        moment = BEGIN + chance.integers(0, 90 * 86_400 * 10**6, count)
        return {"person_id": person, "time": pd.to_datetime(moment, unit="us", utc=True)}

    left = pd.DataFrame({**rows(touches), "channel": chance.choice(CHANNELS, touches)})
    right = pd.DataFrame({**rows(touches // 10), "conversion_id": np.arange(touches // 10)})
    right["value"] = chance.exponential(100, len(right)).round(2)
    return at.attribute(left, right)


def naive(credit: at.Credit, replicates: int) -> np.ndarray:
    """Standard errors of conversions (models x cells): persons drawn with replacement, the table added up anew."""
    chance = np.random.Generator(np.random.PCG64(7))
    parts = list(map_blocks(credit.journeys, credit.models, credit.cells, PersonBlock.entries))
    person, cell = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    conversions = np.concatenate([part[2] for part in parts], axis=1)
    persons, size = len(credit.journeys.persons), len(credit.cells)
    drawn = np.empty((replicates, len(credit.models), size))
    for replicate in drawn:
        weights = np.bincount(chance.integers(0, persons, persons), minlength=persons)[person]
        for model, amounts in enumerate(conversions):
            replicate[model] = np.bincount(cell, weights=weights * amounts, minlength=size)
    return drawn.std(axis=0, ddof=1)


def linearised(credit: at.Credit) -> np.ndarray:
    """The same from one pass; the number of persons is fixed in both."""
    found, persons = table_sums(credit).conversions.sums, len(credit.journeys.persons)
    return np.sqrt(found.squares - found.total**2 / persons)[:, :-1]


def test_one_pass_gives_the_standard_errors_of_a_bootstrap_in_small():
    credit = credit_of(20_000)
    replicates = 4 * REPLICATES
    expected, found = naive(credit, replicates), linearised(credit)
    assert found.shape == (5, len(CHANNELS) + 1)
    # A standard deviation of 800 draws is off by 2.5 %; 45 of them together by 4 times that at most.
    np.testing.assert_allclose(found, expected, rtol=4 / np.sqrt(2 * replicates))


@pytest.mark.benchmark
def test_intervals_beside_the_table_and_a_naive_bootstrap(benchmark):
    credit = credit_of(1_000_000)
    np.testing.assert_allclose(linearised(credit), naive(credit, REPLICATES), rtol=4 / np.sqrt(2 * REPLICATES))
    ratios: dict[str, list[float]] = {"with / without level": [], "naive / with": [], "attribute / with": []}

    def timed(work) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def turn():
        plain, full = timed(credit.table), timed(lambda: credit.table(level=0.95))
        ratios["with / without level"].append(full / plain)
        ratios["naive / with"].append(timed(lambda: naive(credit, REPLICATES)) / full)
        ratios["attribute / with"].append(timed(credit.journeys.attribute) / full)

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=1)
    for name, found in ratios.items():
        benchmark.extra_info[name] = round(statistics.median(found[1:]), 2)
    print(benchmark.extra_info)
    assert all(len(found) == ROUNDS + 1 for found in ratios.values())
