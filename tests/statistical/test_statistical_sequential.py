"""The designs of looks with few replications; all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.redraw import band
from statistical.sequential_designs import DESIGNS

# The estimates after stopping take some 5 ms each: only in the long run.
SMALL = [design for design in DESIGNS if not design.name.startswith("stopped at")]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(400, generator(11, f"{design.name}, {design.method}"))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        if share is not None:
            least, most = band(400, share, 100)
            assert (0 if design.miss else least) <= seen <= most
