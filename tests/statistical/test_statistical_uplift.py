"""Uplift against few replications; all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.redraw import band
from statistical.uplift_designs import DESIGNS

QUICK = ("curve at 30 %, halves, rate 5 to 15 %", "band over all shares, halves", "curve at 30 %, households of 3")


def _check(design, replications: int, seed: int, designs: int):
    found = design.run(replications, generator(seed, f"{design.name}, {design.method}"))
    for count, nominal in ((found.low, design.low), (found.high, design.high)):
        if nominal is not None:
            least, most = band(replications, nominal, designs)
            assert least <= count <= most


@pytest.mark.parametrize("design", [d for d in DESIGNS if d.name in QUICK], ids=lambda design: design.name)
def test_small_runs_cover(design):
    _check(design, 150, 21, 100)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "design", [d for d in DESIGNS if not d.miss], ids=lambda design: f"{design.method}, {design.name}"
)
def test_long_runs_cover(design):
    _check(design, 2_000, 22, 2 * len(DESIGNS))
