"""Estimates after stopping, repeated p-values and always-valid readings."""

from __future__ import annotations

import math

import numpy as np
import pytest

import attribution as at
import experiments as ex
from experiments.inference.sequential.bounds import nominal_p
from experiments.inference.sequential.stopped import repeated_p
from experiments.inference.sequential.walk import cross


def stop(bounds, look, z, error=0.5, null=0.0):
    return ex.estimate_after_stopping(bounds, look=look, estimate=null + z * error, standard_error=error, null=null)


def test_at_the_first_look_nothing_has_to_be_adjusted():
    found = stop(ex.spending_bounds(4, spending="pocock"), 1, 2.8)
    assert found.adjusted.value == pytest.approx(found.naive.value, abs=1e-9)
    assert (found.adjusted.low, found.adjusted.high) == pytest.approx((found.naive.low, found.naive.high), abs=1e-9)
    assert found.adjusted.p_value == pytest.approx(found.naive.p_value, rel=1e-9)
    assert found.repeated.low < found.naive.low


def test_a_later_stop_is_pulled_towards_the_null_and_the_bias_has_the_sign_of_the_effect():
    bounds = ex.spending_bounds(4, spending="pocock")
    up, down = stop(bounds, 3, 2.5), stop(bounds, 3, -2.5)
    assert 0.0 < up.adjusted.value < up.naive.value
    assert up.bias > 0.0 > down.bias
    assert down.adjusted.value == pytest.approx(-up.adjusted.value, abs=1e-9)
    assert (down.adjusted.low, down.adjusted.high) == pytest.approx((-up.adjusted.high, -up.adjusted.low), abs=1e-9)
    assert down.adjusted.p_value == pytest.approx(up.adjusted.p_value, rel=1e-9)


def test_the_bias_is_that_of_a_simulation():
    bounds = ex.spending_bounds(3, spending="pocock")
    found = stop(bounds, 2, 2.6, error=1 / math.sqrt(2 / 3))  # error 1 at the planned information
    drift = found.adjusted.value
    rng = np.random.default_rng(3)
    score = np.cumsum(rng.normal(drift / 3, math.sqrt(1 / 3), (200_000, 3)), axis=1)
    times = np.array([1, 2, 3]) / 3
    over = np.abs(score / np.sqrt(times)) >= np.array(bounds)
    over[:, -1] = True
    look = over.argmax(axis=1)
    seen = score[np.arange(len(look)), look] / times[look]
    assert found.bias == pytest.approx(seen.mean() - drift, abs=4 * seen.std() / math.sqrt(len(seen)))


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("z", [-2.7, -0.4, 0.3, 2.2, 3.4])
def test_intervals_exclude_the_null_where_their_p_values_say_so(side, z):
    bounds = ex.spending_bounds(3, side=side, spending="pocock", fractions=[0.3, 0.7, 1.0])
    found = stop(bounds, 2, z, null=0.3)
    for one in (found.adjusted, found.repeated, found.naive):
        assert (one.p_value < 0.05) == (not one.contains(0.3))
    toward = {"two": abs(z), "greater": z, "less": -z}[side]
    assert (found.repeated.p_value < 0.05) == (toward > bounds[1])


@pytest.mark.parametrize(
    "bounds",
    [
        ex.spending_bounds(4), ex.spending_bounds(4, spending=("hsd", 2.0), side="greater", level=0.9),
        ex.spending_bounds(3, fractions=[0.2, 0.3, 0.8]), ex.group_bounds(4), ex.group_bounds(5, kind="obrien_fleming"),
        ex.futility_bounds(3, binding=True), ex.futility_bounds(3),
    ],
    ids=lambda bounds: str(bounds.recipe.settings),
)  # fmt: skip
def test_the_repeated_p_at_a_bound_is_the_error_of_the_design(bounds):
    for look, z in enumerate(bounds, start=1):
        assert repeated_p(bounds, look=look, z=z) == pytest.approx(1 - bounds.level, rel=1e-8)
        assert repeated_p(bounds, look=look, z=z + 0.3) < 1 - bounds.level


def test_repeated_p_far_out_is_tiny_and_near_the_null_one():
    bounds = ex.spending_bounds(3)
    assert 0.0 < repeated_p(bounds, look=2, z=30.0) < 1e-80
    assert repeated_p(bounds, look=2, z=0.0) == 1.0
    assert repeated_p(ex.group_bounds(3), look=1, z=0.0) == 1.0
    assert repeated_p(ex.spending_bounds(3, side="greater"), look=1, z=-5.0) == pytest.approx(1.0, abs=1e-6)


def test_bounds_after_the_stop_do_not_matter():
    first = stop(ex.spending_bounds(4, fractions=[0.2, 0.5, 0.8, 1.0]), 2, 3.1)
    second = stop(ex.spending_bounds(4, fractions=[0.2, 0.5]), 2, 3.1)
    assert first.adjusted.value == second.adjusted.value
    assert first.adjusted.p_value == second.adjusted.p_value


def test_scaling_and_shifting_the_estimate():
    bounds = ex.spending_bounds(3)
    base = ex.estimate_after_stopping(bounds, look=2, estimate=0.012, standard_error=0.004)
    big = ex.estimate_after_stopping(bounds, look=2, estimate=12_000.0, standard_error=4_000.0)
    moved = ex.estimate_after_stopping(bounds, look=2, estimate=0.512, standard_error=0.004, null=0.5)
    assert big.adjusted.value == pytest.approx(1e6 * base.adjusted.value, rel=1e-9)
    assert moved.adjusted.low == pytest.approx(0.5 + base.adjusted.low, rel=1e-9)
    assert moved.adjusted.p_value == pytest.approx(base.adjusted.p_value, rel=1e-9)


def test_what_estimates_after_stopping_refuse_and_show():
    bounds = ex.spending_bounds(3)
    with pytest.raises(at.InputError, match="2 problems"):
        ex.estimate_after_stopping(bounds, look=1, estimate=math.nan, standard_error=-1.0)
    with pytest.raises(at.InputError, match="standard errors from the null"):
        stop(bounds, 1, 40.0)
    found = stop(bounds, 2, 3.0)
    assert [row["reading"] for row in found.to_dicts()] == ["adjusted", "repeated", "naive"]
    assert "average" in repr(found)
    with at.language("zh"):
        assert "停止会挑出极端的结果" in repr(found)


# --- always valid ----------------------------------------------------------------------------------------------------


def test_the_formula_of_the_semantics():
    alpha, n, planned, se = 0.05, 6_000, 10_000, 0.004
    r2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned
    half = se * math.sqrt((n * r2 + 1) / (n * r2) * math.log((n * r2 + 1) / alpha**2))
    found = ex.always_valid(0.012, se, n)
    assert (found.low, found.high) == pytest.approx((0.012 - half, 0.012 + half), rel=1e-12)
    assert (found.value, found.n, found.level, found.side) == (0.012, 6_000, 0.95, "two")


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("z", [-6.0, -3.0, -2.9, 0.0, 2.5, 3.1, 4.5, 60.0])
def test_always_valid_intervals_exclude_zero_where_their_p_says_so(side, level, z):
    for n in (10, 3_000, 10_000_000):
        found = ex.always_valid(z * 0.01, 0.01, n, level=level, side=side)
        assert (found.p_value < 1 - level) == (not found.contains(0.0))
        assert 0.0 < found.p_value <= 1.0


@pytest.mark.parametrize("side", ["two", "greater"])
def test_the_p_value_is_the_smallest_alpha_of_the_same_mixture(side):
    """The scale is that of the declared level; the interval at alpha = p ends at 0."""
    found = ex.always_valid(0.03, 0.01, 4_000, side=side)
    alpha = 0.05
    r2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / 10_000
    g, p = 4_000 * r2, found.p_value
    inner = math.log((g + 1) / p**2) if side == "two" else 2 * math.log1p(math.sqrt(g + 1) / (2 * p))
    assert math.sqrt((g + 1) / g * inner) == pytest.approx(3.0, rel=1e-12)


def test_a_sequence_is_the_single_readings():
    n = np.array([500, 2_000, 9_000])
    found = ex.always_valid_sequence([0.05, 0.01, 0.02], [0.01, 0.006, 0.004], n, planned_n=5_000, level=0.9)
    for i in range(3):
        one = ex.always_valid(found.difference[i], [0.01, 0.006, 0.004][i], int(n[i]), planned_n=5_000, level=0.9)
        assert (found.low[i], found.high[i], found.p_value[i]) == (one.low, one.high, one.p_value)
    assert found.p_so_far.tolist() == np.minimum.accumulate(found.p_value).tolist()
    assert found.to_dicts()[0]["persons"] == 500


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((math.nan, 0.1, 10), {}, "difference must be a finite number"),
        ((0.1, 0.0, 10), {}, "standard_error must be above 0"),
        ((0.1, 0.1, 0), {}, "n must be above 0"),
        ((0.1, -1.0, -4), {}, "2 problems"),
        ((0.1, 0.1, 10), {"planned_n": 0}, "planned_n must be a number of persons of at least 1"),
        ((0.1, 0.1, 10), {"level": 95}, "level=0.95"),
    ],
)
def test_what_always_valid_refuses(arguments, options, said):
    with pytest.raises(at.InputError, match=said):
        ex.always_valid(*arguments, **options)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (([0.1], [0.1, 0.2], [1, 2]), "one number per look, got 1, 2 and 2"),
        (([0.1, 0.2], [0.1, 0.1], [10, 10]), "n must grow"),
        (([], [], []), "at least one"),
        (([0.1, math.inf], [0.1, 0.1], [1, 2]), "finite numbers"),
        (([0.1, 0.2], [0.1, 0.0], [1, 2]), "above 0"),
    ],
)
def test_what_a_sequence_refuses(arrays, said):
    with pytest.raises(at.InputError, match=said):
        ex.always_valid_sequence(*arrays)


def test_the_mixture_errs_less_than_declared_over_many_looks():
    """By the recursion itself: 50 looks up to 5 times the planned persons."""
    times = [k / 10 for k in range(1, 51)]
    unit = ex.always_valid_sequence(np.zeros(50), np.ones(50), np.array(times) * 10_000)
    bounds = unit.high.tolist()
    crossed = cross(times, [-z for z in bounds], bounds)
    assert 0.01 < 2 * sum(crossed.upper) < 0.05


def test_downwards_everything_is_the_mirror_image():
    up, down = (ex.spending_bounds(3, side=side, spending="pocock") for side in ("greater", "less"))
    above, below = stop(up, 2, 2.4), stop(down, 2, -2.4)
    for one, other in ((above.adjusted, below.adjusted), (above.repeated, below.repeated), (above.naive, below.naive)):
        assert (other.value, other.high, other.low) == pytest.approx((-one.value, -one.low, -one.high), abs=1e-9)
        assert other.p_value == pytest.approx(one.p_value, rel=1e-9)
    assert below.bias == pytest.approx(-above.bias, rel=1e-9)
    assert above.bias > 0.0


@pytest.mark.parametrize("side", ["two", "greater"])
@pytest.mark.parametrize("z", [0.5, 2.2, 9.0, 20.0])
def test_the_repeated_p_value_puts_the_bound_on_the_statistic(side, z):
    bounds = ex.spending_bounds(5, spending="pocock", side=side, fractions=[0.1, 0.35, 0.36, 0.8, 1.1])
    for look in range(1, 6):
        p = repeated_p(bounds, look=look, z=z)
        assert p >= nominal_p(z, side) * (1 - 1e-9)
        if 1e-15 < p < 0.99 and look == 5:
            again = ex.spending_bounds(5, level=1 - p, spending="pocock", side=side, fractions=bounds.fractions)
            assert again[look - 1] == pytest.approx(z, abs=1e-7 if p > 1e-9 else 1e-3)
    last = repeated_p(ex.spending_bounds(5, side=side), look=5, z=20.0)
    assert last == pytest.approx(nominal_p(20.0, side), rel=1e-6)
