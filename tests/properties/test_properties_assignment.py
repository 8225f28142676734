"""Laws of assignment, balance and the checks around them, on drawn tables."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments as ex
from experiments.design.assignment_hash import checked_shares, cut
from experiments.design.balance_test import contrast_columns, omnibus, single_tests
from experiments.design.homogeneity import homogeneous

NOON = "2026-10-12T12:00:00+08:00"
QUICK = settings(max_examples=40, deadline=None)
WEIGHTS = st.lists(st.integers(1, 100), min_size=2, max_size=5)
SALT = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() and text.isprintable())


def shares_of(weights):
    return {f"arm{i}": weight / sum(weights) for i, weight in enumerate(weights)}


@QUICK
@given(WEIGHTS, SALT, st.permutations(range(60)))
def test_arms_depend_on_the_person_alone(weights, salt, order):
    shares = shares_of(weights)
    people = pd.DataFrame({"person_id": range(60)})
    all_at_once = ex.assign(people, shares=shares, salt=salt, at=NOON).table().set_index("person_id")["arm"]
    shuffled = ex.assign(people.iloc[order], shares=shares, salt=salt, at=NOON).table().set_index("person_id")["arm"]
    alone = ex.assign(people.iloc[[7]], shares=shares, salt=salt, at=NOON).table()["arm"].iloc[0]
    assert shuffled.loc[all_at_once.index].tolist() == all_at_once.tolist()
    assert alone == all_at_once.loc[7]


@QUICK
@given(WEIGHTS, SALT)
def test_what_is_assigned_is_verified(weights, salt):
    people = pd.DataFrame({"person_id": range(200), "wave": [i % 2 for i in range(200)]})
    shares = shares_of(weights)
    made = ex.assign(people, shares=shares, salt=salt, at=NOON, strata="wave")
    assert ex.verify_assignment(made, people, salt=salt, shares=shares, strata="wave").status == "pass"


@QUICK
@given(WEIGHTS, st.lists(WEIGHTS, max_size=3))
def test_the_pieces_of_every_history_add_up_to_the_shares(weights, before):
    history = [checked_shares(shares_of(one)) for one in before]
    shares = checked_shares(shares_of(weights))
    cuts = cut(shares, history)
    ends = [int(last) + 1 for last in cuts.last]
    lengths = np.diff([0, *ends])
    held = {arm: int(sum(lengths[cuts.arm == i])) for i, arm in enumerate(cuts.arms)}
    straight = cut(shares)
    wanted = np.diff([0, *(int(last) + 1 for last in straight.last)])
    assert ends[-1] == 2**64
    assert held == {arm: int(wanted[i]) for i, arm in enumerate(straight.arms)}
    assert min(lengths) > 0


@QUICK
@given(WEIGHTS, WEIGHTS)
def test_a_change_moves_the_least_that_it_can(before, after):
    size = max(len(before), len(after))
    old, new = (shares_of(weights + [1] * (size - len(weights))) for weights in (before, after))
    first, then = cut(checked_shares(old)), cut(checked_shares(new), [checked_shares(old)])
    edges = sorted({0, *(int(last) + 1 for last in (*first.last, *then.last))})
    moved = 0
    for low, high in pairwise(edges):
        point = np.array([low], dtype=np.uint64)
        if first.arms[int(first.arm_of(point)[0])] != then.arms[int(then.arm_of(point)[0])]:
            moved += high - low
    least = sum(max(0.0, new[arm] - old[arm]) for arm in new)
    assert moved / 2**64 == pytest.approx(least, abs=1e-9)


def table(seed, n, wide, clustered):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, wide)) @ rng.normal(size=(wide, wide))
    cluster = rng.integers(0, n // 3, n) if clustered else np.arange(n)
    arm = rng.random(n // 3)[cluster] < 0.4 if clustered else rng.random(n) < 0.4
    return values, arm, rng.integers(0, 2, n) if not clustered else np.zeros(n, np.int64), cluster


CASES = st.tuples(st.integers(0, 10_000), st.integers(40, 120), st.integers(1, 4), st.booleans())


@QUICK
@given(CASES, st.floats(0.5, 0.99))
def test_an_interval_excludes_0_exactly_when_p_is_small(case, level):
    values, arm, stratum, cluster = table(*case)
    part = contrast_columns(values, arm, stratum, cluster)
    if part is None:
        return
    low, high, p = single_tests(part.difference, part.covariance, part.freedom, level)
    for i in range(values.shape[1]):
        if math.isfinite(p[i]) and abs(p[i] - (1 - level)) > 1e-9:
            assert (low[i] > 0 or high[i] < 0) == (p[i] < 1 - level)


@QUICK
@given(CASES, st.floats(0.01, 100), st.sampled_from([0.0, 1e3, 1e9]))
def test_balance_knows_no_units_no_origin_and_no_side(case, scale, shift):
    values, arm, stratum, cluster = table(*case)
    part = contrast_columns(values, arm, stratum, cluster)
    other = contrast_columns(values * scale + shift, arm, stratum, cluster)
    turned = contrast_columns(values, ~arm, stratum, cluster)
    if part is None or other is None or turned is None:
        return
    joint = omnibus(part.difference, part.covariance, part.freedom)
    rel = 1e-6 if shift < 1e6 else 1e-2
    again = omnibus(other.difference, other.covariance, other.freedom)
    if shift < 1e6 or scale > 1:
        assert again.chi_square == pytest.approx(joint.chi_square, rel=rel, abs=1e-6)
    swapped = omnibus(turned.difference, turned.covariance, turned.freedom)
    assert swapped.chi_square == pytest.approx(joint.chi_square, rel=1e-9)
    assert turned.difference == pytest.approx(-part.difference, rel=1e-9, abs=1e-12)


@QUICK
@given(CASES)
def test_the_joint_test_knows_no_choice_of_coordinates(case):
    values, arm, stratum, cluster = table(*case)
    part = contrast_columns(values, arm, stratum, cluster)
    turned = np.column_stack([values, values.sum(axis=1)])
    more = contrast_columns(turned, arm, stratum, cluster)
    if part is None or more is None:
        return
    first = omnibus(part.difference, part.covariance, part.freedom)
    second = omnibus(more.difference, more.covariance, more.freedom)
    assert second.df == first.df
    assert second.chi_square == pytest.approx(first.chi_square, rel=1e-6)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(31, 300)), min_size=2, max_size=4))
def test_the_order_of_arms_does_not_matter_to_losses(arms):
    counts, totals = (np.array([[pair[i] for pair in arms]]) for i in (0, 1))
    p, test = homogeneous(counts, totals)
    again, same = homogeneous(counts[:, ::-1], totals[:, ::-1])
    assert test == same
    assert (p is None and again is None) or again == pytest.approx(p, rel=1e-9)
    complement, _ = homogeneous(totals - counts, totals)
    assert (p is None and complement is None) or complement == pytest.approx(p, rel=1e-9)


@QUICK
@given(st.integers(0, 1_000), st.floats(0.1, 1_000), st.sampled_from([0.0, 1e9]))
def test_influence_scales_with_the_unit(seed, scale, shift):
    rng = np.random.default_rng(seed)
    value = rng.lognormal(0, 1, 80)
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 40, "value": value})
    (first,) = ex.check_influence(data, "value")
    (second,) = ex.check_influence(data.assign(value=value * scale + shift), "value")
    tolerance = {"rel": 1e-9} if not shift else {"rel": 1e-3, "abs": 1e-5}
    assert second.status == first.status
    for name in ("difference", "without", "standard_error"):
        assert second.values[name] == pytest.approx(scale * first.values[name], **tolerance)
