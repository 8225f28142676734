"""Laws of looks: coherence, mirror images, units, and what more looks cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import experiments as ex
from experiments.inference.sequential.walk import cross

SPENDING = st.one_of(
    st.sampled_from(["obrien_fleming", "pocock"]),
    st.tuples(st.just("power"), st.floats(0.3, 5.0)),
    st.tuples(st.just("hsd"), st.floats(-8.0, 3.0)),
)
SIDES = st.sampled_from(["two", "greater", "less"])
LEVELS = st.floats(0.6, 0.999)


@st.composite
def fractions(draw, most=5):
    steps = draw(st.lists(st.floats(0.02, 1.0), min_size=1, max_size=most))
    return (np.cumsum(steps) / sum(steps)).tolist()


def is_near(one, other, tolerance=1e-6):
    return abs(one - other) < tolerance


@settings(max_examples=40, deadline=None)
@given(times=fractions(), spending=SPENDING, side=SIDES, level=LEVELS)
def test_bounds_spend_exactly_the_error(times, spending, side, level):
    bounds = ex.spending_bounds(len(times), level=level, spending=spending, side=side, fractions=times)
    crossed = bounds.crossing()
    total = sum(crossed.upper) + (sum(crossed.lower) if side == "two" else 0.0)
    assert total == pytest.approx(1.0 - level, rel=1e-9)
    assert all(z >= bounds_of_one_look(level, side) - 1e-9 for z in bounds)


def bounds_of_one_look(level, side):
    return ex.spending_bounds(1, level=level, side=side)[0]


@settings(max_examples=25, deadline=None)
@given(times=fractions(4), spending=SPENDING, drift=st.floats(-4.0, 4.0))
def test_turning_the_arms_around_turns_the_crossings_around(times, spending, drift):
    bounds = ex.spending_bounds(len(times), spending=spending, fractions=times)
    there, back = bounds.crossing(drift), bounds.crossing(-drift)
    assert there.upper == pytest.approx(back.lower, abs=1e-12)
    assert there.mean == pytest.approx(-back.mean, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(times=fractions(4), scale=st.floats(0.1, 50.0), drift=st.floats(-2.0, 3.0))
def test_the_unit_of_information_cancels(times, scale, drift):
    lower, upper = [-2.5] * len(times), [2.2] * len(times)
    here = cross(times, lower, upper, drift=drift)
    there = cross([scale * time for time in times], lower, upper, drift=drift / math.sqrt(scale))
    assert here.upper == pytest.approx(there.upper, abs=1e-11)


@settings(max_examples=25, deadline=None)
@given(times=fractions(4), spending=SPENDING, side=SIDES, level=LEVELS, z=st.floats(-6.0, 6.0), data=st.data())
def test_intervals_exclude_the_null_where_p_says_so(times, spending, side, level, z, data):
    bounds = ex.spending_bounds(len(times), level=level, spending=spending, side=side, fractions=times)
    look = data.draw(st.integers(1, len(times)))
    assume(not is_near(abs(z), bounds[look - 1]))
    found = ex.estimate_after_stopping(bounds, look=look, estimate=z, standard_error=1.0)
    for one in (found.adjusted, found.repeated, found.naive):
        if not is_near(one.p_value, 1.0 - level):
            assert (one.p_value < 1.0 - level) == (not one.contains(0.0))


@settings(max_examples=60, deadline=None)
@given(
    z=st.floats(-40.0, 40.0), se=st.floats(1e-8, 1e8), n=st.floats(1.0, 1e9), planned=st.floats(1.0, 1e9), side=SIDES,
    level=LEVELS,
)  # fmt: skip
def test_always_valid_is_coherent_in_every_unit(z, se, n, planned, side, level):
    found = ex.always_valid(z * se, se, n, planned_n=planned, level=level, side=side)
    if not is_near(found.p_value, 1.0 - level, 1e-9):
        assert (found.p_value < 1.0 - level) == (not found.contains(0.0))
    other = {"two": "two", "greater": "less", "less": "greater"}[side]
    turned = ex.always_valid(-z * se, se, n, planned_n=planned, level=level, side=other)
    assert turned.p_value == found.p_value
    assert (turned.low, turned.high) == (-found.high, -found.low)
    one = ex.always_valid(z, 1.0, n, planned_n=planned, level=level, side=side)
    assert one.p_value == pytest.approx(found.p_value, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(level=LEVELS, higher=LEVELS, n=st.floats(10.0, 1e6), side=SIDES)
def test_a_higher_level_gives_a_wider_interval(level, higher, n, side):
    # For one side below 80 % the smaller scale of a lower level can outweigh it, far below the planned persons.
    assume(level + 1e-6 < higher and (side == "two" or level >= 0.8))
    narrow, wide = (ex.always_valid(0.0, 1.0, n, level=one, side=side) for one in (level, higher))
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=8), data=st.data())
def test_the_daily_split_depends_on_neither_order_nor_names_of_arms(counts, data):
    assume(sum(map(sum, counts)) > 0)
    days = {f"{i:02d}": {"a": one, "b": two} for i, (one, two) in enumerate(counts)}
    order = data.draw(st.permutations(list(days)))
    found = ex.watch_split(days, {"a": 0.3, "b": 0.7})
    assert ex.watch_split({day: days[day] for day in order}, {"b": 0.7, "a": 0.3}).to_dicts() == found.to_dicts()
    p = [row["p_value"] for row in found.to_dicts()]
    assert all(0.0 < one <= 1.0 for one in p)
    assert p == sorted(p, reverse=True)
