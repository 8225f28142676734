"""Claimed power against few replications; all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.planning_designs import DESIGNS
from statistical.redraw import band


@pytest.mark.parametrize("design", [d for d in DESIGNS if not d.miss], ids=lambda design: design.name)
def test_small_runs_keep_the_power_that_is_claimed(design):
    found = design.run(400, generator(17, f"{design.name}, {design.method}"))
    least, most = band(400, design.low, 100)
    assert least <= found.low <= most


@pytest.mark.statistical
@pytest.mark.parametrize("design", [d for d in DESIGNS if not d.miss], ids=lambda design: design.name)
def test_long_runs_keep_the_power_that_is_claimed(design):
    found = design.run(4_000, generator(18, f"{design.name}, {design.method}"))
    least, most = band(4_000, design.low, len(DESIGNS))
    assert least <= found.low <= most
