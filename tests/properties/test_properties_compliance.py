"""Laws of complier effects, contamination bounds and Bayesian readings on arbitrary data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.inference.bayes.rates import bayes_rates
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination import contamination_bounds

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
ROWS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(-3, 3)), min_size=4, max_size=40
).map(lambda rows: [(True, True, 1), (True, False, 0), (False, False, 2), (False, True, 1), *rows])  # fmt: skip


def columns(rows):
    z, d, y = (np.array(part, float) for part in zip(*rows, strict=True))
    return z, d, y


@settings(max_examples=60, deadline=None)
@given(ROWS, LEVELS)
def test_the_set_excludes_no_effect_exactly_when_the_assignment_does(rows, level):
    """One statistic: the Anderson-Rubin set, the lift among compliers and the assignment say the same of 0."""
    found = complier_effect(*columns(rows), level=level)
    p = found.assignment.p_value
    if p is None or abs(p - (1 - level)) < 1e-9:
        return
    excluded = p < 1 - level
    assert (not found.robust.contains(0.0)) is excluded
    assert (not found.assignment.contains(0.0)) is excluded
    relative = found.compliance.relative
    if relative.low is not None:
        assert (not relative.contains(0.0)) is excluded
    if found.effect.p_value is not None and abs(found.effect.p_value - (1 - level)) > 1e-9:
        assert (not found.effect.contains(0.0)) is (found.effect.p_value < 1 - level)


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_the_point_lies_in_its_set_and_the_set_is_of_a_known_kind(rows):
    found = complier_effect(*columns(rows))
    assert found.robust.kind in ("interval", "complement", "all")
    if found.robust.value is not None:
        slack = 1e-9 * (1 + abs(found.robust.value))
        inside = [found.robust.contains(found.robust.value + shift) for shift in (-slack, 0.0, slack)]
        assert any(inside)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.permutations(range(8)))
def test_persons_in_any_order_give_the_same_bytes(rows, order):
    shuffled = [rows[i] for i in order if i < len(rows)] + rows[8:]
    shuffled += [rows[i] for i in range(min(8, len(rows))) if i not in order]
    z, d, y = columns(rows)
    assert complier_effect(*columns(shuffled)).to_dicts() == complier_effect(z, d, y).to_dicts()


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_swapping_arms_and_treatments_keeps_the_effect(rows):
    """Calling the holdout treated, and the untreated treated, turns both differences: their ratio stays."""
    z, d, y = columns(rows)
    one, other = complier_effect(z, d, y), complier_effect(1 - z, d, y)
    assert other.assignment.value == pytest.approx(-one.assignment.value, abs=1e-12)
    if one.effect.value is not None:
        assert other.effect.value == pytest.approx(one.effect.value, rel=1e-9, abs=1e-12)
        assert other.robust.kind == one.robust.kind
        # Reached and not reached change places: the effect turns its sign.
        assert complier_effect(1 - z, 1 - d, y).effect.value == pytest.approx(-one.effect.value, rel=1e-9, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.sampled_from([1e-6, 0.5, 3.0, 1e6]))
def test_units_scale_and_offsets_vanish(rows, unit):
    z, d, y = columns(rows)
    one = complier_effect(z, d, y)
    scaled, moved = complier_effect(z, d, unit * y), complier_effect(z, d, y + 1e9)
    assert scaled.assignment.p_value == pytest.approx(one.assignment.p_value, rel=1e-6, nan_ok=True)
    assert moved.assignment.p_value == pytest.approx(one.assignment.p_value, rel=1e-6, nan_ok=True)
    if one.effect.value is not None and one.robust.kind == "interval":
        assert scaled.robust.low == pytest.approx(unit * one.robust.low, rel=1e-6, abs=1e-9 * unit)
        assert moved.robust.high == pytest.approx(one.robust.high, rel=1e-6, abs=1e-6)
        assert moved.effect.standard_error == pytest.approx(one.effect.standard_error or 0.0, rel=1e-6, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_one_stratum_is_no_stratum(rows):
    z, d, y = columns(rows)
    plain, strata = complier_effect(z, d, y), complier_effect(z, d, y, strata=["a"] * len(z))
    assert strata.to_dicts() == plain.to_dicts()


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_every_person_a_cluster_is_the_variance_of_persons(rows):
    """CR2 with clusters of one person is HC2."""
    z, d, y = columns(rows)
    plain, single = complier_effect(z, d, y), complier_effect(z, d, y, cluster=np.arange(len(z)))
    for one, other in ((plain.assignment, single.assignment), (plain.effect, single.effect)):
        assert (other.value is None) is (one.value is None)
        assert (other.value or 0.0) == pytest.approx(one.value or 0.0, rel=1e-9, abs=1e-12)
        if one.standard_error is not None:
            assert other.standard_error == pytest.approx(one.standard_error, rel=1e-9)
            assert other.p_value == pytest.approx(one.p_value, rel=1e-6)


COUNTS = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


def persons(counts):
    hits, n, control, m = counts
    return np.repeat([1, 0], [n, m]), np.r_[
        np.repeat([1, 0], [hits, n - hits]), np.repeat([1, 0], [control, m - control])
    ]


@settings(max_examples=60, deadline=None)
@given(COUNTS.filter(lambda c: c[1] > 1 and c[3] > 1), st.floats(0.0, 0.6), st.floats(0.0, 0.3))
def test_more_contamination_and_fewer_assumptions_widen_the_bounds(counts, share, more):
    z, y = persons(counts)
    narrow, wide = contamination_bounds(z, y, share=share), contamination_bounds(z, y, share=share + more)
    for name in ("no_harm", "none"):
        assert wide.row(name).lower <= narrow.row(name).lower + 1e-12
        assert narrow.row(name).upper <= wide.row(name).upper + 1e-12
    none, harmless, measured = (narrow.row(name) for name in ("none", "no_harm", "as_measured"))
    assert none.lower <= harmless.lower + 1e-12
    assert harmless.upper <= none.upper + 1e-12
    assert harmless.lower == pytest.approx(measured.lower)
    assert none.lower - 1e-12 <= measured.lower <= none.upper + 1e-12
    for row in narrow.rows:
        assert row.low <= row.lower + 1e-9
        assert row.upper <= row.high + 1e-9


@settings(max_examples=20, deadline=None)
@given(COUNTS)
def test_a_posterior_is_coherent(counts):
    hits, n, control, m = counts
    options = {"value": 10.0, "cost": 0.5, "rope": 0.02, "sensitivity": {"flat": "flat"}}
    row = bayes_rates(hits, n, control, m, **options).to_dicts()[0]
    swapped = bayes_rates(control, m, hits, n, sensitivity={"flat": "flat"}).to_dicts()[0]
    assert row["p_better"] + swapped["p_better"] == pytest.approx(1.0, abs=1e-10)
    assert row["value"] == pytest.approx(-swapped["value"], abs=1e-12)
    assert row["low"] == pytest.approx(-swapped["high"], abs=1e-9)
    assert row["loss_control"] - row["loss_treatment"] == pytest.approx(10.0 * row["value"] - 0.5, abs=1e-9)
    assert (row["low"] > 0) is (row["relative_low"] > 0)
    assert (row["low"] > 0) is (row["p_better"] > 0.975) or math.isclose(row["p_better"], 0.975, abs_tol=1e-9)
    assert 0.0 <= row["p_negligible"] <= 1.0
    assert row["hdi_high"] - row["hdi_low"] <= row["high"] - row["low"] + 1e-9
