"""A readout read by Bayes: the same counts and estimates as the readout's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import InputError
from experiments.inference.bayes.means import bayes_means
from experiments.inference.bayes.rates import bayes_rates
from experiments.readout.bayes_reading import bayes_reading


def outcomes(seed=1, n=3_000):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"person_id": range(n), "arm": rng.choice(["holdout", "push", "sms"], n, p=[0.2, 0.4, 0.4])})
    table["layer"] = rng.integers(0, 3, n)
    table["woken"] = (rng.random(n) < 0.05 + 0.03 * (table.arm == "sms")).astype(int)
    table["value"] = np.round(rng.exponential(30, n) * table.woken + 5, 2)
    return table


def readout(strata=None, **options):
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value", **options)}
    return ex.Experiment(metrics, strata=strata, level=0.9).analyze(outcomes())


def test_rates_are_the_counts():
    table = outcomes()
    hits, n = table.groupby("arm").woken.sum(), table.groupby("arm").woken.count()
    found = bayes_reading(readout(), value=85, cost={"push": 0.1, "sms": 0.4}, prior="jeffreys", rope=0.005)
    for arm, cost in (("push", 0.1), ("sms", 0.4)):
        wanted = bayes_rates(
            hits[arm],
            n[arm],
            hits["holdout"],
            n["holdout"],
            prior="jeffreys",
            value=85,
            cost=cost,
            rope=0.005,
            level=0.9,
        ).to_dicts()
        rows = [row for row in found.to_dicts() if row["arm"] == arm]
        assert [{k: v for k, v in row.items() if k not in ("metric", "arm", "control")} for row in rows] == wanted
    assert "the verdict does not use it" in repr(found)


def test_means_are_the_estimates():
    table = outcomes()
    parts = table.groupby("arm").value.agg(["mean", "std", "count"])
    found = bayes_reading(readout(), metric="value", relevant=1.0)
    row = next(row for row in found.to_dicts() if row["arm"] == "sms")
    wanted = bayes_means(*parts.loc["sms"], *parts.loc["holdout"], relevant=1.0, level=0.9).to_dicts()[0]
    for name in ("value", "low", "high", "relative", "relative_low", "p_better", "loss_treatment"):
        assert row[name] == pytest.approx(wanted[name], rel=1e-9)


def test_one_stratum_or_three_nearly_agree():
    plain, strata = bayes_reading(readout()).to_dicts(), bayes_reading(readout(strata="layer")).to_dicts()
    assert {row["note"] for row in strata} == {"STRATA_NORMAL"}
    for one, other in zip(plain, strata, strict=True):
        assert other["prior"] == one["prior"]
        assert other["value"] == pytest.approx(one["value"], abs=0.004)
        assert other["high"] - other["low"] == pytest.approx(one["high"] - one["low"], rel=0.05)


def test_a_heavy_prior_in_strata_is_said():
    notes = {row["note"] for row in bayes_reading(readout(strata="layer"), prior=(20, 980)).to_dicts()[:1]}
    assert notes == {"STRATA_NORMAL; PRIOR_OUTWEIGHS"}


def test_less_is_better():
    metrics = {"woken": ex.Rate("woken", direction="down")}
    down = bayes_reading(ex.Experiment(metrics).analyze(outcomes())).to_dicts()
    up = bayes_reading(readout()).to_dicts()
    assert [row["p_better"] for row in down] == pytest.approx([1 - row["p_better"] for row in up], abs=1e-10)


def test_failed_checks_are_carried_over():
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.5, "push": 0.25, "sms": 0.25})
    assert "SRM" in [finding.code for finding in bayes_reading(spec.analyze(outcomes())).findings]


def test_bad_options():
    with pytest.raises(InputError, match="no arm against the control"):
        bayes_reading(readout(), value=1, cost={"smss": 1})
    with pytest.raises(InputError, match="missing: push"):
        bayes_reading(readout(), value=1, cost={"sms": 1})
    with pytest.raises(InputError, match="there is no metric"):
        bayes_reading(readout(), metric="wokn")


def test_the_method_is_the_function():
    found = readout()
    assert found.bayes(value=85, cost=0.2).to_dicts() == bayes_reading(found, value=85, cost=0.2).to_dicts()
