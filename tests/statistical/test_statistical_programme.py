"""Programmes of campaigns with few replications; all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.programme_designs import CURSE, DESIGNS, NAIVE, PICKED
from statistical.redraw import band

HONEST = [design for design in DESIGNS if not design.miss]


def test_small_runs_of_a_shared_holdout_cover_and_added_variances_do_not():
    shared, naive = DESIGNS[0], DESIGNS[1]
    found = shared.run(40, generator(31, shared.name))
    assert found.low <= band(40, 0.025, 10)[1]
    assert found.high <= band(40, 0.025, 10)[1]
    added = naive.run(40, generator(31, shared.name))
    assert added.low + added.high >= 6  # 5 % would be 2 of 40


@pytest.mark.statistical
@pytest.mark.parametrize("design", HONEST, ids=lambda design: f"{design.name}, {design.method}")
def test_long_runs_cover(design):
    found = design.run(1_000, generator(32, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        assert seen <= band(1_000, share, 2 * len(HONEST))[1]


@pytest.mark.statistical
@pytest.mark.parametrize("design", [d for d in DESIGNS if d.miss in (CURSE, NAIVE)], ids=lambda design: design.name)
def test_what_is_never_used_misses(design):
    found = design.run(1_000, generator(33, design.name))
    assert found.low + found.high > band(1_000, 0.05, 1)[1]


@pytest.mark.statistical
def test_the_best_looking_campaign_keeps_the_level_of_both_tails_together():
    design = next(design for design in DESIGNS if design.miss == PICKED)
    found = design.run(1_000, generator(34, design.name))
    assert found.low + found.high <= band(1_000, 0.05, 1)[1]
