"""Simultaneous intervals, adjusted p-values, gates, equivalence: what must hold whatever the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import experiments as ex
from experiments.inference.joint_t import joint_p, joint_tail

FEW = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
SIDES = st.sampled_from(["two", "greater", "less"])
ARM = st.tuples(
    st.integers(-3000, 3000).map(lambda x: x / 100), st.integers(1, 900).map(lambda x: x / 100), st.integers(2, 400)
)
COUNTS = st.integers(20, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def frame(arms):
    """Outcomes of several arms: a rate and a mean, one row per person; the control is "holdout"."""
    import pandas as pd

    parts = []
    for i, (hits, n) in enumerate(arms):
        name = "holdout" if i == 0 else f"arm{i}"
        y = np.r_[np.ones(hits), np.zeros(n - hits)]
        parts.append(pd.DataFrame({"arm": name, "woken": y.astype(int), "value": y * 3.0 + np.arange(n) % (5 + i)}))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(person_id=np.arange(len(table)))


def declared(**options):
    metrics = {
        "w": ex.Rate("woken"), "v": ex.Mean("value"), "s": ex.Mean("value", equal_variances=True, cap=4.0),
    }  # fmt: skip
    return ex.Experiment(metrics, **options)


@FEW
@given(
    arms=st.lists(COUNTS, min_size=3, max_size=5), level=LEVELS, correction=st.sampled_from(["dunnett", "bonferroni"])
)
def test_simultaneous_intervals_exclude_zero_exactly_when_the_adjusted_p_is_small(arms, level, correction):
    found = declared(level=level, correction=correction).analyze(frame(arms)).table(simultaneous=True)
    for row in found.to_dict("records"):
        if row["p_adjusted"] is None or math.isnan(row["p_adjusted"]):
            continue
        assume(abs(row["p_adjusted"] - (1 - level)) > 1e-9)
        assert (row["low"] > 0 or row["high"] < 0) == (row["p_adjusted"] < 1 - level), row
        if not math.isnan(row["relative_low"]):
            assert (row["relative_low"] > 0 or row["relative_high"] < 0) == (row["p_adjusted"] < 1 - level), row


@FEW
@given(arms=st.lists(COUNTS, min_size=3, max_size=5), correction=st.sampled_from(["dunnett", "holm", None]))
def test_simultaneous_intervals_hold_the_single_ones(arms, correction):
    readout = declared(correction=correction).analyze(frame(arms))
    single, joint = readout.table(), readout.table(simultaneous=True)
    assert (joint["low"] <= single["low"] + 1e-12)[single["low"].notna()].all()
    assert (joint["high"] >= single["high"] - 1e-12)[single["high"].notna()].all()
    assert (joint["p_value"].fillna(-1) == single["p_value"].fillna(-1)).all()


@FEW
@given(arms=st.lists(COUNTS, min_size=3, max_size=4))
def test_dunnett_lies_between_the_single_p_and_bonferroni(arms):
    table = frame(arms)
    sharp = declared(correction="dunnett").analyze(table).table()
    primary = sharp[sharp["metric"] == "w"]
    count = primary["p_value"].notna().sum()
    assert (primary["p_adjusted"] >= primary["p_value"] - 1e-15).all()
    assert (primary["p_adjusted"] <= np.minimum(1, count * primary["p_value"]) + 1e-15).all()


@FEW
@given(arms=st.lists(COUNTS, min_size=3, max_size=4), seed=st.integers(0, 99))
def test_rows_may_come_in_any_order(arms, seed):
    table = frame(arms)
    shuffled = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    for options in ({"correction": "dunnett"}, {"gatekeeping": "arm"}):
        one, two = (declared(**options).analyze(t).to_dicts() for t in (table, shuffled))
        assert one == two


@FEW
@given(arms=st.lists(ARM, min_size=3, max_size=6), side=SIDES, equal=st.booleans(), level=LEVELS)
def test_dunnett_from_summaries_is_coherent(arms, side, equal, level):
    given_ = {f"a{i}": arm for i, arm in enumerate(arms)}
    found = ex.dunnett(given_, control="a0", side=side, equal_variances=equal, level=level)
    for comparison, p in zip(found.comparisons, found.p_adjusted, strict=True):
        assume(p is not None and abs(p - (1 - level)) > 1e-9)
        assert (not comparison.difference.contains(0.0)) == (p < 1 - level)
        assert comparison.difference.p_value == p


@FEW
@given(arms=st.lists(ARM, min_size=3, max_size=5), unit=st.sampled_from([1e-6, 1e9]), shift=st.sampled_from([0.0, 1e9]))
def test_units_and_offsets_do_not_change_dunnett(arms, unit, shift):
    plain = ex.dunnett({f"a{i}": arm for i, arm in enumerate(arms)}, control="a0")
    moved = {f"a{i}": ((m + shift) * unit, s * unit, n) for i, (m, s, n) in enumerate(arms)}
    assert ex.dunnett(moved, control="a0").p_adjusted == pytest.approx(plain.p_adjusted, rel=1e-5, abs=1e-12)


@FEW
@given(arms=st.lists(ARM, min_size=3, max_size=5))
def test_the_order_of_the_arms_does_not_matter(arms):
    names = [f"a{i}" for i in range(len(arms))]
    plain = ex.dunnett(dict(zip(names, arms, strict=True)), control="a0")
    turned = ex.dunnett(dict(zip(names[::-1], arms[::-1], strict=True)), control="a0")
    assert turned.p_adjusted[::-1] == pytest.approx(plain.p_adjusted, rel=1e-9, abs=1e-300)


@FEW
@given(
    squares=st.lists(st.floats(0.0, 0.99), min_size=2, max_size=6),
    df=st.sampled_from([1.0, 3.7, 40.0, 2e4, math.inf]),
    p=st.floats(1e-12, 0.999),
    side=st.sampled_from(["two", "greater"]),
)
def test_the_joint_p_lies_in_its_bounds_and_grows(squares, df, p, side):
    loadings = np.sqrt(np.array(squares))
    joint = joint_p(p, loadings, len(squares), df, side)
    assert p <= joint <= min(1.0, len(squares) * p)
    assert joint_p(p / 2, loadings, len(squares), df, side) <= joint
    more = joint_tail(2.0, np.append(loadings, 0.3), df, side)
    assert more >= joint_tail(2.0, loadings, df, side) - 1e-13


@FEW
@given(first=COUNTS, second=COUNTS, margin=st.floats(0.01, 0.4), side=SIDES, level=LEVELS, relative=st.booleans())
def test_equivalence_is_the_place_of_its_interval(first, second, margin, side, level, relative):
    found = ex.equivalence_rates(*first, *second, margin=margin, side=side, level=level, relative=relative)
    estimate, alpha = found.estimate, 1 - level
    assume(found.p_value is not None)
    assume(min(abs(found.p_value - alpha), abs(found.p_value - 1 + alpha)) > 1e-9)
    above = side == "less" or estimate.low > -margin
    below = side == "greater" or estimate.high < margin
    assert (above and below) == (found.decision in ("equivalent", "non_inferior"))
    beyond = (side != "less" and estimate.high < -margin) or (side != "greater" and estimate.low > margin)
    assert beyond == (found.decision in ("not_equivalent", "inferior"))


@FEW
@given(first=ARM, second=ARM, margin=st.floats(0.01, 9.0), level=LEVELS, equal=st.booleans())
def test_swapping_the_arms_swaps_the_margins(first, second, margin, level, equal):
    one = ex.equivalence_means(*first, *second, margin=margin, level=level, equal_variances=equal)
    two = ex.equivalence_means(*second, *first, margin=margin, level=level, equal_variances=equal)
    assert (one.p_low, one.p_high) == pytest.approx((two.p_high, two.p_low), rel=1e-9)
    assert one.decision == two.decision
