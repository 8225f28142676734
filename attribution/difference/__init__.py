"""Why two credits of the same tables differ, rule by rule."""

from attribution.difference.explain import Difference, explain_difference
from attribution.difference.steps import STEPS

__all__ = ["STEPS", "Difference", "explain_difference"]
