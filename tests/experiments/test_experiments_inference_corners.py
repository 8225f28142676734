"""What inference says at its edges: arms of one person, figures without variance, bounds that nothing reaches."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

import experiments as ex
from adjustment_cases import case
from attribution.core.errors import DesignError, InputError, TableError
from experiments.inference.adjusted_gain import adjustment_findings, adjustment_gain, stratification_gain
from experiments.inference.bayes.betas import BetaPair, beta, root
from experiments.inference.bootstrap_groups import UserStatistic, jackknife, sorted_group, statistic_replicates
from experiments.inference.bootstrap_intervals import Arms, _end, pivots
from experiments.inference.dunnett import joint_tests
from experiments.inference.equivalence import figures_margin_p
from experiments.inference.figures import ArmFigures, population_figures, satterthwaite
from experiments.inference.joint_t import joint_critical, loadings_of
from experiments.inference.means import compare_stratified_means
from experiments.inference.quantiles import Spread, arm_quantile
from experiments.inference.ratios import fieller
from experiments.inference.score import _newton
from experiments.inference.sequential.boundaries import solve_bound
from experiments.inference.sequential.events import few_events
from experiments.inference.sequential.spending import spending_from_text
from experiments.inference.sequential.walk import Walk
from experiments.roi.people import people_needed

# --- covariates ------------------------------------------------------------------------------------


def two_arms(**options: object) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"arm": ["a"] * 60 + ["b"] * 60, "x": rng.normal(size=120), "s": np.tile(["n", "w"], 60)})
    frame["y"] = 3.0 + frame.x + rng.normal(size=120)
    frame["base"] = 5.0 + 0.5 * frame.x + rng.uniform(size=120)
    return frame.assign(**options)


def test_the_gain_of_a_ratio_is_that_of_its_linearised_persons() -> None:
    frame = two_arms()
    after = before = 0.0
    for _, part in frame.groupby("arm"):
        design = np.column_stack([np.ones(len(part)), part.x])
        middle = frame.x.mean()
        # The figures are adjusted to the mean of all persons; so is the ratio that the persons are linearised at.
        top, bottom = (np.linalg.lstsq(design, part[name], rcond=None)[0] @ [1.0, middle] for name in ("y", "base"))
        line = (part.y - top / bottom * part.base) / bottom
        residual = line - design @ np.linalg.lstsq(design, line, rcond=None)[0]
        after += residual @ residual / (len(part) - 2) / len(part)
        before += line.var() / len(part)
    grid = case(frame, y="y", bottom="base", covariates=["x"]).grid
    gain = adjustment_gain(grid, measured=2)
    assert gain.factor == pytest.approx(after / before, rel=1e-10)
    assert gain.used == ("x",)


def test_an_outcome_that_never_varies_gains_nothing_from_a_covariate() -> None:
    grid = case(two_arms(y=0.0), covariates=["x"]).grid
    assert adjustment_gain(grid).factor is None
    assert [one.code for one in adjustment_findings("y", grid)] == ["ADJUSTED_RATE_RARE"]


def test_strata_gain_with_other_weights_and_not_at_all_with_one_person() -> None:
    frame = two_arms()
    weights = np.array([0.3, 0.7])
    inside = sum(
        weight**2 * part.y.var() / len(part)
        for weight, (_, stratum) in zip(weights, frame.groupby("s"), strict=True)
        for _, part in stratum.groupby("arm")
    )
    pooled = sum(part.y.var() / len(part) for _, part in frame.groupby("arm"))
    assert stratification_gain(case(frame, strata=["s"]).grid, weights=weights) == pytest.approx(inside / pooled)
    lonely = frame.assign(s=["n"] + ["w"] * 59 + ["n"] * 30 + ["w"] * 30)
    assert stratification_gain(case(lonely, strata=["s"]).grid) is None


def test_an_arm_of_one_person_in_a_stratum_has_no_classical_variance() -> None:
    lonely = two_arms(s=["n"] + ["w"] * 59 + ["n"] * 30 + ["w"] * 30)
    figures = case(lonely, covariates=["x"], strata=["s"]).from_moments()
    assert math.isnan(figures.variance(0))
    assert figures.variance(1) > 0.0
    assert np.isfinite(figures.value).all()


# --- figures ---------------------------------------------------------------------------------------


def figures(value: list[float], variance: list[float], **options: object) -> ArmFigures:
    given = {"freedom": np.array([9.0, 9.0]), "n": np.array([10, 10]), "method": "welch", **options}
    return ArmFigures(value=np.array(value), covariance=np.diag(variance), **given)


def test_a_margin_has_a_p_value_only_where_there_is_a_spread_and_a_base() -> None:
    assert figures_margin_p(figures([3.0, 1.0], [0.0, 0.0]), 0, 1, 0.5, upper=False) is None
    assert figures_margin_p(figures([3.0, math.nan], [0.5, 0.5]), 0, 1, 0.5, upper=False) is None
    assert figures_margin_p(figures([3.0, 0.0], [0.5, 0.5]), 0, 1, 0.5, upper=False, relative=True) is None
    lonely = figures([3.0, 1.0], [0.5, 0.5], freedom=np.array([9.0, 0.0]))
    assert figures_margin_p(lonely, 0, 1, 0.5, upper=False) is None
    # (3 - 1 - 0.5) / 1 = 1.5 with 2 x 9 degrees of freedom.
    assert figures_margin_p(figures([3.0, 1.0], [0.5, 0.5]), 0, 1, 0.5, upper=False) == pytest.approx(t.sf(1.5, 18))


def test_a_variance_without_freedom_leaves_none() -> None:
    assert satterthwaite(np.array([1.0, 2.0]), np.array([0.0, 5.0])) == 0.0
    assert satterthwaite(np.array([0.0, 2.0]), np.array([0.0, 5.0])) == pytest.approx(5.0)


def test_unknown_shares_of_strata_add_their_spread() -> None:
    """Weights 0.25 and 0.75; sum of weight x spread x spread', over 50 persons."""
    spread = np.array([[3.0, 1.0], [-1.0, 2.0]])
    found = population_figures(figures([0.0, 0.0], [0.5, 0.7]), spread, weights=np.array([0.25, 0.75]), persons=50)
    expected = [[0.5 + 3.0 / 50, (0.75 - 1.5) / 50], [(0.75 - 1.5) / 50, 0.7 + 3.25 / 50]]
    assert found.covariance == pytest.approx(np.array(expected), rel=1e-13)


def test_an_arm_without_values_has_no_quantile() -> None:
    empty = np.zeros(0)
    none = Spread(value=empty, count=empty, stratum=np.zeros(0, np.int64), cluster=None, weights=np.ones(1))
    found = arm_quantile(none, 0.5)
    assert (found.note, found.freedom) == ("TOO_FEW_PERSONS", 0.0)
    assert math.isnan(found.value)
    assert math.isnan(found.variance)


def test_a_ratio_needs_a_denominator_and_is_open_where_that_lies_on_the_edge() -> None:
    with pytest.raises(InputError, match="the denominator is exactly 0 and has no variance"):
        fieller(1.0, 0.0, 1.0, 0.0, t=2.0, level=0.95)
    # (1 - 2 phi)^2 <= 4 (1 + phi^2): -3 - 4 phi <= 0.
    edge = fieller(1.0, 2.0, 1.0, 1.0, t=2.0, level=0.95)
    assert (edge.low, edge.high, edge.kind) == (pytest.approx(-0.75, rel=1e-14), math.inf, "interval")


def test_means_of_several_strata_are_sent_to_their_own_function() -> None:
    with pytest.raises(InputError, match="one number per argument; for strata use compare_stratified_means"):
        ex.compare_means([1.0, 2.0], [1.0, 1.0], [10, 10], 0.5, 1.0, 20)


def test_a_null_that_no_hybrid_limit_reaches_has_no_p_value_above_0() -> None:
    """Both Wilson limits end at 0 and 1, so the difference cannot fall below 0.1 - hypot(0.5, 0.6) = -0.68."""
    assert ex.compare_rates(50, 100, 40, 100, method="newcombe", null=-0.69).difference.p_value == 0.0
    assert ex.compare_rates(50, 100, 40, 100, method="newcombe", null=-0.5).difference.p_value > 0.0


def test_a_rate_as_good_as_0_is_found_up_to_two_hundred_halvings() -> None:
    """Near 0 the slope is c / q - (10 / 0.9 + 10 - 1 / 0.1), so q = c / 11.1."""

    def rate(c: float) -> float:
        return float(_newton(*(np.array([one]) for one in (1.0, 10.0, c, 10.0)), 0.1)[0])

    assert rate(1e-12) == pytest.approx(9e-14, rel=1e-9)
    assert rate(1e-300) == pytest.approx(0.45 * 2.0**-200, rel=1e-6)


def test_joint_tests_of_one_contrast_and_of_opposite_ones() -> None:
    assert joint_critical(0.95, None, 1, 7.0, "two") == pytest.approx(0.05)
    assert loadings_of(np.array([[4.0]])).tolist() == [0.0]
    # Opposite statistics never exceed a positive bound together, so Bonferroni's bound is exact.
    for df in (math.inf, 5.0):
        assert joint_critical(0.95, np.array([1.0, -1.0]), 2, df, "greater") == pytest.approx(0.025, rel=1e-12)


# --- survival, compliance, contamination -----------------------------------------------------------


@pytest.mark.parametrize("observed", [["yes", "no", "yes"], [[1, 0, 1]], [1, 0, 2], [1, None, 0]])
def test_spells_have_ended_or_not(observed: object) -> None:
    with pytest.raises(InputError, match="observed must be true or false"):
        ex.kaplan_meier([1.0, 2.0, 3.0], observed)


def test_a_dose_has_no_types_of_persons() -> None:
    rng = np.random.default_rng(3)
    assigned = np.repeat([1, 0], 100)
    dose = rng.uniform(0.0, 3.0, 200) * assigned
    found = ex.complier_effect(assigned, dose, 2.0 * dose + rng.normal(size=200))
    assert found.compliance is None
    assert [next(iter(row.values())) for row in found.to_dicts()] == [
        "assignment", "first_stage", "anderson_rubin", "wald",
    ]  # fmt: skip


def test_one_person_an_arm_refutes_nothing() -> None:
    found = ex.complier_effect([1, 0], [1, 0], [1, 0])
    assert "EXCLUSION_REFUTED" not in {finding.code for finding in found.findings}
    assert found.assignment.note == "TOO_FEW_PERSONS"


def test_an_assignment_in_words_is_named() -> None:
    with pytest.raises(TableError, match=r"WRONG_TYPE.*assigned"):
        ex.complier_effect(["yes", "no"], [1, 0], [1, 0])


def test_a_holdout_of_treated_persons_only_leaves_the_effect_open() -> None:
    assigned, outcome = np.repeat([1, 0], 50), np.tile([1, 0], 50)
    found = ex.contamination_bounds(assigned, outcome, contaminated=1 - assigned)
    row = next(row for row in found.rows if row.assumption == "constant")
    assert (row.lower, row.upper, row.low, row.high) == (-math.inf, math.inf, -math.inf, math.inf)
    assert "UNBOUNDED" in row.note


# --- Bayes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [7.0, (1.0,), (0.0, -1.0), (math.inf, 1.0)])
def test_a_prior_of_a_mean_is_a_pair(prior: object) -> None:
    with pytest.raises(InputError, match=r"a pair \(mean, standard deviation above 0\)"):
        ex.bayes_means(1.0, 1.0, 50, 0.5, 1.0, 50, prior=prior)


@pytest.mark.parametrize("prior", [7.0, (1.0,), (0.0, 1.0), (True, 1.0), {"treatment": 3.0, "control": (1.0, 1.0)}])
def test_a_prior_of_a_rate_is_a_pair(prior: object) -> None:
    with pytest.raises(InputError, match=r"pair"):
        ex.bayes_rates(10, 100, 8, 100, prior=prior)


def test_the_best_arm_needs_a_direction_and_a_value() -> None:
    arms = {"sms": (30, 100), "holdout": (20, 100)}
    with pytest.raises(InputError, match=r"direction must be .* got 'high'"):
        ex.bayes_best(arms, direction="high")
    with pytest.raises(InputError, match=r"value must not be 0"):
        ex.bayes_best(arms, value=0.0, costs={"sms": 1.0, "holdout": 0.0})


def test_a_beta_whose_mass_is_one_number_is_still_one() -> None:
    found = beta(1e40, 1e40)
    assert (found.mean, found.quantile(0.1), found.quantile(0.9)) == (0.5, 0.5, 0.5)
    assert found.below(np.array([0.4, 0.6])).tolist() == [0.0, 1.0]


def test_a_density_that_only_falls_has_its_shortest_interval_at_its_end() -> None:
    """Beta(1, 50) less next to nothing: 95 % lie below 1 - 0.05^(1/50)."""
    falling, nothing = beta(1.0, 50.0), beta(1.0, 1e13)
    most = 1.0 - 0.05 ** (1.0 / 50.0)
    assert BetaPair(treatment=falling, control=nothing).highest_density(0.95) == (-1.0, pytest.approx(most, rel=1e-9))
    assert BetaPair(treatment=nothing, control=falling).highest_density(0.95) == (pytest.approx(-most, rel=1e-9), 1.0)


def test_a_root_outside_of_its_range_is_at_its_end() -> None:
    assert root(lambda d: d + 2.0, 0.0, 0.1, low=-1.0, high=1.0) == -1.0
    assert root(lambda d: d - 2.0, 0.0, 0.1, low=-1.0, high=1.0) == 1.0
    assert root(lambda d: d - 0.3, 0.0, 0.1, low=-1.0, high=1.0) == pytest.approx(0.3, abs=1e-14)


# --- resampling ------------------------------------------------------------------------------------


def weighted(values: np.ndarray, weights: np.ndarray) -> float:
    return float(values @ weights / weights.sum())


def group(values: list[float]):
    wide = np.array(values)[:, None]
    ones = np.ones(len(values), np.int64)
    return sorted_group(wide, ones, np.zeros(len(values), np.int64), None)


def test_groups_without_the_same_columns_are_refused() -> None:
    with pytest.raises(InputError, match="both groups must have the same columns, got 2 and 3 of them"):
        ex.bootstrap(np.ones((5, 2)), np.ones((5, 3)), statistic=lambda rows, weights: 0.0)


def test_groups_too_far_apart_are_refused() -> None:
    with pytest.raises(InputError, match=r"the groups lie 2e\+07 standard deviations apart"):
        ex.bootstrap([0.0, 1.0, 0.0, 1.0], [1e7, 1e7 + 1.0, 1e7, 1e7 + 1.0], replicates=99)


def test_poisson_draws_of_a_function_count_every_person_by_itself() -> None:
    values = [1.0, 2.0, 4.0, 8.0]
    chance = np.random.default_rng(5)
    statistic = UserStatistic(function=weighted, rows=False)
    observed, found = statistic_replicates(
        group(values), statistic, np.ones(1), replicates=6, chance=np.random.default_rng(5), draw="poisson"
    )
    drawn = [chance.poisson(1.0, 4) for _ in range(6)]
    assert observed == 3.75
    assert found == pytest.approx([np.dot(values, times) / times.sum() for times in drawn])


def test_more_units_than_can_be_left_out_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.inference.bootstrap_groups._MOST_JACKKNIFED", 4)
    statistic = UserStatistic(function=weighted, rows=False)
    squares, _ = jackknife(group([1.0, 2.0, 4.0, 8.0]), statistic, np.ones(1))
    assert squares > 0.0
    with pytest.raises(InputError, match="done for up to 4 units of a group, got 5"):
        jackknife(group([1.0, 2.0, 4.0, 8.0, 9.0]), statistic, np.ones(1))


def test_a_studentised_interval_needs_variances() -> None:
    arms = Arms(top=1.0, base=0.5, tops=np.ones(3), bases=np.ones(3))
    with pytest.raises(InputError, match="needs the variance of every replicate"):
        pivots(arms, "studentised")


def test_the_end_of_a_lift_at_0_is_0() -> None:
    """No relative distance to 0 is ever small, so the halving ends by its count."""
    assert _end(lambda lift: lift > 0.0, 0.0, 1.0) == 0.0
    assert _end(lambda lift: lift > 0.25, 0.0, 1.0) == pytest.approx(0.25, rel=1e-11)


def outcomes(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"arm": np.tile(["sms", "full", "holdout"], 20), **columns})


def test_strata_without_two_units_of_both_arms_are_too_fine() -> None:
    frame = outcomes(value=np.arange(60.0), person=np.arange(60) // 3)
    with pytest.raises(DesignError, match=r"NO_COMMON_STRATUM.*no stratum holds two units of '(sms|full)'"):
        ex.randomisation_test(frame, "value", strata="person")


def test_a_cluster_of_a_third_arm_is_no_cluster_of_both() -> None:
    frame = outcomes(value=np.arange(60.0) ** 1.5, home=np.arange(60) % 12)
    frame["home"] = frame["arm"] + (np.arange(60) // 3 % 4).astype(str)
    joined = frame.assign(home=frame["home"].mask(frame["arm"] == "full", frame["home"].str.replace("full", "sms")))
    found = ex.randomisation_test(frame, "value", cluster="home", replicates=99)
    alone = ex.randomisation_test(frame[frame.arm != "full"], "value", cluster="home", replicates=99)
    assert found.p_value("sms") == alone.p_value("sms")
    with pytest.raises(InputError, match="clusters have persons of both arms"):
        ex.randomisation_test(joined.assign(arm=joined["arm"].replace("full", "holdout")), "value", cluster="home")


def test_a_ratio_over_nothing_cannot_be_drawn_again() -> None:
    frame = outcomes(value=np.arange(60.0), orders=1.0)
    frame.loc[frame.arm == "sms", "orders"] = 0.0
    found = {row["arm"]: row for row in ex.randomisation_test(frame, ex.Ratio("value", "orders"), seed=2).to_dicts()}
    assert "DENOMINATOR_NOT_POSITIVE" in found["sms"]["note"]
    assert found["full"]["note"] == ""


def test_values_that_are_no_numbers_are_named() -> None:
    with pytest.raises(InputError, match="must be numbers, one per person, got other objects"):
        ex.bootstrap(np.array([1.0, None, "x"], object), [1.0, 2.0, 3.0])


# --- looks -----------------------------------------------------------------------------------------


def test_a_sequence_is_printed_with_its_looks() -> None:
    found = ex.always_valid_sequence([0.1, 0.2], [0.1, 0.08], [500, 1_000], planned_n=1_000)
    assert "Always-valid intervals at 2 look(s), 95% for all of them together" in repr(found)
    assert "1,000" in repr(found)


def test_a_look_with_few_events_does_not_count() -> None:
    assert (few_events([9, 140], 10), few_events([10, 140], 10)) == ("LOOK_FEW_EVENTS", "")


def test_a_spending_function_whose_number_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"hsd\(x\)"):
        spending_from_text("hsd(x)")
    assert spending_from_text("hsd(-4)") == ("hsd", -4.0)


def test_an_estimate_without_a_standard_error_cannot_be_corrected() -> None:
    with pytest.raises(InputError, match="standard_error must be above 0, got 0"):
        ex.estimate_after_stopping(ex.spending_bounds(3), look=1, estimate=0.1, standard_error=0.0)


def test_one_look_at_a_high_level_is_the_ordinary_interval() -> None:
    """At 1 - 1e-9 the ends lie 6.1 standard errors away, further than the search looks at first."""
    found = ex.estimate_after_stopping(
        ex.spending_bounds(1, level=1.0 - 1e-9), look=1, estimate=1.0, standard_error=0.5
    )
    z = norm.isf(0.5e-9)
    assert (found.adjusted.low, found.adjusted.high) == pytest.approx((1.0 - 0.5 * z, 1.0 + 0.5 * z), rel=1e-6)


def test_nothing_to_spend_at_an_early_look_is_no_bound_of_futility() -> None:
    found = ex.futility_bounds(3, fractions=[0.0005, 0.5, 1.0], futility="obrien_fleming")
    assert found.futility[0] == -math.inf
    assert found.futility[2] == found.z[2]
    two = ex.futility_bounds(2, fractions=[0.5, 1.0], futility="obrien_fleming")
    assert found.futility[1:] == pytest.approx(two.futility, abs=1e-6)


def test_paths_that_cannot_come_so_far_in_one_step_have_no_mass() -> None:
    """From between 0 and 0.1 to 20 in a step of standard deviation 0.1: 199 standard deviations."""
    none = Walk.begin().step(0.5, 0.0, 0.1).step(0.51, 20.0, 25.0)
    assert (none.mass.tolist(), none.time) == ([0.0], 0.51)


def test_a_bound_that_never_settles_ends() -> None:
    """Twice the target is reached wherever one looks, so every step is log 2 / slope: a hundred of them."""

    class Restless:
        def above(self, time: float, place: float) -> float:
            return 0.05

        def slope(self, time: float, place: float) -> float:
            return 0.05

    start = norm.isf(0.025)
    assert solve_bound(Restless(), 1.0, 0.025) == pytest.approx(start + 100.0 * math.log(2.0), rel=1e-12)


@pytest.mark.parametrize(("call", "told"), [
    (lambda: ex.equivalence_rates(30, 100, 27, 90, margin=0.1, weights="x"), "weights must be one finite number"),
    (lambda: ex.gatekeeping([0.01], 0.2), "secondary must hold the p-values of every secondary metric, got 0.2"),
    (lambda: ex.gatekeeping([0.01], "x"), "secondary must hold the p-values of every secondary metric, got 'x'"),
    (lambda: ex.always_valid_sequence("x", [0.1], [9]), "difference must be a list of finite numbers"),
    (lambda: people_needed(ex.compare_means(1.0, 3.0, 40, 0.5, 3.0, 40).difference, 80, relevant_net="x"),
     "it must be finite and not 0, got 'x'"),
])  # fmt: skip
def test_what_is_no_number_is_refused_in_words(call, told):
    with pytest.raises(InputError, match=told):
        call()


def test_a_bootstrap_without_variance_above_a_base_of_nothing_says_both():
    found = ex.bootstrap([2.0, 2.0, 2.0], [0.0, 0.0], replicates=99).comparison
    assert (found.difference.note, found.relative.note) == ("ZERO_VARIANCE", "BASE_NOT_POSITIVE; ZERO_VARIANCE")


def test_the_fewest_replicates_leave_a_rank_below_the_error():
    """Two-sided at 0.9 with 19 replicates the smallest p-value is 2 / 20, which excludes nothing."""
    with pytest.raises(InputError, match="replicates must be at least 20 for"):
        ex.bootstrap([1.0, 2.0, 4.0], [2.0, 3.0, 7.0], replicates=19, level=0.9)
    assert ex.bootstrap([1.0, 2.0, 4.0], [2.0, 3.0, 7.0], replicates=20, level=0.9).replicates.size == 20


def test_arms_of_unlike_strata_are_refused_before_they_are_added():
    with pytest.raises(InputError, match="both arms must have the same strata, got 3 and 2 entries"):
        compare_stratified_means([1.0] * 3, [2.0] * 3, [9] * 3, [1.0] * 2, [2.0] * 2, [9] * 2)


def test_steps_down_without_loadings_are_those_of_independent_tests():
    """Holm's steps with Sidak's tails: 1 - (1 - p)^(tests left), never falling."""
    found = joint_tests([0.04, 0.03, 0.01], [60.0] * 3, None, level=0.95, step_down=True)
    assert [one.p_adjusted for one in found] == pytest.approx([1 - 0.97**2, 1 - 0.97**2, 1 - 0.99**3], rel=1e-12)
