"""Campaigns whose truth is known: who would return under which arm, and at what cost."""

from __future__ import annotations

from experiments.simulation.base import SimulatedActs, simulate_acts
from experiments.simulation.campaign import Campaign, simulate
from experiments.simulation.expectation import expected_verdicts

__all__ = ["Campaign", "SimulatedActs", "expected_verdicts", "simulate", "simulate_acts"]
