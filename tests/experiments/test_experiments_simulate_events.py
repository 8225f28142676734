"""The log of past acts against the history, and opt-outs and complaints of every scenario."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.simulation import simulate


@pytest.fixture(scope="module", params=["default", "waves"])
def campaign(request):
    return simulate(request.param, persons=8_000, seed=9)


@pytest.fixture(scope="module")
def customers(campaign):
    return campaign.customers.drop_duplicates("person_id").set_index("person_id")


def test_investments_agree_with_the_history(campaign, customers):
    events = campaign.events
    invested = events[events["kind"] == "investment"].groupby("person_id")
    assert (invested.size() == customers["n_invest"]).all()
    assert (invested["value"].sum() - customers["amount_total"]).abs().max() < 1e-6
    assert (invested["value"].max() - customers["amount_max"]).abs().max() < 0.005
    assert (invested["time"].max() == customers["last_active_at"]).all()
    assert events.loc[events["kind"] == "investment", "value"].min() > 0
    assert (events.loc[events["kind"] != "investment", "value"] == 0).all()


def test_every_person_registers_first_and_acts_no_later_than_the_history_says(campaign, customers):
    events = campaign.events
    assert list(events.columns) == ["person_id", "time", "kind", "value"]
    assert events["time"].is_monotonic_increasing
    persons = events.groupby("person_id")
    assert (persons["kind"].first() == "registration").all()
    assert (events["kind"] == "registration").sum() == 8_000
    assert (persons["time"].max() == customers["last_active_at"]).all()
    day = persons["time"].min().dt.tz_convert("Asia/Shanghai").dt.tz_localize(None).dt.normalize()
    assert (day == customers["first_date"]).all()
    assert (events["kind"] == "login").sum() > 1_000


def test_reading_the_log_changes_nothing_else(campaign):
    before = {name: table.copy() for name, table in campaign.tables().items()}
    first, second = campaign.events, campaign.events
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert "events" not in campaign.tables()
    for name, table in campaign.tables().items():
        pd.testing.assert_frame_equal(table, before[name], check_exact=True)


def test_harms_are_those_of_the_history_where_it_tells_them(campaign):
    harms = campaign.harms
    assert list(harms.columns) == ["person_id", "opted_out_at", "opted_out", "complained_at", "complained"]
    told = "opted_out" in campaign.history
    assert told == (campaign.scenario != "default")
    if told:
        pd.testing.assert_frame_equal(campaign.history[list(harms.columns)], harms, check_exact=True)
    start = campaign.assignment["assigned_at"]
    for name in ("opted_out", "complained"):
        waited = harms[f"{name}_at"] - start
        assert (waited.notna() == (harms[name] == 1)).all()
        assert waited.dropna().between(pd.Timedelta(days=2), pd.Timedelta(days=28)).all()


def test_harms_rise_with_the_arms():
    truth = simulate("weak", persons=5_000, seed=1).truth
    for name in ("opted_out", "complained"):
        chances = [truth[f"{name}_{arm}"].mean() for arm in ("holdout", "digital", "sms", "full")]
        assert chances == sorted(chances)
        assert chances[0] < chances[-1] < 0.05
        disturbed = truth[truth["type"] == "do_not_disturb"][f"{name}_full"].mean()
        assert disturbed > 2 * truth[truth["type"] == "lost"][f"{name}_full"].mean()
