"""Sample size, power, smallest effects: edges, refusals, designs, money, holdout, duration."""

from __future__ import annotations

import copy
import math
import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

import experiments as ex
from attribution import language
from experiments.design.planning.arms import dunnett_limit
from statistical.planning_designs import score_z

O = ex.PlanOptions  # noqa: E741


def test_the_contract_is_kept_to_the_letter():
    size = ex.sample_size_rates(0.2, 0.25, power=0.8, level=0.95, side="two", allocation=1.0, method="pooled")
    assert (size.control, size.treatment, size.total) == (1094, 1094, 2188)
    assert size.exact == pytest.approx(1093.739, abs=1e-3)
    assert isinstance(ex.power_rates(0.2, 0.25, 1094), float)
    means = ex.sample_size_means(1.0, 1.0, power=0.9, level=0.95, side="two", allocation=1.0)
    assert (means.control, means.treatment, means.total) == (23, 23, 46)


def test_the_formula_is_named():
    assert ex.sample_size_rates(0.2, 0.25, method="continuity").method == "continuity"
    assert ex.power_means(1.0, 1.0, 20).method == "welch t"
    options = O(arms=3, correction="dunnett", looks=4, reach=0.5)
    named = ex.power_rates(0.02, 0.03, 5000, options=options).method
    assert named == "pooled, 3 arms by dunnett, 4 looks by obrien_fleming, reach 0.5"
    assert repr(ex.Planned(0.25, "pooled", "a note")) == "0.25 (pooled; a note)"


def test_whole_persons_round_up_and_count_every_arm():
    size = ex.sample_size_rates(0.01, 0.013, allocation=9, options=O(arms=2, correction=None))
    assert size.control == math.ceil(size.exact)
    assert size.treatment == math.ceil(9 * size.exact)
    assert size.total == size.control + 2 * size.treatment
    exact = ex.sample_size_rates(0.2, 0.35, method="exact")
    assert exact.exact == exact.control


def test_numbers_of_numpy_and_pandas_serve_and_results_can_be_copied():
    power = ex.power_rates(0.2, 0.25, 1094)
    for copied in (copy.deepcopy(power), pickle.loads(pickle.dumps(power))):
        assert (copied, repr(copied)) == (power, repr(power))
    options = O(arms=np.int64(3), looks=np.array([0.5, 1.0]))
    plain = ex.sample_size_rates(0.2, 0.25, options=O(arms=3, looks=(0.5, 1.0)))
    assert ex.sample_size_rates(0.2, 0.25, options=options) == plain
    rows = ex.power_to_pay(0.02, np.array([0.03, 0.04]), pd.Series([1000, 2000]), value=85.0, cost=0.2).rows
    assert [(row.n, row.treatment) for row in rows] == [(1000, 0.03), (1000, 0.04), (2000, 0.03), (2000, 0.04)]
    assert ex.plan_duration(1000, pd.Series([300, 500, 400])).days == ex.plan_duration(1000, [300, 500, 400]).days
    assert ex.power_means(1.0, [1.0, 2.0], 20) == ex.power_means(1.0, (1.0, 2.0), 20)


def test_clusters_are_whole():
    options = O(icc=0.02, cluster_size=25, cluster_variation=0.5)
    size = ex.sample_size_means(0.2, 1.0, options=options)
    assert size.control == 25 * size.clusters_control
    assert size.treatment == 25 * size.clusters_treatment
    free = ex.sample_size_means(0.2, 1.0)
    assert size.exact > free.exact * (1 + (1.25 * 25 - 1) * 0.02)  # the design effect, and few degrees of freedom
    assert free.clusters_control is None


def test_persons_scale_with_the_square_of_reach_and_with_unexplained_variance():
    whole = ex.sample_size_means(0.1, 1.0).exact
    half = ex.sample_size_means(0.1, 1.0, options=O(reach=0.5)).exact
    assert half == pytest.approx(4 * whole, rel=1e-3)
    assert ex.sample_size_means(0.1, 1.0, options=O(covariates=0.4)).exact == pytest.approx(0.6 * whole, rel=1e-3)


def test_more_looks_and_more_arms_cost_persons():
    one = ex.sample_size_rates(0.05, 0.06).exact
    looks = [ex.sample_size_rates(0.05, 0.06, options=O(looks=k, spending="pocock")).exact for k in (2, 5, 10)]
    assert one < looks[0] < looks[1] < looks[2]
    arms = [ex.sample_size_rates(0.05, 0.06, options=O(arms=k, correction=c)).exact
            for k, c in ((3, "dunnett"), (3, "bonferroni"), (6, "holm"))]  # fmt: skip
    assert one < arms[0] < arms[1] < arms[2]


def test_dunnetts_level_agrees_with_scipy():
    assert dunnett_limit(1, level=0.95, side="two") == pytest.approx(1.959963984540054, abs=1e-9)
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    kept = stats.multivariate_normal(np.zeros(3), correlation, seed=np.random.default_rng(1)).cdf(
        np.full(3, dunnett_limit(3, level=0.95, side="greater"))
    )
    assert kept == pytest.approx(0.95, abs=2e-5)


def test_exact_power_is_a_sum_over_binomials():
    up = ex.power_rates(0.1, 0.4, 7, method="exact", allocation=2)
    total = 0.0
    for x1 in range(15):
        for x0 in range(8):
            p_value = ex.compare_rates(x1, 14, x0, 7).difference.p_value
            if p_value < 0.05 and x1 / 14 > x0 / 7:
                total += stats.binom.pmf(x1, 14, 0.4) * stats.binom.pmf(x0, 7, 0.1)
    assert up == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("method", ["pooled", "exact"])
def test_exact_persons_have_the_power_and_one_less_has_not(method):
    size = ex.sample_size_rates(0.02, 0.08, allocation=4, method=method)
    there = ex.power_rates(0.02, 0.08, size.control, allocation=4, method=method)
    before = ex.power_rates(0.02, 0.08, size.control - 1, allocation=4, method=method)
    assert before < 0.8 <= there


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: ex.sample_size_rates(0.2, 0.2), "must differ from what the null says"),
        (lambda: ex.sample_size_rates(20, 25), "For 20 % write 0.2"),
        (lambda: ex.sample_size_rates(0.2, 0.25, side="less"), "never finds an effect in the other direction"),
        (lambda: ex.sample_size_rates(0.2, 0.25, method="magic"), "method must be one of"),
        (lambda: ex.sample_size_rates(0.2, 0.25, power=0.01), "power must lie above"),
        (lambda: ex.sample_size_rates(0.2, 0.25, power=1.0), "power must lie above"),
        (lambda: ex.sample_size_rates(0.2, 0.25, allocation=0), "allocation=9"),
        (lambda: ex.sample_size_rates(0.2, math.nan), "finite"),
        (lambda: ex.sample_size_rates(0.2, 0.25, null=0.01, method="arcsine"), 'needs method="pooled"'),
        (lambda: ex.sample_size_rates(0.2, 0.25, method="exact", options=O(looks=3)), "one look"),
        (lambda: ex.power_rates(0.2, 0.25, 10.5, method="exact"), "whole number"),
        (lambda: ex.power_rates(0.2, 0.25, 10, method="exact", level=0.3, side="greater"), "0.5 or more"),
        (lambda: ex.power_rates(0.2, 0.25, 10**7, method="exact"), "tables"),
        (lambda: ex.power_rates(0.2, 0.25, 0), "at least 1"),
        (lambda: ex.detectable_rates(0.2, 3), "not even the largest"),
        (lambda: ex.detectable_rates(0.2, 100, method="exact"), "no inverse"),
        (lambda: ex.detectable_rates(0.2, 100, side="less", direction="up"), "can never find"),
        (lambda: ex.sample_size_means(0.0, 1.0), "must differ"),
        (lambda: ex.sample_size_means(1.0, 0.0), "std must lie above 0"),
        (lambda: ex.sample_size_means(1.0, (1.0, 2.0, 3.0)), "pair"),
        (lambda: ex.power_means(1.0, 1.0, 1), "two persons"),
        (lambda: O(arms=0), "arms must be"),
        (lambda: O(looks=(0.5, 0.4, 1.0)), "rising"),
        (lambda: O(looks=(0.5, 0.9)), "last being 1"),
        (lambda: O(cluster_size=5), "without icc"),
        (lambda: O(icc=1.5, reach=0.0, covariates=1.0), "3 problems"),
        (lambda: O(spending="linear"), "spending must be"),
        (lambda: ex.sample_size_equivalence_rates(0.1, 0.2, 0.05), "does not lie inside the margin"),
        (lambda: ex.sample_size_equivalence_means(0.0, 1.0, -1.0), "margin is the largest difference"),
        (lambda: ex.power_equivalence_means(0.0, 1.0, 0.5, 50, options=O(reach=0.5)), "full reach"),
        (lambda: ex.ratio_std(0.1, 0.0, numerator_std=1, denominator_std=1), "denominator_mean"),
        (lambda: ex.quantile_std(0.5, 0.0), "density"),
        (lambda: ex.sample_size_ranks(0.4, side="greater"), "no effect in the direction"),
        (lambda: ex.best_shares(costs={"sms": 1.0}), "must name the control"),
        (lambda: ex.power_to_pay(0.02, 0.03, 1000, value=5, cost=0.1, incentive=6), "eats the whole value"),
        (lambda: ex.sample_size_to_pay(0.02, 0.021, value=85, cost=0.2), "must not PASS"),
        (lambda: ex.power_to_pay(0.02, [], 1000, value=5, cost=0.1), "at least one number"),
        (lambda: ex.power_to_pay(0.02, 0.03, 1000, value=5, cost=0.1, options=O(looks=3)), "one look"),
        (lambda: ex.power_curve([0.1], [10]), "give either control"),
        (lambda: ex.plan_duration(1000, [100, 200]), "sum to 300 persons"),
        (lambda: ex.plan_duration(1000, 0), "some above 0"),
        (lambda: ex.optimal_holdout(1000, effect=(0.01, 0.0), horizon=10, control=0.1), "must lie above 0"),
        (lambda: ex.optimal_holdout(1000, effect=(0.01, 0.1), horizon=10), "either control"),
        (lambda: ex.optimal_holdout(1000, effect=(1, 1), horizon=10, std=3, value=2), "in money already"),
        (lambda: ex.optimal_holdout(1000, effect=(1, 1), horizon=10, control=0.1, value=0), "above 0"),
        (lambda: ex.optimal_holdout(1000, effect=(1, 1), horizon=9, control=0.1, relevant_net=5), "rate of 5.1"),
        (lambda: ex.optimal_holdout(1000, effect=0.1, horizon=10, control=0.1), "pair"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(call, told):
    with pytest.raises(ex.InputError, match=told):
        call()


def test_spreads_are_those_of_the_statistics():
    rng = np.random.default_rng(5)
    people, worlds = 400, 4000
    orders = rng.poisson(2.0, (worlds, people)) + 1.0
    money = 5.0 * orders + rng.normal(0.0, 4.0, (worlds, people))
    ratio = money.sum(axis=1) / orders.sum(axis=1)
    joint = np.corrcoef(money.ravel(), orders.ravel())[0, 1]
    told = ex.ratio_std(5.0, 3.0, numerator_std=money.std(), denominator_std=orders.std(), correlation=joint)
    assert ratio.std() * math.sqrt(people) == pytest.approx(told, rel=0.04)
    medians = np.median(rng.normal(size=(worlds, 401)), axis=1)
    assert medians.std() * math.sqrt(401) == pytest.approx(ex.quantile_std(0.5, stats.norm.pdf(0.0)), rel=0.04)
    assert ex.count_std(0.4, dispersion=2.0) == pytest.approx(math.sqrt(stats.nbinom(0.5, 0.5 / 0.9).var()))


def test_best_shares_have_the_smallest_variance_for_the_money():
    costs = {"holdout": 0.4, "sms": 0.1, "phone": 2.5}
    shares = ex.best_shares(costs=costs)

    def variance(weights):
        parts = np.exp(weights) / np.exp(weights).sum()
        budget = parts @ list(costs.values())
        return (2.0 / parts[0] + 1.0 / parts[1] + 1.0 / parts[2]) * budget

    found = optimize.minimize(variance, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    best = np.exp(found.x) / np.exp(found.x).sum()
    assert np.allclose(best, list(shares.values()), atol=1e-5)


def test_the_verdict_is_planned_like_a_null_difference():
    plan = ex.power_to_pay(0.02, 0.026, 8000, value=85.0, cost=0.2, allocation=4)
    same = ex.power_rates(0.02, 0.026, 8000, allocation=4, null=0.2 / 85.0, side="greater", level=0.975)
    assert plan.rows[0].chance_pass == pytest.approx(float(same), abs=1e-9)
    row = plan.rows[0]
    assert row.chance_pass + row.chance_fail + row.chance_inconclusive == pytest.approx(1.0)
    again = ex.power_to_pay(0.02, row.smallest_rate, 8000, value=85.0, cost=0.2, allocation=4).rows[0]
    assert again.chance_pass == pytest.approx(0.8, abs=1e-9)
    assert again.net_benefit == pytest.approx(row.smallest_net, rel=1e-9)


def test_incentives_and_few_events_count():
    plan = ex.power_to_pay(0.02, 0.04, 500, value=85.0, cost=0.2, incentive=10.0)
    assert plan.break_even == pytest.approx((0.2 + 85 * 0.02) / 75)
    assert plan.rows[0].chance_few == pytest.approx(
        1 - stats.binom.sf(19, 500, 0.02) * stats.binom.sf(19, 500, 0.04), abs=1e-10
    )
    assert ex.power_to_pay(0.02, 0.04, 100, value=85.0, cost=0.2).rows[0].chance_pass < 1e-6
    assert ex.power_to_pay(0.001, 0.5, 30, value=1.0, cost=0.9).rows[0].smallest_net is None
    size = ex.sample_size_to_pay(0.02, 0.03, value=85.0, cost=0.2)
    assert ex.power_to_pay(0.02, 0.03, size.exact, value=85.0, cost=0.2).rows[0].chance_pass == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("control", "treatment", "n", "allocation"),
    [(0.01, 0.015, 2500, 9), (0.02, 0.035, 1000, 9), (0.01, 0.004, 2500, 9), (0.05, 0.09, 400, 1)],
)
def test_few_events_and_a_pass_are_told_together(control, treatment, n, allocation):
    """A control with few events is one with a low rate: multiplying the two chances would promise 16 % for 6 %."""
    value, cost, size = 85.0, 0.2, n * allocation
    hits = np.arange(int(stats.binom.isf(1e-9, size, treatment)) + 1)[:, None]
    control_hits = np.arange(int(stats.binom.isf(1e-9, n, control)) + 1)[None, :]
    chance = stats.binom.pmf(hits, size, treatment) * stats.binom.pmf(control_hits, n, control)
    z = score_z(hits, size, control_hits, n, cost / value)
    enough = (hits >= 20) & (control_hits >= 20)
    row = ex.power_to_pay(control, treatment, n, value=value, cost=cost, allocation=allocation).rows[0]
    assert row.chance_pass == pytest.approx(chance[enough & (z > 1.959963984540054)].sum(), abs=0.02)
    assert row.chance_fail == pytest.approx(chance[enough & (z < -1.959963984540054)].sum(), abs=0.02)
    assert row.chance_few == pytest.approx(1.0 - chance[enough].sum(), abs=1e-8)


@pytest.mark.parametrize(("control", "treatment"), [(0.05, 0.035), (0.05, 0.07)])
def test_clustered_rates_are_planned_like_the_test_that_reads_them(control, treatment):
    """The readout of clusters estimates both variances; the score test's formula is farther off."""
    clusters, persons, icc, worlds = (200, 1800), 10, 0.02, 2000
    rng = np.random.default_rng(3)
    shape = (1.0 - icc) / icc
    drawn = []
    for rate, groups in zip((control, treatment), clusters, strict=True):
        own = rng.beta(rate * shape, (1.0 - rate) * shape, (worlds, groups))
        drawn.append(rng.binomial(persons, own) / persons)
    means, parts = zip(*((one.mean(axis=1), one.var(axis=1, ddof=1) / one.shape[1]) for one in drawn), strict=True)
    t = (means[1] - means[0]) / np.sqrt(parts[0] + parts[1]) * np.sign(treatment - control)
    found = int((t > stats.t.isf(0.025, 210)).sum())
    options = O(icc=icc, cluster_size=persons)
    claimed = ex.power_rates(control, treatment, clusters[0] * persons, allocation=9, options=options)
    assert claimed.method == "unpooled, clusters"
    assert found / worlds == pytest.approx(float(claimed), abs=0.035)
    assert ex.power_rates(control, treatment, 2000, options=O(covariates=0.2)).method.startswith("unpooled")


def test_a_profit_is_planned_for_arms_and_clusters():
    given = {"value": 85.0, "cost": 0.2, "allocation": 4}
    arms = ex.power_to_pay(0.05, 0.06, 6000, options=O(arms=3, correction="holm"), **given).rows[0].chance_pass
    alone = ex.power_to_pay(0.05, 0.06, 6000, level=1.0 - 0.05 / 3.0, **given).rows[0].chance_pass
    assert arms == pytest.approx(alone, abs=1e-12)
    assert ex.sample_size_to_pay(0.05, 0.06, options=O(arms=3), **given).total > ex.sample_size_to_pay(
        0.05, 0.06, **given
    ).total  # fmt: skip
    options = O(icc=0.02, cluster_size=25)
    clustered = ex.power_to_pay(0.05, 0.06, 6000, options=options, **given).rows[0].chance_pass
    same = ex.power_rates(0.05, 0.06, 6000, allocation=4, null=0.2 / 85.0, side="greater", level=0.975, options=options)
    assert clustered == pytest.approx(float(same), abs=2e-3)
    size = ex.sample_size_to_pay(0.05, 0.06, options=options, **given)
    assert size.control == 25 * size.clusters_control
    assert size.method == "linearised net benefit, clusters"


@pytest.mark.parametrize("decision", ["expected", "verdict"])
def test_the_value_of_a_holdout_is_the_integral_over_effects_and_results(decision):
    persons, horizon, mean, spread, std, cost = 5_000, 40_000, 0.3, 0.5, 12.0, 0.1
    found = ex.optimal_holdout(
        persons, effect=(mean, spread), horizon=horizon, std=std, cost=cost, decision=decision, shares=[0.2]
    )
    point = next(one for one in found.points if one.share == 0.2)
    net = mean - cost
    error = std * math.sqrt((1 / 0.2 + 1 / 0.8) / persons)
    least = 1.959963984540054 * error
    if decision == "expected":
        least = -net * error**2 / spread**2
    value, _ = integrate.quad(
        lambda d: d * stats.norm.pdf(d, net, spread) * stats.norm.sf(least, d, error),
        net - 9 * spread,
        net + 9 * spread,
    )
    assert point.information == pytest.approx(horizon * (value - net), rel=1e-6)
    assert point.given_up == pytest.approx(0.2 * persons * net)
    grid = np.linspace(0.001, 0.9, 2000)
    many = ex.optimal_holdout(
        persons, effect=(mean, spread), horizon=horizon, std=std, cost=cost, decision=decision, shares=grid
    )
    assert many.best.value >= max(one.value for one in many.points) - 1e-9


def test_the_smallest_holdout_has_the_power():
    found = ex.optimal_holdout(
        60_000, effect=(0.004, 0.004), horizon=500_000, control=0.02, value=85.0, cost=0.2, relevant_net=0.3
    )
    assert found.smallest.power == pytest.approx(0.8, abs=1e-9)
    share = found.smallest.share
    row = ex.power_to_pay(
        0.02, 0.02 + (0.3 + 0.2) / 85.0, share * 60_000, value=85.0, cost=0.2, allocation=(1.0 - share) / share
    ).rows[0]
    assert row.net_benefit == pytest.approx(0.3)
    assert row.chance_pass == pytest.approx(0.8, abs=1e-9)
    assert found.best.share != found.smallest.share
    none = ex.optimal_holdout(600, effect=(0.004, 0.004), horizon=5, control=0.02, value=85.0, relevant_net=0.3)
    assert none.smallest is None
    assert "No holdout of these persons" in repr(none)


def test_a_campaign_expected_to_lose_is_held_against_sending_to_nobody():
    found = ex.optimal_holdout(1000, effect=(-0.01, 0.05), horizon=100_000, control=0.1, shares=[0.2])
    point = next(one for one in found.points if one.share == 0.2)
    assert point.given_up == pytest.approx(0.8 * 1000 * 0.01)  # what the treated lose
    assert found.best.share > 0.5
    assert 0.0 < found.best.value < found.best.information
    assert "sent to nobody" in repr(found)
    mirror = ex.optimal_holdout(1000, effect=(0.01, 0.05), horizon=100_000, control=0.1, shares=[0.8])
    other = next(one for one in mirror.points if one.share == 0.8)
    # whoever is expected to gain and whoever is expected to lose pay alike for the same split
    assert other.given_up == pytest.approx(point.given_up)
    assert other.information == pytest.approx(point.information)


@pytest.mark.parametrize("decision", ["expected", "verdict"])
def test_the_value_of_information_is_that_of_simulated_campaigns(decision):
    persons, horizon, share, value, cost = 20_000, 100_000, 0.2, 85.0, 0.2
    found = ex.optimal_holdout(
        persons, effect=(0.003, 0.004), horizon=horizon, control=0.02, value=value, cost=cost, shares=[share],
        decision=decision,
    )  # fmt: skip
    point = next(one for one in found.points if one.share == share)
    rng = np.random.default_rng(11)
    held, worlds = int(persons * share), 20_000
    effect = rng.normal(0.003, 0.004, worlds)
    control_hits = rng.binomial(held, 0.02, worlds)
    hits = rng.binomial(persons - held, np.clip(0.02 + effect, 0.0, 1.0))
    net = value * effect - cost
    if decision == "verdict":
        go = score_z(hits, persons - held, control_hits, held, cost / value) > 1.959963984540054
    else:
        seen = value * (hits / (persons - held) - control_hits / held) - cost
        share_seen = (value * 0.004) ** 2 / ((value * 0.004) ** 2 + point.standard_error**2)
        go = found.net + share_seen * (seen - found.net) > 0.0
    worth = np.where(go, net, 0.0)
    error = horizon * worth.std() / math.sqrt(worlds)
    assert point.information == pytest.approx(horizon * (worth.mean() - found.net), abs=4.0 * error)


def test_a_verdict_without_events_brings_no_information():
    options = {"effect": (0.004, 0.004), "horizon": 500_000, "control": 0.002, "value": 85.0, "cost": 0.2}
    found = ex.optimal_holdout(60_000, decision="verdict", shares=[0.01, 0.3], **options)
    few, many = (next(one for one in found.points if one.share == share) for share in (0.01, 0.3))
    assert few.information == pytest.approx(-500_000 * found.net, rel=1e-6)  # 1 event: no PASS, nothing is sent
    assert many.information > 0.0
    money = ex.optimal_holdout(60_000, effect=(0.3, 0.3), horizon=500_000, std=4.0, relevant_net=0.1, level=0.8)
    limit, error = 1.2815515655446004, money.smallest.standard_error
    assert stats.norm.sf(limit - 0.1 / error) == pytest.approx(0.8, abs=1e-9)


def test_days_are_counted_person_by_person():
    arrivals = [100, 0, 250, 400, 50]
    plan = ex.plan_duration(600, arrivals, every="1d", window="7d", lag="1d", start=date(2026, 1, 1), looks=3)
    days = np.repeat(np.arange(5), arrivals) + np.concatenate([(np.arange(n) + 1) / n for n in arrivals if n])
    for look, persons in zip(plan.looks, (200, 400, 600), strict=True):
        assert look.persons == persons
        assert look.days == pytest.approx(days[persons - 1] + 8.0)
        assert look.reading_on == date(2026, 1, 1 + math.ceil(look.days))
    assert plan.days == plan.looks[-1].days
    blast = ex.plan_duration(1000, [1000], window="28d")
    assert blast.looks[0].reading_on is None
    assert blast.days == 29.0


def test_results_are_tables_and_print_in_both_languages():
    results = [
        ex.optimal_holdout(1000, effect=(0.01, 0.01), horizon=1000, control=0.1),
        ex.power_to_pay(0.02, [0.025, 0.03], [1000, 5000], value=85.0, cost=0.2),
        ex.plan_duration(1000, 100, looks=2),
        ex.power_curve([0.01, 0.02], [1000, 2000], control=0.05),
        ex.power_curve([1.0], [100], std=4.0, allocation=2),
    ]
    for result in results:
        assert len(result.table()) == len(result.to_dicts()) > 0
        english = repr(result)
        with language("zh"):
            assert repr(result) != english
            assert "\u4e00" <= max(repr(result)) <= "\uffff"
        assert "nan" not in english
