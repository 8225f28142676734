"""The tables of a simulated campaign: shapes, keys, persons, determinism, and outcomes against a second computation."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from attribution.core.errors import InputError
from attribution.core.language import language
from experiments.simulation import Campaign, simulate
from experiments.simulation.constants import ARMS

COLUMNS = {
    "customers": (
        "customer_id person_id phone device source first_date last_active_at n_invest amount_total amount_max "
        "recency_days opt_out_sms opt_out_phone opt_out_push is_test"
    ),
    "links": "customer_id phone device",
    "assignment": "person_id arm p_assign assigned_at stratum",
    "touches": "touch_id person_id customer_id time channel kind origin campaign segments",
    "conversions": "conversion_id person_id customer_id time value incentive_cost",
    "prices": "channel basis unit_cost arms",
    "spend": "channel cost",
    "history": "person_id source n_invest count_class recency_days recency_class amount_total closed_at closed",
    "outcomes": (
        "person_id arm p_assign stratum woken value orders touch_cost incentive_cost fixed_cost cost "
        "source n_invest count_class recency_days recency_class amount_total closed_at closed"
    ),
    "truth": (
        "person_id p_holdout p_digital p_sms p_full c_holdout c_digital c_sms c_full "
        "closed_holdout closed_digital closed_sms closed_full value_mean hunter type"
    ),
}
PRICED_KINDS = {
    "delivered": {"delivered", "impression", "click", "answered"},
    "impression": {"impression", "click"},
    "click": {"click"},
    "attempt": {"attempt", "answered"},
    "answered": {"answered"},
    "segment": {"sent", "delivered", "click"},
}


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return simulate(persons=20_000, seed=3)


def components(links: pd.DataFrame) -> dict[str, str]:
    """Smallest customer of the connected component, by repeated spreading of the minimum over phones and devices."""
    label = links["customer_id"].astype(object)
    while True:
        spread = label.groupby(links["phone"]).transform("min")
        device = spread.groupby(links["device"]).transform("min")
        spread = spread.where(links["device"].isna(), device)
        if spread.equals(label):
            return dict(zip(links["customer_id"], label, strict=True))
        label = spread


def touch_costs(touches: pd.DataFrame, prices: pd.DataFrame) -> pd.Series:
    cost = pd.Series(0.0, index=touches.index)
    for row in prices[prices["basis"] != "fixed"].itertuples():
        applies = (touches["channel"] == row.channel) & touches["kind"].isin(PRICED_KINDS[row.basis])
        times = touches["segments"].fillna(0).astype(float) if row.basis == "segment" else 1.0
        cost += applies * row.unit_cost * times
    return cost


def fixed_costs(assignment: pd.DataFrame, prices: pd.DataFrame) -> pd.Series:
    share = pd.Series(0.0, index=assignment.index)
    for row in prices[prices["basis"] == "fixed"].itertuples():
        member = assignment["arm"].isin(row.arms.split(";"))
        share += member * row.unit_cost / member.sum()
    return share


def in_window(events: pd.DataFrame, assignment: pd.DataFrame) -> pd.DataFrame:
    joined = events.merge(assignment[["person_id", "assigned_at"]], on="person_id", validate="many_to_one")
    inside = (joined["time"] >= joined["assigned_at"]) & (joined["time"] < joined["assigned_at"] + timedelta(days=28))
    return joined[inside]


def test_tables_have_the_columns_of_the_contract(campaign):
    assert {name: " ".join(table.columns) for name, table in campaign.tables().items()} == COLUMNS


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("customers", "customer_id"),
        ("links", "customer_id"),
        ("assignment", "person_id"),
        ("touches", "touch_id"),
        ("conversions", "conversion_id"),
        ("spend", "channel"),
        ("history", "person_id"),
        ("outcomes", "person_id"),
        ("truth", "person_id"),
    ],
)
def test_keys_are_unique_and_known(campaign, table, key):
    column = campaign.tables()[table][key]
    assert column.is_unique
    assert column.notna().all()


def test_persons_agree_between_tables(campaign):
    persons = list(campaign.assignment["person_id"])
    assert len(persons) == 20_000
    assert persons == sorted(persons)
    for table in (campaign.history, campaign.outcomes, campaign.truth):
        assert list(table["person_id"]) == persons
    owner = campaign.customers.set_index("customer_id")["person_id"]
    for events in (campaign.touches, campaign.conversions):
        assert (events["customer_id"].map(owner) == events["person_id"]).all()


def test_connected_components_are_the_persons(campaign):
    found = campaign.links["customer_id"].map(components(campaign.links))
    assert (found.to_numpy() == campaign.customers["person_id"].to_numpy()).all()
    sizes = campaign.customers.groupby("person_id").size()
    assert (campaign.customers.groupby("person_id")["customer_id"].min() == sizes.index).all()
    assert set(sizes) == {1, 2, 3}
    assert sizes.gt(1).mean() == pytest.approx(0.07, abs=4 * np.sqrt(0.07 * 0.93 / 20_000))


def test_outcomes_follow_from_the_tables(campaign):
    people = campaign.assignment.set_index("person_id")
    conversions = in_window(campaign.conversions, campaign.assignment).groupby("person_id")
    touches = in_window(campaign.touches, campaign.assignment)
    touches = touches.assign(cost=touch_costs(touches, campaign.prices))
    expected = pd.DataFrame(
        {
            "value": conversions["value"].sum(),
            "orders": conversions.size(),
            "incentive_cost": conversions["incentive_cost"].sum(),
        }
    ).reindex(people.index, fill_value=0)
    expected["touch_cost"] = touches.groupby("person_id")["cost"].sum().reindex(people.index, fill_value=0.0)
    expected["fixed_cost"] = fixed_costs(campaign.assignment, campaign.prices).to_numpy()
    expected["cost"] = expected["touch_cost"] + expected["incentive_cost"] + expected["fixed_cost"]
    got = campaign.outcomes.set_index("person_id")
    for column in expected.columns:
        np.testing.assert_allclose(got[column], expected[column], rtol=1e-9, atol=1e-9, err_msg=column)
    assert (got["woken"] == (expected["orders"] > 0)).all()
    assert expected["orders"].max() == 2
    assert (got[["arm", "p_assign", "stratum"]] == people[["arm", "p_assign", "stratum"]]).all(axis=None)


def test_closed_is_within_the_window_and_some_close_later(campaign):
    late = campaign.outcomes["closed_at"] >= campaign.assignment["assigned_at"] + timedelta(days=28)
    known = campaign.outcomes["closed_at"].notna()
    assert (campaign.outcomes["closed"] == (known & ~late)).all()
    assert late.sum() > 0
    history = campaign.history.drop(columns="person_id")
    pd.testing.assert_frame_equal(campaign.outcomes[list(history.columns)], history)


def test_every_event_lies_in_the_window(campaign):
    for events in (campaign.touches, campaign.conversions):
        assert len(in_window(events, campaign.assignment)) == len(events)
        assert events["time"].is_monotonic_increasing


def test_spend_is_the_cost_of_everybody(campaign):
    cost = touch_costs(campaign.touches, campaign.prices).groupby(campaign.touches["channel"]).sum()
    fixed = campaign.prices[campaign.prices["basis"] == "fixed"].groupby("channel")["unit_cost"].sum()
    expected = cost.add(fixed, fill_value=0.0)
    got = campaign.spend.set_index("channel")["cost"]
    np.testing.assert_allclose(got, expected[got.index], rtol=1e-9)
    assert got.sum() == pytest.approx(campaign.outcomes[["touch_cost", "fixed_cost"]].sum().sum(), rel=1e-9)


def test_only_assigned_arms_get_their_channels(campaign):
    arm = campaign.touches["person_id"].map(campaign.assignment.set_index("person_id")["arm"])
    channels = campaign.touches.groupby(arm)["channel"].agg(set).to_dict()
    assert channels == {
        "holdout": {"search"},
        "digital": {"search", "push", "banner"},
        "sms": {"search", "push", "banner", "sms"},
        "full": {"search", "push", "banner", "sms", "phone"},
    }
    inbound = campaign.touches["origin"] == "inbound"
    assert (inbound == (campaign.touches["channel"] == "search")).all()
    assert (inbound == campaign.touches["campaign"].isna()).all()
    messages = campaign.touches["channel"] == "sms"
    assert set(campaign.touches.loc[messages, "segments"]) == {1, 2}
    assert campaign.touches.loc[~messages, "segments"].isna().all()


def test_opted_out_persons_are_left_alone(campaign):
    person = campaign.customers.drop_duplicates("person_id").set_index("person_id")
    for channel in ("sms", "phone", "push"):
        touched = campaign.touches.loc[campaign.touches["channel"] == channel, "person_id"]
        assert len(touched) > 0
        assert not touched.map(person[f"opt_out_{channel}"]).any()


def test_calls_end_with_the_answered_one(campaign):
    calls = campaign.touches[campaign.touches["channel"] == "phone"]
    assert set(calls["kind"]) == {"attempt", "answered"}
    last = calls.drop_duplicates("person_id", keep="last").index
    assert (calls.loc[~calls.index.isin(last), "kind"] == "attempt").all()
    assert calls.groupby("person_id").size().max() == 2


def test_some_touches_come_after_the_conversion_but_no_search(campaign):
    first = campaign.conversions.groupby("person_id")["time"].min()
    after = campaign.touches["time"] > campaign.touches["person_id"].map(first)
    assert after.sum() > 0
    assert not (after & (campaign.touches["channel"] == "search")).any()


def test_coupons_go_to_treated_first_conversions_only(campaign):
    arm = campaign.conversions["person_id"].map(campaign.assignment.set_index("person_id")["arm"])
    paid = campaign.conversions["incentive_cost"] > 0
    assert paid.any()
    assert not paid[arm == "holdout"].any()
    second = campaign.conversions.duplicated("person_id")
    assert second.any()
    assert not paid[second].any()


def test_values_are_whole_cents(campaign):
    cents = campaign.conversions["value"] * 100
    np.testing.assert_allclose(cents, cents.round(), atol=1e-6)
    assert campaign.conversions["value"].min() > 0


def test_times_are_utc_instants(campaign):
    for table, column in (
        ("assignment", "assigned_at"),
        ("touches", "time"),
        ("conversions", "time"),
        ("customers", "last_active_at"),
        ("history", "closed_at"),
    ):
        assert str(campaign.tables()[table][column].dtype) == "datetime64[us, UTC]"
    assert campaign.as_of == date(2026, 12, 31)
    assert campaign.assignment["assigned_at"].eq(campaign.assignment["assigned_at"].iloc[0]).all()
    mature = campaign.assignment["assigned_at"].iloc[0] + timedelta(days=28)
    assert mature.date() < campaign.as_of


def test_history_was_known_before_the_assignment(campaign):
    silent = campaign.assignment["assigned_at"].iloc[0] - campaign.customers["last_active_at"]
    assert (silent.dt.total_seconds() / 86_400 > campaign.customers["recency_days"] - 1).all()
    assert (
        campaign.customers["first_date"]
        <= campaign.customers["last_active_at"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    ).all()
    assert (campaign.customers["amount_max"] <= campaign.customers["amount_total"]).all()
    assert set(campaign.history["count_class"]) == {"1", "2-4", "5+"}
    assert campaign.history["recency_days"].between(90, 1095).all()
    assert (campaign.assignment["stratum"] == campaign.history["recency_class"]).all()


def test_same_seed_same_tables():
    first, second = simulate(persons=2_000, seed=5), simulate(persons=2_000, seed=5)
    for name, table in first.tables().items():
        pd.testing.assert_frame_equal(table, second.tables()[name], check_exact=True)


def test_another_seed_gives_another_campaign():
    first, second = simulate(persons=2_000, seed=5), simulate(persons=2_000, seed=6)
    for name in ("customers", "links", "assignment", "touches", "conversions", "outcomes", "truth"):
        assert not first.tables()[name].equals(second.tables()[name])


def test_a_hundred_persons_are_enough():
    small = simulate(persons=100, seed=0)
    assert len(small.assignment) == 100
    assert set(small.assignment["arm"]) == set(ARMS)
    assert small.outcomes.drop(columns="closed_at").notna().all(axis=None)


@pytest.mark.parametrize("persons", [99, 0, -5, 100.0, "100", True, None])
def test_too_few_persons_are_refused(persons):
    with pytest.raises(InputError, match=r"persons must be a whole number of at least 100, got"):
        simulate(persons=persons)


def test_unknown_scenario_names_the_closest():
    with pytest.raises(ValueError, match=r"no scenario 'defualt'\. Did you mean 'default'\?"):
        simulate("defualt", persons=100)


@pytest.mark.parametrize("scenario", [None, 3, ["null"]])
def test_scenario_that_is_no_text_is_refused(scenario):
    with pytest.raises(InputError, match="There is no scenario"):
        simulate(scenario, persons=100)


def test_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed must be a non-negative integer"):
        simulate(persons=100, seed=-1)


def test_plan_speaks_of_the_tables_it_has(campaign):
    plan = campaign.plan
    assert set(plan) == {
        "campaign", "tables", "experiment", "metrics", "attribution", "costs", "guardrails", "report",
    }  # fmt: skip
    assert plan["campaign"]["as_of"] == campaign.as_of
    assert plan["experiment"]["order"] == list(campaign.order)
    assert {arm: tuple(names) for arm, names in plan["experiment"]["steps"].items()} == campaign.steps
    for name, table in plan["tables"].items():
        assert name in campaign.tables()
        assert table["path"] == f"data/{name}.parquet"
    assert plan["tables"]["assignment"]["timezone"] == "Asia/Shanghai"
    for metric in (*plan["metrics"].values(), *plan["guardrails"].values()):
        assert metric["column"] in campaign.outcomes
    plan["campaign"]["name"] = "changed"
    assert simulate(persons=100).plan["campaign"]["name"] != "changed"


def test_repr_counts_the_rows_in_both_languages(campaign):
    shown = repr(campaign)
    assert "scenario default, seed 3" in shown
    assert "assignment 20,000" in shown
    with language("zh"):
        assert "模拟活动" in repr(campaign)
