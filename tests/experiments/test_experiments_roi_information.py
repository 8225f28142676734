"""The value of information: R's integration, a simulation of the decision, the best size, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import mpmath
import pytest

import experiments as ex
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from attribution.core.language import language
from experiments.roi.information import normal_loss, value_of_information
from experiments.roi.verdicts import Verdict, no_holdout
from oracles.information_value import simulated_worth

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "references/information/r_information.json").read_text(encoding="utf-8")
)


def net(value=0.1, error=0.1, n=10_000):
    return Estimate(value=value, low=value - 2 * error, high=value + 2 * error, standard_error=error, n=n)


@pytest.mark.parametrize("case", REFERENCE["expected"], ids=lambda case: f"{case['mean']}-{case['error']}-{case['n']}")
def test_worth_is_the_integral_over_what_could_be_believed(case):
    found = value_of_information(
        net(case["mean"], case["error"]), persons=REFERENCE["inputs"]["persons"], sizes=[case["n"]]
    )
    row = found.to_dicts()[0]
    tolerance = {"rel": REFERENCE["rtol"], "abs": REFERENCE["atol"]}
    assert row["worth"] == pytest.approx(case["worth"], **tolerance)
    assert found.perfect == pytest.approx(case["perfect"], **tolerance)
    assert row["chance_of_change"] == pytest.approx(case["chance"], rel=1e-10)


@pytest.mark.parametrize("distance", [0.0, 0.3, 2.0, 4.9, 5.1, 8.0, 20.0, -1.5, -8.0])
def test_the_loss_keeps_its_digits_far_out(distance):
    with mpmath.workdps(60):
        d = mpmath.mpf(distance)
        exact = mpmath.npdf(d) - d * mpmath.erfc(d / mpmath.sqrt(2)) / 2
    assert normal_loss(distance) == pytest.approx(float(exact), rel=1e-12)


def test_worth_and_chance_are_those_of_decisions_lived_through():
    draws, estimate = 60_000, net(0.08, 0.1)
    found = value_of_information(estimate, persons=1_000, sizes=[5_000]).to_dicts()[0]
    worth, changed = simulated_worth(0.08, 0.1, 0.1**2 * 10_000, n=5_000, persons=1_000, draws=draws, seed=1)
    # Gains of a changed decision have a standard deviation of about 100; their share is about 8 %.
    assert found["worth"] == pytest.approx(worth, abs=5 * 60 * math.sqrt(0.1 / draws))
    assert found["chance_of_change"] == pytest.approx(changed, abs=5 * math.sqrt(0.08 / draws))


def test_the_best_size_beats_its_neighbours_and_every_other():
    found = value_of_information(net(), persons=500_000, cost_per_person=0.02, sizes=[1])

    def gain(n):
        return value_of_information(net(), persons=500_000, cost_per_person=0.02, sizes=[n]).to_dicts()[0]["gain"]

    assert found.best_gain == pytest.approx(gain(found.best_n), rel=1e-12)
    others = [found.best_n + step for step in (-1000, -10, 10, 1000)] + [100, 1_000, 10_000, 100_000, 1_000_000]
    assert all(gain(n) <= found.best_gain for n in others)


def test_no_size_is_worth_a_high_price_and_free_persons_have_no_best_size():
    dear = value_of_information(net(), persons=1_000, cost_per_person=5.0)
    assert (dear.best_n, dear.best_gain) == (0, 0.0)
    assert "decide now" in repr(dear)
    free = value_of_information(net(), persons=1_000)
    assert (free.best_n, free.best_gain) == (None, None)
    assert "costs nothing" in repr(free)
    # More persons for nothing do not help where the experiment as such costs more than perfect information is worth.
    fixed = value_of_information(net(), persons=1_000, fixed_cost=free.perfect * 1.001)
    assert (fixed.best_n, fixed.best_gain) == (0, 0.0)
    assert "decide now" in repr(fixed)
    assert value_of_information(net(), persons=1_000, fixed_cost=free.perfect * 0.999).best_n is None
    # A fixed cost above what perfect information is worth rules out every size.
    assert value_of_information(net(), persons=1_000, cost_per_person=1e-6, fixed_cost=1e3).best_n == 0


def test_worth_rises_with_size_and_stays_below_perfect_information():
    found = value_of_information(net(-0.05), persons=10_000, sizes=[10, 1_000, 100_000, 10**7, 10**9])
    worth = [row["worth"] for row in found.to_dicts()]
    assert worth == sorted(worth)
    assert worth[-1] == pytest.approx(found.perfect, rel=1e-4)
    assert (found.decision, found.expected) == ("stop", 0.0)


def test_a_prior_moves_the_belief_and_a_larger_holdout_the_noise():
    found = value_of_information(net(0.1, 0.1), persons=1_000, prior=(0.0, 0.1)).recipe.settings
    assert (found["mean"], found["spread"]) == pytest.approx((0.05, 0.1 / math.sqrt(2)))
    even = value_of_information(net(), persons=1_000, sizes=[1_000], control_share=0.1, new_control_share=0.5)
    larger = value_of_information(net(), persons=1_000, sizes=[round(1_000 * 0.25 / 0.09)])
    # At equal shares a person tells 25/9 times what one tells at a holdout of a tenth.
    assert even.to_dicts()[0]["worth"] == pytest.approx(larger.to_dicts()[0]["worth"], rel=1e-3)


def test_a_verdict_carries_its_own_belief():
    verdict = Verdict(word="INCONCLUSIVE", net_benefit=net())
    assert value_of_information(verdict, persons=9).to_dicts() == value_of_information(net(), persons=9).to_dicts()
    with language("zh"):
        assert "推广" in repr(value_of_information(verdict, persons=9, cost_per_person=1.0))
    assert isinstance(value_of_information(verdict, persons=9), ex.InformationValue)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (no_holdout(), {"persons": 10}, "NO_HOLDOUT"),
        (Verdict(word="INVALID", reason="SRM", net_benefit=net()), {"persons": 10}, "SRM"),
        (0.1, {"persons": 10}, "Verdict or an Estimate"),
        (Estimate(value=None, note="X"), {"persons": 10}, "standard error"),
        (net(), {"persons": 0}, "persons must be a whole number"),
        (net(), {"persons": 2.5}, "persons must be a whole number"),
        (net(), {"persons": 10, "sizes": []}, "sizes must be a list"),
        (net(), {"persons": 10, "sizes": [0]}, "sizes must be a whole number"),
        (net(), {"persons": 10, "prior": (0.0, 0.0)}, "prior must be"),
        (net(), {"persons": 10, "cost_per_person": -1.0}, "cost_per_person"),
        (net(), {"persons": 10, "fixed_cost": math.nan}, "fixed_cost"),
        (net(), {"persons": 10, "new_control_share": 0.5}, "needs control_share"),
        (net(), {"persons": 10, "control_share": 1.5}, "strictly between 0 and 1"),
    ],
)
def test_what_cannot_be_answered_is_refused(given, options, message):
    with pytest.raises(InputError, match=message):
        value_of_information(given, **options)
