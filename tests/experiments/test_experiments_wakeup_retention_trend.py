"""The test for rising retention: McNemar with two periods, a loop over persons with more, what is left untested."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

import experiments as ex
from experiments.wakeup.retention_trend import rising
from oracles import retention as oracle


def _pairs(there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(there)


def test_with_two_periods_it_is_mcnemar():
    there = np.array([[0, 1]] * 70 + [[1, 0]] * 41 + [[1, 1]] * 30 + [[0, 0]] * 200)
    (found,) = rising(_pairs(there), np.zeros(len(there), np.int64), np.array([2]), first=0)
    table = [[200, 70], [41, 30]]
    wanted = mcnemar(table, exact=False, correction=False)
    assert math.isclose(found.z**2, wanted.statistic, rel_tol=1e-12)
    assert math.isclose(found.p_value, wanted.pvalue / 2, rel_tol=1e-10)
    assert (found.moved, found.size, found.slope) == (111, 341, 29 / 341)


def test_with_more_periods_it_is_the_loop_over_persons_and_holm_over_cohorts():
    draw = np.random.default_rng(9)
    there = draw.random((900, 6)) < np.array([0.10, 0.11, 0.10, 0.12, 0.13, 0.14])
    cohort = np.repeat([0, 1, 2], 300)
    observed = np.array([6, 4, 2])
    found = rising(_pairs(there), cohort, observed, first=1)
    z = [oracle.trend(there[cohort == place, 1:width].tolist()) for place, width in ((0, 6), (1, 4))]
    assert np.allclose([found[0].z, found[1].z], z, rtol=1e-12)
    p = stats.norm.sf(z)
    assert np.allclose([found[0].p_value, found[1].p_value], p, rtol=1e-10)
    assert np.allclose([found[0].p_adjusted, found[1].p_adjusted], multipletests(p, method="holm")[1], rtol=1e-10)
    # The slope is that of least squares through the rates.
    slope = np.polyfit(np.arange(1, 6), there[cohort == 0, 1:].mean(axis=0), 1)[0]
    assert math.isclose(found[0].slope, slope, rel_tol=1e-10)
    # One period takes part in the third cohort: nothing is tested.
    assert (found[2].z, found[2].p_value, found[2].p_adjusted, found[2].slope) == (None, None, None, None)


def test_the_trend_does_not_depend_on_the_order_of_persons():
    draw = np.random.default_rng(2)
    there = draw.random((400, 4)) < 0.3
    one = rising(_pairs(there), np.zeros(400, np.int64), np.array([4]), first=0)[0]
    two = rising(_pairs(there[::-1]), np.zeros(400, np.int64), np.array([4]), first=0)[0]
    assert (one.z, one.p_value) == (two.z, two.p_value)


def _log(rates: list[float], persons: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    first = pd.Timestamp("2026-01-05", tz="UTC")
    rows = [(f"p{person}", first) for person in range(persons)]
    for k, rate in enumerate(rates):
        rows += [
            (f"p{person}", first + pd.Timedelta(days=30 * k + 1 + int(draw.integers(28))))
            for person in np.flatnonzero(draw.random(persons) < rate)
        ]
    return pd.DataFrame(rows, columns=["person_id", "time"])


def test_a_cohort_whose_retention_rises_is_told_with_its_numbers():
    found = ex.retention(_log([0.5, 0.05, 0.10, 0.15, 0.20], 800, 1), as_of="2026-06-05", periods=5)
    told = [one for one in found.findings if one.code == "REVERSE_TREND"]
    assert [one.status for one in told] == ["warn"]
    values, rows = told[0].values, found.to_dicts()
    assert (values["cohort"], values["first"], values["last"]) == ("2026-01", 1, 4)
    assert (values["rate_first"], values["rate_last"]) == (rows[1]["rate"], rows[4]["rate"])
    assert values["p_adjusted"] < 1e-3
    assert "no statement about its cause" in told[0].text("en")
    assert "此处不说明原因" in told[0].text("zh")
    (trend,) = found.trends().to_dicts()
    assert (trend["periods"], trend["note"]) == (4, "")
    for kind in ("cumulative", "rolling"):
        other = ex.retention(_log([0.5, 0.05, 0.10, 0.15, 0.20], 800, 1), as_of="2026-06-05", periods=5, kind=kind)
        assert not other.findings
        assert not other.trends().to_dicts()


@pytest.mark.parametrize(
    ("rates", "persons", "note"),
    [
        ([0.5, 0.1, 0.1, 0.1], 800, ""),
        ([0.0, 0.02, 0.02, 0.02], 80, "TOO_FEW_MOVED"),
        ([0.3, 0.5], 800, "TOO_FEW_PERIODS"),
    ],
)
def test_a_period_0_that_the_first_act_takes_up_takes_no_part(rates: list[float], persons: int, note: str):
    found = ex.retention(_log(rates, persons, 2), as_of="2026-12-31", periods=len(rates))
    assert not [one for one in found.findings if one.code == "REVERSE_TREND"]
    (trend,) = found.trends().to_dicts()
    assert trend["note"] == note
    assert (trend["p_value"] is None) == bool(note)
