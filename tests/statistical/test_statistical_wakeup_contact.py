"""The designs of slots, pressure and durability: few replications here, all of them in `make test-statistical`."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.core.durations import MICROSECONDS_PER_DAY
from attribution.core.randomness import generator
from experiments.wakeup.durability_days import read_days
from statistical.redraw import band
from statistical.wakeup_contact_designs import DESIGNS, LEVEL, campaign, change_of

REPLICATIONS = 150


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


def test_the_designs_judge_the_change_of_the_function():
    counted = campaign(generator(3, "change"), np.full(600, 91.0))
    window = 30 * MICROSECONDS_PER_DAY
    made = read_days(counted, (28, 90), window, control="holdout", level=LEVEL).changes[0]
    expected = change_of(counted)
    for name in ("early", "late_change", "late_change_low", "late_change_high", "p_value"):
        assert made[name] == pytest.approx(expected[name], rel=1e-12)
