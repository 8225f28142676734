"""The share of one group: Wilson's interval, and that of events in bundles against R's survey."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from experiments.inference.proportions import bundled_share, share_estimate

CASES = json.loads((Path(__file__).parents[1] / "references" / "proportions" / "bundled.json").read_text())


@pytest.mark.parametrize("name", sorted(CASES["inputs"]))
def test_the_linearised_variance_is_that_of_survey(name: str):
    case, expected = CASES["inputs"][name], CASES["expected"][name]
    found = bundled_share(np.array(case["hits"], float), np.array(case["n"], float), level=0.95)
    assert found.value == pytest.approx(expected["share"], rel=CASES["rtol"])
    assert found.standard_error == pytest.approx(expected["standard_error"], rel=CASES["rtol"])


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 1_000_000)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_wilson_is_that_of_statsmodels(hits: int, n: int, level: float):
    found = share_estimate(hits, n, level=level)
    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-12)


def test_single_events_of_persons_give_nearly_wilson():
    hits = np.array([1.0] * 30 + [0.0] * 70)
    bundled, plain = bundled_share(hits, np.ones(100), level=0.95), share_estimate(30, 100, level=0.95)
    assert (bundled.low, bundled.high) == pytest.approx((plain.low, plain.high), abs=1e-3)


def test_no_event_counts_persons_not_events():
    found = bundled_share(np.zeros(10), np.full(10, 7.0), level=0.95)
    plain = share_estimate(0, 10, level=0.95)
    assert found.low == 0.0
    assert found.high == pytest.approx(plain.high)


def test_one_person_bounds_nothing_and_nobody_has_no_share():
    assert (bundled_share(np.array([2.0]), np.array([5.0]), level=0.95).high) == 1.0
    assert bundled_share(np.zeros(0), np.zeros(0), level=0.95).note == "NOBODY_AT_RISK"
    assert share_estimate(0, 0, level=0.95).value is None
