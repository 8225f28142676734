"""Fields of results of inference that no reference holds: standard errors, what is spent, kinds, notes and recipes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import experiments as ex
from adjustment_cases import case
from attribution.core.errors import DesignError, InputError
from experiments.inference.adjusted_gain import adjustment_findings, adjustment_gain
from experiments.inference.adjusted_slopes import kept_covariates
from experiments.inference.bayes.means import bayes_means
from experiments.inference.bayes.normals import normal_pair
from experiments.inference.clusters_checks import intra_cluster_correlation
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination import contamination_bounds
from experiments.inference.heterogeneity import interaction_of_rates
from experiments.inference.proportions import bundled_share, share_estimate
from experiments.inference.ranks import _largest_tie, mann_whitney
from experiments.inference.rates import compare_rates, compare_stratified_rates
from experiments.inference.redrawn import pair_of, redraw
from experiments.inference.score import Tables
from experiments.inference.sequential.always_valid import always_valid_sequence
from experiments.inference.sequential.boundaries import spending_bounds
from experiments.inference.sequential.classical import group_bounds
from experiments.inference.sequential.stopped import estimate_after_stopping, repeated_p
from experiments.inference.sequential.walk import Paths, Walk
from experiments.inference.survival import product_limit
from experiments.moments.centred import single_moments


def test_the_standard_error_of_a_difference_of_rates_is_the_plain_one():
    found = compare_rates(30, 120, 10, 80).difference
    assert found.standard_error == pytest.approx(math.sqrt(0.25 * 0.75 / 120 + 0.125 * 0.875 / 80), rel=1e-12)
    weights = (0.3, 0.7)
    strata = compare_stratified_rates([30, 6], [120, 60], [10, 4], [80, 50], weights=weights).difference
    parts = [(0.25, 120, 0.125, 80), (0.1, 60, 0.08, 50)]
    wanted = sum(w**2 * (p * (1 - p) / n + q * (1 - q) / m) for w, (p, n, q, m) in zip(weights, parts, strict=True))
    assert strata.standard_error == pytest.approx(math.sqrt(wanted), rel=1e-12)


def crossed(bounds, drift):
    """Probability that a two-sided design of two looks crosses either bound: one less what stays inside both."""
    times, z = bounds
    mean = [drift * math.sqrt(time) for time in times]
    joint = math.sqrt(times[0] / times[1])
    inside = multivariate_normal(mean, [[1.0, joint], [joint, 1.0]]).cdf(np.array(z), lower_limit=-np.array(z))
    return 1.0 - inside


@pytest.mark.parametrize("drift", [0.0, 0.5, 1.0, 2.5])
def test_crossing_of_two_looks_is_a_bivariate_normal_probability(drift):
    times, z = (0.4, 1.0), (2.5, 2.0)
    found = Paths.follow(times, [-one for one in z], z).crossing(drift)
    assert sum(found.upper) + sum(found.lower) == pytest.approx(crossed((times, z), drift), abs=1e-7)
    assert found.upper[0] + found.lower[0] == pytest.approx(
        1.0 - np.diff([math.erf((one - drift * math.sqrt(0.4)) / math.sqrt(2)) / 2 for one in (-2.5, 2.5)])[0],
        abs=1e-12,
    )


@pytest.mark.parametrize("kind", ["pocock", "obrien_fleming"])
def test_classical_bounds_spend_their_error_look_by_look(kind):
    bounds = group_bounds(2, kind=kind, level=0.9)
    assert bounds.spent[-1] == pytest.approx(0.1, rel=1e-9)
    first = 1.0 - math.erf(bounds.z[0] / math.sqrt(2))
    assert bounds.spent[0] == pytest.approx(first, rel=1e-9)
    assert all(one < other for one, other in pairwise(group_bounds(4, kind=kind).spent))
    assert crossed((bounds.fractions, tuple(bounds.z)), 0.0) == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(("hits", "low", "high"), [(2.0, 0.0, 1.0), (0.0, 0.0, None), (5.0, None, 1.0)])
def test_a_share_of_one_person_says_nothing_between_0_and_1(hits, low, high):
    found = bundled_share(np.array([hits]), np.array([5.0]), level=0.95)
    assert found.value == hits / 5
    assert low is None or found.low == low
    assert high is None or found.high == high
    assert (found.n, found.method, found.standard_error) == (5, "wilson, persons", None)


def test_ties_are_counted_in_persons():
    share, distinct = _largest_tie([np.array([1.0, 2.0]), np.array([2.0, 3.0])], [np.array([8, 1]), np.array([1, 2])])
    assert (share, distinct) == (8 / 12, 3)
    share, distinct = _largest_tie([np.array([1.0, 2.0])], [np.array([0, 4])])
    assert (share, distinct) == (1.0, 1)


def test_a_stratum_whose_persons_count_nothing_is_empty():
    with pytest.raises(InputError, match="every stratum needs persons of both groups; 's' has them of one"):
        mann_whitney(
            [1.0, 2.0], [1.0, 3.0], counts=[3, 0], control_counts=[2, 2], strata=["n", "s"], control_strata=["n", "s"]
        )


@pytest.mark.parametrize("n", [[0, 10], [-5, 10], [10, 10], [10, 5]])
def test_looks_have_persons_and_more_of_them_each_time(n):
    with pytest.raises(InputError, match="must be above 0, and n must grow from look to look"):
        always_valid_sequence([0.1, 0.2], [0.1, 0.1], n)
    with pytest.raises(InputError, match="standard_error and n must be above 0"):
        always_valid_sequence([0.1, 0.2], [0.1, 0.0], [10, 20])


def test_flags_of_contamination_are_0_or_1():
    z, y = [1, 1, 0, 0, 0], [3.0, 2.0, 1.0, 2.0, 1.5]
    with pytest.raises(InputError, match="contaminated must be 1"):
        contamination_bounds(z, y, contaminated=[0, 0, 2, 1, 0], limits=(0, 9))


@pytest.mark.parametrize(
    ("shares", "kind"), [((0.5, 0.0), "one_sided"), ((0.5, 0.2), "two_sided"), ((1.0, 0.0), "full")]
)
def test_the_kind_of_compliance_follows_from_who_took_it(shares, kind):
    z = np.repeat([1, 0], 40)
    d = np.r_[np.arange(40) < 40 * shares[0], np.arange(40) < 40 * shares[1]].astype(int)
    found = complier_effect(z, d, np.arange(80) % 5 + d)
    assert found.compliance.kind == kind


def test_the_lift_of_compliers_has_the_p_value_of_the_assignment():
    rng = np.random.default_rng(0)
    z = np.repeat([1, 0], 400)
    d = (rng.random(800) < np.where(z == 1, 0.6, 0.0)).astype(int)
    found = complier_effect(z, d, rng.normal(3.0, 1.0, 800) + d)
    lift = found.compliance.relative
    assert (lift.kind, lift.n) == ("interval", 800)
    assert lift.low < lift.value < lift.high
    assert lift.p_value == found.assignment.p_value


def test_a_segment_without_variance_brings_no_term():
    def table(*counts):
        hits, n, control_hits, control_n = (np.array([float(one)]) for one in counts)
        return Tables(hits=hits, n=n, control_hits=control_hits, control_n=control_n, weights=np.ones(1))

    parts = [table(20, 1000, 20, 1000), table(50, 1000, 50, 1000)]
    plain, with_none = interaction_of_rates(parts), interaction_of_rates([*parts, table(0, 60, 0, 50)])
    assert plain.common == pytest.approx(0.0, abs=1e-12)
    assert (with_none.statistic, with_none.df, with_none.segments) == (pytest.approx(0.0, abs=1e-9), 2, 3)


def test_what_was_redrawn_is_told():
    frame = pd.DataFrame({"arm": ["a", "b"] * 4, "y": [1.0, 2.0, 4.0, 3.0, 2.5, 6.0, 0.5, 1.5]})
    few = redraw(pair_of(case(frame).rows, ((),), np.ones(1), arm="b", control="a"))
    assert (few.exact, few.assignments, few.note) == (True, math.comb(8, 4), "")
    b, a = frame.y[1::2], frame.y[::2]
    welch = (b.mean() - a.mean()) / math.sqrt(b.var() / 4 + a.var() / 4)
    assert few.statistic == pytest.approx(welch, rel=1e-12)
    frame["y"] = np.where(frame.arm == "b", 1.0, 0.0)
    split = redraw(pair_of(case(frame).rows, ((),), np.ones(1), arm="b", control="a"))
    assert (split.statistic, split.note) == (None, "SEPARATED")


def test_a_curve_whose_first_event_ends_all_is_bounded_by_clopper_and_pearson():
    """One leaves at 1, unseen; the other three end at 2: nobody of three is left."""
    found = product_limit(np.array([1.0, 2.0, 2.0, 2.0]), np.array([False, True, True, True]))
    _, high = found.limits(level=0.95)
    assert high[-1] == pytest.approx(1.0 - 0.025 ** (1 / 3), rel=1e-12)


@pytest.mark.parametrize(("events", "warned"), [(49, True), (50, False)])
def test_fifty_events_are_enough_for_an_adjusted_rate(events, warned):
    frame = pd.DataFrame({"arm": np.repeat(["a", "b"], 400), "y": 0.0, "x": np.arange(800.0) % 7})
    frame.loc[:59, "y"] = 1.0
    frame.loc[400 : 399 + events, "y"] = 1.0
    codes = {one.code for one in adjustment_findings("woken", case(frame, covariates=["x"]).grid)}
    assert ("ADJUSTED_RATE_RARE" in codes) == warned


def test_recipes_hold_the_settings_and_the_data_behind_a_number():
    stopped = estimate_after_stopping(
        spending_bounds(3, level=0.9), look=2, estimate=0.6, standard_error=0.15, null=0.1
    )
    assert stopped.recipe.settings["null"] == 0.1
    assert stopped.recipe.settings["look"] == 2
    assert stopped.recipe.settings["level"] == 0.9
    table = pd.DataFrame({"arm": ["sms"] * 6 + ["holdout"] * 5, "value": [3.0, 1, 2, 5, 4, 6, 1, 0, 2, 1, 3]})
    for made in (ex.randomisation_test, ex.bootstrap_outcomes):
        first, turned, other = (
            made(one, "value", replicates=99).recipe
            for one in (table, table[::-1], table.assign(value=table.value + (table.value == 6)))
        )
        assert first.fingerprint == turned.fingerprint != other.fingerprint
        assert first.n["persons"] == 11
        assert first.settings["replicates"] == 99


def test_a_share_tells_its_persons_and_nobody_has_none():
    found = share_estimate(3.0, 20.0, level=0.9)
    assert (found.value, found.n, found.level, found.method) == (0.15, 20, 0.9, "wilson")
    for none in (share_estimate(0.0, 0.0, level=0.9), bundled_share(np.zeros(2), np.zeros(2), level=0.9)):
        assert (none.value, none.low, none.high, none.n, none.note) == (None, None, None, 0, "NOBODY_AT_RISK")


@pytest.mark.parametrize(("base", "positive"), [(4.7, False), (4.8, True), (-9.0, False)])
def test_a_base_is_positive_but_for_one_part_in_a_million(base, positive):
    assert normal_pair(1.0, base, variance=4.0, base_variance=1.0).base_positive == positive
    row = bayes_means(base + 1.0, 10.0, 100, base, 10.0, 100).rows[0]
    assert ("BASE_NOT_POSITIVE" in row.note) != positive
    assert (row.relative is not None) == positive


@pytest.mark.parametrize("shares", [{"sms": 0.5, "holdout": 0.0}, {"sms": 1.0, "holdout": 0.5}, {"sms": 0.5}, None])
def test_one_share_that_is_none_is_enough_to_refuse_a_bernoulli_design(shares):
    table = pd.DataFrame({"arm": ["sms"] * 6 + ["holdout"] * 5, "value": [3.0, 1, 2, 5, 4, 6, 1, 0, 2, 1, 3]})
    with pytest.raises((DesignError, InputError), match="needs shares="):
        ex.randomisation_test(table, "value", design="bernoulli", shares=shares, replicates=99)


def test_an_arm_with_fewer_persons_than_coefficients_has_no_gain():
    rng = np.random.default_rng(17)
    frame = pd.DataFrame({"arm": ["a"] * 60 + ["b"] * 3, "x": rng.normal(size=63), "z": rng.normal(size=63)})
    assert adjustment_gain(case(frame.assign(y=rng.normal(size=63)), covariates=["x", "z"]).grid).factor is None


def test_a_covariate_that_hardly_varies_in_an_arm_still_varies():
    rng = np.random.default_rng(18)
    frame = pd.DataFrame({"arm": ["a"] * 60 + ["b"] * 60, "x": rng.normal(size=120), "y": rng.normal(size=120)})
    frame.loc[60:, "x"] *= 1e-5
    assert kept_covariates(case(frame, covariates=["x"]).grid) == ("x",)
    frame.loc[60:, "x"] = 0.25
    assert kept_covariates(case(frame, covariates=["x"]).grid) == ()


@pytest.mark.parametrize("z", [0.5, 1.5])
def test_a_repeated_p_value_is_the_error_of_the_design_whose_bound_was_met(z):
    bounds = group_bounds(2, kind="pocock")
    assert repeated_p(bounds, look=1, z=z) == pytest.approx(crossed((bounds.fractions, (z, z)), 0.0), abs=1e-7)


@pytest.mark.parametrize("spread", [0.04, 0.9])
def test_shares_between_0_and_1_are_no_rate(spread):
    frame = pd.DataFrame({"arm": ["a", "b"] * 20, "x": np.arange(40.0) % 7})
    frame["y"] = 0.01 + spread * ((np.arange(40) * 7) % 40) / 40
    assert "ADJUSTED_RATE_RARE" not in {
        one.code for one in adjustment_findings("y", case(frame, covariates=["x"]).grid)
    }


def test_paths_that_would_have_to_leap_have_no_mass():
    """A look just after the other: from within 1 nobody reaches 26 in a step of standard deviation 0.001."""
    none = Walk.begin().step(0.5, -1.0, 1.0).step(0.500001, 26.0, 26.5)
    assert (none.time, none.mass.tolist(), len(none.nodes)) == (0.500001, [0.0], 1)


def test_the_shortest_interval_of_a_normal_posterior_is_its_equal_tailed_one():
    row = bayes_means(12.0, 9.0, 60, 8.0, 12.0, 45).rows[0]
    assert (row.hdi_low, row.hdi_high) == pytest.approx((row.low, row.high), rel=1e-12)


def test_clusters_without_persons_are_none():
    cells = (("sms", "north"), ("sms", "south"), ("none", "west"), ("none", "east"), ("none", "gone"))
    place, values = np.repeat([0, 1, 2, 3], 3), np.arange(12.0) % 5
    found = intra_cluster_correlation(single_moments(("arm", "branch"), cells, place, values, np.ones(12, dtype=int)))
    held = intra_cluster_correlation(
        single_moments(("arm", "branch"), cells[:4], place, values, np.ones(12, dtype=int))
    )
    assert (found.clusters, found.mean_size, found.correlation) == (4, 3.0, held.correlation)


def test_a_lift_of_compliers_without_variance_says_why_it_is_none():
    z, d = np.repeat([1, 0], 20), np.array([1] * 20 + [0] * 20)
    found = complier_effect(z, d, 2.0 + z)
    assert found.assignment.note == "ZERO_VARIANCE"
    assert (found.compliance.relative.low, found.compliance.relative.note) == (None, "ZERO_VARIANCE")
