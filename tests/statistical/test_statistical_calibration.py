"""Gap and calibration factor: a few designs with few replications; all in `make test-statistical`."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.core.randomness import generator
from experiments.reconciliation.joint import plugged
from statistical.calibration_designs import DESIGNS, World, side_of_factor
from statistical.redraw import band

REPLICATIONS = 150
SMALL = [design for design in DESIGNS if not design.miss and design.name.startswith("step")]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        least, most = band(REPLICATIONS, share, 100)
        assert least <= seen <= most


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.name}, {design.method}")
def test_all_designs_keep_their_bands_or_say_why(design):
    found = design.run(2_000, generator(12, design.name))
    inside = []
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        least, most = band(found.replications, share, 100)
        inside.append(least <= seen <= most)
    assert all(inside) or design.miss


def test_the_designs_judge_the_sets_of_the_function():
    """Truths next to the ends of a set are judged as the set judges them."""
    rng = np.random.default_rng(5)
    for world in (World(10_000, 10_000, 0.01, 0.005), World(9_000, 1_000, 0.01, 0.0), World(500, 500, 0.05, 0.1)):
        for read in (scored := world.draw(rng), plugged(scored)):
            found = read.factor()
            assert found.kind == "interval"
            for end, side in ((found.low, 1), (found.high, -1)):
                beyond = end - side * 1e-6
                assert side_of_factor(read, beyond) == side
                assert side_of_factor(read, end + side * 1e-6) == 0


def test_every_design_has_its_own_name():
    names = [(design.name, design.method) for design in DESIGNS]
    assert len(set(names)) == len(names) == 24
