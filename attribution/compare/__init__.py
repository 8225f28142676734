"""How far models disagree, which journeys carry the difference, and what each model asks one to believe."""

from attribution.compare.comparison import ModelComparison, compare_models

__all__ = ["ModelComparison", "compare_models"]
