"""Fieller's set: its three shapes, by evaluating the statistic along the line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from attribution.core.errors import InputError
from experiments.inference.ratios import ratio_interval

CASES = [
    ((12.0, 10.0, 1.0, 1.0, 0.0), "interval"),
    ((-3.0, 10.0, 1.0, 1.0, 0.6), "interval"),
    ((12.0, -10.0, 1.0, 2.0, -0.9), "interval"),
    ((5.0, 0.5, 1.0, 1.0, 0.0), "complement"),
    ((-5.0, 0.5, 1.0, 1.0, 0.3), "complement"),
    ((0.5, 0.5, 1.0, 1.0, 0.0), "all"),
    ((0.0, 10.0, 1.0, 1.0, 0.0), "interval"),
]


def inside(case, phi, quantile):
    """The definition itself: is this ratio not rejected?"""
    top, bottom, v1, v0, joint = case
    return abs(top - phi * bottom) <= quantile * math.sqrt(max(0.0, v1 - 2 * phi * joint + phi * phi * v0))


@pytest.mark.parametrize(("case", "kind"), CASES)
@pytest.mark.parametrize("df", [None, 8.0])
def test_membership_follows_the_definition(case, kind, df):
    *numbers, joint = case
    found = ratio_interval(*numbers, covariance=joint, df=df)
    if df is None:
        assert found.kind == kind
    quantile = norm.isf(0.025) if df is None else student.isf(0.025, df)
    for phi in np.concatenate([np.linspace(-40, 40, 1601) + 0.0137, [-1e6, 1e6]]):
        assert found.contains(phi) == inside(case, phi, quantile)


NUMBER = st.floats(-10, 10).map(lambda x: round(x, 4))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(top=NUMBER, bottom=NUMBER, v1=st.floats(0.01, 9), v0=st.floats(0.01, 9), rho=st.floats(-0.95, 0.95), phi=NUMBER)
def test_membership_for_any_numbers(top, bottom, v1, v0, rho, phi):
    case = (top, bottom, v1, v0, rho * math.sqrt(v1 * v0))
    margin = abs(top - phi * bottom) - 1.959963984540054 * math.sqrt(v1 - 2 * phi * case[4] + phi * phi * v0)
    assume(abs(margin) > 1e-6)
    assert ratio_interval(top, bottom, v1, v0, covariance=case[4]).contains(phi) == (margin < 0)


def test_the_edge_between_the_shapes_is_a_half_line():
    found = ratio_interval(5.0, 1.959963984540054, 1.0, 1.0)
    assert found.kind == "interval"
    assert found.high == math.inf or found.high > 1e12
    assert 0.9 < found.low < 1.2


def test_without_variance_the_set_is_the_point():
    found = ratio_interval(6.0, 2.0, 0.0, 0.0)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)
    known_base = ratio_interval(6.0, 2.0, 1.0, 0.0)
    assert (known_base.low, known_base.high) == pytest.approx((3 - 1.959963984540054 / 2, 3 + 1.959963984540054 / 2))


def test_a_zero_denominator_has_no_value_but_a_set():
    found = ratio_interval(5.0, 0.0, 1.0, 1.0)
    assert (found.value, found.kind) == (None, "complement")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1.0, 2.0, -1.0, 1.0), {}, "numerator_variance must be a finite number of 0 or more"),
        ((math.nan, 2.0, 1.0, 1.0), {}, "numerator must be a finite number"),
        (("2%", 2.0, 1.0, 1.0), {}, "got '2%'. A percentage is a number too: write 0.02 for 2 %"),
        ((1.0, 2.0, 1.0, 1.0), {"covariance": 1.5}, "covariance must not exceed"),
        ((1.0, 0.0, 1.0, 0.0), {}, "denominator must not be exactly 0"),
        ((1.0, 2.0, 1.0, 1.0), {"df": 0}, "df must be a positive number"),
        ((1.0, 2.0, 1.0, 1.0), {"level": 1.0}, "level must lie strictly between"),
        ((None, "x", 1.0, 1.0), {}, "2 problems"),
    ],
)
def test_bad_input_is_refused_with_the_reason(arguments, options, message):
    with pytest.raises(InputError, match=message):
        ratio_interval(*arguments, **options)
