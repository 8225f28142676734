"""Clean campaigns raise no alarm, beyond the stated chance: in everything that looks for trouble."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from statistical.scenario_alarms import alarms


def test_thirty_clean_campaigns_raise_no_alarm():
    by_chance, other, counts = alarms(range(30), 2_000)
    assert other == {}
    assert len(by_chance) <= binom.isf(0.001, 30, 0.002)
    # What the margins of few customers are is said: the checks do run.
    assert counts["trust", "HEAVY_TAIL", "warn"] > 0


@pytest.mark.parametrize("scenario", ["null", "market_rally", "adaptive_resend"])
def test_scenarios_without_a_flaw_raise_no_alarm(scenario):
    by_chance, other, _ = alarms(range(2), 2_000, scenario)
    assert (by_chance, other) == ({}, {})


@pytest.mark.statistical
@pytest.mark.parametrize("scenario", ["default", "null"])
def test_a_thousand_clean_campaigns_raise_at_most_five_alarms(scenario):
    """Each report states 1 in 1,000 for its readout; balance and days share it within the panel."""
    by_chance, other, _ = alarms(range(1_000), 2_000, scenario)
    assert other == {}
    assert len(by_chance) <= 5
