"""Posteriors against closed forms, R's integrate and published figures; degenerate inputs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest

import attribution as at
from attribution.core.errors import InputError
from experiments.inference.bayes.best import bayes_best
from experiments.inference.bayes.betas import BetaPair, beta
from experiments.inference.bayes.means import bayes_means, effect_rows
from experiments.inference.bayes.normals import normal_pair
from experiments.inference.bayes.quadrature import panels
from experiments.inference.bayes.rates import bayes_rates
from experiments.inference.bayes.reading import checked_decision
from oracles.beta_difference import chance_above

FOLDER = Path(__file__).parents[1] / "references/bayes"
R = json.loads((FOLDER / "r_bayes.json").read_text(encoding="utf-8"))
RATES = [(i, name) for i, case in enumerate(R["rates"]) for name in case["expected"]]
MEANS = [(i, name) for i, case in enumerate(R["means"]) for name in case["expected"]]
MANY = [
    (i, name, j)
    for i, case in enumerate(R["many"])
    for name in case["expected"]
    for j in range(len(case["inputs"]["n"]))
]
FOUND = {}


def close(wanted):
    return pytest.approx(wanted, rel=R["rtol"], abs=R["atol"])


def rate_row(i):
    if i not in FOUND:
        case = dict(R["rates"][i]["inputs"])
        prior = (case.pop("a"), case.pop("b"))
        counts = [int(case.pop(name)) for name in ("hits", "n", "control_hits", "control_n")]
        FOUND[i] = bayes_rates(*counts, prior=prior, sensitivity={"same": prior}, **case).to_dicts()[0]
    return FOUND[i]


@pytest.mark.parametrize(("i", "name"), RATES)
def test_rates_against_r(i, name):
    assert rate_row(i)[name] == close(R["rates"][i]["expected"][name])


@pytest.mark.parametrize(("i", "name"), MEANS)
def test_means_against_r(i, name):
    case = R["means"][i]["inputs"]
    prior = "flat" if case["prior_sd"] is None else (case["prior_mean"], case["prior_sd"])
    estimates = (case["difference"], 10.0, case["standard_error"], 0.01, None)
    decision = checked_decision("up", case["value"], case["cost"], None)
    row = effect_rows(estimates, decision, prior=prior, sensitivity={}, relevant=None, level=case["level"])[0]
    assert getattr(row, name) == close(R["means"][i]["expected"][name])


@pytest.mark.parametrize(("i", "name", "j"), MANY)
def test_many_arms_against_r(i, name, j):
    case = R["many"][i]["inputs"]
    arms = {f"arm {k}": pair for k, pair in enumerate(zip(case["hits"], case["n"], strict=True))}
    assert bayes_best(arms).to_dicts()[j][name] == close(R["many"][i]["expected"][name][j])


def test_published_single_rate():
    published = json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))
    given, wanted = published["inputs"], published["expected"]
    row = bayes_best({"a": (given["hits"], given["n"]), "b": (1, 2)}, level=given["level"]).to_dicts()[0]
    for name, key in (("value", "mean"), ("value_low", "low"), ("value_high", "high")):
        assert row[name] == pytest.approx(wanted[key], abs=published["atol"])


@pytest.mark.parametrize(
    "counts", [(3, 50, 0, 50), (0, 30, 0, 200), (40, 40, 39, 40), (7, 900, 2, 100), (1, 1, 0, 1), (60, 400, 9, 80)]
)
def test_miller_closed_form(counts):
    hits, n, control_hits, control_n = counts
    wanted = chance_above(1 + hits, 1 + n - hits, 1 + control_hits, 1 + control_n - control_hits)
    assert bayes_rates(*counts).to_dicts()[0]["p_better"] == pytest.approx(float(wanted), rel=1e-12)


def test_many_persons_and_tiny_tails():
    """The sum of terms of Miller's form loses digits with a million persons; the normal limit and symmetry do not."""
    pair = BetaPair(treatment=beta(10_001, 990_001), control=beta(10_001, 990_001))
    assert pair.above(0.0) == pytest.approx(0.5, abs=1e-10)
    wide = BetaPair(treatment=beta(20_001, 980_001), control=beta(2, 11))
    assert wide.above(0.0) + wide.below(0.0) == pytest.approx(1.0, abs=1e-10)
    far = BetaPair(treatment=beta(1, 101), control=beta(51, 51))
    assert far.above(0.0) == pytest.approx(float(chance_above(1, 101, 51, 51)), rel=1e-9)
    assert far.above(0.0) < 1e-15


@pytest.mark.parametrize("seed", range(8))
def test_identities_of_a_posterior(seed):
    """Mean = what may be won - what may be lost; quantiles invert the distribution; swapping arms turns the sign."""
    rng = np.random.default_rng(seed)
    a1, b1, a0, b0 = rng.choice([0.5, 1.0, 3.0, 40.0, 900.0], 4)
    pair, swapped = (
        BetaPair(treatment=beta(*t), control=beta(*c)) for t, c in (((a1, b1), (a0, b0)), ((a0, b0), (a1, b1)))
    )
    for bar in (-0.2, 0.0, 0.013):
        assert pair.excess(bar) - pair.shortfall(bar) == pytest.approx(pair.mean - bar, abs=1e-10)
        assert pair.below(bar) + pair.above(bar) == pytest.approx(1.0, abs=1e-10)
        assert swapped.below(-bar) == pytest.approx(pair.above(bar), abs=1e-10)
    for p in (0.025, 0.5, 0.9):
        assert pair.below(pair.quantile(p)) == pytest.approx(p, abs=1e-9)
        assert pair.ratio_below(1.0 + pair.lift_quantile(p)) == pytest.approx(p, abs=1e-9)
    assert pair.ratio_below(1.0) == pytest.approx(pair.below(0.0), abs=1e-10)


@pytest.mark.parametrize("counts", [(3, 500, 0, 500), (5, 10, 3, 12), (90, 9000, 4, 1000), (10, 10, 0, 10)])
def test_the_shortest_interval_is_shorter_and_level_in_density(counts):
    hits, n, control_hits, control_n = counts
    pair = BetaPair(
        treatment=beta(1 + hits, 1 + n - hits), control=beta(1 + control_hits, 1 + control_n - control_hits)
    )
    low, high = pair.highest_density(0.9)
    assert pair.below(high) - pair.below(low) == pytest.approx(0.9, abs=1e-8)
    assert high - low <= pair.quantile(0.95) - pair.quantile(0.05) + 1e-12
    assert pair.density(low) == pytest.approx(pair.density(high), rel=1e-4)


def test_the_quadrature_takes_singular_ends():
    nodes = panels(np.array([0.0, 0.3, 1.0]))
    wanted = math.pi  # B(1/2, 1/2)
    assert nodes.total(1.0 / np.sqrt(nodes.value * nodes.rest)) == pytest.approx(wanted, rel=1e-13)


def test_normal_lift_against_its_own_definition():
    pair = normal_pair(1.2, 8.0, variance=0.5, base_variance=0.2)
    for p in (0.025, 0.5, 0.975):
        r = pair.lift_quantile(p)
        spread = math.sqrt(pair.deviation**2 - 2 * r * pair.covariance + r * r * pair.base_deviation**2)
        assert 0.5 * math.erfc((pair.mean - r * pair.base) / spread / math.sqrt(2)) == pytest.approx(p, rel=1e-9)


def test_a_flat_prior_repeats_the_normal_interval_of_welch():
    row = bayes_means(4.1, 38.0, 9000, 2.6, 29.0, 1000).to_dicts()[0]
    se = math.sqrt(38**2 / 9000 + 29**2 / 1000)
    assert (row["low"], row["high"]) == pytest.approx((1.5 - 1.959963984540054 * se, 1.5 + 1.959963984540054 * se))
    assert row["note"] == "BASE_NOT_POSITIVE"


def test_the_sceptic_is_never_surer_than_the_data():
    flat, sceptic, believer = bayes_means(12.0, 9.0, 60, 8.0, 12.0, 45, relevant=3.0).to_dicts()
    assert [one["prior"].split(":")[0] for one in (flat, sceptic, believer)] == ["flat", "skeptical", "enthusiastic"]
    assert sceptic["p_better"] < flat["p_better"] < believer["p_better"]
    assert sceptic["prior"] == "skeptical: Normal(0, 1.82387)"
    assert abs(sceptic["value"]) < abs(flat["value"])


def test_zero_events_say_something():
    row = bayes_rates(0, 40, 0, 60, value=85, cost=0.5).to_dicts()[0]
    assert row["p_better"] == pytest.approx(float(chance_above(1, 41, 1, 61)), rel=1e-12)
    assert 0 < row["p_pays"] < row["p_better"]
    assert row["relative_low"] < 0 < row["relative_high"]


def test_a_heavy_prior_is_said():
    notes = [row["note"] for row in bayes_rates(3, 40, 1, 60, prior=(2, 98)).to_dicts()]
    assert notes == ["PRIOR_OUTWEIGHS", "", ""]


def test_priors_of_each_arm_and_named_priors():
    rows = bayes_rates(
        3, 40, 1, 60, prior={"treatment": (2, 8), "control": (1, 19)}, sensitivity={"flat": "flat"}
    ).to_dicts()
    assert [row["prior"] for row in rows] == ["Beta(2, 8) / Beta(1, 19)", "flat: Beta(1, 1)"]
    assert rows[0]["value"] == pytest.approx(5 / 50 - 2 / 80)


def test_less_is_better():
    up = bayes_rates(30, 400, 40, 400).to_dicts()[0]
    down = bayes_rates(30, 400, 40, 400, direction="down").to_dicts()[0]
    assert down["p_better"] == pytest.approx(1 - up["p_better"], abs=1e-12)
    assert (down["loss_treatment"], down["loss_control"]) == (up["loss_control"], up["loss_treatment"])
    cost = bayes_rates(30, 400, 40, 400, value=-20, cost=0.1).to_dicts()[0]
    assert cost["loss_control"] - cost["loss_treatment"] == pytest.approx(-20 * up["value"] - 0.1, abs=1e-10)


def test_no_posterior_without_variance():
    flat = bayes_means(3.0, 0.0, 10, 2.0, 0.0, 10).to_dicts()[0]
    assert (flat["value"], flat["low"], flat["p_better"], flat["note"]) == (1.0, None, None, "ZERO_VARIANCE")
    alone = bayes_means(3.0, None, 1, 2.0, 1.0, 10).to_dicts()[0]
    assert (alone["p_better"], alone["note"]) == (None, "TOO_FEW_PERSONS")


@pytest.mark.parametrize("a", [0.1, 0.2, 0.35])
def test_priors_that_are_steep_at_zero(a):
    """No event in either arm: each is better with one half; one panel over a hundred decades would lose six digits."""
    row = bayes_rates(0, 1, 0, 1, prior=(a, a)).to_dicts()[0]
    assert row["p_better"] == pytest.approx(0.5, abs=1e-12)
    assert row["low"] == pytest.approx(-row["high"], abs=1e-12)
    assert row["hdi_high"] - row["hdi_low"] <= row["high"] - row["low"] + 1e-9


@pytest.mark.parametrize("z", [-3.0, 0.5, 3.0, 7.9, 8.1, 12.0, 30.0])
def test_the_normal_loss_keeps_its_digits(z):
    with mpmath.workdps(50):
        x = mpmath.mpf(z)
        exact = mpmath.npdf(x) - x * mpmath.erfc(x / mpmath.sqrt(2)) / 2
    found = normal_pair(-z, 10.0, variance=1.0, base_variance=0.01).excess(0.0)
    assert found == pytest.approx(float(exact), rel=1e-12, abs=0)


def test_small_shares_and_losses_keep_their_digits():
    """Not 1 - something near 1: the share inside the rope, and the loss of an arm that is nearly surely best."""
    row = bayes_rates(500, 1_000, 300, 1_000, rope=0.001).to_dicts()[0]
    turned = bayes_rates(300, 1_000, 500, 1_000, rope=0.001).to_dicts()[0]
    assert 0 < row["p_negligible"] < 1e-18
    assert turned["p_negligible"] == pytest.approx(row["p_negligible"], rel=1e-6)
    means = bayes_means(500, 10, 1_000, 495, 10, 1_000, rope=0.001).to_dicts()[0]
    assert 0 < means["p_negligible"] < 1e-26
    best = bayes_best({"a": (480, 1_000), "b": (350, 1_000), "c": (1, 1_000)}).to_dicts()[0]
    pair = bayes_rates(480, 1_000, 350, 1_000).to_dicts()[0]
    assert 0 < best["expected_loss"] < 1e-10
    assert best["expected_loss"] == pytest.approx(pair["loss_treatment"], rel=1e-6, abs=0)


@pytest.mark.parametrize("prior", ["flat", "jeffreys"])
def test_many_arms_share_one_chance(prior):
    """More arms than eight are cut in fewer places; equal arms still have equal chances."""
    arms = {f"arm {i}": ((3, 400), (0, 30), (40, 3_000))[i % 3] for i in range(12)}
    rows = bayes_best(arms, prior=prior).to_dicts()
    assert sum(row["p_best"] for row in rows) == pytest.approx(1.0, abs=1e-11)
    for i in range(3):
        assert [row["p_best"] for row in rows[i::3]] == pytest.approx([rows[i]["p_best"]] * 4, rel=1e-11)
    losses = [row["value"] + row["expected_loss"] for row in rows]  # the mean of the best, whatever the arm
    assert losses == pytest.approx([losses[0]] * 12, rel=1e-10)


def test_displays_say_the_prior_and_what_was_declared():
    found = bayes_best({"a": (1, 20), "b": (0, 30)}, prior=(2, 98), value=85, costs={"a": 0.3, "b": 0})
    assert "prior Beta(2, 98)" in repr(found)
    assert "worth 85; cost a: 0.3, b: 0" in repr(found)
    assert "prior flat" in repr(bayes_best({"a": (1.0, 2.0, 9), "b": (1.0, 1.0, 9)}))
    rates = bayes_rates(3, 50, 1, 50, value=85, cost=0.5, rope=0.01)
    assert "worth 85; cost 0.5." in repr(rates)
    with at.language("zh"):
        assert "每人净收益" in repr(found)
        assert "该组的后验均值" in repr(found)
        assert "net" not in repr(found)
        assert "可以忽略" in repr(rates)


def test_equal_arms_share_the_chance():
    found = bayes_best(dict.fromkeys("abc", (5, 100))).to_dicts()
    assert [row["p_best"] for row in found] == pytest.approx([1 / 3] * 3, abs=1e-12)


def test_two_arms_agree_with_the_pair():
    row = bayes_rates(120, 1000, 100, 1000).to_dicts()[0]
    sms, holdout = bayes_best({"sms": (120, 1000), "holdout": (100, 1000)}).to_dicts()
    assert (sms["p_best"], sms["expected_loss"]) == pytest.approx((row["p_better"], row["loss_treatment"]), abs=1e-12)
    assert holdout["expected_loss"] == pytest.approx(row["loss_control"], abs=1e-12)
    money = bayes_rates(120, 1000, 100, 1000, value=85, cost=0.5).to_dicts()[0]
    sms, _ = bayes_best(
        {"sms": (120, 1000), "holdout": (100, 1000)}, value=85, costs={"sms": 0.5, "holdout": 0}
    ).to_dicts()
    assert (sms["p_best"], sms["expected_loss"]) == pytest.approx((money["p_pays"], money["loss_treatment"]), abs=1e-10)
    assert sms["net"] == pytest.approx(85 * 121 / 1002 - 0.5)


def test_many_means():
    arms = {"holdout": (2.6, 29.0, 1000), "sms": (4.1, 38.0, 9000), "push": (4.0, 37.0, 8000)}
    rows = bayes_best(arms, direction="down").to_dicts()
    assert sum(row["p_best"] for row in rows) == pytest.approx(1.0, abs=1e-12)
    assert rows[0]["p_best"] > 0.85
    draws = np.random.default_rng(1).normal(
        [2.6, 4.1, 4.0], [29 / 1000**0.5, 38 / 9000**0.5, 37 / 8000**0.5], (200_000, 3)
    )
    assert rows[2]["p_best"] == pytest.approx((draws.argmin(axis=1) == 2).mean(), abs=0.003)


def test_the_display_says_what_it_is():
    found = bayes_rates(3, 500, 0, 500)
    assert "A second reading: the verdict does not use it." in repr(found)
    with at.language("zh"):
        assert "第二种读数:结论不采用它。".replace(":", chr(0xFF1A)) in repr(found)
        assert "最好的概率" in repr(bayes_best({"东📱": (1, 2), "<b>": (0, 3)}))
    assert found.recipe.settings["prior"] == "flat: Beta(1, 1)"
    assert repr(found) == repr(bayes_rates(3, 500, 0, 500))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prior": "uniform"}, "prior must be 'flat' or 'jeffreys'"),
        ({"prior": (0, 1)}, "numbers of 0.1 or more"),
        ({"prior": {"treatment": (1, 1)}}, '"treatment" and "control"'),
        ({"value": 5}, "declared together"),
        ({"value": 0, "cost": 1}, "value must not be 0"),
        ({"rope": (1, 0)}, "rope must be"),
        ({"direction": "left"}, "direction must be"),
        ({"level": 95}, "level"),
        ({"sensitivity": {"x": "y"}}, "sensitivity"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises(InputError, match=said):
        bayes_rates(3, 50, 1, 50, **options)


@pytest.mark.parametrize(
    ("arms", "options", "said"),
    [
        ({"a": (1, 2)}, {}, "at least two arms"),
        ({"a": (1, 2), "b": (1.0, 2.0, 3)}, {}, "every arm must be"),
        ({"a": (3, 2), "b": (1, 2)}, {}, "must not exceed"),
        ({"a": (1.0, 0.0, 9), "b": (1.0, 1.0, 9)}, {}, "two persons that differ"),
        ({"a": (1, 2), "b": (1, 2)}, {"value": 2, "costs": {"a": 1}}, "costs must name every arm"),
        ({"a": (1, 2), "b": (1, 2)}, {"value": 2}, "declared together"),
        ({"a": (1, 2), "b": (1, 2)}, {"prior": {"treatment": (1, 1), "control": (5, 5)}}, "one for all arms"),
    ],
)
def test_bad_arms(arms, options, said):
    with pytest.raises(InputError, match=said):
        bayes_best(arms, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"prior": "skeptical"}, "needs relevant="), ({"prior": (0, 0)}, "above 0"), ({"relevant": 0}, "other than 0"),
     ({"prior": "sceptic"}, "one of 'flat'")],
)  # fmt: skip
def test_bad_effect_priors(options, said):
    with pytest.raises(InputError, match=said):
        bayes_means(1.0, 1.0, 10, 0.0, 1.0, 10, **options)
