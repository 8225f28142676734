"""The pooled cap against NumPy, and Welch's predicted tails against simulated ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.columns import Columns
from attribution.core.errors import InputError, TableError
from attribution.core.tables import Problems, open_table
from experiments.inference.caps import heavy_tail, welch_tails
from experiments.metrics import inputs_of
from experiments.moments import metric_rows, moments_of
from experiments.moments.grid import arrange


def money(seed=1, n=4_000, share=0.3):
    chance = np.random.default_rng(seed)
    value = np.where(chance.random(n) < share, np.round(chance.lognormal(4, 1.2, n), 2), 0.0)
    return pd.DataFrame({"arm": np.where(chance.random(n) < 0.8, "sms", "holdout"), "value": value})


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99, 0.999])
def test_numpy(q):
    frame = money()
    found = ex.pooled_cap(frame, "value", q=q)
    positive = frame.value[frame.value > 0]
    assert found.cap == np.quantile(positive, q, method="inverted_cdf")
    for row in found.to_dicts():
        mine = frame.value[frame.arm == row["arm"]]
        assert row["persons"] == len(mine)
        assert row["nonzero"] == (mine > 0).sum()
        assert row["above"] == (mine > found.cap).sum()
        assert row["cut_share"] == pytest.approx((mine - mine.clip(upper=found.cap)).sum() / mine.sum(), rel=1e-10)
        assert row["largest"] == mine.max()


def test_the_cap_goes_into_the_metric_and_few_persons_are_told():
    frame = money()
    found = ex.pooled_cap(frame, "value", q=0.999)
    assert [finding.code for finding in found.findings] == ["CAP_RESTS_ON_FEW"]
    assert ex.pooled_cap(frame, "value", q=0.9).findings == ()
    assert ex.Mean("value", cap=found.cap).cap == found.cap
    assert "0.999" in str(found.recipe.settings)
    assert "99.9%" in repr(found)


def test_all_kinds_of_tables_and_orders(table_kind):
    frame = money(n=300)
    wanted = ex.pooled_cap(frame, "value", q=0.95)
    found = ex.pooled_cap(table_kind(frame.sample(frac=1, random_state=2)), "value", q=0.95)
    assert (found.cap, found.to_dicts()) == (wanted.cap, wanted.to_dicts())
    assert found.recipe.fingerprint == wanted.recipe.fingerprint


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(InputError, match="no value of 'value' differs from 0"):
        ex.pooled_cap(pd.DataFrame({"arm": ["a"], "value": [0.0]}), "value")
    with pytest.raises(InputError, match="q must lie"):
        ex.pooled_cap(money(), "value", q=1.0)
    with pytest.raises(TableError, match="MISSING_COLUMN"):
        ex.pooled_cap(money(), "margin")


def grid_of(frame):
    opened = open_table(frame, "outcomes", Columns(), problems=Problems())
    grid = arrange(moments_of(metric_rows(opened, inputs_of(ex.Mean("value")), keys=("arm",))))
    return grid, grid.n.sum(axis=1) / grid.n.sum()


def test_the_lean_is_the_third_moment_of_the_contrast():
    frame = money(seed=3, n=3_000, share=0.05)
    grid, weights = grid_of(frame)
    found = heavy_tail(grid, weights, metric="value", control="holdout")
    third, variance = 0.0, 0.0
    for arm, sign in (("sms", 1), ("holdout", -1)):
        x = frame.value[frame.arm == arm].to_numpy()
        third += sign * np.sum((x - x.mean()) ** 3) / len(x) ** 3
        variance += x.var(ddof=1) / len(x)
    lean = third / variance**1.5
    assert found.values["lean"] == pytest.approx(lean, rel=1e-9)
    assert (found.values["above"], found.values["below"]) == pytest.approx(welch_tails(max(lean, -0.35)))
    assert found.values["above"] > 0.035
    assert found.values["below"] < 0.025
    for lang in ("en", "zh"):
        assert found.text(lang)


@pytest.mark.parametrize(
    ("amount", "status", "above"),
    [(0.25, None, None), (0.4, "note", 0.04), (0.54, "warn", 0.054), (40.0, "warn", 0.0685)],
)
def test_the_finding_grows_with_the_skewness_and_promises_no_more_than_is_known(amount, status, above):
    """One person of 1,000 in the holdout has more and more; the larger tail is printed up to a lean of 0.35."""
    chance = np.random.default_rng(4)
    values = chance.normal(5, 2, 11_000)
    values[10_500] += amount * 100.0
    frame = pd.DataFrame({"arm": ["sms"] * 10_000 + ["holdout"] * 1_000, "value": values})
    found = heavy_tail(*grid_of(frame), metric="value", control="holdout")
    assert (None if found is None else found.status) == status
    if found is not None:
        assert found.values["above"] == pytest.approx(above, abs=0.004)


def test_refunds_are_values_and_a_cap_lies_above_nothing():
    frame = pd.DataFrame({"arm": ["a", "b"] * 4, "value": [10.0, -9.0, 20.0, 30.0, 40.0, -5.0, 0.0, 50.0]})
    found = ex.pooled_cap(frame, "value", q=0.8)
    assert found.cap == 40.0
    assert found.records.column("cut_share") == [0.0, pytest.approx(10 / 80)]
    with pytest.raises(InputError, match="a cap must lie above 0"):
        ex.pooled_cap(frame, "value", q=0.2)


def test_even_values_raise_no_warning():
    chance = np.random.default_rng(4)
    frame = pd.DataFrame({"arm": ["sms"] * 500 + ["holdout"] * 500, "value": chance.normal(5, 2, 1_000)})
    assert heavy_tail(*grid_of(frame), metric="value", control="holdout") is None
    lonely = pd.DataFrame({"arm": ["sms", "holdout", "holdout"], "value": [1.0, 2.0, 900.0]})
    assert heavy_tail(*grid_of(lonely), metric="value", control="holdout") is None
    assert heavy_tail(*grid_of(frame), metric="value", control="none") is None


@pytest.mark.parametrize("lean", [-0.25, -0.1, 0.15])
def test_the_predicted_tails_come_true(lean):
    """A control of gamma values against a huge arm: the contrast's lean is minus that of the control's mean."""
    chance = np.random.default_rng(5)
    n, shape = 60, 4.0 / (lean**2 * 60)
    draws = chance.gamma(shape, 1.0, (20_000, n))
    from scipy.stats import t as student

    gap = (shape - draws.mean(axis=1)) if lean < 0 else (draws.mean(axis=1) - shape)
    statistic = gap / (draws.std(axis=1, ddof=1) / np.sqrt(n))
    edge = student.isf(0.025, n - 1)
    above, below = welch_tails(lean)
    assert np.mean(statistic > edge) == pytest.approx(above, abs=0.006)
    assert np.mean(statistic < -edge) == pytest.approx(below, abs=0.006)


def test_no_lean_gives_the_level():
    for level in (0.9, 0.95):
        assert welch_tails(0.0, level=level) == pytest.approx(((1 - level) / 2,) * 2, rel=1e-12)
    assert welch_tails(0.2) == pytest.approx(welch_tails(-0.2)[::-1], rel=1e-12)
