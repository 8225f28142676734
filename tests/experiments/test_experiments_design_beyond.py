"""Beyond the experiment's own persons and window: households, other audiences, later returns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from experiments.design.pull_forward import band_width
from experiments.design.spillover import slope_within
from oracles.clustered_slope import cr2

FOLDER = Path(__file__).parents[1] / "references/balance"
DAY = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")


def reference(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


# --- spillover -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["slope", "low", "high", "p", "groups"])
def test_spillover_is_club_sandwichs_cr2(name):
    case = reference("spillover")
    inputs = case["inputs"]
    data = pd.DataFrame({
        "arm": ["sms" if z else "holdout" for z in inputs["arm"]], "home": inputs["house"], "y": inputs["y"],
    })  # fmt: skip
    row = ex.spillover_bound(data, link="home", column="y").to_dicts()[0]
    ours = row[{"slope": "value", "p": "p_value"}.get(name, name)]
    assert ours == pytest.approx(case["expected"][name], rel=1e-9)


@pytest.mark.parametrize("name", ["se", "df"])
def test_the_slope_inside_groups_is_that_of_club_sandwich_and_estimatr(name):
    case = reference("spillover")
    house, arm, y = (np.array(case["inputs"][key]) for key in ("house", "arm", "y"))
    others = np.bincount(house)[house] - 1
    share = (np.bincount(house, weights=arm)[house] - arm) / others
    held = arm == 0
    found = slope_within(y[held], share[held], others[held], house[held])
    ours = {"se": found.variance**0.5, "df": found.freedom}[name]
    assert ours == pytest.approx(case["expected"][name], rel=1e-9)
    assert ours == pytest.approx(case["expected"]["estimatr"][name], rel=1e-9)


def test_a_cluster_may_lie_in_several_groups():
    rng = np.random.default_rng(2)
    cluster, group, x = rng.integers(0, 15, 90), rng.integers(0, 3, 90), rng.normal(size=90)
    y = rng.normal(size=90) + rng.normal(size=15)[cluster]
    found = slope_within(y, x, group, cluster)
    slope, variance, freedom = cr2(y, np.column_stack([x, np.eye(3)[group]]), cluster)
    assert (found.slope, found.variance, found.freedom) == pytest.approx((slope, variance, freedom), rel=1e-9)


def homes(n=4_000, size=3, slope=0.0, seed=6):
    rng = np.random.default_rng(seed)
    home = np.arange(n) // size
    treated = rng.random(n) < 0.8
    others = np.bincount(home, weights=treated)[home] - treated
    y = (rng.random(n) < 0.1 + slope * others / (size - 1)).astype(int)
    return pd.DataFrame({"arm": np.where(treated, "sms", "holdout"), "home": home, "woken": y})


def test_spillover_is_found_and_its_bound_scales():
    found = ex.spillover_bound(homes(slope=0.3), link="home")
    assert found.findings[0].status == "warn"
    rows = {row["quantity"]: row for row in found.to_dicts()}
    assert rows["spillover"]["low"] > 0.0
    shift = rows["control_shift"]
    assert shift["value"] / rows["spillover"]["value"] == pytest.approx(0.8, abs=0.03)
    assert rows["all_against_none"]["value"] == rows["spillover"]["value"] * (3_999 / 4_000)  # one person is alone
    assert "Treatment spills over" in repr(found)


def test_no_spillover_is_not_proved():
    found = ex.spillover_bound(homes(), link="home")
    assert found.findings[0].status == "note"
    assert "not the same as no spillover" in found.findings[0].text("en")


def test_whole_households_and_single_persons_cannot_spill():
    data = homes()
    whole = data.assign(arm=lambda part: np.where(part["home"] % 5 == 0, "holdout", "sms"))
    assert ex.spillover_bound(whole, link="home").findings[0].status == "pass"
    alone = data.assign(home=None)
    assert ex.spillover_bound(alone, link="home").findings[0].status == "pass"
    few = ex.spillover_bound(data.head(20), link="home")
    assert few.findings[0].status == "unknown"
    assert {row["note"] for row in few.to_dicts()} <= {"TOO_FEW_CLUSTERS", "ZERO_VARIANCE"}


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1, 1e9 + 0.1])
def test_an_outcome_that_does_not_vary_shows_no_spillover(constant):
    found = ex.spillover_bound(homes(600).assign(woken=constant), link="home")
    assert {(row["value"], row["low"], row["note"]) for row in found.to_dicts()} == {(0.0, None, "ZERO_VARIANCE")}
    assert (found.findings[0].status, "too much alike" in found.findings[0].text("en")) == ("unknown", True)


def test_spillover_does_not_depend_on_the_order_of_rows():
    data = homes(1_000)
    data.loc[::17, "home"] = None
    found = ex.spillover_bound(data, link="home")
    assert found.to_dicts() == ex.spillover_bound(data.sample(frac=1.0, random_state=3), link="home").to_dicts()
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.spillover_bound(data.assign(answered=1), link="answered")


# --- transport -------------------------------------------------------------------------------------------------------


def moved():
    inputs = reference("transport")["inputs"]
    arm = ["sms" if z else "holdout" for z in inputs["treated"]]
    return pd.DataFrame({"arm": arm, "stratum": inputs["stratum"], "value": inputs["value"]}), inputs["audience"]


@pytest.mark.parametrize("name", ["difference", "by_regression", "value", "value_control", "low", "high", "p"])
def test_transported_means_are_rs(name):
    data, audience = moved()
    wanted = dict(zip((1, 2, 3), audience, strict=True))
    row = ex.transport(data, wanted, metric=ex.Mean("value"), strata="stratum").to_dicts()[0]
    ours = row[{"by_regression": "difference", "p": "p_value"}.get(name, name)]
    assert ours == pytest.approx(reference("transport")["expected"][name], rel=1e-9)


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=20_000, seed=7)


@pytest.mark.parametrize("metric", [ex.Rate("woken"), ex.Mean("value"), ex.Ratio("value", "orders")], ids=repr)
def test_the_experiments_own_shares_give_its_own_result(campaign, metric):
    outcomes = campaign.outcomes
    own = ex.transport(outcomes, outcomes, metric=metric, strata="stratum")
    for row in own.to_dicts():
        assert (row["difference"], row["low"], row["high"]) == pytest.approx(
            (row["here"], row["here_low"], row["here_high"])
        )
    spec = ex.Experiment({"metric": metric}, shares="p_assign", strata="stratum")
    readout = {row["arm"]: row for row in spec.analyze(outcomes).to_dicts()}
    for row in own.to_dicts():
        told = readout[row["arm"]]
        assert (row["difference"], row["p_value"]) == pytest.approx((told["difference"], told["p_value"]))


def test_a_table_and_a_dict_of_an_audience_are_one(campaign):
    table = pd.DataFrame({"stratum": ["90-180"] * 10 + ["366+"] * 30, "other": 1})
    by_table = ex.transport(campaign.outcomes, table, metric=ex.Rate("woken"), strata="stratum")
    by_dict = ex.transport(campaign.outcomes, {"90-180": 10, "366+": 30}, metric=ex.Rate("woken"), strata=["stratum"])
    assert by_table.to_dicts() == by_dict.to_dicts()
    only = ex.transport(campaign.outcomes, {"366+": 1}, metric=ex.Rate("woken"), strata="stratum").to_dicts()
    part = campaign.outcomes[campaign.outcomes["stratum"] == "366+"]
    alone = ex.Experiment({"woken": ex.Rate("woken")}).analyze(part).to_dicts()
    assert [row["difference"] for row in only] == pytest.approx([row["difference"] for row in alone])


def test_strata_unseen_are_refused_or_bounded(campaign):
    audience = {"90-180": 900, "new": 100}
    with pytest.raises(ex.DesignError, match=r"UNSEEN_STRATUM.*1 strata.*10\.0%.*new"):
        ex.transport(campaign.outcomes, audience, metric=ex.Rate("woken"), strata="stratum")
    found = ex.transport(
        campaign.outcomes, audience, metric=ex.Rate("woken"), strata="stratum", unseen="bound",
        effect_limits=(-0.01, 0.05),
    )  # fmt: skip
    row = found.to_dicts()[0]
    assert row["whole_low"] == pytest.approx(0.9 * row["low"] - 0.1 * 0.01)
    assert row["whole_high"] == pytest.approx(0.9 * row["high"] + 0.1 * 0.05)
    assert [finding.code for finding in found.findings] == ["TRANSPORT", "TRANSPORT_UNSEEN"]
    with pytest.raises(ex.InputError, match="effect_limits"):
        ex.transport(campaign.outcomes, audience, metric=ex.Mean("value"), strata="stratum", unseen="bound")
    with pytest.raises(ex.DesignError, match="UNSEEN_STRATUM"):
        ex.transport(campaign.outcomes, {"new": 1}, metric=ex.Rate("woken"), strata="stratum", unseen="bound")


def test_a_stratum_that_counts_many_times_is_told():
    rng = np.random.default_rng(2)
    data = pd.DataFrame(
        {"arm": ["holdout", "sms"] * 500, "stratum": ["a"] * 980 + ["b"] * 20, "y": rng.integers(0, 2, 1_000)}
    )
    found = ex.transport(data, {"a": 1, "b": 9}, metric=ex.Rate("y"), strata="stratum")
    assert found.findings[-1].code == "TRANSPORT_HEAVY"
    assert found.findings[-1].values["weight"] == pytest.approx(45)


@pytest.mark.parametrize(
    "limits", [(0.1, -0.1), (float("-inf"), float("inf")), ("a", "b"), (1,), 3, (None, 1.0), (False, True)], ids=repr
)
def test_limits_of_the_effect_are_two_finite_numbers(limits):
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 20, "tier": [1, 1, 2, 2] * 10, "y": range(40)})
    with pytest.raises(ex.InputError, match="two finite numbers"):
        ex.transport(data, {1: 5, 2: 5}, metric=ex.Mean("y"), strata="tier", effect_limits=limits)


def test_shares_are_no_audience_and_text_is_no_number():
    data = pd.DataFrame({"arm": ["holdout", "sms"] * 20, "tier": [1, 1, 2, 2] * 10, "y": range(40)})
    with pytest.raises(ex.InputError, match="not shares"):
        ex.transport(data, {1: 0.3, 2: 0.7}, metric=ex.Mean("y"), strata="tier")
    with pytest.raises(ex.DesignError, match=r"UNSEEN_STRATUM.*another type.*cast one of them"):
        ex.transport(data, {"1": 3, "2": 7}, metric=ex.Mean("y"), strata="tier")
    one = ex.transport(data, {1: 1}, metric=ex.Mean("y"), strata="tier").to_dicts()[0]
    assert one["audience"] == 1


def test_audiences_and_metrics_that_cannot_be(campaign):
    outcomes = campaign.outcomes
    for audience in ({}, {"a": -1}, {"a": float("nan")}, {("a", "b"): 1}, {"a": 0}):
        with pytest.raises(ex.InputError, match="audience"):
            ex.transport(outcomes, audience, metric=ex.Rate("woken"), strata="stratum")
    with pytest.raises(ex.InputError, match="audience has no rows"):
        ex.transport(outcomes, outcomes.head(0), metric=ex.Rate("woken"), strata="stratum")
    with pytest.raises(ex.InputError, match="covariate"):
        ex.transport(outcomes, {"a": 1}, metric=ex.Mean("value", covariate="n_invest"), strata="stratum")
    with pytest.raises(ex.InputError, match="Rate, a Mean or a Ratio"):
        ex.transport(outcomes, {"a": 1}, metric=ex.Quantile("value", 0.5), strata="stratum")
    with pytest.raises(ex.DesignError, match="POST_ASSIGNMENT"):
        ex.transport(outcomes, {1: 1}, metric=ex.Mean("value"), strata="woken")
    with pytest.raises(ex.TableError, match="NOT_BINARY"):
        ex.transport(outcomes, {"90-180": 1}, metric=ex.Rate("n_invest"), strata="stratum")


# --- pull-forward ----------------------------------------------------------------------------------------------------


def later(treated_early, treated_late, control_early, control_late, n=4_000):
    """So many of n persons of each arm return on day 3, and so many others on day 40."""
    people = pd.DataFrame({
        "person_id": [f"{arm}{i}" for arm in ("holdout", "sms") for i in range(n)],
        "arm": ["holdout"] * n + ["sms"] * n, "assigned_at": DAY,
    })  # fmt: skip
    rows = []
    for arm, early, late in (("sms", treated_early, treated_late), ("holdout", control_early, control_late)):
        rows += [(f"{arm}{i}", DAY + pd.Timedelta("3D")) for i in range(early)]
        rows += [(f"{arm}{i}", DAY + pd.Timedelta("40D")) for i in range(early, early + late)]
    rows.append(("somebody else", DAY + pd.Timedelta("89D")))  # the log goes on when the persons are silent
    sold = pd.DataFrame(rows, columns=["person_id", "time"])
    sold["time"] += pd.to_timedelta(np.arange(len(sold)), unit="min")
    return people, sold.assign(conversion_id=range(len(sold)), value=10.0)


def read(counts, **options):
    people, sold = later(*counts)
    return ex.pull_forward(people, sold, as_of="2027-03-01", **options)


@pytest.mark.parametrize(
    ("counts", "reading", "status"),
    [
        ((400, 100, 200, 290), "taken back", "warn"),
        ((600, 100, 200, 100), "kept", "pass"),
        ((400, 300, 200, 100), "grown", "pass"),
        ((210, 100, 200, 100), "undecided", "note"),
        ((100, 300, 300, 120), "taken back", "warn"),
    ],
)
def test_readings(counts, reading, status):
    found = read(counts)
    assert found.late.to_dicts()[0]["reading"] == reading
    assert found.findings[-1].status == status
    assert (found.findings[-1].code, "{" in repr(found)) == ("PULL_FORWARD", False)


def test_every_day_is_a_window_of_build_outcomes():
    people, sold = later(400, 100, 200, 290)
    rows = {row["day"]: row for row in ex.pull_forward(people, sold, as_of="2027-03-01").to_dicts()}
    assert len(rows) == 90
    for day in (3, 4, 28, 41, 90):
        built = ex.build_outcomes(people, sold, window=f"{day}d", as_of="2027-03-01").table()
        means, variances = built.groupby("arm")["woken"].mean(), built.groupby("arm")["woken"].var()
        assert rows[day]["value"] == pytest.approx(means["sms"])
        assert rows[day]["value_control"] == pytest.approx(means["holdout"])
        error = ((variances / 4_000).sum()) ** 0.5
        if error:
            assert rows[day]["high"] - rows[day]["difference"] == pytest.approx(1.959963984540054 * error)
        else:
            assert (rows[day]["low"], rows[day]["note"]) == (None, "ZERO_VARIANCE")


def test_the_change_is_that_of_the_same_persons():
    people, sold = later(400, 100, 200, 290)
    (late,) = ex.pull_forward(people, sold, as_of="2027-03-01").late.to_dicts()
    ends = [ex.build_outcomes(people, sold, window=window, as_of="2027-03-01").table() for window in ("28d", "90d")]
    change = (ends[1]["woken"] - ends[0]["woken"]).groupby(ends[0]["arm"])
    error = (change.var() / 4_000).sum() ** 0.5
    assert late["late_change"] == pytest.approx(change.mean()["sms"] - change.mean()["holdout"])
    assert late["late_change_high"] - late["late_change"] == pytest.approx(1.959963984540054 * error)


@pytest.mark.parametrize("column", ["orders", "value"])
def test_orders_and_value_add_up(column):
    people, sold = later(400, 100, 200, 290)
    again = sold.head(150).assign(
        time=lambda part: part["time"] + pd.Timedelta("20D"), conversion_id=lambda part: part.index + 10**6
    )
    sold = pd.concat([sold, again])
    rows = {row["day"]: row for row in ex.pull_forward(people, sold, as_of="2027-03-01", column=column).to_dicts()}
    built = ex.build_outcomes(people, sold, window="28d", as_of="2027-03-01").table().groupby("arm")[column]
    assert rows[28]["value"] == pytest.approx(built.mean()["sms"])
    error = (built.var() / 4_000).sum() ** 0.5
    assert rows[28]["difference"] - rows[28]["low"] == pytest.approx(1.959963984540054 * error)


def test_the_band_is_mvtnorms():
    case = reference("band")
    draws = np.random.default_rng(1).standard_normal((200_000, 5))
    width = band_width(np.array(case["inputs"]["covariance"]), 0.95, draws)
    assert width == pytest.approx(case["expected"]["width"], rel=case["rtol"])


def test_the_band_holds_every_day_and_rows_do_not_matter():
    people, sold = later(400, 100, 200, 290)
    found = ex.pull_forward(people, sold, as_of="2027-03-01")
    told = [row for row in found.to_dicts() if row["low"] is not None]
    assert all(row["band_low"] <= row["low"] <= row["high"] <= row["band_high"] for row in told)
    shuffled = ex.pull_forward(
        people.sample(frac=1, random_state=1), sold.sample(frac=1, random_state=2), as_of="2027-03-01"
    )
    assert shuffled.to_dicts() == found.to_dicts()


def test_only_persons_followed_to_the_horizon_count():
    people, sold = later(400, 100, 200, 290)
    people.loc[::2, "assigned_at"] += pd.Timedelta("60D")
    found = ex.pull_forward(people, sold, as_of="2027-01-20")
    assert {row["n"] for row in found.to_dicts()} == {2_000}
    with pytest.raises(ex.DesignError, match="NONE_MATURE"):
        ex.pull_forward(people, sold, as_of="2026-12-01")


def waves(n=12_000):
    """Two waves with other shares and other rates of return, and no effect at all."""
    rng = np.random.default_rng(1)
    wave = rng.integers(0, 2, n)
    arm = np.where(rng.random(n) < np.where(wave == 1, 0.9, 0.5), "sms", "holdout")
    people = pd.DataFrame({"person_id": range(n), "arm": arm, "assigned_at": DAY, "stratum": wave})
    back = rng.random(n) < np.where(wave == 1, 0.3, 0.05)
    sold = people.loc[back, ["person_id"]].assign(conversion_id=np.arange(back.sum()), value=10.0)
    return people, sold.assign(time=DAY + pd.to_timedelta(rng.uniform(0, 60, back.sum()), unit="D"))


def test_waves_with_other_shares_make_no_effect():
    people, sold = waves()
    found = ex.pull_forward(people, sold, window="14d", horizon="60d", as_of="2027-03-01")
    (late,) = found.late.to_dicts()
    assert late["total_low"] < 0.0 < late["total_high"]
    assert (late["reading"], found.recipe.settings["strata"]) == ("undecided", "stratum")
    (pooled,) = ex.pull_forward(
        people.drop(columns="stratum"), sold, window="14d", horizon="60d", as_of="2027-03-01"
    ).late.to_dicts()
    assert pooled["total_low"] > 0.05


def test_the_curve_inside_strata_is_that_of_the_readout():
    people, sold = waves()
    (row,) = ex.pull_forward(people, sold, window="14d", horizon="60d", as_of="2027-03-01").late.to_dicts()
    built = ex.build_outcomes(people, sold, window="60d", as_of="2027-03-01").table()
    cells = built.pivot_table(index="stratum", columns="arm", values="woken", aggfunc=["mean", "var", "count"])
    weights = cells["count"].sum(axis=1) / len(built)
    effect = (weights * (cells["mean"]["sms"] - cells["mean"]["holdout"])).sum()
    variance = (weights**2 * (cells["var"] / cells["count"]).sum(axis=1)).sum()
    assert row["total"] == pytest.approx(effect, rel=1e-12)
    assert row["total_high"] - row["total"] == pytest.approx(1.959963984540054 * variance**0.5, rel=1e-9)


def test_strata_without_an_arm_take_no_part_and_are_counted():
    people, sold = waves(2_000)
    alone = people.assign(stratum=people["stratum"].mask((people.index < 50) & (people["arm"] == "sms"), 7))
    found = ex.pull_forward(alone, sold, window="14d", horizon="60d", as_of="2027-03-01")
    left = [finding for finding in found.findings if finding.code == "PULL_FORWARD_STRATA_LEFT"]
    assert left[0].values["persons"] == int((alone["stratum"] == 7).sum())
    assert "fewer than two persons of some arm" in repr(found)
    with pytest.raises(ex.DesignError, match="NO_COMMON_STRATUM"):
        ex.pull_forward(people.assign(stratum=people["arm"]), sold, window="14d", horizon="60d", as_of="2027-03-01")


@pytest.mark.parametrize(
    "options",
    [{"horizon": "28d"}, {"step": "5d"}, {"step": "1h"}, {"column": "money"}, {"window": "0d"}],
    ids=str,
)
def test_lengths_that_do_not_fit(options):
    people, sold = later(40, 10, 20, 29, n=100)
    with pytest.raises(ex.InputError, match=next(iter(options))):
        ex.pull_forward(people, sold, as_of="2027-03-01", **options)
