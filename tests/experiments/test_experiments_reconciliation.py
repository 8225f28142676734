"""Touched, attributed, incremental: against a plain-pandas computation and the truth of a simulated campaign."""

from __future__ import annotations

import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import InputError


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate(persons=12_000, seed=3)


@pytest.fixture(scope="module")
def parts(campaign: ex.Campaign):
    credit = at.attribute(campaign.touches, campaign.conversions)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(campaign.outcomes)
    return credit, readout


@pytest.fixture(scope="module")
def rows(campaign: ex.Campaign, parts) -> pd.DataFrame:
    credit, readout = parts
    return ex.reconcile(credit, readout, assignment=campaign.assignment, steps=campaign.steps).table()


def test_rows_equal_plain_pandas(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    events = parts[0].touches().to_pandas().merge(campaign.assignment[["person_id", "arm"]], on="person_id")
    for row in rows[rows["step"].isin(campaign.steps)].to_dict("records"):
        channels = campaign.steps[row["step"]]
        mine = events[(events["arm"] == row["arm"]) & events["channel"].isin(channels)]
        assert row["channels"] == ", ".join(channels)
        assert row["touched"] == mine["conversion_id"].nunique()
        own = mine[mine["model"] == row["model"]]
        assert row["attributed"] == pytest.approx(own["conversions"].sum(), rel=1e-12)
        control = events[(events["arm"] == "holdout") & events["channel"].isin(channels)]
        placebo = control.loc[control["model"] == row["model"], "conversions"].sum()
        assert row["placebo"] == pytest.approx(placebo, abs=1e-12)


def test_incremental_is_persons_times_the_step(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    steps = parts[1].steps(campaign.order).table().set_index("arm")
    persons = campaign.assignment["arm"].value_counts()
    for arm in campaign.steps:
        row = rows[(rows["step"] == arm)].iloc[0]
        assert row["persons"] == persons[arm]
        assert row["incremental"] == pytest.approx(persons[arm] * steps.loc[arm, "difference"], rel=1e-12)
        assert row["incremental_low"] == pytest.approx(persons[arm] * steps.loc[arm, "low"], rel=1e-12)
        assert row["incremental_high"] == pytest.approx(persons[arm] * steps.loc[arm, "high"], rel=1e-12)


def test_the_total_is_the_last_arm_against_the_control(parts, rows: pd.DataFrame) -> None:
    total = rows[rows["step"] == "total"].iloc[0]
    effect = parts[1].table().set_index("arm").loc["full"]
    assert (total["arm"], total["control"]) == ("full", "holdout")
    assert total["incremental"] == pytest.approx(total["persons"] * effect["difference"], rel=1e-12)


def test_search_is_untested_and_credited_in_the_holdout_too(rows: pd.DataFrame) -> None:
    search = rows[rows["channels"] == "search"]
    assert set(search["step"]) == {"untested"}
    assert search["incremental"].isna().all()
    assert (search["placebo"] > 0).all()
    assert (search["attributed"] > 0).all()


def test_a_ratio_is_given_only_where_the_interval_excludes_zero(rows: pd.DataFrame) -> None:
    tested = rows[rows["step"] != "untested"]
    clear = (tested["incremental_low"] > 0) | (tested["incremental_high"] < 0)
    assert tested.loc[clear, "ratio"].notna().all()
    assert tested.loc[~clear, "ratio"].isna().all()
    assert clear.any()


def test_it_says_untested_in_both_languages(campaign: ex.Campaign, parts) -> None:
    credit, readout = parts
    result = ex.reconcile(credit, readout, assignment=campaign.assignment, steps=campaign.steps)
    assert "untested" in repr(result)
    with at.language("zh"):
        assert "未检验" in repr(result)
    assert [finding.code for finding in result.findings] == ["UNTESTED_CHANNEL"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"digital": "push"}, "must be a list of channels"),
        ({"digital": ("push",), "sms": ("push",)}, "is a step of both 'digital' and 'sms'"),
        ({"smss": ("sms",)}, "Did you mean 'sms'"),
    ],
)
def test_unusable_steps_are_refused(campaign: ex.Campaign, parts, steps: dict[str, object], message: str) -> None:
    credit, readout = parts
    with pytest.raises(InputError, match=message):
        ex.reconcile(credit, readout, assignment=campaign.assignment, steps=steps)


def test_an_unknown_metric_is_refused(campaign: ex.Campaign, parts) -> None:
    credit, readout = parts
    with pytest.raises(InputError, match="Did you mean 'woken'"):
        ex.reconcile(credit, readout, assignment=campaign.assignment, steps=campaign.steps, metric="wokn")


def test_the_order_of_rows_changes_nothing(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    credit, readout = parts
    shuffled = campaign.assignment.sample(frac=1, random_state=1)
    again = ex.reconcile(credit, readout, assignment=shuffled, steps=campaign.steps).table()
    pd.testing.assert_frame_equal(again, rows)
