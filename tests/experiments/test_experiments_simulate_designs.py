"""The truth of every scenario against what is realised, its tables against a second computation, and the knobs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import experiments as ex
from attribution import Columns
from attribution.core.errors import InputError
from experiments.simulation import Campaign, simulate
from experiments.simulation.constants import ARMS, SCENARIOS

RARE = 1e-6
NEW = sorted(set(SCENARIOS) - {"default", "null", "dirty"})


@pytest.fixture(scope="module")
def campaigns() -> dict[str, list[Campaign]]:
    return {name: [simulate(name, persons=20_000, seed=seed) for seed in (21, 22)] for name in NEW}


def people(campaign: Campaign) -> pd.DataFrame:
    """One row per person: truth, and what was realised under the touches that came."""
    truth = campaign.truth
    given = truth["given"] if "given" in truth else campaign.assignment["arm"]
    if campaign.scenario == "split_ids":
        woken = truth["person_id"].isin(campaign.conversions["person_id"]).astype(int)
        frame = truth.assign(woken=woken)
    else:
        frame = truth.merge(campaign.outcomes, on="person_id", how="left", validate="one_to_one")
    return frame.assign(given=np.asarray(given))


def assert_in_band(hits: float, n: int, probability: float) -> None:
    low, high = binom.interval(1 - RARE, n, probability)
    assert low <= hits <= high


@pytest.mark.parametrize("scenario", NEW)
def test_realised_returns_costs_and_harms_match_the_truth(campaigns, scenario):
    everybody = pd.concat(people(each) for each in campaigns[scenario])
    for arm in everybody["given"].unique():
        some = everybody[(everybody["given"] == arm) & everybody["woken"].notna()]
        assert_in_band(some["woken"].sum(), len(some), some[f"p_{arm}"].mean())
        if "cost" in some:
            excess = some["cost"] - some[f"c_{arm}"]
            assert abs(excess.mean()) < 4.5 * excess.std() / np.sqrt(len(excess))
        for name in ("opted_out", "complained"):
            if name in some:
                assert_in_band(some[name].sum(), len(some), some[f"{name}_{arm}"].mean())
        if "closed" in some and arm != "leaked":
            assert_in_band(some["closed"].sum(), len(some), some[f"closed_{arm}"].mean())


@pytest.mark.parametrize("scenario", NEW)
def test_outcomes_are_those_of_an_independent_computation_from_the_tables(campaigns, scenario):
    c = campaigns[scenario][0]
    names = Columns(person="customer_id") if scenario == "split_ids" else None
    built = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of, columns=names
    ).table()
    assert len(built) == len(c.outcomes) == len(c.assignment)
    unit = "customer_id" if names else "person_id"
    assert (built["person_id"].to_numpy() == c.outcomes[unit].to_numpy()).all()
    for name in ("woken", "orders", "value", "touch_cost", "incentive_cost", "fixed_cost", "cost"):
        np.testing.assert_allclose(built[name], c.outcomes[name], rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("arm", "stratum"):
        assert (built[name].to_numpy() == c.outcomes[name].to_numpy()).all()


@pytest.mark.parametrize("scenario", NEW)
def test_keys_are_unique_and_rows_are_numbered_from_0(campaigns, scenario):
    c = campaigns[scenario][0]
    unit = "customer_id" if scenario == "split_ids" else "person_id"
    for name, key in (
        ("assignment", unit), ("outcomes", unit), ("truth", "person_id"), ("history", "person_id"),
        ("touches", "touch_id"), ("conversions", "conversion_id"),
    ):  # fmt: skip
        table = c.tables()[name]
        assert table[key].is_unique
        assert (table.index == np.arange(len(table))).all()
    for table in (c.touches, c.conversions):
        assert table["time"].is_monotonic_increasing


@pytest.mark.parametrize("scenario", ["waves", "split_ids", "leak"])
def test_same_seed_same_tables(scenario):
    first, second = (simulate(scenario, persons=1_000, seed=5) for _ in range(2))
    for name, table in first.tables().items():
        pd.testing.assert_frame_equal(table, second.tables()[name], check_exact=True)
    pd.testing.assert_frame_equal(first.events, second.events, check_exact=True)


def test_scenarios_that_change_nothing_of_the_persons_leave_the_persons():
    default = simulate(persons=2_000, seed=5)
    for scenario in set(NEW) - {"hunter_heavy", "waves"}:
        other = simulate(scenario, persons=2_000, seed=5)
        pd.testing.assert_frame_equal(default.customers, other.customers, check_exact=True)
        if scenario != "market_rally":
            np.testing.assert_allclose(default.truth["p_holdout"], other.truth["p_holdout"], rtol=1e-12)


def test_waves_are_assigned_with_their_own_shares_and_dates(campaigns):
    c = campaigns["waves"][0]
    shares = {"1": (0.10, 0.20, 0.30, 0.40), "2": (0.25, 0.25, 0.25, 0.25), "3": (0.40, 0.20, 0.20, 0.20)}
    starts = c.assignment.groupby("wave")["assigned_at"].agg(["min", "max"])
    assert (starts["min"] == starts["max"]).all()
    assert (starts["min"].diff().dropna() == pd.Timedelta(days=28)).all()
    for wave, rows in c.assignment.groupby("wave"):
        for arm, share in zip(ARMS, shares[wave], strict=True):
            assert_in_band((rows["arm"] == arm).sum(), len(rows), share)
            assert rows.loc[rows["arm"] == arm, "p_assign"].eq(share).all()
    assert (c.assignment["wave"] == c.assignment["stratum"]).all()
    effect = (c.truth["p_full"] - c.truth["p_holdout"]).groupby(c.truth["wave"]).mean()
    assert effect.is_monotonic_decreasing
    last = c.customers.drop_duplicates("person_id").set_index("person_id")["last_active_at"]
    silent = c.assignment.set_index("person_id")["assigned_at"] - last
    assert (silent >= pd.Timedelta(days=89)).all()


def test_returns_are_brought_forward_and_nobody_is_won(campaigns):
    c = campaigns["pull_forward"][0]
    everybody = c.truth.merge(c.assignment, on="person_id")
    for arm in ARMS[1:]:
        early, later = (everybody[f"{day}_{arm}"] - everybody[f"{day}_holdout"] for day in ("p", "p60"))
        assert early.mean() > later.mean() > 0
        np.testing.assert_allclose(everybody[f"p90_{arm}"], everybody["p90_holdout"], rtol=1e-12)
    both = [people(each).merge(each.conversions.groupby("person_id")["time"].min().rename("first").reset_index(),
                               how="left", on="person_id") for each in campaigns["pull_forward"]]  # fmt: skip
    joined = pd.concat(both)
    waited = (joined["first"] - c.assignment["assigned_at"].iloc[0]).dt.total_seconds() / 86_400
    for day, column in ((60, "p60"), (90, "p90")):
        for arm in ARMS:
            some = joined[joined["given"] == arm]
            assert_in_band((waited[joined["given"] == arm] < day).sum(), len(some), some[f"{column}_{arm}"].mean())
    assert waited.max() < 90


def test_the_second_message_goes_to_the_silent_only(campaigns):
    c = campaigns["adaptive_resend"][0]
    sent = c.touches[c.touches["campaign"] == "2026Q4-sms-2"]
    first = c.conversions.groupby("person_id")["time"].min()
    assert not (sent["person_id"].map(first) < sent["time"]).any()
    default = simulate(persons=20_000, seed=21)
    assert len(c.touches) < len(default.touches)
    columns = [f"p_{arm}" for arm in ARMS]
    pd.testing.assert_frame_equal(c.truth[columns], default.truth[columns], check_exact=True)
    assert (c.truth["c_sms"] < default.truth["c_sms"]).any()


def test_the_treated_who_are_dropped_are_the_least_likely_to_return(campaigns):
    truth, kept = campaigns["srm"][0].truth, campaigns["srm"][0].assignment["person_id"]
    assert set(truth.loc[truth["dropped"], "person_id"]) == set(truth["person_id"]) - set(kept)
    assert truth["dropped"].sum() == round(0.05 * (20_000 - (campaigns["srm"][0].assignment["arm"] == "holdout").sum()))
    assert truth.loc[truth["dropped"], "p_holdout"].max() <= truth.loc[~truth["dropped"], "p_holdout"].median()
    assert (truth.loc[truth["dropped"], "given"] == "holdout").all()


def test_persons_with_several_numbers_get_the_touches_of_the_highest_arm(campaigns):
    c = campaigns["split_ids"][0]
    rank = c.assignment["arm"].map({arm: place for place, arm in enumerate(ARMS)})
    highest = rank.groupby(c.assignment["person_id"]).max().map(dict(enumerate(ARMS)))
    assert (c.truth.set_index("person_id")["given"] == highest).all()
    outbound = c.touches[c.touches["origin"] == "outbound"]
    listed = outbound["customer_id"].map(c.assignment.set_index("customer_id")["arm"])
    assert (listed != "holdout").all()
    shared = c.links["phone"].duplicated(keep=False)
    assert shared.mean() == pytest.approx(0.14, abs=0.01)
    holdout = c.assignment[c.assignment["arm"] == "holdout"]
    sibling = holdout["person_id"].map(highest) != "holdout"
    assert sibling.mean() == pytest.approx(0.11, abs=0.015)


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_contamination_is_a_knob_of_every_scenario(share):
    c = simulate("null", persons=20_000, seed=3, contamination=share)
    control = c.assignment.loc[c.assignment["arm"] == "holdout", "person_id"]
    reached = c.touches.loc[c.touches["channel"] == "sms", "person_id"].unique()
    hit = control.isin(reached)
    if share:
        assert_in_band(hit.sum(), len(control), share * 0.97)
        assert (c.truth.loc[c.truth["given"] == "leaked", "person_id"].isin(control)).all()
    else:
        pd.testing.assert_frame_equal(c.touches, simulate("null", persons=20_000, seed=3).touches, check_exact=True)
        assert not hit.any()


@pytest.mark.parametrize(("pressure", "low", "high"), [(1, 2.4, 3.0), (5, 9.5, 11.0)])
def test_pressure_sends_more_touches_and_moves_the_effect_little(pressure, low, high):
    c = simulate(persons=5_000, seed=3, pressure=pressure)
    assert low <= len(c.touches) / 5_000 <= high
    assert c.touches["touch_id"].is_unique
    effect = (c.truth["p_sms"] - c.truth["p_holdout"]).mean()
    default = simulate(persons=5_000, seed=3).truth
    assert effect == pytest.approx((default["p_sms"] - default["p_holdout"]).mean(), rel=0.2)
    realised = c.outcomes.merge(c.truth, on="person_id")
    for arm in ARMS:
        some = realised[realised["arm"] == arm]
        assert_in_band(some["woken"].sum(), len(some), some[f"p_{arm}"].mean())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"contamination": 1.0}, "contamination must be a share"),
        ({"contamination": -0.1}, "contamination must be a share"),
        ({"contamination": True}, "contamination must be a share"),
        ({"contamination": "5%"}, "contamination must be a share"),
        ({"contamination": float("nan")}, "contamination must be a share"),
        ({"contamination": 0.1, "scenario": "split_ids"}, "contamination needs an assignment of persons"),
        ({"pressure": 0}, "pressure must be a whole number from 1 to 8"),
        ({"pressure": 9}, "pressure must be a whole number from 1 to 8"),
        ({"pressure": 2.0}, "pressure must be a whole number from 1 to 8"),
        ({"dirt": ["REFUNDS"], "scenario": "waves"}, 'serves the scenario "dirty" alone'),
    ],
)
def test_knobs_out_of_range_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        simulate(persons=100, **options)
