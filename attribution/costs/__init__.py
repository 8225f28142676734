"""Price lists: what a touch costs, and the lump sums that no touch costs.

A price row says what one unit of a channel costs and what the unit is (its basis). A touch costs the sum over the rows
of its channel whose basis applies to it. What has no price is an error, never 0.
"""

from attribution.costs.channel_spend import ChannelSpend, channel_spend
from attribution.costs.prices import BASES, Price, PriceList, fixed_costs, read_prices, refuse_incentives
from attribution.costs.pricing import price_touches
from attribution.costs.rates import KINDS, touch_costs
from attribution.costs.segments import sms_segments

__all__ = [
    "BASES", "KINDS", "ChannelSpend", "Price", "PriceList",
    "channel_spend", "fixed_costs", "price_touches", "read_prices", "refuse_incentives", "sms_segments", "touch_costs",
]  # fmt: skip
