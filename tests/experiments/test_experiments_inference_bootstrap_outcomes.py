"""The bootstrap of a table of outcomes against that of arrays, on every kind of table and metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError


def outcomes(seed=1, n=400):
    chance = np.random.default_rng(seed)
    orders = chance.poisson(1.5, n) + 1
    return pd.DataFrame({
        "arm": chance.choice(["sms", "full", "holdout"], n, p=[0.4, 0.4, 0.2]),
        "value": np.round(orders * chance.gamma(2, 10, n), 1), "orders": orders,
        "town": chance.choice(["n", "s"], n), "home": np.arange(n) // 2,
    })  # fmt: skip


def arrays(frame, arm, *columns):
    return [frame.loc[frame.arm == one, list(columns)].to_numpy().squeeze() for one in (arm, "holdout")]


def ends(found):
    difference, relative = found.comparison.difference, found.comparison.relative
    return (difference.value, difference.low, difference.high, difference.p_value, relative.low, relative.high)


@pytest.mark.parametrize(
    ("metric", "statistic", "columns"),
    [
        ("value", "mean", ["value"]),
        (ex.Ratio("value", "orders"), "ratio", ["value", "orders"]),
        (ex.Quantile("value", 0.7), ("quantile", 0.7), ["value"]),
    ],
)
def test_a_table_gives_what_its_arrays_give(metric, statistic, columns):
    frame = outcomes()
    found = ex.bootstrap_outcomes(frame, metric, replicates=499, seed=3)
    assert list(found.arms) == ["full", "sms"]
    for arm in found.arms:
        wanted = ex.bootstrap(*arrays(frame, arm, *columns), statistic=statistic, replicates=499, seed=3)
        # Off the centre of both groups' mean in another order of summing: equal to rounding.
        assert ends(found.of(arm)) == pytest.approx(ends(wanted), rel=1e-9)
    assert found.to_dicts()[0]["arm"] == "full"
    assert found.to_dicts()[0]["n"] == (frame.arm == "full").sum()


@pytest.mark.parametrize("metric", ["value", ex.Quantile("value", 0.5)], ids=str)
def test_strata_and_clusters_by_experiment_or_by_name(metric):
    frame = outcomes()
    frame["arm"] = np.repeat(np.random.default_rng(2).choice(["sms", "holdout"], 200), 2)
    frame["town"] = np.repeat(np.random.default_rng(3).choice(["n", "s"], 200), 2)
    spec = ex.Experiment({"value": ex.Mean("value")}, strata="town", cluster="home")
    found = ex.bootstrap_outcomes(frame, metric, experiment=spec, replicates=199)
    named = ex.bootstrap_outcomes(frame, metric, strata="town", cluster="home", replicates=199)
    assert named.to_dicts() == found.to_dicts()
    by_arm = {one: frame[frame.arm == one] for one in ("sms", "holdout")}
    wanted = ex.bootstrap(
        by_arm["sms"].value, by_arm["holdout"].value, strata=by_arm["sms"].town, control_strata=by_arm["holdout"].town,
        clusters=by_arm["sms"].home, control_clusters=by_arm["holdout"].home, replicates=199,
        statistic="mean" if metric == "value" else "median",
    )  # fmt: skip
    assert found.of("sms").comparison.difference.value == pytest.approx(wanted.comparison.difference.value, rel=1e-12)
    one, two = (part.comparison.difference.standard_error for part in (found.of("sms"), wanted))
    assert one == pytest.approx(two, rel=0.35)  # clusters have other numbers, so other draws
    assert "home" in repr(found)


def test_every_kind_of_table_gives_the_same_bytes(table_kind):
    frame = outcomes(n=120)
    wanted = ex.bootstrap_outcomes(frame, "value", replicates=99)
    found = ex.bootstrap_outcomes(table_kind(frame.sample(frac=1, random_state=4)), "value", replicates=99)
    assert found.to_dicts() == wanted.to_dicts()
    assert found.of("sms").replicates.tobytes() == wanted.of("sms").replicates.tobytes()
    assert found.recipe.fingerprint == wanted.recipe.fingerprint


def test_caps_and_covariates_are_those_of_the_metric():
    frame = outcomes().assign(past=lambda table: table.value * 0.5 + np.random.default_rng(5).normal(0, 3, 400))
    capped = ex.bootstrap_outcomes(frame, ex.Mean("value", cap=30.0), replicates=99).of("sms").comparison
    assert capped.treatment == pytest.approx(frame.value[frame.arm == "sms"].clip(upper=30.0).mean(), rel=1e-12)
    plain = ex.bootstrap_outcomes(frame, "value", replicates=199).of("sms").comparison.difference
    adjusted = ex.bootstrap_outcomes(frame, ex.Mean("value", covariate="past"), replicates=199).of("sms").comparison
    assert adjusted.difference.standard_error < 0.5 * plain.standard_error


def test_unusable_calls_are_refused_with_the_reason():
    frame = outcomes()
    with pytest.raises(InputError, match="there is no arm 'push'"):
        ex.bootstrap_outcomes(frame, "value", replicates=99).of("push")
    with pytest.raises(InputError, match="metric must be a metric"):
        ex.bootstrap_outcomes(frame, 3)
    with pytest.raises(InputError, match="interval must be one of 'percentile', 'basic'"):
        ex.bootstrap_outcomes(frame, ex.Quantile("value"), interval="bca")
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.bootstrap_outcomes(frame, "value", control="none")
    with pytest.raises(TableError, match="MISSING_COLUMN"):
        ex.bootstrap_outcomes(frame, "margin")


def test_hostile_names_stay_names():
    frame = outcomes(n=80).replace({"arm": {"sms": "短信 <b>|🎯", "full": "=1+1"}})
    found = ex.bootstrap_outcomes(frame, "value", replicates=99)
    assert set(found.arms) == {"短信 <b>|🎯", "=1+1"}
    assert "<b>" not in found._repr_html_()
    assert ex.randomisation_test(frame, "value", replicates=99).p_value("短信 <b>|🎯") is not None
    assert {row["arm"] for row in ex.pooled_cap(frame, "value").to_dicts()} == {*found.arms, "holdout"}
