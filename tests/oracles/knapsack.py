"""The best choice of at most one arm per segment within a budget, by trying all of them."""

from __future__ import annotations

from itertools import product


def best(options, budget):
    """Value and cost of the best choice; options: one list of (cost, value) per segment."""
    found = (0.0, 0.0)
    for picked in product(*[[(0.0, 0.0), *segment] for segment in options]):
        cost, value = sum(one for one, _ in picked), sum(one for _, one in picked)
        if cost <= budget and value > found[0]:
            found = (value, cost)
    return found
