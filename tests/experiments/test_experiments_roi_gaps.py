"""Places of the thresholds whose small changes no other test noticed: sums, saved looks, limits and readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import InputError
from experiments.roi.arms import ArmCosts, Moments, prepare
from experiments.roi.even_tails import _third
from experiments.roi.statistic import at_threshold
from experiments.roi.value import _shown

RATES = {"woken": ex.Rate("woken")}


def regions():
    """Two regions of 300 and 500 persons with both arms, and one of 200 whose persons were all treated."""
    rng = np.random.default_rng(9)
    arm = np.concatenate([np.tile(["none", "sms"], 400), np.repeat(["sms"], 200)])
    woken = (rng.random(1000) < np.where(arm == "sms", 0.3, 0.1)).astype(int)
    return pd.DataFrame(
        {
            "person_id": np.arange(1000), "arm": arm, "region": np.repeat(["n", "s", "w"], [300, 500, 200]),
            "woken": woken, "cost": woken * rng.uniform(5.0, 9.0, 1000), "value": woken * rng.uniform(50.0, 90.0, 1000),
        }
    )  # fmt: skip


def test_a_stratum_left_out_is_told_as_its_share_of_all_persons():
    design = ex.Experiment(RATES, strata="region", control="none")
    findings = ex.cost_thresholds(regions(), thresholds=[60], experiment=design).findings
    (told,) = [one.values for one in findings if one.code == "STRATUM_DROPPED"]
    assert (told["persons"], told["assigned"], told["share"], told["names"]) == (200, 1000, 0.2, "w")


@pytest.mark.parametrize(("slope", "rate", "spreads"), [(3.0, 0.2, (1.0, 4.0)), (-2.0, 0.6, (5.0, 0.5))])
def test_the_third_moment_of_a_net_is_that_of_two_groups_of_two_values(slope, rate, spreads):
    arm = Moments(
        n=9, woken=2.0, wake_cost=0.0, other=0.0, variance_woken=spreads[0] ** 2, variance_other=spreads[1] ** 2
    )
    values = np.array([slope - spreads[0], slope + spreads[0], -spreads[1], spreads[1]])
    chances = np.array([rate, rate, 1.0 - rate, 1.0 - rate]) / 2.0
    middle = chances @ values
    assert _third(arm, slope, rate) == pytest.approx(chances @ (values - middle) ** 3, rel=1e-12)


def test_a_look_whose_interval_is_open_below_comes_back_from_json():
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"person_id": np.arange(3000), "arm": rng.choice(["none", "sms"], 3000), "cost": 0.0})
    table["woken"] = (rng.random(3000) < 0.2).astype(int)
    log = ex.NetBenefitMonitor(planned=3000, arms=["sms"], thresholds=[60], side="less", control="none")
    log = ex.monitor_thresholds({"2026-10-05": table}, monitor=log, experiment=ex.Experiment(RATES, control="none"))
    (row,) = log.to_dicts()
    assert row["net_benefit_low"] == -np.inf
    assert row["net_benefit_high"] < np.inf
    again = ex.NetBenefitMonitor.read([{**row, "net_benefit_low": None}])  # JSON has no infinite numbers
    assert again.to_dicts() == [row]


def test_strata_stand_at_the_estimate_by_the_effects_that_were_seen():
    """The common effect is weighted by strata and slopes; a stratum's centre is moved by its distance from it."""
    free = {"cost_mean_other": 0.0, "cost_variance_woken": 0.0, "cost_variance_other": 0.0}

    def strata(*woken):
        arms = [ArmCosts(n=n, woken=k, cost_mean_woken=paid, **free) for n, k, paid in zip(
            (400, 600, 300, 500), woken, (10.0, 20.0, 0.0, 0.0), strict=True
        )]  # fmt: skip
        return prepare(arms[:2], arms[2:], [0.4, 0.6])[0]

    counted, seen = strata(80, 90, 30, 60), strata(60, 120, 30, 60)
    slopes = np.array([(50.0 + 60.0) / 2.0, (40.0 + 60.0) / 2.0])
    effects = np.array([60 / 400 - 30 / 300, 120 / 600 - 60 / 500])
    common = np.average(effects, weights=np.array([0.4, 0.6]) * slopes)
    nets = np.array([50.0 * 80 / 400 - 60.0 * 30 / 300, 40.0 * 90 / 600 - 60.0 * 60 / 500])
    found = at_threshold(counted, 60.0, seen=seen)
    assert found.value == pytest.approx(0.4 * nets[0] + 0.6 * nets[1], rel=1e-12)
    assert [cell.centre for cell in found.cells] == pytest.approx(nets - slopes * (effects - common), rel=1e-12)


def test_a_value_per_wakeup_allows_as_much_leakage_as_it_is_told():
    table = regions()
    table = table[table.region != "w"]
    touches = pd.DataFrame(
        {
            "person_id": table.loc[table.arm == "none", "person_id"].head(80), "channel": "sms", "origin": "outbound",
            "time": pd.Timestamp("2026-10-20", tz="UTC"), "campaign": "wake",
        }
    )  # fmt: skip
    design = ex.Experiment(RATES, control="none")
    for options, status in (({}, "fail"), ({"leak_limit": 0.3}, "warn")):
        found = ex.value_per_wakeup(table, touches=touches, experiment=design, **options)
        assert [one.status for one in found.findings if one.code == "LEAKAGE"] == [status]


def test_a_value_per_wakeup_shows_the_woken_per_1000():
    table = regions()
    found = ex.value_per_wakeup(table[table.region != "w"], experiment=ex.Experiment(RATES, control="none"))
    rates = table[table.region != "w"].groupby("arm")["woken"].mean()
    assert _shown(found.lines[0])[1] == pytest.approx(1000.0 * (rates["sms"] - rates["none"]))


def test_one_planned_wave_is_a_plan_and_none_is_not():
    table = regions()
    table, design = table[table.region != "w"], ex.Experiment(RATES, control="none")
    plain, planned = (ex.marginal_costs(table, experiment=design, planned_waves=number) for number in (None, 1))
    assert plain.to_dicts() == planned.to_dicts()
    with pytest.raises(InputError, match="planned_waves must be a whole number of at least 1"):
        ex.marginal_costs(table, experiment=design, planned_waves=0)
