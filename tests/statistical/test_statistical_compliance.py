"""Complier effects, contamination and Bayes: a few designs with few replications; all in `make test-statistical`."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.core.randomness import generator
from experiments.inference.contamination import contamination_bounds
from statistical import bayes_designs, compliance_designs
from statistical.compliance_designs import misses
from statistical.redraw import band

REPLICATIONS = 400
DESIGNS = (*compliance_designs.DESIGNS, *bayes_designs.DESIGNS)
SMALL = [design for design in DESIGNS if not design.miss and "spend" not in design.name]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(REPLICATIONS, generator(11, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        if share is not None:
            least, most = band(REPLICATIONS, share, 100)
            assert least <= seen <= most


@pytest.mark.parametrize("row", ["constant", "no_harm", "none"])
def test_the_designs_judge_the_intervals_of_the_function(row):
    """Truths next to the ends of the interval, on both sides, are judged as the interval judges them."""
    for hits, control in ((30, 6), (45, 2), (20, 11)):
        outcome = np.r_[np.repeat([1, 0], [hits, 400 - hits]), np.repeat([1, 0], [control, 150 - control])]
        found = contamination_bounds(np.repeat([1, 0], [400, 150]), outcome, share=0.03).row(row)
        for truth in (found.low - 1e-6, found.low + 1e-6, found.high - 1e-6, found.high + 1e-6):
            judged = misses(hits, control, (400, 150), share=0.03, row=row, truth=truth)
            assert judged == (found.low > truth, found.high < truth)


def test_every_design_has_its_own_name():
    assert len(SMALL) == 17
    assert len({(design.name, design.method) for design in DESIGNS}) == len(DESIGNS)
