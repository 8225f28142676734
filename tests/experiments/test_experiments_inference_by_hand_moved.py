"""More numbers of inference worked out a second way: what moves with the data, what adds up, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from adjustment_cases import case
from attribution.core.errors import InputError
from experiments.inference.bootstrap import bootstrap
from experiments.inference.compliance import complier_effect
from experiments.inference.equivalence import equivalence_rates
from experiments.inference.means import compare_means
from experiments.inference.rates import compare_stratified_rates


def test_a_bootstrap_tells_the_lift_of_its_two_figures():
    rng = np.random.default_rng(2)
    one, other = rng.gamma(2.0, 3.0, 50), rng.gamma(2.0, 2.0, 40)
    found = bootstrap(one, other, replicates=199).comparison
    assert (found.treatment, found.control) == pytest.approx((one.mean(), other.mean()), rel=1e-12)
    assert found.difference.value == pytest.approx(one.mean() - other.mean(), rel=1e-12)
    assert found.relative.value == pytest.approx(one.mean() / other.mean() - 1.0, rel=1e-12)
    assert found.relative.low < found.relative.value < found.relative.high


def test_compliers_means_and_their_limits_move_with_the_outcome():
    rng = np.random.default_rng(3)
    z = np.repeat([1, 0], 200)
    d = (rng.random(400) < np.where(z == 1, 0.7, 0.1)).astype(float)
    y = rng.normal(2.0, 1.0, 400) + d
    here, there = complier_effect(z, d, y), complier_effect(z, d, y + 16.0)
    for name in ("treated_mean", "untreated_mean"):
        one, other = getattr(here.compliance, name), getattr(there.compliance, name)
        assert one.low < one.value < one.high
        assert [other.low, other.value, other.high] == pytest.approx([one.low + 16, one.value + 16, one.high + 16])
        assert other.standard_error == pytest.approx(one.standard_error)
    assert here.compliance.treated_mean.value - here.compliance.untreated_mean.value == pytest.approx(here.effect.value)
    assert here.recipe.settings["clusters"] == 0
    assert complier_effect(z, d, y, cluster=np.arange(400) // 5).recipe.settings["clusters"] == 80


def test_two_figures_without_variance_still_have_a_lift():
    found = compare_means(3.0, 0.0, 10, 2.0, 0.0, 10)
    assert (found.difference.value, found.relative.value, found.relative.low) == (1.0, 0.5, None)


def test_one_bad_stratum_is_enough_to_refuse_counts():
    with pytest.raises(InputError, match=r"got 12 of 10 in stratum 1\."):
        compare_stratified_rates([3, 12, 4], [10, 10, 10], [1, 1, 1], [10, 10, 10])


@pytest.mark.parametrize("margin", [(-0.1, 1.2), (-1.0, 0.1), 1.0])
def test_a_margin_of_a_hundred_points_is_refused(margin):
    with pytest.raises(InputError, match="must lie below 1"):
        equivalence_rates(30, 100, 28, 100, margin=margin)


def test_the_freedom_of_alike_strata_adds_up():
    """Equal strata with equal variances: Satterthwaite's degrees of freedom are about their sum, and never more."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"arm": np.tile(["a", "b"], 300), "s": np.repeat(["m", "n", "o"], 200)})
    frame["x"] = rng.normal(size=600)
    frame["y"] = frame.x + rng.normal(size=600)
    for freedom in case(frame, covariates=["x"], strata=["s"]).from_moments().freedom:
        assert 0.9 * (300 - 3 - 1) < freedom <= 300 - 3 - 1 + 1e-9
