"""The tail of the noncentral t against 25 digits of mpmath, and at its limits."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
from scipy.special import ndtr, stdtr

from experiments.design.planning.noncentral import noncentral_tail

CASES = list(itertools.product((0.7, 1.0, 2.5, 38.0, 400.3, 1e5), (-3.0, 0.0, 0.01, 2.8, 60.0), (1.2, 5.0, 60.0)))


def slow(df, drift, limit):
    """The same chance by tanh-sinh quadrature over many pieces."""
    with mpmath.workdps(25):
        width = mpmath.sqrt(mpmath.mpf(60) / df)
        low, high = -max(width * 1.5, 60 / mpmath.mpf(df)), min(width * 1.5, mpmath.mpf(4))
        cuts = [low + (high - low) * k / 12 for k in range(13)]
        cuts += [mpmath.log((1 + abs(mpmath.mpf(drift))) / limit) + shift for shift in (-6, -3, 0, 2)]
        if drift > 0:
            cuts += [mpmath.log(mpmath.mpf(drift) / limit) + shift / mpmath.mpf(drift) for shift in (-10, 0, 10)]
        cuts = sorted(cut for cut in cuts if low <= cut <= high)

        def density(s):
            return mpmath.exp(df * (s - mpmath.expm1(2 * s) / 2))

        above = mpmath.quad(lambda s: mpmath.ncdf(drift - limit * mpmath.exp(s)) * density(s), cuts)
        return float(above / mpmath.quad(density, cuts))


@pytest.mark.parametrize(("df", "drift", "limit"), CASES)
def test_the_tail_to_eleven_digits(df, drift, limit):
    assert noncentral_tail(df, drift, limit) == pytest.approx(slow(df, drift, limit), abs=2e-12)


@pytest.mark.parametrize("df", [0.5, 1.0, 4.0, 30.0, 1e6])
@pytest.mark.parametrize("limit", [0.3, 2.0, 12.0])
def test_without_drift_it_is_students_t(df, limit):
    assert noncentral_tail(df, 0.0, limit) == pytest.approx(stdtr(df, -limit), rel=1e-9, abs=1e-13)
    assert noncentral_tail(df, 0.0, -limit) == pytest.approx(stdtr(df, limit), rel=1e-11)


def test_many_degrees_of_freedom_are_the_normal_distribution():
    assert noncentral_tail(1e12, 2.8, 1.96) == pytest.approx(float(ndtr(0.84)), abs=1e-11)


def test_mirror_images_and_the_limit_at_nothing():
    assert noncentral_tail(7.0, 1.3, 2.1) + noncentral_tail(7.0, -1.3, -2.1) == pytest.approx(1.0, abs=1e-13)
    assert noncentral_tail(7.0, 1.3, 0.0) == pytest.approx(float(ndtr(1.3)), abs=1e-13)


@pytest.mark.parametrize(("df", "drift", "limit", "chance"), [(3.0, 1e5, 1e4, 1.0), (5.0, 10.0, 1e6, 0.0)])
def test_far_out_it_stays_a_chance(df, drift, limit, chance):
    found = noncentral_tail(df, drift, limit)
    assert found == pytest.approx(chance, abs=1e-9)
    assert 0.0 <= found <= 1.0


def test_a_step_in_the_middle_of_the_density_is_seen():
    """At one degree of freedom and a drift equal to a large limit, the chance is that r lies below 1."""
    assert noncentral_tail(1.0, 3e9, 3e9) == pytest.approx(math.erf(1 / math.sqrt(2)), abs=1e-9)
