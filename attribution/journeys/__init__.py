"""Journeys: the checked plan that joins touches to conversions, and flat arrays made from it on demand."""

from attribution.journeys.arrays import JourneyArrays
from attribution.journeys.build import build_journeys
from attribution.journeys.plan import Journeys

__all__ = ["JourneyArrays", "Journeys", "build_journeys"]
