"""95 % intervals, rank sets and differences of credit over worlds of known truth, through the public functions."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.credit.uncertainty import hall_ends
from statistical.credit_coverage import DESIGNS, FLOOR, measure
from statistical.redraw import band

# Rows of the whole table whose channels have at least 30 converting persons in 99 of 100 worlds.
CELLS = 152
# What docs/reference/simulated-coverage.md tells as outside the band, and between which coverages such rows lie.
MISSES = {"even channels": (0.95, 0.97), "values, sigma 1": (0.93, 0.95), "values, sigma 1.5": (0.91, 0.94)}


def outside(name, worlds, cells, **options):
    """The rows of a design that leave the band, or lie below 93 % where persons are few."""
    least, most = band(worlds, 0.95, cells)
    floor = band(worlds, FLOOR, cells)[0]
    measured = measure(name, worlds, **options)
    rows = [row for row in measured.rows() if not (least <= row[5] <= most if row[4] else row[5] >= floor)]
    return measured, rows


@pytest.mark.parametrize("name", ["uneven channels", "heavy converters, N known", "cost by person"])
def test_intervals_in_a_few_worlds(name):
    _, rows = outside(name, 60, 40)
    assert rows == []


def test_models_of_paths_in_a_few_worlds():
    _, rows = outside("paths, N known", 20, 40, replicates=200)
    assert rows == []


def test_rank_sets_and_differences_of_equal_channels():
    worlds = 80  # ranks in a quarter of them
    measured, _ = outside("even channels", worlds, 40)
    assert measured.ranks_held() >= band(worlds // 4, 0.95, 1)[0]
    assert measured.differences_held()[0] >= band(worlds // 4, 0.95, 1)[0]


def test_the_bands_reject_intervals_that_are_too_short():
    """The test of the test: intervals cut by a half leave the band."""
    measured = measure("heavy converters, N known", 100)
    key = ("linear", "a", "conversions")
    point = np.array(measured.point[key])
    measured.low[key] = (point - 0.5 * (point - np.array(measured.low[key]))).tolist()
    measured.high[key] = (point + 0.5 * (np.array(measured.high[key]) - point)).tolist()
    (row,) = [row for row in measured.rows() if row[:3] == key]
    assert row[5] < band(100, 0.95, 1)[0]


@pytest.mark.parametrize("law", ["heavy converters", "dear customers"])
def test_the_plain_normal_interval_misses_and_the_bent_one_does_not(law):
    rounds, persons = 4_000, 40
    random = np.random.default_rng(8)
    drawn = random.poisson(persons, rounds)
    world = np.repeat(np.arange(rounds), drawn)
    if law == "heavy converters":
        credit, mean = 1.0 + random.poisson(random.gamma(0.3, 1 / 0.3, len(world))), 2.0
    else:
        credit, mean = random.lognormal(-0.5, 1.0, len(world)), 1.0
    total, squares, cubes = (np.bincount(world, credit**power, rounds) for power in (1, 2, 3))
    true, half = persons * mean, 1.959963984540054 * np.sqrt(squares)
    plain = int(((total - half <= true) & (true <= total + half)).sum())
    low, high = hall_ends(total, squares, cubes, 0.95)
    bent = int(((low <= true) & (true <= high)).sum())
    assert plain < band(rounds, 0.935, 1)[0]
    assert bent >= band(rounds, 0.945, 1)[0]


@pytest.mark.statistical
@pytest.mark.parametrize("name", [name for name, design in DESIGNS.items() if name not in MISSES])
def test_coverage_over_the_worlds_of_the_table(name):
    worlds = 1_000 if DESIGNS[name].nulls else 4_000
    measured, rows = outside(name, worlds, CELLS)
    assert rows == []
    if measured.sets:
        assert measured.ranks_held() >= band(len(measured.sets), 0.95, 6)[0]
        assert measured.differences_held()[0] >= band(len(measured.differences), 0.95, 6)[0]


@pytest.mark.statistical
@pytest.mark.parametrize("name", list(MISSES))
def test_rows_outside_the_band_are_the_documented_ones(name):
    measured, rows = outside(name, 4_000, CELLS)
    low, high = MISSES[name]
    assert rows != []  # when this no longer holds, the documentation is out of date
    assert all(low * 4_000 <= row[5] <= high * 4_000 for row in rows)
    if measured.sets:
        assert measured.ranks_held() >= band(len(measured.sets), 0.95, 6)[0]
