"""Interaction tests against R's oneway.test, Cochran's formula and a likelihood maximised by R."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from experiments.inference.heterogeneity import interaction_of_estimates, interaction_of_rates
from experiments.inference.score import Tables

PLACE = Path(__file__).parents[1] / "references/heterogeneity"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(PLACE.glob("*.json"))}


def table(hits, n, control_hits, control_n):
    columns = (np.array([float(x)]) for x in (hits, n, control_hits, control_n))
    return Tables(**dict(zip(("hits", "n", "control_hits", "control_n"), columns, strict=True)), weights=np.ones(1))


@pytest.mark.parametrize("row", FILES["welch"]["expected"], ids=lambda row: f"{len(row['effects'])} groups")
def test_welch(row):
    found = interaction_of_estimates(*(np.array(row[name], float) for name in ("effects", "variances", "freedom")))
    rtol = FILES["welch"]["rtol"]
    assert found.statistic == pytest.approx(row["statistic"], rel=rtol)
    assert found.df2 == pytest.approx(row["df2"], rel=rtol)
    assert found.p_value == pytest.approx(row["p"], rel=rtol)


@pytest.mark.parametrize("row", FILES["cochran"]["expected"], ids=lambda row: f"{len(row['effects'])} groups")
def test_cochran(row):
    effects, variances = np.array(row["effects"]), np.array(row["variances"])
    found = interaction_of_estimates(effects, variances, np.full(len(effects), math.inf))
    rtol = FILES["cochran"]["rtol"]
    assert found.df2 is None
    for name, value in (("statistic", found.statistic), ("common", found.common), ("p", found.p_value)):
        assert value == pytest.approx(row[name], rel=rtol)


@pytest.mark.parametrize("row", FILES["score"]["expected"], ids=lambda row: f"{len(row['tables'])} segments")
def test_score(row):
    found = interaction_of_rates([table(*one) for one in row["tables"]])
    rtol, atol = FILES["score"]["rtol"], FILES["score"]["atol"]
    for name, value in (("statistic", found.statistic), ("common", found.common), ("p", found.p_value)):
        assert value == pytest.approx(row[name], rel=rtol, abs=atol)


def test_two_groups_are_welchs_t():
    found = interaction_of_estimates(np.array([1.0, 2.2]), np.array([0.1, 0.3]), np.array([9.0, 21.0]))
    df = 0.4**2 / (0.1**2 / 9 + 0.3**2 / 21)
    assert found.df2 == pytest.approx(df)
    assert found.p_value == pytest.approx(2 * scipy.stats.t.sf(1.2 / math.sqrt(0.4), df), rel=1e-10)


def test_a_segment_without_events_takes_part_without_shouting():
    with_zero = interaction_of_rates([table(60, 1000, 30, 1000), table(20, 1000, 25, 1000), table(0, 60, 0, 50)])
    without = interaction_of_rates([table(60, 1000, 30, 1000), table(20, 1000, 25, 1000)])
    assert with_zero.df == 2
    assert with_zero.statistic == pytest.approx(without.statistic, rel=0.05)
    assert with_zero.p_value > without.p_value
    assert with_zero.note == "SMALL_EXPECTED"


def test_scale_and_order_do_not_matter():
    effects, variances, df = np.array([1.0, 2.0, 4.0]), np.array([0.2, 0.5, 0.9]), np.array([9.0, 30.0, 55.0])
    found = interaction_of_estimates(effects, variances, df)
    for unit in (1e-140, 1e9):
        scaled = interaction_of_estimates(effects * unit, variances * unit**2, df)
        assert scaled.p_value == pytest.approx(found.p_value, rel=1e-9)
    order = [2, 0, 1]
    assert interaction_of_estimates(effects[order], variances[order], df[order]).p_value == pytest.approx(
        found.p_value, rel=1e-12
    )
    shifted = interaction_of_estimates(effects + 5, variances, df)
    assert shifted.p_value == pytest.approx(found.p_value, rel=1e-9)


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (interaction_of_estimates(np.array([1.0]), np.array([1.0]), np.array([5.0])), "ONE_SEGMENT"),
        (interaction_of_estimates(np.zeros(0), np.zeros(0), np.zeros(0)), "ONE_SEGMENT"),
        (interaction_of_estimates(np.ones(2), np.array([1.0, 0.0]), np.full(2, 5.0)), "ZERO_VARIANCE"),
        (interaction_of_rates([table(1, 9, 2, 9)]), "ONE_SEGMENT"),
        (interaction_of_rates([table(0, 9, 0, 9), table(0, 5, 0, 7)]), "ZERO_VARIANCE"),
        (interaction_of_rates([table(9, 9, 9, 9), table(5, 5, 7, 7)]), "ZERO_VARIANCE"),
    ],
)
def test_what_cannot_be_tested_says_why(found, note):
    assert (found.p_value, found.statistic, found.note) == (None, None, note)


def test_equal_observed_differences_give_no_evidence():
    found = interaction_of_rates([table(10, 100, 5, 100), table(20, 200, 10, 200)])
    assert found.statistic == pytest.approx(0.0, abs=1e-12)
    assert found.p_value == pytest.approx(1.0)


def test_a_variance_without_bound_is_no_variance():
    found = interaction_of_estimates(np.array([1.0, 2.0]), np.array([1.0, np.inf]), np.array([9.0, 9.0]))
    assert (found.p_value, found.note) == (None, "ZERO_VARIANCE")
