"""Dunnett's test against mvtnorm, multcomp, SciPy, a printed table and slow integrals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import experiments as ex
from attribution.core.errors import InputError
from experiments.design.planning.arms import dunnett_limit
from experiments.inference.dunnett import joint_tests, shared_control_loadings
from experiments.inference.joint_t import joint_critical, joint_p, joint_tail, loadings_of

PLACE = Path(__file__).parents[1] / "references/dunnett"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(PLACE.glob("*.json"))}
TAILS = [(name, row) for name in FILES if name.startswith("tails") for row in FILES[name]["expected"]]
# Dunnett (1955), JASA 50:1112, one-sided 5 %, equal persons in all arms, as a textbook reprints it (appendix, table 11,
# page 1117; https://text-id.123dok.com/document/lzg28pv2y-one-sided-one-sided-um-05-one-tailed-um-10-two-tailed-n.html):
# degrees of freedom to the values for these numbers of arms besides the control.
PRINTED_ARMS = (2, 3, 4, 5, 6, 9, 12, 20)
PRINTED = {
    6: (2.34, 2.56, 2.71, 2.83, 2.92, 3.12, 3.26, 3.50),
    10: (2.15, 2.34, 2.47, 2.56, 2.64, 2.81, 2.92, 3.12),
    20: (2.03, 2.19, 2.30, 2.39, 2.46, 2.60, 2.70, 2.87),
    40: (1.97, 2.13, 2.23, 2.31, 2.37, 2.51, 2.60, 2.75),
    120: (1.93, 2.08, 2.18, 2.26, 2.32, 2.45, 2.53, 2.68),
    math.inf: (1.92, 2.06, 2.16, 2.23, 2.29, 2.42, 2.50, 2.64),
}
ARMS = {"holdout": (10.4, 28.0, 1000), "sms": (12.1, 30.0, 4000), "full": (13.9, 31.0, 4000)}


@pytest.mark.parametrize(
    ("name", "row"), TAILS, ids=lambda x: x if isinstance(x, str) else f"{x['df']} {x['statistic']}"
)
def test_joint_tails(name, row):
    found = joint_tail(row["statistic"], np.array(row["loadings"]), float(row["df"]), row["side"])
    assert found == pytest.approx(row["tail"], rel=FILES[name]["rtol"], abs=FILES[name]["atol"])


def critical(df, arms, side):
    tail = joint_critical(0.95, np.full(arms, math.sqrt(0.5)), arms, df, side)
    return scipy.stats.t.isf(tail / (2 if side == "two" else 1), df)


@pytest.mark.parametrize(
    ("df", "arms", "printed"),
    [(df, arms, t) for df, row in PRINTED.items() for arms, t in zip(PRINTED_ARMS, row, strict=True)],
)
def test_printed_table(df, arms, printed):
    # Two decimals; a few last digits of the print are off by one.
    assert abs(critical(df, arms, "greater") - printed) <= 0.0065


@pytest.mark.parametrize(
    "row", FILES["critical"]["expected"], ids=lambda row: f"{row['df']} {row['arms']} {row['side']}"
)
def test_critical_values(row):
    found = critical(float(row["df"]), row["arms"], row["side"])
    assert found == pytest.approx(row["critical"], rel=FILES["critical"]["rtol"])


@pytest.mark.parametrize("row", FILES["glht"]["expected"], ids=lambda row: f"{row['name']} {row['side']}")
def test_multcomp(row):
    rtol, atol = FILES["glht"]["rtol"], FILES["glht"]["atol"]
    found = ex.dunnett(
        {name: tuple(arm) for name, arm in row["arms"].items()}, control=row["control"], side=row["side"]
    )
    assert found.p_adjusted == pytest.approx(row["p_adjusted"], rel=rtol, abs=atol)
    ends = [(c.difference.low, c.difference.high) for c in found.comparisons]
    for (low, high), wanted_low, wanted_high in zip(ends, row["low"], row["high"], strict=True):
        assert low == pytest.approx(float(wanted_low), rel=rtol, abs=atol)
        assert high == pytest.approx(float(wanted_high), rel=rtol, abs=atol)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
def test_scipy(side):
    rng = np.random.default_rng(5)
    samples = [rng.normal(m, 2.0, n) for m, n in ((0, 20), (1, 33), (2, 15), (-0.5, 40))]
    alternative = {"two": "two-sided"}.get(side, side)
    wanted = scipy.stats.dunnett(
        *samples[1:], control=samples[0], alternative=alternative, rng=np.random.default_rng(1)
    )
    arms = {str(i): (x.mean(), x.std(ddof=1), len(x)) for i, x in enumerate(samples)}
    found = ex.dunnett(arms, control="0", side=side)
    # SciPy integrates by a random lattice: about 1e-4.
    assert found.p_adjusted == pytest.approx(list(wanted.pvalue), abs=5e-4)


def test_independent_statistics_are_sidak_and_equal_ones_are_one_test():
    none = joint_tail(2.1, np.zeros(4), math.inf, "two")
    single = 2 * scipy.stats.norm.sf(2.1)
    assert none == pytest.approx(1 - (1 - single) ** 4, rel=1e-12)
    assert joint_tail(2.1, np.ones(4), math.inf, "two") == pytest.approx(single, rel=1e-5)
    assert joint_tail(2.1, np.array([0.4]), 7.5, "two") == pytest.approx(2 * scipy.stats.t.sf(2.1, 7.5), rel=1e-13)


@pytest.mark.parametrize("df", [1.5, 40.0, math.inf])
@pytest.mark.parametrize("side", ["two", "greater"])
def test_the_two_rules_of_nodes_agree(df, side, monkeypatch):
    """Even nodes serve moderate correlations, panels those near 1; each is the other's check."""
    cases = [(t, np.sqrt(squares)) for t in (-0.4, 0.3, 2.5, 7.0) for squares in ([0.5, 0.9, 0.1], [0.97, 0.2])]
    even = [joint_tail(t, loadings, df, side) for t, loadings in cases]
    monkeypatch.setattr("experiments.inference.joint_t._SMOOTH", 0.0)
    assert [joint_tail(t, loadings, df, side) for t, loadings in cases] == pytest.approx(even, rel=1e-10)


def test_an_arm_without_variance_is_decided_by_the_control():
    arms = {"holdout": (1.0, 2.0, 50), "flat": (0.4, 0.0, 500), "sms": (1.2, 2.0, 500)}
    found = ex.dunnett(arms, control="holdout", equal_variances=False)
    assert found.p_values[0] < found.p_adjusted[0] < 2 * found.p_values[0]


@pytest.mark.parametrize("df", [2.0, 30.0, 5000.0, math.inf])
def test_far_tails_keep_their_digits(df):
    """Bonferroni's bound and the single p enclose the joint p, however small; for normal tails they meet."""
    loadings = np.sqrt([0.5, 0.6, 0.7])
    for p in (1e-6, 1e-30, 1e-150):
        joint = joint_p(p, loadings, 3, df, "two")
        assert p < joint <= 3 * p
    if math.isinf(df):
        assert joint_p(1e-150, loadings, 3, df, "two") == pytest.approx(3e-150, rel=1e-6)


@pytest.mark.parametrize("df", [1.0, 4.3, 60.0, math.inf])
@pytest.mark.parametrize("level", [0.6, 0.95, 0.999])
@pytest.mark.parametrize("side", ["two", "greater"])
def test_the_critical_value_inverts_the_adjusted_p(df, level, side):
    loadings = np.sqrt([0.2, 0.75, 0.9])
    assert joint_p(joint_critical(level, loadings, 3, df, side), loadings, 3, df, side) == pytest.approx(
        1 - level, rel=1e-10
    )


@pytest.mark.parametrize("side", ["two", "greater"])
@pytest.mark.parametrize("allocation", [0.25, 1.0, 3.0])
def test_the_plan_holds_the_same_critical_value(side, allocation):
    """Two independent quadratures of one integral: Gauss-Hermite there, the trapezoidal rule here."""
    loadings = np.full(4, math.sqrt(allocation / (1 + allocation)))
    limit = dunnett_limit(4, level=0.95, side=side, allocation=allocation)
    assert joint_tail(limit, loadings, math.inf, side) == pytest.approx(0.05, rel=1e-9)


def test_loadings_of_a_shared_control_and_of_other_correlations():
    covariance = np.diag([1.0, 2.0, 5.0, 3.0])
    shared = shared_control_loadings(covariance, [0, 1, 2], 3)
    assert shared == pytest.approx(np.sqrt([3 / 4, 3 / 5, 3 / 8]))
    contrasts = np.array([[1, 0, 0, -1], [0, 1, 0, -1], [0, 0, 1, -1.0]])
    assert loadings_of(contrasts @ covariance @ contrasts.T) == pytest.approx(shared)
    tilted = covariance + 0.3
    assert shared_control_loadings(tilted, [0, 1, 2], 3) == pytest.approx(shared)  # what all share cancels
    steps = np.array([[1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1.0]])
    assert loadings_of(steps @ covariance @ steps.T) is None
    assert loadings_of(np.array([[1.0, -0.5], [-0.5, 1.0]])) == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])


def test_without_products_sidak_or_bonferroni_stand_in():
    assert joint_p(0.01, None, 3, math.inf, "two") == pytest.approx(1 - 0.99**3)
    assert joint_p(0.01, None, 3, math.inf, "greater") == pytest.approx(0.03)
    assert joint_p(joint_critical(0.95, None, 3, 9.0, "two"), None, 3, 9.0, "two") == pytest.approx(0.05)


def test_step_down_starts_with_the_single_step_and_never_rises():
    plain = ex.dunnett(ARMS, control="holdout")
    stepped = ex.dunnett(ARMS, control="holdout", step_down=True)
    assert stepped.p_adjusted[1] == plain.p_adjusted[1]  # the smallest p
    assert stepped.p_adjusted[0] == pytest.approx(max(plain.p_values[0], plain.p_adjusted[1]))  # alone at the end
    assert "step-down" in stepped.method


def test_welch_takes_its_own_degrees_of_freedom():
    found = ex.dunnett(ARMS, control="holdout", equal_variances=False)
    one = ex.compare_means(*ARMS["full"], *ARMS["holdout"])
    assert found.p_values[1] == one.difference.p_value
    assert one.difference.p_value < found.p_adjusted[1] < 2 * one.difference.p_value


def test_arms_without_a_test_stay_undefined_and_do_not_count():
    arms = {**ARMS, "one": (5.0, None, 1)}
    found = ex.dunnett(arms, control="holdout", equal_variances=False)
    assert found.p_adjusted[2] is None
    assert found.comparison("one").difference.note == "TOO_FEW_PERSONS"
    assert found.p_adjusted[:2] == ex.dunnett(ARMS, control="holdout", equal_variances=False).p_adjusted
    flat = ex.dunnett({"a": (1, 0.0, 9), "b": (2, 0.0, 9)}, control="a")
    assert flat.p_adjusted == (None,)
    assert joint_tests([None, None], [math.inf] * 2, None, level=0.95)[0].p_adjusted is None


def test_a_result_shows_itself_in_both_languages():
    import attribution as at

    found = ex.dunnett({**ARMS, "短信 📱": (11.0, 29.0, 500)}, control="holdout")
    assert list(found.table()["arm"]) == ["sms", "full", "短信 📱"]
    assert "Dunnett's test" in repr(found)
    with at.language("zh"):
        assert "同时成立" in repr(found)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"a": (1.0, 1.0, 5)}, "at least one other arm"),
        ({"b": (1.0, 1.0, 5), "c": (1.0, 1.0, 5)}, r"control='a', got 'b', 'c'"),
        ({"a": (1.0, 1.0, 5), "b": (math.nan, 1.0, 5), "c": (1.0, -1.0, 5)}, r"2 problems: .*'b'.*'c'"),
        ({"a": (1.0, 1.0, 5), "b": "x"}, "must be .mean, standard deviation, persons., got 'x'"),
        ({"a": (1.0, 1.0, 5), "b": (1.0, 1.0, 2.5)}, "persons of 1 or more"),
        ([("a", 1)], "must be a dict"),
    ],
)
def test_bad_arms_are_refused(arms, message):
    with pytest.raises(InputError, match=message):
        ex.dunnett(arms, control="a")


def test_unknown_arm_is_named():
    with pytest.raises(InputError, match="there is no arm 'smss'"):
        ex.dunnett(ARMS, control="holdout").comparison("smss")


def test_arms_may_have_numbers_for_names_but_no_two_the_same_text():
    found = ex.dunnett({0: (10.4, 28.0, 1000), 1: (12.1, 30.0, 4000), 2: (13.9, 31.0, 4000)}, control=0)
    assert (found.control, found.arms) == ("0", ("1", "2"))
    assert found.p_adjusted == ex.dunnett(ARMS, control="holdout").p_adjusted
    assert found.comparison(2) is found.comparison("2")
    with pytest.raises(InputError, match="must differ as text, got 1, '1'"):
        ex.dunnett({1: (1.0, 1.0, 5), "1": (1.0, 1.0, 5)}, control=1)
