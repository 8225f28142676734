"""Campaigns whose truth is known: who would return under which arm, and at what cost."""

from __future__ import annotations

from experiments.simulate.campaign import Campaign, simulate

__all__ = ["Campaign", "simulate"]
