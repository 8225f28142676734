"""Verdict words against their chance by the truth, and findings of clean campaigns against their stated rate."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from statistical.false_alarms import count
from statistical.verdict_shares import WORDS, shares

_APPROXIMATION = 0.03  # the chances are normal approximations; at 50 woken an arm they are this good


def _check(table, seeds):
    cells = len(table) * (len(WORDS) + 1)
    alpha = 0.01 / cells / 2
    for name, cell in table.items():
        for word in WORDS:
            chance = cell["chance"][word] / seeds
            low = binom.ppf(alpha, seeds, max(0.0, chance - _APPROXIMATION))
            high = binom.isf(alpha, seeds, min(1.0, chance + _APPROXIMATION))
            assert low <= cell["unadjusted"][word] <= high, (name, word, cell["unadjusted"][word], low, high)
        assert cell["held"] >= binom.ppf(alpha, seeds, 0.95), (name, cell["held"])
        # Holm only ever takes a decision back.
        assert cell["adjusted"]["PASS"] <= cell["unadjusted"]["PASS"]
        assert cell["adjusted"]["FAIL"] <= cell["unadjusted"]["FAIL"]


def test_words_agree_with_the_power_of_the_truth_over_a_few_seeds():
    table = shares(range(10), 20_000)
    assert len(table) == 9
    _check(table, 10)


@pytest.mark.parametrize("scenario", ["default", "null"])
def test_clean_campaigns_are_silent(scenario):
    counts, loud, words = count(range(12), 1_000, scenario)
    # The simulated margins are skewed in truth, and the readout says what that does to Welch's interval: no alarm.
    true = ("outcomes and readout", "HEAVY_TAIL", "warn")
    assert {seed: found for seed, found in loud.items() if found != [true]} == {}
    assert sum(words.values()) == 12 * 9
    assert counts["outcomes and readout", "SRM", "pass"] == 12
    assert counts["outcomes and readout", "LEAKAGE", "pass"] == 12


@pytest.mark.statistical
def test_words_agree_with_the_power_of_the_truth_over_200_seeds():
    _check(shares(range(200), 20_000), 200)


@pytest.mark.statistical
def test_clean_campaigns_alarm_at_the_stated_rate_over_1000_seeds():
    """All probabilistic findings of one report share a family-wise 1e-3; nothing else may speak up at all."""
    _, loud, _ = count(range(1_000), 2_000)
    assert {code for noisy in loud.values() for _, code, _ in noisy} <= {"SRM", "SRM_STRATA"}
    assert len(loud) <= binom.isf(0.01, 1_000, 0.001)
