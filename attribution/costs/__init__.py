"""Price lists: what a touch costs, and the lump sums that no touch costs.

A price row says what one unit of a channel costs and what the unit is (its basis). A touch costs the sum over the rows
of its channel whose basis applies to it. What has no price is an error, never 0.
"""

from attribution.costs.prices import BASES, Price, PriceList, fixed_costs, read_prices
from attribution.costs.pricing import price_touches
from attribution.costs.rates import KINDS, touch_costs

__all__ = ["BASES", "KINDS", "Price", "PriceList", "fixed_costs", "price_touches", "read_prices", "touch_costs"]
