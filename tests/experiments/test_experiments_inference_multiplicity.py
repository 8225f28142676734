"""Adjusted p-values against R, statsmodels and closed testing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from attribution.core.errors import InputError
from experiments.inference.multiplicity import adjust_pvalues
from oracles import exact_tables

REFERENCES = json.loads(
    (Path(__file__).parents[1] / "references/multiplicity/r_p_adjust.json").read_text(encoding="utf-8")
)
STATSMODELS = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "bh": "fdr_bh",
    "by": "fdr_by",
}
FAMILY = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.05, 1.0])), min_size=1, max_size=7)


@pytest.mark.parametrize("row", REFERENCES["expected"], ids=lambda row: f"{row['method']} {row['p']}"[:50])
def test_base_r(row):
    assert adjust_pvalues(row["p"], method=row["method"]) == pytest.approx(row["adjusted"], rel=1e-12)


@pytest.mark.parametrize("method", STATSMODELS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(p=FAMILY)
def test_statsmodels(method, p):
    wanted = multipletests(p, method=STATSMODELS[method])[1]
    assert np.allclose(adjust_pvalues(p, method=method), np.minimum(wanted, 1), rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(p=FAMILY)
def test_hommel_is_closed_testing_with_simes(p):
    assert adjust_pvalues(p, method="hommel") == pytest.approx(exact_tables.hommel(p), rel=1e-12)


@pytest.mark.parametrize("method", STATSMODELS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(p=FAMILY, seed=st.randoms(use_true_random=False))
def test_order_follows_the_input_and_nothing_shrinks(method, p, seed):
    turned = list(range(len(p)))
    seed.shuffle(turned)
    plain = adjust_pvalues(p, method=method)
    assert adjust_pvalues([p[i] for i in turned], method=method) == pytest.approx([plain[i] for i in turned], rel=1e-12)
    assert all(given <= adjusted <= 1 for given, adjusted in zip(p, plain, strict=True))


def test_tests_that_were_not_done_stay_none_and_do_not_count():
    assert adjust_pvalues([0.01, None, 0.04, math.nan], method="bonferroni") == (0.02, None, 0.08, None)
    assert adjust_pvalues([None]) == (None,)
    assert adjust_pvalues([]) == ()
    assert adjust_pvalues(np.array([0.01, 0.02])) == (0.02, 0.02)


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(InputError, match=r"2 problems: .*got 1.2 at 1.*got '0.1' at 2"):
        adjust_pvalues([0.1, 1.2, "0.1"])
    with pytest.raises(InputError, match="method must be one of bonferroni, holm"):
        adjust_pvalues([0.1], method="sidak")
    with pytest.raises(InputError, match="method must be one of bonferroni, holm"):
        adjust_pvalues([0.1], method=["holm"])
    for scalar in (0.04, "0.04", {"sms": 0.04}, None):
        with pytest.raises(InputError, match="p must be a list of p-values"):
            adjust_pvalues(scalar)
