"""The gap and the ratio against rows of persons, in every design that a readout knows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import InputError
from attribution.core.estimates import RatioSet
from experiments.reconciliation.joint import inverted, plugged, scored_strata
from experiments.roi.arms import Moments
from oracles.credit_gap import fieller_scan, moments, person_credit, welch_gap

MODELS = ("first_touch", "linear", "markov")


@pytest.fixture(scope="module")
def campaign() -> ex.Campaign:
    return ex.simulate(persons=12_000, seed=5)


@pytest.fixture(scope="module")
def credit(campaign: ex.Campaign) -> at.Credit:
    observed = (None, "2026-12-31T00:00:00Z")
    return at.attribute(campaign.touches, campaign.conversions, models=MODELS, observed=observed)


def outcomes_of(campaign: ex.Campaign, assignment: pd.DataFrame, **options: object) -> ex.Outcomes:
    return ex.build_outcomes(assignment, campaign.conversions, as_of=campaign.as_of, **options)


@pytest.fixture(scope="module")
def persons(campaign: ex.Campaign, credit: at.Credit) -> pd.DataFrame:
    """Rows of persons: arm, woken, and the credit of every step under every model."""
    rows = outcomes_of(campaign, campaign.assignment).table()[["person_id", "arm", "woken"]]
    events = credit.touches().to_pandas()
    for step, channels in campaign.steps.items():
        for model in MODELS:
            found = person_credit(events, campaign.conversions, rows["person_id"], channels, model)
            rows[f"{step} {model}"] = found.to_numpy()
    return rows


@pytest.fixture(scope="module")
def readout(campaign: ex.Campaign) -> ex.Readout:
    return ex.Experiment({"woken": ex.Rate("woken")}).analyze(outcomes_of(campaign, campaign.assignment))


def pair(persons: pd.DataFrame, row: dict[str, object]) -> tuple[pd.DataFrame, pd.DataFrame]:
    mine = persons.rename(columns={f"{row['step']} {row['model']}": "credit"})
    return mine[mine["arm"] == row["arm"]], mine[mine["arm"] == row["control"]]


def rows_of(result: ex.Reconciliation, steps) -> list[dict[str, object]]:
    return [row for row in result.to_dicts() if row["step"] in steps]


def test_plugin_gaps_and_sets_are_those_of_the_rows(campaign, credit, readout, persons):
    result = ex.reconcile(credit, readout, steps=campaign.steps, variance="plugin")
    sets = {(row["step"], row["model"]): row for row in ex.calibrate(result).to_dicts()}
    for row in rows_of(result, campaign.steps):
        treated, control = pair(persons, row)
        gap = [len(treated) * end for end in welch_gap(treated, control)]
        assert [row["gap"], row["gap_low"], row["gap_high"]] == pytest.approx(gap, rel=1e-9, abs=1e-9)
        assert row["gap"] == pytest.approx(row["attributed"] - row["incremental"], abs=1e-8)
        assert row["gap_per_1000"] == pytest.approx(1000 * row["gap"] / len(treated))
        found = moments(treated, control)
        factor = sets[row["step"], row["model"]]
        assert factor["factor"] == pytest.approx(found["effect"] / found["credit"], rel=1e-9)
        if factor["factor_kind"] == "interval":
            low, high = fieller_scan(found)
            assert (factor["factor_low"], factor["factor_high"]) == pytest.approx((low, high), rel=2e-4, abs=2e-4)
        fieller = ex.ratio_interval(
            found["effect"], found["credit"], found["v_effect"], found["v_credit"], covariance=found["joint"]
        )
        assert factor["factor_kind"] == fieller.kind
        assert factor["factor_low"] == pytest.approx(fieller.low, rel=1e-9)
        assert factor["factor_high"] == pytest.approx(fieller.high, rel=1e-9)


def test_score_gaps_lie_next_to_the_plugin_ones(campaign, credit, readout):
    score = rows_of(ex.reconcile(credit, readout, steps=campaign.steps), campaign.steps)
    plugin = rows_of(ex.reconcile(credit, readout, steps=campaign.steps, variance="plugin"), campaign.steps)
    for one, other in zip(score, plugin, strict=True):
        width = other["gap_high"] - other["gap_low"]
        assert one["gap"] == pytest.approx(other["gap"], abs=1e-8)
        assert abs(one["gap_low"] - other["gap_low"]) < 0.1 * width
        assert abs(one["gap_high"] - other["gap_high"]) < 0.1 * width
        assert one["gap_low"] != other["gap_low"]


def test_whole_credits_are_judged_as_the_readout_judges_a_rate(campaign, credit, readout, persons):
    """First touch gives a step all or nothing, so who woke without its credit is a rate like any other."""
    rows = rows_of(ex.reconcile(credit, readout, steps=campaign.steps), campaign.steps)
    for row in (row for row in rows if row["model"] == "first_touch"):
        credited = np.where(persons["arm"] == row["arm"], persons[f"{row['step']} first_touch"], 0.0)
        table = persons.assign(rest=persons["woken"] - credited)
        alone = ex.Experiment({"rest": ex.Rate("rest")}).analyze(table)
        difference = alone.comparison("rest", arm=row["arm"], against=row["control"]).difference
        expected = [-row["persons"] * end for end in (difference.value, difference.high, difference.low)]
        assert [row["gap"], row["gap_low"], row["gap_high"]] == pytest.approx(expected, rel=1e-7)


def test_strata_with_other_rates_keep_their_own_gaps():
    """A gap grows with a stratum's rate: to take it as the same in all would make the interval too narrow."""
    treated = [Moments(960, 326, 0.56, 0.0, 0.19, 0.0), Moments(1440, 130, 0.56, 0.0, 0.19, 0.0)]
    joint = scored_strata(treated, [(240, 72), (3360, 168)], [0.2, 0.8], level=0.95)
    (_, low, high), (_, least, most) = joint.gap(), plugged(joint).gap()
    assert high - low == pytest.approx(most - least, rel=0.02)


def test_the_gap_and_the_factor_agree_about_credit_for_credit(campaign, credit):
    """The gap holds 0 exactly when the factor's set holds 1: as many caused as credited."""
    seen = set()
    for level in (0.5, 0.8, 0.95, 0.999):
        spec = ex.Experiment({"woken": ex.Rate("woken")}, level=level)
        readout = spec.analyze(outcomes_of(campaign, campaign.assignment))
        for variance in ("score", "plugin"):
            result = ex.reconcile(credit, readout, steps=campaign.steps, variance=variance)
            for row, factor in zip(result.to_dicts(), result.factors, strict=True):
                if factor is not None and factor.found is not None:
                    holds = row["gap_low"] <= 0 <= row["gap_high"]
                    assert factor.found.contains(1.0) == holds
                    seen.add(holds)
    assert seen == {True, False}


def test_the_factor_holds_0_exactly_when_the_interval_of_the_effect_does(campaign, credit, readout):
    half = ex.Experiment({"woken": ex.Rate("woken")}, level=0.9999)
    strict = half.analyze(outcomes_of(campaign, campaign.assignment))
    seen = set()
    for read in (readout, strict):
        result = ex.reconcile(credit, read, steps=campaign.steps)
        for row, factor in zip(result.to_dicts(), result.factors, strict=True):
            if factor is None or factor.found is None:
                continue
            holds = row["incremental_low"] <= 0 <= row["incremental_high"]
            assert factor.found.contains(0.0) == holds
            # and the ratio's set is the factor's, upside down
            if factor.found.kind == "interval":
                assert (row["ratio_kind"] != "interval") == holds
            seen.add(holds)
    assert seen == {True, False}


def test_strata_are_weighted_as_the_effect(campaign, credit, persons):
    row = np.arange(len(campaign.assignment))
    layered = campaign.assignment.copy()
    layered["stratum"] = np.where(row % 3 == 0, "a", "b")
    # the holdout keeps a tenth of stratum b: raw credit and effect would weigh the strata differently
    layered = layered[(layered["stratum"] == "a") | (layered["arm"] == "holdout") | (row % 2 == 0)]
    outcomes = outcomes_of(campaign, layered)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum").analyze(outcomes)
    mine = persons.merge(layered[["person_id", "stratum"]], on="person_id")
    shares = mine["stratum"].value_counts(normalize=True)
    for variance in ("plugin", "score"):
        result = ex.reconcile(credit, readout, steps=campaign.steps, variance=variance)
        for found in rows_of(result, campaign.steps):
            treated, control = pair(mine, found)
            value = spread = compared = 0.0
            for name, share in shares.items():
                one, two = treated[treated["stratum"] == name], control[control["stratum"] == name]
                gap, low, high = welch_gap(one, two)
                value, spread = value + share * gap, spread + (share * (high - low) / 2) ** 2
                compared += share * one["credit"].mean()
            n = len(treated)
            assert found["attributed_compared"] == pytest.approx(n * compared, rel=1e-9)
            assert found["attributed"] == pytest.approx(treated["credit"].sum(), rel=1e-9)
            assert found["gap"] == pytest.approx(found["attributed_compared"] - found["incremental"], abs=1e-8)
            assert found["gap"] == pytest.approx(n * value, rel=1e-9)
            half = n * math.sqrt(spread)
            rel = 1e-9 if variance == "plugin" else 0.1
            assert found["gap_high"] - found["gap_low"] == pytest.approx(2 * half, rel=rel)


def test_clusters_are_the_units_of_the_gap(campaign, credit, persons):
    """The figures of the gap's own variable, analysed as a mean with the same clusters."""
    branch = campaign.assignment.assign(branch=[f"b{n % 80}" for n in range(len(campaign.assignment))])
    history = branch[["person_id", "branch"]]
    first = branch.groupby(["branch"])["arm"].transform("first")
    branch["arm"] = first
    outcomes = outcomes_of(campaign, branch.drop(columns=["branch", "p_assign"]), history=history)
    spec = ex.Experiment({"woken": ex.Rate("woken")}, cluster="branch")
    result = ex.reconcile(credit, spec.analyze(outcomes), steps={"digital": ("push", "banner"), "full": ("phone",)})
    mine = persons.drop(columns="arm").merge(outcomes.table()[["person_id", "arm", "branch"]], on="person_id")
    for row in rows_of(result, ("digital", "full")):
        part = mine[mine["arm"].isin([row["arm"], row["control"]])].copy()
        credited = np.where(part["arm"] == row["arm"], part[f"{row['step']} {row['model']}"], 0.0)
        part["rest"] = part["woken"] - credited
        alone = ex.Experiment({"rest": ex.Mean("rest")}, control=row["control"], cluster="branch").analyze(part)
        difference = alone.comparison("rest", arm=row["arm"]).difference
        assert row["gap"] == pytest.approx(-row["persons"] * difference.value, rel=1e-9, abs=1e-9)
        assert row["gap_low"] == pytest.approx(-row["persons"] * difference.high, rel=1e-8)
        assert row["gap_high"] == pytest.approx(-row["persons"] * difference.low, rel=1e-8)


def test_covariates_adjust_credit_and_effect_alike(campaign, credit, persons):
    rng = np.random.default_rng(3)
    history = campaign.assignment[["person_id"]].assign(orders_before=rng.poisson(2, len(campaign.assignment)))
    outcomes = outcomes_of(campaign, campaign.assignment, history=history)
    spec = ex.Experiment({"woken": ex.Rate("woken", covariate="orders_before")})
    result = ex.reconcile(credit, spec.analyze(outcomes), steps=campaign.steps)
    mine = persons.merge(history, on="person_id")
    for row in rows_of(result, campaign.steps):
        credited = np.where(mine["arm"] == row["arm"], mine[f"{row['step']} {row['model']}"], 0.0)
        table = mine.assign(rest=mine["woken"] - credited)
        alone = ex.Experiment({"rest": ex.Mean("rest", covariate="orders_before")}).analyze(table)
        difference = alone.comparison("rest", arm=row["arm"], against=row["control"]).difference
        assert row["gap"] == pytest.approx(row["attributed_compared"] - row["incremental"], abs=1e-8)
        assert row["gap"] == pytest.approx(-row["persons"] * difference.value, rel=1e-8, abs=1e-8)
        assert row["gap_low"] == pytest.approx(-row["persons"] * difference.high, rel=1e-8)


def test_a_population_as_target_widens_the_gap_as_it_widens_the_effect(campaign, credit, persons):
    layered = campaign.assignment.assign(stratum=np.where(np.arange(len(campaign.assignment)) % 3 == 0, "a", "b"))
    outcomes = outcomes_of(campaign, layered)
    options = {"strata": "stratum", "target": "population"}
    spec = ex.Experiment({"woken": ex.Rate("woken")}, **options)
    result = ex.reconcile(credit, spec.analyze(outcomes), steps=campaign.steps)
    mine = persons.merge(layered[["person_id", "stratum"]], on="person_id")
    for row in rows_of(result, campaign.steps):
        credited = np.where(mine["arm"] == row["arm"], mine[f"{row['step']} {row['model']}"], 0.0)
        table = mine.assign(rest=mine["woken"] - credited)
        alone = ex.Experiment({"rest": ex.Mean("rest")}, **options).analyze(table)
        difference = alone.comparison("rest", arm=row["arm"], against=row["control"]).difference
        assert row["gap"] == pytest.approx(-row["persons"] * difference.value, rel=1e-8, abs=1e-8)
        assert row["gap_high"] == pytest.approx(-row["persons"] * difference.low, rel=1e-8)


def test_what_cannot_be_joined_says_why(campaign, credit):
    half = ex.Experiment({"woken": ex.Rate("woken")}).analyze(campaign.outcomes.iloc[::2])
    options = {"assignment": campaign.assignment, "steps": campaign.steps, "window": "28d"}
    rows = rows_of(ex.reconcile(credit, half, **options), campaign.steps)
    assert {row["note"].split("; ")[0] for row in rows} == {"BASIS_DIFFERS"}
    assert {row["gap"] for row in rows} == {None}
    outcomes = campaign.outcomes.assign(layer=np.arange(len(campaign.outcomes)) % 2)
    layered = ex.Experiment({"woken": ex.Rate("woken")}, strata="layer").analyze(outcomes)
    rows = rows_of(ex.reconcile(credit, layered, **options), campaign.steps)
    assert {row["note"].split("; ")[0] for row in rows} == {"NO_ROWS"}
    with pytest.raises(InputError, match='variance must be "score" or "plugin"'):
        ex.reconcile(credit, layered, **options, variance="exact")


def test_a_model_without_credit_has_no_factor_and_its_gap_is_the_effect(campaign, readout):
    only_search = at.CustomModel("only_search", _all_on_search)
    credit = at.attribute(campaign.touches, campaign.conversions, models=[only_search])
    found = ex.reconcile(credit, readout, steps={"sms": ("sms",)})
    row = found.to_dicts()[0]
    assert row["attributed"] >= 0
    fax = ex.reconcile(credit, readout, steps={"sms": ("fax",)}).to_dicts()[0]
    assert (fax["attributed"], fax["note"]) == (0.0, "NO_CREDIT")
    assert fax["gap"] == pytest.approx(-fax["incremental"])
    assert fax["gap_low"] == pytest.approx(-fax["incremental_high"], rel=1e-6)
    assert fax["gap_high"] == pytest.approx(-fax["incremental_low"], rel=1e-6)
    assert fax["ratio_kind"] is None


def _all_on_search(j) -> np.ndarray:
    """Everything to search where there is one, else equally."""
    names = np.array([str(name) for name in j.channel_names])[j.channel]
    journey = np.repeat(np.arange(len(j.offsets) - 1), np.diff(j.offsets))
    strength = (names == "search").astype(float)
    total = np.bincount(journey, weights=strength, minlength=len(j.offsets) - 1)
    strength = np.where(total[journey] > 0, strength, 1.0)
    return strength / np.bincount(journey, weights=strength, minlength=len(j.offsets) - 1)[journey]


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        ("interval", 0.5, 2.0, ("interval", 0.5, 2.0)),
        ("interval", 0.0, 2.0, ("interval", 0.5, math.inf)),
        ("interval", -1.0, 2.0, ("complement", -1.0, 0.5)),
        ("interval", -2.0, -0.5, ("interval", -2.0, -0.5)),
        ("interval", -2.0, 0.0, ("interval", -math.inf, -0.5)),
        ("interval", 2.0, math.inf, ("interval", 0.0, 0.5)),
        ("complement", -1.0, 2.0, ("interval", -1.0, 0.5)),
        ("complement", 1.0, 2.0, ("complement", 0.5, 1.0)),
        ("complement", 0.0, 2.0, ("interval", -math.inf, 0.5)),
        ("all", -math.inf, math.inf, ("all", -math.inf, math.inf)),
    ],
)
def test_sets_are_turned_upside_down(kind, low, high, expected):
    found = inverted(RatioSet(value=1.5, low=low, high=high, kind=kind, level=0.95))
    assert (found.kind, found.low, found.high) == expected
    for x in (-30.0, -3.0, -0.7, -0.3, 0.2, 0.7, 1.5, 3.0, 30.0):
        assert found.contains(1 / x) == RatioSet(value=1.5, low=low, high=high, kind=kind, level=0.95).contains(x)
