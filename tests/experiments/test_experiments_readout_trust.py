"""The trust panel: every check in one table, what failed first, what could not be run by its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

SHARES = {"holdout": 0.2, "sms": 0.8}


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=8_000, seed=7)


@pytest.fixture(scope="module")
def rows():
    stream = np.random.default_rng(8)
    n = 4_000
    table = pd.DataFrame({"person_id": range(n), "arm": stream.choice(list(SHARES), n, p=list(SHARES.values()))})
    table["tenure"] = stream.gamma(3, 2, n)
    table["woken"] = (stream.random(n) < 0.05 + 0.05 * (table["arm"] == "sms")).astype(int)
    table["value"] = table["woken"] * stream.gamma(2, 20, n)
    return table


def statuses(panel):
    return {(finding.code, finding.status) for finding in panel.findings}


def test_a_clean_campaign_passes_every_check(campaign):
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="stratum")
    panel = spec.trust(
        campaign.outcomes,
        assignment=campaign.assignment,
        touches=campaign.touches,
        history=["recency_days", "amount_total"],
    )
    assert panel.ok
    panel.assert_ok()
    found = {code for code, _ in statuses(panel)}
    assert {"SRM", "SRM_STRATA", "LEAKAGE", "EXCLUSIONS", "BALANCE", "SECOND_COMPUTATION"} <= found
    assert not {status for _, status in statuses(panel)} & {"fail", "unknown"}


def test_what_could_not_be_checked_is_told(rows):
    panel = ex.Experiment({"woken": ex.Rate("woken")}).trust(rows)
    unknown = {code for code, status in statuses(panel) if status == "unknown"}
    assert unknown == {"SRM", "LEAKAGE", "EXCLUSIONS_UNCHECKED", "SRM_DAYS_UNCHECKED", "BALANCE_UNCHECKED"}
    for lang in ("en", "zh"):
        with at.language(lang):
            assert "–" not in panel.table()["sentence"].tolist()
            assert "history=" in repr(panel)


def test_an_assignment_by_tenure_fails_and_stands_first(rows):
    arm = np.where(rows["tenure"] > rows["tenure"].quantile(0.2), "sms", "holdout")
    panel = ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES).trust(rows.assign(arm=arm), history=["tenure"])
    assert panel.findings[0].code == "BALANCE"
    assert not panel.ok
    assert "1 of" in repr(panel).splitlines()[0]
    with pytest.raises(at.DesignError, match="BALANCE"):
        panel.assert_ok()


def test_one_person_who_carries_the_effect_is_named(rows):
    table = rows.assign(value=rows["value"].mask(rows.index == rows.index[rows["arm"] == "sms"][0], 500_000.0))
    panel = ex.Experiment({"value": ex.Mean("value")}, shares=SHARES).trust(table)
    assert ("INFLUENCE", "warn") in statuses(panel)
    assert ("HEAVY_TAIL", "warn") in statuses(panel)


@pytest.mark.parametrize("metric", [ex.Ratio("value", "tenure"), ex.Mean("value", covariate="tenure")], ids=str)
def test_ratios_and_adjusted_means_are_computed_twice(rows, metric):
    panel = ex.Experiment({"x": metric}, shares=SHARES).trust(rows)
    assert ("SECOND_COMPUTATION", "pass") in statuses(panel)


def test_a_quantile_has_no_second_computation(rows):
    panel = ex.Experiment({"x": ex.Quantile("tenure")}, shares=SHARES).trust(rows)
    assert ("SECOND_COMPUTATION_UNCHECKED", "unknown") in statuses(panel)


def test_clusters_are_redrawn_as_units(rows):
    table = rows.assign(home=rows.index // 2)
    table["arm"] = table.groupby("home")["arm"].transform("first")
    panel = ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES, cluster="home").trust(table)
    assert ("SECOND_COMPUTATION", "pass") in statuses(panel)


def test_the_order_of_rows_changes_no_byte(rows):
    spec = ex.Experiment({"value": ex.Mean("value")}, shares=SHARES)
    assert repr(spec.trust(rows)) == repr(spec.trust(rows.sample(frac=1.0, random_state=1)))


def test_a_reading_before_the_last_look_is_early(rows):
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES)
    looks = ex.Looks(planned=10_000, arms=["sms"])
    assert "EARLY_READING" in [finding.code for finding in spec.analyze(rows, looks=looks).findings]
    assert "EARLY_READING" not in [finding.code for finding in spec.analyze(rows).findings]


def test_a_reading_after_several_looks_points_to_the_estimate_after_stopping(rows):
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES)
    half, whole = rows.iloc[:2_000], rows
    log = ex.Looks(planned=len(rows), arms=["sms"])
    log = spec.monitor({"2026-10-05": half, "2026-10-12": whole}, looks=log, final=True)
    (found,) = (finding for finding in spec.analyze(rows, looks=log).findings if finding.code == "AFTER_LOOKS")
    assert found.values == {"looks": 2}
    once = spec.monitor(whole, looks=ex.Looks(planned=len(rows), arms=["sms"]), day="2026-10-12", final=True)
    assert "AFTER_LOOKS" not in [finding.code for finding in spec.analyze(rows, looks=once).findings]
