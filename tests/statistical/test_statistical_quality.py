"""Quality of sources and early actions: the designs with few replications; all in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.quality_designs import DESIGNS
from statistical.redraw import band

SMALL = [design for design in DESIGNS if not design.miss]
REPLICATIONS = 200


@pytest.mark.parametrize("design", SMALL, ids=lambda design: design.name)
def test_small_runs_keep_their_bands(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        if share is not None:
            least, most = band(REPLICATIONS, share, 100)
            assert least <= seen <= most


@pytest.mark.parametrize("design", [design for design in DESIGNS if design.miss], ids=lambda design: design.name)
def test_known_misses_stay_small(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    assert 2 <= found.low + found.high <= band(REPLICATIONS, 0.12, 100)[1]


def test_every_design_has_its_own_name():
    assert len({(design.name, design.method) for design in DESIGNS}) == len(DESIGNS) == 9
