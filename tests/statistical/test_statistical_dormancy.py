"""Silence and orders of acts: small seeded runs of the designs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from attribution.core.randomness import generator
from statistical.dormancy_designs import DESIGNS, GRID, HORIZON, LENGTH, curve_of, log_of, truth
from statistical.redraw import band

QUICK = [design for design in DESIGNS if "cut" not in design.method]


@pytest.mark.parametrize("design", QUICK, ids=lambda design: f"{design.method}: {design.name}")
def test_small_runs_keep_their_bands(design):
    replications = 60 if design.method.startswith(("dormancy", "nth")) else 400
    found = design.run(replications, generator(5, f"test.dormancy.{design.method}.{design.name}"))
    for seen, nominal in ((found.low, design.low), (found.high, design.high)):
        if nominal is None:
            continue
        least, most = binom.interval(1 - 1e-4, replications, nominal)
        # A design with a known miss may err less often than it may.
        assert (0 if design.miss else least) <= seen <= most


def test_the_truth_of_the_designs_is_what_long_logs_show():
    row = curve_of(generator(3, "test.dormancy.truth"), 40_000).rows
    for found in row:
        assert found.rate.value == pytest.approx(truth(found.silent_days), abs=4 * found.rate.standard_error)


def test_an_interval_that_ignores_persons_is_too_short():
    """The test of the test: treating spells as independent misses the truth far too often."""
    stream, missed, replications = generator(9, "test.dormancy.naive"), 0, 600
    for _ in range(replications):
        log = log_of(stream, 60)
        person = np.asarray(log["person_id"])
        day = np.asarray(log["time"]).astype("datetime64[us]").astype(np.int64) / 86_400_000_000
        order = np.lexsort((day, person))
        person, day = person[order], day[order]
        gap = np.append(np.where(person[1:] == person[:-1], day[1:] - day[:-1], np.inf), np.inf)
        risk = (gap > GRID[0]) & (day < LENGTH - GRID[0] - HORIZON)
        share, n = float((gap[risk] <= GRID[0] + HORIZON).mean()), int(risk.sum())
        missed += abs(share - truth(GRID[0])) > 1.96 * np.sqrt(share * (1 - share) / n)
    assert missed > binom.interval(1 - 1e-4, replications, 0.05)[1]


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.method}: {design.name}")
def test_long_runs_keep_their_bands(design):
    found = design.run(1_000, generator(6, f"long.dormancy.{design.method}.{design.name}"))
    for seen, nominal in ((found.low, design.low), (found.high, design.high)):
        if nominal is not None:
            least, most = band(1_000, nominal, len(DESIGNS))
            assert (0 if design.miss else least) <= seen <= most
