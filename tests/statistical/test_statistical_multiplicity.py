"""Family-wise error, gates, interaction tests and equivalence at the margin: small seeded runs of the quick designs."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from attribution.core.randomness import generator
from statistical.multiplicity_designs import DESIGNS

QUICK = [
    design
    for design in DESIGNS
    if design.method.startswith(("dunnett", "holm", "gatekeeping", "welch interaction", "equivalence_means"))
]


@pytest.mark.parametrize("design", QUICK, ids=lambda design: f"{design.method}: {design.name}")
def test_small_runs_keep_their_bands(design):
    replications = 400
    found = design.run(replications, generator(11, f"test.multiplicity.{design.method}.{design.name}"))
    least, most = binom.interval(1 - 1e-4, replications, design.low)
    assert found.replications == replications
    assert least <= found.low <= most


def test_the_bands_see_a_test_that_is_not_adjusted():
    """The test of the test: three unadjusted tests reject more often than the band of 5 % allows."""
    from statistical.multiplicity_designs import TENTH, normal_p

    p = normal_p(4_000, generator(3, "test.multiplicity.plain"), [[0.0] * 3], TENTH)
    assert (p.min(axis=(1, 2)) < 0.05).sum() > binom.interval(1 - 1e-4, 4_000, 0.05)[1]
