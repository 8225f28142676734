"""Looks at a net benefit and lists under a budget with few replications; all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.budget_designs import DESIGNS as LISTS
from statistical.budget_designs import NAIVE
from statistical.monitoring_designs import DESIGNS
from statistical.redraw import band

SMALL = [design for design in DESIGNS if "90 looks" not in design.name]


@pytest.mark.parametrize("design", [d for d in SMALL if d.kind == "size"], ids=lambda design: design.name)
def test_small_runs_err_at_most_at_their_level(design):
    found = design.run(60, generator(23, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        assert seen <= band(60, share, 100)[1]


def test_watching_costs_power():
    design = next(design for design in DESIGNS if design.kind == "power")
    found = design.run(60, generator(24, design.name))
    assert found.high == 0
    assert 0.2 * 60 < found.low < band(60, 0.8, 1)[1]


def test_the_list_is_too_good_for_itself_but_not_for_others():
    honest = LISTS[0].run(12, generator(25, "small"))
    naive = NAIVE.run(12, generator(25, "small"))
    assert naive.low >= 4  # a third or more of the intervals lie above what the list is worth
    assert honest.low <= 3


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.name}, {design.method}")
def test_long_runs_of_looks_and_waves(design):
    found = design.run(4_000, generator(26, design.name))
    if design.kind == "power":
        assert found.low < band(4_000, design.low, len(DESIGNS))[1]
        return
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        assert seen <= band(4_000, share, 2 * len(DESIGNS))[1]


@pytest.mark.statistical
@pytest.mark.parametrize("design", LISTS, ids=lambda design: design.name)
def test_long_runs_of_lists_cover_their_value(design):
    found = design.run(1_000, generator(27, design.name))
    assert found.low + found.high <= band(1_000, design.low + design.high, len(LISTS))[1]


@pytest.mark.statistical
def test_the_naive_value_lies_above_the_truth_far_too_often():
    assert NAIVE.run(400, generator(28, NAIVE.name)).low > band(400, 0.025, 1)[1]
