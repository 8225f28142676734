"""Planning: the inverse functions agree, units do not matter, arms may be named the other way round."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import experiments as ex

rate = st.floats(0.001, 0.95)
change = st.floats(0.05, 0.8)
power = st.sampled_from([0.5, 0.8, 0.95])
level = st.sampled_from([0.8, 0.95, 0.99])
allocation = st.sampled_from([0.25, 1.0, 3.0, 9.0])
method = st.sampled_from(["pooled", "unpooled", "arcsine", "continuity", "baseline"])
designs = st.sampled_from([
    ex.PlanOptions(),
    ex.PlanOptions(arms=3, correction="dunnett"),
    ex.PlanOptions(arms=4, correction="holm", reach=0.5),
    ex.PlanOptions(looks=3),
    ex.PlanOptions(looks=(0.4, 1.0), spending="pocock", covariates=0.3),
    ex.PlanOptions(icc=0.05, cluster_size=12, cluster_variation=0.4),
])  # fmt: skip


def treated(control, share):
    return control + share * (1.0 - control) * min(control, 0.5)


@settings(max_examples=80, deadline=None)
@given(rate, change, power, st.tuples(level, allocation, method), designs)
def test_size_power_and_detectable_rates_are_inverses(control, share, wished, choice, options):
    at, ratio, formula = choice
    treatment = treated(control, share)
    common = {"level": at, "allocation": ratio, "method": formula, "options": options}
    size = ex.sample_size_rates(control, treatment, power=wished, **common)
    assume(2.0 * options.cluster_size < size.exact < 1e9)
    assert ex.power_rates(control, treatment, size.exact, **common) == pytest.approx(wished, abs=1e-8)
    found = ex.detectable_rates(control, size.exact, power=wished, **common)
    assert found == pytest.approx(treatment, rel=1e-8)


@settings(max_examples=80, deadline=None)
@given(st.floats(0.02, 3.0), st.floats(0.1, 1e6), power, level, allocation, designs)
def test_size_power_and_detectable_means_are_inverses(share, std, wished, at, ratio, options):
    effect = share * std
    common = {"level": at, "allocation": ratio, "options": options}
    size = ex.sample_size_means(effect, std, power=wished, **common)
    assume(size.exact > 2.01 * options.cluster_size / min(1.0, ratio))
    assert ex.power_means(effect, std, size.exact, **common) == pytest.approx(wished, abs=1e-8)
    found = ex.detectable_means(std, size.exact, power=wished, **common)
    assert found == pytest.approx(effect, rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 1.0), st.floats(1.0, 5.0), st.sampled_from([1e-6, 0.01, 7.0, 1e6]), allocation, designs)
def test_units_do_not_matter(effect, std, unit, ratio, options):
    plain = ex.sample_size_means(effect, std, allocation=ratio, options=options).exact
    scaled = ex.sample_size_means(effect * unit, std * unit, allocation=ratio, options=options).exact
    assert scaled == pytest.approx(plain, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(rate, change, allocation, method)
def test_swapping_arms_swaps_their_persons(control, share, ratio, formula):
    assume(formula != "baseline")  # its variance is the control's by intention
    treatment = treated(control, share)
    one = ex.sample_size_rates(control, treatment, allocation=ratio, method=formula).exact
    other = ex.sample_size_rates(treatment, control, allocation=1.0 / ratio, method=formula).exact
    assert other == pytest.approx(one * ratio, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(rate, change, allocation, method)
def test_events_and_their_absence_are_planned_alike(control, share, ratio, formula):
    treatment = treated(control, share)
    one = ex.sample_size_rates(control, treatment, allocation=ratio, method=formula).exact
    other = ex.sample_size_rates(1.0 - control, 1.0 - treatment, allocation=ratio, method=formula).exact
    assert other == pytest.approx(one, rel=1e-7)


@settings(max_examples=60, deadline=None)
@given(rate, change, st.floats(10, 1e6), allocation, designs)
def test_power_rises_with_persons_and_never_leaves_0_to_1(control, share, n, ratio, options):
    treatment = treated(control, share)
    assume(n * min(1.0, ratio) > 2 * options.cluster_size)
    first, second = (ex.power_rates(control, treatment, m, allocation=ratio, options=options) for m in (n, 1.5 * n))
    assert 0.0 <= first <= second + 1e-12 <= 1.0 + 2e-12


@settings(max_examples=40, deadline=None)
@given(rate, st.sampled_from([30, 100, 300]), allocation)
def test_exact_size_of_the_test_stays_near_its_level(control, n, ratio):
    assume(n * min(1.0, ratio) * min(control, 1.0 - control) >= 5.0)
    up = ex.power_rates(control, control, n, allocation=ratio, method="exact")
    assert 0.0 <= up <= 0.06  # one tail of 2.5 %; small holdouts are not equal-tailed


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.02, 0.05), st.floats(0.001, 0.05), st.integers(100, 10**6), st.integers(0, 10**7))
def test_information_is_never_worth_less_than_nothing(mean, spread, persons, horizon):
    found = ex.optimal_holdout(persons, effect=(mean, spread), horizon=horizon, control=0.05, value=20.0)
    for point in found.points:
        assert point.information >= -1e-9 * max(1.0, horizon * 20.0 * spread)
        assert point.value == pytest.approx(point.information - point.given_up)
        assert math.isfinite(point.value)
