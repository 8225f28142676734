"""The truth of a simulated campaign against what is realised, and the verdicts that follow from it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from attribution.core.errors import InputError
from experiments.simulation import Campaign, constants, expected_verdicts, simulate
from experiments.simulation.constants import ARMS, DAYS, SCENARIOS, Constants, constants_of
from experiments.simulation.exposure import Exposure, draw_exposure
from experiments.simulation.hazards import draw_returns
from experiments.simulation.placing import one_assignment
from experiments.simulation.population import Population, draw_population

RARE = 1e-6  # two-sided chance of a band to miss by accident
SEEDS = (11, 12, 13, 14)


@pytest.fixture(scope="module")
def campaigns() -> list[Campaign]:
    return [simulate(persons=20_000, seed=seed) for seed in SEEDS]


def pooled(campaigns: list[Campaign], arm: str) -> pd.DataFrame:
    parts = [item.outcomes.merge(item.truth, on="person_id", validate="one_to_one") for item in campaigns]
    joined = pd.concat(parts)
    return joined[joined["arm"] == arm]


def assert_in_band(hits: int, n: int, probability: float) -> None:
    """Unequal probabilities spread the sum less than the binomial of their mean, so the band is conservative."""
    low, high = binom.interval(1 - RARE, n, probability)
    assert low <= hits <= high


@pytest.mark.parametrize("arm", ARMS)
def test_realised_returns_match_the_truth(campaigns, arm):
    people = pooled(campaigns, arm)
    assert_in_band(people["woken"].sum(), len(people), people[f"p_{arm}"].mean())


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("kind", ["sure", "persuadable", "lost"])
def test_realised_returns_match_the_truth_within_types(campaigns, arm, kind):
    people = pooled(campaigns, arm)
    people = people[people["type"] == kind]
    assert_in_band(people["woken"].sum(), len(people), people[f"p_{arm}"].mean())


@pytest.mark.parametrize("arm", ARMS)
def test_realised_closures_match_the_truth(campaigns, arm):
    people = pooled(campaigns, arm)
    assert_in_band(people["closed"].sum(), len(people), people[f"closed_{arm}"].mean())


@pytest.mark.parametrize("arm", ARMS)
def test_realised_costs_match_the_truth(campaigns, arm):
    people = pooled(campaigns, arm)
    excess = people["cost"] - people[f"c_{arm}"]
    assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(len(excess))
    assert excess.std() > 0


def test_realised_values_match_their_mean(campaigns):
    people = pd.concat(pooled(campaigns, arm) for arm in ARMS)
    single = people[people["orders"] == 1]
    sigma = Constants().value_sigma
    score = np.log(single["value"] / single["value_mean"]) + sigma**2 / 2
    assert abs(score.mean()) < 4 * sigma / np.sqrt(len(score))
    assert score.std() == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("arm", ARMS)
def test_arms_are_equal_shares(campaigns, arm):
    arms = pd.concat(item.assignment["arm"] for item in campaigns)
    assert_in_band((arms == arm).sum(), len(arms), 0.25)


def test_probabilities_are_probabilities(campaigns):
    for item in campaigns:
        columns = [f"{prefix}_{arm}" for prefix in ("p", "closed") for arm in ARMS]
        assert item.truth[columns].ge(0).all(axis=None)
        assert item.truth[columns].le(1).all(axis=None)
        assert item.truth[[f"c_{arm}" for arm in ARMS]].ge(0).all(axis=None)


def test_truth_does_not_depend_on_the_arm_assigned(campaigns):
    # Between arms the mean of a person's truth differs by chance only.
    for item in campaigns:
        people = item.outcomes.merge(item.truth, on="person_id")
        for arm in ARMS:
            groups = people.groupby("arm")[f"p_{arm}"].agg(["mean", "var", "size"])
            z = (groups["mean"] - people[f"p_{arm}"].mean()) / np.sqrt(groups["var"] / groups["size"])
            assert z.abs().max() < norm.isf(RARE)


def test_do_not_disturb_are_driven_away_and_the_persuadable_woken(campaigns):
    truth = pd.concat(item.truth for item in campaigns)
    effect = (truth["p_full"] - truth["p_holdout"]).groupby(truth["type"]).agg(["min", "max"])
    assert effect.loc["do_not_disturb", "max"] <= 0
    assert effect.loc[["sure", "persuadable", "lost"], "min"].min() >= 0


def test_search_comes_in_every_arm_and_causes_nothing(campaigns, monkeypatch):
    for item in campaigns:
        searchers = item.touches.loc[item.touches["channel"] == "search", "person_id"]
        assert searchers.is_unique
        found = item.outcomes.assign(search=item.outcomes["person_id"].isin(searchers))
        returned = found[found["woken"] == 1].groupby("arm")["search"].agg(["sum", "size"])
        silent = found[found["woken"] == 0].groupby("arm")["search"].agg(["sum", "size"])
        for arm in ARMS:
            assert_in_band(returned.loc[arm, "sum"], returned.loc[arm, "size"], 0.45)
            assert_in_band(silent.loc[arm, "sum"], silent.loc[arm, "size"], 0.004)
    monkeypatch.setattr(
        constants,
        "SCENARIOS",
        {**SCENARIOS, "no search": {"search_if_woken": 0.0, "search_if_silent": 0.0}},
    )
    with_search, without = simulate(persons=2_000, seed=11), simulate("no search", persons=2_000, seed=11)
    assert "search" in set(with_search.touches["channel"])
    assert "search" not in set(without.touches["channel"])
    probabilities = [f"p_{arm}" for arm in ARMS]
    pd.testing.assert_frame_equal(with_search.truth[probabilities], without.truth[probabilities], check_exact=True)
    pd.testing.assert_frame_equal(with_search.conversions, without.conversions, check_exact=True)


def test_null_scenario_has_no_effect_but_costs():
    null = simulate("null", persons=5_000, seed=2)
    for arm in ARMS[1:]:
        np.testing.assert_array_equal(null.truth[f"p_{arm}"], null.truth["p_holdout"])
        np.testing.assert_allclose(null.truth[f"closed_{arm}"], null.truth["closed_holdout"], rtol=1e-12)
        assert null.truth[f"c_{arm}"].mean() > null.truth["c_holdout"].mean()
    default = simulate(persons=5_000, seed=2)
    pd.testing.assert_frame_equal(default.customers, null.customers, check_exact=True)
    np.testing.assert_array_equal(default.truth["p_holdout"], null.truth["p_holdout"])


def person_of(kind: int, *, baseline: float = 0.02) -> Population:
    """One person of a kind, silent 181-365 days, no hunter."""
    drawn = draw_population(constants_of("default"), 1, 0)
    changed = {name: getattr(drawn, name) for name in Population.__dataclass_fields__}
    one = {"kind": np.array([kind]), "hunter": np.array([False]), "recency_class": np.array([1])}
    return Population(**{**changed, **one, "baseline": np.array([baseline])})


def test_return_probability_by_hand():
    opened = np.zeros((DAYS, 1), dtype=bool)
    opened[[3, 9]] = True
    exposure = Exposure(
        push=np.array([True]),
        opened=opened,
        sms_sent=np.array([True]),
        sms_delivered=np.array([True]),
        segments=np.array([1]),
        attempts=np.array([2]),
        answered=np.array([True]),
        call_day=np.array([5]),
    )
    returns = draw_returns(constants_of("default"), person_of(1), exposure, one_assignment(np.array([0])), 0)
    touches = {
        "holdout": [],
        "digital": [*[(day, 0.0006, 3.0) for day in (1, 8, 15)], (3, 0.0004, 2.0), (9, 0.0004, 2.0)],
    }
    touches["sms"] = [*touches["digital"], (2, 0.0012, 4.0), (10, 0.0012, 4.0)]
    touches["full"] = [*touches["sms"], (6, 0.0042, 7.0)]
    weekday = np.array([1.15, 1.1, 1.05, 1.05, 1.15, 0.75, 0.75])
    weekday = weekday / weekday.mean()
    for index, arm in enumerate(ARMS):
        silent = 1.0
        for day in range(28):
            added = sum(
                3.0 * size * np.exp(-(day - start) / fade) for start, size, fade in touches[arm] if day >= start
            )
            silent *= 1 - (-np.log(1 - 0.02) / 28 + added) * weekday[day % 7]
        assert returns.probability[index, 0] == pytest.approx(1 - silent, rel=1e-12)


def test_reach_goes_along_with_returning_anyway():
    population = draw_population(constants_of("default"), 20_000, 1)
    exposure = draw_exposure(constants_of("default"), population, 1)
    assert exposure.answered.mean() == pytest.approx(0.35, abs=0.03)
    assert exposure.push.mean() == pytest.approx(0.42, abs=0.02)
    assert exposure.sms_delivered.mean() == pytest.approx(0.93, abs=0.01)
    for reached in (exposure.answered, exposure.opened.any(axis=0)):
        assert population.baseline[reached].mean() > population.baseline[~reached].mean()
    assert exposure.opened.sum(axis=0).max() == 3


def test_steps_fall_on_three_sides_of_the_threshold():
    verdicts = expected_verdicts(simulate(persons=60_000, seed=0), thresholds=[85]).set_index("arm")
    digital = verdicts.loc["digital"]
    assert abs(digital["net_benefit_per_1000"]) < digital["standard_error"]
    assert digital["INCONCLUSIVE"] > 0.8
    assert verdicts.loc["sms", "PASS"] > 0.95
    assert verdicts.loc["full", "FAIL"] > 0.999


def test_expected_standard_error_matches_realised_spread(campaigns):
    table = expected_verdicts(campaigns[0], thresholds=[85]).set_index("arm")
    parts = [pooled(campaigns, arm) for arm in ("digital", "sms")]
    spread = sum((85 * part["woken"] - part["cost"]).var() for part in parts)
    realised = 1000 * np.sqrt(spread / (len(campaigns[0].truth) / 4))
    assert table.loc["sms", "standard_error"] == pytest.approx(realised, rel=0.1)


def test_expected_verdicts_sum_to_one_and_scale_with_the_campaign():
    campaign = simulate(persons=2_000, seed=1)
    small, large = expected_verdicts(campaign), expected_verdicts(campaign, persons=8_000)
    np.testing.assert_allclose(small[["PASS", "FAIL", "INCONCLUSIVE"]].sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(small["standard_error"], 2 * large["standard_error"], rtol=1e-12)
    np.testing.assert_allclose(small["net_benefit_per_1000"], large["net_benefit_per_1000"], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": 1.0}, "level must lie"),
        ({"thresholds": []}, "at least one number"),
        ({"persons": 20}, "at least 100"),
    ],
)
def test_expected_verdicts_refuse_bad_options(options, said):
    with pytest.raises(InputError, match=said):
        expected_verdicts(simulate(persons=100), **options)


@pytest.mark.parametrize("scenario", ["waves", "srm", "split_ids"])
def test_expected_verdicts_refuse_arms_that_are_no_equal_parts(scenario):
    with pytest.raises(InputError, match="needs four equal arms of persons"):
        expected_verdicts(simulate(scenario, persons=100))


@pytest.mark.statistical
@pytest.mark.parametrize("scenario", ["default", "null"])
def test_realised_returns_match_the_truth_in_long_runs(scenario):
    long = [simulate(scenario, persons=100_000, seed=seed) for seed in range(100, 110)]
    for arm in ARMS:
        people = pooled(long, arm)
        assert_in_band(people["woken"].sum(), len(people), people[f"p_{arm}"].mean())
        excess = people["cost"] - people[f"c_{arm}"]
        assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(len(excess))


def test_documented_truth_and_power_are_those_of_the_constants():
    page = (Path(__file__).resolve().parents[2] / "docs" / "methods" / "simulate.md").read_text(encoding="utf-8")
    table = page[page.index("| step | T |") :]
    lines = table[: table.index("\n\n")].replace(",", "").splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    verdicts = expected_verdicts(simulate(persons=200_000, seed=0), persons=60_000)
    assert len(rows) == len(verdicts) == 9
    for row, truth in zip(rows, verdicts.itertuples(), strict=True):
        if row[0]:
            assert row[0] == f"{truth.arm} - {truth.control}"
            assert row[2] == f"{truth.incremental_per_1000:.2f}"
            assert row[3] == f"{truth.cost_per_1000:.0f}"
        assert float(row[1]) == truth.threshold
        assert row[4:6] == [f"{truth.net_benefit_per_1000:+.0f}", f"{truth.standard_error:.0f}"]
        np.testing.assert_allclose(
            [float(cell) for cell in row[6:]], [truth.PASS, truth.FAIL, truth.INCONCLUSIVE], atol=0.0005
        )


def test_documented_constants_are_those_of_the_code():
    page = (Path(__file__).resolve().parents[2] / "docs" / "methods" / "simulate.md").read_text(encoding="utf-8")
    table = page[page.index("| what | value |") : page.index("## What is true")].replace(",", "")
    written = {float(number) for number in re.findall(r"(?<![\w.])-?\d*\.?\d+(?![\w])", table)}
    percent = {float(number) / 100 for number in re.findall(r"(\d+) %", table)}
    for field in fields(Constants):
        if field.name == "design":
            continue
        values = field.default if isinstance(field.default, tuple) else (field.default,)
        missing = [value for value in values if value not in written | percent]
        if field.name not in {"recency_edges", "push_days", "sms_days", "call_days"}:
            assert not missing, field.name
