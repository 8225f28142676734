"""The designs of rates, means and ratios: a few with few replications here, all of them in `make test-statistical`."""

from __future__ import annotations

import pytest

from attribution.core.randomness import generator
from statistical.design_table import AREAS, Row, designs, lines, outside, run
from statistical.designs import Design, Tally
from statistical.redraw import band

SMALL = [
    design
    for _, design in designs(["rates"])
    if design.name.startswith(("three waves", "normal values", "money per order, 10,000"))
]


@pytest.mark.parametrize("design", SMALL, ids=lambda design: f"{design.name}, {design.method}")
def test_small_runs_keep_their_bands(design):
    found = design.run(300, generator(7, design.name))
    for share, seen in ((design.low, found.low), (design.high, found.high)):
        least, most = band(300, share, 100)
        assert least <= seen <= most


def test_a_row_outside_its_band_is_named():
    design = Design("made up", "made up", "coverage", lambda n, _: Tally(n, 0, 0))
    row = Row(area="rates", design=design, tally=Tally(4_000, 100, 300))
    assert outside(row, 10) == ["high"]
    assert "| high |" in "\n".join(lines([row]))
    assert "1 of them without an explanation" in lines([row])[0]


@pytest.mark.statistical
@pytest.mark.parametrize("area", AREAS)
def test_every_design_keeps_its_bands_or_says_why_not(area):
    rows = run([area], 4_000)
    judged = 2 * len(designs())
    assert [row.design.name for row in rows if outside(row, judged) and not row.design.miss] == []
