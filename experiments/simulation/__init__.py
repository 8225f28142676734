"""Campaigns whose truth is known: who would return under which arm, and at what cost."""

from __future__ import annotations

from experiments.simulation.campaign import Campaign, simulate
from experiments.simulation.expectation import expected_verdicts
from experiments.simulation.silences import SimulatedActs, simulate_acts

__all__ = ["Campaign", "SimulatedActs", "expected_verdicts", "simulate", "simulate_acts"]
