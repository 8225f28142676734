"""Numbers of the thresholds at the corners of their formulas, each worked out a second way."""

from __future__ import annotations

import itertools
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import experiments as ex
from adjustment_cases import case
from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import Estimate
from experiments.inference.tails import signed_z
from experiments.roi import acceptability
from experiments.roi.allocation import Choice, _slope, ladder
from experiments.roi.arms import ArmCosts, _variance
from experiments.roi.break_even import _share_of
from experiments.roi.budget import _common
from experiments.roi.constrained import constrained_pair
from experiments.roi.contrast_figures import net_of
from experiments.roi.contrasts import ContrastCosts
from experiments.roi.cross_value import _split, _taken
from experiments.roi.money_kernel import both
from experiments.roi.monitor_plan import Seen
from experiments.roi.monitor_thresholds import seen_at
from experiments.roi.net_benefit import net_benefit
from experiments.roi.undecided import crossings, shape_of
from experiments.roi.value import _merged, _shaped, value_line
from experiments.roi.waterfall import _Leak


@pytest.mark.parametrize(
    ("lift", "share"),
    [(None, None), (math.inf, 1.0), (0.25, 0.2), (1.0, 0.5), (-0.5, -1.0), (0.0, 0.0), (-1.0, -math.inf)],
)
def test_a_lift_as_the_share_of_the_treated_rate_that_the_campaign_caused(lift, share):
    """1 - p0 / p1 with p1 / p0 = 1 + lift."""
    assert _share_of(lift) == (share if share is None else pytest.approx(share))


def test_the_deviate_of_an_estimate_is_that_of_its_two_sided_p_value():
    for value, p in ((0.7, 0.03), (-0.7, 0.03), (0.7, 1.0)):
        given = Estimate(value=value, p_value=p, standard_error=5.0)
        assert signed_z(given) == pytest.approx(math.copysign(norm.isf(0.5 * p), value), abs=1e-12)
    assert signed_z(Estimate(value=80.0, p_value=0.0, standard_error=2.0)) == 40.0
    assert signed_z(Estimate(value=-80.0, p_value=0.0)) == pytest.approx(norm.ppf(0.5e-300), rel=1e-12)
    assert signed_z(Estimate(value=0.0, p_value=1.0)) == 0.0
    assert signed_z(Estimate(value=1.0)) is None
    assert signed_z(Estimate(value=None, p_value=0.2)) is None


@pytest.mark.parametrize("z", [-3.0, -0.4, 0.0, 1.7, 4.0])
def test_the_deviate_of_a_one_sided_estimate_is_read_on_its_side(z):
    """One statistic, its three p-values: each gives the statistic back."""
    assert signed_z(Estimate(value=z, p_value=norm.sf(z), side="greater")) == pytest.approx(z, abs=1e-9)
    assert signed_z(Estimate(value=z, p_value=norm.cdf(z), side="less")) == pytest.approx(z, abs=1e-9)
    assert signed_z(Estimate(value=z, p_value=2 * norm.sf(abs(z)))) == pytest.approx(z, abs=1e-9)


def test_a_one_sided_p_value_without_digits_leaves_the_estimate_in_its_standard_errors():
    assert signed_z(Estimate(value=-30.0, p_value=1.0, side="greater", standard_error=2.0)) == -15.0
    assert signed_z(Estimate(value=-30.0, p_value=0.0, side="less", standard_error=2.0)) == -15.0
    assert signed_z(Estimate(value=-30.0, p_value=1.0, side="greater")) == pytest.approx(norm.ppf(1e-15), rel=1e-2)


def likelihood(pair, rates):
    total = 0.0
    for (events, persons), rate in zip(pair, rates, strict=True):
        for count, share in ((events, rate), (persons - events, 1.0 - rate)):
            total += count * math.log(share) if count else 0.0
    return total


@pytest.mark.parametrize("pair", [((30, 1000), (10, 500)), ((0, 40), (3, 50)), ((40, 40), (45, 50)), ((7, 9), (0, 12))])
@pytest.mark.parametrize(
    "slopes", [(60.0, 60.0), (3.0, 1.0), (1.0, 3.0), (-2.0, 1.0), (1.0, -2.0), (4.0, 0.0), (0.0, 2.0)]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_constrained_rates_are_the_best_on_a_fine_grid_of_the_line(pair, slopes, share):
    """The target runs from one corner of the unit square to the other; the grid walks along the line inside it."""
    corners = [slopes[0] * p1 - slopes[1] * p0 for p1 in (0, 1) for p0 in (0, 1)]
    target = min(corners) + share * (max(corners) - min(corners))
    p1, p0 = constrained_pair(*pair, slopes, target)
    assert 0.0 <= p1 <= 1.0
    assert 0.0 <= p0 <= 1.0
    if slopes[0] and slopes[1]:
        assert slopes[0] * p1 - slopes[1] * p0 == pytest.approx(target, abs=1e-9)
    best = -math.inf
    for step in np.linspace(1e-6, 1.0 - 1e-6, 4001):
        rates = (step, (slopes[0] * step - target) / slopes[1]) if slopes[1] else (target / slopes[0], step)
        if 0.0 < rates[1] < 1.0:
            best = max(best, likelihood(pair, rates))
    inside = [min(max(rate, 1e-300), 1.0 - 1e-16) for rate in (p1, p0)]
    assert likelihood(pair, inside) >= best - 1e-9 * abs(best)


def test_equal_slopes_and_no_gap_pool_the_rates_and_no_slopes_leave_them():
    assert constrained_pair((30, 1000), (10, 500), (2.0, 2.0), 0.0) == pytest.approx((40 / 1500, 40 / 1500), rel=1e-13)
    assert constrained_pair((30, 1000), (10, 500), (0.0, 0.0), 0.0) == (0.03, 0.02)
    assert constrained_pair((30, 1000), (10, 500), (1.0, 1.0), 5.0) == (1.0, 0.0)
    assert constrained_pair((30, 1000), (10, 500), (1.0, 1.0), -5.0) == (0.0, 1.0)


def test_crossings_are_the_roots_of_a_polynomial_also_where_points_hit_them():
    def gap(x):
        return 1.0 if math.isinf(x) else (x - 1.0) * (x - 3.0) * (x - 40.0)

    assert crossings(gap, [0.0, 2.0, 5.0, 50.0, math.inf]) == pytest.approx([1.0, 3.0, 40.0], rel=1e-14)
    assert crossings(gap, [0.0, 2.0, 5.0, math.inf]) == pytest.approx([1.0, 3.0, 40.0], rel=1e-14)
    assert crossings(gap, [0.0, 1.0, 2.0, 3.0, 5.0]) == pytest.approx([1.0, 3.0], rel=1e-14)
    assert crossings(gap, [4.0, 5.0, 6.0]) == []
    never = [0.0, 1.0, math.inf]
    assert crossings(lambda x: 0.0 if math.isinf(x) else 1.0 / (1.0 + x), never) == []


@pytest.mark.parametrize(
    ("roots", "inside", "shape"),
    [
        ([1.0, 3.0], [(1, 3)], ("interval", 1.0, 3.0)),
        ([2.0], [(2, math.inf)], ("interval", 2.0, math.inf)),
        ([2.0], [(0, 2)], ("interval", 0.0, 2.0)),
        ([], [(0, math.inf)], ("all", 0.0, math.inf)),
        ([], [], ("complement", -math.inf, math.inf)),
        ([1.0, 3.0], [(0, 1), (3, math.inf)], ("complement", 1.0, 3.0)),
        ([1.0, 2.0, 5.0, 9.0], [(0, 1), (2, 5), (9, math.inf)], ("complement", 5.0, 9.0)),
        ([1.0, 2.0, 5.0, 9.0], [(1, 2), (5, 9)], ("interval", 1.0, 9.0)),
        ([1.0, 2.0], [(0, 1), (1, 2), (2, math.inf)], ("all", 0.0, math.inf)),
    ],
)
def test_undecided_pieces_take_the_smallest_shape_that_holds_them(roots, inside, shape):
    def gap(x):
        return -1.0 if any(low <= x <= high for low, high in inside) else 1.0

    assert shape_of(gap, roots) == shape


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], ("complement", -math.inf, math.inf)),
        ([(1.0, 2.0), (4.0, 7.0)], ("interval", 1.0, 7.0)),
        ([(-math.inf, 2.0)], ("interval", -math.inf, 2.0)),
        ([(3.0, math.inf)], ("interval", 3.0, math.inf)),
        ([(-math.inf, math.inf)], ("all", -math.inf, math.inf)),
        ([(-math.inf, 1.0), (2.0, 3.0), (9.0, math.inf)], ("complement", 3.0, 9.0)),
    ],
)
def test_pieces_of_values_take_the_smallest_shape_that_holds_them(pieces, expected):
    made = _shaped(pieces, 0.9)
    assert (made.kind, made.low, made.high) == expected
    assert (made.value, made.level) == (None, 0.9)


def test_pieces_that_touch_are_one():
    assert _merged([(4.0, 5.0), (1.0, 3.0), (2.0, 2.5), (5.0, 6.0)]) == [(1.0, 3.0), (4.0, 6.0)]
    assert _merged([]) == []


def test_a_rule_with_a_code_too_large_for_some_persons_is_refused():
    rng = np.random.default_rng(2)
    data = ex.CrossData(net=rng.normal(size=60), arm=np.tile([0, 1, 2], 20), unit=np.arange(60))
    for wrong in (3, -1):

        def rule(learn, held, wrong=wrong):
            return np.where(np.arange(len(held)) == 0, wrong, 0)

        with pytest.raises(InputError, match="one arm code"):
            ex.cross_value(data, rule, folds=3, splits=1)


def contrast():
    costs = {"cost_mean_woken": 5.0, "cost_mean_other": 0.5, "cost_variance_woken": 4.0, "cost_variance_other": 0.25}
    treated, untreated = ArmCosts(n=4000, woken=400, **costs), ArmCosts(n=2000, woken=100, **costs)
    return ContrastCosts(
        arm="sms", control="none", segment=None, treated=(treated,), untreated=(untreated,), weights=(1.0,)
    )


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_a_look_shows_every_net_benefit_that_its_bound_does_not_reject(side):
    made = seen_at(contrast(), 30.0, 2.5, side)
    plain = net_of(contrast(), 30.0, level=0.95)
    level = 1.0 - norm.sf(2.5) * (2.0 if side == "two" else 1.0)
    wanted = net_of(contrast(), 30.0, level=level, side=side)
    assert made.net == plain.value
    assert (made.low, made.high) == pytest.approx((wanted.low, wanted.high), rel=1e-12)
    assert made.z == pytest.approx(norm.isf(0.5 * plain.p_value), rel=1e-12)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_a_bound_beyond_every_level_is_met_by_the_straight_line(side):
    """At z = 50 no level can be written down: value -+ bound x (value / z)."""
    plain = net_of(contrast(), 30.0, level=0.95)
    error = plain.value / norm.isf(0.5 * plain.p_value)
    made = seen_at(contrast(), 30.0, 50.0, side)
    assert made.low == (-math.inf if side == "less" else pytest.approx(plain.value - 50.0 * error, rel=1e-9))
    assert made.high == (math.inf if side == "greater" else pytest.approx(plain.value + 50.0 * error, rel=1e-9))
    unknown = seen_at(contrast(), 30.0, None, side)
    assert (unknown.net, unknown.low, unknown.high) == (plain.value, None, None)


def test_the_ladder_of_a_segment_is_its_concave_hull_after_what_costs_nothing():
    prices = {1: (-2.0, 3.0), 2: (4.0, 9.0), 3: (6.0, 9.5), 4: (8.0, 12.5), 5: (9.0, 12.0), 6: (0.0, 1.0)}
    choices = [Choice(segment=7, arm=arm, cost=cost, value=value) for arm, (cost, value) in prices.items()]
    steps = [(one.segment, one.before, one.arm, one.cost, one.value) for one in ladder(choices)]
    assert steps == [(7, 0, 1, -2.0, 3.0), (7, 1, 2, 6.0, 6.0), (7, 2, 4, 4.0, 3.5)]
    assert ladder([]) == []
    assert ladder([Choice(segment=0, arm=1, cost=5.0, value=-1.0)]) == []


@pytest.mark.parametrize("folds", [2, 3, 4])
def test_what_folds_share_is_what_their_rules_lose_without_each_other(folds):
    """Person by person: the value under the rule that saw all other folds, less that under one that saw neither."""
    rng = np.random.default_rng(folds)
    arm = rng.integers(0, 3, 90)
    net = rng.normal(size=90) + 0.8 * arm
    given = ex.CrossData(net=net, arm=arm, unit=np.arange(90), shares=np.tile([0.2, 0.3, 0.5], (90, 1)))
    data = _taken(given, np.arange(90))
    fold = np.arange(90) % folds

    def rule(learn, held):
        return np.full(len(held), int(np.argmax([net[learn][arm[learn] == one].mean() for one in range(3)])))

    def worth(person, learn):
        means = [net[learn][arm[learn] == one].mean() for one in range(3)]
        best = int(np.argmax(means))
        away = (net[person] - means[arm[person]]) / (0.2, 0.3, 0.5)[arm[person]]
        return means[best] - means[0] + away * (int(arm[person] == best) - int(arm[person] == 0))

    score = [worth(person, np.flatnonzero(fold != fold[person])) for person in range(90)]
    shared = 0.0
    for pair in itertools.combinations(range(folds), 2) if folds > 2 else ():
        others = np.flatnonzero(~np.isin(fold, pair))
        lost = [sum(score[i] - worth(i, others) for i in np.flatnonzero(fold == one)) / 90 for one in pair]
        shared += 2.0 * lost[0] * lost[1]
    value, error, found = _split(data, (rule, None), fold)
    assert value == pytest.approx(np.mean(score), rel=1e-12)
    assert error == pytest.approx(np.std(score, ddof=1) / math.sqrt(90), rel=1e-12)
    assert found == pytest.approx(shared, rel=1e-12, abs=1e-18)


def test_both_readings_exclude_what_each_of_them_does():
    one = Estimate(value=1.0, low=0.2, high=1.7, p_value=0.01, standard_error=0.4, method="welch")
    other = Estimate(value=1.0, low=0.1, high=1.6, p_value=0.03, standard_error=0.5, method="pooled")
    made = both(one, other)
    assert (made.value, made.low, made.high, made.p_value, made.standard_error) == (1.0, 0.1, 1.7, 0.03, 0.5)
    assert made.method == "welch and pooled"
    none = Estimate(value=1.0, note="ZERO_VARIANCE")
    assert both(none, other) is none
    lost = both(one, none)
    assert (lost.value, lost.low, lost.high, lost.p_value, lost.note) == (1.0, None, None, None, "ZERO_VARIANCE")


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_of_a_leakage_follows_from_its_derivatives(level):
    """value = sum of weight x incentive x p0 / p1 in each stratum, on the scale of logarithms."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"arm": np.tile(["a", "b"], 400), "s": np.repeat(["n", "s"], [300, 500])})
    frame["woken"] = (rng.random(800) < np.where(frame.arm == "b", 0.4, 0.25)).astype(float)
    frame["paid"] = frame.woken * rng.uniform(1.0, 9.0, 800)
    grid = case(frame, y="paid", bottom="woken", strata=["s"]).grid
    weights = np.array([0.3, 0.7])
    value = variance = 0.0
    for weight, (_, stratum) in zip(weights, frame.groupby("s"), strict=True):
        a, b = (stratum[stratum.arm == name] for name in "ab")
        paid, p1, p0 = b.paid.mean(), b.woken.mean(), a.woken.mean()
        value += weight * paid * p0 / p1
        slope = np.array([p0 / p1, -paid * p0 / p1**2])
        variance += weight**2 * slope @ np.cov(b.paid, b.woken) @ slope / len(b)
        variance += weight**2 * (paid / p1) ** 2 * a.woken.var() / len(a)
    leak = _Leak(grid=grid, weights=weights, arm=1, control=0, clusters=None)
    assert leak.value() == pytest.approx(value, rel=1e-12)
    reach = norm.isf(0.5 - level / 2.0) * math.sqrt(variance) / value
    found = leak.interval(leak.value(), 1e9, level=level)
    assert found == pytest.approx((value * math.exp(-reach), value * math.exp(reach)), rel=1e-10)
    assert leak.interval(leak.value(), value, level=level)[1] == pytest.approx(value)
    assert leak.interval(0.0, 0.0, level=level) == (0.0, 0.0)


def test_persons_are_compared_where_their_stratum_holds_every_arm():
    cell, arm = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 1, 0, 1])
    assert _common(cell, arm, 2).tolist() == [0, 1, 4, 5, 6]
    with pytest.raises(DesignError, match="NO_COMMON_STRATUM: no stratum of any segment"):
        _common(np.array([0, 1]), np.array([0, 1]), 2)


def spending():
    """Two regions with both arms and one without a control; costs in a column of their own name."""
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"arm": np.tile(["none", "sms"], 600), "region": np.repeat(["n", "s", "w"], 400)})
    frame = frame[(frame.region != "w") | (frame.arm == "sms")].reset_index(drop=True)
    frame["woken"] = (rng.random(len(frame)) < np.where(frame.arm == "sms", 0.3, 0.1)).astype(int)
    frame["incentive_cost"] = frame.woken * rng.uniform(5.0, 9.0, len(frame)) * (frame.arm == "sms")
    frame["touch_cost"], frame["fixed_cost"] = 0.1 * (frame.arm == "sms"), 0.0
    frame["spent"] = frame.touch_cost + frame.incentive_cost
    frame["person_id"] = np.arange(len(frame))
    return frame


def test_the_waterfall_leaves_out_a_stratum_without_one_of_the_arms():
    frame = spending().rename(columns={"spent": "cost"})
    design = ex.Experiment({"woken": ex.Rate("woken")}, strata="region", control="none")
    whole, without = (
        ex.cost_thresholds(table, thresholds=[60], experiment=design).waterfall().to_dicts()
        for table in (frame, frame[frame.region != "w"])
    )
    assert whole == without
    assert {row["part"] for row in whole} >= {"incentive_natural", "total"}


def test_marginal_costs_read_the_column_that_they_are_told_to():
    frame = spending()
    frame = frame[frame.region != "w"]
    design = ex.Experiment({"woken": ex.Rate("woken")}, control="none")
    named = ex.marginal_costs(frame, experiment=design, cost="spent")
    plain = ex.marginal_costs(frame.rename(columns={"spent": "cost"}), experiment=design)
    assert named.to_dicts() == plain.to_dicts()
    (row,) = plain.to_dicts()
    means = frame.groupby("arm")[["spent", "woken"]].mean()
    step = (means.loc["sms"] - means.loc["none"]).to_dict()
    assert row["cost_per_incremental"] == pytest.approx(step["spent"] / step["woken"], rel=1e-9)


def test_one_person_has_no_variance_and_borrows_the_partners_or_the_pooled_one():
    assert _variance([(3, 5.0), (4, 2.0)]) == 5.0
    assert _variance([(1, 5.0), (4, 2.0)]) == 2.0
    assert _variance([(1, 9.0), (0, 9.0), (3, 4.0), (5, 1.0), (1, 7.0)]) == pytest.approx((2 * 4.0 + 4 * 1.0) / 6)
    assert _variance([(1, 9.0), (1, 9.0), (1, 7.0)]) == 0.0


@pytest.mark.parametrize("figures", [net_of, acceptability.net_of])
@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("variance", ["score", "plugin"])
def test_the_net_benefit_of_a_contrast_is_that_of_its_arms(figures, side, variance):
    one = contrast()
    more = {"cost_mean_other": 0.2, "cost_variance_woken": 1.0, "cost_variance_other": 0.5}
    small = (
        ArmCosts(n=900, woken=180, cost_mean_woken=8.0, **more),
        ArmCosts(n=800, woken=20, cost_mean_woken=1.0, **more),
    )
    arms = [(*one.treated, small[0]), (*one.untreated, small[1])]
    both_strata = ContrastCosts(
        arm="sms", control="none", segment=None, treated=arms[0], untreated=arms[1], weights=(0.8, 0.2)
    )
    wanted = net_benefit(*arms, 30.0, weights=(0.8, 0.2), level=0.8, side=side, variance=variance)
    found = figures(both_strata, 30.0, level=0.8, side=side, variance=variance)
    assert (found.value, found.low, found.high, found.p_value) == (
        wanted.value,
        wanted.low,
        wanted.high,
        wanted.p_value,
    )
    assert (found.level, found.side) == (0.8, side)
    value = sum(
        weight * ((t.woken / t.n - c.woken / c.n) * 30.0 - spent(t) + spent(c))
        for weight, t, c in zip((0.8, 0.2), *arms, strict=True)
    )
    assert found.value == pytest.approx(value, rel=1e-12)


def spent(arm):
    share = arm.woken / arm.n
    return share * arm.cost_mean_woken + (1.0 - share) * arm.cost_mean_other


def test_the_recipe_names_how_units_were_assigned():
    frame = spending().rename(columns={"spent": "cost"})
    frame = frame[frame.region != "w"].assign(household=lambda table: np.arange(len(table)) // 2 % 200)
    frame["arm"] = np.where(frame.household % 2 == 0, "none", "sms")
    persons = ex.Experiment({"woken": ex.Rate("woken")}, control="none")
    households = ex.Experiment({"woken": ex.Rate("woken")}, control="none", cluster="household")
    named = [ex.cost_thresholds(frame, thresholds=[60], experiment=one).recipe for one in (persons, households)]
    assert [one.definitions[0] for one in named] == ["NET_BENEFIT", "NET_BENEFIT_CLUSTER"]
    assert named[1].settings["cluster"] == "household"


def test_a_step_is_judged_by_its_value_over_its_cost():
    assert _slope((2.0, 3.0, 0), (6.0, 11.0, 1)) == 2.0
    assert _slope((2.0, 3.0, 0), (2.0, 11.0, 1)) == math.inf


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.1, True, "half", math.nan])
def test_a_share_of_the_control_lies_strictly_between_0_and_1(share):
    net = Estimate(value=1.0, low=-1.0, high=3.0, p_value=0.3, standard_error=1.0, n=900)
    with pytest.raises(InputError, match="control_share must lie strictly between 0 and 1"):
        ex.value_of_information(net, persons=9_000, control_share=share, new_control_share=0.5)
    with pytest.raises(InputError, match="new_control_share must lie strictly between 0 and 1"):
        ex.value_of_information(net, persons=9_000, control_share=0.5, new_control_share=share)


def test_a_stratum_in_which_nobody_of_the_arm_woke_leaks_what_it_paid():
    rng = np.random.default_rng(10)
    frame = pd.DataFrame({"arm": np.tile(["a", "b"], 200), "s": np.repeat(["n", "s"], 200)})
    frame["woken"] = ((rng.random(400) < 0.3) & ((frame.arm == "a") | (frame.s == "n"))).astype(float)
    frame["paid"] = 2.0 * frame.woken
    grid = case(frame, y="paid", bottom="woken", strata=["s"]).grid
    leak = _Leak(grid=grid, weights=np.array([0.5, 0.5]), arm=1, control=0, clusters=None)
    north = frame[frame.s == "n"].groupby("arm")[["paid", "woken"]].mean()
    value = 0.5 * north.paid["b"] * min(1.0, north.woken["a"] / north.woken["b"])
    assert leak.value() == pytest.approx(value, rel=1e-12)
    low, high = leak.interval(value, 9.0, level=0.95)
    assert 0.0 < low < value < high


def test_a_value_per_wakeup_is_read_at_its_level():
    wide, narrow = (value_line(contrast(), level=level) for level in (0.95, 0.8))
    assert (wide.woken.level, narrow.woken.level) == (0.95, 0.8)
    assert wide.ratio.low < narrow.ratio.low < narrow.ratio.high < wide.ratio.high
    assert (wide.ratio.level, narrow.ratio.level) == (0.95, 0.8)


def test_no_arm_may_lose_persons_from_look_to_look():
    monitor = ex.NetBenefitMonitor(planned=900, arms=["digital", "sms"], thresholds=[60])

    def look(pair, threshold, bound):
        return Seen(net=0.0, z=0.0, low=-1.0, high=1.0)

    first = {"holdout": 100, "digital": 100, "sms": 100}
    woken = dict.fromkeys(first, 20)
    once = monitor.append(date(2026, 1, 5), matured=first, woken=woken, read=look)
    for fewer in first:
        then = {**dict.fromkeys(first, 200), fewer: 90}
        with pytest.raises(DesignError, match=rf"LOOK_SHRINKS: fewer persons have matured in \['{fewer}'\]"):
            once.append(date(2026, 1, 12), matured=then, woken=woken, read=look)
