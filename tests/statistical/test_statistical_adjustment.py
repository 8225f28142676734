"""The designs of adjustment and clusters: a few with few replications here, all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.adjustment_designs import DESIGNS
from statistical.redraw import band

REPLICATIONS = 400
SMALL = [
    design
    for design in DESIGNS
    if not design.miss
    and design.name.startswith((
        "a covariate that explains 80 %", "a covariate in the smallest arm", "the same, for the population",
        "three waves", "8 branches in each arm, 20 to 120 persons, correlation 0.3", "a rate of 5 %", "a covariate, 10",
    ))
]  # fmt: skip


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        least, most = band(REPLICATIONS, share, 100)
        assert least <= seen <= most


def test_every_design_has_its_own_name():
    assert len(SMALL) == 7
    assert len({(design.name, design.method) for design in DESIGNS}) == len(DESIGNS)
