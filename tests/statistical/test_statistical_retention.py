"""Rising retention and parts of the growth chain: small seeded runs of the designs."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from attribution.core.randomness import generator
from statistical.retention_designs import DESIGNS


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.method}: {design.name}")
def test_small_runs_keep_their_bands(design):
    replications = 40 if design.kind == "coverage" else 400
    found = design.run(replications, generator(23, f"test.retention.{design.method}.{design.name}"))
    assert found.replications == replications
    if design.kind == "power":
        assert 0.85 < found.low / replications < 0.97
        return
    for count, share in ((found.low, design.low), (found.high, design.high)):
        if share is not None:
            least, most = binom.interval(1 - 1e-4, replications, share)
            assert least <= count <= most


def test_the_bands_see_a_test_that_takes_periods_for_independent():
    """The test of the test: a slope with binomial variances rejects too rarely where persons differ."""
    import numpy as np

    from statistical.retention_designs import FLAT, periods_of_persons

    stream, hits = generator(5, "test.retention.plain"), 0
    for _ in range(400):
        there = periods_of_persons(stream, (2_000, 5), FLAT, 3.0)
        weight = np.arange(5) - 2.0
        rate = there.mean()
        hits += (there.sum(axis=0) @ weight) / np.sqrt(2_000 * rate * (1 - rate) * (weight @ weight)) > 1.6449
    assert hits < binom.interval(1 - 1e-4, 400, 0.05)[0]
