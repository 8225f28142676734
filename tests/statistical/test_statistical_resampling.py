"""The designs of quantiles, ranks, bootstrap and randomisation: a few with few replications here."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.redraw import band
from statistical.resampling_designs import DESIGNS

QUICK = ("median days, log", "counts with ties", "same middle", "money, nothing", "equal means", "money per order")
SMALL = [design for design in DESIGNS if design.name.startswith(QUICK) and not design.miss]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    replications = 80 if "bootstrap" in design.method or "randomisation" in design.method else 400
    found = design.run(replications, generator(7, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        least, most = band(replications, share, 100)
        assert least <= seen <= most


def test_the_plain_difference_fails_where_the_methods_page_says_so():
    """The test of the test: the band tells a wrong method from a right one."""
    design = next(one for one in DESIGNS if one.method == "randomisation_test, plain difference")
    found = design.run(200, generator(7, design.name))
    assert found.low + found.high > band(200, 0.05, 1)[1]
