"""Placebo credit: against rows of persons, and with logs of touches that were never sent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import InputError, TableError
from oracles.credit_gap import person_credit

MODELS = ("last_touch", "linear", "time_decay")


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate(persons=12_000, seed=5)


@pytest.fixture(scope="module")
def credit(campaign: ex.Campaign) -> at.Credit:
    return at.attribute(campaign.touches, campaign.conversions, models=MODELS)


@pytest.fixture(scope="module")
def readout(campaign: ex.Campaign) -> ex.Readout:
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, as_of=campaign.as_of)
    return ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)


def test_the_difference_is_that_of_the_rows(campaign, credit, readout):
    events = credit.touches().to_pandas()
    people = campaign.assignment.set_index("person_id")["arm"]
    for row in ex.placebo_credit(credit, readout, steps=campaign.steps).to_dicts():
        channels = row["channels"].split(", ")
        each = person_credit(events, campaign.conversions, people.index, channels, row["model"])
        mine, control = each[people == row["arm"]], each[people == "holdout"]
        n = len(mine)
        assert row["attributed"] == pytest.approx(mine.sum(), rel=1e-12)
        assert row["placebo"] == pytest.approx(control.sum(), abs=1e-12)
        assert row["placebo_scaled"] == pytest.approx(control.sum() * n / len(control), abs=1e-12)
        assert row["difference"] == pytest.approx(n * (mine.mean() - control.mean()), rel=1e-9, abs=1e-9)
        half = 1.96 * n * np.sqrt(mine.var() / n + control.var() / len(control))
        width = row["difference_high"] - row["difference_low"]
        assert width == pytest.approx(2 * half, rel=0.12)
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        if row["share_caused"] is not None:
            share = (mine.mean() - control.mean()) / mine.mean()
            assert row["share_caused"] == pytest.approx(share, rel=1e-9)
            v1, v0 = mine.var(ddof=1) / n, control.var(ddof=1) / len(control)
            second = ex.ratio_interval(mine.mean() - control.mean(), mine.mean(), v1 + v0, v1, covariance=v1)
            assert row["share_caused_kind"] == second.kind
            assert row["share_caused_low"] == pytest.approx(second.low, rel=2e-3, abs=2e-3)


def test_channels_of_the_campaign_have_no_placebo_and_say_so(campaign, credit, readout):
    rows = ex.placebo_credit(credit, readout, steps=campaign.steps).to_dicts()
    steps = [row for row in rows if row["step"] in campaign.steps]
    assert {row["placebo"] for row in steps} == {0.0}
    assert {row["note"] for row in steps if row["difference"] > 0} == {"PLACEBO_ZERO"}
    assert {row["share_caused"] for row in steps} == {None}


@pytest.fixture(scope="module")
def ghosts() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """A campaign whose messages change nobody: the holdout's would-be messages are drawn like the real ones."""
    rng = np.random.default_rng(11)
    n, start = 6_000, pd.Timestamp("2026-10-01", tz="UTC")
    people = [f"p{i:05d}" for i in range(n)]
    assignment = pd.DataFrame({"person_id": people, "arm": np.where(rng.random(n) < 0.5, "sms", "holdout")})
    assignment["assigned_at"] = start
    sent = pd.DataFrame({"person_id": people, "channel": "sms"})
    sent["time"] = start + pd.to_timedelta(rng.integers(1, 20, n), unit="D")
    woke = rng.random(n) < 0.2
    conversions = pd.DataFrame({"person_id": np.array(people)[woke]})
    conversions["time"] = start + pd.to_timedelta(rng.integers(0, 28 * 24, len(conversions)), unit="h")
    conversions["conversion_id"] = [f"c{i}" for i in range(len(conversions))]
    # A dispatcher does not write to people who are back already.
    back = sent["person_id"].map(conversions.set_index("person_id")["time"])
    sent = sent[back.isna() | (sent["time"] <= back)]
    search = conversions[rng.random(len(conversions)) < 0.3][["person_id", "time"]].assign(channel="search")
    search["time"] = search["time"] - pd.Timedelta(hours=3)
    return assignment, pd.concat([sent, search]), conversions, start + pd.Timedelta(days=60)


def of_arm(assignment: pd.DataFrame, sent: pd.DataFrame, arm: str) -> pd.DataFrame:
    return sent[sent["person_id"].isin(set(assignment.loc[assignment["arm"] == arm, "person_id"]))]


def test_would_be_touches_take_the_credit_of_touches_that_change_nobody(ghosts):
    assignment, touches, conversions, as_of = ghosts
    holdout = of_arm(assignment, touches, "holdout")
    would_be = holdout[holdout["channel"] == "sms"]
    real = pd.concat([of_arm(assignment, touches, "sms"), holdout[holdout["channel"] == "search"]])
    credit = at.attribute(real, conversions, models=[*MODELS, at.Markov()], observed=(None, as_of))
    outcomes = ex.build_outcomes(assignment, conversions, as_of=as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    log = pd.concat([would_be, would_be.head(7).assign(person_id="stranger")])
    found = ex.placebo_credit(credit, readout, steps={"sms": ("sms",)}, would_be=log)
    assert [finding.values["rows"] for finding in found.findings if finding.code == "WOULD_BE_OUTSIDE"] == [7]
    rows = [row for row in found.to_dicts() if row["basis"] == "would_be"]
    assert [(row["step"], row["model"]) for row in rows] == [
        (step, model) for step in ("sms", "total") for model in (*MODELS, "markov")
    ]
    for row in rows:
        assert row["difference_low"] < 0 < row["difference_high"]
        assert row["attributed"] > 100
        assert row["share_caused_low"] < 0 < row["share_caused_high"]
    # Without the log the same model's credit looks caused by the campaign.
    observed = [row for row in found.to_dicts() if row["basis"] == "observed" and row["step"] == "sms"]
    assert all(row["difference_low"] > 100 for row in observed)
    # and the holdout's would-be credit is that of attributing the whole of the touches
    whole = at.attribute(touches, conversions, models=list(MODELS)).touches().to_pandas()
    people = assignment.loc[assignment["arm"] == "holdout", "person_id"]
    for row in rows[: len(MODELS)]:
        mine = person_credit(whole, conversions, people, ["sms"], row["model"])
        assert row["placebo"] == pytest.approx(mine.sum(), rel=1e-9)


def test_a_log_of_several_arms_names_them(campaign, credit, readout):
    steps = campaign.steps
    arms = campaign.assignment.set_index("person_id")["arm"]
    holdout = arms.index[arms == "holdout"]
    start = campaign.assignment["assigned_at"].iloc[0]
    log = pd.DataFrame({"person_id": holdout, "channel": "sms", "time": start + pd.Timedelta(days=1)})
    with pytest.raises(InputError, match="the would-be touches need the column 'arm'"):
        ex.placebo_credit(credit, readout, steps=steps, would_be=log)
    named = log.assign(arm="sms")
    found = ex.placebo_credit(credit, readout, steps=steps, would_be=named)
    unseen = [finding for finding in found.findings if finding.code == "WOULD_BE_UNSEEN"]
    assert sorted(finding.values["step"] for finding in unseen) == ["digital", "full", "total"]
    rows = [row for row in found.to_dicts() if row["basis"] == "would_be"]
    assert {row["step"] for row in rows} == {"sms"}
    assert all(row["placebo"] > 0 for row in rows)
    with pytest.raises(TableError, match="would_be"):
        ex.placebo_credit(credit, readout, steps=steps, would_be=log.drop(columns="channel"))


def test_rules_that_look_at_more_than_the_log_are_refused(campaign, readout):
    rules = at.Rules(not_before="2026-09-01T00:00:00Z")
    credit = at.attribute(campaign.touches, campaign.conversions, models="linear", rules=rules)
    log = pd.DataFrame({"person_id": ["x"], "channel": ["sms"], "time": [pd.Timestamp("2026-10-01", tz="UTC")]})
    with pytest.raises(InputError, match="not_before"):
        ex.placebo_credit(credit, readout, steps={"sms": ("sms",)}, would_be=log)


def test_it_reads_in_both_languages(campaign, credit, readout):
    found = ex.placebo_credit(credit, readout, steps=campaign.steps)
    assert "does not measure an effect on customers" in repr(found)
    with at.language("zh"):
        assert "这不是对客户的效果" in repr(found)
