"""Credit: weights times conversions, rolled up, exported and explained."""

from attribution.credit.attribute import attribute
from attribution.credit.credit import Credit

__all__ = ["Credit", "attribute"]
