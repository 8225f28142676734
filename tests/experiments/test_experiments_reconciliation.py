"""Touched, attributed, incremental: against a plain-pandas computation and the truth of a simulated campaign."""

from __future__ import annotations

import numpy as np
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
    outcomes = ex.build_outcomes(campaign.assignment, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    return credit, readout


@pytest.fixture(scope="module")
def rows(campaign: ex.Campaign, parts) -> pd.DataFrame:
    credit, readout = parts
    return ex.reconcile(credit, readout, assignment=campaign.assignment, steps=campaign.steps).table()


def test_rows_equal_plain_pandas(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    first = campaign.conversions.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")["conversion_id"]
    events = parts[0].touches().to_pandas().merge(campaign.assignment[["person_id", "arm"]], on="person_id")
    events = events[events["conversion_id"].isin(set(first))]
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
        assert row["placebo_scaled"] == pytest.approx(placebo * row["persons"] / row["persons_holdout"], abs=1e-12)


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
    assert [finding.code for finding in result.findings] == ["CREDIT_OUTSIDE", "UNTESTED_CHANNEL"]


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


def test_conversions_outside_the_windows_take_no_part(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    _, readout = parts
    arm = campaign.assignment[campaign.assignment["arm"] == "sms"].head(150)
    early = pd.DataFrame(
        {
            "touch_id": [f"early{i}" for i in range(len(arm))],
            "person_id": arm["person_id"].to_numpy(),
            "time": pd.Timestamp("2026-03-01", tz="UTC"),
            "channel": "sms",
        }
    )
    bought = pd.DataFrame(
        {
            "conversion_id": [f"early{i}" for i in range(len(arm))],
            "person_id": arm["person_id"].to_numpy(),
            "time": pd.Timestamp("2026-03-02", tz="UTC"),
            "value": 10.0,
        }
    )
    touches = pd.concat([campaign.touches[["touch_id", "person_id", "time", "channel"]], early])
    conversions = pd.concat([campaign.conversions[["conversion_id", "person_id", "time", "value"]], bought])
    credit = at.attribute(touches, conversions)
    result = ex.reconcile(credit, readout, assignment=campaign.assignment, steps=campaign.steps)
    pd.testing.assert_frame_equal(result.table(), rows)
    outside = next(finding for finding in result.findings if finding.code == "CREDIT_OUTSIDE")
    assert outside.values["outside"] == 150


def test_immature_persons_are_neither_credited_nor_counted(campaign: ex.Campaign, parts) -> None:
    later = campaign.assignment.copy()
    half = later.index % 2 == 0
    later.loc[half, "assigned_at"] = later.loc[half, "assigned_at"] + pd.Timedelta(days=70)
    outcomes = ex.build_outcomes(later, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    table = ex.reconcile(parts[0], readout, assignment=later, steps=campaign.steps).table()
    mature = set(later.loc[~half, "person_id"])
    persons = later.loc[~half, "arm"].value_counts()
    first = campaign.conversions.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")
    kept = set(first.loc[first["person_id"].isin(mature), "conversion_id"])
    events = parts[0].touches().to_pandas().merge(later[["person_id", "arm"]], on="person_id")
    for row in table[table["step"].isin(campaign.steps)].to_dict("records"):
        assert row["persons"] == persons[row["arm"]]
        mine = events[(events["arm"] == row["arm"]) & events["channel"].isin(campaign.steps[row["step"]])]
        mine = mine[mine["conversion_id"].isin(kept) & (mine["model"] == row["model"])]
        assert row["attributed"] == pytest.approx(mine["conversions"].sum(), rel=1e-12)


def test_persons_of_a_stratum_that_left_the_contrasts_are_not_credited(campaign: ex.Campaign, parts) -> None:
    alone = campaign.assignment.copy()
    row = np.arange(len(alone))
    alone["stratum"] = np.where((row % 3 == 0) & (alone["arm"] != "full"), "without full", "with all")
    outcomes = ex.build_outcomes(alone, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum").analyze(outcomes)
    assert "STRATUM_DROPPED" in [finding.code for finding in readout.findings]
    stratified = ex.reconcile(parts[0], readout, steps=campaign.steps).table()
    kept = alone[alone["stratum"] == "with all"]
    outcomes = ex.build_outcomes(kept, campaign.conversions, as_of=campaign.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes)
    expected = ex.reconcile(parts[0], readout, steps=campaign.steps).table()
    names = ["step", "arm", "model", "persons", "touched", "attributed", "placebo", "placebo_scaled"]
    pd.testing.assert_frame_equal(stratified[names], expected[names])
    assert stratified["incremental"].to_numpy() == pytest.approx(expected["incremental"].to_numpy(), nan_ok=True)


def test_a_person_in_two_arms_counts_as_first_assigned_whatever_the_order_of_rows(campaign: ex.Campaign, parts) -> None:
    twice = campaign.assignment[campaign.assignment["arm"] == "full"].head(100).copy()
    twice["arm"] = "holdout"
    twice["assigned_at"] = twice["assigned_at"] - pd.Timedelta(hours=1)
    credit, _ = parts
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(campaign.outcomes)
    options = {"steps": campaign.steps, "window": "28d"}
    forward = ex.reconcile(credit, readout, assignment=pd.concat([campaign.assignment, twice]), **options).table()
    backward = ex.reconcile(credit, readout, assignment=pd.concat([twice, campaign.assignment]), **options).table()
    pd.testing.assert_frame_equal(forward, backward)
    alone = ex.reconcile(credit, readout, assignment=campaign.assignment, **options).table()
    phone = [table.loc[table["channels"] == "phone", "attributed"].sum() for table in (alone, forward)]
    assert phone[1] <= phone[0]


def test_a_plain_table_needs_the_window_or_says_so(campaign: ex.Campaign, parts, rows: pd.DataFrame) -> None:
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(campaign.outcomes)
    known = ex.reconcile(parts[0], readout, assignment=campaign.assignment, steps=campaign.steps, window="28d")
    pd.testing.assert_frame_equal(known.table(), rows)
    blind = ex.reconcile(parts[0], readout, assignment=campaign.assignment, steps=campaign.steps)
    assert "WINDOW_UNKNOWN" in [finding.code for finding in blind.findings]
    with pytest.raises(InputError, match="assignment is needed"):
        ex.reconcile(parts[0], readout, steps=campaign.steps)


def test_a_mean_cannot_stand_beside_credit(campaign: ex.Campaign, parts) -> None:
    metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value")}
    readout = ex.Experiment(metrics, shares="p_assign").analyze(campaign.outcomes)
    with pytest.raises(InputError, match="is a mean, and credit counts customers"):
        ex.reconcile(parts[0], readout, assignment=campaign.assignment, steps=campaign.steps, metric="value")


def test_a_mistyped_channel_of_a_step_is_told(campaign: ex.Campaign, parts) -> None:
    steps = {**campaign.steps, "digital": ("push", "baner")}
    result = ex.reconcile(*parts, assignment=campaign.assignment, steps=steps)
    unseen = [finding for finding in result.findings if finding.code == "CHANNEL_UNSEEN"]
    assert [finding.status for finding in unseen] == ["warn"]
    assert "Did you mean 'banner'?" in unseen[0].text("en")


def test_credit_and_effect_of_different_persons_or_customers_are_told(campaign: ex.Campaign, parts) -> None:
    half = ex.Experiment({"woken": ex.Rate("woken")}).analyze(campaign.outcomes.iloc[::2])
    options = {"assignment": campaign.assignment, "steps": campaign.steps, "window": "28d"}
    codes = [finding.code for finding in ex.reconcile(parts[0], half, **options).findings]
    assert codes.count("PERSONS_DIFFER") == 3
    fewer = at.attribute(campaign.touches, campaign.conversions.iloc[::2])
    codes = [finding.code for finding in ex.reconcile(fewer, parts[1], **options).findings]
    assert "CUSTOMERS_DIFFER" in codes


def test_models_of_paths_are_read_inside_journeys_and_say_so():
    c = ex.simulate("default", persons=4_000, seed=3)
    observed = (None, "2026-12-31T00:00:00Z")
    credit = at.attribute(c.touches, c.conversions, models=["linear", at.Markov()], observed=observed)
    outcomes = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of
    )
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes, touches=c.touches)
    found = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps)
    assert any("markov" in sentence and "inside journeys" in sentence for sentence in found.recipe.sentences())
    events = credit.touches().table().query("model == 'markov'")
    firsts = c.conversions.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")["conversion_id"]
    events = events[events["conversion_id"].isin(firsts)].merge(c.assignment[["person_id", "arm"]], on="person_id")
    for row in found.to_dicts():
        if row["model"] == "markov" and row["step"] in c.steps:
            mine = events[(events["arm"] == row["step"]) & events["channel"].isin(c.steps[row["step"]])]
            assert row["attributed"] == pytest.approx(mine["weight"].sum())


def test_strata_of_unequal_shares_raise_no_alarm_about_customers():
    """The readout's rate is weighted over strata; the customers that are compared are counted."""
    c = ex.simulate("waves", persons=20_000, seed=1)
    outcomes = ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=c.prices, as_of=c.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="stratum").analyze(outcomes)
    credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
    found = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps)
    assert "CUSTOMERS_DIFFER" not in {finding.code for finding in found.findings}
