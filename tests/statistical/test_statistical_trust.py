"""The designs of assignment and trust: few replications here, all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.redraw import band
from statistical.trust_designs import DESIGNS

REPLICATIONS = 400


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        if share is None:
            continue
        least, most = band(REPLICATIONS, share, 100)
        assert least <= seen <= most


def test_every_design_has_its_own_name():
    assert len({(design.name, design.method) for design in DESIGNS}) == len(DESIGNS)
