"""Every assignment that could have been made, one by one: what an imbalance of columns can be by chance."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def every_difference(values, size, treated):
    """Differences of means of all splits of clusters (rows of totals and their sizes) with so many treated clusters."""
    values, size = np.asarray(values, float), np.asarray(size, float)
    found = []
    for chosen in combinations(range(len(values)), treated):
        arm = np.zeros(len(values), bool)
        arm[list(chosen)] = True
        found.append(values[arm].sum(0) / size[arm].sum() - values[~arm].sum(0) / size[~arm].sum())
    return np.array(found)
