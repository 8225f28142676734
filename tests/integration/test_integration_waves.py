"""Waves with unequal shares: pooled they have the wrong sign, as strata the right one; and what strata buy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from experiments.inference.rates import compare_stratified_rates


def wave(name, treated, treated_woken, control, control_woken):
    arm = np.repeat(["sms", "holdout"], [treated, control])
    woken = np.r_[np.arange(treated) < treated_woken, np.arange(control) < control_woken]
    return pd.DataFrame(
        {
            "wave": name,
            "arm": arm,
            "woken": woken.astype(int),
            "p_assign": np.where(arm == "sms", treated, control) / (treated + control),
        }
    )


def campaign():
    parts = [wave("October", 9_000, 108, 1_000, 10), wave("November", 500, 45, 1_500, 120)]
    return pd.concat(parts, ignore_index=True).rename_axis("person_id").reset_index()


def difference(persons, **options):
    readout = ex.Experiment({"woken": ex.Rate("woken")}, **options).analyze(persons)
    return readout.comparison("woken", arm="sms").difference, {finding.code: finding for finding in readout.findings}


def test_pooled_waves_have_the_wrong_sign_and_strata_the_right_one():
    persons = campaign()
    pooled, _ = difference(persons)
    assert pooled.high < 0.0  # harm, and certain of it
    found, _ = difference(persons, strata="wave")
    effects = np.array([108 / 9_000 - 10 / 1_000, 45 / 500 - 120 / 1_500])
    shares = np.array([10_000, 2_000]) / 12_000
    assert found.value == pytest.approx(float(shares @ effects), rel=1e-12)
    assert found.value > 0.0
    precision = np.array([9_000 * 1_000 / 10_000, 500 * 1_500 / 2_000])
    assert found.value != pytest.approx(float(precision @ effects / precision.sum()), rel=0.01)
    direct = compare_stratified_rates([45, 108], [500, 9_000], [120, 10], [1_500, 1_000]).difference
    assert [found.low, found.high, found.p_value] == pytest.approx([direct.low, direct.high, direct.p_value], rel=1e-9)


def test_the_shares_of_waves_are_checked_inside_them_and_an_unused_one_is_told():
    persons = campaign()
    _, findings = difference(persons, strata="wave", shares="p_assign")
    assert findings["SRM"].status == "pass"
    assert findings["SRM_STRATA"].status == "pass"
    _, unused = difference(persons.rename(columns={"wave": "stratum"}), shares="p_assign")
    assert unused["UNUSED_STRATUM"].status == "warn"


def test_a_mean_and_an_adjusted_mean_read_waves_the_same_way():
    rng = np.random.default_rng(4)
    persons = campaign()
    persons["past"] = rng.exponential(size=len(persons)) + 3.0 * (persons.wave == "November")
    persons["value"] = 2.0 * persons.past + rng.normal(size=len(persons)) + 0.5 * (persons.arm == "sms")
    metrics = {"value": ex.Mean("value"), "adjusted": ex.Mean("value", covariate="past")}
    pooled = {row["metric"]: row for row in ex.Experiment(metrics).analyze(persons).to_dicts()}
    found = {row["metric"]: row for row in ex.Experiment(metrics, strata="wave").analyze(persons).to_dicts()}
    assert pooled["value"]["high"] < 0.0
    assert found["value"]["low"] < 0.5 < found["value"]["high"]
    assert found["adjusted"]["low"] < 0.5 < found["adjusted"]["high"]
    width = {name: row["high"] - row["low"] for name, row in found.items()}
    assert width["adjusted"] < 0.6 * width["value"]


def test_strata_named_afterwards_narrow_the_interval():
    rng = np.random.default_rng(5)
    n = 4_000
    persons = pd.DataFrame({"person_id": range(n), "region": rng.choice(["north", "south", "west"], n)})
    persons["arm"] = np.where(rng.random(n) < 0.3, "holdout", "sms")
    persons["value"] = persons.region.map({"north": 0.0, "south": 4.0, "west": 9.0}) + rng.normal(0, 2, n)
    rows = [
        ex.Experiment({"value": ex.Mean("value")}, strata=strata).analyze(persons).to_dicts()[0]
        for strata in (None, "region")
    ]
    wide, narrow = (row["high"] - row["low"] for row in rows)
    assert 0.4 < narrow / wide < 0.55  # the regions explain three quarters of the variance
