"""Brand search causes nothing in the simulator: it gets credit, in the holdout too, and the word for it is untested."""

from __future__ import annotations

import pytest
from scipy.stats import binom

import attribution as at
import experiments as ex
from experiments.simulation.constants import constants_of

ALPHA = 0.01 / 20  # exact bands, about 20 comparisons


def _within(count, draws, share):
    return binom.ppf(ALPHA / 2, draws, share) <= count <= binom.isf(ALPHA / 2, draws, share)


@pytest.fixture(scope="module", params=["default", "null"])
def read(request):
    c = ex.simulate(request.param, persons=20_000, seed=7)
    credit = at.attribute(c.touches, c.conversions)
    outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes, touches=c.touches)
    return c, credit, ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps)


def test_the_truth_search_follows_returns_alike_in_every_arm(read):
    """A returner has clicked with the same chance in every arm, and arms differ only by their channels."""
    c, _, _ = read
    chance = constants_of(c.scenario).search_if_woken
    woken = set(c.conversions["person_id"])
    clicked = set(c.touches.loc[c.touches["channel"] == "search", "person_id"])
    for _, persons in c.assignment.groupby("arm")["person_id"]:
        returned = woken & set(persons)
        assert _within(len(returned & clicked), len(returned), chance)


def test_every_model_credits_search_and_the_holdout_gives_it_placebo_credit(read):
    c, credit, reconciled = read
    rows = [row for row in reconciled.to_dicts() if row["channels"] == "search"]
    assert [row["model"] for row in rows] == [model.name for model in at.RULE_MODELS]
    holdout = set(c.assignment.loc[c.assignment["arm"] == "holdout", "person_id"])
    returned = c.conversions[c.conversions["person_id"].isin(holdout)]["person_id"].nunique()
    for row in rows:
        assert row["attributed"] > 0
        # Nothing but search touches the holdout, so every model gives it every touched conversion there: whole numbers.
        assert row["placebo"] == pytest.approx(round(row["placebo"]), abs=1e-9)
        assert row["placebo"] == rows[0]["placebo"] > 0
        assert _within(round(row["placebo"]), returned, constants_of(c.scenario).search_if_woken)
        assert row["persons_holdout"] == len(holdout)
    by_model = {row["model"]: row["attributed"] for row in rows}
    assert by_model["last_touch"] == max(by_model.values())
    # Credit of customers: that of each person's first conversion; everybody is assigned and every window is over.
    first = c.conversions.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")["conversion_id"]
    events = credit.touches().table()
    events = events[(events["channel"] == "search") & events["conversion_id"].isin(first)]
    total = events.groupby("model")["conversions"].sum()
    for row in rows:
        assert row["attributed"] + row["placebo"] == pytest.approx(total[row["model"]], rel=1e-9)


def test_search_is_untested_and_has_no_effect_interval_or_ratio(read):
    _, _, reconciled = read
    rows = [row for row in reconciled.to_dicts() if row["channels"] == "search"]
    for row in rows:
        assert row["step"] == "untested"
        assert row["note"] == "UNTESTED"
        assert {row[name] for name in ("incremental", "incremental_low", "incremental_high", "ratio")} == {None}
    assert "UNTESTED_CHANNEL" in [finding.code for finding in reconciled.findings]
    assert "untested" in repr(reconciled)
    with at.language("zh"):
        assert "未经检验" in repr(reconciled)


def test_channels_of_steps_have_no_placebo_credit(read):
    """The simulated holdout is silent, so only channels outside the campaign can be credited there."""
    _, _, reconciled = read
    for row in reconciled.to_dicts():
        if row["step"] != "untested":
            assert row["placebo"] == 0.0


def test_without_any_effect_the_models_credit_all_the_same():
    """The null scenario: credit goes out in full, and what was caused is not told apart from nothing."""
    c = ex.simulate("null", persons=20_000, seed=7)
    credit = at.attribute(c.touches, c.conversions)
    outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
    readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
    table = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps).table()
    total = table[table["step"] == "total"]
    assert (total["attributed"] > 20).all()
    assert (total["incremental_low"] < 0).all()
    assert (total["incremental_high"] > 0).all()
    assert (total["note"] == "INTERVAL_CONTAINS_0").all()
