"""Thresholds where clusters were assigned: the net benefit is a mean per person, and its variance counts clusters."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, TableError


def campaign(branches=40, seed=1, size=200):
    rng = np.random.default_rng(seed)
    n = rng.integers(size // 2, size, branches)
    frame = pd.DataFrame({"branch": np.repeat(np.arange(branches), n)})
    frame["arm"] = np.where(frame.branch % 4 == 0, "holdout", np.where(frame.branch % 2, "sms", "full"))
    frame["person_id"] = np.arange(len(frame))
    frame["region"] = np.where(frame.branch % 3 == 0, "north", "south")
    frame["stratum"] = rng.choice(["new", "old"], len(frame))
    luck = rng.normal(0.0, 0.01, branches)[frame.branch]
    base = 0.04 + luck + 0.03 * (frame.arm == "sms") + 0.05 * (frame.arm == "full")
    frame["woken"] = (rng.random(len(frame)) < base).astype(int)
    frame["cost"] = np.where(frame.arm == "holdout", 0.0, np.where(frame.arm == "sms", 0.5, 2.5)) + 3.0 * frame.woken
    frame["closed"] = (rng.random(len(frame)) < 0.02).astype(int)
    return frame


def spec(strata=None, **options):
    return ex.Experiment({"woken": ex.Rate("woken")}, cluster="branch", strata=strata, **options)


@pytest.mark.parametrize("side", ["two", "greater", "less"])
@pytest.mark.parametrize("strata", [None, "stratum"], ids=["plain", "strata"])
def test_a_row_is_the_clustered_mean_of_the_net_per_person(strata, side):
    frame = campaign()
    found = ex.cost_thresholds(frame, thresholds=[20, 60], experiment=spec(strata), side=side)
    for row in found.judged:
        net = frame.assign(net=row.threshold * frame.woken - frame.cost)
        metrics = {"net": ex.Mean("net")}
        readout = ex.Experiment(metrics, cluster="branch", strata=strata).analyze(net)
        expected = readout.comparison("net", arm=row.contrast.arm).difference
        if side != "two":
            fit = next(fit for fit in readout.fits if fit.name == "net")
            expected = fit.compare(row.contrast.arm, "holdout", side=side).difference
        assert [row.net.value, row.net.low, row.net.high, row.net.p_value, row.net.standard_error] == pytest.approx(
            [expected.value, expected.low, expected.high, expected.p_value, expected.standard_error], rel=1e-9
        )
        assert row.net.method == "net benefit, cluster"


@pytest.mark.parametrize("seed", range(6))
def test_the_undecided_thresholds_end_where_the_interval_touches_zero(seed):
    found = ex.cost_thresholds(campaign(seed=seed), thresholds=[60], experiment=spec())
    for row in found.judged:
        undecided = row.cost.undecided
        for end in (undecided.low, undecided.high):
            if 0.0 < end < math.inf:
                net = row.contrast.clustered.net(end, level=0.95, side="two")
                assert min(abs(net.low), abs(net.high)) < 1e-9
                assert net.p_value == pytest.approx(0.05, rel=1e-8)
        for threshold in np.geomspace(0.1, 1e4, 60):
            net = row.contrast.clustered.net(threshold, level=0.95, side="two")
            inside = undecided.low <= threshold <= undecided.high
            decided = net.low > 0.0 or net.high < 0.0
            assert decided == (inside if undecided.kind == "complement" else not inside)


def test_the_point_figures_are_those_without_clusters():
    frame = campaign()
    plain = ex.cost_thresholds(frame, thresholds=[60], experiment=ex.Experiment({"woken": ex.Rate("woken")}))
    found = ex.cost_thresholds(frame, thresholds=[60], experiment=spec())
    for one, two in zip(plain.to_dicts(), found.to_dicts(), strict=True):
        for name in ("incremental_per_1000", "cost_per_1000", "cost_per_incremental", "net_benefit_per_1000"):
            assert two[name] == pytest.approx(one[name], rel=1e-10)
        assert two["net_benefit_low"] < one["net_benefit_low"]  # branches differ, so the interval is wider


def test_segments_and_steps_have_their_own_clusters():
    frame = campaign()
    order = ["holdout", "sms", "full"]
    found = ex.cost_thresholds(frame, thresholds=[60], experiment=spec(), by="region", order=order)
    assert len(found.to_dicts()) == 4
    alone = ex.cost_thresholds(frame[frame.region == "north"], thresholds=[60], experiment=spec(), order=order)
    north = [row for row in found.judged if row.contrast.segment == "north"]
    assert [row.net.low for row in north] == pytest.approx([row.net.low for row in alone.judged], rel=1e-9)
    assert {row.contrast.control for row in north} == {"holdout", "sms"}


def test_a_guardrail_counts_clusters_too():
    frame = campaign()
    frame["closed"] = (frame.branch % 5 == 0).astype(int) * (frame.person_id % 7 == 0)
    guard = ex.Guardrail("closed", 0.05)
    wide, narrow = (
        ex.cost_thresholds(frame, thresholds=[500], experiment=experiment).judged[0].guardrails[0]
        for experiment in (spec(guardrails=[guard]), ex.Experiment({"woken": ex.Rate("woken")}, guardrails=[guard]))
    )
    assert wide.low < narrow.low
    assert wide.high > narrow.high


def test_the_recipe_says_that_clusters_carry_the_interval():
    found = ex.cost_thresholds(campaign(), thresholds=[60], experiment=spec())
    assert "branch" in found.to_markdown()
    assert found.recipe.settings["cluster"] == "branch"
    assert any("整群" in text or "成群分配" in text for text in found.recipe.sentences(lang="zh"))


def test_few_events_stay_undecided():
    frame = campaign(branches=24, size=30)
    frame["woken"] = ((frame.arm == "sms") & (frame.person_id % 9 == 0)).astype(int)
    found = ex.cost_thresholds(frame, thresholds=[60], experiment=spec())
    assert {row.verdict.word for row in found.judged} == {"INCONCLUSIVE"}
    assert {row.verdict.reason for row in found.judged} == {"FEW_EVENTS"}


def test_one_cluster_in_an_arm_decides_nothing():
    frame = campaign()
    frame = frame[(frame.arm != "holdout") | (frame.branch == 0)]
    with pytest.raises(DesignError, match="TOO_FEW_CLUSTERS: the arm 'holdout'"):
        ex.cost_thresholds(frame, thresholds=[60], experiment=spec())


def test_a_stratum_with_one_cluster_of_an_arm_leaves_thresholds_and_readout_alike():
    frame = campaign()
    village = frame.branch.isin([0, 1, 2])  # one branch of every arm
    frame["stratum"] = np.where(village, "village", np.where(frame.branch < 20, "town", "city"))
    frame["net"] = 60.0 * frame.woken - frame.cost
    found = ex.cost_thresholds(frame, thresholds=[60], experiment=spec("stratum"))
    readout = ex.Experiment({"net": ex.Mean("net")}, cluster="branch", strata="stratum").analyze(frame)
    for row in found.judged:
        expected = readout.comparison("net", arm=row.contrast.arm).difference
        assert [row.net.value, row.net.low, row.net.high] == pytest.approx(
            [expected.value, expected.low, expected.high], rel=1e-9
        )
        # What is printed beside the verdict comes from the same persons.
        net = 60.0 * row.contrast.difference("woken") - row.contrast.difference("cost")
        assert net == pytest.approx(expected.value, rel=1e-9)
    (dropped,) = [finding for finding in found.findings if finding.code == "STRATUM_DROPPED"]
    assert dropped.values["names"] == "village"
    assert dropped.values["persons"] == int(village.sum())


def test_persons_without_a_cluster_are_a_problem_of_the_table():
    frame = campaign()
    frame["branch"] = frame.branch.astype("Int64").where(frame.person_id != 5)
    with pytest.raises(TableError, match="NULL_KEY"):
        ex.cost_thresholds(frame, thresholds=[60], experiment=spec())


def test_the_order_of_rows_changes_no_byte():
    frame = campaign()
    one, two = (
        ex.cost_thresholds(part, thresholds=[20, 60], experiment=spec("stratum")).to_dicts()
        for part in (frame, frame.sample(frac=1.0, random_state=3))
    )
    assert repr(one) == repr(two)
