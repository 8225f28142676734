"""Numbers of inference at the corners of their formulas, each worked out a second way: by hand, matrices or loops."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from adjustment_cases import case
from attribution.core.errors import InputError
from experiments.inference.adjusted import adjusted_figures_from_moments
from experiments.inference.adjusted_gain import adjustment_findings, adjustment_gain, stratification_gain
from experiments.inference.adjusted_slopes import kept_covariates
from experiments.inference.bayes.normals import normal_pair
from experiments.inference.bayes.rates import bayes_rates
from experiments.inference.bootstrap_groups import UserStatistic, sorted_group, statistic_replicates
from experiments.inference.clusters_checks import intra_cluster_correlation
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination_moments import bound_pair
from experiments.inference.counts import raise_problems
from experiments.inference.equivalence import equivalence_means, equivalence_rates
from experiments.inference.joint_t import loadings_of
from experiments.inference.kaplan_meier import kaplan_meier
from experiments.inference.means import mean_figures
from experiments.inference.quantiles import quantile_figures
from experiments.inference.rates import compare_rates
from experiments.inference.ratios import _half_line
from experiments.inference.second import _errors, second_computation
from experiments.inference.sequential.always_valid import always_valid_sequence, mixture_z
from experiments.inference.sequential.boundaries import solve_bound, spending_bounds, spending_z
from experiments.inference.sequential.futility import futility_bounds
from experiments.inference.sequential.stopped import estimate_after_stopping
from experiments.inference.sequential.walk import Paths, Walk
from experiments.inference.sum_ratios import ratio_figures
from experiments.moments.centred import single_moments
from experiments.moments.grid import arrange


@pytest.mark.parametrize("covariance", [None, 0.0, -0.3, 0.2])
@pytest.mark.parametrize("prior", [None, (0.5, 0.8), (-1.0, 0.3)])
def test_a_normal_posterior_is_that_of_the_matrices(prior, covariance):
    """Precision = that of the two estimates plus that of the prior, which is flat for the control's mean."""
    estimates, variance, base_variance = np.array([1.3, 4.0]), 0.7, 0.4
    joint = -base_variance if covariance is None else covariance
    precision = np.linalg.inv([[variance, joint], [joint, base_variance]])
    pull = precision @ estimates
    if prior is not None:
        precision[0, 0] += prior[1] ** -2
        pull[0] += prior[0] / prior[1] ** 2
    spread = np.linalg.inv(precision)
    mean = spread @ pull
    found = normal_pair(*estimates, variance=variance, base_variance=base_variance, covariance=covariance, prior=prior)
    assert (found.mean, found.base) == pytest.approx(tuple(mean), rel=1e-12)
    assert found.deviation == pytest.approx(math.sqrt(spread[0, 0]), rel=1e-12)
    assert found.base_deviation == pytest.approx(math.sqrt(spread[1, 1]), rel=1e-12)
    assert found.covariance == pytest.approx(spread[0, 1], rel=1e-12)


def test_a_normal_posterior_tells_tails_losses_and_quantiles():
    found = normal_pair(1.0, 10.0, variance=4.0, base_variance=1.0)
    assert found.below(2.0) == pytest.approx(norm.cdf(0.5), rel=1e-13)
    assert found.above(2.0) == pytest.approx(norm.sf(0.5), rel=1e-13)
    grid = np.linspace(-40.0, 40.0, 800_001)
    density = norm.pdf(grid, 1.0, 2.0) * (grid[1] - grid[0])
    for bar in (-3.0, 0.0, 1.0, 4.0):
        assert found.shortfall(bar) == pytest.approx(np.sum(np.maximum(bar - grid, 0.0) * density), rel=1e-7)
        assert found.excess(bar) == pytest.approx(np.sum(np.maximum(grid - bar, 0.0) * density), rel=1e-7)
    assert found.quantile(0.9) == pytest.approx(1.0 + 2.0 * norm.ppf(0.9), rel=1e-13)
    assert found.highest_density(0.8) == pytest.approx((1.0 - 2.0 * norm.ppf(0.9), 1.0 + 2.0 * norm.ppf(0.9)))
    assert found.base_positive
    assert not normal_pair(1.0, 4.7, variance=4.0, base_variance=1.0).base_positive


def singled_out():
    """Two arms; in the second one person alone has x = 1."""
    y = [1.0, 2.0, 4.0, 3.0, 2.5, 3.5] * 8 + [2.0, 5.0, 3.0, 4.0, 6.0, 9.0] * 8
    frame = pd.DataFrame({"arm": ["a"] * 48 + ["b"] * 48, "y": y, "x": 0.0})
    frame.loc[[0, 1, 5, 9], "x"] = 1.0
    frame.loc[95, "x"] = 1.0
    return frame


def test_a_person_whom_a_covariate_singles_out_gets_the_variance_of_the_others():
    frame = singled_out()
    figures = case(frame, covariates=["x"]).adjusted()
    middle = frame.x.mean()
    for arm, name in enumerate("ab"):
        part = frame[frame.arm == name]
        design = np.column_stack([np.ones(48), part.x - middle])
        hat = np.linalg.inv(design.T @ design) @ design.T
        residual = part.y.to_numpy() - design @ (hat @ part.y.to_numpy())
        lever = np.einsum("ip,pi->i", design, hat)
        alone = lever > 1.0 - 1e-9
        spare = np.sum(residual**2) / (48 - 2)
        terms = np.where(alone, spare, residual**2 / np.where(alone, 1.0, 1.0 - lever))
        assert alone.sum() == (name == "b")
        assert figures.value[arm] == pytest.approx(hat[0] @ part.y)
        assert figures.covariance[arm, arm] == pytest.approx(np.sum(hat[0] ** 2 * terms), rel=1e-10)


def test_an_adjusted_rate_counts_the_rarer_of_its_two_outcomes_arm_by_arm():
    ones = {"a": 90, "b": 52}
    frame = pd.concat(
        [
            pd.DataFrame({"arm": arm, "y": [1.0] * hits + [0.0] * (100 - hits), "x": np.arange(100.0) % 7})
            for arm, hits in ones.items()
        ]
    )
    found = {one.code: one for one in adjustment_findings("woken", case(frame, covariates=["x"]).grid)}
    assert found["ADJUSTED_RATE_RARE"].values["events"] == 10
    assert found["ADJUSTED_RATE_RARE"].values["arm"] == "a"


def test_what_strata_gain_is_the_ratio_of_two_variances():
    """Pooled: the variance of both plain means; stratified: squared shares times the variances inside."""
    rng = np.random.default_rng(12)
    frame = pd.DataFrame({"arm": np.tile(["a", "b"], 60), "s": np.repeat(["n", "s"], [80, 40])})
    frame["y"] = rng.normal(size=120) + 2.0 * (frame.s == "s")
    pooled = sum(part.y.var() / len(part) for _, part in frame.groupby("arm"))
    inside = sum(
        (len(frame[frame.s == stratum]) / 120) ** 2 * part.y.var() / len(part)
        for (stratum, _), part in frame.groupby(["s", "arm"])
    )
    factor = stratification_gain(arrange(case(frame, strata=["s"]).moments))
    assert factor == pytest.approx(inside / pooled, rel=1e-12)


def test_a_pooled_variance_counts_every_degree_of_freedom():
    n, mean, variance = np.array([[2, 5]]), np.array([[3.0, 1.0]]), np.array([[8.0, 2.0]])
    figures = mean_figures(mean, variance, n, weights=np.ones(1), equal_variances=True)
    pool = (1 * 8.0 + 4 * 2.0) / 5
    assert np.diag(figures.covariance) == pytest.approx([pool / 2, pool / 5])
    assert figures.freedom.tolist() == [5.0, 5.0]
    single = mean_figures(mean, np.array([[np.nan, 2.0]]), np.array([[1, 5]]), weights=np.ones(1), equal_variances=True)
    assert np.diag(single.covariance) == pytest.approx([2.0, 2.0 / 5])


def test_a_ratio_without_variance_has_the_least_freedom_of_its_strata():
    means = np.array([[[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]]])
    flat = np.zeros((2, 2, 2, 2))
    figures = ratio_figures(means, flat, np.array([[5, 40], [9, 30]]), weights=np.array([0.5, 0.5]))
    assert figures.freedom.tolist() == [4.0, 29.0]
    assert figures.value.tolist() == [0.5, 0.5]
    assert figures.n.tolist() == [14, 70]


def test_clusters_without_a_second_one_in_their_cell_have_no_correlation():
    cells = (("sms", "north"), ("none", "south"))
    values = np.array([1.0, 2.0, 1.5, 3.0])
    alone = single_moments(("arm", "branch"), cells, np.array([0, 0, 1, 1]), values, np.ones(4, dtype=int))
    found = intra_cluster_correlation(alone)
    assert (found.correlation, found.design_effect) == (None, None)
    assert (found.clusters, found.persons, found.mean_size) == (2, 4, 2.0)


def test_the_strength_of_a_first_stage_is_its_squared_ratio_to_its_error():
    treated = [1] * 30 + [0] * 20 + [1] * 6 + [0] * 44
    z = np.repeat([1, 0], 50)
    y = np.arange(100) % 7 + np.array(treated)
    found = complier_effect(z, np.array(treated), y)
    variance = sum(share * (1 - share) / 49 for share in (0.6, 0.12))
    assert found.first_stage.value == pytest.approx(0.48)
    assert found.strength == pytest.approx(0.48**2 / variance, rel=1e-12)


def test_one_problem_is_told_as_it_is_and_several_are_counted():
    with pytest.raises(InputError, match=r"^a is wrong\.$"):
        raise_problems(["a is wrong."])
    with pytest.raises(InputError, match=r"^2 problems: \(1\) a is wrong\. \(2\) b too\.$"):
        raise_problems(["a is wrong.", "b too."])
    assert raise_problems([]) is None


def test_two_strata_are_too_many_for_the_posterior_of_two_rates():
    with pytest.raises(InputError, match="several strata"):
        bayes_rates([3, 4], [10, 10], [2, 2], [10, 10])


def test_an_exact_test_names_its_method_and_its_persons():
    for method in ("fisher", "boschloo"):
        found = compare_rates(7, 20, 2, 30, method=method)
        for estimate in (found.difference, found.relative):
            assert (estimate.method, estimate.n) == (method, 50)


@pytest.mark.parametrize("margin", [(0.0, 0.1), (-0.1, 0.0), (0.1, -0.1), 0.0, -0.1])
def test_margins_lie_on_both_sides_of_zero(margin):
    with pytest.raises(InputError, match="margin must be one number above 0"):
        equivalence_rates(30, 100, 28, 100, margin=margin)


def test_a_loading_of_one_is_a_loading():
    loadings = np.array([1.0, 0.5, 0.8])
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    assert loadings_of(correlation) == pytest.approx(loadings, rel=1e-12)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_an_always_valid_interval_is_open_where_its_side_is(side):
    difference, error, n = np.array([0.5, 0.4]), np.array([0.2, 0.1]), np.array([100.0, 400.0])
    found = always_valid_sequence(difference, error, n, planned_n=1000, level=0.9, side=side)
    z = np.array([mixture_z(size, planned_n=1000, level=0.9, side=side) for size in n])
    low = np.full(2, -math.inf) if side == "less" else difference - z * error
    high = np.full(2, math.inf) if side == "greater" else difference + z * error
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.p_so_far == pytest.approx(np.minimum.accumulate(found.p_value))


def test_paths_between_bounds_that_have_crossed_are_none():
    walk = Walk.begin()
    for lower, upper in ((2.0, 1.0), (1.0, 1.0)):
        none = walk.step(0.5, lower, upper)
        assert (none.time, none.mass.tolist(), len(none.nodes)) == (0.5, [0.0], 1)
        assert none.above(1.0, 0.0) == none.below(1.0, 0.0) == 0.0


def test_a_look_for_futility_that_spends_everything_before_the_last_is_refused():
    with pytest.raises(InputError, match="everything is spent before the last look"):
        futility_bounds(3, fractions=(0.5, 1.0, 1.5))


def test_the_ends_of_a_contaminated_effect_are_welch_tests():
    treated, lowest, highest = np.array([1.0, 4.0, 2.0, 7.0]), np.array([0.0, 1.0, 0.5]), np.array([2.0, 3.0, 2.0])
    low, high = bound_pair(treated, (lowest, highest))
    for bound, terms in ((low, highest), (high, lowest)):
        parts = np.array([treated.var(ddof=1) / 4, terms.var(ddof=1) / 3])
        assert bound.value == pytest.approx(treated.mean() - terms.mean())
        assert bound.error == pytest.approx(math.sqrt(parts.sum()))
        assert bound.freedom == pytest.approx(parts.sum() ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 2))
    open_low, open_high = bound_pair(treated, (np.full(3, -math.inf), np.full(3, math.inf)))
    assert (open_low.value, open_low.error, open_low.freedom) == (-math.inf, 0.0, math.inf)
    assert (open_high.value, open_high.error, open_high.freedom) == (math.inf, 0.0, math.inf)
    flat = bound_pair(np.ones(3), (np.zeros(3), np.full(3, 2.0)))
    assert [(one.value, one.error, one.freedom) for one in flat] == [(-1.0, 0.0, math.inf), (1.0, 0.0, math.inf)]


def test_a_weighted_statistic_sees_weights_that_sum_to_the_persons():
    """Strata of 2 and 6 persons weighted 3 : 1: everybody counts 8 persons x weight / persons of the stratum."""
    values, stratum = np.arange(8.0)[:, None], np.array([0, 0, 1, 1, 1, 1, 1, 1])
    group = sorted_group(values, np.ones(8, np.int64), stratum, None)
    total = UserStatistic(function=lambda values, weights: float(np.sum(values * weights)), rows=False)
    observed, found = statistic_replicates(
        group, total, np.array([0.75, 0.25]), replicates=3, chance=np.random.default_rng(1), draw="multinomial"
    )
    assert observed == pytest.approx((0 + 1) * 8 * 0.75 / 2 + (2 + 3 + 4 + 5 + 6 + 7) * 8 * 0.25 / 6)
    assert len(found) == 3


def test_the_second_computation_draws_as_often_as_it_is_told():
    rng = np.random.default_rng(4)
    rows = case(pd.DataFrame({"arm": ["a", "b"] * 40, "y": rng.normal(size=80)})).rows
    found = second_computation(
        rows, ((),), np.ones(1), metric="y", arm="b", control="a", p_value=0.5, level=0.9, replicates=99
    )
    assert (found.values["assignments"], found.values["level"]) == (99, 0.9)
    assert (found.values["arm"], found.values["control"], found.values["metric"]) == ("b", "a", "y")


def test_one_column_is_measured_unless_a_ratio_is_asked_for():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"arm": ["a", "b"] * 60, "x": rng.normal(size=120), "z": rng.normal(size=120)})
    made = case(frame.assign(y=frame.x + frame.z + rng.normal(size=120)), covariates=["x", "z"])
    assert kept_covariates(made.grid) == ("x", "z")
    assert adjustment_gain(made.grid).used == ("x", "z")
    plain, said = (adjusted_figures_from_moments(made.grid, weights=np.ones(1), **one) for one in ({}, {"measured": 1}))
    assert plain.value.tolist() == said.value.tolist()
    assert plain.value == pytest.approx(made.adjusted().value)
    assert adjustment_findings("y", made.grid)[0].values["covariates"] == "x, z"


@pytest.mark.parametrize("signs", [(1, 1, 1, 1), (-1, 1, -1, 1), (1, -1, -1, 1)])
def test_four_loadings_are_found_from_their_products(signs):
    loadings = np.array([0.9, 0.5, 0.8, 0.3]) * signs
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    found = loadings_of(correlation)
    assert np.outer(found, found) + np.diag(1.0 - found**2) == pytest.approx(correlation, abs=1e-9)
    correlation[0, 1] = correlation[1, 0] = 0.1
    assert loadings_of(correlation) is None


def test_a_denominator_on_the_edge_leaves_a_half_line():
    """-2 half phi + rest <= 0."""
    assert _half_line(2.0, 3.0) == (0.75, math.inf, "interval")
    assert _half_line(-2.0, 3.0) == (-math.inf, -0.75, "interval")
    assert _half_line(0.0, 0.0) == (-math.inf, math.inf, "all")


def test_a_p_value_as_standard_errors_is_two_sided():
    assert _errors(0.05) == pytest.approx(1.959963984540054, rel=1e-12)
    assert _errors(1.0) == pytest.approx(0.0, abs=1e-12)
    assert _errors(0.0) == math.inf


@pytest.mark.parametrize("strata", [1, 2])
def test_a_quantile_of_clusters_has_one_degree_of_freedom_less_than_clusters(strata):
    rng = np.random.default_rng(strata)
    frame = pd.DataFrame({"arm": np.repeat(["a", "b"], 600), "y": rng.normal(size=1200)})
    frame["shop"] = np.arange(1200) // 60
    frame["s"] = np.where(frame.shop % 10 < 5, "n", "s") if strata == 2 else "n"
    made = case(frame, strata=["s"], cluster="shop")
    figures = quantile_figures(made.rows, made.grid, 0.5, weights=made.weights, clustered=True)
    assert figures.freedom.tolist() == [10.0 - strata] * 2


def test_a_walk_from_one_place_is_a_normal_variable():
    walk, time, bound = Walk.begin(), 0.36, 0.3
    for drift in (0.0, 1.5):
        spread = norm(drift * time, 0.6)
        assert walk.above(time, bound, drift) == pytest.approx(spread.sf(bound), rel=1e-12)
        assert walk.below(time, bound, drift) == pytest.approx(spread.cdf(bound), rel=1e-12)
        mean = drift * time * spread.sf(bound) + 0.36 * spread.pdf(bound)
        assert walk.mean_above(time, bound, drift) == pytest.approx(mean, rel=1e-12)
    assert walk.above(time, bound) == walk.above(time, bound, 0.0)
    assert walk.below(time, bound) == walk.below(time, bound, 0.0)
    assert walk.mean_above(time, bound) == walk.mean_above(time, bound, 0.0)
    assert walk.slope(time, bound) == pytest.approx(norm(0.0, 0.6).pdf(bound), rel=1e-12)
    paths = Paths.follow([0.5, 1.0], [-2.0, -2.0], [2.0, 2.0])
    assert paths.crossing().upper == paths.crossing(0.0).upper == pytest.approx(paths.crossing(0.0).lower)


def test_more_than_the_open_paths_cannot_be_spent_unless_that_is_allowed():
    walk = Walk.begin().step(0.5, -math.inf, 0.0)
    with pytest.raises(InputError, match=r"too little probability left to spend 0\.6"):
        solve_bound(walk, 1.0, 0.6)
    assert solve_bound(walk, 1.0, 0.6, least=-3.0, strict=False) == -3.0
    with pytest.raises(InputError, match="too little probability left"):
        spending_z((0.1, 0.2), 0.9, ("power", 0.001), lower=None, final=True)


def test_a_design_has_a_power_of_eight_in_ten_unless_another_is_asked_for():
    bounds = spending_bounds(3)
    assert bounds.drift_for() == bounds.drift_for(0.8)
    assert bounds.power(bounds.drift_for()) == pytest.approx(0.8, rel=1e-9)
    assert bounds.crossing().upper == bounds.crossing(0.0).upper


def test_only_the_naive_and_the_repeated_interval_have_a_standard_error():
    found = estimate_after_stopping(spending_bounds(3), look=2, estimate=0.6, standard_error=0.15)
    errors = [one.standard_error for one in (found.naive, found.repeated, found.adjusted)]
    assert errors == [0.15, 0.15, None]


def test_a_curve_that_ends_keeps_the_upper_limit_of_the_duration_before():
    rows = kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1]).to_dicts()
    assert rows[-1]["survival"] == rows[-1]["low"] == 0.0
    assert rows[-1]["high"] == rows[-2]["high"] < 1.0
    at_once = kaplan_meier([2.0] * 5, [1] * 5).to_dicts()
    assert at_once[-1]["high"] == pytest.approx(1.0 - 0.025 ** (1 / 5), rel=1e-12)


def test_an_equivalence_of_two_persons_has_a_p_value():
    """Welch's degrees of freedom are 1 and a little more where two persons bring nearly all of the variance."""
    parts = np.array([81.0 / 2, 0.01 / 50])
    freedom = parts.sum() ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 49)
    found = equivalence_means(1.0, 9.0, 2, 1.1, 0.1, 50, margin=30.0, side="less")
    t = (1.0 - 1.1 - 30.0) / math.sqrt(parts.sum())
    assert 1.0 < freedom < 2.0
    assert found.p_value == pytest.approx(student.cdf(t, freedom), rel=1e-9)


def test_a_second_computation_draws_9999_assignments_of_seed_0_unless_told_otherwise():
    rng = np.random.default_rng(4)
    rows = case(pd.DataFrame({"arm": ["a", "b"] * 40, "y": rng.normal(size=80)})).rows
    ask = partial(second_computation, rows, ((),), np.ones(1), metric="y", arm="b", control="a", p_value=0.5)
    assert dict(ask().values) == dict(ask(replicates=9_999, seed=0, level=0.95, side="two", clustered=False).values)
    assert dict(ask().values) != dict(ask(seed=1).values)
