"""Gates against the procedures as they are written, the graphical algorithm, and worked cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments as ex
from attribution.core.errors import InputError
from experiments.inference.gatekeeping import check_gate
from oracles import gates

P = st.one_of(st.floats(0.0001, 1.0), st.sampled_from([0.001, 0.01, 0.02, 0.05, 1.0]))
ALPHAS = (0.005, 0.01, 0.024, 0.05, 0.1, 0.3)
FEW = settings(max_examples=80, deadline=None, derandomize=True)


@st.composite
def families(draw):
    arms, metrics = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    first = draw(st.lists(P, min_size=arms, max_size=arms))
    return first, [draw(st.lists(P, min_size=arms, max_size=arms)) for _ in range(metrics)]


def decisions(adjusted, alpha):
    first, second = adjusted
    return [p <= alpha for p in first], [p <= alpha for row in second for p in row]


def near(adjusted, alpha):
    """Whether rounding could decide."""
    return any(abs(p - alpha) < 1e-9 for family in (adjusted[0], *adjusted[1]) for p in family)


@FEW
@given(family=families())
def test_serial_as_written(family):
    first, second = family
    adjusted = ex.gatekeeping(first, second, gate="serial")
    for alpha in ALPHAS:
        if not near(adjusted, alpha):
            assert decisions(adjusted, alpha) == gates.serial(first, [p for row in second for p in row], alpha)


@FEW
@given(family=families(), truncation=st.sampled_from([0.0, 0.25, 0.5, 0.9]))
def test_parallel_as_written(family, truncation):
    first, second = family
    adjusted = ex.gatekeeping(first, second, gate=("parallel", truncation))
    flat = [p for row in second for p in row]
    for alpha in ALPHAS:
        if not near(adjusted, alpha):
            assert decisions(adjusted, alpha) == gates.parallel(first, flat, alpha, truncation)


@FEW
@given(family=families())
def test_by_arm_is_the_graph(family):
    first, second = family
    found = ex.gatekeeping(first, second, gate="arm")
    weights, edges = gates.by_arm_graph(len(first), len(second), 1e-9)
    wanted = gates.graph([*first, *(p for row in second for p in row)], weights, edges)
    assert [*found[0], *(p for row in found[1] for p in row)] == pytest.approx(wanted, rel=1e-6)


@FEW
@given(family=families(), gate=st.sampled_from(["serial", "parallel", "arm", ("parallel", 0.8)]))
def test_adjusted_p_values_are_monotone_and_never_below_the_given_ones(family, gate):
    first, second = family
    one, two = ex.gatekeeping(first, second, gate=gate)
    for raw, adjusted in zip([first, *second], [one, *two], strict=True):
        assert all(p <= q + 1e-15 <= 1 + 1e-12 for p, q in zip(raw, adjusted, strict=True))
    if second:
        smaller = [p / 2 for p in first], [[p / 2 for p in row] for row in second]
        lower = ex.gatekeeping(*smaller, gate=gate)
        assert all(a <= b + 1e-15 for a, b in zip(lower[0], one, strict=True))
        assert all(a <= b + 1e-15 for x, y in zip(lower[1], two, strict=True) for a, b in zip(x, y, strict=True))


def test_worked_cases():
    first, second = ex.gatekeeping([0.010, 0.040], [[0.012, 0.001]], gate="serial")
    assert (first, second) == ((0.02, 0.04), ((0.04, 0.04),))
    # Parallel, Bonferroni gate (g = 0) at 0.05: 0.02 is rejected (0.02 <= 0.025), 0.04 is not; half of alpha goes on.
    first, second = ex.gatekeeping([0.020, 0.040], [[0.012, 0.300]], gate=("parallel", 0.0))
    assert first == pytest.approx((0.04, 0.08))
    assert second[0] == pytest.approx((0.048, 0.3))
    # By arm: the second arm's primary test bars its own secondary test only.
    first, second = ex.gatekeeping([0.010, 0.200], [[0.004, 0.001]], gate="arm")
    assert first == pytest.approx((0.02, 0.2))
    assert second[0] == pytest.approx((0.02, 0.2))


def test_one_arm_without_secondary_metrics_is_left_alone():
    for gate in ("serial", "parallel", "arm"):
        assert ex.gatekeeping([0.03], [], gate=gate) == ((0.03,), ())


def test_bonferroni_leaves_nothing_to_other_arms():
    holm = ex.gatekeeping([0.01, 0.03], [[0.01, 0.03]], gate="arm")
    strict = ex.gatekeeping([0.01, 0.03], [[0.01, 0.03]], gate="arm", correction="bonferroni")
    assert holm[0] == pytest.approx((0.02, 0.03))
    assert strict[0] == pytest.approx((0.02, 0.06))


def test_a_gate_without_a_test_leaves_what_is_behind_it_undefined():
    assert ex.gatekeeping([0.01, None], [[0.01, 0.02]], gate="serial")[1] == ((None, None),)
    assert ex.gatekeeping([None], [[0.01]], gate="parallel") == ((None,), ((None,),))
    first, second = ex.gatekeeping([0.01, math.nan], [[0.01, 0.02], [None, 0.2]], gate="arm")
    assert first == (0.01, None)
    assert second == ((0.01, None), (None, None))


def test_arrays_are_taken():
    assert ex.gatekeeping(np.array([0.01, 0.02]), np.array([[0.01, 0.02]]), gate="arm")[0] == (0.02, 0.02)


@pytest.mark.parametrize(
    ("gate", "correction", "message"),
    [
        ("tree", "holm", 'gatekeeping must be "serial"'),
        (("serial", 0.5), "holm", "gatekeeping must be"),
        (("parallel", 1.0), "holm", "gatekeeping must be"),
        (("parallel", True), "holm", "gatekeeping must be"),
        ("serial", "bh", "controls the probability of any false rejection"),
        ("serial", None, "does not. Use"),
        ("arm", "hochberg", 'or gatekeeping="serial"'),
        ("parallel", "dunnett", 'or gatekeeping="serial"'),
    ],
)
def test_gates_that_cannot_be_kept_are_refused(gate, correction, message):
    with pytest.raises(InputError, match=message):
        check_gate(gate, correction)


def test_bad_families_are_refused():
    with pytest.raises(InputError, match=r"one p-value per arm .2., got .1."):
        ex.gatekeeping([0.1, 0.2], [[0.1]])
    with pytest.raises(InputError, match=r"got 1.5 at 1"):
        ex.gatekeeping([0.1, 1.5], [])
    with pytest.raises(InputError, match="must hold p-values"):
        ex.gatekeeping("0.1", [])
    with pytest.raises(InputError, match="correction must be one of"):
        ex.gatekeeping([0.1], [], correction="sidak")
    with pytest.raises(InputError, match="gate must be given"):
        ex.gatekeeping([0.1], [], gate=None)
