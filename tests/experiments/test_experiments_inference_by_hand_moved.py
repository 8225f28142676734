"""More numbers of inference worked out a second way: what moves with the data, what adds up, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from adjustment_cases import case
from attribution.core.errors import DesignError, InputError
from experiments.inference.bootstrap import bootstrap
from experiments.inference.bootstrap_draws import _groups, make_pool
from experiments.inference.bootstrap_units import Units
from experiments.inference.caps import pooled_cap
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination import contamination_bounds
from experiments.inference.contamination_moments import Bound, imbens_manski
from experiments.inference.dunnett import dunnett
from experiments.inference.equivalence import equivalence_rates
from experiments.inference.means import compare_means
from experiments.inference.rates import compare_stratified_rates
from experiments.inference.redrawn import pair_of, redraw
from experiments.inference.sequential.power import drift_for
from experiments.inference.sequential.walk import Walk
from experiments.inference.sum_ratios import ratio_figures
from experiments.inference.values import checked_counts


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


def test_singled_out_persons_of_strata_borrow_the_variance_of_all_strata():
    frame = pd.DataFrame({"arm": np.tile(["a", "b"], 120), "s": np.repeat(["m", "n"], 120), "x": 0.0})
    frame["y"] = np.random.default_rng(7).normal(size=240)
    frame.loc[[0, 2, 6, 121, 131], "x"] = 1.0
    alone = frame.copy()
    alone.loc[[121, 131], "x"] = 0.0
    alone.loc[1, "x"] = 1.0  # the only one of arm b
    figures = case(alone, covariates=["x"], strata=["s"]).adjusted()
    part = alone[alone.arm == "b"]
    shares = np.array([0.5, 0.5])
    design = np.column_stack([part.s == "m", part.s == "n", part.x]).astype(float)
    hat = np.linalg.inv(design.T @ design) @ design.T
    middle = alone.groupby("s").x.mean().to_numpy()
    pull = shares @ hat[:2] + (shares @ middle) * hat[2]
    residual = part.y.to_numpy() - design @ (hat @ part.y.to_numpy())
    lever = np.einsum("ip,pi->i", design, hat)
    single = lever > 1.0 - 1e-9
    spare = np.sum(residual**2) / (120 - 2 - 1)
    terms = np.where(single, spare, residual**2 / np.where(single, 1.0, 1.0 - lever))
    assert single.sum() == 1
    assert figures.value[1] == pytest.approx(pull @ part.y)
    assert figures.covariance[1, 1] == pytest.approx(np.sum(pull**2 * terms), rel=1e-10)


def test_the_smallest_arm_decides_whether_there_are_enough_persons():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"arm": ["a"] * 500 + ["b"] * 30, "x": rng.normal(size=530), "z": rng.normal(size=530)})
    made = case(frame.assign(y=frame.x + rng.normal(size=530)), covariates=["x", "z"])
    with pytest.raises(DesignError, match="the arm 'b' has 30 persons for 2 coefficient"):
        made.adjusted()


def two_columns():
    rng = np.random.default_rng(12)
    totals = np.column_stack([rng.lognormal(1.0, 1.0, 3000), rng.poisson(3.0, 3000)])
    return Units(totals=totals, persons=np.ones(3000), count=rng.integers(1, 4, 3000))


def test_groups_of_units_keep_their_sums_and_all_of_their_spread():
    units = two_columns()
    pool = make_pool(units, units.totals, exact=False)
    group = _groups(units)
    assert 50 < len(pool.count) == group.max() + 1 <= 24 * 16
    everything = units.totals.T @ (units.count[:, None] * units.totals)
    assert pool.count.sum() == units.count.sum()
    assert pool.count @ pool.mean == pytest.approx(units.count @ units.totals, rel=1e-12)
    assert pool.mean.T @ (pool.count[:, None] * pool.mean) + pool.within == pytest.approx(everything, rel=1e-10)
    inside = np.zeros((2, 2))
    for number in range(group.max() + 1):
        mine = group == number
        held = units.count[mine].sum()
        gap = units.totals[mine] - np.average(units.totals[mine], axis=0, weights=units.count[mine])
        if held > 1:
            inside += held / (held - 1) * gap.T @ (units.count[mine][:, None] * gap)
    assert pool.finite.T @ pool.finite == pytest.approx(inside, rel=1e-9)
    assert pool.root.T @ pool.root == pytest.approx(pool.within, rel=1e-9)
    whole = make_pool(units, units.totals, exact=True)
    assert (len(whole.count), whole.within.any(), whole.root) == (3000, False, None)


def test_groups_hold_neighbours_along_both_columns():
    units = two_columns()
    group = _groups(units)
    ends = sorted(
        (units.totals[group == one, 0].min(), units.totals[group == one, 0].max()) for one in np.unique(group)
    )
    first = sorted({low for low, _ in ends})
    assert len(first) > 16
    spreads = [np.ptp(units.totals[group == one, 1]) for one in np.unique(group)]
    assert np.mean(spreads) < 1.0 < np.ptp(units.totals[:, 1])


def test_a_cap_tells_the_share_of_spenders_above_it():
    frame = pd.DataFrame({"arm": ["a"] * 6 + ["b"] * 4, "spent": [0, 1, 2, 3, 50, 0, 1, 2, 90, 0.0]})
    rows = {row["arm"]: row for row in pooled_cap(frame, "spent", q=0.7).to_dicts()}
    assert {name: (row["nonzero"], row["above"]) for name, row in rows.items()} == {"a": (4, 1), "b": (3, 1)}
    assert rows["a"]["share_above"] == pytest.approx(1 / 4)
    assert rows["b"]["share_above"] == pytest.approx(1 / 3)
    assert rows["a"]["cut_share"] == pytest.approx((50 - 3) / 56)


def test_every_reading_of_compliance_counts_its_persons_and_names_its_method():
    z = np.repeat([1, 0], 50)
    d = np.array([1] * 30 + [0] * 20 + [1] * 6 + [0] * 44)
    found = complier_effect(z, d, np.arange(100) % 7 + d, level=0.9)
    for one in (found.assignment, found.first_stage, found.effect):
        assert (one.n, one.level) == (100, 0.9)
    assert found.assignment.method == found.first_stage.method == "welch"


def test_ends_without_spread_are_covered_two_sided():
    flat = [Bound(value=value, error=0.0, freedom=12.0) for value in (1.0, 3.0)]
    assert imbens_manski(*flat, 0.9) == pytest.approx(student.ppf(0.95, 12), rel=1e-12)
    wide = Bound(value=-math.inf, error=1.0, freedom=12.0)
    assert imbens_manski(wide, flat[1], 0.9) == pytest.approx(student.ppf(0.9, 12), rel=1e-12)


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("down", [True, False])
def test_dunnett_names_its_variant(pooled, down):
    groups = {"control": (10.0, 3.0, 40), "a": (11.0, 4.0, 50), "b": (12.5, 3.5, 45)}
    found = dunnett(groups, control="control", equal_variances=pooled, step_down=down)
    assert found.method == "dunnett" + ("" if pooled else " welch") + (", step-down" if down else "")


def test_a_power_that_no_effect_reaches_is_refused():
    with pytest.raises(InputError, match="is not reached by any effect"):
        drift_for(lambda _: 0.5, 0.9, least=[0.025])
    assert drift_for(lambda drift: drift / (1.0 + drift), 0.9, least=[0.0]) == pytest.approx(9.0)


def test_paths_far_below_their_bounds_have_no_mass_left():
    none = Walk.begin().step(0.01, 3.9, 3.95)
    assert none.mass.tolist() == [0.0]
    assert none.time == 0.01
    far = Walk.begin(0.0, 0.0).step(0.5, 80.0, 81.0)
    assert (far.mass.sum(), len(far.nodes)) == (0.0, 1)


def test_a_denominator_of_zero_has_no_ratio():
    means = np.array([[[1.0, 0.0], [1.0, 2.0]]])
    figures = ratio_figures(means, np.ones((1, 2, 2, 2)), np.array([[5, 6]]), weights=np.ones(1))
    assert np.isnan(figures.value).tolist() == [True, False]
    assert figures.note == "DENOMINATOR_NOT_POSITIVE"


@pytest.mark.parametrize(
    "wrong", [[1.0, 2.5, 3.0], [1.0, -1.0, 2.0], [0, 0, 0], [1.0, np.nan, 1.0], [1.0, np.inf, 1.0]]
)
def test_one_count_that_is_none_is_enough_to_refuse_them(wrong):
    with pytest.raises(InputError, match="must be whole numbers of 0 or more, not all 0"):
        checked_counts("counts", np.array(wrong), 3)
    assert checked_counts("counts", [0, 2, 1.0], 3).tolist() == [0, 2, 1]


@pytest.mark.parametrize("wrong", [1, 2, 4, 5])
def test_two_strata_are_too_many_for_a_comparison_of_means(wrong):
    given = [[3.0], [1.0], [10], [2.0], [1.0], [10]]
    given = [one * 2 if (place < 3) == (wrong < 3) else one for place, one in enumerate(given)]
    with pytest.raises(InputError, match="for strata use compare_stratified_means"):
        compare_means(*given)


def test_a_redrawn_contrast_of_ratios_is_told_in_the_units_of_the_ratio():
    rng = np.random.default_rng(14)
    frame = pd.DataFrame({"arm": ["a", "b"] * 50, "y": rng.gamma(2.0, 300.0, 100), "bottom": 1.0 + rng.random(100)})
    pair = pair_of(case(frame, bottom="bottom").rows, ((),), np.ones(1), arm="b", control="a")
    sums = frame.groupby("arm")[["y", "bottom"]].sum()
    ratio = sums.y / sums.bottom
    found = redraw(pair, studentised=False, replicates=199)
    assert found.statistic == pytest.approx(ratio["b"] - ratio["a"], rel=1e-9)
    mean = redraw(pair_of(case(frame).rows, ((),), np.ones(1), arm="b", control="a"), studentised=False, replicates=199)
    assert mean.statistic == pytest.approx(frame.y[1::2].mean() - frame.y[::2].mean(), rel=1e-9)


def test_rows_of_clusters_are_redrawn_by_cluster():
    rng = np.random.default_rng(15)
    frame = pd.DataFrame({"arm": np.repeat(["a", "b"], 60), "y": rng.normal(size=120), "shop": np.arange(120) // 15})
    rows = case(frame, cluster="shop").rows
    pair = pair_of(rows, ((),), np.ones(1), arm="b", control="a", clustered=True)
    assert pair.cluster is not None
    assert len(np.unique(pair.cluster)) == 8
    assert redraw(pair).assignments == math.comb(8, 4)


def test_a_lowest_outcome_that_nobody_knows_mirrors_an_unknown_highest_one():
    rng = np.random.default_rng(16)
    z, y = np.repeat([1, 0], 60), np.round(rng.normal(2.0, 1.5, 120), 3)
    one = contamination_bounds(z, y, share=0.13, limits=(None, 9))
    other = contamination_bounds(z, -y, share=0.13, limits=(-9, None), direction="down")
    assert any(math.isinf(row.upper) for row in one.rows)
    for row, mirrored in zip(one.rows, other.rows, strict=True):
        assert row.assumption == mirrored.assumption
        assert (row.lower, row.upper) == pytest.approx((-mirrored.upper, -mirrored.lower), rel=1e-12)
        assert (row.low, row.high) == pytest.approx((-mirrored.high, -mirrored.low), rel=1e-9)
