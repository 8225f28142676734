"""One row per assigned person: what happened to them inside their window, and what was spent on them."""

from experiments.outcomes.build import build_outcomes
from experiments.outcomes.result import Outcomes

__all__ = ["Outcomes", "build_outcomes"]
