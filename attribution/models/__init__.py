"""Models: how the credit of one conversion is divided among its touches."""

from attribution.models.decay import TimeDecay
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.models.protocol import Model
from attribution.models.registry import RULE_MODELS, resolve_models

__all__ = ["RULE_MODELS", "FirstTouch", "LastTouch", "Linear", "Model", "PositionBased", "TimeDecay", "resolve_models"]
