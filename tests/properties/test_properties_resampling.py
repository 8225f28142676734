"""Laws of quantiles, ranks, bootstrap and randomisation: coherence, swapped arms, units, offsets, order of rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import experiments as ex

SMALL = settings(max_examples=40, deadline=None)
NUMBERS = st.integers(0, 60).map(lambda number: number / 4)
SEEDS = st.integers(0, 2**32 - 1)


def groups(low=2, high=14):
    return st.tuples(st.lists(NUMBERS, min_size=low, max_size=high), st.lists(NUMBERS, min_size=low, max_size=high))


def drawn(seed, n, control_n):
    chance = np.random.default_rng(seed)
    return chance.gamma(2.0, 3.0, n), chance.gamma(2.0, 3.0 * chance.uniform(0.6, 1.4), control_n)


def coherent(estimate, level):
    if estimate.p_value is None:
        assert estimate.note
        return
    assert estimate.contains(NULL.get(estimate.method.split()[0], 0.0)) == (estimate.p_value >= 1 - level)


NULL = {"brunner_munzel": 0.5}
LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])
SIDES = st.sampled_from(["two", "greater", "less"])


@SMALL
@given(seed=SEEDS, q=st.sampled_from([0.25, 0.5, 0.8]), level=LEVELS, side=SIDES)
def test_quantiles_are_coherent_and_mirror_their_arms(seed, q, level, side):
    a, b = drawn(seed, 80, 45)
    found = ex.compare_quantiles(a, b, q=q, level=level, side=side)
    coherent(found.difference, level)
    coherent(found.relative, level)
    other = {"two": "two", "greater": "less", "less": "greater"}[side]
    swapped = ex.compare_quantiles(b, a, q=q, level=level, side=other).difference
    assert swapped.value == pytest.approx(-found.difference.value, abs=1e-12)
    assert swapped.p_value == pytest.approx(found.difference.p_value, rel=1e-9)
    mirrored = ex.compare_quantiles(-a, -b, q=1 - q, level=level, side=other).difference
    assert mirrored.value == pytest.approx(-found.difference.value, abs=1e-12)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.difference.high, -found.difference.low), rel=1e-9)


@SMALL
@given(seed=SEEDS, factor=st.sampled_from([0.001, 7.0, 1e6]))
def test_units_and_offsets_of_quantiles(seed, factor):
    a, b = np.round(drawn(seed, 60, 40)[0], 3), np.round(drawn(seed, 60, 40)[1], 3)
    plain = ex.compare_quantiles(a, b)
    scaled = ex.compare_quantiles(a * factor, b * factor)
    assert scaled.difference.p_value == pytest.approx(plain.difference.p_value, rel=1e-8)
    assert (scaled.relative.low, scaled.relative.high) == pytest.approx(
        (plain.relative.low, plain.relative.high), rel=1e-8
    )
    moved = ex.compare_quantiles(a + 1e9, b + 1e9).difference
    assert moved.value == pytest.approx(plain.difference.value, abs=1e-6)
    assert moved.p_value == pytest.approx(plain.difference.p_value, abs=1e-5)


@SMALL
@given(pair=groups(), q=st.sampled_from([0.1, 0.5, 0.9]), seed=SEEDS)
def test_quantiles_of_coarse_values_are_numbers_or_reasons_in_any_order(pair, q, seed):
    a, b = pair
    found = ex.compare_quantiles(a, b, q=q)
    coherent(found.difference, 0.95)
    chance = np.random.default_rng(seed)
    shuffled = ex.compare_quantiles(chance.permutation(a), chance.permutation(b), q=q)
    assert repr(shuffled) == repr(found)
    assert (shuffled.difference.low, shuffled.difference.p_value) == (found.difference.low, found.difference.p_value)


@SMALL
@given(pair=groups(), level=LEVELS, side=SIDES, scale=st.sampled_from(["plain", "logit"]), seed=SEEDS)
def test_ranks_are_coherent_bounded_and_blind_to_monotone_changes(pair, level, side, scale, seed):
    a, b = (np.array(part) for part in pair)
    found = ex.mann_whitney(a, b, level=level, side=side, scale=scale)
    assert 0.0 <= found.value <= 1.0
    coherent(found, level)
    if found.low is not None:
        assert 0.0 <= found.low <= found.high <= 1.0
    chance = np.random.default_rng(seed)
    changed = ex.mann_whitney(
        np.exp(chance.permutation(a) / 5) + 1e9, np.exp(chance.permutation(b) / 5) + 1e9,
        level=level, side=side, scale=scale,
    )  # fmt: skip
    assert (changed.value, changed.low, changed.high, changed.p_value, changed.note) == (
        found.value, found.low, found.high, found.p_value, found.note,
    )  # fmt: skip


@SMALL
@given(pair=groups(), level=LEVELS)
def test_swapped_ranks_add_to_one(pair, level):
    a, b = pair
    found, swapped = ex.mann_whitney(a, b, level=level), ex.mann_whitney(b, a, level=level)
    assert found.value + swapped.value == pytest.approx(1.0, abs=1e-12)
    if found.p_value is not None:
        assert swapped.p_value == pytest.approx(found.p_value, rel=1e-9)
        assert swapped.low == pytest.approx(1 - found.high, abs=1e-9)


@SMALL
@given(
    pair=groups(low=3), interval=st.sampled_from(["percentile", "basic", "studentised", "bca"]), level=LEVELS,
    side=SIDES, seed=st.integers(0, 50), offset=st.sampled_from([0.0, 5.0]),
)  # fmt: skip
def test_the_bootstrap_is_coherent_for_difference_and_lift(pair, interval, level, side, seed, offset):
    a, b = (np.array(part) + offset for part in pair)
    found = ex.bootstrap(a, b, interval=interval, level=level, side=side, replicates=399, seed=seed).comparison
    for reading in (found.difference, found.relative):
        if reading.p_value is None:
            assert reading.note
        else:
            assert reading.contains(0.0) == (reading.p_value >= 1 - level)
    if found.relative.p_value is not None:
        assert found.relative.p_value == found.difference.p_value


@SMALL
@given(pair=groups(low=3), seed=SEEDS, statistic=st.sampled_from(["mean", "median"]))
def test_the_bootstrap_knows_no_order_of_rows(pair, seed, statistic):
    a, b = pair
    chance = np.random.default_rng(seed)
    one = ex.bootstrap(a, b, statistic=statistic, replicates=99)
    two = ex.bootstrap(chance.permutation(a), chance.permutation(b), statistic=statistic, replicates=99)
    assert one.replicates.tobytes() == two.replicates.tobytes()
    assert repr(one.comparison) == repr(two.comparison)
    assert one.recipe.fingerprint == two.recipe.fingerprint


@SMALL
@given(
    pair=groups(low=3), factor=st.sampled_from([0.01, 100.0]), interval=st.sampled_from(["studentised", "percentile"])
)
def test_the_unit_of_money_scales_the_bootstrap(pair, factor, interval):
    a, b = (np.array(part) + 1.0 for part in pair)
    plain = ex.bootstrap(a, b, interval=interval, replicates=199).comparison
    scaled = ex.bootstrap(a * factor, b * factor, interval=interval, replicates=199).comparison
    assume(plain.difference.p_value is not None)
    for end in ("low", "high"):
        wanted = getattr(plain.difference, end) * factor
        if math.isfinite(wanted):
            assert getattr(scaled.difference, end) == pytest.approx(wanted, rel=1e-6, abs=1e-6 * factor)


def table_of(a, b):
    return pd.DataFrame({"arm": ["sms"] * len(a) + ["holdout"] * len(b), "value": [*a, *b]})


@SMALL
@given(pair=groups(high=7), seed=SEEDS, side=SIDES)
def test_randomisation_knows_no_order_unit_or_offset(pair, seed, side):
    a, b = pair
    frame = table_of(a, b)
    found = ex.randomisation_test(frame, "value", side=side, replicates=199)
    mixed = frame.sample(frac=1, random_state=seed % 1_000)
    assert ex.randomisation_test(mixed, "value", side=side, replicates=199).to_dicts() == found.to_dicts()
    for moved in (frame.assign(value=frame.value * 1_024), frame.assign(value=frame.value + 1e9)):
        again = ex.randomisation_test(moved, "value", side=side, replicates=199)
        assert again.records.column("note") == found.records.column("note")
        if found.p_value("sms") is not None:
            assert again.p_value("sms") == pytest.approx(found.p_value("sms"), rel=1e-9)
            assert 0 < again.p_value("sms") <= 1


@SMALL
@given(pair=groups(high=6))
def test_swapped_arms_have_the_same_exact_p(pair):
    a, b = pair
    one = ex.randomisation_test(table_of(a, b), "value").p_value("sms")
    two = ex.randomisation_test(table_of(b, a), "value").p_value("sms")
    assert one == two or one == pytest.approx(two, rel=1e-9)


@SMALL
@given(seed=SEEDS, q=st.floats(0.05, 0.99))
def test_a_cap_is_a_value_of_somebody_and_scales(seed, q):
    chance = np.random.default_rng(seed)
    value = np.where(chance.random(200) < 0.3, np.round(chance.lognormal(3, 1, 200), 2), 0.0)
    value[0] = 1.0
    frame = pd.DataFrame({"arm": chance.choice(["a", "b"], 200), "value": value})
    found = ex.pooled_cap(frame, "value", q=q)
    assert found.cap in value
    assert ex.pooled_cap(frame.assign(value=value * 4), "value", q=q).cap == 4 * found.cap
    assert ex.pooled_cap(frame.sample(frac=1, random_state=1), "value", q=q).to_dicts() == found.to_dicts()
