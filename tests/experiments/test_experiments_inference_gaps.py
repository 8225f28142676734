"""Places of inference whose small changes no other test noticed: edges of rules, empty units, refusals and strata."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from adjustment_cases import case
from attribution.core.errors import InputError
from experiments.inference.adjusted_slopes import kept_covariates
from experiments.inference.bootstrap_intervals import interval_of
from experiments.inference.caps import heavy_tail
from experiments.inference.compliance import complier_effect
from experiments.inference.contamination import contamination_bounds
from experiments.inference.joint_t import joint_p
from experiments.inference.proportions import share_interval
from experiments.inference.redrawn import Redrawn, _shares
from experiments.inference.score import Tables, constrained_difference
from experiments.inference.second import _status


@pytest.mark.parametrize(
    ("level", "side", "fewest"), [(0.95, "two", 39), (0.97, "two", 66), (0.97, "greater", 33), (0.985, "less", 66)]
)
def test_an_interval_needs_a_replicate_beyond_each_of_its_ends(level, side, fewest):
    """Each end is a rank of size + 1 places, so one of them must be less than the error of a side."""
    found = interval_of(np.arange(float(fewest)), null=-1.0, level=level, side=side)
    assert math.isfinite(found.high if side == "less" else found.low)
    with pytest.raises(InputError, match=f"replicates must be at least {fewest} for"):
        interval_of(np.arange(fewest - 1.0), null=-1.0, level=level, side=side)


def test_a_cluster_of_unknown_outcomes_is_no_cluster():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(12), 5), "y": rng.normal(size=60)})
    frame["arm"] = np.where(frame.cluster % 2, "a", "b")
    gone = frame.assign(y=frame.y.where(frame.cluster != 3))
    found, expected = case(gone, cluster="cluster").clustered(), case(gone.dropna(), cluster="cluster").clustered()
    assert found.value == pytest.approx(expected.value)
    assert found.covariance == pytest.approx(expected.covariance)
    assert found.freedom == pytest.approx(expected.freedom)


def test_a_share_of_0_of_clusters_is_read_with_the_number_of_clusters():
    """Everybody of the nine assigned clusters took it: Wilson's upper limit is z^2 / (9 + z^2)."""
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(16), 10)
    z = (cluster < 9).astype(int)
    d = np.where(z == 1, 1, rng.random(160) < 0.2).astype(int)
    never = complier_effect(z, d, rng.normal(size=160), cluster=cluster).compliance.never_takers
    assert (never.value, never.low) == (0.0, 0.0)
    assert never.high == pytest.approx(norm.ppf(0.975) ** 2 / (9 + norm.ppf(0.975) ** 2))


def test_a_contaminated_holdout_that_allows_two_half_lines_is_told_as_unbounded():
    """One of 20 of the holdout is untouched, and the gain is clear: the set is everything outside two numbers."""
    rng = np.random.default_rng(1)
    outcome = np.concatenate([rng.normal(10.0, 1.0, 40), rng.normal(5.0, 1.0, 20)])
    assigned, touched = np.repeat([1, 0], [40, 20]), np.repeat([0, 1, 0], [40, 19, 1])
    took = np.where(assigned == 1, 1, touched)
    assert complier_effect(assigned, took, outcome).robust.kind == "complement"
    (row,) = [
        one
        for one in contamination_bounds(assigned, outcome, contaminated=touched, limits=(0, 20)).rows
        if one.assumption == "constant"
    ]
    assert (row.low, row.high) == (-math.inf, math.inf)
    assert row.note.startswith("WEAK_FIRST_STAGE")


@pytest.mark.parametrize(("base", "clear"), [(2, True), (3, False), (1, True)])
def test_a_rate_two_standard_errors_inside_its_edge_says_which_end_binds(base, clear):
    """A share of 0.3 above the holdout's rate: 0.1 lies 3.0 of its standard errors below it, 0.15 lies 1.9.

    Where the data are clear nobody untreated might have responded, and the effect ends at the treated rate's own limit.
    """
    assigned = np.repeat([1, 0], 20)
    few, many = (np.concatenate([np.repeat([1, 0], [k, 20 - k]) for k in ks]) for ks in ((3, base), (17, 20 - base)))
    top = contamination_bounds(assigned, few, share=0.3, limits=(0, 1)).rows[-1]
    bottom = contamination_bounds(assigned, many, share=0.3, limits=(0, 1)).rows[-1]
    own = share_interval(3 / 20, 0.0, 20, level=0.9)[1]
    assert top.assumption == bottom.assumption == "none"
    if clear:
        assert top.high == pytest.approx(own, abs=1e-5)
    else:
        assert top.high > own + 0.1
    assert bottom.low == pytest.approx(-top.high, abs=1e-9)


@pytest.mark.parametrize(("p", "status"), [(0.9, "pass"), (0.5, "note"), (0.2, "warn")])
def test_two_p_values_a_standard_error_apart_are_a_warning(p, status):
    """0.9 is 0.13 standard errors, 0.5 are 0.67 and 0.2 are 1.28; none of them decides for an effect."""
    second = Redrawn(
        difference=0.1, statistic=0.1, p_value=0.9, low=0.9, high=0.9, mid_p=0.9, assignments=9999, exact=False,
        grouped=0.0, note="",
    )  # fmt: skip
    assert _status(p, second, 0.95) == status


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_covariate_is_dropped_when_another_says_the_same_in_every_stratum(sign):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"s": np.repeat(["n", "s"], 100), "arm": np.tile(["a", "b"], 100), "y": rng.normal(size=200)})
    frame["x"] = rng.normal(size=200) * np.where(frame.s == "n", 1.0, 3.0)
    frame["same"] = 5.0 + sign * 2.0 * frame.x
    frame["other"] = rng.normal(size=200)
    assert kept_covariates(case(frame, covariates=["x", "same", "other"], strata=["s"]).grid) == ("x", "other")


def test_the_lean_of_an_arm_of_two_persons_is_that_of_the_other_arm():
    values = np.append(np.arange(50.0), 4000.0)
    frame = pd.DataFrame({"arm": ["none"] * 51 + ["sms"] * 2, "value": np.append(values, [3.0, 4.0])})
    made = case(frame, y="value")
    found = heavy_tail(made.grid, made.weights, metric="value", control="none")
    third = np.sum((values - values.mean()) ** 3) / 51**3
    variance = np.var(values, ddof=1) / 51 + 0.5 / 2
    assert found.values["lean"] == pytest.approx(-third / variance**1.5)


def test_a_mid_p_value_counts_ties_half_and_the_observed_assignment():
    hit, far = np.array([True] * 7 + [False] * 12), np.array([True] * 4 + [False] * 15)
    found = _shares([(hit, far)], None, twice=False)
    assert found["p_value"] == pytest.approx(8 / 20)
    assert found["mid_p"] == pytest.approx((8 / 20 + 4 / 20) / 2)
    assert _shares([(hit, far)], None, twice=True)["mid_p"] == pytest.approx(8 / 20 + 4 / 20)


def test_a_rate_of_no_events_is_constrained_to_0_only_where_the_likelihood_falls_there():
    """One event of one, none of nine, a gap of 0.11: log(q + 0.11) + 9 log(1 - q) is largest at q = 0.001."""
    one, none, nine = np.array([1.0]), np.array([0.0]), np.array([9.0])
    table = Tables(hits=one, n=one, control_hits=none, control_n=nine, weights=one)
    treated, control = constrained_difference(table, 0.11)
    assert (treated[0], control[0]) == pytest.approx((0.111, 0.001), rel=1e-9)
    assert constrained_difference(table, 0.12)[1][0] == 0.0


def test_a_statistic_too_far_for_sums_has_the_bound_of_bonferroni():
    """With one degree of freedom the t of 1e-120 is 3e119."""
    assert joint_p(1e-120, np.full(3, 0.7), 3, 1.0, "greater") == pytest.approx(3e-120, rel=1e-12)
    assert joint_p(1.0, np.full(3, 0.7), 3, 1.0, "greater") == 1.0
