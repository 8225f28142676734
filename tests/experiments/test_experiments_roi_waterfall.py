"""The cost waterfall: strata, steps, and the interval of what goes to customers who come anyway."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

import experiments as ex
from attribution.core.language import language
from attribution.core.randomness import generator

ARMS = ("holdout", "digital", "sms")


def draw(rng, n, rates, incentive=20.0, strata=None):
    """One row per person; incentives vary between woken persons of treated arms."""
    parts = []
    for arm, size, rate in zip(ARMS, n, rates, strict=True):
        woken = (rng.random(size) < rate).astype(int)
        paid = woken * incentive * rng.uniform(0.5, 1.5, size) * (arm != "holdout")
        parts.append(pd.DataFrame({"arm": arm, "woken": woken, "incentive_cost": paid}))
    table = pd.concat(parts, ignore_index=True)
    table["person_id"] = [f"{strata}{i}" for i in range(len(table))]
    table["stratum"] = strata or "all"
    table["touch_cost"], table["fixed_cost"] = 0.1 * (table["arm"] != "holdout"), 0.0
    table["cost"] = table["touch_cost"] + table["incentive_cost"]
    return table


def natural(pays):
    return {row["arm"]: row for row in pays.waterfall().to_dicts() if row["part"] == "incentive_natural"}


def test_steps_measure_the_leakage_against_the_control():
    table = draw(generator(1, "waterfall"), (2_000, 2_000, 2_000), (0.02, 0.04, 0.05))
    steps = natural(ex.cost_thresholds(table, thresholds=[60], order=list(ARMS)))
    whole = natural(ex.cost_thresholds(table, thresholds=[60]))
    assert steps == whole


def test_strata_with_unequal_shares_are_weighted_by_their_persons():
    """A wave of frequent returners with few treated would otherwise hide its part of the leakage."""
    rng = generator(2, "waterfall strata")
    table = pd.concat(
        [
            draw(rng, (8_000, 2_000, 2_000), (0.10, 0.12, 0.13), strata="a"),
            draw(rng, (1_000, 9_000, 9_000), (0.01, 0.02, 0.03), strata="b"),
        ],
        ignore_index=True,
    )
    design = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum")
    pays = ex.cost_thresholds(table, thresholds=[60], experiment=design)
    expected = 0.0
    for _, part in table.groupby("stratum"):
        mean = part.groupby("arm")[["woken", "incentive_cost"]].mean()
        share = min(1.0, mean.loc["holdout", "woken"] / mean.loc["sms", "woken"])
        expected += len(part) / len(table) * share * mean.loc["sms", "incentive_cost"]
    assert natural(pays)["sms"]["per_1000"] == pytest.approx(1000 * expected, rel=1e-12)
    rows = {(row["arm"], row["part"]): row["per_1000"] for row in pays.waterfall().to_dicts()}
    difference = pays.table().set_index("arm")["cost_per_1000"]
    # The control paid nothing, so an arm's total is the contrast's cost difference.
    assert rows["sms", "total"] == pytest.approx(difference["sms"], rel=1e-12)
    parts = [value for (arm, part), value in rows.items() if arm == "sms" and part != "total"]
    assert sum(parts) == pytest.approx(rows["sms", "total"], rel=1e-12)


def test_the_interval_of_the_leakage_covers_the_truth():
    rng, hits, runs = generator(3, "waterfall coverage"), 0, 60
    for _ in range(runs):
        table = draw(rng, (2_000, 6_000, 10), (0.02, 0.03, 0.5))
        row = natural(ex.cost_thresholds(table, thresholds=[60]))["digital"]
        hits += row["per_1000_low"] <= 1000 * 20.0 * 0.02 <= row["per_1000_high"]
    assert binom.ppf(1e-4, runs, 0.95) <= hits


def test_clusters_widen_the_interval_and_keep_the_point():
    rng = generator(4, "waterfall clusters")
    table = draw(rng, (3_000, 3_000, 3_000), (0.03, 0.05, 0.05))
    same = np.repeat(np.arange(len(table) // 10), 10)
    alone = natural(ex.cost_thresholds(table, thresholds=[60]))["digital"]
    # Ten persons of a household who do the same: a tenth of the information.
    copied = table.loc[table.index % 10 == 0].loc[lambda t: t.index.repeat(10)].reset_index(drop=True)
    copied["person_id"], copied["household"] = range(len(copied)), same
    design = ex.Experiment({"woken": ex.Rate("woken")}, cluster="household")
    wide = natural(ex.cost_thresholds(copied, thresholds=[60], experiment=design))["digital"]
    narrow = natural(ex.cost_thresholds(copied, thresholds=[60]))["digital"]
    assert wide["per_1000"] == pytest.approx(narrow["per_1000"], rel=1e-12)
    length = [np.log(row["per_1000_high"] / row["per_1000_low"]) for row in (wide, narrow)]
    assert length[0] / length[1] == pytest.approx(np.sqrt(10), rel=0.02)
    assert alone["per_1000_low"] < alone["per_1000"] < alone["per_1000_high"]


def test_nobody_of_the_control_woke_bounds_the_leakage_from_above():
    table = draw(generator(5, "waterfall zero"), (500, 500, 500), (0.0, 0.1, 0.1))
    row = natural(ex.cost_thresholds(table, thresholds=[60]))["sms"]
    assert (row["per_1000"], row["per_1000_low"]) == (0.0, 0.0)
    assert 0.0 < row["per_1000_high"] < 1000 * table.loc[table["arm"] == "sms", "incentive_cost"].mean()


def test_an_arm_that_woke_fewer_pays_natural_returners_alone():
    table = draw(generator(6, "waterfall harm"), (2_000, 2_000, 2_000), (0.06, 0.02, 0.02))
    row = natural(ex.cost_thresholds(table, thresholds=[60]))["sms"]
    paid = 1000 * table.loc[table["arm"] == "sms", "incentive_cost"].mean()
    assert row["per_1000"] == pytest.approx(paid, rel=1e-12)
    assert row["per_1000_high"] == pytest.approx(paid, rel=1e-12)


def test_the_interval_has_the_level_that_was_asked_for():
    table = draw(generator(7, "waterfall level"), (3_000, 3_000, 3_000), (0.03, 0.05, 0.05))
    wide, narrow = (natural(ex.cost_thresholds(table, thresholds=[60], level=level))["sms"] for level in (0.95, 0.5))
    length = [np.log(row["per_1000"] / row["per_1000_low"]) for row in (wide, narrow)]
    assert length[0] / length[1] == pytest.approx(norm.ppf(0.975) / norm.ppf(0.75), rel=1e-9)


def test_the_waterfall_is_printed_arm_by_arm_and_says_when_only_the_total_is_known():
    table = draw(generator(8, "waterfall shown"), (3_000, 3_000, 3_000), (0.03, 0.05, 0.05))
    shown = repr(ex.cost_thresholds(table, thresholds=[60], level=0.9).waterfall())
    assert "incentives to natural returners" in shown
    assert "90%" in shown
    lines = [line for line in shown.splitlines() if line.startswith(("digital", "sms"))]
    assert len(lines) == 2
    whole = ex.cost_thresholds(table.drop(columns="touch_cost"), thresholds=[60]).waterfall()
    assert {row["part"] for row in whole.to_dicts()} == {"total"}
    assert "Only the total is known" in repr(whole)
    with language("zh"):
        assert "激励：自然回流" in repr(ex.cost_thresholds(table, thresholds=[60]).waterfall())
